package preference

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"windtunnel/toy/bandit"
)

func source(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

func (s Sample) mustBuild(t interface{ Fatal(...any) }, env *bandit.Env, seed uint64) *Pairs {
	pairs, err := s.Build(Input{Env: env, RNG: source(seed)})
	if err != nil {
		t.Fatal(err)
	}
	return pairs
}

// uniform is n draws as published.
func uniform(n int) Sample { return Sample{N: n, Sampling: "uniform", Temperature: 1, Coverage: 1} }

// within says whether a frequency out of n agrees with a probability to five standard errors.
func within(frequency, p float64, n int) bool {
	return math.Abs(frequency-p) <= 5*math.Sqrt(p*(1-p)/float64(n))
}

// TestSampleFrequencies: each unordered pair comes up as the sampling policy has it, and its winner as p_star has it.
func TestSampleFrequencies(t *testing.T) {
	const n = 60_000
	env := environment(star)
	tempered := func(p []float64, temperature float64) []float64 {
		q, sum := make([]float64, 3), 0.0
		for i, v := range p {
			q[i] = math.Pow(v, 1/temperature)
			sum += q[i]
		}
		for i := range q {
			q[i] /= sum
		}
		return q
	}
	for _, tt := range []struct {
		name   string
		sample Sample
		q      []float64
	}{
		{"uniform", Sample{N: n, Sampling: "uniform", Temperature: 5, Coverage: 1}, []float64{1. / 3, 1. / 3, 1. / 3}},
		{"pi_ref", Sample{N: n, Sampling: "pi_ref", Temperature: 1, Coverage: 1}, []float64{0.7, 0.2, 0.1}},
		{"pi_star, flatter", Sample{N: n, Sampling: "pi_star", Temperature: 2, Coverage: 1}, tempered(star, 2)},
		{"noisy labels", Sample{N: n, Sampling: "uniform", Temperature: 1, Coverage: 1, LabelNoise: 0.2}, []float64{1. / 3, 1. / 3, 1. / 3}},
	} {
		pairs := tt.sample.mustBuild(t, env, 17)
		checkPairs(t, pairs, env)
		wins := [3][3]int{}
		for i := range pairs.Len() {
			wins[pairs.Chosen[i]][pairs.Rejected[i]]++
		}
		equal := tt.q[0]*tt.q[0] + tt.q[1]*tt.q[1] + tt.q[2]*tt.q[2]
		if dropped := 1 - float64(pairs.Len())/n; !within(dropped, equal, n) {
			t.Errorf("%s: %v of the draws dropped, want %v", tt.name, dropped, equal)
		}
		for i := range 3 {
			for j := range i {
				seen := wins[i][j] + wins[j][i]
				if got := float64(seen) / n; !within(got, 2*tt.q[i]*tt.q[j], n) {
					t.Errorf("%s: pair %d, %d has frequency %v, want %v", tt.name, i, j, got, 2*tt.q[i]*tt.q[j])
				}
				want := star[i] / (star[i] + star[j])
				want += tt.sample.LabelNoise * (1 - 2*want)
				if got := float64(wins[i][j]) / float64(seen); !within(got, want, seen) {
					t.Errorf("%s: %d beats %d with frequency %v, want %v", tt.name, i, j, got, want)
				}
			}
		}
	}
}

func TestSamplePrompts(t *testing.T) {
	env := environment(star, star)
	s := uniform(500)
	pairs := s.mustBuild(t, env, 5)
	checkPairs(t, pairs, env)
	if !reflect.DeepEqual(pairs, s.mustBuild(t, env, 5)) || reflect.DeepEqual(pairs, s.mustBuild(t, env, 6)) {
		t.Error("the seed does not decide")
	}
	second, changes := 0, 0
	for i, p := range pairs.Prompt {
		second += p
		if i > 0 && p != pairs.Prompt[i-1] {
			changes++
		}
	}
	if share := float64(second) / float64(pairs.Len()); !within(share, 0.5, pairs.Len()) {
		t.Errorf("%v of the pairs are of the second prompt", share)
	}
	if rate := float64(changes) / float64(pairs.Len()-1); !within(rate, 0.5, pairs.Len()-1) {
		t.Errorf("the prompt changes at %v of the pairs; shuffled, at half", rate)
	}
}

// TestCommonRandomNumbers: with one prompt and one seed a larger n extends a smaller one, and label noise changes
// labels only, only ever more of them.
func TestCommonRandomNumbers(t *testing.T) {
	env := environment(star)
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		s := Sample{N: 300, Sampling: rapid.SampledFrom([]string{"uniform", "pi_ref", "pi_star"}).Draw(t, "sampling"), Temperature: 1, Coverage: 1,
			LabelNoise: rapid.Float64Range(0, 1).Draw(t, "noise")}
		long := s.mustBuild(t, env, seed)
		fewer := s
		fewer.N = 100
		short := fewer.mustBuild(t, env, seed)
		n := short.Len()
		if !slices.Equal(short.Chosen, long.Chosen[:n]) || !slices.Equal(short.Rejected, long.Rejected[:n]) {
			t.Errorf("100 draws are not the beginning of 300")
		}
		clean := s
		clean.LabelNoise = 0
		truth := clean.mustBuild(t, env, seed)
		noisier := s
		noisier.LabelNoise = min(1, s.LabelNoise+0.2)
		worse := noisier.mustBuild(t, env, seed)
		for i := range truth.Len() {
			w, l := truth.Chosen[i], truth.Rejected[i]
			flipped := long.Chosen[i] == l && long.Rejected[i] == w
			if !flipped && (long.Chosen[i] != w || long.Rejected[i] != l) {
				t.Fatalf("pair %d: noise changes %d, %d to %d, %d", i, w, l, long.Chosen[i], long.Rejected[i])
			}
			if flipped && worse.Chosen[i] != l {
				t.Errorf("pair %d: flipped at noise %v, not at %v", i, s.LabelNoise, noisier.LabelNoise)
			}
		}
	})
}

func TestSampleEdges(t *testing.T) {
	env := environment(star)
	flipped := Sample{N: 50, Sampling: "uniform", Temperature: 1, Coverage: 1, LabelNoise: 1}.mustBuild(t, env, 1)
	truth := uniform(50).mustBuild(t, env, 1)
	if !slices.Equal(flipped.Chosen, truth.Rejected) {
		t.Error("label noise 1 does not flip every label")
	}
	_, err := (&Sample{N: 20, Sampling: "pi_ref", Temperature: 1e-3, Coverage: 1}).Build(Input{Env: env, RNG: source(1)})
	if want := "preferences: all 20 draws were of equal responses or of comparisons that are never made; raise n or coverage"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// With coverage below 1, as many comparisons as it says are made, in both orders, and the others never.
func TestSampleCoverage(t *testing.T) {
	env, five := &bandit.Env{}, []float64{0.3, 0.25, 0.2, 0.15, 0.1}
	for _, name := range []string{"a", "b"} {
		env.Prompts = append(env.Prompts, bandit.NewPrompt(name, five, five, nil, nil))
	}
	for coverage, want := range map[float64]int{1: 10, 0.55: 6, 0.5: 5, 0.01: 1} {
		s := uniform(4000)
		s.Coverage = coverage
		pairs := s.mustBuild(t, env, 3)
		checkPairs(t, pairs, env)
		seen := [2]map[[2]int]bool{{}, {}}
		for i, p := range pairs.Prompt {
			a, b := pairs.Chosen[i], pairs.Rejected[i]
			seen[p][[2]int{min(a, b), max(a, b)}] = true
		}
		for p := range seen {
			if len(seen[p]) != want {
				t.Errorf("coverage %v: prompt %d has %d comparisons, want %d", coverage, p, len(seen[p]), want)
			}
		}
		if coverage == 0.5 && reflect.DeepEqual(seen[0], seen[1]) {
			t.Error("both prompts have the same comparisons")
		}
	}
}
