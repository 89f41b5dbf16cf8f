package scorecard

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"windtunnel/toy/bandit"
	"windtunnel/toy/objective"
	"windtunnel/toy/train"
)

// Two responses, the first preferred with probability p: the log-ratio margin u at the minimizer has a closed form, or
// there is none.
//
//	hinge      p max(0, 1-z) + (1-p) max(0, 1+z) is least at z = lambda u = 1
//	robust     a logistic loss with labels flipped back: lambda u = logit((p-e)/(1-2e)), none from p = 1-e
//	wpo        both orders have the same weight, so that of DPO: lambda u = logit(p)
//	dpo-positive as u leaves 0, x_1 falls by pi_ref(0) = 0.4 of it and costs 1 + 50*0.4 = 21 (1-p): u = 0 up to p = 21/22
//	apo-zero   (1-2p) (sigmoid(lambda x_0) - sigmoid(lambda x_1)): response 1 loses all
//	kto        the same around the shift
func TestSearchClosedForms(t *testing.T) {
	l := newShared(t.Context(), few(0))
	logit := func(p float64) float64 { return math.Log(p / (1 - p)) }
	nowhere := math.NaN()
	for _, c := range []struct {
		loss   objective.Params
		p      float64
		margin float64 // lambda u; infinite where response 1 vanishes, NaN where there is no minimizer
	}{
		{&objective.Hinge{Divergence: objective.Divergence{}}, 0.7, 1},
		{&objective.Robust{LabelSmoothing: 0.1}, 0.7, logit(0.75)},
		{&objective.Robust{LabelSmoothing: 0.1}, 0.95, nowhere},
		{&objective.WPO{Alignment: "none"}, 0.7, logit(0.7)},
		{&objective.DPOPositive{Penalty: 50}, 0.7, 0},
		{&objective.APOZero{}, 0.7, math.Inf(1)},
		{&objective.KTO{Desirable: 1, Undesirable: 1}, 0.7, math.Inf(1)},
	} {
		place := newEnvironment("two", &bandit.Declared{Prompts: []bandit.DeclaredPrompt{
			{Name: "x", PiStar: []float64{c.p, 1 - c.p}, PiRef: []float64{0.4, 0.6}}}}, 0)
		s := l.subject(fmt.Sprintf("%T", c.loss), c.loss)
		for _, lambda := range []float64{0.1, 1} {
			o := s.solveAt(place, lambda)
			switch {
			case math.IsNaN(c.margin):
				if o.status != string(train.Diverged) || o.whole() {
					t.Errorf("%T at %v: %s, want no minimizer", c.loss, lambda, o.status)
				}
				continue
			case !o.whole() || o.convergence != converged:
				t.Errorf("%T at %v: %s (%s)", c.loss, lambda, o.status, o.reason)
				continue
			}
			u := o.logPi[0][0] - o.logPi[0][1] - math.Log(0.4/0.6)
			if off := math.Abs(lambda*u - c.margin); u != c.margin && !(off < 1e-5) {
				t.Errorf("%T at %v: lambda u is %v, want %v", c.loss, lambda, lambda*u, c.margin)
			}
		}
	}
}

// solveAt searches for a minimizer, without asking the exact solver or Newton's method.
func (s *Subject) solveAt(p *Environment, lambda float64) *outcome {
	t := p.task()
	t.loss = s.at(lambda)
	return t.searched(s.shared.ctx, lambda, nil)
}

// A loss of lambda times a margin alone is the same function of the search's variable at every lambda, so that one search
// does for all: with and without it, the end is the same.
func TestSearchCarriesOver(t *testing.T) {
	l := newShared(t.Context(), few(3))
	s := l.subject("hinge", &objective.Hinge{Lambda: 1})
	for _, p := range l.environments {
		base := s.solveAt(p, 1)
		task := p.task()
		task.loss = s.at(30)
		carried, fresh := task.searched(l.ctx, 30, base), s.solveAt(p, 30)
		if base.convergence != converged || fresh.convergence != converged {
			continue
		}
		if tv := apartMost(carried.logPi, fresh.logPi); !(tv < samePolicy) || carried.trial != nil {
			t.Errorf("%s: carried over to TV %v of the search", p.Name, tv)
		}
	}
}

// A cell takes its worst reading from searches that arrived; those that did not are counted, and decide nothing.
func TestLeftOut(t *testing.T) {
	l := newShared(t.Context(), few(0))
	r := l.subject("dpo", &objective.DPO{Lambda: 1}).row([]*Test{strongInterpolation}, few(0))
	r.fold(0, 1, Reading{Value: 0.3, Environment: l.environments[1]}, &evidence{policies: 1})
	r.fold(0, 0, Reading{Value: 9, Environment: l.environments[0]}, &evidence{policies: 1, unconverged: 1, first: "there"})
	c := &r.cells[0]
	c.decide()
	if c.Verdict != Fail || c.Reading.Value != 0.3 || c.converged() != "no" || !strings.Contains(c.detail(), "1 of 2 environments are left out") {
		t.Errorf("%s %v, converged %s, %s", c.Verdict, c.Reading.Value, c.converged(), c.detail())
	}
	r = l.subject("dpo", &objective.DPO{Lambda: 1}).row([]*Test{strongInterpolation}, few(0))
	r.fold(0, 0, Reading{Value: 9, Environment: l.environments[0]}, &evidence{policies: 1, unconverged: 1, first: "there"})
	c = &r.cells[0]
	c.decide()
	if c.Verdict != None || !strings.Contains(c.detail(), "did not arrive in 1 of 1 environments, the first on there") {
		t.Errorf("%s %v: %s", c.Verdict, c.Reading.Value, c.detail())
	}
}
