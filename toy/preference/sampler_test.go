package preference

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/floats"
	"pgregory.net/rapid"

	_ "windtunnel/toy/fixedseed"
	"windtunnel/toy/registry"
)

// joined is the probability of every ordered pair by a sampler, K x K.
func joined(parts []Part) []float64 {
	k := len(parts[0].First)
	w := make([]float64, k*k)
	for _, p := range parts {
		for i := range w {
			w[i] += p.Share * p.First[i/k] * p.Second[i%k]
		}
	}
	return w
}

// proportional returns K x K probabilities in proportion to a function of two responses.
func proportional(k int, of func(i, j int) float64) []float64 {
	w := make([]float64, k*k)
	for i := range w {
		w[i] = of(i/k, i%k)
	}
	floats.Scale(1/floats.Sum(w), w)
	return w
}

// Samplers are the distributions over pairs that arXiv 2409.19605 writes down.
func TestSamplersAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.IntRange(2, 6).Draw(t, "k")
		list := func(name string) []float64 { return rapid.SliceOfN(rapid.Float64Range(-3, 3), k, k).Draw(t, name) }
		s := &Scores{Policy: list("policy"), Reference: list("reference"), Reward: list("reward")}
		beta := rapid.Float64Range(0.1, 4).Draw(t, "beta")
		sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
		doubt := func(score []float64, times float64) []float64 {
			return proportional(k, func(i, j int) float64 {
				x := times * (score[i] - score[j])
				return 1 / (sigmoid(x) * sigmoid(-x))
			})
		}
		product := func(a []float64, x float64, b []float64, y float64) []float64 {
			return proportional(k, func(i, j int) float64 { return math.Exp(x*a[i] + y*b[j]) })
		}
		uniform := &Independent{Responses{ofUniform, 1}, Responses{ofUniform, 1}}
		best := &Independent{Responses{ofReward, 1}, Responses{ofReward, -1}}
		half := proportional(k, func(int, int) float64 { return 1 })
		floats.Add(half, product(s.Reward, 1, s.Reward, -1))
		floats.Scale(0.5, half)
		for name, tt := range map[string]struct {
			sampler Sampler
			want    []float64
		}{
			"joint-reward": {&Joint{Responses{ofReward, 1}}, doubt(s.Reward, 1)},
			"joint-policy": {&Joint{Responses{ofPolicy, beta}}, doubt(s.Policy, beta)},
			"half":         {&Mixture{[]Shared{{0.5, uniform}, {0.5, best}}}, half},
			"inverse":      {&Independent{Responses{ofPolicy, -beta}, Responses{ofRef, 1}}, product(s.Policy, -beta, s.Reference, 1)},
		} {
			if got := joined(tt.sampler.Parts(s)); !floats.EqualApprox(got, tt.want, 1e-12) {
				t.Errorf("%s: %v, want %v", name, got, tt.want)
			}
		}
	})
}

// Exact probabilities are those of the draws, labels and noise included, and draws have their frequencies.
func TestExpectationOfDraws(t *testing.T) {
	const n = 200_000
	sampler := &Mixture{[]Shared{{0.3, &Joint{Responses{ofReward, 2}}}, {0.7, &Independent{Responses{ofPolicy, 1}, Responses{ofUniform, 1}}}}}
	o := &Online{Rounds: 1, Temperature: 0.7, LabelNoise: 0.1, Proxy: &Gold{}, Sampler: sampler}
	env, logits := environment(star), func(_ int, dst []float64) { copy(dst, []float64{0, 1, -1}) }
	exact := o.Draw(nil, env, goldOf(star), logits)
	if sum := floats.Sum(exact.Weight); math.Abs(sum-1) > 1e-12 {
		t.Errorf("probabilities sum to %v", sum)
	}
	w := joined(sampler.Parts(&Scores{Policy: []float64{0, 1, -1}, Reference: env.Prompts[0].LogRef, Reward: env.Prompts[0].LogStar}))
	same, seen := 0.0, map[[2]int]float64{}
	for i := range exact.Len() {
		a, b := exact.Chosen[i], exact.Rejected[i]
		odds := math.Pow(star[a]/star[b], 1/0.7)
		label := 0.1 + 0.8*odds/(1+odds)
		if want := (w[3*a+b] + w[3*b+a]) * label; math.Abs(exact.Weight[i]-want) > 1e-12 {
			t.Errorf("%d over %d has %v, want %v", a, b, exact.Weight[i], want)
		}
		if a == b {
			same += exact.Weight[i]
		} else {
			seen[[2]int{a, b}] = exact.Weight[i]
		}
	}
	o.Pairs = n
	drawn := o.Draw(source(1), env, goldOf(star), logits)
	if !within(float64(drawn.Len())/n, 1-same, n) {
		t.Errorf("%d of %d draws differ, want a share of %v", drawn.Len(), n, 1-same)
	}
	count := map[[2]int]float64{}
	for i := range drawn.Len() {
		count[[2]int{drawn.Chosen[i], drawn.Rejected[i]}] += 1. / n
	}
	for pair, want := range seen {
		if !within(count[pair], want, n) {
			t.Errorf("%v has frequency %v, want %v", pair, count[pair], want)
		}
	}
	if some := exact.Differing(); some.Len() != 6 || math.Abs(floats.Sum(some.Weight)-1+same) > 1e-12 {
		t.Errorf("%d comparisons of different responses with weight %v, want 6 with %v", some.Len(), floats.Sum(some.Weight), 1-same)
	}
}

// Whatever the scores, probabilities are finite and sum to 1.
func TestSamplersAtExtremes(t *testing.T) {
	s := &Scores{Policy: []float64{0, math.Inf(-1), -1e6}, Reference: []float64{-1, -1, -1}, Reward: []float64{1e300, 0, -1e300}}
	for _, sampler := range []Sampler{&Joint{Responses{ofReward, 1}}, &Joint{Responses{ofPolicy, 1e6}}, &Joint{Responses{ofPolicy, -1}},
		&Independent{Responses{ofReward, -1e6}, Responses{ofPolicy, -1}}, &Independent{Responses{ofPolicy, 1e-6}, Responses{ofUniform, 0}}} {
		if sum := floats.Sum(joined(sampler.Parts(s))); math.Abs(sum-1) > 1e-12 {
			t.Errorf("%+v: probabilities sum to %v", sampler, sum)
		}
	}
}

func TestSamplerProblems(t *testing.T) {
	for _, tt := range []struct {
		check registry.Checker
		key   string
	}{
		{&Mixture{[]Shared{{0.5, &Joint{}}}}, "of"},
		{&Online{Pairs: 0, Accumulate: true, Proxy: &Gold{}}, "accumulate"},
		{&Noisy{Freedom: 0.4}, "freedom"},
		{&Mixture{[]Shared{{0.25, &Joint{}}, {0.75, &Joint{}}}}, ""},
		{&Noisy{Freedom: 0.5}, ""},
		{&Noisy{}, ""},
	} {
		if problems := tt.check.Check(); tt.key == "" && len(problems) > 0 || tt.key != "" && (len(problems) != 1 || problems[0].Key != tt.key) {
			t.Errorf("%+v: problems %v, want one of %s", tt.check, problems, tt.key)
		}
	}
}
