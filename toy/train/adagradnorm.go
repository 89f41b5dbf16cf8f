package train

import (
	"math"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/registry"
)

// AdaGradNorm holds the settings of gradient descent whose steps shrink with the norms of all gradients so far: H += |g|^2, then
// theta -= lr g / sqrt(H), H starting at 0, so that the first step is as long as the learning rate.
type AdaGradNorm struct {
	LR float64 `yaml:"lr" range:"(0,1e6]" doc:"learning rate, the length of the first step"`
}

func (p *AdaGradNorm) Optimizer(int) Optimizer { return &adaGradNorm{*p, []float64{0}} }

type adaGradNorm struct {
	AdaGradNorm
	root []float64 // sqrt(H), which does not overflow where H does
}

// Step moves all parameters; while all gradients are 0 none.
func (a *adaGradNorm) Step(params, grad []float64, factor float64) {
	if a.root[0] = math.Hypot(a.root[0], floats.Norm(grad, 2)); a.root[0] > 0 {
		for i, g := range grad {
			params[i] -= a.LR * factor * (g / a.root[0])
		}
	}
}

func (a *adaGradNorm) State() [][]float64 { return [][]float64{a.root} }

var adaGradNormKind = registry.Kind[OptimizerParams]{
	Name:    "adagrad-norm",
	Summary: "gradient descent by lr over the root of the sum of all gradients' squared norms",
	Source:  "Ward, Wu, Bottou 2018, arXiv 1806.01811",
	New:     func() OptimizerParams { return &AdaGradNorm{LR: 1} },
}
