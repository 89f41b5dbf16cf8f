package tables

import "windtunnel/toy/train"

// Statuses of runs beside those of training and of the exact solver.
const (
	Failed = "failed"            // the run broke or exceeded a limit; a minimizer that does not exist is a result, not a failure
	Given  = string(train.Given) // the policy is known without training
)
