package tables

import (
	"strings"

	"windtunnel/toy/exact"
	"windtunnel/toy/train"
)

// Statuses of runs that are written without training; the others are those of toy/train and toy/exact.
const (
	Failed = string(train.Failed)
	Given  = string(train.Given)
)

// Arrived says whether a run of a status has the policy that was asked for; an empty status is that of no run and speaks
// against none. A policy on the boundary of the simplex, one of several minimizers, the lowest of some local ones and one at which
// the gradient of no loss vanishes are other results, see Qualified, and so are the last policies of rounds that go round or collapse.
func Arrived(status string) bool {
	switch status {
	case "", string(train.Done), string(train.Converged), Given:
		return true
	}
	return false
}

// Qualified says whether a run of a status has a policy that is to be used, and to be marked as what it is.
func Qualified(status string) bool {
	switch exact.Status(status) {
	case exact.NotUnique, exact.Boundary, exact.Local, exact.Stationary, train.Cycle, train.Collapse:
		return true
	}
	return false
}

// NotSettled begins the reason of a run whose training took all its steps, but whose policy was still on its way then, or has not gone
// any.
const NotSettled = "not settled: "

// Settled says whether a run of a reason is none of these.
func Settled(reason string) bool { return !strings.HasPrefix(reason, NotSettled) }
