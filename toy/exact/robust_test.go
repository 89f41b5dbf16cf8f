package exact

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"windtunnel/toy/objective"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
)

// TestRobustRate checks robust DPO of two responses: it estimates the rate q of clean labels from the rate observed,
// ((1-e) won - e lost)/(1-2e), and its minimizer has the log-odds of q for its scaled margin; where q is 0 or 1, or less or
// more, there is none (Chowdhury et al., arXiv 2403.00409). At 10 % flipped labels, the rate that it takes for granted, q is 1.
func TestRobustRate(t *testing.T) {
	e := env([][]float64{{1, 1}}, [][]float64{{0.3, 0.7}})
	for _, c := range []struct{ won, lost int }{{54, 6}, {9, 1}, {53, 7}, {7, 13}, {1, 1}, {59, 1}, {1, 0}, {2, 18}, {1, 39}} {
		for _, lambda := range []float64{0.01, 1, 100} {
			s := solve(t, Problem{Env: e, Pairs: pairs([3]int{0, 1, c.won}, [3]int{1, 0, c.lost})}, &objective.Robust{Lambda: lambda, LabelSmoothing: 0.1})
			clean := 9*c.won - c.lost // q times 8 times all
			all := 8 * (c.won + c.lost)
			if clean <= 0 || clean >= all {
				if s.Status != train.Diverged || s.Policy[0] != nil {
					t.Errorf("%d to %d at %g: %+v", c.won, c.lost, lambda, s)
				}
				continue
			}
			want := math.Log(float64(clean) / float64(all-clean))
			if s.Status != train.Converged {
				t.Errorf("%d to %d at %g: %+v", c.won, c.lost, lambda, s)
			} else if got := lambda * (s.Policy[0][0] - math.Log(0.3) - s.Policy[0][1] + math.Log(0.7)); math.Abs(got-want) > tolerance {
				t.Errorf("%d to %d at %g: margin %v, want %v", c.won, c.lost, lambda, got, want)
			}
		}
	}
}

// TestRobustCuts draws comparisons of three responses, in which net losses of one pair may be made up for by the others,
// and holds the verdicts against the loss's lowest values near and far.
func TestRobustCuts(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	count := map[Status]int{}
	for range 150 {
		data, total := &preference.Pairs{}, 0.0
		for c := range 3 {
			for r := range 3 {
				if w := float64(rng.IntN(12)); c != r && w > 0 {
					data.Prompt, data.Chosen, data.Rejected = append(data.Prompt, 0), append(data.Chosen, c), append(data.Rejected, r)
					data.Weight = append(data.Weight, w)
					total += w
				}
			}
		}
		for i := range data.Weight {
			data.Weight[i] /= total
		}
		loss := &objective.Robust{Lambda: 1, LabelSmoothing: 0.2}
		b := newBench(t, loss, data)
		s := solve(t, Problem{Env: b.env, Pairs: data}, loss)
		count[s.Status]++
		inside, _ := b.least(0, 8)
		outside, _ := b.least(8, 16)
		if !(s.Status == train.Converged && inside < outside || s.Status == train.Diverged && outside < inside) {
			t.Errorf("%v over %v %v: %s (%s); least %v inside, %v outside", data.Chosen, data.Rejected, data.Weight, s.Status, s.Reason, inside, outside)
		}
	}
	if count[train.Converged] < 30 || count[train.Diverged] < 30 {
		t.Errorf("verdicts %v", count)
	}
}

// TestCheapest compares minimum cuts with negative weights with all parts tried one by one.
func TestCheapest(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		n := 2 + rng.IntN(4)
		lost := mat.NewDense(n, n, nil)
		for a := range n {
			for b := range a {
				there, back := rng.Float64()-0.4, rng.Float64()-0.4
				if there+back < 0 {
					there, back = -there, -back
				}
				lost.Set(a, b, there/float64(n*n))
				lost.Set(b, a, back/float64(n*n))
			}
		}
		for with := range n {
			without, best := (with+1)%n, math.Inf(1)
			for part := range 1 << n {
				cost := 0.0
				for a := range n {
					for b := range n {
						if part>>a&1 == 1 && part>>b&1 == 0 {
							cost += lost.At(a, b)
						}
					}
				}
				if part>>with&1 == 1 && part>>without&1 == 0 {
					best = min(best, cost)
				}
			}
			if _, got := cheapest(lost, with, without); math.Abs(got-best) > 1e-12 {
				t.Errorf("with %d without %d of %d: %v, want %v", with, without, n, got, best)
			}
		}
	}
}

// TestCheapCut checks, whatever weights are measured in, which part may rise at no cost but for rounding: what response 0 lost to 1 and 2 is made up
// for by a negative weight to 3, or not quite.
func TestCheapCut(t *testing.T) {
	if p := (&task{logRef: make([]float64, 3)}); !slices.Equal(p.cheapCut(), []int{0}) {
		t.Errorf("where nothing was lost: %v", p.cheapCut())
	}
	for _, factor := range []float64{1e-12, 1, 1e12} {
		for _, c := range []struct {
			made float64
			part []int
		}{{-0.3, []int{0}}, {-0.29, nil}} {
			p := &task{logRef: make([]float64, 4), chosen: []int{1, 2, 3, 0, 1, 1, 2, 2, 3}, rejected: []int{0, 0, 0, 3, 2, 3, 1, 3, 1}}
			p.weight = floats.ScaleTo(make([]float64, 9), factor, []float64{0.1, 0.2, c.made, 1, 1, 1, 1, 1, 1})
			if got := p.cheapCut(); !slices.Equal(got, c.part) {
				t.Errorf("times %g, %g made up: %v, want %v", factor, c.made, got, c.part)
			}
		}
	}
}

// TestPlungesHeld checks robust DPO beside a term that holds it.
func TestPlungesHeld(t *testing.T) {
	e := env([][]float64{star3}, [][]float64{ref3})
	loss := &objective.Sum{Lambda: 1, Terms: []objective.Part{{Loss: &objective.Robust{Lambda: 1, LabelSmoothing: 0.1}},
		{Loss: &objective.KLRefPi{Reduction: "sum"}}}}
	if s, err := Solve(t.Context(), &Problem{Env: e, Policy: newBench(t, loss, population(e)).affine(), Objective: loss.Objective(), Pairs: population(e)}); err != nil || s.Status != train.Converged {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestAlphaPO checks a link without a reference: training's gradient vanishes at the minimizer, and where a response was
// never compared, the margin is that of the comparisons and the policy the nearest to pi_ref among those that have it.
func TestAlphaPO(t *testing.T) {
	e := env([][]float64{{0.6, 0.3, 0.1}}, [][]float64{{0.4, 0.4, 0.2}})
	for _, alpha := range []float64{0.25, 1, 2} {
		for _, lambda := range []float64{0.01, 1, 100} {
			loss := &objective.AlphaPO{Lambda: lambda, Gamma: 0.5, Alpha: alpha}
			b := newBench(t, loss, population(e))
			s := solve(t, Problem{Env: e, Pairs: population(e), Policy: b.affine()}, loss)
			grad := make([]float64, 3)
			b.problem.AddGrad(train.Full(population(e), b.problem), grad)
			if s.Status != train.Converged || math.Abs(grad[0])+math.Abs(grad[1])+math.Abs(grad[2]) > 1e-9*max(1, lambda) {
				t.Errorf("alpha %g lambda %g: %s, gradient %v", alpha, lambda, s.Status, grad)
			}
		}
		loss := &objective.AlphaPO{Lambda: 1, Gamma: 0.5, Alpha: alpha}
		s := solve(t, Problem{Env: e, Pairs: comparisons["never compared"]}, loss)
		reward := func(logp float64) float64 { return -math.Expm1(-alpha*logp) / alpha }
		// 7 sigmoid(gamma - z) = 3 sigmoid(gamma + z) is quadratic in exp(z).
		g := math.Exp(-0.5)
		want := math.Log((4 + math.Sqrt(16+84*g*g)) / (6 * g))
		if got := reward(s.Policy[0][0]) - reward(s.Policy[0][1]); s.Status != NotUnique || math.Abs(got-want) > tolerance {
			t.Errorf("alpha %g: %s, margin %v, want %v", alpha, s.Status, got, want)
		}
		kl := func(p0 float64) float64 { // KL(pi_ref to pi) up to a constant where response 0 has probability p0
			p1 := math.Pow(math.Pow(p0, -alpha)+alpha*want, -1/alpha)
			return -0.4*math.Log(p0) - 0.4*math.Log(p1) - 0.2*math.Log(1-p0-p1)
		}
		at := math.Exp(s.Policy[0][0])
		if kl(at) > kl(at*1.001)-1e-9 || kl(at) > kl(at*0.999)-1e-9 {
			t.Errorf("alpha %g: KL %v at p0 %v, but %v and %v beside it", alpha, kl(at), at, kl(at*0.999), kl(at*1.001))
		}
	}
}
