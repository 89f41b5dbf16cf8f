package train

import "windtunnel/toy/registry"

// SGD holds the settings of plain gradient descent, theta -= lr (g + weight_decay theta).
type SGD struct {
	LR          float64 `yaml:"lr" range:"(0,1e6]" doc:"learning rate"`
	WeightDecay float64 `yaml:"weight_decay" range:"[0,1e6]" doc:"times the parameter, added to its gradient"`
}

// Optimizer returns the optimizer, which has no state.
func (p *SGD) Optimizer(int) Optimizer { return sgd{*p} }

type sgd struct{ SGD }

// Step moves all parameters.
func (s sgd) Step(params, grad []float64, factor float64) {
	lr := s.LR * factor
	for i, theta := range params {
		params[i] -= lr * (grad[i] + s.WeightDecay*theta)
	}
}

// StepSparse moves the parameters of the support.
func (s sgd) StepSparse(params, grad []float64, support []int, factor float64) {
	lr := s.LR * factor
	for _, i := range support {
		params[i] -= lr * grad[i]
	}
}

// State is nil.
func (s sgd) State() [][]float64 { return nil }

// Sparse is true without weight decay.
func (s sgd) Sparse() bool { return s.WeightDecay == 0 }

var sgdKind = registry.Kind[OptimizerParams]{
	Name:    "sgd",
	Summary: "gradient descent; with a tabular policy a step costs O(batch), whatever the number of responses",
	Source:  "Robbins and Monro 1951",
	New:     func() OptimizerParams { return &SGD{LR: 1e-1} },
}
