package train

import (
	"math"
	"reflect"

	"windtunnel/toy/registry"
)

// Optimizer turns gradients into parameter steps. It holds its own state and allocates nothing a step.
type Optimizer interface {
	// Step moves params against grad; factor multiplies the learning rate (the schedule). grad may be overwritten.
	Step(params, grad []float64, factor float64)
	// State returns the memory that the optimizer carries from step to step, nil if it has none. It is the live memory:
	// a checkpoint is a copy of it, and resuming writes the copy back.
	State() [][]float64
}

// OptimizerParams are the parameters of one kind of optimizer.
type OptimizerParams interface {
	// Optimizer returns a fresh optimizer for n parameters.
	Optimizer(n int) Optimizer
}

// Optimizers lists every optimizer, sorted by name.
func Optimizers() registry.Table[OptimizerParams] {
	return registry.Table[OptimizerParams]{
		adaGradNormKind,
		adamKind,
		adamWKind,
		momentumKind,
		newtonKind,
		rmspropKind,
		sgdKind,
	}
}

// LearningRate returns the learning rate of an optimizer, before the schedule; every kind has one.
func LearningRate(p OptimizerParams) float64 {
	return reflect.Indirect(reflect.ValueOf(p)).FieldByName("LR").Float()
}

// SGD holds the settings of plain gradient descent, theta -= lr (g + weight_decay theta).
type SGD struct {
	LR          float64 `yaml:"lr" range:"(0,1e6]" doc:"learning rate"`
	WeightDecay float64 `yaml:"weight_decay" range:"[0,1e6]" doc:"times the parameter, added to its gradient"`
}

func (p *SGD) Optimizer(int) Optimizer { return sgd{*p} }

type sgd struct{ SGD }

func (s sgd) Step(params, grad []float64, factor float64) {
	lr := s.LR * factor
	for i, theta := range params {
		params[i] -= lr * (grad[i] + s.WeightDecay*theta)
	}
}

// stepSparse moves the parameters of the support, those whose gradient is not 0, where there is no weight decay.
func (s sgd) stepSparse(params, grad []float64, support []int, factor float64) {
	lr := s.LR * factor
	for _, i := range support {
		params[i] -= lr * grad[i]
	}
}

func (s sgd) State() [][]float64 { return nil }

var sgdKind = registry.Kind[OptimizerParams]{
	Name:    "sgd",
	Summary: "gradient descent; with a tabular policy a step costs O(batch), whatever the number of responses",
	Source:  "Robbins and Monro 1951",
	New:     func() OptimizerParams { return &SGD{LR: 1e-1} },
}

// Momentum holds the settings of gradient descent with heavy-ball or Nesterov momentum, as torch.optim.SGD computes
// it: b = momentum b + g (b = g at first), theta -= lr b, or lr (g + momentum b) for Nesterov's.
type Momentum struct {
	LR          float64 `yaml:"lr" range:"(0,1e6]" doc:"learning rate"`
	Momentum    float64 `yaml:"momentum" range:"[0,1)" doc:"decay of the velocity"`
	Nesterov    bool    `yaml:"nesterov" doc:"look ahead along the velocity"`
	WeightDecay float64 `yaml:"weight_decay" range:"[0,1e6]" doc:"times the parameter, added to its gradient"`
}

func (p *Momentum) Optimizer(n int) Optimizer {
	return &momentum{Momentum: *p, velocity: make([]float64, n)}
}

type momentum struct {
	Momentum
	velocity []float64
}

// Step moves all parameters. The velocity starts at 0, which makes the first one equal to the gradient.
func (m *momentum) Step(params, grad []float64, factor float64) {
	lr, mu := m.LR*factor, m.Momentum.Momentum
	for i, theta := range params {
		g := grad[i] + m.WeightDecay*theta
		m.velocity[i] = mu*m.velocity[i] + g
		if m.Nesterov {
			params[i] -= lr * (g + mu*m.velocity[i])
		} else {
			params[i] -= lr * m.velocity[i]
		}
	}
}

func (m *momentum) State() [][]float64 { return [][]float64{m.velocity} }

var momentumKind = registry.Kind[OptimizerParams]{
	Name:    "momentum",
	Summary: "gradient descent with heavy-ball or Nesterov momentum, as PyTorch computes it",
	Source:  "Polyak 1964; Sutskever et al. 2013",
	New:     func() OptimizerParams { return &Momentum{LR: 1e-2, Momentum: 0.9} },
}

// RMSprop holds the settings of RMSprop as torch.optim.RMSprop computes it: v = alpha v + (1-alpha) g^2,
// theta -= lr g/(sqrt(v) + eps).
type RMSprop struct {
	LR          float64 `yaml:"lr" range:"(0,1e6]" doc:"learning rate"`
	Alpha       float64 `yaml:"alpha" range:"[0,1)" doc:"decay of the mean of squared gradients"`
	Eps         float64 `yaml:"eps" range:"(0,1]" doc:"added to the root of the second moment"`
	WeightDecay float64 `yaml:"weight_decay" range:"[0,1e6]" doc:"times the parameter, added to its gradient"`
}

func (p *RMSprop) Optimizer(n int) Optimizer {
	return &rmsprop{RMSprop: *p, square: make([]float64, n)}
}

type rmsprop struct {
	RMSprop
	square []float64
}

func (r *rmsprop) Step(params, grad []float64, factor float64) {
	lr := r.LR * factor
	for i, theta := range params {
		g := grad[i] + r.WeightDecay*theta
		r.square[i] = r.Alpha*r.square[i] + (1-r.Alpha)*g*g
		params[i] -= lr * g / (math.Sqrt(r.square[i]) + r.Eps)
	}
}

func (r *rmsprop) State() [][]float64 { return [][]float64{r.square} }

var rmspropKind = registry.Kind[OptimizerParams]{
	Name:    "rmsprop",
	Summary: "RMSprop, as PyTorch computes it",
	Source:  "Tieleman and Hinton 2012, lecture 6.5",
	New:     func() OptimizerParams { return &RMSprop{LR: 1e-2, Alpha: 0.99, Eps: 1e-8} },
}
