package exact

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/optimize"

	"windtunnel/toy/bandit"
	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
	"windtunnel/toy/variants"
)

// random returns an environment of one prompt.
func random(rng *rand.Rand, k int, spread float64) *bandit.Env {
	star, ref := make([]float64, k), make([]float64, k)
	for j := range k {
		star[j], ref[j] = math.Exp(spread*rng.NormFloat64()), math.Exp(spread*rng.NormFloat64())
	}
	return env([][]float64{star}, [][]float64{ref})
}

// everyLoss lists every registered loss at its defaults but for lambda.
func everyLoss(lambda float64) map[string]objective.Params {
	all := map[string]objective.Params{}
	for _, kind := range objective.Kinds() {
		if _, direct := kind.New().(objective.Direct); kind.Name != "custom" && kind.Name != "sum" && !direct {
			all[kind.Name] = with(kind.Name, lambda)
		}
	}
	all["dr-dpo 3"] = &objective.DrDPO{Lambda: lambda, Prime: 3}
	all["savage"] = &objective.GPO{Lambda: lambda, Function: "savage"}
	all["alpha 2"] = &objective.FDPO{Lambda: lambda, Divergence: "alpha", Alpha: 2}
	all["discopop js"] = &objective.DiscoPOP{Lambda: lambda, Tau: 0.05, Divergence: objective.Divergence{Divergence: "js"}}
	return all
}

// TestNoneIsLower holds what is found of every loss of three responses against the loss, as training computes it, on a grid of
// policies that reaches to the boundary, and at random ones: none is lower, unless the loss is said to fall for ever, or to rest.
func TestNoneIsLower(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 1))
	solved := map[Status]int{}
	for range 4 {
		e := random(rng, 3, 1)
		data := population(e)
		for _, lambda := range []float64{0.05, 1, 8} {
			for name, loss := range everyLoss(lambda) {
				pol := build(t, e, &policy.TabularParams{})
				s := solve(t, Problem{Env: e, Pairs: data}, loss)
				if solved[s.Status]++; s.Status == Stalled && name != "alpha-dpo" {
					t.Errorf("%s at %g: %s", name, lambda, s.Reason)
				}
				if s.Status == train.Diverged || s.Status == Stationary || s.Status == Stalled || name == "tr-dpo" || name == "kto" {
					continue
				}
				problem := train.NewProblem(e, pol, loss.Objective(), 0)
				full, least := train.Full(data, problem), math.Inf(1)
				try := func(a, b float64) {
					pol.Params()[0], pol.Params()[1], pol.Params()[2] = a, b, -a-b
					least = min(least, problem.Loss(full))
				}
				reach := 8 * max(1, 1/lambda)
				for a := -30; a <= 30; a++ {
					for b := -30; b <= 30; b++ {
						try(reach*math.Pow(float64(a)/30, 3), reach*math.Pow(float64(b)/30, 3))
					}
				}
				for range 300 {
					try(3*rng.NormFloat64()/lambda, 3*rng.NormFloat64()/lambda)
				}
				if s.Loss > least+1e-9*max(1, math.Abs(least)) {
					t.Errorf("%s at %g: %s with loss %v, the grid finds %v (%s)", name, lambda, s.Status, s.Loss, least, s.Reason)
				}
			}
		}
	}
	for _, status := range []Status{train.Converged, Boundary, Local, Stationary} {
		if solved[status] < 12 {
			t.Errorf("only %d are %s", solved[status], status)
		}
	}
}

// TestFactorAndOrder checks that a positive factor on the loss and another order of the responses leave policies alone.
func TestFactorAndOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 8))
	e := random(rng, 4, 1)
	order := []int{2, 0, 3, 1}
	x := &e.Prompts[0]
	stars, refs := make([]float64, 4), make([]float64, 4)
	for i, k := range order {
		stars[i], refs[i] = math.Exp(x.LogStar[k]), math.Exp(x.LogReference()[k])
	}
	turned := env([][]float64{stars}, [][]float64{refs})
	for name, loss := range everyLoss(0.7) {
		if strings.HasPrefix(name, "aot") {
			continue // the order of equal margins decides which coupling is searched first
		}
		s := solve(t, Problem{Env: e, Pairs: population(e)}, loss)
		other := solve(t, Problem{Env: turned, Pairs: population(turned)}, loss)
		if s.Status != other.Status {
			t.Errorf("%s: %s, permuted %s", name, s.Status, other.Status)
			continue
		}
		if s.Policy[0] == nil {
			continue
		}
		for i, k := range order {
			if d := math.Abs(math.Exp(s.Policy[0][k]) - math.Exp(other.Policy[0][i])); d > 1e-7 {
				t.Errorf("%s: response %d is off by %g when permuted", name, k, d)
			}
		}
		if name == "tr-dpo" {
			continue
		}
		for _, factor := range []float64{1e-3, 1e3} {
			scaled := solve(t, Problem{Env: e, Pairs: population(e)}, weigh(factor, loss))
			if d := distance(s.Policy[0], scaled.Policy[0]); scaled.Status != s.Status || d > 1e-7 {
				t.Errorf("%s times %g: %s, off by %g; alone %s", name, factor, scaled.Status, d, s.Status)
			}
		}
	}
}

// TestMarginsDoNotMove checks that lambda times the margin at which a loss of it alone is least is the same at every lambda.
func TestMarginsDoNotMove(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for _, k := range []int{2, 3, 6} {
		e := random(rng, k, 1)
		ref := e.Prompts[0].LogReference()
		for _, name := range []string{"dpo", "discopop", "exo", "hinge", "gpo", "ipo", "savage"} {
			var first []float64
			for _, lambda := range []float64{1, 1e-6, 1e-3, 1e3, 1e6} {
				s := solve(t, Problem{Env: e, Pairs: population(e)}, everyLoss(lambda)[name])
				if s.Status == train.Diverged {
					break
				}
				v := make([]float64, k)
				for j := range v {
					v[j] = lambda * ((s.Policy[0][j] - ref[j]) - (s.Policy[0][0] - ref[0]))
				}
				if first == nil {
					first = v
				}
				for j := range v {
					if d := math.Abs(v[j] - first[j]); d > 1e-9*max(1, lambda*1e-6) {
						t.Errorf("%s, K %d, lambda %g: margin %d is %v, at 1 %v", name, k, lambda, j, v[j], first[j])
					}
				}
			}
		}
	}
}

// TestTwins checks losses that are written in two ways.
func TestTwins(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 2))
	same := objective.Divergence{Divergence: "reverse_kl"}
	for range 3 {
		e := random(rng, 4, 0.8)
		data := population(e)
		for _, lambda := range []float64{0.02, 1, 30} {
			formula := func(pair string) objective.Params { return &objective.Custom{Lambda: lambda, Pair: pair} }
			for name, twins := range map[string][2]objective.Params{
				"ipo":      {&objective.IPO{Lambda: lambda}, formula("square(u - 1/(2*lambda))")},
				"discopop": {&objective.DiscoPOP{Lambda: lambda, Tau: 0.05, Divergence: same}, formula("-sigmoid(-lambda*u/0.05)*logsigmoid(lambda*u) + sigmoid(lambda*u/0.05)*exp(-lambda*u)")},
				"hinge":    {&objective.Hinge{Lambda: lambda, Divergence: same}, formula("relu(1 - lambda*u)")},
				"sppo":     {&objective.SPPO{Lambda: lambda}, formula("square(c - ref_c - 1/(2*lambda)) + square(r - ref_r + 1/(2*lambda))")},
				"held":     {formula("softplus(-lambda*u) - sigmoid(-lambda*u)"), formula("-stopgrad(sigmoid(-lambda*u))*logsigmoid(lambda*u)")},
				"ld-dpo":   {&objective.DPO{Lambda: lambda}, &objective.LDDPO{Lambda: lambda, Alpha: 0.5}},
				"kto":      {&objective.KTO{Lambda: lambda, Desirable: 1, Undesirable: 1}, &objective.APOZeroUnpaired{Lambda: lambda, Desirable: 1, Undesirable: 1}},
			} {
				a, b := solve(t, Problem{Env: e, Pairs: data}, twins[0]), solve(t, Problem{Env: e, Pairs: data}, twins[1])
				bound := 1e-9
				if name == "hinge" {
					bound = 1e-4 // as a formula a kink may be all that is known
				}
				if d := distance(a.Policy[0], b.Policy[0]); d > bound {
					t.Errorf("%s at %g: %s and %s, off by %g", name, lambda, a.Status, b.Status, d)
				}
				if held := name == "held"; held != (b.Status == Stationary) {
					t.Errorf("%s at %g: %s", name, lambda, b.Status)
				}
			}
		}
	}
}

// TestKTO checks the limit of a minimizing sequence: responses that lose more than they win have probability 0, and with
// lambda to 0 the others the shares of max(wins - losses, 0).
func TestKTO(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	for range 6 {
		e := random(rng, 5, 1)
		data := population(e)
		net, sum := make([]float64, 5), 0.0
		for i, c := range data.Chosen {
			net[c] += data.Weight[i]
			net[data.Rejected[i]] -= data.Weight[i]
		}
		for k, v := range net {
			net[k] = max(0, v)
			sum += net[k]
		}
		for _, loss := range []objective.Params{&objective.KTO{Lambda: 1e-5, Desirable: 1, Undesirable: 1}, &objective.APOZero{Lambda: 1e-5}} {
			s := solve(t, Problem{Env: e, Pairs: data}, loss)
			if s.Status != Boundary {
				t.Fatalf("%T: %s, %s", loss, s.Status, s.Reason)
			}
			for k, v := range s.Policy[0] {
				if d := math.Abs(math.Exp(v) - net[k]/sum); d > 1e-4 || (net[k] == 0) != math.IsInf(v, -1) {
					t.Errorf("%T: pi[%d] = %v, want %v", loss, k, math.Exp(v), net[k]/sum)
				}
			}
		}
	}
}

// TestRestsAtTheOdds checks that WPO, on the whole population, rests where DPO is least, and TR-DPO's reference goes to the mode.
func TestRestsAtTheOdds(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 7))
	for _, k := range []int{2, 5, 12} {
		e := random(rng, k, 1)
		data := population(e)
		best := slices.Index(e.Prompts[0].LogStar, slices.Max(e.Prompts[0].LogStar))
		for _, lambda := range []float64{1e-4, 0.1, 1, 1e4} {
			dpo := solve(t, Problem{Env: e, Pairs: data}, &objective.DPO{Lambda: lambda})
			for _, alignment := range []string{"none", "sampled", "greedy"} {
				wpo := solve(t, Problem{Env: e, Pairs: data}, &objective.WPO{Lambda: lambda, Alignment: alignment})
				if d := distance(dpo.Policy[0], wpo.Policy[0]); wpo.Status != Stationary || d > 1e-9 {
					t.Errorf("wpo %s, K %d, lambda %g: %s, off by %g", alignment, k, lambda, wpo.Status, d)
				}
			}
			moved := solve(t, Problem{Env: e, Pairs: data}, &objective.TRDPO{Lambda: lambda, Alpha: 0.6, Every: 512})
			if moved.Status != Boundary || math.Exp(moved.Policy[0][best]) != 1 {
				t.Errorf("tr-dpo, K %d, lambda %g: %s %v", k, lambda, moved.Status, moved.Policy)
			}
		}
	}
}

// TestBCOAtItsOwnMean checks the point at which BCO rests: with delta fixed at the mean of rewards there, the loss is least.
func TestBCOAtItsOwnMean(t *testing.T) {
	e := random(rand.New(rand.NewPCG(8, 3)), 4, 1)
	data := population(e)
	for _, lambda := range []float64{0.01, 1, 50} {
		s := solve(t, Problem{Env: e, Pairs: data}, &objective.BCO{Lambda: lambda})
		mean, ref := 0.0, e.Prompts[0].LogReference()
		for i, w := range data.Weight {
			c, r := data.Chosen[i], data.Rejected[i]
			mean += w * lambda * (s.Policy[0][c] - ref[c] + s.Policy[0][r] - ref[r]) / 2
		}
		fixed := solve(t, Problem{Env: e, Pairs: data}, &objective.BCO{Lambda: lambda, Delta: &mean})
		if d := distance(s.Policy[0], fixed.Policy[0]); s.Status != Stationary || d > 1e-7 {
			t.Errorf("lambda %g: %s, off by %g from the minimizer at delta %g (%s)", lambda, s.Status, d, mean, fixed.Status)
		}
	}
}

// TestLinksUnderPenalty holds f-DPO under a penalty, which is not convex, against gonum's BFGS from many random starts.
func TestLinksUnderPenalty(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 9))
	for i := range 5 {
		e := random(rng, 10, 1.5)
		lambda, l2 := math.Pow(10, -2+2*rng.Float64()), math.Pow(10, -5+3*rng.Float64())
		if i == 0 {
			lambda, l2 = 0.194, 0.00234
		}
		loss := &objective.FDPO{Lambda: lambda, Divergence: "alpha", Alpha: 0.5}
		data := population(e)
		s := solve(t, Problem{Env: e, Pairs: data, L2: l2}, loss)
		if s.Status != Local || !strings.Contains(s.Reason, "searches") {
			t.Errorf("%s: %s", s.Status, s.Reason)
		}
		pol := build(t, e, &policy.TabularParams{})
		problem := train.NewProblem(e, pol, loss.Objective(), l2)
		full := train.Full(data, problem)
		for range 15 {
			x := make([]float64, 10)
			size := math.Pow(10, 2*rng.Float64()-0.5)
			for j := range x {
				x[j] = size * rng.NormFloat64()
			}
			r, _ := optimize.Minimize(optimize.Problem{
				Func: func(x []float64) float64 { copy(pol.Params(), x); return problem.Loss(full) },
				Grad: func(g, x []float64) { copy(pol.Params(), x); clear(g); problem.AddGrad(full, g) },
			}, x, nil, &optimize.BFGS{})
			if r != nil && r.F < s.Loss-1e-9 {
				t.Errorf("lambda %g, l2 %g: %v, a random start finds %v", lambda, l2, s.Loss, r.F)
			}
		}
	}
}

// TestStartsOfTheCaller checks that a policy that the caller knows is a start: what is found is no higher than it.
func TestStartsOfTheCaller(t *testing.T) {
	e := random(rand.New(rand.NewPCG(3, 3)), 4, 1)
	p := Problem{Env: e, Pairs: population(e), From: [][][]float64{{logs(1, 0.2, 0.5, 0.1)}}}
	for _, loss := range []objective.Params{&objective.EXO{Lambda: 0.3, LabelSmoothing: 1e-3}, &objective.ORPO{Lambda: 5}} {
		s := solve(t, p, loss)
		pol := build(t, e, &policy.TabularParams{})
		copy(pol.Params(), p.From[0][0])
		problem := train.NewProblem(e, pol, loss.Objective(), 0)
		if v := problem.Loss(train.Full(p.Pairs, problem)); s.Loss > v || s.Status != Local {
			t.Errorf("%T: %s at %v, the start at %v", loss, s.Status, s.Loss, v)
		}
	}
}

// TestOverKinks checks that DPO-Positive, whose minimizers lie on several kinks at once, is solved at any size and lambda: some
// responses are at their reference exactly, and no direction, small or large, lowers the loss.
func TestOverKinks(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for _, k := range []int{3, 10, 20} {
		e := random(rng, k, 1)
		data := population(e)
		pol := build(t, e, &policy.TabularParams{})
		for _, lambda := range []float64{1e-6, 1e-2, 1, 100, 1e6} {
			loss := &objective.DPOPositive{Lambda: lambda, Penalty: 50}
			s := solve(t, Problem{Env: e, Pairs: data}, loss)
			if s.Status != train.Converged {
				t.Fatalf("%d responses, lambda %g: %s", k, lambda, s.Reason)
			}
			problem, at := train.NewProblem(e, pol, loss.Objective(), 0), 0
			whole := train.Full(data, problem)
			copy(pol.Params(), s.Policy[0])
			least := problem.Loss(whole)
			for i, ref := range e.Prompts[0].LogReference() {
				if math.Abs(s.Policy[0][i]-ref) < 1e-9*max(1, 1/lambda) {
					at++
				}
			}
			if at == 0 {
				t.Errorf("%d responses, lambda %g: none at its reference", k, lambda)
			}
			for range 200 {
				size := math.Pow(10, -6*rng.Float64()) / lambda
				for i, v := range s.Policy[0] {
					pol.Params()[i] = v + size*rng.NormFloat64()
				}
				if v := problem.Loss(whole); v < least*(1-1e-12*max(1, lambda)) {
					t.Errorf("%d responses, lambda %g: %v, beside it %v", k, lambda, least, v)
				}
			}
		}
	}
}

// TestSlopesAreMultiples checks losses that are sums of convex functions of single log-probabilities: where there is a minimizer, their slopes are
// one multiple of the probabilities. In the last environments Newton's method in the logits does not come to rest.
func TestSlopesAreMultiples(t *testing.T) {
	checked := 0
	check := func(e *bandit.Env, loss objective.Params) {
		p := Problem{Env: e, Pairs: population(e)}
		found := solve(t, p, loss)
		if found.Status != train.Converged {
			return // more mass would not lower it
		}
		checked++
		l := newLossFunction(loss.Objective(), taken(t, &p, loss).tasks[0])
		at := l.newPoint(found.Policy[0])
		l.value(at)
		g, size := l.objective.FreeGrad(l.prompt(at, 0))
		nu := -floats.Sum(g)
		for i, v := range g {
			if math.Abs(v+nu*at.pi[0][i]) > 1e-9*size {
				t.Errorf("%T, %d responses: slope %g at probability %g, of %g in all", loss, e.Responses(), v, at.pi[0][i], nu)
			}
		}
	}
	rng := rand.New(rand.NewPCG(4, 4))
	for _, k := range []int{2, 10, 20} {
		e := random(rng, k, 1)
		for _, lambda := range []float64{1e-6, 1e-3, 1, 1e6} {
			check(e, &objective.NCA{Lambda: lambda})
			check(e, &objective.SPPO{Lambda: lambda})
		}
	}
	if checked < 12 {
		t.Errorf("only %d converged", checked)
	}
	checked = 0
	for _, seed := range []uint64{24, 40} {
		rng = rand.New(rand.NewPCG(5, seed))
		for _, k := range []int{3, 6, 12} {
			random(rng, k, 1)
		}
		e := random(rng, 20, 1)
		check(e, &objective.BCOPair{Lambda: 1e-6})
		check(e, &objective.NCA{Lambda: 1e-6})
	}
	if checked < 4 {
		t.Errorf("only %d converged at a small lambda", checked)
	}
}

// TestKinks checks DPO-Positive and hinge losses, whose minimizers lie at kinks, by closed forms.
func TestKinks(t *testing.T) {
	// The population's own policy: nobody may fall below the reference, so that it stays.
	e := env([][]float64{star3}, [][]float64{ref3})
	for _, lambda := range []float64{1e-3, 1, 1e3} {
		s := solve(t, Problem{Env: e, Pairs: population(e)}, &objective.DPOPositive{Lambda: lambda, Penalty: 50})
		if d := distance(s.Policy[0], logs(ref3...)); s.Status != train.Converged || d > 1e-7 {
			t.Errorf("lambda %g: %s, off by %g", lambda, s.Status, d)
		}
		// Of two responses the better one is asked to win by 1 and the loss is w(1-z) + (1-w)(1+z) up to there.
		two := env([][]float64{{0.7, 0.3}}, [][]float64{{0.4, 0.6}})
		s = solve(t, Problem{Env: two, Pairs: population(two)}, &objective.Hinge{Lambda: lambda})
		if d := distance(s.Policy[0], logs(0.4*math.Exp(min(700, 1/lambda)), 0.6)); s.Status != train.Converged || d > 1e-12 {
			t.Errorf("hinge at %g: %s, off by %g", lambda, s.Status, d)
		}
	}
	// Preferences in a circle leave every margin at 0, on an edge of the hinge loss: with 2 to 1 each way round it is least along one.
	circle := &preference.Pairs{}
	for k := range 3 {
		for range 2 {
			circle.Prompt, circle.Chosen, circle.Rejected = append(circle.Prompt, 0), append(circle.Chosen, k), append(circle.Rejected, (k+1)%3)
		}
		circle.Prompt, circle.Chosen, circle.Rejected = append(circle.Prompt, 0), append(circle.Chosen, (k+1)%3), append(circle.Rejected, k)
	}
	s := solve(t, Problem{Env: e, Pairs: circle}, &objective.Hinge{Lambda: 1})
	if s.Status != NotUnique || math.Abs(s.Loss-1) > 1e-12 {
		t.Errorf("a circle: %s at %v", s.Status, s.Loss)
	}
}

// TestBetweenKinks checks a hinge loss in a class of one parameter that moves margins by 2, 1 and -1 times it: it is least at the kink at which its
// slope changes sign, or where the slope is 0 from one kink to the next, of which the policy nearest to pi_ref is reported, wherever the policy starts.
func TestBetweenKinks(t *testing.T) {
	e := env([][]float64{star3}, [][]float64{{0.2, 0.5, 0.3}})
	for _, c := range []struct {
		won, lost int // how often 1 won over 0 and 0 over 1, while it won once over 2
		want      float64
		status    Status
	}{{2, 1, 1, train.Converged}, {1, 1, 0.5, NotUnique}, {1, 2, 0.5, train.Converged}, {1, 3, 0, NotUnique}, {1, 4, -1, train.Converged}} {
		for _, lambda := range []float64{0.01, 1, 100, 1e5} {
			for i, start := range []float64{0, 2, -3} {
				pol := build(t, e, &policy.LowRankParams{Basis: line.Basis, Start: []float64{start / lambda}})
				s := solve(t, Problem{Env: e, Pairs: weighted([3]int{1, 2, 1}, [3]int{1, 0, c.won}, [3]int{0, 1, c.lost}), Policy: pol},
					weigh([]float64{1, 1e6, 1e-6}[i], &objective.Hinge{Lambda: lambda}))
				if got := lambda * pol.Params()[0]; s.Status != c.status || math.Abs(got-c.want) > 1e-5 {
					t.Errorf("%d to %d, lambda %g, from %g: %s at %v, want %s at %g", c.won, c.lost, lambda, start, s.Status, got, c.status, c.want)
				}
			}
		}
	}
}

// TestEveryWord solves every loss with every word of its parameters, over all policies, in a class and under a penalty: no
// combination is refused, and where there is a policy it is one, and no lower loss is found around it at random unless training
// only rests there.
func TestEveryWord(t *testing.T) {
	rng := rand.New(rand.NewPCG(12, 5))
	e := random(rng, 3, 0.7)
	data := population(e)
	for _, v := range variants.Of(objective.Kinds(), func(objective.Params) {}) {
		if _, direct := v.Params.(objective.Direct); direct || objective.Random(v.Params) {
			continue
		}
		for class, kind := range map[string]policy.Params{"tabular": &policy.TabularParams{}, "low rank": &policy.LowRankParams{Basis: [][]float64{{0, 1, -1}}}} {
			for _, l2 := range []float64{0, 0.1} {
				if v.Params.Objective().Moving != nil && (class != "tabular" || l2 > 0) {
					continue
				}
				pol := build(t, e, kind)
				s, err := Solve(context.Background(), &Problem{Env: e, Policy: pol, Objective: v.Params.Objective(), Pairs: data, L2: l2})
				if err != nil {
					t.Errorf("%s, %s, l2 %g: %v", v.Name, class, l2, err)
					continue
				}
				if s.Policy[0] == nil {
					continue
				}
				if sum := logspace.LogSumExp(s.Policy[0]); math.Abs(sum) > 1e-9 {
					t.Errorf("%s, %s, l2 %g: %v is no policy", v.Name, class, l2, s.Policy[0])
				}
				if s.Status != train.Converged && s.Status != Local || slices.ContainsFunc(pol.Params(), func(v float64) bool { return math.IsInf(v, 0) }) {
					continue
				}
				problem := train.NewProblem(e, pol, v.Params.Objective(), l2)
				full := train.Full(data, problem)
				here, at := problem.Loss(full), slices.Clone(pol.Params())
				for i := range 40 {
					for j := range at {
						pol.Params()[j] = at[j] + math.Pow(10, -float64(i%8)/2)*rng.NormFloat64()
					}
					if there := problem.Loss(full); there < here-1e-9*max(1, math.Abs(here)) {
						t.Errorf("%s, %s, l2 %g: %s at %v, near it %v", v.Name, class, l2, s.Status, here, there)
						break
					}
				}
			}
		}
	}
}

// TestManyFaces holds APO-zero's minimum at a large lambda, which lies on one of many faces of the simplex, against a search from every set of
// responses that win more than they lose: where the others are at 0 it is 1 - sum m_i sigmoid(lambda log(pi_i/pi_ref_i)), m_i wins less losses.
func TestManyFaces(t *testing.T) {
	rng := rand.New(rand.NewPCG(29, 1))
	const k, lambda = 8, 100
	for range 12 {
		e := random(rng, k, 1)
		data, net := population(e), make([]float64, k)
		for i, w := range data.Weight {
			net[data.Chosen[i]] += w
			net[data.Rejected[i]] -= w
		}
		ref := e.Prompts[0].LogReference()
		gain := func(pi []float64) (sum float64) {
			for i, m := range net {
				sum += max(0, m) / (1 + math.Pow(math.Exp(ref[i])/max(pi[i], 1e-300), lambda))
			}
			return sum
		}
		best := 0.0
		for set := 1; set < 1<<k; set++ {
			pi, total := make([]float64, k), 0.0
			for i := range pi {
				if set>>i&1 == 1 {
					if net[i] <= 0 {
						total = math.NaN()
					}
					pi[i] = math.Exp(ref[i])
					total += pi[i]
				}
			}
			if total != total {
				continue
			}
			floats.Scale(1/total, pi)
			v := gain(pi)
			for step := 0.1; step > 1e-6; step /= 2 {
				for improved := true; improved; {
					improved = false
					for i := range pi {
						for j := range pi {
							if i == j || pi[i] < step || pi[j] == 0 {
								continue
							}
							pi[i], pi[j] = pi[i]-step, pi[j]+step
							if u := gain(pi); u > v {
								v, improved = u, true
							} else {
								pi[i], pi[j] = pi[i]+step, pi[j]-step
							}
						}
					}
				}
			}
			best = max(best, v)
		}
		s := solve(t, Problem{Env: e, Pairs: data}, &objective.APOZero{Lambda: lambda})
		if s.Status != Boundary || s.Loss > 1-best+1e-6 {
			t.Errorf("%s, loss %v, %v is known: %s", s.Status, s.Loss, 1-best, s.Reason)
		}
	}
}
