package exact

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/floats"
	"pgregory.net/rapid"

	"windtunnel/toy/bandit"
	_ "windtunnel/toy/fixedseed"
	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/train"
)

// tolerance is the agreement asked of probabilities with closed forms.
const tolerance = 1e-9

// drawEnv draws an environment of up to 3 prompts and 50 responses with probabilities down to 1e-13.
func drawEnv(t *rapid.T) *bandit.Env {
	k := rapid.IntRange(2, 50).Draw(t, "K")
	spread := rapid.SampledFrom([]float64{0.1, 1, 5, 15}).Draw(t, "spread")
	row := func(label string) []float64 {
		out := rapid.SliceOfN(rapid.Float64Range(-spread, spread), k, k).Draw(t, label)
		for i, v := range out {
			out[i] = math.Exp(v)
		}
		return out
	}
	var stars, refs [][]float64
	for range rapid.IntRange(1, 3).Draw(t, "P") {
		stars, refs = append(stars, row("star")), append(refs, row("ref"))
	}
	return env(stars, refs)
}

// drawLambda draws lambda log-uniformly from 1e-6 to 1e6.
func drawLambda(t *rapid.T) float64 {
	return math.Pow(10, rapid.Float64Range(-6, 6).Draw(t, "log10 lambda"))
}

// closedDPO is pi_ref pi_star^(1/lambda), normalized (paper.md section 4).
func closedDPO(p *bandit.Prompt, lambda float64) []float64 {
	out, top := make([]float64, len(p.LogStar)), math.Inf(-1)
	for _, v := range p.LogStar {
		top = max(top, v)
	}
	for k, v := range p.LogStar {
		out[k] = p.LogRef[k] + (v-top)/lambda
	}
	logspace.LogSoftmax(out, out)
	return out
}

// closedIPO is pi_ref exp(sum_y' (p_star(y > y') - 1/2) / (lambda K)), normalized (paper.md section 4). The sum is taken
// from the best response, in terms that do not cancel.
func closedIPO(p *bandit.Prompt, lambda float64) []float64 {
	k, best := len(p.LogStar), 0
	for i, v := range p.LogStar {
		if v > p.LogStar[best] {
			best = i
		}
	}
	out := make([]float64, k)
	for i := range k {
		sum := 0.0
		for j := range k {
			d, e := p.LogStar[i]-p.LogStar[j], p.LogStar[best]-p.LogStar[j]
			// sigmoid(d) - sigmoid(e) = sigmoid(d) sigmoid(-e) (1 - exp(e - d))
			sum -= logspace.Sigmoid(d) * logspace.Sigmoid(-e) * math.Expm1(e-d)
		}
		out[i] = p.LogRef[i] + sum/(lambda*float64(k))
	}
	logspace.LogSoftmax(out, out)
	return out
}

// closedJS is pi_ref e^t/(2 - e^t), t = c + log(pi_star)/lambda (paper.md section 4), with u = 2 e^-t of the best
// response, u > 1, found by bisection on log(u - 1).
func closedJS(p *bandit.Prompt, lambda float64) []float64 {
	top := math.Inf(-1)
	for _, v := range p.LogStar {
		top = max(top, v)
	}
	out := make([]float64, len(p.LogStar))
	at := func(y float64) float64 {
		for k, v := range p.LogStar {
			d := (top - v) / lambda
			// u e^d - 1 = (u - 1) e^d + (e^d - 1), in logarithms
			grow := d + logspace.Log1mExp(-d)
			if d == 0 {
				grow = math.Inf(-1)
			}
			out[k] = p.LogRef[k] - logspace.LogSumExp([]float64{y + d, grow})
		}
		return logspace.LogSumExp(out)
	}
	low, high := -100.0, 100.0
	for range 200 {
		if middle := (low + high) / 2; at(middle) > 0 {
			low = middle
		} else {
			high = middle
		}
	}
	return out
}

// roundingJS is what a few units in the last place of log pi_star, 1e-15, become in a probability: d pi = pi dx/dt dt
// with dx/dt = 1 + r, which reaches 1e13 where pi_ref is 1e-13, and dt = 1e-15/lambda.
func roundingJS(logp, logRef []float64, lambda float64) float64 {
	worst := 0.0
	for k, v := range logp {
		worst = max(worst, math.Exp(v)*(1+math.Exp(v-logRef[k]))*1e-15/lambda)
	}
	return worst
}

// TestClosedForms checks the minimizers that have a closed form on random environments.
func TestClosedForms(t *testing.T) {
	losses := []struct {
		name   string
		loss   func(lambda float64) objective.Params
		closed func(p *bandit.Prompt, lambda float64) []float64
	}{
		{"dpo", func(l float64) objective.Params { return &objective.DPO{Lambda: l} }, closedDPO},
		{"rlhf", func(l float64) objective.Params { return &objective.RLHF{Lambda: l} }, closedDPO},
		{"f-dpo reverse kl", func(l float64) objective.Params { return &objective.FDPO{Lambda: l, Divergence: "rkl"} }, closedDPO},
		{"ipo", func(l float64) objective.Params { return &objective.IPO{Lambda: l} }, closedIPO},
		{"f-dpo js", func(l float64) objective.Params { return &objective.FDPO{Lambda: l, Divergence: "js"} }, closedJS},
	}
	for _, c := range losses {
		t.Run(c.name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				e, lambda := drawEnv(rt), drawLambda(rt)
				s := solve(t, Problem{Env: e, Pairs: population(e)}, c.loss(lambda))
				if s.Status != train.Converged || s.Reason == "" {
					rt.Fatalf("status %s: %s", s.Status, s.Reason)
				}
				for x := range e.Prompts {
					bound := tolerance
					if c.name == "f-dpo js" {
						bound += roundingJS(s.Policy[x], e.Prompts[x].LogRef, lambda)
					}
					if d := distance(s.Policy[x], c.closed(&e.Prompts[x], lambda)); !(d <= bound) {
						rt.Fatalf("prompt %d is off by %.3g, more than %.3g", x, d, bound)
					}
				}
			})
		})
	}
}

// TestLinks checks f-DPO's other divergences by their definition: lambda (f'(r_i) - f'(r_j)) = log pi_star(i) - log
// pi_star(j), written with f' in terms of r.
func TestLinks(t *testing.T) {
	slopes := map[string]func(r, alpha float64) float64{
		"forward_kl":       func(r, _ float64) float64 { return -1 / r },
		"alpha_divergence": func(r, a float64) float64 { return math.Pow(r, a-1) / (a - 1) },
	}
	for _, c := range []objective.FDPO{
		{Divergence: "forward_kl"},
		{Divergence: "alpha_divergence", Alpha: 0.5},
		{Divergence: "alpha_divergence", Alpha: -1},
		{Divergence: "alpha_divergence", Alpha: 1.5},
		{Divergence: "alpha_divergence", Alpha: 3},
	} {
		t.Run(fmt.Sprintf("%s %v", c.Divergence, c.Alpha), func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				e := drawEnv(rt)
				if c.Lambda = drawLambda(rt); c.Alpha > 1 {
					c.Lambda += 30 // below it, the minimizer is mostly on the boundary
				}
				s := solve(t, Problem{Env: e, Pairs: population(e)}, &c)
				if c.Alpha > 1 && s.Status == Boundary {
					return
				}
				if s.Status != train.Converged {
					rt.Fatalf("status %s: %s", s.Status, s.Reason)
				}
				for x, logp := range s.Policy {
					p := &e.Prompts[x]
					if off := math.Abs(logspace.LogSumExp(logp)); off > 1e-13 {
						rt.Fatalf("probabilities sum to exp(%g)", off)
					}
					for i := 1; i < len(logp); i++ {
						a := slopes[c.Divergence](math.Exp(logp[0]-p.LogRef[0]), c.Alpha)
						b := slopes[c.Divergence](math.Exp(logp[i]-p.LogRef[i]), c.Alpha)
						want := (p.LogStar[0] - p.LogStar[i]) / c.Lambda
						// 1e-14 / lambda is the rounding of the differences of log pi_star, divided by lambda
						if math.Abs(a-b-want) > 1e-9*(math.Abs(a)+math.Abs(b)+math.Abs(want))+1e-14/c.Lambda {
							rt.Fatalf("prompt %d response %d: f' differ by %g, want %g", x, i, a-b, want)
						}
					}
				}
			})
		})
	}
}

// TestTYPOStationary checks the equations of paper.md section 4, each relative to the size of its own terms, so that
// rare responses count as much as common ones.
func TestTYPOStationary(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		e, lambda := drawEnv(rt), drawLambda(rt)
		s := solve(t, Problem{Env: e, Pairs: population(e)}, &objective.TYPO{Lambda: lambda, KLReduction: "sum"})
		if s.Status != train.Converged {
			rt.Fatalf("status %s: %s", s.Status, s.Reason)
		}
		for x, logp := range s.Policy {
			p, n := &e.Prompts[x], len(logp)
			w := 2 / float64(n*(n-1))
			for k := range logp {
				force, size := 0.0, 0.0
				for j := range logp {
					if j != k {
						force += w * (logspace.Sigmoid(logp[k]-logp[j]) - logspace.Sigmoid(p.LogStar[k]-p.LogStar[j]))
						size += w * (logspace.Sigmoid(logp[k]-logp[j]) + logspace.Sigmoid(p.LogStar[k]-p.LogStar[j]))
					}
				}
				force += lambda * (math.Exp(logp[k]) - math.Exp(p.LogRef[k]))
				size += lambda * (math.Exp(logp[k]) + math.Exp(p.LogRef[k]))
				if !(math.Abs(force) <= 1e-11*size) {
					rt.Fatalf("prompt %d response %d: %.3g left of %.3g", x, k, force, size)
				}
			}
		}
	})
}

// TestTYPOMean checks that the mean over K responses divides lambda by K.
func TestTYPOMean(t *testing.T) {
	e := env([][]float64{star3}, [][]float64{ref3})
	mean := solve(t, Problem{Env: e, Pairs: population(e)}, &objective.TYPO{Lambda: 3, KLReduction: "mean"})
	sum := solve(t, Problem{Env: e, Pairs: population(e)}, &objective.TYPO{Lambda: 1, KLReduction: "sum"})
	if d := distance(mean.Policy[0], sum.Policy[0]); d > 1e-13 {
		t.Errorf("3 mean and 1 sum differ by %g", d)
	}
}

// TestLimits checks the ends of the interpolation (paper.md sections 3 and 4).
func TestLimits(t *testing.T) {
	e := env([][]float64{star3}, [][]float64{ref3})
	star, ref, mode := e.Prompts[0].LogStar, e.Prompts[0].LogRef, []float64{0, math.Inf(-1), math.Inf(-1)}
	for _, c := range []struct {
		name        string
		loss        func(lambda float64) objective.Params
		low         []float64
		atLow, atHi float64 // tolerances
	}{
		{"typo", func(l float64) objective.Params { return &objective.TYPO{Lambda: l} }, star, 1e-7, 1e-7},
		{"dpo", func(l float64) objective.Params { return &objective.DPO{Lambda: l} }, mode, 1e-15, 1e-7},
		{"ipo", func(l float64) objective.Params { return &objective.IPO{Lambda: l} }, mode, 1e-15, 1e-7},
		{"rlhf", func(l float64) objective.Params { return &objective.RLHF{Lambda: l} }, mode, 1e-15, 1e-7},
		{"js", func(l float64) objective.Params { return &objective.FDPO{Lambda: l, Divergence: "js"} }, mode, 1e-15, 1e-7},
	} {
		for lambda, want := range map[float64][]float64{1e-8: c.low, 1e8: ref, 1e-100: c.low, 1e100: ref} {
			s := solve(t, Problem{Env: e, Pairs: population(e)}, c.loss(lambda))
			bound := c.atLow
			if lambda > 1 {
				bound = c.atHi
			}
			if s.Status != train.Converged || distance(s.Policy[0], want) > bound {
				t.Errorf("%s at lambda %g: %s, off by %g", c.name, lambda, s.Status, distance(s.Policy[0], want))
			}
		}
	}
}

// TestGoodPrompt checks that DPO's minimizer on a good prompt (pi_ref = pi_star) is pi_star^(1+1/lambda) and
// TYPO's is pi_star for every lambda, on both prompts of an environment at once.
func TestGoodPrompt(t *testing.T) {
	e := env([][]float64{star3, {0.6, 0.2, 0.2}}, [][]float64{star3, {0.4, 0.2, 0.4}})
	for _, lambda := range []float64{1e-3, 0.5, 1, 20, 1e4} {
		typo := solve(t, Problem{Env: e, Pairs: population(e)}, &objective.TYPO{Lambda: lambda})
		if d := distance(typo.Policy[0], e.Prompts[0].LogStar); d > 1e-14 {
			t.Errorf("typo at %g moves the good prompt by %g", lambda, d)
		}
		if d := distance(typo.Policy[1], e.Prompts[1].LogRef); d < 1e-6 {
			t.Errorf("typo at %g leaves the bad prompt alone", lambda)
		}
		want := make([]float64, 3)
		for k, v := range e.Prompts[0].LogStar {
			want[k] = (1 + 1/lambda) * v
		}
		logspace.LogSoftmax(want, want)
		dpo := solve(t, Problem{Env: e, Pairs: population(e)}, &objective.DPO{Lambda: lambda})
		if d := distance(dpo.Policy[0], want); d > 1e-12 {
			t.Errorf("dpo at %g is off by %g on the good prompt", lambda, d)
		}
	}
}

// A strictly convex psi may have its minimum on a kink: with p = 0.7 that of max(0, 1 - z) + z^2/10 lies at z = 1, where the derivative
// of p psi(z) + (1-p) psi(-z) jumps from 0.2 z - 0.4 to 0.2 z + 0.3.
func TestKinkOfStrictlyConvexLoss(t *testing.T) {
	for _, lambda := range []float64{1e-3, 0.1, 1, 30} {
		e := env([][]float64{{0.7, 0.3}}, [][]float64{{0.4, 0.6}})
		loss := &objective.Custom{Lambda: lambda, Pair: "relu(1 - lambda*u) + 0.1*(lambda*u)^2"}
		s := solve(t, Problem{Env: e, Pairs: population(e)}, loss)
		if s.Status != train.Converged {
			t.Errorf("lambda %g: %s: %s", lambda, s.Status, s.Reason)
			continue
		}
		z := lambda * (s.Policy[0][0] - s.Policy[0][1] - math.Log(0.4/0.6))
		if math.Abs(z-1) > 1e-6 {
			t.Errorf("lambda %g: the scaled margin is %v, want 1", lambda, z)
		}
	}
}

// TestHingeByItsDual holds the hinge under a penalty against its dual, a maximum over a box that coordinate ascent goes to and that no loss is below: at the policy
// of logits theta = lambda/(2 alpha) sum a_i (e_c - e_r) with 0 <= a_i <= w_i.
func TestHingeByItsDual(t *testing.T) {
	rng := rand.New(rand.NewPCG(23, 1))
	for range 20 {
		k := 2 + rng.IntN(6)
		e, lambda, alpha := random(rng, k, 1), math.Pow(10, 2*rng.Float64()-1.5), math.Pow(10, -4*rng.Float64())
		count := map[[2]int]int{}
		for range 5 + rng.IntN(40) {
			count[[2]int{rng.IntN(k), rng.IntN(k)}]++
		}
		var rows [][3]int
		for c := range k {
			for r := range k {
				if n := count[[2]int{c, r}]; c != r && n > 0 {
					rows = append(rows, [3]int{c, r, n})
				}
			}
		}
		data := weighted(rows...)
		theta, a, least, ref := make([]float64, k), make([]float64, len(rows)), 0.0, e.Prompts[0].LogReference()
		short := func(c, r int) float64 { return 1 - lambda*((theta[c]-theta[r])-(ref[c]-ref[r])) }
		for range 20000 {
			for i, w := range data.Weight {
				c, r := data.Chosen[i], data.Rejected[i]
				next := min(w, max(0, a[i]+short(c, r)*alpha/(lambda*lambda)))
				theta[c] += lambda / (2 * alpha) * (next - a[i])
				theta[r] -= lambda / (2 * alpha) * (next - a[i])
				a[i] = next
			}
		}
		bound := -alpha * floats.Dot(theta, theta)
		least = -bound
		for i, w := range data.Weight {
			least += w * max(0, short(data.Chosen[i], data.Rejected[i]))
			bound += a[i] * (1 + lambda*(ref[data.Chosen[i]]-ref[data.Rejected[i]]))
		}
		s := solve(t, Problem{Env: e, Pairs: data, L2: alpha}, &objective.Hinge{Lambda: lambda})
		if s.Status != train.Converged || s.Loss > least+1e-9 || s.Loss < bound-1e-9 || least-bound > 1e-3 {
			t.Errorf("%d responses, lambda %g, alpha %g: %s, loss %v, by the dual from %v to %v: %s", k, lambda, alpha, s.Status, s.Loss, bound, least, s.Reason)
		}
	}
}

// TestDrDPO: of two responses, where the share p of a is chosen, sum p sigmoid(z)^(1/b) is greatest at logit p = (1 - 1/b) z, and if b is at most 1
// nowhere. The loss and its gradient are those of all prompts together, as in training, and a formula that says the same has the same answer.
func TestDrDPO(t *testing.T) {
	e := env([][]float64{{5, 3}, {1, 4}}, [][]float64{{1, 2}, {3, 1}})
	for _, prime := range []float64{1e-4, 0.5, 1, 1.5, 3, 1e4} {
		for _, lambda := range []float64{0.05, 1, 20} {
			for _, loss := range []objective.Params{&objective.DrDPO{Lambda: lambda, Prime: prime}, &objective.Custom{Lambda: lambda,
				Constants: map[string]float64{"b": prime}, Pair: "7 - b*log(mean(sigmoid(lambda*u)^(1/b)))/2"}} {
				pol := build(t, e, &policy.TabularParams{})
				s := solve(t, Problem{Env: e, Pairs: population(e), Policy: pol}, loss)
				if prime <= 1 {
					if s.Status != train.Diverged {
						t.Errorf("%T, beta' %g, lambda %g: %s: %s", loss, prime, lambda, s.Status, s.Reason)
					}
					continue
				}
				for x, p := range e.Prompts {
					z := (p.LogStar[0] - p.LogStar[1]) / (1 - 1/prime)
					want := []float64{p.LogRef[0] + z/lambda, p.LogRef[1]}
					logspace.LogSoftmax(want, want)
					if s.Status != Local || distance(s.Policy[x], want) > 1e-9 {
						t.Errorf("%T, beta' %g, lambda %g, prompt %d: %s at %v, want %v", loss, prime, lambda, x, s.Status, s.Policy[x], want)
					}
				}
				problem := train.NewProblem(e, pol, loss.Objective(), 0)
				if want := problem.Loss(train.Full(population(e), problem)); math.Abs(s.Loss-want) > 1e-11 || s.GradNorm > 1e-9 {
					t.Errorf("%T, beta' %g, lambda %g: loss %v and gradient %g, in training %v", loss, prime, lambda, s.Loss, s.GradNorm, want)
				}
			}
		}
	}
}
