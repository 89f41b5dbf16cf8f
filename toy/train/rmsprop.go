package train

import (
	"math"

	"windtunnel/toy/registry"
)

// RMSprop holds the settings of RMSprop as torch.optim.RMSprop computes it: v = alpha v + (1-alpha) g^2,
// theta -= lr g/(sqrt(v) + eps).
type RMSprop struct {
	LR          float64 `yaml:"lr" range:"(0,1e6]" doc:"learning rate"`
	Alpha       float64 `yaml:"alpha" range:"[0,1)" doc:"decay of the mean of squared gradients"`
	Eps         float64 `yaml:"eps" range:"(0,1]" doc:"added to the root of the second moment"`
	WeightDecay float64 `yaml:"weight_decay" range:"[0,1e6]" doc:"times the parameter, added to its gradient"`
}

// Optimizer returns a fresh optimizer.
func (p *RMSprop) Optimizer(n int) Optimizer {
	return &rmsprop{RMSprop: *p, square: make([]float64, n)}
}

type rmsprop struct {
	RMSprop
	square []float64
}

// Step moves all parameters.
func (r *rmsprop) Step(params, grad []float64, factor float64) {
	lr := r.LR * factor
	for i, theta := range params {
		g := grad[i] + r.WeightDecay*theta
		r.square[i] = r.Alpha*r.square[i] + (1-r.Alpha)*g*g
		params[i] -= lr * g / (math.Sqrt(r.square[i]) + r.Eps)
	}
}

// State returns the running mean of squares.
func (r *rmsprop) State() [][]float64 { return [][]float64{r.square} }

var rmspropKind = registry.Kind[OptimizerParams]{
	Name:    "rmsprop",
	Summary: "RMSprop, as PyTorch computes it",
	Source:  "Tieleman and Hinton 2012, lecture 6.5",
	New:     func() OptimizerParams { return &RMSprop{LR: 1e-2, Alpha: 0.99, Eps: 1e-8} },
}
