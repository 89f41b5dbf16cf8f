package setup

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"windtunnel/toy/bandit"
	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/path"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
)

// onePrompt is a run along a path at one prompt, over its whole population.
func onePrompt(loss objective.Params, star, ref []float64, p path.Params) *Run {
	return &Run{Loss: loss, Settings: Settings{Preferences: &preference.Population{}, Policy: &policy.TabularParams{}, Solver: SolverPath,
		Train: train.DefaultParams(), Path: &p,
		Environment: &bandit.Declared{Prompts: []bandit.DeclaredPrompt{{Name: "x", PiStar: star, PiRef: ref}}}}}
}

func traced(t testing.TB, run *Run) []path.Point {
	t.Helper()
	s, err := New(run, Given{})
	if err != nil {
		t.Fatal(err)
	}
	points, err := s.Trace(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return points
}

// many is a policy over k responses without symmetries.
func many(k int, turn float64) []float64 {
	pi, sum := make([]float64, k), 0.0
	for i := range pi {
		pi[i] = math.Exp(1.5 * math.Sin(turn*float64(i+1)))
		sum += pi[i]
	}
	for i := range pi {
		pi[i] /= sum
	}
	return pi
}

// factor is a loss times a number, which has the minimizers and the flow of the loss.
func factor(c float64, loss objective.Params) objective.Params {
	return &objective.Sum{Lambda: 1, Terms: []objective.Part{{Weight: objective.Times(c), Loss: loss}}}
}

// toPath returns the largest total variation from a policy to the nearest point of a path, its points joined by straight lines.
func toPath(pi []float64, points []path.Point) float64 {
	least := math.Inf(1)
	if len(points) == 1 {
		points = []path.Point{points[0], points[0]}
	}
	for i := range points[1:] {
		for s := range 101 {
			tv := 0.0
			for k, v := range pi {
				tv += math.Abs(v-(1-float64(s)/100)*math.Exp(points[i].Policy[0][k])-float64(s)/100*math.Exp(points[i+1].Policy[0][k])) / 2
			}
			least = min(least, tv)
		}
	}
	return least
}

// descend takes many small steps of gradient descent and gives the policies on the way.
func descend(t *testing.T, run *Run, steps int, lr float64, each func(pi []float64, loss float64)) {
	t.Helper()
	slow := *run
	slow.Solver, slow.Train = SolverTrain, train.Params{Optimizer: &train.SGD{LR: lr}, Schedule: &train.Constant{}, Epochs: steps, RecordEvery: max(1, steps/50)}
	s, err := New(&slow, Given{})
	if err != nil {
		t.Fatal(err)
	}
	logPi := make([]float64, s.Env.Responses())
	loop := s.Loop()
	if _, err := loop.Run(context.Background(), func(r train.Record) {
		s.LogPolicy(0, logPi)
		pi := make([]float64, len(logPi))
		logspace.Exp(pi, logPi)
		each(pi, r.Loss)
	}); err != nil {
		t.Fatal(err)
	}
}

// The flow of IPO over all pairs is a straight line in the logits, since the loss is quadratic with one curvature: u moves
// from 0 to its minimizer as 1 - exp(-ct).
func TestFlowIsLinearForIPO(t *testing.T) {
	for _, k := range []int{2, 3, 7} {
		star, ref := many(k, 1), many(k, 2)
		points := traced(t, onePrompt(&objective.IPO{Lambda: 0.5}, star, ref, path.Params{Along: path.Time}))
		start, end := points[0].Policy[0], points[len(points)-1].Policy[0]
		rate := math.NaN()
		for _, q := range points[1 : len(points)-1] {
			logPi := q.Policy[0]
			share := (logPi[0] - logPi[1] - start[0] + start[1]) / (end[0] - end[1] - start[0] + start[1])
			for i := range logPi {
				want := start[i] - start[0] + share*(end[i]-end[0]-start[i]+start[0])
				if math.Abs(logPi[i]-logPi[0]-want) > 1e-4 {
					t.Errorf("%d responses, time %v: logit %d is %v, want %v", k, q.Strength, i, logPi[i]-logPi[0], want)
				}
			}
			if r := -math.Log1p(-share) / q.Strength; math.IsNaN(rate) {
				rate = r
			} else if share < 0.9 && math.Abs(r/rate-1) > 2e-3 {
				t.Errorf("%d responses, time %v: rate %v, before %v", k, q.Strength, r, rate)
			}
		}
		exact, err := mustNew(t, onePrompt(&objective.IPO{Lambda: 0.5}, star, ref, path.Params{Along: path.Lambda})).Solve(context.Background())
		if err != nil || path.Variation(exact.Policy, points[len(points)-1].Policy) > 1e-6 {
			t.Errorf("%d responses: the flow rests at %v, the minimizer is %v", k, end, exact.Policy)
		}
	}
}

func mustNew(t *testing.T, run *Run) *Setup {
	t.Helper()
	s, err := New(run, Given{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A factor on the loss changes the speed, not the path.
func TestFlowIgnoresFactors(t *testing.T) {
	for name, loss := range map[string]objective.Params{"dpo": &objective.DPO{Lambda: 1}, "typo": &objective.TYPO{Lambda: 0.3},
		"hinge": &objective.Hinge{Lambda: 1}, "dpo-positive": &objective.DPOPositive{Lambda: 1, Penalty: 5}} {
		want := traced(t, onePrompt(loss, many(6, 1), many(6, 2), path.Params{Along: path.Time}))
		for _, c := range []float64{0.1, 3, 1e6} {
			got := traced(t, onePrompt(factor(c, loss), many(6, 1), many(6, 2), path.Params{Along: path.Time}))
			if len(got) != len(want) {
				t.Errorf("%s times %v: %d points, want %d", name, c, len(got), len(want))
				continue
			}
			for i := range got {
				if got[i].Policy == nil || want[i].Policy == nil || path.Variation(got[i].Policy, want[i].Policy) > 1e-9 {
					t.Errorf("%s times %v: point %d is %v off (%s)", name, c, i, path.Variation(got[i].Policy, want[i].Policy), got[i].Reason)
					break
				}
			}
		}
	}
}

// Gradient descent in small steps goes along the flow, and arrives where it arrives, also along kinks and where a statistic is held
// back from differentiation.
func TestFlowIsGradientDescent(t *testing.T) {
	for name, loss := range map[string]objective.Params{"dpo": &objective.DPO{Lambda: 1}, "typo": &objective.TYPO{Lambda: 0.3},
		"ipo": &objective.IPO{Lambda: 1}, "hinge": &objective.Hinge{Lambda: 1}, "dpo-positive": &objective.DPOPositive{Lambda: 1, Penalty: 5},
		"kto": &objective.KTO{Lambda: 1, Desirable: 1, Undesirable: 1}, "rlhf": &objective.RLHF{Lambda: 0.5}} {
		for _, k := range []int{2, 7} {
			run := onePrompt(loss, many(k, 1), many(k, 2), path.Params{Along: path.Time})
			points := traced(t, run)
			if points[len(points)-1].Policy == nil {
				t.Errorf("%s, %d responses: %s", name, k, points[len(points)-1].Reason)
				continue
			}
			far, lowest := 0.0, math.Inf(1)
			descend(t, run, 30_000, 0.003, func(pi []float64, loss float64) {
				far, lowest = max(far, toPath(pi, points)), min(lowest, loss)
			})
			if far > 1.2e-3 && (far > 1.6e-3 || name != "hinge" && name != "dpo-positive") { // whose paths have corners
				t.Errorf("%s, %d responses: gradient descent goes %v away from the flow of %d points", name, k, far, len(points))
			}
			at := points[len(points)-1]
			if name == "kto" { // which has no minimizer to rest at
				continue
			}
			if lowest < at.Loss-1e-5 {
				t.Errorf("%s, %d responses: the flow rests at the loss %v, gradient descent has reached %v", name, k, at.Loss, lowest)
			}
			if name == "hinge" || name == "dpo-positive" {
				continue
			}
			run.Path = &path.Params{Along: path.Lambda}
			if found, err := mustNew(t, run).Solve(context.Background()); err != nil || path.Variation(found.Policy, at.Policy) > 1e-5 {
				t.Errorf("%s, %d responses: the flow rests %v away from the minimizer (%v)", name, k, path.Variation(found.Policy, at.Policy), err)
			}
		}
	}
}

// With two responses IPO under a penalty is quadratic: theta = (d/2, -d/2) with d = 2(r + (2p-1)/(2 lambda))/(2+alpha), r the
// difference of log pi_ref. Its path goes from the free minimizer to the uniform policy, in steps no longer than asked for.
func TestPenaltyPathOfIPO(t *testing.T) {
	star, ref := []float64{0.8, 0.2}, []float64{0.3, 0.7}
	for _, c := range []float64{1, 1e-3, 1e4} {
		points := traced(t, onePrompt(factor(c, &objective.IPO{Lambda: 0.5}), star, ref, path.Params{Along: path.L2, Step: 0.01}))
		if first, last := points[0].Strength, points[len(points)-1].Strength; first != 0 || !math.IsInf(last, 1) {
			t.Errorf("times %v: the path goes from %v to %v", c, first, last)
		}
		for i, q := range points {
			d := 2 * (math.Log(ref[0]/ref[1]) + (2*star[0]-1)/(2*0.5)) / (2 + q.Strength/c)
			if got := math.Exp(q.Policy[0][0]); math.Abs(got-logspace.Sigmoid(d)) > 1e-9 {
				t.Errorf("times %v: at %v the policy is %v, want %v", c, q.Strength, got, logspace.Sigmoid(d))
			}
			if i > 0 && (path.Variation(q.Policy, points[i-1].Policy) > 0.01 || q.Strength <= points[i-1].Strength) {
				t.Errorf("times %v: a step of %v to %v", c, path.Variation(q.Policy, points[i-1].Policy), q.Strength)
			}
		}
	}
}

// The purpose of RLHF is itself, along every path; that of another loss shares its free minimizer and, where nothing restrains it,
// no more.
func TestPurpose(t *testing.T) {
	star, ref := many(5, 1), many(5, 2)
	for _, along := range []string{path.L2, path.Time} {
		own := onePrompt(&objective.RLHF{Lambda: 1}, star, ref, path.Params{Along: along})
		aim := *own
		aim.Purpose = PurposeRLHF
		want, got := traced(t, own), traced(t, &aim)
		if len(got) != len(want) {
			t.Errorf("%s: %d points, want %d", along, len(got), len(want))
			continue
		}
		for i := range got {
			if path.Variation(got[i].Policy, want[i].Policy) > 1e-9 {
				t.Errorf("%s: point %d is %v off", along, i, path.Variation(got[i].Policy, want[i].Policy))
			}
		}
	}
	for _, loss := range []objective.Params{&objective.DPO{Lambda: 0.3}, &objective.TYPO{Lambda: 0.3}, &objective.IPO{Lambda: 2}} {
		run := onePrompt(loss, star, ref, path.Params{Along: path.L2})
		free, err := mustNew(t, run).Solve(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		run.Purpose = PurposeRLHF
		if aimed, err := mustNew(t, run).Solve(context.Background()); err != nil || path.Variation(aimed.Policy, free.Policy) > 1e-9 {
			t.Errorf("%T: its purpose is %v away from its minimizer (%v)", loss, path.Variation(aimed.Policy, free.Policy), err)
		}
	}
	one := 1 // a comparison that is never lost
	run := onePrompt(&objective.DPO{Lambda: 1}, star, ref, path.Params{Along: path.Time})
	run.Purpose, run.Preferences = PurposeRLHF, &preference.Sample{N: 1, Sampling: "uniform", Temperature: 1, Coverage: 1, Seed: &one}
	var missing *NoPurpose
	if _, err := New(run, Given{}); !errors.As(err, &missing) || missing.Status != train.Diverged {
		t.Errorf("a loss without minimizer has a purpose (%v)", err)
	}
}

// Along lambda, DPO's minimizer is pi_ref pi_star^(1/lambda), and the crossings of a level are where the closed form has them, also
// those of a dip between two points that are themselves above the level.
func TestLambdaPath(t *testing.T) {
	star, ref := []float64{0.6, 0.2, 0.2}, []float64{0.4, 0.2, 0.4}
	closed := func(lambda float64) []float64 {
		logPi := make([]float64, 3)
		for k := range logPi {
			logPi[k] = math.Log(ref[k]) + math.Log(star[k])/lambda
		}
		logspace.LogSoftmax(logPi, logPi)
		return logPi
	}
	kl := func(logPi []float64) float64 {
		sum := 0.0
		for k, p := range star {
			sum += p * (math.Log(p) - logPi[k])
		}
		return sum
	}
	best := math.Inf(1) // of KL over lambda, by brute force
	for x := -3.0; x < 3; x += 1e-4 {
		best = min(best, kl(closed(math.Pow(10, x))))
	}
	for _, level := range []float64{0.04, best + 1e-5} {
		run := onePrompt(&objective.DPO{Lambda: 1}, star, ref, path.Params{Along: path.Lambda, Levels: []path.Level{{Metric: "kl_star_pi", At: level}}})
		points, err := mustNew(t, run).Trace(context.Background(), func(policy [][]float64) []float64 { return []float64{kl(policy[0]) - level} })
		if err != nil {
			t.Fatal(err)
		}
		crossings := 0
		for i, q := range points {
			if want := closed(q.Strength); math.Abs(want[0]-q.Policy[0][0]) > 1e-6*(1+math.Abs(want[0])) {
				t.Errorf("at lambda %v log pi is %v, want %v", q.Strength, q.Policy[0], want)
			}
			if i == 0 {
				continue
			}
			before, after := kl(points[i-1].Policy[0])-level, kl(q.Policy[0])-level
			if before > 0 == (after > 0) {
				continue
			}
			if crossings++; q.Strength/points[i-1].Strength-1 > 1.1e-9 {
				t.Errorf("the level %v is crossed between %v and %v", level, points[i-1].Strength, q.Strength)
			}
		}
		if crossings != 2 {
			t.Errorf("the level %v is crossed %d times, want 2", level, crossings)
		}
	}
	if points := traced(t, onePrompt(&objective.BradleyTerry{}, star, ref, path.Params{Along: path.Lambda})); len(points) != 1 {
		t.Errorf("a loss without lambda has %d points", len(points))
	}
}

func BenchmarkPaths(b *testing.B) {
	for _, along := range []string{path.Lambda, path.L2, path.Time} {
		for _, loss := range []struct {
			name string
			loss objective.Params
		}{{"dpo", &objective.DPO{Lambda: 1}}, {"typo", &objective.TYPO{Lambda: 1}}, {"rlhf", &objective.RLHF{Lambda: 1}}, {"hinge", &objective.Hinge{Lambda: 1}}} {
			for _, k := range []int{3, 8, 20} {
				b.Run(fmt.Sprintf("%s/%s/%d", along, loss.name, k), func(b *testing.B) {
					run := onePrompt(loss.loss, many(k, 1), many(k, 2), path.Params{Along: along})
					n := 0
					for b.Loop() {
						s, err := New(run, Given{})
						if err != nil {
							b.Fatal(err)
						}
						points, err := s.Trace(context.Background(), nil)
						if err != nil {
							b.Skip(err)
						}
						n = len(points)
					}
					b.ReportMetric(float64(n), "points")
				})
			}
		}
	}
}
