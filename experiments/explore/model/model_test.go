package model

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"windtunnel/toy/fixedseed"
	"windtunnel/toy/objective"
	"windtunnel/toy/setup"
)

// with returns the default state with other losses.
func with(losses ...Loss) State {
	s := Default()
	s.Losses = losses
	return s
}

// one explores a state and returns the first outcome. It fails on problems.
func one(t interface {
	Helper()
	Fatalf(string, ...any)
}, s State) *Outcome {
	t.Helper()
	r := new(Explorer).Explore(s, true)
	if len(r.Problems) > 0 {
		t.Fatalf("%s: %+v", s.Fragment(), r.Problems)
	}
	return r.Outcomes[0]
}

// near wants two policies to agree entry by entry.
func near(got []Number, want []float64, tolerance float64) bool {
	return slices.EqualFunc(got, want, func(a Number, b float64) bool { return math.Abs(float64(a)-b) <= tolerance })
}

// normalized scales positive numbers to sum to 1.
func normalized(v []float64) []float64 {
	sum, out := 0.0, slices.Clone(v)
	for _, x := range v {
		sum += x
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}

// DPO's population minimizer is pi_ref pi_star^(1/lambda), normalized (arXiv 2305.18290, eq. 4, with the reward log pi_star).
func TestDPOClosedForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := with(Loss{Kind: "dpo"})
		s.Star, s.Ref = drawPolicy(t, "star"), drawPolicy(t, "ref")
		s.Lambda = math.Exp(rapid.Float64Range(-2, 4).Draw(t, "log lambda"))
		want := make([]float64, responses)
		for i := range want {
			want[i] = s.Ref[i] * math.Pow(s.Star[i], 1/s.Lambda)
		}
		o := one(t, s)
		if o.Solver != setup.SolverExact || !near(o.Policy, normalized(want), 1e-9) {
			t.Fatalf("%s: %v by %s, want %v", s.Fragment(), o.Policy, o.Solver, normalized(want))
		}
	})
}

// A TYPO minimizer makes the gradient vanish: with p_ij = sigmoid(log pi_i - log pi_j) and the weights w_ij = p*_ij / 3 of
// the population, sum_j w_ij p_ji - w_ji p_ij + lambda (ref_i - pi_i) = 0 at every i, the derivative by the logit of i.
func TestTYPOStationary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := with(Loss{Kind: "typo"})
		s.Star, s.Ref = drawPolicy(t, "star"), drawPolicy(t, "ref")
		s.Lambda = math.Exp(rapid.Float64Range(-4, 4).Draw(t, "log lambda"))
		pi := one(t, s).Policy
		for i := range responses {
			sum := s.Lambda * (s.Ref[i] - float64(pi[i]))
			for j := range responses {
				if i == j {
					continue
				}
				wins := s.Star[i] / (s.Star[i] + s.Star[j])
				beats := float64(pi[i] / (pi[i] + pi[j]))
				sum += (wins*(1-beats) - (1-wins)*beats) / 3
			}
			if math.Abs(sum) > 1e-9*(1+s.Lambda) {
				t.Fatalf("%s: %v leaves the derivative %v by logit %d", s.Fragment(), pi, sum, i)
			}
		}
	})
}

// drawPolicy draws a policy of three decimals.
func drawPolicy(t *rapid.T, name string) []float64 {
	a := rapid.IntRange(1, 997).Draw(t, name+" a")
	b := rapid.IntRange(1, 998-a).Draw(t, name+" b")
	return []float64{float64(a) / 1000, float64(b) / 1000, float64(1000-a-b) / 1000}
}

// Naming the responses otherwise names the answer otherwise, and changes nothing else.
func TestPermutation(t *testing.T) {
	for _, kind := range []string{"dpo", "ipo", "typo", "f-dpo", "rlhf", "kto", "chi-po"} {
		s := with(Loss{Kind: kind})
		s.Star, s.Ref = []float64{0.5, 0.3, 0.2}, []float64{0.2, 0.5, 0.3}
		straight := one(t, s)
		turn := func(v []float64) []float64 { return []float64{v[1], v[2], v[0]} }
		s.Star, s.Ref = turn(s.Star), turn(s.Ref)
		turned := one(t, s)
		want := []float64{float64(straight.Policy[1]), float64(straight.Policy[2]), float64(straight.Policy[0])}
		if !near(turned.Policy, want, 1e-6) {
			t.Errorf("%s: %v, want %v", kind, turned.Policy, want)
		}
		for i, c := range turned.Criteria {
			if c.Verdict != straight.Criteria[i].Verdict {
				t.Errorf("%s: %s %s, and with other names %s", kind, c.Name, straight.Criteria[i].Verdict, c.Verdict)
			}
		}
	}
}

// Every loss of the registry has an answer from the parameters that a page begins with, which JSON can carry: alone and under
// every change of the rest, of which each loss meets but one without -tags soak.
func TestEveryKind(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped by -short: takes long under the race detector, of which a single goroutine has no need")
	}
	changes := []func(*State){func(s *State) { s.Draws = 60 }, func(s *State) { s.L2 = 0.01 },
		func(s *State) { s.KLRadius = 0.02 }, func(s *State) { s.Basis = []float64{1, 0, -1} }}
	for i, k := range Kinds() {
		s, met := with(Loss{Kind: k.Name, Params: k.Starts}), changes
		if !fixedseed.Soak {
			met = changes[i%len(changes):][:1]
		}
		for _, change := range append([]func(*State){func(*State) {}}, met...) {
			at := s
			at.Steps = 50
			change(&at)
			o := one(t, at)
			if _, err := json.Marshal(o); err != nil {
				t.Errorf("%s: %v", at.Fragment(), err)
			}
			if o.Policy == nil && o.Reason == "" {
				t.Errorf("%s: no policy, and no reason", at.Fragment())
			}
			if len(o.Criteria) != 5 || len(o.Measures) == 0 != (o.Policy == nil) {
				t.Errorf("%s: %d criteria, %d measures", at.Fragment(), len(o.Criteria), len(o.Measures))
			}
			for _, pi := range append(o.Trajectory, o.Policy) {
				if pi != nil && math.Abs(float64(pi[0]+pi[1]+pi[2])-1) > 1e-9 {
					t.Errorf("%s: %v is no policy", at.Fragment(), pi)
				}
			}
		}
	}
}

// A formula that says what DPO is, is DPO.
func TestCustomIsDPO(t *testing.T) {
	s := with(Loss{Kind: "dpo"}, Loss{Kind: "custom", Params: []Param{{"psi", "softplus(-lambda * m)"}}})
	for _, lambda := range []float64{0.01, 0.3, 20} {
		s.Lambda = lambda
		r := new(Explorer).Explore(s, true)
		dpo, custom := r.Outcomes[0], r.Outcomes[1]
		for i, p := range dpo.Policy {
			if custom.Policy == nil || math.Abs(float64(custom.Policy[i]-p)) > 1e-9 {
				t.Errorf("lambda %v: %v, want %v", lambda, custom.Policy, dpo.Policy)
			}
		}
		for i, v := range dpo.Trajectory {
			if got := custom.Trajectory[i]; math.Abs(float64(got[0]-v[0])) > 1e-9 {
				t.Errorf("lambda %v: the trajectory is at %v, want %v", lambda, got, v)
			}
		}
		if slices.Compare(dpo.Landscape.Contours, custom.Landscape.Contours) != 0 && lambda > 0.1 {
			t.Errorf("lambda %v: other contours", lambda)
		}
	}
}

// Within the KL radius training ends on its border, and in a class of policies at one of them.
func TestConstraints(t *testing.T) {
	s := with(Loss{Kind: "dpo"})
	s.KLRadius, s.Steps = 0.05, 600
	ball := one(t, s)
	kl := 0.0
	for i, p := range ball.Policy {
		kl += float64(p) * math.Log(float64(p)/s.Ref[i])
	}
	if ball.Solver != setup.SolverTrain || math.Abs(kl-s.KLRadius) > 1e-6 {
		t.Errorf("KL(pi to pi_ref) is %v by %s, want %v by train", kl, ball.Solver, s.KLRadius)
	}
	s = with(Loss{Kind: "dpo"})
	s.Basis = []float64{1, 0, -1}
	line := one(t, s)
	middle := math.Log(float64(line.Policy[0])/s.Ref[0]) + math.Log(float64(line.Policy[2])/s.Ref[2]) - 2*math.Log(float64(line.Policy[1])/s.Ref[1])
	if math.Abs(middle) > 1e-9 {
		t.Errorf("%v is off the class by %v nats", line.Policy, middle)
	}
	s = with(Loss{Kind: "dpo"})
	free := one(t, s)
	s.L2 = 1
	if held := one(t, s); held.Policy[0] >= free.Policy[0] || held.Policy[0] <= 1./3 {
		t.Errorf("a penalty moves the best response from %v to %v, want between 1/3 and it", free.Policy[0], held.Policy[0])
	}
}

func TestProblems(t *testing.T) {
	for _, test := range []struct {
		name  string
		state State
		want  Problem
	}{
		{"no such kind", with(Loss{Kind: "dppo"}), Problem{Field: "a", Message: `did you mean "`}},
		{"no such parameter", with(Loss{Kind: "dpo", Params: []Param{{"smoothing", "0.1"}}}), Problem{Field: "a.smoothing", Message: "label_smoothing"}},
		{"out of range", with(Loss{Kind: "dpo", Params: []Param{{"label_smoothing", "0.7"}}}), Problem{Field: "a.label_smoothing", Message: "[0,0.5]"}},
		{"no YAML", with(Loss{Kind: "dpo", Params: []Param{{"label_smoothing", "[1"}}}), Problem{Field: "a.label_smoothing", Message: "YAML"}},
		{"a column in a formula", with(Loss{Kind: "custom", Params: []Param{{"pair", "softplus(-lambda * w)"}}}), Problem{Field: "a.pair", Message: `at character 20: `, Column: 20}},
		{"on the other side", with(Loss{Kind: "dpo"}, Loss{Kind: "custom"}), Problem{Field: "b.pair", Message: "there is no formula"}},
		{"lambda as a parameter", with(Loss{Kind: "dpo", Params: []Param{{"lambda", "1"}}}), Problem{Field: "a.lambda", Message: "is not a parameter"}},
		{"nothing drawn", func() State { s := with(Loss{Kind: "dpo"}); s.Draws, s.Seed = 1, 8; return s }(), Problem{Field: "n", Message: "equal responses"}},
	} {
		r := new(Explorer).Explore(test.state, true)
		if len(r.Problems) == 0 {
			t.Errorf("%s: no problem", test.name)
			continue
		}
		got := r.Problems[0]
		if got.Field != test.want.Field || got.Column != test.want.Column || !strings.Contains(got.Message, test.want.Message) {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
		if r.Config != "" {
			t.Errorf("%s: there is a config", test.name)
		}
	}
	mixed := new(Explorer).Explore(with(Loss{Kind: "dpo"}, Loss{Kind: "custom"}), true)
	if mixed.Outcomes[0] == nil || mixed.Outcomes[1] != nil {
		t.Errorf("one loss with mistakes: outcomes %v, want the first alone", mixed.Outcomes)
	}
}

// Losses that are computed with a state's lambda and seed leave nothing to chance.
func TestSameAnswer(t *testing.T) {
	s := with(Loss{Kind: "typo", Params: []Param{{"reference_samples", "4"}}}, Loss{Kind: "dpo"})
	s.Draws, s.Seed = 40, 11
	write := func() string {
		text, err := json.Marshal(new(Explorer).Explore(s, true))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if first, second := write(), write(); first != second {
		t.Error("two answers to one state differ")
	}
}

// What is remembered is what would be computed, and a partial answer is the whole one but for paths and criteria.
func TestMemory(t *testing.T) {
	var e Explorer
	e.Explore(Default(), true)
	for _, change := range []func(*State){
		func(s *State) { s.Lambda = 3 }, func(s *State) { s.KLRadius = 0.1 }, func(s *State) { s.Steps = 7 },
		func(s *State) { s.Star = []float64{0.2, 0.3, 0.5} }, func(s *State) { s.Draws = 30 }, func(s *State) { s.L2 = 0.1 },
		func(s *State) { s.Basis = []float64{1, 0, 0} }, func(s *State) { s.Losses[0].Params = []Param{{"label_smoothing", "0.1"}} },
	} {
		s := Default()
		change(&s)
		partial := e.Explore(s, false)
		got, want := e.Explore(s, true), new(Explorer).Explore(s, true)
		if !equal(t, got, want) {
			t.Errorf("%s: the answer depends on what was asked before", s.Fragment())
		}
		if got.Partial {
			t.Errorf("%s: the whole answer is partial", s.Fragment())
		}
		if partial.Partial {
			for i := range want.Outcomes {
				want.Outcomes[i].Path, want.Outcomes[i].Criteria = partial.Outcomes[i].Path, partial.Outcomes[i].Criteria
			}
			want.Partial = true
		}
		if !equal(t, partial, want) {
			t.Errorf("%s: a partial answer differs in more than paths and criteria", s.Fragment())
		}
	}
	s := Default()
	if e.Explore(s, false).Partial || !new(Explorer).Explore(s, false).Partial {
		t.Error("a partial answer has paths where none are known, or none where they are")
	}
}

// equal compares answers as the page gets them.
func equal(t *testing.T, a, b *Result) bool {
	t.Helper()
	x, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(x) == string(y)
}

// A best-of-n policy is given, not trained.
func TestDirect(t *testing.T) {
	o := one(t, with(Loss{Kind: "best-of-n", Params: []Param{{"n", "2"}}}))
	// The best of two is c with probability 0.2^2, a or b ranked below it never; a beats all: 1 - 0.6^2.
	want := []float64{1 - 0.6*0.6, 0.6*0.6 - 0.2*0.2, 0.2 * 0.2}
	if !near(o.Policy, want, 1e-12) || o.Trajectory != nil {
		t.Errorf("%v with %d steps, want %v without", o.Policy, len(o.Trajectory), want)
	}
}

// No kind of the registry is missing, and words and lambda are told.
func TestDescribe(t *testing.T) {
	d := Describe()
	if len(d.Kinds) != len(objective.Kinds()) {
		t.Errorf("%d kinds, want %d", len(d.Kinds), len(objective.Kinds()))
	}
	for _, k := range d.Kinds {
		if k.Name != "dpo" {
			continue
		}
		var found []string
		for _, f := range k.Fields {
			found = append(found, fmt.Sprint(f.Key, len(f.Words)))
		}
		if !k.Lambda || !slices.Contains(found, "label_smoothing0") || !slices.Contains(k.Aliases, "sigmoid") {
			t.Errorf("dpo is described as %+v", k)
		}
	}
	if s, problems := ParseState(d.Default); len(problems) > 0 || s.Fragment() != d.Default {
		t.Errorf("the default %q reads as %q, %v", d.Default, s.Fragment(), problems)
	}
}

func BenchmarkExplore(b *testing.B) {
	custom := Loss{Kind: "custom", Params: []Param{{"pair", "softplus(-lambda * u)"}}}
	for name, s := range map[string]State{"dpo typo": Default(), "dpo": with(Loss{Kind: "dpo"}), "custom f-dpo": with(custom, Loss{Kind: "f-dpo"}),
		"dpo typo 1000 draws": func() State { s := Default(); s.Draws = 1000; return s }()} {
		b.Run("lambda/"+name, func(b *testing.B) {
			var e Explorer
			e.Explore(s, true)
			for i := 0; b.Loop(); i++ {
				s.Lambda = 0.05 + 0.001*float64(i%100)
				e.Explore(s, true)
			}
		})
		b.Run("policy/"+name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				s.Star = []float64{0.6 - 0.001*float64(i%100), 0.3 + 0.001*float64(i%100), 0.1}
				new(Explorer).Explore(s, true)
			}
		})
	}
}
