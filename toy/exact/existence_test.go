package exact

import (
	"math"
	"strings"
	"testing"

	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
)

// threeLambdas are far apart: existence must not depend on them.
var threeLambdas = []float64{1e-6, 1, 1e6}

// TestNeverLoses checks comparisons in which somebody never loses: losses without an attained minimum diverge for every
// lambda, the others do not.
func TestNeverLoses(t *testing.T) {
	e := env([][]float64{{4, 3, 2, 1}}, [][]float64{{1, 2, 3, 4}})
	for _, c := range []struct {
		name   string
		pairs  *preference.Pairs
		reason string
	}{
		{"a winner", pairs([3]int{0, 1, 3}, [3]int{0, 2, 1}, [3]int{1, 2, 1}, [3]int{2, 1, 2}, [3]int{3, 2, 1}, [3]int{2, 3, 1}),
			`prompt 0: the loss falls for ever because response 0 never lost to responses 1, 2, 3`},
		{"a group", pairs([3]int{0, 1, 1}, [3]int{1, 0, 1}, [3]int{1, 2, 1}, [3]int{2, 3, 1}, [3]int{3, 2, 1}),
			`prompt 0: the loss falls for ever because responses 0, 1 never lost to responses 2, 3`},
		{"a loser", pairs([3]int{0, 1, 1}, [3]int{1, 2, 1}, [3]int{2, 0, 1}, [3]int{2, 3, 1}),
			`prompt 0: the loss falls for ever because responses 0, 1, 2 never lost to response 3`},
		{"two winners", pairs([3]int{3, 2, 1}, [3]int{1, 2, 1}, [3]int{2, 0, 1}),
			`prompt 0: the loss falls for ever because response 1 never lost to responses 0, 2, 3`},
		{"one comparison", pairs([3]int{2, 1, 1}),
			`prompt 0: the loss falls for ever because response 2 never lost to response 1`},
	} {
		for _, lambda := range threeLambdas {
			for _, loss := range []objective.Params{&objective.DPO{Lambda: lambda}, &objective.FDPO{Lambda: lambda, Divergence: "js"}} {
				s := solve(t, Problem{Env: e, Pairs: c.pairs}, loss)
				if s.Status != train.Diverged || s.Policy[0] != nil || !math.IsNaN(s.Loss) || s.Reason != c.reason {
					t.Errorf("%s, %T %g: %+v, want reason %q", c.name, loss, lambda, s, c.reason)
				}
			}
			// Under a link that is bounded at probability 0 margins cannot run off.
			if s := solve(t, Problem{Env: e, Pairs: c.pairs}, &objective.FDPO{Lambda: lambda, Divergence: "alpha", Alpha: 2}); s.Status != Boundary {
				t.Errorf("%s, alpha 2, %g: %+v", c.name, lambda, s)
			}
			if s := solve(t, Problem{Env: e, Pairs: c.pairs}, &objective.TYPO{Lambda: lambda}); s.Status != train.Converged {
				t.Errorf("%s, typo %g: %+v", c.name, lambda, s)
			}
			want := train.Converged
			if c.name == "one comparison" {
				want = NotUnique
			}
			if s := solve(t, Problem{Env: e, Pairs: c.pairs}, &objective.IPO{Lambda: lambda}); s.Status != want {
				t.Errorf("%s, ipo %g: %+v", c.name, lambda, s)
			}
		}
	}
}

// TestCycleConverges checks that one-way comparisons in a cycle do have a minimizer: with 0 over 1 over 2 over 0, once
// each, it is pi_ref by symmetry.
func TestCycleConverges(t *testing.T) {
	e := env([][]float64{star3}, [][]float64{ref3})
	s := solve(t, Problem{Env: e, Pairs: pairs([3]int{0, 1, 1}, [3]int{1, 2, 1}, [3]int{2, 0, 1})}, &objective.DPO{Lambda: 0.1})
	if s.Status != train.Converged || distance(s.Policy[0], logs(ref3...)) > 1e-14 {
		t.Errorf("%+v", s)
	}
}

// TestTYPOSeparable checks TYPO where 0 always beats 1 (K=2): sigmoid(th_1 - th_0) = lambda (pi_0 - ref_0), and both
// sides are in terms of pi_1, which gives pi_1 (1 + lambda) = lambda ref_1.
func TestTYPOSeparable(t *testing.T) {
	e := env([][]float64{{1, 1}}, [][]float64{{0.3, 0.7}})
	for _, lambda := range []float64{1e-100, 1e-8, 1e-3, 1, 1e3, 1e8} {
		s := solve(t, Problem{Env: e, Pairs: pairs([3]int{0, 1, 5})}, &objective.TYPO{Lambda: lambda})
		want := math.Log(lambda) + math.Log(0.7) - math.Log1p(lambda)
		if s.Status != train.Converged || math.Abs(s.Policy[0][1]-want) > 1e-12*max(1, -want) {
			t.Errorf("lambda %g: %s, log pi_1 %v, want %v", lambda, s.Status, s.Policy, want)
		}
	}
}

// TestNeverCompared checks two groups and a loner that were never compared with each other: each keeps pi_ref's
// probability, and inside a group the ratios are pi_ref's times the odds of winning to the power 1/lambda.
func TestNeverCompared(t *testing.T) {
	ref := []float64{0.1, 0.2, 0.3, 0.15, 0.25}
	e := env([][]float64{{1, 1, 1, 1, 1}}, [][]float64{ref})
	data := pairs([3]int{0, 1, 3}, [3]int{1, 0, 1}, [3]int{3, 4, 1}, [3]int{4, 3, 2})
	for _, lambda := range []float64{0.5, 1, 20} {
		s := solve(t, Problem{Env: e, Pairs: data}, &objective.DPO{Lambda: lambda})
		if s.Status != NotUnique || s.Reason != `prompt 0: responses 0, 1 and response 2 were never compared, not even through others; `+
			`the minimizer nearest to pi_ref is reported` {
			t.Errorf("lambda %g: %s %q", lambda, s.Status, s.Reason)
		}
		a, b := 0.1*math.Pow(3, 1/lambda)/0.2, 0.25*math.Pow(2, 1/lambda)/0.15
		want := []float64{0.3 * a / (1 + a), 0.3 / (1 + a), 0.3, 0.4 / (1 + b), 0.4 * b / (1 + b)}
		for k := range want {
			if math.Abs(math.Exp(s.Policy[0][k])-want[k]) > 1e-14 {
				t.Errorf("lambda %g: pi[%d] = %v, want %v", lambda, k, math.Exp(s.Policy[0][k]), want[k])
			}
		}
		if typo := solve(t, Problem{Env: e, Pairs: data}, &objective.TYPO{Lambda: lambda}); typo.Status != train.Converged {
			t.Errorf("typo %g: %s", lambda, typo.Status)
		}
	}
}

// TestNeverComparedLinked checks the same question for Jensen-Shannon f-DPO, whose groups change shape with their mass,
// against a scan over the line of minimizers: with t = log(r/(1+r)) fixed up to a constant in each of two groups.
func TestNeverComparedLinked(t *testing.T) {
	ref := []float64{0.1, 0.2, 0.3, 0.4}
	e := env([][]float64{{1, 1, 1, 1}}, [][]float64{ref})
	const lambda = 0.7
	data := pairs([3]int{0, 1, 3}, [3]int{1, 0, 1}, [3]int{2, 3, 1}, [3]int{3, 2, 4})
	s := solve(t, Problem{Env: e, Pairs: data}, &objective.FDPO{Lambda: lambda, Divergence: "js"})
	if s.Status != NotUnique {
		t.Fatalf("%+v", s)
	}
	// group fills in the probabilities of two responses, of log-odds d, at the level t of the first.
	group := func(pi []float64, i, j int, d, level float64) float64 {
		for _, at := range []struct {
			k int
			t float64
		}{{i, level}, {j, level - d/lambda}} {
			pi[at.k] = ref[at.k] * math.Exp(at.t) / (1 - math.Exp(at.t))
		}
		return pi[i] + pi[j]
	}
	best, at := math.Inf(1), make([]float64, 4)
	for level := -3.0; level < -0.2; level += 1e-4 {
		pi := make([]float64, 4)
		mass := group(pi, 0, 1, math.Log(3), level)
		low, high := -50.0, -1e-12
		for range 100 {
			if middle := (low + high) / 2; group(pi, 3, 2, math.Log(4), middle) < 1-mass {
				low = middle
			} else {
				high = middle
			}
		}
		kl := 0.0
		for k, p := range pi {
			kl += ref[k] * math.Log(ref[k]/p)
		}
		if mass < 1 && kl < best {
			best = kl
			copy(at, pi)
		}
	}
	for k := range at {
		if d := math.Abs(at[k] - math.Exp(s.Policy[0][k])); d > 1e-4 {
			t.Errorf("pi[%d] = %g, the scan finds %g", k, math.Exp(s.Policy[0][k]), at[k])
		}
	}
	kl := 0.0
	for k, v := range s.Policy[0] {
		kl += ref[k] * (math.Log(ref[k]) - v)
	}
	if kl > best {
		t.Errorf("KL(pi_ref to pi) %g, the scan finds %g", kl, best)
	}
}

// TestGravestStatus checks prompts that differ: the statuses' order, and the policies of those that have one.
func TestGravestStatus(t *testing.T) {
	e := env([][]float64{star3, star3, star3}, [][]float64{ref3, ref3, ref3})
	e.Prompts[1].Name = "bare"
	data := pairs([3]int{0, 1, 2}, [3]int{1, 0, 1}, [3]int{1, 2, 1}, [3]int{2, 1, 1})
	s := solve(t, Problem{Env: e, Pairs: data}, &objective.DPO{Lambda: 1})
	if s.Status != NotUnique || !strings.HasPrefix(s.Reason, `prompt "bare": the loss does not see`) ||
		distance(s.Policy[1], logs(ref3...)) > 1e-15 {
		t.Errorf("a prompt without comparisons: %+v", s)
	}
	data.Prompt, data.Chosen, data.Rejected = append(data.Prompt, 2), append(data.Chosen, 1), append(data.Rejected, 0)
	s = solve(t, Problem{Env: e, Pairs: data}, &objective.DPO{Lambda: 1})
	if s.Status != train.Diverged || s.Policy[0] == nil || s.Policy[1] == nil || s.Policy[2] != nil || !strings.HasPrefix(s.Reason, "prompt 2") {
		t.Errorf("a prompt that diverges: %+v", s)
	}
	for _, weights := range [][]float64{s.Policy[0], s.Policy[1]} {
		if math.Abs(logspace.LogSumExp(weights)) > 1e-14 {
			t.Errorf("not normalized: %v", weights)
		}
	}
}

// TestTies checks that pi_ref stays where pi_star has nothing to say, at every lambda.
func TestTies(t *testing.T) {
	e := env([][]float64{{1, 1, 1}}, [][]float64{ref3})
	for _, lambda := range []float64{1e-8, 1, 1e8} {
		for _, loss := range []objective.Params{&objective.DPO{Lambda: lambda}, &objective.IPO{Lambda: lambda},
			&objective.RLHF{Lambda: lambda}, &objective.FDPO{Lambda: lambda, Divergence: "js"},
			&objective.FDPO{Lambda: lambda, Divergence: "alpha", Alpha: 2}} {
			if s := solve(t, Problem{Env: e, Pairs: population(e)}, loss); s.Status != train.Converged || distance(s.Policy[0], logs(ref3...)) > 1e-12 {
				t.Errorf("%T at %g: %s %v", loss, lambda, s.Status, s.Policy)
			}
		}
	}
	// Two tied best responses share the mode in proportion to pi_ref.
	e = env([][]float64{{0.4, 0.4, 0.2}}, [][]float64{{0.1, 0.3, 0.6}})
	for _, loss := range []objective.Params{&objective.DPO{Lambda: 1e-6}, &objective.RLHF{Lambda: 1e-6}, &objective.IPO{Lambda: 1e-6}} {
		s := solve(t, Problem{Env: e, Pairs: population(e)}, loss)
		if d := distance(s.Policy[0], []float64{math.Log(0.25), math.Log(0.75), math.Inf(-1)}); d > tolerance {
			t.Errorf("%T: tied modes off by %g", loss, d)
		}
	}
}

// TestEmpirical checks DPO on unequal counts by the stationarity of its Bradley-Terry fit: log pi/pi_ref times lambda
// predicts for every response exactly as many wins as it has.
func TestEmpirical(t *testing.T) {
	e := env([][]float64{{5, 4, 3, 2}}, [][]float64{{1, 2, 3, 4}})
	wins := [][3]int{{0, 1, 7}, {1, 0, 2}, {0, 2, 9}, {2, 0, 1}, {1, 2, 4}, {2, 3, 11}, {3, 2, 5}, {3, 1, 1}}
	for _, lambda := range threeLambdas {
		s := solve(t, Problem{Env: e, Pairs: pairs(wins...)}, &objective.DPO{Lambda: lambda})
		if s.Status != train.Converged {
			t.Fatalf("lambda %g: %+v", lambda, s)
		}
		won, predicted := make([]float64, 4), make([]float64, 4)
		for _, row := range wins {
			c, r, n := row[0], row[1], float64(row[2])
			z := lambda * ((s.Policy[0][c] - e.Prompts[0].LogRef[c]) - (s.Policy[0][r] - e.Prompts[0].LogRef[r]))
			won[c] += n
			predicted[c] += n * logspace.Sigmoid(z)
			predicted[r] += n * logspace.Sigmoid(-z)
		}
		for k := range won {
			if math.Abs(won[k]-predicted[k]) > 1e-8 {
				t.Errorf("lambda %g, response %d: won %v, predicted %v", lambda, k, won[k], predicted[k])
			}
		}
	}
}
