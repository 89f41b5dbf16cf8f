package objective

import (
	"slices"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/logspace"
)

// Opponent is part of losses of the game of win rates, in which two policies draw a response each and one is preferred (Munos et
// al. 2023, arXiv 2312.00886): whom the policy plays against. The opponent is held back from differentiation.
type Opponent struct {
	Mixture float64 `yaml:"mixture" range:"[0,1]" doc:"the opponent is the geometric mixture pi^(1-mixture) pi_ref^mixture, held back from differentiation: 0 is the policy itself, 1 the reference"`
}

// opponent plays. It keeps scratch and serves one goroutine.
type opponent struct {
	mixture      float64
	policy, wins []float64
}

func (p Opponent) playing() opponent { return opponent{mixture: p.Mixture} }

// holds is true: the opponent is a constant when the loss is differentiated.
func (*opponent) holds() bool { return true }

// winRates returns with what probability each response beats one of the opponent's, until the next call.
func (o *opponent) winRates(d *Dist) []float64 {
	k := len(d.LogRef)
	logPi, q := d.fixed()
	if o.mixture > 0 {
		o.policy = sized(o.policy, k)
		if q = o.policy; o.mixture == 1 { // whatever the policy, infinite log-probabilities included
			logPi = d.LogRef
		}
		for i, l := range logPi {
			q[i] = (1-o.mixture)*l + o.mixture*d.LogRef[i]
		}
		logspace.LogSoftmax(q, q)
		logspace.Exp(q, q)
	}
	o.wins = sized(o.wins, k)
	for i := range o.wins {
		o.wins[i] = floats.Dot(d.Wins[i*k:i*k+k], q)
	}
	return o.wins
}

// fixed returns the policy that terms hold back from differentiation.
func (d *Dist) fixed() (log, p []float64) {
	if d.Held != nil {
		return d.LogHeld, d.Held
	}
	return d.LogPi, d.Pi
}

// Plays says whether some term plays the game of win rates, and so reads Dist.Wins.
func (o *Objective) Plays() bool {
	return slices.ContainsFunc(o.dist, func(t Weighted[DistTerm]) bool {
		_, plays := t.Term.(interface{ winRates(*Dist) []float64 })
		return plays
	})
}

// Game says at what the objective is at rest, where all of it plays one game: only at the policy pi in proportion to
// pi_ref exp(P q/lambda), with P the win rates and q the opponent, pi^(1-mixture) pi_ref^mixture. For the policy itself as opponent
// that is the equilibrium of the game in which both players pay lambda KL(to pi_ref), which is 0 where nothing holds the policy back.
func (o *Objective) Game() (lambda, mixture float64, ok bool) {
	pair, dist := o.Terms()
	if len(pair) > 0 || o.Moving != nil || o.Sampled != nil {
		return 0, 0, false
	}
	gain, penalty := 0.0, 0.0
	for _, t := range dist {
		switch term := t.Term.(type) {
		case *onlineIPO:
			return term.lambda, term.mixture, len(dist) == 1 && t.Weight > 0
		case *winRate:
			if gain != 0 {
				return 0, 0, false
			}
			gain, mixture = t.Weight, term.mixture
		case klPiRef:
			penalty += t.Weight
		default:
			return 0, 0, false
		}
	}
	return penalty / gain, mixture, gain > 0 && penalty >= 0
}
