package train

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/bandit"
	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
)

// cycle is a game of three responses of which each beats the next.
func cycle(t testing.TB, o objective.Params, p Params) (*Loop, *bandit.Env) {
	t.Helper()
	wins := []float64{0.5, 0.9, 0.2, 0.1, 0.5, 0.7, 0.8, 0.3, 0.5}
	none := slices.Repeat([]float64{math.NaN()}, 3)
	env := &bandit.Env{Prompts: []bandit.Prompt{{LogStar: none, PiStar: none, Init: []float64{0.3, -1, 0.5}, LogRef: []float64{0, 0, 0}, Wins: wins}}}
	pol, err := (&policy.TabularParams{}).Build(env, nil)
	if err != nil {
		t.Fatal(err)
	}
	pairs, err := (&preference.Population{}).Build(preference.Input{Env: env})
	if err != nil {
		t.Fatal(err)
	}
	p.Schedule = &Constant{}
	return &Loop{Problem: NewProblem(env, pol, o.Objective(), 0), Data: pairs, Params: p}, env
}

// A full extragradient step goes, for every optimizer with the memory that it had, by the gradient that a step ahead finds.
func TestFullExtragradient(t *testing.T) {
	for _, kind := range Optimizers() {
		if _, second := kind.New().(*Newton); second {
			continue // the Hessian is that at the step's start, and not written out here
		}
		for _, clip := range []float64{0, 0.05} {
			loss := &objective.DPO{Lambda: 0.5}
			p := Params{Optimizer: kind.New(), Epochs: 3, Extra: FullExtra, ClipNorm: clip}
			l, _ := cycle(t, loss, p)
			if out, _ := run(t, l); out.Steps != 3 {
				t.Fatalf("%s: %+v", kind.Name, out)
			}
			// The same by hand: two optimizers that are given the same gradients, of which one takes the step ahead last.
			by, _ := cycle(t, loss, p)
			theta, whole := by.Problem.Policy.Params(), Full(by.Data, by.Problem)
			gradient := func() []float64 {
				g := make([]float64, len(theta))
				by.Problem.AddGrad(whole, g)
				if norm := floats.Norm(g, 2); clip > 0 {
					floats.Scale(min(1, clip/(norm+1e-6)), g)
				}
				return g
			}
			var taken [][]float64
			for range 3 {
				start, ahead := slices.Clone(theta), kind.New().Optimizer(len(theta))
				scratch := slices.Clone(theta)
				for _, g := range taken {
					ahead.Step(scratch, slices.Clone(g), 1) // for its memory
				}
				ahead.Step(theta, gradient(), 1)
				taken = append(taken, gradient())
				copy(theta, start)
				again := kind.New().Optimizer(len(theta))
				for _, g := range taken[:len(taken)-1] {
					again.Step(scratch, slices.Clone(g), 1)
				}
				again.Step(theta, slices.Clone(taken[len(taken)-1]), 1)
			}
			if got := l.Problem.Policy.Params(); !floats.EqualApprox(got, theta, 1e-12) {
				t.Errorf("%s, clipped at %g: %v, by hand %v", kind.Name, clip, got, theta)
			}
		}
	}
}

// An extragradient step against the opponent ahead is EGPO's: theta <- theta - lr G(theta, softmax(theta - lr G(theta, pi))), written
// out for online IPO with even pairs. A loss without opponent takes plain steps.
func TestOpponentExtragradient(t *testing.T) {
	const lr, lambda, steps = 0.05, 0.2, 40
	p := Params{Optimizer: &SGD{LR: lr}, Epochs: steps, Extra: OpponentExtra}
	l, env := cycle(t, &objective.OnlineIPO{Lambda: lambda}, p)
	run(t, l)
	ref, wins := env.Prompts[0].LogReference(), env.Prompts[0].Wins
	theta := slices.Clone(env.Prompts[0].Init)
	step := func(opponent []float64) []float64 {
		w, to, q := make([]float64, 3), slices.Clone(theta), slices.Clone(opponent)
		logspace.LogSoftmax(q, q)
		logspace.LogSoftmax(w, theta)
		for i := range w {
			w[i] -= ref[i]
			for j := range q {
				w[i] -= wins[3*i+j] * math.Exp(q[j]) / lambda
			}
		}
		mean := floats.Sum(w) / 3
		for i := range to {
			to[i] -= lr * 4 / 3 * (w[i] - mean)
		}
		return to
	}
	for range steps {
		theta = step(step(theta))
	}
	if got := l.Problem.Policy.Params(); !floats.EqualApprox(got, theta, 1e-12) {
		t.Errorf("%v, by hand %v", got, theta)
	}
	extra, _ := cycle(t, &objective.DPO{Lambda: lambda}, p)
	p.Extra = Plain
	plain, _ := cycle(t, &objective.DPO{Lambda: lambda}, p)
	run(t, extra)
	run(t, plain)
	if !slices.Equal(extra.Problem.Policy.Params(), plain.Problem.Policy.Params()) {
		t.Error("a loss without an opponent has another step")
	}
}

// In a game that goes in circles self-play does not arrive at a small lambda, and extragradient steps of either kind do.
func TestExtragradientArrives(t *testing.T) {
	const lambda = 0.01
	for extra, arrives := range map[Extragradient]bool{"": false, Plain: false, FullExtra: true, OpponentExtra: true} {
		l, env := cycle(t, &objective.OnlineIPO{Lambda: lambda}, Params{Optimizer: &SGD{LR: 0.015}, Epochs: 4000, Extra: extra})
		run(t, l)
		pi, best := slices.Clone(l.Problem.Policy.Params()), env.Prompts[0].LogReference()
		logspace.LogSoftmax(pi, pi)
		for i := range best {
			for j, v := range pi {
				best[i] += env.Prompts[0].Wins[3*i+j] * math.Exp(v) / lambda
			}
		}
		logspace.LogSoftmax(best, best)
		if off := floats.Distance(pi, best, math.Inf(1)); (off < 1e-9) != arrives || !arrives && off < 0.1 {
			t.Errorf("%q: the policy is %g from its best response", extra, off)
		}
	}
}

// IPO on the exact expectation over pairs of the policy, drawn anew at every step and labelled by win rates, trains as online IPO does
// whose pairs are the policy's.
func TestOnlineIPOIsIPOOnItsPairs(t *testing.T) {
	const steps = 60
	l, _ := cycle(t, &objective.OnlineIPO{Lambda: 0.1, Pairs: "policy"}, Params{Optimizer: &SGD{LR: 0.02}, Epochs: steps})
	drawn, env := cycle(t, &objective.IPO{Lambda: 0.1}, Params{Optimizer: &SGD{LR: 0.02}, Epochs: 1})
	drawn.Online = &Online{Settings: &preference.Online{Rounds: steps, Temperature: 1, Proxy: &preference.Gold{}, Reference: "start"},
		Rewards: [][]float64{env.Prompts[0].LogStar}}
	run(t, l)
	if out, _ := run(t, drawn); out.Steps != steps || !floats.EqualApprox(drawn.Problem.Policy.Params(), l.Problem.Policy.Params(), 1e-12) {
		t.Errorf("IPO ends at %v after %d steps, online IPO at %v", drawn.Problem.Policy.Params(), out.Steps, l.Problem.Policy.Params())
	}
}

// Every loss trains by every extragradient step, and a step allocates nothing.
func TestExtragradientOfEveryLoss(t *testing.T) {
	for _, kind := range objective.Kinds() {
		o := kind.New().Objective()
		if !o.Compares() && !o.WholePolicy() || kind.Name == "custom" || o.Rewarded() {
			continue
		}
		for _, extra := range []Extragradient{FullExtra, OpponentExtra} {
			l, env := cycle(t, kind.New(), Params{Optimizer: &Adam{LR: 0.01, Beta1: 0.9, Beta2: 0.99, Eps: 1e-8}, Epochs: 30, Extra: extra, RecordAt: []int{3, 10}})
			if reward, gap := o.ReadsRewards(); reward || gap {
				env.Prompts[0].LogStar = []float64{-1, -1.2, -1.4}
				l.Problem = NewProblem(env, l.Problem.Policy, kind.New().Objective(), 0)
			}
			if out, records := run(t, l); out.Steps != 30 || len(records) != 4 || slices.ContainsFunc(l.Problem.Policy.Params(), math.IsNaN) {
				t.Errorf("%s, %s: %+v, %d records, parameters %v", kind.Name, extra, out, len(records), l.Problem.Policy.Params())
			}
		}
	}
	for _, o := range []objective.Params{&objective.OnlineIPO{Lambda: 0.1, Opponent: objective.Opponent{Mixture: 0.1}}, &objective.NashMDPG{Lambda: 0.1}, &objective.DPO{Lambda: 0.1}} {
		for _, extra := range []Extragradient{FullExtra, OpponentExtra} {
			l, _ := cycle(t, o, Params{Optimizer: &SGD{LR: 0.01}, Epochs: 1000, Extra: extra})
			trainer := begun(l)
			step := func() {
				batch := trainer.batches.batch(trainer.taken)
				grad, support, norm := trainer.Task.Gradient(batch)
				grad, support, norm = trainer.ahead(batch, grad, support, norm, 1)
				trainer.move(grad, support, norm, 1)
				trainer.taken++
			}
			step()
			if n := testing.AllocsPerRun(50, step); n > 0 {
				t.Errorf("%T, %s: %v allocations a step", o, extra, n)
			}
		}
	}
}
