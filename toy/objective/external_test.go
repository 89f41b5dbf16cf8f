package objective_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"windtunnel/toy/bandit"
	"windtunnel/toy/exact"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
)

// remote is a loss of logratio margins, given beta, the margins and their mean: its value, its derivative by the margin with all
// else held, and its derivative by the mean.
type remote struct {
	loss, slope, byMean func(beta, u, mean float64) float64
	asked               []objective.Question // copies
}

func (*remote) Columns() []string {
	return []string{"policy_chosen_logps", "policy_rejected_logps", "ref_chosen_logps", "ref_rejected_logps", "weight"}
}

func (r *remote) Ask(q *objective.Question) float64 {
	kept := *q
	kept.Columns = slices.Clone(q.Columns)
	for i := range kept.Columns {
		kept.Columns[i].Values = slices.Clone(q.Columns[i].Values)
	}
	r.asked = append(r.asked, kept)
	column := func(i int) []float64 { return q.Columns[i].Values }
	n, mean, sum, through := len(column(4)), 0.0, 0.0, 0.0
	u := make([]float64, n)
	for i := range u {
		u[i] = (column(0)[i] - column(2)[i]) - (column(1)[i] - column(3)[i])
		mean += u[i] / float64(n)
	}
	for i, w := range column(4) {
		sum += w * r.loss(q.Lambda, u[i], mean)
		through += w * r.byMean(q.Lambda, u[i], mean) / float64(n)
	}
	for i := range u {
		if q.Gradient {
			d := column(4)[i]*r.slope(q.Lambda, u[i], mean) + through
			q.Columns[0].Grad[i], q.Columns[1].Grad[i] = d, -d
		}
	}
	return sum
}

func none(float64, float64, float64) float64 { return 0 }

func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func logistic(beta, u, _ float64) float64 { return softplus(-beta * u) }

func logisticSlope(beta, u, _ float64) float64 { return -beta * sigmoid(-beta*u) }

// about is a function of the margins less their mean.
func about(f func(beta, u, mean float64) float64, sign float64) func(beta, u, mean float64) float64 {
	return func(beta, u, mean float64) float64 { return sign * f(beta, u-mean, 0) }
}

// What a gradient belongs to is found out by asking.
func TestExternalProbe(t *testing.T) {
	calls := 0.0
	for name, c := range map[string]struct {
		remote        remote
		held, coupled bool
		wrong         string
	}{
		"pairs":           {remote{loss: logistic, slope: logisticSlope, byMean: none}, false, false, ""},
		"a held weight":   {remote{loss: func(b, u, _ float64) float64 { return math.Exp(u/3) * logistic(b, u, 0) }, slope: func(b, u, _ float64) float64 { return math.Exp(u/3) * logisticSlope(b, u, 0) }, byMean: none}, true, false, ""},
		"a mean":          {remote{loss: about(logistic, 1), slope: about(logisticSlope, 1), byMean: about(logisticSlope, -1)}, false, true, ""},
		"a detached mean": {remote{loss: about(logistic, 1), slope: about(logisticSlope, 1), byMean: none}, true, true, ""},
		"float32": {remote{loss: func(b, u, _ float64) float64 { return float64(float32(logistic(b, u, 0))) }, slope: logisticSlope, byMean: none}, true, false,
			"rounded more coarsely than float64"},
		"chance": {remote{loss: func(float64, float64, float64) float64 { calls++; return calls }, slope: none, byMean: none}, true, false, "and then"},
	} {
		loss := objective.Connected(&objective.External{Lambda: 0.1}, func(*objective.External) objective.Remote { return &c.remote }).(*objective.External)
		err := loss.Probe()
		if c.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		pair, _ := loss.Objective().Terms()
		s, known := pair[0].Term.(objective.Structured).Structure()
		if err != nil || known || s.Held != c.held || s.Coupled != c.coupled || loss.Objective().Held() != c.held {
			t.Errorf("%s: %v, %+v", name, err, s)
		}
	}
}

var twoResponses = &bandit.Declared{Prompts: []bandit.DeclaredPrompt{
	{Name: "a", PiStar: []float64{0.6, 0.4}, PiRef: []float64{0.5, 0.5}}, {Name: "b", PiStar: []float64{0.3, 0.7}, PiRef: []float64{0.2, 0.8}}}}

// In training a process sees one entry a comparison, in the order of the batch and with its own weight.
func TestExternalOrder(t *testing.T) {
	env, err := twoResponses.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	pol, err := (&policy.TabularParams{}).Build(env, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &remote{loss: logistic, slope: logisticSlope, byMean: none}
	loss := objective.Connected(&objective.External{Lambda: 0.1}, func(*objective.External) objective.Remote { return r })
	pairs := &preference.Pairs{Prompt: []int{1, 0, 1, 1, 0}, Chosen: []int{0, 1, 0, 1, 0}, Rejected: []int{1, 0, 1, 0, 1}, Weight: []float64{1, 2, 3, 1, 1}}
	problem := train.NewProblem(env, pol, loss.Objective(), 0)
	if got, want := problem.Loss(train.Full(pairs, problem)), math.Ln2; math.Abs(got-want) > 1e-15 {
		t.Errorf("loss %v, want %v", got, want)
	}
	asked := r.asked[len(r.asked)-1].Columns
	for i, p := range []float64{0.2, 0.5, 0.2, 0.8, 0.5} {
		if weight := pairs.Weight[i] / 8; math.Abs(asked[2].Values[i]-math.Log(p)) > 1e-15 || asked[4].Values[i] != weight {
			t.Errorf("entry %d: reference %v, weight %v, want %v, %v", i, asked[2].Values[i], asked[4].Values[i], math.Log(p), weight)
		}
	}
	if len(asked[0].Values) != len(pairs.Prompt) {
		t.Errorf("%d entries", len(asked[0].Values))
	}
}

// The exact solver finds DPO's minimizer by asking, and says that it searched for it; with a weight held, where training rests.
func TestExternalSolve(t *testing.T) {
	env, err := twoResponses.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	held := func(f func(beta, u, mean float64) float64) func(beta, u, mean float64) float64 {
		return func(beta, u, mean float64) float64 { return (1 + u*u) * f(beta, u, mean) }
	}
	for want, r := range map[exact.Status]*remote{
		exact.Local:      {loss: logistic, slope: logisticSlope, byMean: none},
		exact.Stationary: {loss: held(logistic), slope: held(logisticSlope), byMean: none},
	} {
		loss := objective.Connected(&objective.External{Lambda: 0.1}, func(*objective.External) objective.Remote { return r })
		pol, err := (&policy.TabularParams{}).Build(env, nil)
		if err != nil {
			t.Fatal(err)
		}
		pairs := &preference.Pairs{Prompt: []int{0, 0, 1, 1}, Chosen: []int{0, 1, 0, 1}, Rejected: []int{1, 0, 1, 0}, Weight: []float64{0.3, 0.2, 0.15, 0.35}}
		s, err := exact.Solve(context.Background(), &exact.Problem{Env: env, Policy: pol.(policy.Affine), Objective: loss.Objective(), Pairs: pairs})
		if err != nil || s.Status != want {
			t.Fatalf("%v, %+v", err, s)
		}
		for x, odds := range []float64{math.Log(0.6 / 0.4), math.Log(0.3 / 0.7)} { // the weights are even in the margin, as opposite comparisons are
			ref := env.Prompts[x].LogReference()
			if u := s.Policy[x][0] - s.Policy[x][1] - ref[0] + ref[1]; math.Abs(u-odds/0.1) > 1e-6 {
				t.Errorf("%s, prompt %d: the margin is %v, want %v", want, x, u, odds/0.1)
			}
		}
	}
}
