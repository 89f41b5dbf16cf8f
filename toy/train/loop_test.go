package train

import (
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/bandit"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
)

// tabularLoop trains a tabular policy on the population of the two prompts, full batches, plain SGD.
func tabularLoop(t testing.TB, params objective.Params) (*Loop, *bandit.Env) {
	t.Helper()
	env, pol := policies[0].build(t, false)
	pairs, err := (&preference.Population{}).Build(preference.Input{Env: env})
	if err != nil {
		t.Fatal(err)
	}
	return &Loop{Problem: NewProblem(env, pol, params.Objective(), 0), Data: pairs,
		Params: Params{Optimizer: &SGD{LR: 1}, Schedule: &Constant{}, Epochs: 10}}, env
}

// run trains and returns the outcome and the records.
func run(t testing.TB, l *Loop) (Outcome, []Record) {
	t.Helper()
	var records []Record
	out, err := l.Run(context.Background(), func(r Record) { records = append(records, r) })
	if err != nil {
		t.Fatal(err)
	}
	return out, records
}

func TestRecords(t *testing.T) {
	for _, tt := range []struct {
		batch, epochs, maxSteps, every int
		want                           []int
	}{
		{0, 10, 0, 4, []int{0, 4, 8, 10}},
		{0, 10, 0, 5, []int{0, 5, 10}},
		{0, 10, 0, 0, []int{0, 10}},
		{0, 10, 7, 3, []int{0, 3, 6, 7}},
		{0, 10, 70, 0, []int{0, 10}},
		{5, 2, 0, 0, []int{0, 6}}, // 12 comparisons in batches of 5, 5 and 2
		{0, 1, 0, 50, []int{0, 1}},
	} {
		l, _ := tabularLoop(t, &objective.DPO{Lambda: 0.5})
		l.Params.BatchSize, l.Params.Epochs, l.Params.MaxSteps, l.Params.RecordEvery = tt.batch, tt.epochs, tt.maxSteps, tt.every
		out, records := run(t, l)
		var steps []int
		for _, r := range records {
			steps = append(steps, r.Step)
		}
		out.Drift = 0
		if !slices.Equal(steps, tt.want) || out != (Outcome{Status: Done, Steps: tt.want[len(tt.want)-1]}) {
			t.Errorf("%+v: records at %v, outcome %+v", tt, steps, out)
		}
		if !math.IsNaN(records[0].Loss) || !math.IsNaN(records[0].GradNorm) {
			t.Errorf("%+v: record at step 0 is %+v", tt, records[0])
		}
	}
}

// TestRecordIsOfItsStep: loss and norm are those before the step's update, and the policy at the record is the one after.
func TestRecordIsOfItsStep(t *testing.T) {
	l, _ := tabularLoop(t, &objective.TYPO{Lambda: 0.5})
	l.Params.RecordEvery = 1
	full, grad := Full(l.Data, l.Problem), make([]float64, 6)
	var loss, norm float64
	_, err := l.Run(context.Background(), func(r Record) {
		if r.Step > 0 && (math.Abs(r.Loss-loss) > 1e-15 || math.Abs(r.GradNorm-norm) > 1e-15) {
			t.Errorf("step %d: loss %v, norm %v; before the update they were %v, %v", r.Step, r.Loss, r.GradNorm, loss, norm)
		}
		clear(grad)
		l.Problem.AddGrad(full, grad)
		loss, norm = l.Problem.Loss(full), floats.Norm(grad, 2)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestConverged(t *testing.T) {
	l, _ := tabularLoop(t, &objective.DPO{Lambda: 1})
	l.Params.Optimizer, l.Params.Epochs, l.Params.Tolerance = &SGD{LR: 10}, 1_000_000, 1e-9
	out, records := run(t, l)
	last := records[len(records)-1]
	if out.Status != Converged || out.Steps != last.Step || out.Steps >= 1_000_000 || last.GradNorm >= 1e-9 ||
		!strings.HasPrefix(out.Reason, "the gradient's norm fell to ") {
		t.Fatalf("outcome %+v, last record %+v", out, last)
	}
	// The step that finds the tolerance met moves nothing, even where the optimizer would take a long step.
	grad := make([]float64, 6)
	l.Problem.AddGrad(Full(l.Data, l.Problem), grad)
	if norm := floats.Norm(grad, 2); math.Abs(norm-last.GradNorm) > 1e-20 {
		t.Errorf("gradient norm %v at the end, recorded %v", norm, last.GradNorm)
	}
	if loss := l.Problem.Loss(Full(l.Data, l.Problem)); loss != last.Loss {
		t.Errorf("loss %v at the end, recorded %v", loss, last.Loss)
	}
}

func TestDiverged(t *testing.T) {
	// The residual of IPO's square grows by a factor of a million a step.
	l, _ := tabularLoop(t, &objective.IPO{Lambda: 1})
	l.Params.Optimizer, l.Params.Epochs, l.Params.RecordEvery = &Momentum{LR: 1e6}, 1000, 1
	var last Record
	var before, after []float64
	out, err := l.Run(context.Background(), func(r Record) {
		last, before, after = r, after, slices.Clone(l.Problem.Policy.Params())
	})
	if err != nil || out.Status != Diverged || out.Steps != last.Step || out.Steps >= 1000 || finite(last.GradNorm) ||
		!strings.HasPrefix(out.Reason, "the gradient's norm is ") {
		t.Errorf("outcome %+v, error %v, last record %+v", out, err, last)
	}
	if !slices.Equal(before, after) {
		t.Errorf("the step that diverged moves the parameters from %v to %v", before, after)
	}
}

// TestDivergedAtTheEnd: weight decay times the learning rate of -1e12 a step overflows a parameter in step 26; the
// last step of training has no next one to notice.
func TestDivergedAtTheEnd(t *testing.T) {
	for steps, want := range map[int]Outcome{
		25: {Status: Done, Steps: 25},
		26: {Status: Diverged, Steps: 26, Reason: "a parameter is not finite after step 26"},
		30: {Status: Diverged, Steps: 27, Reason: "the gradient's norm is NaN at step 27"},
	} {
		l, _ := tabularLoop(t, &objective.DPO{Lambda: 0.5})
		l.Params.Optimizer, l.Params.Epochs = &SGD{LR: 1e6, WeightDecay: 1e6}, steps
		if out, _ := run(t, l); out != want {
			t.Errorf("%d steps: outcome %+v, want %+v", steps, out, want)
		}
	}
}

// TestHugeGradient: a norm whose square overflows is still clipped, in the sparse path as in the dense one.
func TestHugeGradient(t *testing.T) {
	for _, optimizer := range []OptimizerParams{&SGD{LR: 1}, &Momentum{LR: 1}} {
		l, _ := tabularLoop(t, &objective.Sum{Terms: []objective.Part{
			{Weight: objective.Times(1e200), Loss: &objective.DPO{Lambda: 1}}}})
		l.Params.Optimizer, l.Params.ClipNorm, l.Params.Epochs = optimizer, 0.5, 1
		start := slices.Clone(l.Problem.Policy.Params())
		out, records := run(t, l)
		moved := floats.Distance(start, l.Problem.Policy.Params(), 2)
		if out.Status != Done || records[1].GradNorm < 1e198 || math.Abs(moved-0.5) > 1e-12 {
			t.Errorf("%T: outcome %+v, norm %v, moved by %v", optimizer, out, records[1].GradNorm, moved)
		}
	}
}

func TestClipping(t *testing.T) {
	for _, clip := range []float64{0, 1e-3, 0.05, 10} {
		l, _ := tabularLoop(t, &objective.IPO{Lambda: 0.5})
		l.Params.ClipNorm, l.Params.Epochs, l.Params.Optimizer = clip, 1, &SGD{LR: 0.25}
		start := slices.Clone(l.Problem.Policy.Params())
		_, records := run(t, l)
		norm := records[1].GradNorm
		want := 0.25 * norm
		if clip > 0 {
			want *= min(1, clip/(norm+1e-6))
		}
		if moved := floats.Distance(start, l.Problem.Policy.Params(), 2); math.Abs(moved-want) > 1e-14 || norm < 0.1 {
			t.Errorf("clip %v: moved by %v at a norm of %v, want %v", clip, moved, norm, want)
		}
	}
}

// TestScheduleInLoop: warm-up begins at a factor of 0 and the line ends one step short of its end. Early stopping does
// not change the steps before it.
func TestScheduleInLoop(t *testing.T) {
	want := []float64{0, 0.5, 1, 0.75, 0.5, 0.25}
	for _, steps := range []int{0, 4} {
		l, _ := tabularLoop(t, &objective.DPO{Lambda: 0.5})
		l.Params.Schedule, l.Params.RecordEvery = &Linear{Warmup: Warmup{2}}, 1
		l.Params.BatchSize, l.Params.Epochs, l.Params.MaxSteps = 0, 6, steps
		var factors []float64
		last := slices.Clone(l.Problem.Policy.Params())
		if _, err := l.Run(context.Background(), func(r Record) {
			theta := l.Problem.Policy.Params()
			if r.Step > 0 { // plain descent at a rate of 1 moves by the factor times the gradient
				factors = append(factors, floats.Distance(theta, last, 2)/r.GradNorm)
			}
			copy(last, theta)
		}); err != nil {
			t.Fatal(err)
		}
		if n := len(factors); steps > 0 && n != steps || !floats.EqualApprox(factors, want[:n], 1e-12) {
			t.Errorf("at most %d steps: factors %v", steps, factors)
		}
	}
}

func TestCancel(t *testing.T) {
	l, _ := tabularLoop(t, &objective.DPO{Lambda: 0.5})
	l.Params.Epochs, l.Params.RecordEvery = 1_000_000, 1
	for _, at := range []int{0, 100} {
		ctx, cancel := context.WithCancel(context.Background())
		last := 0
		out, err := l.Run(ctx, func(r Record) {
			if last = r.Step; last == at {
				cancel()
			}
		})
		cancel()
		if !errors.Is(err, context.Canceled) || out != (Outcome{}) || last != at {
			t.Errorf("cancelled at step %d: outcome %+v, error %v, last step %d", at, out, err, last)
		}
	}
}

// dense hides that a policy or an optimizer has a sparse path.
type dense struct{ SGD }

func (d *dense) Optimizer(n int) Optimizer { return struct{ Optimizer }{d.SGD.Optimizer(n)} }

func TestSparseStepIsDenseStep(t *testing.T) {
	for _, params := range []objective.Params{&objective.DPO{Lambda: 0.5}, &objective.IPO{Lambda: 0.5}, &objective.BradleyTerry{}} {
		for _, clip := range []float64{0, 0.05} {
			var ends [2][]float64
			var records [2][]Record
			for i, optimizer := range []OptimizerParams{&SGD{LR: 0.3}, &dense{SGD{LR: 0.3}}} {
				l, _ := tabularLoop(t, params)
				l.Params.Optimizer, l.Params.ClipNorm, l.Params.BatchSize, l.Params.RecordEvery = optimizer, clip, 5, 1
				if sparse := newComparisons(l, l.Data).sparse; sparse != (i == 0) {
					t.Fatalf("%T: sparse is %v", optimizer, sparse)
				}
				_, records[i] = run(t, l)
				ends[i] = l.Problem.Policy.Params()
			}
			if !floats.EqualApprox(ends[0], ends[1], 1e-14) {
				t.Errorf("%T, clip %v: sparse %v, dense %v", params, clip, ends[0], ends[1])
			}
			for k := 1; k < len(records[0]); k++ {
				if math.Abs(records[0][k].GradNorm-records[1][k].GradNorm) > 1e-14 {
					t.Errorf("%T: norm %v, dense %v", params, records[0][k].GradNorm, records[1][k].GradNorm)
				}
			}
		}
	}
}

// TestSparsePathConditions: whatever touches more parameters than the minibatch does takes the dense path.
func TestSparsePathConditions(t *testing.T) {
	for name, change := range map[string]func(*Loop){
		"kl":           func(l *Loop) { l.KLRadius = 0.1 },
		"l2":           func(l *Loop) { l.Problem.L2 = 0.1 },
		"weight decay": func(l *Loop) { l.Params.Optimizer = &SGD{LR: 1, WeightDecay: 0.1} },
		"adam":         func(l *Loop) { l.Params.Optimizer = &Adam{LR: 1, Eps: 1e-8} },
		"typo":         func(l *Loop) { *l.Problem = *withObjective(l, &objective.TYPO{Lambda: 1}) },
	} {
		l, _ := tabularLoop(t, &objective.DPO{Lambda: 1})
		if change(l); newComparisons(l, l.Data).sparse {
			t.Errorf("%s: sparse", name)
		}
	}
}

func withObjective(l *Loop, params objective.Params) *Problem {
	return NewProblem(twoPrompts(nil, false), l.Problem.Policy, params.Objective(), 0)
}

// TestClosedForms: on the population, full-batch descent comes to the minimizers known in closed form: pi_ref
// pi_star^(1/lambda) for DPO and RLHF, pi_ref exp(mean preference / lambda) for IPO.
func TestClosedForms(t *testing.T) {
	const lambda = 0.8
	for _, tt := range []struct {
		params objective.Params
		lr     float64
		shift  func(env *bandit.Env, prompt, response int) float64 // log pi - log pi_ref, up to a constant
	}{
		{&objective.DPO{Lambda: lambda}, 20, bradleyTerryOverLambda(lambda)},
		{&objective.RLHF{Lambda: lambda}, 2, bradleyTerryOverLambda(lambda)},
		{&objective.IPO{Lambda: lambda}, 1, func(env *bandit.Env, p, k int) float64 {
			sum := 0.0
			for other := range 3 {
				sum += env.Preference(p, k, other) - 0.5
			}
			return sum / (lambda * 3)
		}},
	} {
		l, env := tabularLoop(t, tt.params)
		l.Params.Optimizer, l.Params.Epochs, l.Params.Tolerance = &SGD{LR: tt.lr}, 20_000, 1e-13
		out, _ := run(t, l)
		for p := range env.Prompts {
			want := make([]float64, 3)
			for k := range want {
				want[k] = math.Exp(env.Prompts[p].LogRef[k] + tt.shift(env, p, k))
			}
			floats.Scale(1/floats.Sum(want), want)
			if far := farthest(probabilities(l.Problem.Policy, p), want); far > 1e-11 {
				t.Errorf("%T: %+v, prompt %d is off by %.2g", tt.params, out, p, far)
			}
		}
	}
}

func bradleyTerryOverLambda(lambda float64) func(*bandit.Env, int, int) float64 {
	return func(env *bandit.Env, p, k int) float64 { return env.Prompts[p].LogStar[k] / lambda }
}

// TestGoodPromptIsKept: TYPO leaves a prompt alone where pi_ref = pi_star, at every lambda (the preservation theorem).
func TestGoodPromptIsKept(t *testing.T) {
	for _, lambda := range []float64{1e-6, 1, 1e6} {
		l, env := tabularLoop(t, &objective.TYPO{Lambda: lambda})
		env.Prompts[0] = bandit.NewPrompt("good", []float64{0.6, 0.3, 0.1}, []float64{0.6, 0.3, 0.1}, nil, []float64{1, 0})
		pol, err := (&policy.TabularParams{}).Build(env, nil)
		if err != nil {
			t.Fatal(err)
		}
		l.Problem = NewProblem(env, pol, l.Problem.Objective, 0)
		l.Params.Optimizer = &SGD{LR: 1e-2 / max(1, lambda)}
		run(t, l)
		if far := farthest(probabilities(pol, 0), []float64{0.6, 0.3, 0.1}); far > 1e-14 {
			t.Errorf("lambda %g: the good prompt moves by %.2g", lambda, far)
		}
		if far := farthest(probabilities(pol, 1), []float64{0.1, 0.6, 0.3}); far < 1e-9 {
			t.Errorf("lambda %g: the bad prompt moves by %.2g only", lambda, far)
		}
	}
}

func TestDefaultParams(t *testing.T) {
	a, b := DefaultParams(), DefaultParams()
	if !reflect.DeepEqual(a, b) || a.Optimizer == b.Optimizer || a.Schedule == nil || a.Epochs < 1 {
		t.Errorf("defaults %+v and %+v", a, b)
	}
}
