package metrics_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"
	"pgregory.net/rapid"

	"windtunnel/metrics"
	_ "windtunnel/toy/fixedseed"
)

// distribution draws log-probabilities over k responses, logits spread over up to 60 nats.
func distribution(t *rapid.T, k int, label string) []float64 {
	logits := rapid.SliceOfN(rapid.Float64Range(-30, 30), k, k).Draw(t, label)
	floats.AddConst(-floats.LogSumExp(logits), logits)
	return logits
}

// drawView draws a view with a policy and comparisons.
func drawView(t *rapid.T) *metrics.View {
	k := rapid.IntRange(1, 12).Draw(t, "k")
	v := metrics.NewView(distribution(t, k, "ref"), distribution(t, k, "star"), distribution(t, k, "start"))
	v.Set(distribution(t, k, "pi"))
	n := rapid.IntRange(1, 8).Draw(t, "comparisons")
	response := rapid.IntRange(0, k-1)
	for range n {
		v.Chosen = append(v.Chosen, response.Draw(t, "chosen"))
		v.Rejected = append(v.Rejected, response.Draw(t, "rejected"))
		v.Weight = append(v.Weight, rapid.Float64Range(1e-3, 1).Draw(t, "weight"))
	}
	return v
}

func TestAgainstGonum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawView(t)
		for name, want := range map[string]float64{
			"kl_star_pi":  stat.KullbackLeibler(v.Star, v.Pi),
			"kl_pi_star":  stat.KullbackLeibler(v.Pi, v.Star),
			"kl_ref_pi":   stat.KullbackLeibler(v.Ref, v.Pi),
			"kl_pi_ref":   stat.KullbackLeibler(v.Pi, v.Ref),
			"kl_star_ref": stat.KullbackLeibler(v.Star, v.Ref),
			"kl_mode_pi":  stat.KullbackLeibler(v.Mode, v.Pi),
			"js_star":     stat.JensenShannon(v.Star, v.Pi),
			"js_ref":      stat.JensenShannon(v.Pi, v.Ref),
			"reward":      -stat.CrossEntropy(v.Pi, v.Star),
		} {
			if got := value(t, name, v); !(math.Abs(got-want) <= 1e-13*(1+math.Abs(want))) {
				t.Errorf("%s = %v, gonum says %v", name, got, want)
			}
		}
	})
}

// Pinsker's inequality and similar ones relate the divergences to one another.
func TestInequalities(t *testing.T) {
	const rounding = 1e-14
	rapid.Check(t, func(t *rapid.T) {
		v := drawView(t)
		at := func(name string) float64 { return value(t, name, v) }
		for _, side := range []struct{ tv, js, to, from string }{
			{"tv_star", "js_star", "kl_star_pi", "kl_pi_star"}, {"tv_ref", "js_ref", "kl_ref_pi", "kl_pi_ref"},
		} {
			tv, js, kl := at(side.tv), at(side.js), min(at(side.to), at(side.from))
			checks := map[string]bool{
				"0 <= TV <= 1":                 tv >= 0 && tv <= 1+rounding,
				"0 <= JS <= log 2":             js >= 0 && js <= math.Ln2+rounding,
				"Pinsker, TV^2 <= KL/2":        tv*tv <= kl/2+rounding,
				"Bretagnolle-Huber":            tv*tv <= -math.Expm1(-kl)+rounding,
				"JS <= TV log 2 (Lin)":         js <= tv*math.Ln2+rounding,
				"TV^2/2 <= JS":                 tv*tv/2 <= js+rounding,
				"JS <= a quarter of Jeffreys'": js <= (at(side.to)+at(side.from))/4+rounding,
			}
			for what, ok := range checks {
				if !ok {
					t.Errorf("%s fails: tv %v, js %v, kl %v and %v", what, tv, js, at(side.to), at(side.from))
				}
			}
		}
		if m, kl := at("mode_mass"), at("kl_mode_pi"); kl < -math.Log(m)-rounding*(1+kl) || at("tv_mode") < 1-m-rounding {
			t.Errorf("mode mass %v, kl_mode_pi %v, tv_mode %v", m, kl, at("tv_mode"))
		}
		if h := at("entropy"); h < 0 || h > math.Log(float64(len(v.Pi)))+rounding {
			t.Errorf("entropy %v of %d responses", h, len(v.Pi))
		}
	})
}

// The divergences from a policy to itself are exactly zero, and at the start nothing has moved.
func TestZeroWhereEqual(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawView(t)
		other := metrics.NewView(v.LogStar, v.LogStar, v.LogStar)
		other.Chosen, other.Rejected, other.Weight = v.Chosen, v.Rejected, v.Weight
		for _, name := range []string{
			"kl_star_pi", "kl_pi_star", "kl_ref_pi", "kl_pi_ref", "js_star", "js_ref", "tv_star", "tv_ref",
			"kl_star_ref", "chosen_shift", "rejected_shift", "margin",
		} {
			if got := value(t, name, other); got != 0 {
				t.Errorf("%s = %v", name, got)
			}
		}
		if got := value(t, "reward_accuracy", other); !near(got, .5, 1e-14) {
			t.Errorf("reward_accuracy at the start = %v", got)
		}
		if got := value(t, "win_rate", other); !near(got, .5, 1e-14) {
			t.Errorf("win rate against itself = %v", got)
		}
	})
}

// The definition of the win rate, summed over both draws.
func TestWinRateByDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawView(t)
		want := 0.0
		for i, p := range v.Pi {
			for j, q := range v.Ref {
				want += p * q * v.Star[i] / (v.Star[i] + v.Star[j])
			}
		}
		if got := value(t, "win_rate", v); !near(got, want, 1e-12) {
			t.Errorf("win rate %v, want %v", got, want)
		}
	})
}

// The margin is the difference of the two shifts, and shares stay shares.
func TestDataMetricsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawView(t)
		want := value(t, "chosen_shift", v) - value(t, "rejected_shift", v)
		if got := value(t, "margin", v); !(math.Abs(got-want) <= 1e-11) {
			t.Errorf("margin %v, shifts differ by %v", got, want)
		}
		swapped := *v
		swapped.Chosen, swapped.Rejected = v.Rejected, v.Chosen
		for _, name := range []string{"accuracy", "reward_accuracy"} {
			if got := value(t, name, v) + value(t, name, &swapped); !near(got, 1, 1e-14) {
				t.Errorf("%s and that of the swapped comparisons add up to %v", name, got)
			}
		}
	})
}

// benchView returns a view of k responses with 200 comparisons.
func benchView(k int) *metrics.View {
	rng := rand.New(rand.NewPCG(1, 2))
	draw := func() []float64 {
		logits := make([]float64, k)
		for i := range logits {
			logits[i] = rng.NormFloat64()
		}
		floats.AddConst(-floats.LogSumExp(logits), logits)
		return logits
	}
	v := metrics.NewView(draw(), draw(), draw())
	v.Set(draw())
	for range 200 {
		v.Chosen, v.Rejected = append(v.Chosen, rng.IntN(k)), append(v.Rejected, rng.IntN(k))
		v.Weight = append(v.Weight, 1./200)
	}
	return v
}

func TestNothingAllocates(t *testing.T) {
	views := []*metrics.View{benchView(3), benchView(50)}
	pi := views[0].LogRef
	all := metrics.All()
	if n := testing.AllocsPerRun(10, func() {
		views[0].Set(pi)
		for _, m := range all {
			metrics.Mean(m, views)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkAll evaluates every metric on one prompt, one record's work.
func BenchmarkAll(b *testing.B) {
	for _, k := range []int{3, 100} {
		b.Run(fmt.Sprintf("k=%d", k), func(b *testing.B) {
			v := benchView(k)
			all := metrics.All()
			b.ReportAllocs()
			for b.Loop() {
				for _, m := range all {
					m.Value(v)
				}
			}
		})
	}
}

// BenchmarkNewView shows what the win rate's table costs, once a prompt and run.
func BenchmarkNewView(b *testing.B) {
	for _, k := range []int{3, 100, metrics.MaxWinRate} {
		b.Run(fmt.Sprintf("k=%d", k), func(b *testing.B) {
			v := benchView(k)
			for b.Loop() {
				metrics.NewView(v.LogRef, v.LogStar, v.LogStart)
			}
		})
	}
}
