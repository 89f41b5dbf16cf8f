package objective

import (
	"math"

	"windtunnel/toy/logspace"
	"windtunnel/toy/registry"
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
	return OnPairs(&Margin{Lambda: p.Lambda, Factor: 1, Outer: gpoFunction(p.Function)})
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
			s, r := logspace.Sigmoid(z), logspace.Sigmoid(-z)
			return r * r, -2 * s * r * r, 2 * s * r * r * (2*s - r)
		}}
	}
	return Logistic{}
}

var gpoKind = registry.Kind[Params]{
	Name:    "gpo",
	Summary: "a convex function of lambda u, u the logratio margin: logistic, hinge, square, exponential, ...",
	Source:  "Tang et al. 2024, arXiv 2402.05749, table 1",
	New:     func() Params { return &GPO{Lambda: defaultLambda, Function: "truncated-square"} },
}

// Hinge holds the parameters of the hinge loss max(0, 1 - z) of SLiC-HF (Zhao et al., arXiv 2305.10425) and
// RSO (Liu et al., arXiv 2309.06657), z = lambda (g(x_w) - g(x_l)), x the log-ratio.
type Hinge struct {
	Lambda     float64    `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength; 1/lambda is the margin asked for"`
	Divergence Divergence `yaml:",inline"`
}

// Objective returns the loss.
func (p *Hinge) Objective() *Objective {
	return OnPairs(&Margin{Lambda: p.Lambda, Factor: 1, Outer: hinge, Link: p.Divergence.link()})
}

var hingeKind = registry.Kind[Params]{
	Name:    "hinge",
	Aliases: []string{"slic"},
	Summary: "SLiC: max(0, 1 - lambda u), u the logratio margin",
	Source:  "Zhao et al. 2023, arXiv 2305.10425; Liu et al. 2023, arXiv 2309.06657",
	TRL:     "dpo/hinge",
	New:     func() Params { return &Hinge{Lambda: defaultLambda, Divergence: reverseKL} },
}

// IPO holds the parameters of identity preference optimization, (u - 1/(2 lambda))^2 with u = g(x_w)/n_w - g(x_l)/n_l the
// margin of the log-ratios x per token (Azar et al., arXiv 2310.12036, equation 17; TRL averages over tokens), or the margin
// of whole responses, n = 1, as in the paper.
type IPO struct {
	Lambda     float64    `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, IPO's tau"`
	Length     string     `yaml:"length" oneof:"averaged,summed" doc:"averaged divides each response's log-ratio by its tokens, as TRL does; summed does not"`
	Divergence Divergence `yaml:",inline"`
}

// Objective returns the loss, written as (lambda u - 1/2)^2 / lambda^2: its minimizer in lambda u does not move with
// lambda. An empty Length is averaged.
func (p *IPO) Objective() *Objective {
	length := AveragedRewards
	switch p.Length {
	case "", "averaged":
	case "summed":
		length = Summed
	default:
		unknownWord("length", p.Length)
	}
	return OnPairs(&Margin{Lambda: p.Lambda, Factor: 1 / (p.Lambda * p.Lambda), Outer: Square{Target: 0.5},
		Link: p.Divergence.link(), Length: length})
}

var ipoKind = registry.Kind[Params]{
	Name:    "ipo",
	Summary: "identity preference optimization: (u - 1/(2 lambda))^2, u the logratio margin per token",
	Source:  "Azar et al. 2023, arXiv 2310.12036, eq. 17",
	TRL:     "dpo/ipo",
	New:     func() Params { return &IPO{Lambda: defaultLambda, Length: "averaged", Divergence: reverseKL} },
}
