package train

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/bandit"
	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
)

// onlineLoop trains a tabular policy of one prompt on what it draws.
func onlineLoop(t testing.TB, params objective.Params, set func(*preference.Online)) *Loop {
	t.Helper()
	env := &bandit.Env{Prompts: []bandit.Prompt{bandit.NewPrompt("x", []float64{0.6, 0.3, 0.1}, []float64{0.4, 0.4, 0.2}, nil, nil)}}
	pol, err := (&policy.TabularParams{}).Build(env, nil)
	if err != nil {
		t.Fatal(err)
	}
	o := &preference.Online{Rounds: 5, Pairs: 50, Temperature: 1, Proxy: &preference.Gold{}, Reference: "start"}
	set(o)
	return &Loop{Problem: NewProblem(env, pol, params.Objective(), 0),
		Params: Params{Optimizer: &SGD{LR: 0.1}, Schedule: &Constant{}, Epochs: 4},
		Online: &Online{Settings: o, Rewards: [][]float64{env.Prompts[0].LogStar}, Draws: rand.New(rand.NewPCG(1, 2))}}
}

// Rounds go on where the last one ended: their ends are recorded, steps count on, and MaxSteps and the schedule are over
// all of them.
func TestRounds(t *testing.T) {
	for _, tt := range []struct {
		accumulate bool
		maxSteps   int
		want       []int
	}{
		{false, 0, []int{0, 4, 8, 12, 16, 20}},
		{true, 0, []int{0, 4, 8, 12, 16, 20}},
		{false, 10, []int{0, 4, 8, 10}},
		{false, 8, []int{0, 4, 8}},
	} {
		l := onlineLoop(t, &objective.DPO{Lambda: 1}, func(o *preference.Online) { o.Accumulate = tt.accumulate })
		l.Params.MaxSteps = tt.maxSteps
		factors := &recorder{}
		l.Params.Schedule = factors
		var sizes []int
		l.Online.Begin = func(data *preference.Pairs) { sizes = append(sizes, data.Len()) }
		out, records := run(t, l)
		var steps []int
		for _, r := range records {
			steps = append(steps, r.Step)
		}
		out.Drift = 0
		if last := tt.want[len(tt.want)-1]; !slices.Equal(steps, tt.want) || out != (Outcome{Status: Done, Steps: last}) {
			t.Errorf("%+v: records at %v, outcome %+v", tt, steps, out)
		}
		if len(sizes) != len(tt.want)-1 || tt.accumulate != (sizes[len(sizes)-1] > 50) {
			t.Errorf("%+v: rounds of %v pairs", tt, sizes)
		}
		for i, at := range factors.seen {
			if at != [2]int{i, 20} {
				t.Errorf("%+v: step %d is %v of the schedule, want %d of 20", tt, i+1, at, i)
			}
		}
	}
}

// recorder is a schedule that notes where it stands.
type recorder struct{ seen [][2]int }

func (r *recorder) Factor(step, total int) float64 {
	r.seen = append(r.seen, [2]int{step, total})
	return 1
}

// One round is training on the pairs that are drawn from the start.
func TestOneRound(t *testing.T) {
	l := onlineLoop(t, &objective.IPO{Lambda: 1}, func(o *preference.Online) { o.Rounds = 1 })
	offline := onlineLoop(t, &objective.IPO{Lambda: 1}, func(o *preference.Online) { o.Rounds = 1 })
	offline.Data = offline.Online.Settings.Draw(offline.Online.Draws, offline.Problem.env, offline.Online.Rewards, offline.Problem.Policy.Logits)
	offline.Online = nil
	_, a := run(t, l)
	_, b := run(t, offline)
	if !reflect.DeepEqual(a[1:], b[1:]) || !slices.Equal(l.Problem.Policy.Params(), offline.Problem.Policy.Params()) {
		t.Errorf("records %v and %v, policies %v and %v", a, b, l.Problem.Policy.Params(), offline.Problem.Policy.Params())
	}
}

// Online DPO with gold labels ends at its minimizer, which any full support of comparisons has: pi_ref pi_star^(1/lambda).
// From the reference of the round before it goes on to the mode.
func TestOnlineMinimizer(t *testing.T) {
	const lambda = 1
	train := func(reference string) []float64 {
		l := onlineLoop(t, &objective.DPO{Lambda: lambda}, func(o *preference.Online) { o.Rounds, o.Pairs, o.Reference = 60, 4000, reference })
		l.Params.Optimizer, l.Params.Epochs = &SGD{LR: 2}, 10
		run(t, l)
		logp := slices.Clone(l.Problem.Policy.Params())
		logspace.LogSoftmax(logp, logp)
		logspace.Exp(logp, logp)
		return logp
	}
	want := []float64{0.4 * 0.6, 0.4 * 0.3, 0.2 * 0.1}
	floats.Scale(1/floats.Sum(want), want)
	if got := train("start"); !floats.EqualApprox(got, want, 0.02) {
		t.Errorf("online DPO ends at %v, want %v", got, want)
	}
	if got := train("previous"); got[0] < 0.95 {
		t.Errorf("with the reference of the round before it ends at %v, far from the mode", got)
	}
}

// A policy that has collapsed draws nothing more, which is no failure; one that starts so cannot be trained.
func TestOnlineCollapse(t *testing.T) {
	l := onlineLoop(t, &objective.BradleyTerry{}, func(o *preference.Online) { o.Pairs, o.Rounds = 3, 30 })
	l.Params.Optimizer = &SGD{LR: 1e4}
	out, records := run(t, l)
	if out.Status != Done || out.Steps >= 120 || records[len(records)-1].Step != out.Steps {
		t.Errorf("outcome %+v, last record %+v", out, records[len(records)-1])
	}
	copy(l.Problem.Policy.Params(), []float64{0, -1e4, -1e4})
	if _, err := l.Run(context.Background(), func(Record) {}); !errors.Is(err, preference.ErrNoPairs) {
		t.Errorf("error %v, want %v", err, preference.ErrNoPairs)
	}
}

func TestOnlineEnds(t *testing.T) {
	l := onlineLoop(t, &objective.DPO{Lambda: 1}, func(*preference.Online) {})
	l.Params.Optimizer = &SGD{LR: math.Inf(1)}
	if out, _ := run(t, l); out.Status != Diverged {
		t.Errorf("outcome %+v, want %s", out, Diverged)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	l = onlineLoop(t, &objective.DPO{Lambda: 1}, func(*preference.Online) {})
	if _, err := l.Run(ctx, func(Record) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

// A round that converges at once leaves nothing behind for the next one: a step that visits only its batch's parameters is
// then still a step on all of them.
func TestConvergedRounds(t *testing.T) {
	end := func(optimizer OptimizerParams) []float64 {
		l := onlineLoop(t, &objective.DPO{Lambda: 1}, func(o *preference.Online) { o.Rounds = 10 })
		l.Params.Optimizer, l.Params.Tolerance, l.Params.BatchSize = optimizer, 0.1, 7
		run(t, l)
		return l.Problem.Policy.Params()
	}
	if a, b := end(&SGD{LR: 0.3}), end(&dense{SGD{LR: 0.3}}); !floats.EqualApprox(a, b, 1e-14) {
		t.Errorf("sparse %v, dense %v", a, b)
	}
}

// Any loss is trained on the exact pairs of any sampler, equal responses among them, with probabilities that are held fixed in its
// gradient and new in every round.
func TestEveryLossUnderASampler(t *testing.T) {
	sampler := &preference.Joint{Responses: preference.Responses{Of: "policy", Times: 2}}
	for _, o := range objectives(0.7) {
		l := onlineLoop(t, &objective.DPO{Lambda: 1}, func(p *preference.Online) { p.Rounds, p.Pairs, p.Sampler = 6, 0, sampler })
		l.Problem = NewProblem(l.Problem.env, l.Problem.Policy, o.objective, 0)
		if o.objective.Sampled != nil {
			l.Problem.DrawReference(rand.New(rand.NewPCG(3, 4)))
		}
		l.Params.Epochs = 1
		var weights [][]float64
		l.Online.Begin = func(data *preference.Pairs) {
			weights = append(weights, slices.Clone(data.Weight))
			if len(weights) > 1 { // some losses bend at the start
				checkGradientOn(t, l.Problem, data, o.name)
			}
		}
		out, _ := run(t, l)
		if out.Status != Done || len(weights) != 6 || len(weights[0]) != 9 || o.name == "dpo" && slices.Equal(weights[0], weights[5]) {
			t.Errorf("%s: %+v, %d rounds of %d pairs", o.name, out, len(weights), len(weights[0]))
		}
	}
}
