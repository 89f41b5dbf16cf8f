package setup

import (
	"context"
	"math"
	"reflect"
	"testing"

	"windtunnel/toy/bandit"
	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
	"windtunnel/toy/variants"
)

// losses returns every registered loss with every word of its parameters.
func losses() []variants.Variant[objective.Params] {
	return variants.Of(objective.Kinds(), func(p objective.Params) {
		if sum, ok := p.(*objective.Sum); ok {
			sum.Terms = []objective.Part{{Weight: objective.Times(0.5), Loss: &objective.BradleyTerry{}},
				{Weight: objective.TimesLambda(), Loss: &objective.KLRefPi{}}}
		}
	})
}

// runOf is a short run of a loss at the paper's three responses, drawn twice over two prompts.
func runOf(loss objective.Params) *Run {
	sample, _ := preference.Kinds().Find("sample")
	drawn := sample.New().(*preference.Sample)
	drawn.N = 12
	p := train.DefaultParams()
	p.BatchSize, p.Epochs, p.RecordEvery = 0, 3, 1
	return &Run{Loss: loss, Settings: Settings{Seed: 3, Preferences: drawn, Policy: &policy.TabularParams{}, Solver: SolverTrain, Train: p,
		Environment: &bandit.Declared{Prompts: []bandit.DeclaredPrompt{
			{Name: "good", PiStar: []float64{0.6, 0.3, 0.1}, PiRef: []float64{0.6, 0.3, 0.1}},
			{Name: "bad", PiStar: []float64{0.6, 0.2, 0.2}, PiRef: []float64{0.4, 0.2, 0.4}}}}}}
}

func near(a, b float64) bool {
	return a == b || math.Abs(a-b) <= 1e-12*(1+math.Abs(a)) || math.IsNaN(a) && math.IsNaN(b)
}

// Training, the exact solver and the surface of every loss see one and the same loss: samples of the reference, constraint
// and all.
func TestOneLoss(t *testing.T) {
	all := losses()
	if len(all) < 150 {
		t.Fatalf("only %d variants", len(all))
	}
	sampled := 0
	for _, v := range all {
		if _, direct := v.Params.(objective.Direct); direct {
			continue
		}
		run := runOf(v.Params)
		run.Constraint.L2 = 0.01
		made := func() *Setup {
			s, err := New(run, Given{})
			if err != nil {
				t.Fatalf("%s: %v", v.Name, err)
			}
			return s
		}
		s := made()
		if s.Objective.Sampled != nil {
			sampled++
		}
		surface, err := s.Surface(1)
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		// The tabular policy's logits are centered, as the penalty of the surface has them, so that both are one number.
		ref := s.Env.Prompts[1].LogReference()
		center := made()
		for p := range center.Env.Prompts {
			logits := center.Policy.Params()[3*p : 3*p+3]
			copy(logits, center.Env.Prompts[p].LogReference())
			mean := (logits[0] + logits[1] + logits[2]) / 3
			for k := range logits {
				logits[k] -= mean
			}
		}
		if got, want := surface(ref), center.Problem.Loss(train.Full(center.Pairs, center.Problem)); !near(got, want) {
			t.Errorf("%s: the surface is %v at the reference, training's loss %v", v.Name, got, want)
		}
		first, loop := math.NaN(), s.Loop()
		if _, err := loop.Run(context.Background(), func(r train.Record) {
			if r.Step == 1 {
				first = r.Loss
			}
		}); err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		again := made()
		if want := again.Problem.Loss(train.Full(again.Pairs, again.Problem)); !near(first, want) && !carries(again.Objective) {
			t.Errorf("%s: the first step's loss is %v, want %v", v.Name, first, want)
		}
		solved := made()
		found, err := solved.Solve(context.Background())
		if err != nil || found.Status != train.Converged {
			continue
		}
		for p, logPi := range found.Policy {
			copy(again.Policy.Params()[3*p:3*p+3], solved.Policy.Params()[3*p:3*p+3])
			logspace.LogSoftmax(logPi, logPi)
		}
		if want := again.Problem.Loss(train.Full(again.Pairs, again.Problem)); math.Abs(found.Loss-want) > 1e-9*(1+math.Abs(want)) {
			t.Errorf("%s: the exact solver's loss at its minimizer is %v, training's %v", v.Name, found.Loss, want)
		}
	}
	if sampled == 0 {
		t.Error("no loss draws samples of the reference")
	}
}

// carries says whether a term carries a statistic from step to step, which the first step has taken in.
func carries(o *objective.Objective) bool { return len(o.State()) > 0 }

// What a caller has of a run is not built again, and changes nothing.
func TestGiven(t *testing.T) {
	run := runOf(&objective.DPO{Lambda: 0.3})
	s, err := New(run, Given{})
	if err != nil {
		t.Fatal(err)
	}
	same, err := New(run, Given{Env: s.Env, Pairs: s.Pairs})
	if err != nil || same.Env != s.Env || same.Pairs != s.Pairs {
		t.Fatalf("what is given is not taken (%v)", err)
	}
	fresh, err := New(run, Given{})
	if err != nil || !reflect.DeepEqual(fresh.Pairs, s.Pairs) || !reflect.DeepEqual(fresh.Policy.Params(), s.Policy.Params()) {
		t.Errorf("a second setup differs (%v)", err)
	}
}

// A run whose loss changes along the way, or that has none, has no surface.
func TestNoSurface(t *testing.T) {
	best, _ := objective.Kinds().Find("best-of-n")
	online, _ := preference.Kinds().Find("online")
	for _, c := range []struct {
		loss        objective.Params
		preferences preference.Params
	}{{best.New(), &preference.Population{}}, {&objective.DPO{Lambda: 1}, online.New()}} {
		run := runOf(c.loss)
		run.Preferences = c.preferences
		s, err := New(run, Given{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Surface(0); err == nil {
			t.Errorf("%T on %T has a surface", c.loss, c.preferences)
		}
	}
}

// The grid lies inside the simplex and covers it evenly.
func TestGrid(t *testing.T) {
	const steps = 52
	n := 0
	for pi := range Grid(steps) {
		n++
		if sum := pi[0] + pi[1] + pi[2]; math.Abs(sum-1) > 1e-12 || min(pi[0], pi[1], pi[2]) < 0.004-1e-15 {
			t.Fatalf("%v is no policy of the grid", pi)
		}
		if pi[1] != math.Round(pi[1]*1000)/1000 {
			t.Errorf("%v is no whole number of thousandths", pi[1])
		}
	}
	if want := (steps + 1) * (steps + 2) / 2; n != want {
		t.Errorf("%d policies, want %d", n, want)
	}
}
