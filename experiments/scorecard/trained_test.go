package scorecard

import (
	"math"
	"strings"
	"testing"

	"windtunnel/experiments/spec"
	"windtunnel/toy/objective"
)

// opaque hides a margin loss from the exact solver and from Newton's method, so that it has to be searched.
type opaque struct{ objective.PairTerm }

type opaqueLoss struct {
	Lambda float64 `yaml:"lambda"`
	link   objective.Link
}

func (p *opaqueLoss) Objective() *objective.Objective {
	term := opaque{&objective.Margin{Lambda: p.Lambda, Factor: 1, Outer: objective.Logistic{}, Link: p.link}}
	return objective.OnPairs(term)
}

// The search ends where the exact solver does, at every lambda, for a loss of margins and for one of the whole policy.
func TestSearchIsExact(t *testing.T) {
	l := newShared(t.Context(), few(10))
	for _, c := range []struct {
		name           string
		known, unknown objective.Params
	}{
		{"dpo", &objective.DPO{Lambda: 1}, &opaqueLoss{Lambda: 1}},
		{"js", &objective.FDPO{Lambda: 1, Divergence: "js"}, &opaqueLoss{Lambda: 1, link: objective.JensenShannon{}}},
	} {
		known, unknown := l.subject(c.name, c.known), l.subject(c.name+" unknown", c.unknown)
		for _, p := range l.environments {
			for _, lambda := range []float64{smallLambda, 0.01, 1, 100, largeLambda} {
				want, got := known.minimum(p, lambda), unknown.minimum(p, lambda)
				for i := range want.logPi {
					if tv := variation(want.logPi[i], got.logPi[i]); !(tv < 0.01) {
						t.Errorf("%s at lambda %v on %s: searched to TV %v of the minimizer", c.name, lambda, p.Name, tv)
					}
				}
			}
		}
	}
}

// Newton's method ends where the exact solver does, whose every search runs in other variables, and says that it arrived.
func TestNewtonIsExact(t *testing.T) {
	l := newShared(t.Context(), few(10))
	known, unknown := l.subject("dpo", &objective.DPO{Lambda: 1}), l.subject("ld-dpo", &objective.LDDPO{Lambda: 1, Alpha: 0.5})
	for _, p := range l.environments {
		for _, lambda := range []float64{smallLambda, 0.01, 1, 100, largeLambda} {
			want, got := known.minimum(p, lambda), unknown.minimum(p, lambda)
			if got.Solver != SolverNewton || got.convergence != converged {
				t.Errorf("at lambda %v on %s: solver %s, settled %d", lambda, p.Name, got.Solver, got.convergence)
			}
			for i := range want.logPi {
				if tv := variation(want.logPi[i], got.logPi[i]); !(tv < 1e-9) {
					t.Errorf("at lambda %v on %s: TV %v of the minimizer", lambda, p.Name, tv)
				}
			}
		}
	}
}

// The verdicts of a loss that is searched are those of the same loss solved, but for existence, which a search cannot decide.
func TestSearchedVerdicts(t *testing.T) {
	rows := fill(t, few(14), spec.Objective{Name: "dpo", Loss: &objective.DPO{Lambda: 0.1}}, spec.Objective{Name: "unknown", Loss: &opaqueLoss{Lambda: 0.1}})
	for _, test := range Tests() {
		known, unknown := rows[0][test.Name], rows[1][test.Name]
		if test.Where(unknown.subject) == nil {
			t.Errorf("%s looks nowhere", test.Name)
		}
		isExistence := strings.HasPrefix(test.Name, "existence/")
		elsewhere := len(test.Where(known.subject)) != len(test.Where(unknown.subject))
		switch {
		case isExistence && unknown.Verdict != None:
			t.Errorf("%s: %s, want none", test.Name, unknown.Verdict)
		case !isExistence && !elsewhere && unknown.Verdict != known.Verdict:
			t.Errorf("%s: %s (%v) searched, %s (%v) solved", test.Name, unknown.Verdict, unknown.Reading.Value, known.Verdict, known.Reading.Value)
		}
	}
}

// A lambda outside the loss's range is moved to its end, and grids leave it out.
func TestLambdaRange(t *testing.T) {
	l := newShared(t.Context(), few(0))
	s := l.subject("narrow", &narrow{Lambda: 0.5})
	if got := s.nearest(smallLambda); got != 0.1 {
		t.Errorf("nearest to 1e-6 is %v, want 0.1", got)
	}
	for _, v := range s.grid(s.smooth()) {
		if v < 0.1 || v > 10 {
			t.Errorf("the grid holds %v", v)
		}
	}
	if v := s.at(3).(*narrow).Lambda; v != 3 {
		t.Errorf("at 3 the loss has lambda %v", v)
	}
	if s.Loss.(*narrow).Lambda != 0.5 || math.IsNaN(s.Own) {
		t.Error("the loss itself has changed")
	}
}

type narrow struct {
	Lambda float64 `yaml:"lambda" range:"[0.1,10]"`
}

func (p *narrow) Objective() *objective.Objective {
	return (&objective.DPO{Lambda: p.Lambda}).Objective()
}
