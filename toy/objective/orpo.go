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
	return OnPairs(&Margin{Lambda: 1, Factor: p.Lambda, Outer: Logistic{}, Link: LogOdds{}, ReferenceFree: true, Length: AveragedLogps}).
		And(1, likelihood())
}

// surest is the log-probability nearest to 0 that LogOdds tells from 0: at probability 1 the odds are infinite.
const surest = -1e-150

// LogOdds is the link x - log(1 - e^x) for x <= 0, log-probabilities; above -1e-150 it is flat.
type LogOdds struct{}

var _ Invertible = LogOdds{}

// Value writes x - log(1 - e^x).
func (LogOdds) Value(x, dst []float64) {
	for i, v := range x {
		v = min(v, surest)
		dst[i] = v - logspace.Log1mExp(v)
	}
}

// Slope writes 1/(1 - e^x).
func (LogOdds) Slope(x, dst []float64) {
	for i, v := range x {
		dst[i] = 0
		if v <= surest {
			dst[i] = -1 / math.Expm1(v)
		}
	}
}

// Curve writes e^x/(1 - e^x)^2.
func (LogOdds) Curve(x, dst []float64) {
	for i, v := range x {
		dst[i] = 0
		if v <= surest {
			dst[i] = math.Exp(v) / math.Expm1(v) / math.Expm1(v)
		}
	}
}

// Inverse returns log sigmoid(t).
func (LogOdds) Inverse(t float64) float64 { return logspace.LogSigmoid(t) }

// Range is everything.
func (LogOdds) Range() (low, high float64) { return math.Inf(-1), math.Inf(1) }

var orpoKind = kindOf("orpo", "orpo/orpo", ORPO{Lambda: defaultLambda},
	"the likelihood of the chosen response and -lambda log sigmoid of the log odds ratio, no reference",
	"Hong et al. 2024, arXiv 2403.07691, eqs. 6 and 7")
