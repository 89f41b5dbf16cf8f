package train

import (
	"math"

	"windtunnel/toy/registry"
)

// Adam holds the settings of Adam as PyTorch's torch.optim.Adam computes it (Kingma and Ba, arXiv 1412.6980,
// algorithm 1); weight decay is added to the gradient.
type Adam struct {
	LR          float64 `yaml:"lr" range:"(0,1e6]" doc:"learning rate"`
	Beta1       float64 `yaml:"beta1" range:"[0,1)" doc:"decay of the mean of gradients"`
	Beta2       float64 `yaml:"beta2" range:"[0,1)" doc:"decay of the mean of squared gradients"`
	Eps         float64 `yaml:"eps" range:"(0,1]" doc:"added to the root of the second moment"`
	WeightDecay float64 `yaml:"weight_decay" range:"[0,1e6]" doc:"times the parameter, added to its gradient"`
}

func (p *Adam) Optimizer(n int) Optimizer { return newAdam(*p, n) }

// AdamW holds the settings of Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101).
type AdamW struct {
	LR          float64 `yaml:"lr" range:"(0,1e6]" doc:"learning rate"`
	Beta1       float64 `yaml:"beta1" range:"[0,1)" doc:"decay of the mean of gradients"`
	Beta2       float64 `yaml:"beta2" range:"[0,1)" doc:"decay of the mean of squared gradients"`
	Eps         float64 `yaml:"eps" range:"(0,1]" doc:"added to the root of the second moment"`
	WeightDecay float64 `yaml:"weight_decay" range:"[0,1e6]" doc:"a step shrinks a parameter by the learning rate times this"`
}

func (p *AdamW) Optimizer(n int) Optimizer {
	a := newAdam(Adam(*p), n)
	a.WeightDecay, a.decoupled = 0, p.WeightDecay
	return a
}

// adam is the state of both.
type adam struct {
	Adam
	decoupled    float64    // AdamW's decay
	mean, square []float64  // running means of the gradient and its square
	power        [2]float64 // Beta1^t, Beta2^t
}

func newAdam(settings Adam, n int) *adam {
	return &adam{Adam: settings, mean: make([]float64, n), square: make([]float64, n), power: [2]float64{1, 1}}
}

// Step follows PyTorch's order of operations: theta -= lr/(1-b1^t) * m / (sqrt(v)/sqrt(1-b2^t) + eps).
func (a *adam) Step(params, grad []float64, factor float64) {
	a.power[0] *= a.Beta1
	a.power[1] *= a.Beta2
	lr := a.LR * factor
	step, root := lr/(1-a.power[0]), 1/math.Sqrt(1-a.power[1])
	beta1, beta2, eps, decay, shrink := a.Beta1, a.Beta2, a.Eps, a.WeightDecay, 1-lr*a.decoupled
	mean, square := a.mean[:len(params)], a.square[:len(params)]
	grad = grad[:len(params)]
	for i, theta := range params {
		g := grad[i] + decay*theta
		m := beta1*mean[i] + (1-beta1)*g
		v := beta2*square[i] + (1-beta2)*g*g
		mean[i], square[i] = m, v
		params[i] = theta*shrink - step*m/(math.Sqrt(v)*root+eps)
	}
}

func (a *adam) State() [][]float64 { return [][]float64{a.mean, a.square, a.power[:]} }

var adamKind = registry.Kind[OptimizerParams]{
	Name:    "adam",
	Summary: "Adam, as PyTorch computes it",
	Source:  "Kingma and Ba 2014, arXiv 1412.6980, alg. 1",
	New:     func() OptimizerParams { return &Adam{LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8} },
}

var adamWKind = registry.Kind[OptimizerParams]{
	Name:    "adamw",
	Summary: "Adam with decoupled weight decay",
	Source:  "Loshchilov and Hutter 2017, arXiv 1711.05101",
	New: func() OptimizerParams {
		return &AdamW{LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 1e-2}
	},
}
