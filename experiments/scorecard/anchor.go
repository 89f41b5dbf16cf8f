package scorecard

import "windtunnel/toy/objective"

// anchor is a term with a statistic that it holds back from differentiation. While it is held, the term has a potential.
type anchor struct {
	objective.Detached
	held objective.PairTerm // nil: the next evaluation takes the statistic
}

func (a *anchor) at(b *objective.Batch) objective.PairTerm {
	if a.held == nil {
		a.held = a.Freeze(b)
	}
	return a.held
}

// Loss implements objective.PairTerm.
func (a *anchor) Loss(b *objective.Batch) float64 { return a.at(b).Loss(b) }

// Grad implements objective.PairTerm.
func (a *anchor) Grad(b *objective.Batch, scale float64, g *objective.Grad) {
	a.at(b).Grad(b, scale, g)
}

// release lets the next evaluation take the statistics anew.
func (s *searcher) release() {
	for _, a := range s.anchors {
		a.held = nil
	}
}
