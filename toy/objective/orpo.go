package objective

import (
	"math"

	"windtunnel/toy/logspace"
)

// ORPO holds the parameters of odds ratio preference optimization, with a = log pi(y)/n and odds(a) = e^a/(1-e^a):
//
//	-a_w - lambda log sigmoid(log odds(a_w) - log odds(a_l))
//
// no reference (Hong, Lee, Thorne, arXiv 2403.07691, equations 6 and 7). The first part is the chosen response's negative
// log-likelihood.
type ORPO struct {
	Lambda float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"weight of the odds ratio, ORPO's lambda and TRL's beta"`
}

// Objective returns the two terms.
func (p *ORPO) Objective() *Objective {
	return OnPairs(&Margin{Lambda: 1, Factor: p.Lambda, Outer: Logistic{}, Link: logOdds, ReferenceFree: true, Length: AveragedLogps}).
		And(1, likelihood())
}

// surest is the log-probability nearest to 0 that logOdds tells from 0: at probability 1 the odds are infinite.
const surest = -1e-150

// logOdds is the link x - log(1 - e^x) for x <= 0, log-probabilities; above -1e-150 it is flat.
var logOdds = &bend{low: math.Inf(-1), high: math.Inf(1), inverse: logspace.LogSigmoid,
	Pointwise: Pointwise{At: func(x float64) (value, slope, curve float64) {
		below := min(x, surest)
		e, less := math.Exp(below), math.Expm1(below)
		value = below - math.Log1p(-e)
		if below > -math.Ln2 { // as in logspace.Log1mExp
			value = below - math.Log(-less)
		}
		if x <= surest {
			slope, curve = -1/less, e/less/less
		}
		return value, slope, curve
	}}}
