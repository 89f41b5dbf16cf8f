package engine

import (
	"context"
	"math"
	"testing"

	"windtunnel/experiments/spec"
	"windtunnel/metrics/tables"
	"windtunnel/toy/exact"
	"windtunnel/toy/fixedseed"
	"windtunnel/toy/objective"
	"windtunnel/toy/path"
	"windtunnel/toy/setup"
	"windtunnel/toy/train"
	"windtunnel/toy/variants"
)

// Every loss has the same numbers in the rows of a run that is trained, of one that is solved, and on its landscape.
func TestOneLoss(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped by -short: takes long under the race detector, of which a single goroutine has no need")
	}
	t.Parallel()
	base := planOf(t, `name: one
environment: {kind: bandit, prompts: [{name: x, pi_star: [0.6, 0.3, 0.1], pi_ref: [0.4, 0.4, 0.2]}]}
preferences: {kind: sample, n: 12}
train: {epochs: 2, batch_size: 0, record_every: 1}
objectives: [dpo]
`).Runs[0]
	look := Landscape
	if !fixedseed.Soak {
		look = withoutMinimizers
	}
	w := &worker{}
	for _, v := range variants.Of(objective.Kinds(), func(objective.Params) {}) {
		if _, direct := v.Params.(objective.Direct); direct {
			continue
		}
		run := &spec.Run{Run: base.Run, ID: v.Name, Label: v.Name}
		run.Loss = v.Params
		s, err := setup.New(&run.Run, setup.Given{})
		if err != nil {
			t.Fatal(err)
		}
		start := s.Problem.Loss(train.Full(s.Pairs, s.Problem))
		trained, err := w.do(context.Background(), run)
		if err != nil || trained.failed() {
			t.Fatalf("%s: %s (%v)", v.Name, trained.reason, err)
		}
		if got := value(trained, tables.Traces, "data_loss"); got != start {
			t.Errorf("%s: trained from a loss of %v, want %v", v.Name, got, start)
		}
		nearest, at := math.NaN(), math.Inf(1)
		policies, err := look(run, "x")
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range policies {
			if d := math.Abs(q.Pi[0]-0.4) + math.Abs(q.Pi[1]-0.4); d < at && math.IsNaN(q.Lambda) {
				nearest, at = q.Loss, d
			}
		}
		surface, err := s.Surface(0)
		if err != nil {
			t.Fatal(err)
		}
		if want := surface([]float64{math.Log(0.403), math.Log(0.403), math.Log(0.194)}); math.Abs(nearest-want) > 0.1*(1+math.Abs(want)) {
			t.Errorf("%s: the landscape is %v near the reference, the loss %v", v.Name, nearest, want)
		}
		run.Solver = setup.SolverExact
		solved, err := w.do(context.Background(), run)
		if err != nil {
			t.Fatal(err)
		}
		found, err := s.Solve(context.Background())
		switch {
		case err != nil && (!solved.failed() || solved.reason != err.Error()):
			t.Errorf("%s: %s, %s; want the error %v", v.Name, solved.status, solved.reason, err)
		case err == nil && found.Status != exact.Stalled && solved.status != string(found.Status):
			t.Errorf("%s: %s, want %s", v.Name, solved.status, found.Status)
		case err == nil && found.Status == train.Converged && value(solved, tables.Runs, "loss") != found.Loss:
			t.Errorf("%s: the loss is %v, want %v", v.Name, value(solved, tables.Runs, "loss"), found.Loss)
		}
	}
}

// withoutMinimizers is a landscape that seeks one minimizer in place of those over lambda, which takes most of the time.
func withoutMinimizers(run *spec.Run, prompt string) ([]LandscapePolicy, error) {
	copied := *run
	copied.Path = &path.Params{Along: path.Lambda, From: 1, To: 1, Points: 1}
	return landscape(&copied, prompt)
}

// A landscape tells the minimizers over lambda: of RLHF with the rewards log pi_star they are proportional to
// pi_ref pi_star^(1/lambda).
func TestLandscapeMinimizers(t *testing.T) {
	t.Parallel()
	star, ref := [3]float64{0.6, 0.3, 0.1}, [3]float64{0.4, 0.4, 0.2}
	run := planOf(t, `name: minimizers
environment: {kind: bandit, prompts: [{name: x, pi_star: [0.6, 0.3, 0.1], pi_ref: [0.4, 0.4, 0.2]}]}
objectives: [rlhf]
`).Runs[0]
	policies, err := Landscape(run, "x")
	if err != nil {
		t.Fatal(err)
	}
	least, most := math.Inf(1), 0.0
	for _, q := range policies {
		if math.IsNaN(q.Lambda) {
			continue
		}
		least, most = min(least, q.Lambda), max(most, q.Lambda)
		total := 0.0
		for k := range star {
			total += ref[k] * math.Pow(star[k]/star[0], 1/q.Lambda)
		}
		for k := range star {
			if want := ref[k] * math.Pow(star[k]/star[0], 1/q.Lambda) / total; math.Abs(q.Pi[k]-want) > 1e-6 || q.Status != train.Converged {
				t.Errorf("lambda %v: response %d has %v (%s), want %v", q.Lambda, k, q.Pi[k], q.Status, want)
			}
		}
	}
	if least != 1e-3 || most != 1e3 {
		t.Errorf("minimizers from lambda %v to %v", least, most)
	}
}

// value is a number of a table's first row.
func value(r *result, table, column string) float64 {
	rows := r.rows[tableIndex[table]]
	for i, c := range rows.Schema {
		if c.Name == column {
			return rows.Values[i].Number
		}
	}
	panic("there is no column " + column)
}
