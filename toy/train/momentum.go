package train

import "windtunnel/toy/registry"

// Momentum holds the settings of gradient descent with heavy-ball or Nesterov momentum, as torch.optim.SGD computes
// it: b = momentum b + g (b = g at first), theta -= lr b, or lr (g + momentum b) for Nesterov's.
type Momentum struct {
	LR          float64 `yaml:"lr" range:"(0,1e6]" doc:"learning rate"`
	Momentum    float64 `yaml:"momentum" range:"[0,1)" doc:"decay of the velocity"`
	Nesterov    bool    `yaml:"nesterov" doc:"look ahead along the velocity"`
	WeightDecay float64 `yaml:"weight_decay" range:"[0,1e6]" doc:"times the parameter, added to its gradient"`
}

// Optimizer returns a fresh optimizer.
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

// State returns the velocity.
func (m *momentum) State() [][]float64 { return [][]float64{m.velocity} }

var momentumKind = registry.Kind[OptimizerParams]{
	Name:    "momentum",
	Summary: "gradient descent with heavy-ball or Nesterov momentum, as PyTorch computes it",
	Source:  "Polyak 1964; Sutskever et al. 2013",
	New:     func() OptimizerParams { return &Momentum{LR: 1e-2, Momentum: 0.9} },
}
