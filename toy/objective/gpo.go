package objective

import (
	"math"

	"windtunnel/toy/logspace"
)

// GPO holds the parameters of generalized preference optimization, psi(lambda u) with u the logratio margin and psi a
// convex function (Tang et al., arXiv 2402.05749, table 1): logistic is DPO, square (z-1)^2 is IPO, hinge max(0, 1-z) is
// SLiC; also exponential exp(-z), truncated-square max(0, 1-z)^2 and the paper's one function that is not convex,
// savage 1/(1+exp(z))^2. For a function of one's own see the kind custom.
type GPO struct {
	Lambda   float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, the paper's beta"`
	Function string  `yaml:"function" oneof:"logistic,hinge,square,exponential,truncated-square,savage" doc:"psi"`
}

// Objective returns the loss.
func (p *GPO) Objective() *Objective {
	return OnPairs(&Margin{Lambda: p.Lambda, Factor: 1, Outer: gpoFunction(oneOf("function", p.Function, "logistic", "hinge", "square", "exponential", "truncated-square", "savage"))})
}

func gpoFunction(name string) Outer {
	switch name {
	case "hinge":
		return hinge
	case "square":
		return Square{1}
	case "exponential":
		return Pointwise{shape: Shape{Low: Rises, High: Falls, Convexity: Strict, Monotone: true}, At: func(z float64) (value, slope, curve float64) {
			e := math.Exp(-z)
			return e, -e, e
		}}
	case "truncated-square":
		return Pointwise{shape: Shape{Low: Rises, High: Level, Convexity: StrictAtLosses}, At: func(z float64) (value, slope, curve float64) {
			if z < 1 {
				return (1 - z) * (1 - z), -2 * (1 - z), 2
			}
			return 0, 0, 0
		}}
	case "savage":
		return Pointwise{shape: Shape{Low: Saturates, High: Falls, Monotone: true}, At: func(z float64) (value, slope, curve float64) {
			s, r := logspace.Sigmoids(z)
			return r * r, -2 * s * r * r, 2 * s * r * r * (2*s - r)
		}}
	}
	return Logistic{}
}
