package scorecard

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"testing"

	"windtunnel/experiments/spec"
	"windtunnel/toy/objective"
)

// fill runs a scorecard of some losses and returns its cells by test.
func fill(t *testing.T, settings spec.ScorecardSettings, losses ...spec.Objective) []map[string]*Cell {
	t.Helper()
	card, err := Run(context.Background(), losses, settings, runtime.GOMAXPROCS(0))
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]*Cell
	for i := range card.Cells {
		row := map[string]*Cell{}
		for j := range card.Cells[i] {
			row[card.Cells[i][j].Test.Name] = &card.Cells[i][j]
		}
		rows = append(rows, row)
	}
	return rows
}

func few(n int, tests ...string) spec.ScorecardSettings {
	return spec.ScorecardSettings{Environments: n, Seed: 7, Tests: tests}
}

// baseLosses are those that the paper speaks of.
func baseLosses() []spec.Objective {
	return []spec.Objective{
		{Name: "dpo", Loss: &objective.DPO{Lambda: 0.1}},
		{Name: "ipo", Loss: &objective.IPO{Lambda: 0.1}},
		{Name: "rlhf", Loss: &objective.RLHF{Lambda: 0.1}},
		{Name: "js", Loss: &objective.FDPO{Lambda: 0.1, Divergence: "js"}},
		{Name: "alpha2", Loss: &objective.FDPO{Lambda: 0.1, Divergence: "alpha", Alpha: 2}},
		{Name: "typo", Loss: &objective.TYPO{Lambda: 0.1, KLReduction: "sum"}},
	}
}

// The verdicts that sections 3 and 4 of the paper's theory give, one row a loss in the order of baseLosses: p pass, f
// fail, - none.
func TestTheory(t *testing.T) {
	losses := baseLosses()
	rows := fill(t, few(20, "strong-interpolation", "weak-interpolation", "reference-limit", "monotone", "preservation", "preservation/dominated", "existence"), losses...)
	letter := map[Verdict]byte{Pass: 'p', Fail: 'f', None: '-'}
	for _, c := range []struct{ test, want string }{ // dpo, ipo, rlhf, js, alpha2, typo
		{"strong-interpolation", "fffffp"},
		{"weak-interpolation", "ppppff"},
		{"reference-limit", "pppppp"},
		{"preservation", "fffffp"},
		{"preservation/dominated", "fffffp"},
		{"existence/never-loses", "fppffp"},
		{"existence/never-compared", "ffpffp"},
		{"existence/one-pair", "ffpffp"},
	} {
		for i, row := range rows {
			if got := letter[row[c.test].Verdict]; got != c.want[i] {
				t.Errorf("%s of %s: %c (%v, %s), want %c", c.test, losses[i].Name, got, row[c.test].Reading.Value, row[c.test].Reading.Detail, c.want[i])
			}
		}
	}
	for i, want := range map[int]float64{0: 3, 1: 0, 3: 3, 5: 0} {
		if got := rows[i]["existence/never-loses"].Reading.Value; got != want {
			t.Errorf("existence/never-loses of %s: %v, want %v", losses[i].Name, got, want)
		}
	}
	for i, want := range map[int]float64{0: 1, 1: 1, 5: 0} {
		if got := rows[i]["existence/never-compared"].Reading.Value; got != want {
			t.Errorf("existence/never-compared of %s: %v, want %v", losses[i].Name, got, want)
		}
	}
	if v := rows[5]["preservation"].Reading.Value; v != 0 {
		t.Errorf("TYPO damages the good prompt by %v nats, want 0 to rounding", v)
	}
}

// On the paper's bandit the distances at the ends of lambda have closed forms: pi_delta is (1, 0, 0) and so 0.4 from
// pi_star in total variation, and f-DPO with alpha = 2 goes to a vertex too.
func TestInterpolationValues(t *testing.T) {
	settings := few(0, "strong-interpolation", "weak-interpolation")
	settings.Only = "interpolation"
	rows := fill(t, settings, baseLosses()...)
	for i, want := range []float64{0.4, 0.4, 0.4, 0.4, 0.4, 0} {
		if got := rows[i]["strong-interpolation"].Reading.Value; math.Abs(got-want) > 1e-5 {
			t.Errorf("loss %d: TV to pi_star %v, want %v", i, got, want)
		}
	}
	if got := rows[5]["weak-interpolation"].Reading.Value; math.Abs(got-0.4) > 1e-5 {
		t.Errorf("TYPO's TV to the mode is %v, want 0.4", got)
	}
}

// DPO on the preservation bandit: its minimizer on the good prompt is proportional to pi_star^(1+1/lambda), so the
// damage at the lambda that the scorecard chose has a closed form.
func TestPreservationClosedForm(t *testing.T) {
	settings := few(0, "preservation")
	settings.Only = "preservation"
	r := fill(t, settings, baseLosses()[0])[0]["preservation"].Reading
	star := []float64{0.6, 0.3, 0.1}
	total, want := 0.0, 0.0
	for _, p := range star {
		total += math.Pow(p, 1+1/r.Lambda)
	}
	for _, p := range star {
		want += p * (math.Log(p) - (1+1/r.Lambda)*math.Log(p) + math.Log(total))
	}
	if math.Abs(r.Value-want) > 1e-9 {
		t.Errorf("damage %v at lambda %v, want %v", r.Value, r.Lambda, want)
	}
}

// With the purpose that the constraint tests define, RLHF keeps its own under every constraint, and DPO's distance is
// that of DPO to RLHF, whose unconstrained minimizers agree.
func TestConstraintPurpose(t *testing.T) {
	rows := fill(t, few(20, "constraint"), baseLosses()[0], baseLosses()[2])
	for _, kind := range []string{"l2", "early-stopping", "low-rank"} {
		if v := rows[1]["constraint/"+kind].Reading.Value; v > 1e-9 {
			t.Errorf("%s: RLHF is %v from its own purpose", kind, v)
		}
		if v := rows[0]["constraint/"+kind].Reading.Value; v < 0.05 {
			t.Errorf("%s: DPO is only %v from RLHF", kind, v)
		}
	}
}

// Gradients of one pair at the reference have closed forms: DPO lambda/sqrt(2), IPO sqrt(2)/lambda.
func TestGradients(t *testing.T) {
	s := newShared(context.Background(), few(0)).subject("dpo", &objective.DPO{Lambda: 0.3})
	if got := s.slope(duel, 0); math.Abs(got-0.3/math.Sqrt2) > 1e-12 {
		t.Errorf("DPO's gradient %v, want %v", got, 0.3/math.Sqrt2)
	}
	s = s.shared.subject("ipo", &objective.IPO{Lambda: 0.3})
	if got := s.slope(duel, 0); math.Abs(got-math.Sqrt2/0.3) > 1e-9 {
		t.Errorf("IPO's gradient %v, want %v", got, math.Sqrt2/0.3)
	}
	rows := fill(t, few(0, "gradient"), baseLosses()...)
	for i, want := range []Verdict{Pass, Fail, Pass} {
		if got := rows[i]["gradient/bounded"].Verdict; got != want {
			t.Errorf("gradient/bounded of %s: %s, want %s", baseLosses()[i].Name, got, want)
		}
	}
	if got := rows[2]["gradient/misordered"].Verdict; got != Fail {
		t.Errorf("RLHF's gradient does not vanish where the order is wrong: %s", got)
	}
}

// Data that no Bradley-Terry policy explains: TYPO moves no further than the data, the losses that go to the mode do.
func TestMajority(t *testing.T) {
	rows := fill(t, few(0, "beyond-bradley-terry"), baseLosses()[0], baseLosses()[5])
	for test, cell := range rows[1] {
		if cell.Reading.Value > 0.01 {
			t.Errorf("%s: TYPO moves %v when one label in a hundred changes", test, cell.Reading.Value)
		}
		if v := rows[0][test].Reading.Value; v < 0.3 {
			t.Errorf("%s: DPO moves only %v", test, v)
		}
	}
}

// Samples of a prompt's own comparisons lead TYPO to the population's minimizer.
func TestSampleEfficiency(t *testing.T) {
	cell := fill(t, few(1, "sample-efficiency"), baseLosses()[5])[0]["sample-efficiency"]
	if cell.Verdict != Pass {
		t.Errorf("TYPO: %s, %s", cell.Verdict, cell.Reading.Detail)
	}
}

// A loss without lambda, or without comparisons, is not judged by what it lacks.
func TestNone(t *testing.T) {
	rows := fill(t, few(3), spec.Objective{Loss: &objective.BradleyTerry{}}, spec.Objective{Loss: &objective.RLHF{Lambda: 1}})
	for i, tests := range [][]string{{"strong-interpolation", "misspecified/lambda-low", "monotone"}, {"beyond-bradley-terry/ties", "sample-efficiency"}} {
		for _, test := range tests {
			if c := rows[i][test]; c.Verdict != None || c.Reading.None == "" {
				t.Errorf("%s of %s: %s %q, want none with a reason", test, c.Loss, c.Verdict, c.Reading.None)
			}
		}
	}
}

// broken panics when it is evaluated.
type broken struct{ objective.PairTerm }

func (broken) DifferenceOnly() bool { panic("broken on purpose") }

type brokenLoss struct{}

func (*brokenLoss) Objective() *objective.Objective {
	return objective.OnPairs(broken{})
}

// One broken loss fails, and the others are measured.
func TestBroken(t *testing.T) {
	rows := fill(t, few(1), spec.Objective{Name: "broken", Loss: &brokenLoss{}}, baseLosses()[5])
	if c := rows[0]["gradient/size"]; c.Verdict != Fail || !math.IsInf(c.Reading.Value, 1) {
		t.Errorf("the broken loss: %s %v", c.Verdict, c.Reading.Value)
	}
	if c := rows[1]["strong-interpolation"]; c.Verdict != Pass {
		t.Errorf("the loss beside it: %s", c.Verdict)
	}
}

func ExampleRun() {
	losses := []spec.Objective{{Loss: &objective.DPO{Lambda: 0.1}}, {Loss: &objective.TYPO{Lambda: 0.1, KLReduction: "sum"}}}
	settings := spec.ScorecardSettings{Environments: 5, Seed: 1, Tests: []string{"strong-interpolation", "weak-interpolation"}}
	card, err := Run(context.Background(), losses, settings, 2)
	if err != nil {
		panic(err)
	}
	for i, loss := range card.Losses {
		fmt.Println(loss, card.Cells[i][0].Verdict, card.Cells[i][1].Verdict)
	}
	// Output:
	// dpo fail pass
	// typo pass fail
}
