package preference

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	_ "windtunnel/toy/fixedseed"
	"windtunnel/toy/logspace"
)

// online is draws labelled by the gold reward.
func online(pairs int) *Online {
	return &Online{Rounds: 1, Pairs: pairs, Temperature: 1, Proxy: &Gold{}, Reference: "start"}
}

// goldOf is log pi_star of every prompt.
func goldOf(stars ...[]float64) [][]float64 {
	var gold [][]float64
	for _, p := range environment(stars...).Prompts {
		gold = append(gold, p.LogStar)
	}
	return gold
}

// TestOnlineFrequencies: pairs come up as the policy has them, and win as the rewards, the temperature and the noise say.
func TestOnlineFrequencies(t *testing.T) {
	const n = 60_000
	pi := []float64{0.2, 0.3, 0.5}
	for _, tt := range []struct{ temperature, noise float64 }{{1, 0}, {0.25, 0}, {0, 0}, {1, 0.2}} {
		o := online(n)
		o.Temperature, o.LabelNoise = tt.temperature, tt.noise
		pairs := o.Draw(source(3), environment(star), goldOf(star), func(_ int, dst []float64) {
			for k, p := range pi {
				dst[k] = math.Log(p) + 7 // scores need no normalization
			}
		})
		checkPairs(t, pairs, environment(star))
		wins := [3][3]int{}
		for i := range pairs.Len() {
			wins[pairs.Chosen[i]][pairs.Rejected[i]]++
		}
		for i := range 3 {
			for j := range i {
				seen := wins[i][j] + wins[j][i]
				if got := float64(seen) / n; !within(got, 2*pi[i]*pi[j], n) {
					t.Errorf("%+v: pair %d, %d has frequency %v, want %v", tt, i, j, got, 2*pi[i]*pi[j])
				}
				want := 0.0
				if tt.temperature > 0 {
					a, b := math.Pow(star[i], 1/tt.temperature), math.Pow(star[j], 1/tt.temperature)
					want = a / (a + b)
				} else if star[i] > star[j] {
					want = 1
				}
				want += tt.noise * (1 - 2*want)
				if got := float64(wins[i][j]) / float64(seen); !within(got, want, seen) {
					t.Errorf("%+v: %d beats %d with frequency %v, want %v", tt, i, j, got, want)
				}
			}
		}
	}
}

// Labels follow the rewards that are given, not pi_star; a prompt without rewards is not drawn for.
func TestOnlineRewards(t *testing.T) {
	o := online(50)
	o.Temperature = 0
	uniform := func(_ int, dst []float64) { clear(dst) }
	pairs := o.Draw(source(1), environment(star, star, star), [][]float64{nil, {0, 1, 1e300}, {2, 1, -1e300}}, uniform)
	if !slices.Contains(pairs.Prompt, 1) || !slices.Contains(pairs.Prompt, 2) {
		t.Error("a prompt is never drawn for")
	}
	for i, p := range pairs.Prompt {
		if higher := pairs.Chosen[i] > pairs.Rejected[i]; p == 0 || higher != (p == 1) {
			t.Errorf("prompt %d: %d beats %d", p, pairs.Chosen[i], pairs.Rejected[i])
		}
	}
	again := o.Draw(source(1), environment(star, star, star), [][]float64{nil, {0, 1, 1e300}, {2, 1, -1e300}}, uniform)
	if !reflect.DeepEqual(pairs, again) {
		t.Error("the source does not decide")
	}
}

func TestOnlineBuild(t *testing.T) {
	env := environment(star)
	in := Input{Env: env, RNG: source(1), Rewards: goldOf(star)}
	pairs, err := online(200).Build(in)
	if err != nil {
		t.Fatal(err)
	}
	checkPairs(t, pairs, env)
	env.Prompts[0].Init = []float64{0, -1e4, -1e4}
	if _, err := online(200).Build(in); !errors.Is(err, ErrNoPairs) {
		t.Errorf("error %v, want %v", err, ErrNoPairs)
	}
	before := pairs.Len()
	pairs.Append(pairs)
	if pairs.Len() != 2*before || pairs.Chosen[before] != pairs.Chosen[0] {
		t.Errorf("%d pairs appended to themselves are %d", before, pairs.Len())
	}
}

// TestProxies: what each proxy leaves of the gold reward.
func TestProxies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.IntRange(2, 40).Draw(t, "k")
		rng := source(rapid.Uint64().Draw(t, "seed"))
		gold := [][]float64{make([]float64, k), make([]float64, k)}
		for _, reward := range gold {
			for i := range reward {
				reward[i] = rng.NormFloat64()
			}
			logspace.LogSoftmax(reward, reward)
		}
		before := [][]float64{slices.Clone(gold[0]), slices.Clone(gold[1])}
		if got := (&Gold{}).Rewards(gold, source(1)); !reflect.DeepEqual(got, gold) {
			t.Errorf("gold is %v, not %v", got, gold)
		}
		for _, still := range []Proxy{&Noisy{}, &Noisy{Freedom: 2}, &Flipped{}} {
			if got := still.Rewards(gold, source(1)); !reflect.DeepEqual(got, gold) {
				t.Errorf("%T without an error is %v, not %v", still, got, gold)
			}
		}
		share := rapid.Float64Range(0, 1).Draw(t, "share")
		turned := (&Flipped{Share: share}).Rewards(gold, source(1))
		for p, reward := range gold {
			mean, flips := 0.0, 0
			for _, r := range reward {
				mean += r / float64(k)
			}
			for i, r := range reward {
				if turned[p][i] == r {
					continue
				}
				if flips++; math.Abs(turned[p][i]+r-2*mean) > 1e-9 {
					t.Errorf("reward %v becomes %v about the mean %v", r, turned[p][i], mean)
				}
			}
			if want := int(math.Round(share * float64(k))); flips != want {
				t.Errorf("%d of %d turned around, want %d", flips, k, want)
			}
		}
		if !reflect.DeepEqual(gold, before) {
			t.Error("the gold reward itself has changed")
		}
	})
}

// The errors of a noisy proxy have the spread of their distribution: a normal one's, and that of Student's t, whose
// quartiles with 2 degrees of freedom are at sqrt(2/3).
func TestNoisySpread(t *testing.T) {
	const n = 20_000
	for _, tt := range []struct{ freedom, quartile float64 }{{0, 0.6744897501960817}, {2, math.Sqrt(2. / 3)}} {
		errs := (&Noisy{Scale: 3, Freedom: tt.freedom}).Rewards([][]float64{make([]float64, n)}, source(5))[0]
		inside := 0
		for _, e := range errs {
			if math.Abs(e) < 3*tt.quartile {
				inside++
			}
		}
		if got := float64(inside) / n; !within(got, 0.5, n) {
			t.Errorf("%v degrees of freedom: %v of the errors between the quartiles", tt.freedom, got)
		}
	}
	if problems := (&Noisy{Scale: 1, Freedom: 0.1}).Check(); len(problems) != 1 || problems[0].Key != "freedom" {
		t.Errorf("problems %v, want one of freedom", problems)
	}
}
