package tables

import "windtunnel/toy/train"

// Statuses of runs that are written without training; the others are those of toy/train and toy/exact.
const (
	Failed = string(train.Failed)
	Given  = string(train.Given)
)

// Arrived says whether a run of a status has the policy that was asked for; an empty status is that of no run and speaks
// against none. A policy on the boundary of the simplex, or one of several minimizers, is another result.
func Arrived(status string) bool {
	switch status {
	case "", string(train.Done), string(train.Converged), Given:
		return true
	}
	return false
}
