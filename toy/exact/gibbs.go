package exact

import (
	"windtunnel/toy/logspace"
	"windtunnel/toy/train"
)

// gibbs minimizes entropy KL(pi to pi_ref) - reward sum pi log pi_star over all policies of a prompt: the minimizer is
// proportional to pi_ref pi_star^(reward/entropy) (Rafailov et al., arXiv 2305.18290, equation 4).
func (s *solver) gibbs(t *task) *result {
	if s.terms.entropy == 0 {
		return s.bareReward(t)
	}
	best := 0
	for k, v := range t.logStar {
		if s.terms.reward*v > s.terms.reward*t.logStar[best] {
			best = k
		}
	}
	// Rewards are measured from the best one: divided by a small lambda, a common offset would round them.
	logp := make([]float64, t.responses())
	for k, v := range t.logStar {
		logp[k] = t.logRef[k] + (v-t.logStar[best])/s.terms.entropy*s.terms.reward
	}
	logspace.LogSoftmax(logp, logp)
	return &result{status: train.Converged, logps: [][]float64{logp}}
}

// bareReward is the expected reward without any regularizer, linear in the probabilities.
func (s *solver) bareReward(t *task) *result {
	var best []int
	for k, v := range t.logStar {
		switch gain := s.terms.reward * v; {
		case len(best) == 0 || gain > s.terms.reward*t.logStar[best[0]]:
			best = []int{k}
		case gain == s.terms.reward*t.logStar[best[0]]:
			best = append(best, k)
		}
	}
	if len(best) == t.responses() {
		return &result{status: NotUnique, reason: t.say("all responses have the same reward; pi_ref is reported"),
			logps: [][]float64{t.logRef}}
	}
	return &result{status: train.Diverged, logps: [][]float64{nil},
		reason: t.say("nothing holds the policy back from %s, whose reward is the highest", list(best))}
}
