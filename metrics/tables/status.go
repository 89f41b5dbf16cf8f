package tables

// Statuses of runs that arise neither in training nor in the exact solver.
const (
	Failed = "failed" // the run broke or exceeded a limit; a minimizer that does not exist is a result, not a failure
	Given  = "exact"  // the policy is known without training
)
