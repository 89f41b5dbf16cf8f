package train

import "windtunnel/toy/registry"

// Optimizer turns gradients into parameter steps. It holds its own state and allocates nothing a step.
type Optimizer interface {
	// Step moves params against grad; factor multiplies the learning rate (the schedule). grad may be overwritten.
	Step(params, grad []float64, factor float64)
	// State returns the memory that the optimizer carries from step to step, nil if it has none. It is the live memory:
	// a checkpoint is a copy of it, and resuming writes the copy back.
	State() [][]float64
}

// SparseOptimizer is an optimizer that leaves a parameter alone where its gradient is zero, so that a step may visit
// only the parameters that a minibatch touches.
type SparseOptimizer interface {
	Optimizer
	// StepSparse is Step restricted to the given parameter indices.
	StepSparse(params, grad []float64, support []int, factor float64)
	// Sparse says whether the settings allow it (weight decay does not).
	Sparse() bool
}

// OptimizerParams are the parameters of one kind of optimizer.
type OptimizerParams interface {
	// Optimizer returns a fresh optimizer for n parameters.
	Optimizer(n int) Optimizer
}

// Optimizers lists every optimizer, sorted by name.
func Optimizers() registry.Table[OptimizerParams] {
	return registry.Table[OptimizerParams]{
		adamKind,
		adamWKind,
		momentumKind,
		rmspropKind,
		sgdKind,
	}
}
