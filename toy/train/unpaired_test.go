package train

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/bandit"
	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
)

// labelled has desirable and undesirable responses of both prompts, one of them twice.
func labelled() *preference.Pairs {
	return &preference.Pairs{
		Prompt:   []int{0, 1, 0, 0, 1},
		Chosen:   []int{0, preference.Absent, 0, preference.Absent, 2},
		Rejected: []int{preference.Absent, 1, preference.Absent, 2, preference.Absent},
	}
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// TestUnpairedLoss compares KTO, BCO and APO-zero on single responses with their definitions, a mean over examples.
func TestUnpairedLoss(t *testing.T) {
	kl, delta := 0.2, 0.1
	for _, tt := range []struct {
		params    objective.Params
		good, bad func(x float64) float64 // of the log-ratio
	}{
		{&objective.KTO{Lambda: 0.7, KL: &kl, Desirable: 1, Undesirable: 2},
			func(x float64) float64 { return 1 - sigmoid(0.7*(x-kl)) }, func(x float64) float64 { return 2 * (1 - sigmoid(0.7*(kl-x))) }},
		{&objective.BCO{Lambda: 0.7, Delta: &delta},
			func(x float64) float64 { return -math.Log(sigmoid(0.7*x - delta)) },
			func(x float64) float64 { return -math.Log(sigmoid(-(0.7*x - delta))) }},
		{&objective.APOZeroUnpaired{Lambda: 0.7, Desirable: 3, Undesirable: 1},
			func(x float64) float64 { return 3 * (1 - sigmoid(0.7*x)) }, func(x float64) float64 { return sigmoid(0.7 * x) }},
	} {
		env, pol := policies[0].build(t, false)
		scatter(pol, 1)
		p := NewProblem(env, pol, tt.params.Objective(), 0)
		want, data, logPi := 0.0, labelled(), make([]float64, 3)
		for i := range data.Len() {
			prompt := data.Prompt[i]
			pol.Logits(prompt, logPi)
			logspace.LogSoftmax(logPi, logPi)
			ref := env.Prompts[prompt].LogReference()
			if c := data.Chosen[i]; c != preference.Absent {
				want += tt.good(logPi[c]-ref[c]) / 5
			} else {
				r := data.Rejected[i]
				want += tt.bad(logPi[r]-ref[r]) / 5
			}
		}
		m := Full(data, p)
		if got := p.Loss(m); math.Abs(got-want) > 1e-14 {
			t.Errorf("%T: loss %v, want %v", tt.params, got, want)
		}
		if m.Pairs() != 4 {
			t.Errorf("%T: %d distinct examples, want 4", tt.params, m.Pairs())
		}
	}
}

// TestUnpairedGradient covers the batch statistics as well, held.
func TestUnpairedGradient(t *testing.T) {
	for _, params := range []objective.Params{&objective.KTO{Lambda: 0.7, Desirable: 1, Undesirable: 2}, &objective.BCO{Lambda: 0.7},
		&objective.APOZeroUnpaired{Lambda: 0.7, Desirable: 1, Undesirable: 1}} {
		for _, n := range policies {
			env, pol := n.build(t, false)
			scatter(pol, 1)
			checkGradientOn(t, NewProblem(env, pol, params.Objective(), 0), labelled(), n.name)
		}
	}
}

// TestTokens: counts from the data reach losses per token, and then a policy's normalizer matters.
func TestTokens(t *testing.T) {
	data := somePairs()
	data.ChosenTokens = []int{1, 2, 1, 4, 2, 1, 3}
	data.RejectedTokens = []int{2, 1, 2, 1, 5, 3, 1}
	for _, params := range []objective.Params{&objective.SimPO{Lambda: 2, Gamma: 0.5}, &objective.IPO{Lambda: 0.7}, &objective.ORPO{Lambda: 0.5},
		&objective.RDPO{Lambda: 0.7, Alpha: 0.1}, &objective.WPO{Lambda: 0.7}} {
		env, pol := policies[0].build(t, false)
		scatter(pol, 1)
		p := NewProblem(env, pol, params.Objective(), 0)
		checkGradientOn(t, p, data, "tokens")
		with := p.Loss(Full(data, p))
		if without := p.Loss(Full(somePairs(), p)); with == without {
			t.Errorf("%T does not read token counts", params)
		}
		if _, r := params.(*objective.RDPO); !r && p.difference {
			t.Errorf("%T works on raw scores", params)
		}
	}
}

// TestMovingReference follows TR-DPO by hand: two steps of SGD on one comparison, with an update after each.
func TestMovingReference(t *testing.T) {
	env := &bandit.Env{Prompts: []bandit.Prompt{{LogStar: logs([]float64{0.5, 0.5}), LogRef: logs([]float64{0.5, 0.5}), Init: logs([]float64{0.5, 0.5}), Features: []float64{1}}}}
	pol, _ := (&policy.TabularParams{}).Build(env, nil)
	data := &preference.Pairs{Prompt: []int{0}, Chosen: []int{0}, Rejected: []int{1}}
	loop := &Loop{Problem: NewProblem(env, pol, (&objective.TRDPO{Lambda: 2, Alpha: 0.25, Every: 1}).Objective(), 0), Data: data,
		Params: Params{Optimizer: &SGD{LR: 0.5}, Schedule: &Constant{}, Epochs: 3}}
	if _, err := loop.Run(context.Background(), func(Record) {}); err != nil {
		t.Fatal(err)
	}
	d, ref := 0.0, 0.0 // log-odds of policy and reference
	for range 3 {
		g := 2 * sigmoid(-2*(d-ref))
		d += 2 * 0.5 * g
		ref = 0.25*d + 0.75*ref
	}
	theta := pol.Params()
	if got := theta[0] - theta[1]; math.Abs(got-d) > 1e-13 {
		t.Errorf("log-odds %v, want %v", got, d)
	}
}

// TestRunningDelta: BCO's delta is the mean over the steps so far, however often the loss is computed.
func TestRunningDelta(t *testing.T) {
	env, pol := policies[0].build(t, false)
	p := NewProblem(env, pol, (&objective.BCO{Lambda: 1}).Objective(), 0)
	m, means := Full(labelled(), p), []float64{}
	for step := range 4 {
		scatter(pol, float64(step))
		p.forward(m)
		p.Objective.Advance(&m.Batch)
		p.Loss(m)
		p.Loss(m)
		fresh := NewProblem(env, pol, (&objective.BCO{Lambda: 1}).Objective(), 0)
		means = append(means, meanReward(fresh, Full(labelled(), fresh)))
		delta := floats.Sum(means) / float64(len(means))
		fixed := NewProblem(env, pol, (&objective.BCO{Lambda: 1, Delta: &delta}).Objective(), 0)
		if got, want := p.Loss(m), fixed.Loss(Full(labelled(), fixed)); math.Abs(got-want) > 1e-14 {
			t.Errorf("step %d: loss %v, want %v at delta %v", step, got, want, delta)
		}
	}
}

// meanReward is the mean log-ratio over the examples.
func meanReward(p *Problem, m *Minibatch) float64 {
	p.forward(m)
	sum := 0.0
	for i := range m.Weight {
		sum += m.ChosenWeight[i]*(m.Chosen[i]-m.RefChosen[i]) + m.RejectedWeight[i]*(m.Rejected[i]-m.RefRejected[i])
	}
	return sum / 2
}

// TestNoAllocations: a step of any loss allocates nothing.
func TestNoAllocations(t *testing.T) {
	for _, o := range objectives(0.7) {
		env, pol := policies[0].build(t, false)
		l := &Loop{Problem: NewProblem(env, pol, o.objective, 0), Data: somePairs(),
			Params: Params{Optimizer: adamKind.New(), Schedule: &Constant{}, BatchSize: 3, Epochs: 1}, Order: rand.New(rand.NewPCG(1, 2))}
		trainer := begun(l)
		step := func() { takeStep(trainer) }
		for range 4 {
			step()
		}
		if n := testing.AllocsPerRun(20, step); n > 0 {
			t.Errorf("%s: %v allocations a step", o.name, n)
		}
	}
}
