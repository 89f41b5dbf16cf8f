package exact

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"windtunnel/toy/bandit"
	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
)

// plainLoss writes out the full loss as paper.md section 2 states it, from probabilities.
func plainLoss(kind string, e *bandit.Env, data *preference.Pairs, p policy.Policy, lambda, l2 float64) float64 {
	k, loss := p.Responses(), 0.0
	logp, ref := make([][]float64, p.Prompts()), make([][]float64, p.Prompts())
	share := make([]float64, p.Prompts())
	for x := range logp {
		logp[x], ref[x] = make([]float64, k), e.Prompts[x].LogReference()
		p.Logits(x, logp[x])
		logspace.LogSoftmax(logp[x], logp[x])
	}
	for i := range data.Len() {
		x, c, r, w := data.Prompt[i], data.Chosen[i], data.Rejected[i], data.WeightOf(i)
		share[x] += w
		s := logp[x][c] - logp[x][r]
		u := s - ref[x][c] + ref[x][r]
		switch kind {
		case "dpo":
			loss += w * math.Log1p(math.Exp(-lambda*u))
		case "ipo":
			loss += w * (u - 1/(2*lambda)) * (u - 1/(2*lambda))
		case "typo":
			loss += w * math.Log1p(math.Exp(-s))
		case "js":
			tc := math.Log(2) + logp[x][c] - math.Log(math.Exp(logp[x][c])+math.Exp(ref[x][c]))
			tr := math.Log(2) + logp[x][r] - math.Log(math.Exp(logp[x][r])+math.Exp(ref[x][r]))
			loss += w * math.Log1p(math.Exp(-lambda*(tc-tr)))
		}
	}
	for x, w := range share {
		for y, v := range logp[x] {
			switch kind {
			case "typo":
				loss += w * lambda * math.Exp(ref[x][y]) * (ref[x][y] - v)
			case "rlhf":
				loss += w * math.Exp(v) * (lambda*(v-ref[x][y]) - e.Prompts[x].LogStar[y])
			}
		}
	}
	for _, v := range p.Params() {
		loss += l2 * v * v
	}
	return loss
}

// lossOf returns the parameters of a loss of plainLoss.
func lossOf(kind string, lambda float64) objective.Params {
	switch kind {
	case "dpo":
		return &objective.DPO{Lambda: lambda}
	case "ipo":
		return &objective.IPO{Lambda: lambda}
	case "typo":
		return &objective.TYPO{Lambda: lambda}
	case "js":
		return &objective.FDPO{Lambda: lambda, Divergence: "js"}
	}
	return &objective.RLHF{Lambda: lambda}
}

var kinds = []string{"dpo", "ipo", "typo", "js", "rlhf"}

// threePrompts share two features; the reference is in the class, the true preferences are not.
func threePrompts() *bandit.Env {
	e := env([][]float64{{6, 3, 1, 2}, {1, 2, 4, 3}, {1, 1, 5, 1}}, [][]float64{{1, 1, 1, 1}, {1, 1, 1, 1}, {1, 1, 1, 1}})
	for x, features := range [][]float64{{1, 0}, {0, 1}, {1, 0.5}} {
		e.Prompts[x].Features, e.Prompts[x].Init = features, make([]float64, 4)
	}
	return e
}

// constrained lists problems with a constraint of every kind.
func constrained() map[string]func(t testing.TB) Problem {
	bad := env([][]float64{{0.5, 0.3, 0.1, 0.1}, {0.2, 0.2, 0.3, 0.3}}, [][]float64{{0.1, 0.2, 0.3, 0.4}, {0.4, 0.1, 0.1, 0.4}})
	problem := func(t testing.TB, e *bandit.Env, class policy.Params, l2 float64) Problem {
		return Problem{Env: e, Pairs: population(e), Policy: build(t, e, class), L2: l2}
	}
	return map[string]func(t testing.TB) Problem{
		"tabular l2 0.01": func(t testing.TB) Problem { return problem(t, bad, &policy.TabularParams{}, 0.01) },
		"tabular l2 1":    func(t testing.TB) Problem { return problem(t, bad, &policy.TabularParams{}, 1) },
		"linear":          func(t testing.TB) Problem { return problem(t, threePrompts(), &policy.LinearParams{}, 0) },
		"linear l2":       func(t testing.TB) Problem { return problem(t, threePrompts(), &policy.LinearParams{}, 0.02) },
		"low rank": func(t testing.TB) Problem {
			return problem(t, bad, &policy.LowRankParams{Basis: [][]float64{{0, 1, -1, 0}, {1, 1, 0, -1}}}, 0)
		},
		"low rank l2": func(t testing.TB) Problem {
			return problem(t, bad, &policy.LowRankParams{Basis: [][]float64{{0, 1, -1, 0}}}, 0.05)
		},
	}
}

// TestConstrained checks every loss under every kind of constraint against the loss written out plainly: the value is
// right, finite differences vanish, and no point near or far is lower.
func TestConstrained(t *testing.T) {
	for name, make := range constrained() {
		for _, kind := range kinds {
			for _, lambda := range []float64{0.1, 0.5, 3} {
				t.Run(fmt.Sprintf("%s/%s/%g", name, kind, lambda), func(t *testing.T) {
					p := make(t)
					s := solve(t, p, lossOf(kind, lambda))
					// Links and the expected reward are not convex in the parameters.
					if convex := kind != "js" && kind != "rlhf"; convex != (s.Status == train.Converged) || !convex && s.Status != Local {
						t.Fatalf("%s: %s", s.Status, s.Reason)
					}
					loss := func() float64 { return plainLoss(kind, p.Env, p.Pairs, p.Policy, lambda, p.L2) }
					if v := loss(); math.Abs(v-s.Loss) > 1e-12*max(1, v) {
						t.Errorf("loss %.16g, plainly %.16g", s.Loss, v)
					}
					if s.GradNorm > 1e-12*max(1, s.Loss) {
						t.Errorf("gradient norm %g", s.GradNorm)
					}
					checkLowest(t, p.Policy, loss)
				})
			}
		}
	}
}

// checkLowest compares a loss at the policy's parameters with central differences and random other points.
func checkLowest(t *testing.T, p policy.Policy, loss func() float64) {
	t.Helper()
	theta, here := p.Params(), loss()
	at := append([]float64(nil), theta...)
	for i := range theta {
		const h = 1e-4
		theta[i] = at[i] + h
		up := loss()
		theta[i] = at[i] - h
		down := loss()
		theta[i] = at[i]
		if slope := (up - down) / (2 * h); math.Abs(slope) > 1e-7*max(1, here) {
			t.Errorf("parameter %d: finite difference %g", i, slope)
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 3000 {
		scale := math.Pow(10, -3+4.5*float64(i)/3000)
		for j := range theta {
			theta[j] = at[j] + scale*rng.NormFloat64()
		}
		if v := loss(); v < here-1e-14*math.Abs(here) {
			t.Errorf("%g lower at a distance of %g", here-v, scale)
			break
		}
	}
	copy(theta, at)
}

// distanceTV is the total variation distance.
func distanceTV(a, b []float64) float64 {
	sum := 0.0
	for k := range a {
		sum += math.Abs(math.Exp(a[k])-math.Exp(b[k])) / 2
	}
	return sum
}

// TestRLHFAndDPOPart checks the paper's third point on the bandit of the interpolation test: the minimizers coincide
// without constraint, and part under a penalty and in a limited class.
func TestRLHFAndDPOPart(t *testing.T) {
	e := env([][]float64{star3}, [][]float64{ref3})
	apart := func(l2 float64, class policy.Params) float64 {
		a := solve(t, Problem{Env: e, Pairs: population(e), Policy: build(t, e, class), L2: l2}, &objective.RLHF{Lambda: 0.5})
		b := solve(t, Problem{Env: e, Pairs: population(e), Policy: build(t, e, class), L2: l2}, &objective.DPO{Lambda: 0.5})
		return distanceTV(a.Policy[0], b.Policy[0])
	}
	if d := apart(0, &policy.TabularParams{}); d > 1e-14 {
		t.Errorf("without constraint %g apart", d)
	}
	if d := apart(0.1, &policy.TabularParams{}); d < 0.1 || d > 0.15 {
		t.Errorf("at l2 0.1 %g apart", d)
	}
	if d := apart(0, &policy.LowRankParams{Basis: [][]float64{{0, 1, -1}}}); math.Abs(d-0.17) > 0.002 {
		t.Errorf("in the low-rank class %g apart, want about 0.17", d)
	}
}

// TestUnlimitedClasses checks that classes that contain all policies give the tabular minimizer and reach it with their
// own parameters, also for links, diverging and boundary cases.
func TestUnlimitedClasses(t *testing.T) {
	e := env([][]float64{star3, {0.2, 0.2, 0.6}}, [][]float64{{1, 1, 1}, {1, 1, 1}})
	e.Prompts[0].Features, e.Prompts[1].Features = []float64{1, 1}, []float64{1, -2}
	oneHot := env([][]float64{star3, {0.2, 0.2, 0.6}}, [][]float64{{1, 1, 1}, {1, 1, 1}})
	full := &policy.LowRankParams{Basis: [][]float64{{1, 0, 2}, {0, 3, 1}, {1, 1, 1}}}
	for _, loss := range []objective.Params{&objective.DPO{Lambda: 1e-6}, &objective.DPO{Lambda: 0.3}, &objective.TYPO{Lambda: 0.3},
		&objective.FDPO{Lambda: 0.3, Divergence: "js"}, &objective.RLHF{Lambda: 0.3},
		&objective.FDPO{Lambda: 0.01, Divergence: "alpha", Alpha: 2}} {
		want := solve(t, Problem{Env: e, Pairs: population(e)}, loss)
		for name, p := range map[string]policy.Affine{"linear": build(t, e, &policy.LinearParams{}), "low rank": build(t, e, full),
			"one-hot": build(t, oneHot, &policy.LinearParams{})} {
			s := solve(t, Problem{Env: e, Pairs: population(e), Policy: p}, loss)
			if s.Status != want.Status || s.Reason != want.Reason {
				t.Errorf("%s %T: %s %s, want %s", name, loss, s.Status, s.Reason, want.Status)
			}
			for x := range s.Policy {
				if d := distance(s.Policy[x], want.Policy[x]); d > 1e-14 {
					t.Errorf("%s %T: off by %g", name, loss, d)
				}
				reached := make([]float64, 3)
				p.Logits(x, reached)
				logspace.LogSoftmax(reached, reached)
				if d := distance(reached, want.Policy[x]); s.Status == train.Converged && d > 1e-10 {
					t.Errorf("%s %T: parameters off by %g", name, loss, d)
				}
			}
		}
	}
}

// TestUnlimited checks which classes that are written with Jacobians contain all policies: those with two directions at each of two prompts, which as
// many parameters need not give.
func TestUnlimited(t *testing.T) {
	for _, c := range []struct {
		name     string
		class    policy.Params
		features []float64 // of the second prompt, {1, 1} those of the first
		want     bool
	}{
		{"tabular", &policy.TabularParams{}, []float64{1, -2}, false},
		{"linear", &policy.LinearParams{}, []float64{1, -2}, true},
		{"linear, features in proportion", &policy.LinearParams{}, []float64{2, 2}, false},
		{"two directions", &policy.LowRankParams{Basis: [][]float64{{0, 1, -1}, {1, 0, 0}}}, []float64{1, -2}, true},
		{"one direction", &policy.LowRankParams{Basis: [][]float64{{0, 1, -1}}}, []float64{1, -2}, false},
		{"one direction three times", &policy.LowRankParams{Basis: [][]float64{{0, 1, -1}, {1, 2, 0}, {0, 2, -2}}}, []float64{1, -2}, false},
	} {
		e := env([][]float64{star3, star3}, [][]float64{{1, 1, 1}, {1, 1, 1}})
		e.Prompts[0].Features, e.Prompts[1].Features = []float64{1, 1}, c.features
		e.Prompts[0].Init, e.Prompts[1].Init = make([]float64, 3), make([]float64, 3)
		p := Problem{Env: e, Pairs: population(e), Policy: build(t, e, c.class)}
		if got := taken(t, &p, &objective.DPO{Lambda: 1}).unlimited(); got != c.want {
			t.Errorf("%s: contains all policies %v", c.name, got)
		}
	}
}

// TestClassOfAllPolicies checks of every loss that in a class of three parameters that contains all policies of three responses the same is
// said of it as of a tabular policy that starts where it does.
func TestClassOfAllPolicies(t *testing.T) {
	e, losses := env([][]float64{star3}, [][]float64{ref3}), everyLoss(0.5)
	kind := &policy.LowRankParams{Basis: [][]float64{{0, 1, -1}, {1, 0, -1}, {2, 2, 1}}, Start: []float64{0.7, 0.1, -0.4}}
	for of, data := range comparisons {
		for name, loss := range losses {
			free, class := build(t, e, &policy.TabularParams{}), build(t, e, kind)
			class.Logits(0, free.Params())
			want := solve(t, Problem{Env: e, Pairs: data, Policy: free}, loss)
			s := solve(t, Problem{Env: e, Pairs: data, Policy: class}, loss)
			if s.Status != want.Status || s.Reason != want.Reason || s.Loss == s.Loss && !(math.Abs(s.Loss-want.Loss) < 1e-12) {
				t.Errorf("%s, %s: %s, loss %v, %s; of all policies %s, loss %v, %s", name, of, s.Status, s.Loss, s.Reason, want.Status, want.Loss, want.Reason)
			}
		}
	}
}

// TestLimitedExistence checks existence inside a class, which is not existence among all policies.
func TestLimitedExistence(t *testing.T) {
	e := env([][]float64{star3}, [][]float64{ref3})
	line := &policy.LowRankParams{Basis: [][]float64{{0, 1, -1}}}
	for _, lambda := range threeLambdas {
		// 0 never loses, but the class can only trade 1 against 2.
		both := pairs([3]int{0, 1, 3}, [3]int{0, 2, 1})
		s := solve(t, Problem{Env: e, Pairs: both, Policy: build(t, e, line)}, &objective.DPO{Lambda: lambda})
		// The minimum over c of 3 softplus(c) + softplus(-c), c = lambda theta, is at sigmoid(c) = 1/4.
		c := lambda * (s.Policy[0][1] - s.Policy[0][0] - math.Log(0.4) + math.Log(0.4))
		if s.Status != train.Converged || math.Abs(logspace.Sigmoid(c)-0.25) > 1e-12+1e-15*lambda {
			t.Errorf("lambda %g: %+v, sigmoid %v", lambda, s, logspace.Sigmoid(c))
		}
		s = solve(t, Problem{Env: e, Pairs: pairs([3]int{1, 2, 3}), Policy: build(t, e, line)}, &objective.DPO{Lambda: lambda})
		if s.Status != train.Diverged || s.Policy[0] != nil || s.Reason != "prompt 0: the loss falls for ever in a direction of the policy "+
			"class that raises response 1 over response 2, which it never lost to, and lowers no compared margin" {
			t.Errorf("lambda %g: %+v", lambda, s)
		}
		s = solve(t, Problem{Env: e, Pairs: pairs([3]int{1, 2, 3}), Policy: build(t, e, line)}, &objective.TYPO{Lambda: lambda})
		if s.Status != train.Converged {
			t.Errorf("typo %g: %+v", lambda, s)
		}
	}
}

// TestSeparableAcrossPrompts checks the linear program where prompts share parameters: no prompt is separable by itself
// given the others' opposite wishes, until one comparison is dropped.
func TestSeparableAcrossPrompts(t *testing.T) {
	e := env([][]float64{{1, 1}, {1, 1}, {1, 1}}, [][]float64{{1, 1}, {1, 1}, {1, 1}})
	for x, features := range [][]float64{{1, 0}, {0, 1}, {-1, -1}} {
		e.Prompts[x].Features, e.Prompts[x].Init = features, make([]float64, 2)
	}
	data := &preference.Pairs{Prompt: []int{0, 1, 2}, Chosen: []int{0, 0, 0}, Rejected: []int{1, 1, 1}}
	s := solve(t, Problem{Env: e, Pairs: data, Policy: build(t, e, &policy.LinearParams{})}, &objective.DPO{Lambda: 1})
	if s.Status != train.Converged || distance(s.Policy[0], logs(1, 1)) > 1e-14 {
		t.Errorf("opposite wishes: %+v", s)
	}
	data = &preference.Pairs{Prompt: data.Prompt[:2], Chosen: data.Chosen[:2], Rejected: data.Rejected[:2]}
	s = solve(t, Problem{Env: e, Pairs: data, Policy: build(t, e, &policy.LinearParams{})}, &objective.DPO{Lambda: 1})
	if s.Status != train.Diverged {
		t.Errorf("compatible wishes: %+v", s)
	}
}

// TestUnseenDirection checks a limited class with a direction that no comparison sees: the second coefficient is where
// KL(pi_ref to pi) is smallest, and the first is DPO's.
func TestUnseenDirection(t *testing.T) {
	e := env([][]float64{{1, 1, 1, 1}}, [][]float64{{0.1, 0.2, 0.6, 0.1}})
	class := build(t, e, &policy.LowRankParams{Basis: [][]float64{{1, -1, 0, 0}, {0, 0, 1, -1}}})
	const lambda = 0.5
	s := solve(t, Problem{Env: e, Pairs: pairs([3]int{0, 1, 3}, [3]int{1, 0, 1}), Policy: class}, &objective.DPO{Lambda: lambda})
	if s.Status != NotUnique {
		t.Fatalf("%+v", s)
	}
	theta := class.Params()
	if want := math.Log(3) / lambda / 2; math.Abs(theta[0]-want) > 1e-12 {
		t.Errorf("seen coefficient %v, want %v", theta[0], want)
	}
	// In the unseen direction pi_2 - pi_3 = ref_2 - ref_3.
	if off := math.Exp(s.Policy[0][2]) - math.Exp(s.Policy[0][3]) - 0.5; math.Abs(off) > 1e-13 {
		t.Errorf("unseen coefficient %v: stationarity off by %g", theta[1], off)
	}
}

// readPairs reads a reference file of comparisons.
func readPairs(t *testing.T, file string) *preference.Pairs {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	p := &preference.Pairs{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		var row struct{ Prompt, Chosen, Rejected int }
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		p.Prompt, p.Chosen, p.Rejected = append(p.Prompt, row.Prompt), append(p.Chosen, row.Chosen), append(p.Rejected, row.Rejected)
	}
	return p
}

// TestPublishedPairs checks two numbers stated with the published data: the full-batch minimizer of TYPO at lambda 1e-5
// puts 0.60476 on the mode, and TYPO stays within 0.015 nats of pi_star on the good prompt for every lambda.
func TestPublishedPairs(t *testing.T) {
	e := env([][]float64{star3}, [][]float64{ref3})
	s := solve(t, Problem{Env: e, Pairs: readPairs(t, "interpolation_pairs.jsonl")}, &objective.TYPO{Lambda: 1e-5, KLReduction: "mean"})
	if pi := math.Exp(s.Policy[0][0]); math.Abs(pi-0.60476) > 1e-5 {
		t.Errorf("mode has %v, want 0.60476", pi)
	}
	e = env([][]float64{star3, {0.6, 0.2, 0.2}}, [][]float64{star3, {0.4, 0.2, 0.4}})
	for logLambda := -5.0; logLambda <= 5; logLambda++ {
		s := solve(t, Problem{Env: e, Pairs: readPairs(t, "preservation_pairs.jsonl"), Policy: build(t, e, &policy.LinearParams{})},
			&objective.TYPO{Lambda: math.Exp(logLambda), KLReduction: "mean"})
		kl := 0.0
		for k, v := range e.Prompts[0].LogStar {
			kl += math.Exp(v) * (v - s.Policy[0][k])
		}
		if s.Status != train.Converged || kl > 0.015 {
			t.Errorf("log lambda %g: %s, KL on the good prompt %g", logLambda, s.Status, kl)
		}
	}
}

// TestBeyondStatements checks combinations without a statement about existence: what is found is the best of some searches, or runs
// off.
func TestBeyondStatements(t *testing.T) {
	e := env([][]float64{star3}, [][]float64{ref3})
	line := &policy.LowRankParams{Basis: [][]float64{{0, 1, -1}}}
	one := func(loss objective.Params) objective.Part { return objective.Part{Loss: loss} }
	for _, c := range []struct {
		name  string
		loss  objective.Params
		pairs *preference.Pairs
		want  Status
	}{
		{"bounded link", &objective.FDPO{Lambda: 1, Divergence: "alpha", Alpha: 2}, population(e), Local},
		{"link, one-way", &objective.FDPO{Lambda: 1, Divergence: "js"}, pairs([3]int{0, 1, 1}), train.Diverged},
		{"reward alone", &objective.Reward{}, population(e), Local},
		{"one-way beside entropy", &objective.Sum{Terms: []objective.Part{one(&objective.DPO{Lambda: 1}), one(&objective.KLPiRef{})}},
			pairs([3]int{1, 2, 1}), Local},
		{"robust", &objective.Robust{Lambda: 1, LabelSmoothing: 0.4}, population(e), train.Diverged},
	} {
		s := solve(t, Problem{Env: e, Pairs: c.pairs, Policy: build(t, e, line)}, c.loss)
		if s.Status != c.want {
			t.Errorf("%s: %s, %v: %s", c.name, s.Status, s.Policy, s.Reason)
		}
	}
}
