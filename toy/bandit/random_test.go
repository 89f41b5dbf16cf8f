package bandit

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"
	"pgregory.net/rapid"

	"windtunnel/toy/logspace"
)

func source(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

func (r Random) mustBuild(t interface{ Fatal(...any) }, seed uint64) *Env {
	env, err := r.Build(source(seed))
	if err != nil {
		t.Fatal(err)
	}
	return env
}

func TestRandomProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Random{
			Prompts: rapid.IntRange(1, 4).Draw(t, "prompts"), Responses: rapid.IntRange(2, 8).Draw(t, "responses"),
			Star:          rapid.SampledFrom([]string{"dirichlet", "gaussian"}).Draw(t, "star"),
			Concentration: math.Exp(rapid.Float64Range(math.Log(1e-3), math.Log(1e6)).Draw(t, "log concentration")),
			Scale:         rapid.Float64Range(0, 1e3).Draw(t, "scale"),
			Temperature:   math.Exp(rapid.Float64Range(math.Log(1e-3), math.Log(1e6)).Draw(t, "log temperature")),
			Perturbation:  rapid.Float64Range(0, 1e3).Draw(t, "perturbation"),
		}
		r.Good = rapid.IntRange(0, r.Prompts).Draw(t, "good")
		env := r.mustBuild(t, rapid.Uint64().Draw(t, "seed"))
		if len(env.Prompts) != r.Prompts || env.Responses() != r.Responses {
			t.Fatalf("%d prompts, %d responses", len(env.Prompts), env.Responses())
		}
		for i := range env.Prompts {
			p := &env.Prompts[i]
			for _, logs := range [][]float64{p.LogStar, p.LogRef, p.Init} {
				if total := logspace.LogSumExp(logs); math.Abs(total) > 1e-9 || floats.HasNaN(logs) || math.IsInf(floats.Min(logs), 0) {
					t.Fatalf("prompt %d: log-probabilities %v, total %v", i, logs, total)
				}
			}
			if math.Abs(floats.Sum(p.PiStar)-1) > 1e-9 || math.Abs(floats.Sum(p.PiRef)-1) > 1e-9 {
				t.Errorf("prompt %d: %v and %v do not sum to 1", i, p.PiStar, p.PiRef)
			}
			if i < r.Good {
				if !reflect.DeepEqual(p.LogRef, p.LogStar) {
					t.Errorf("good prompt %d: pi_ref %v, pi_star %v", i, p.PiRef, p.PiStar)
				}
				continue
			}
			// What is left of log pi_ref without the tempered pi_star is the noise, up to a constant.
			noise := floats.AddScaledTo(make([]float64, r.Responses), p.LogRef, -1/r.Temperature, p.LogStar)
			if got := stat.PopStdDev(noise, nil); math.Abs(got-r.Perturbation) > 1e-9*max(1, floats.Norm(p.LogRef, 2)) {
				t.Errorf("prompt %d: perturbed by %v, want %v", i, got, r.Perturbation)
			}
		}
	})
}

func TestRandomNames(t *testing.T) {
	for _, tt := range []struct {
		prompts, good int
		want          string
	}{
		{2, 0, "[x-1 x-2]"}, {3, 1, "[good-1 bad-1 bad-2]"}, {2, 2, "[good-1 good-2]"},
	} {
		env := Random{Prompts: tt.prompts, Good: tt.good, Responses: 2, Star: "gaussian", Concentration: 1, Temperature: 1}.mustBuild(t, 1)
		var names []string
		for i, p := range env.Prompts {
			names = append(names, p.Name)
			if p.Features[i] != 1 || len(p.Features) != tt.prompts || floats.Sum(p.Features) != 1 {
				t.Errorf("prompt %d: features %v are not one-hot", i, p.Features)
			}
		}
		if got := fmt.Sprint(names); got != tt.want {
			t.Errorf("names %s, want %s", got, tt.want)
		}
	}
}

func TestRandomSeeds(t *testing.T) {
	r := Random{Prompts: 3, Good: 1, Responses: 4, Star: "dirichlet", Concentration: 1, Temperature: 1, Perturbation: 0.5}
	if !reflect.DeepEqual(r.mustBuild(t, 1), r.mustBuild(t, 1)) {
		t.Error("one seed gives two environments")
	}
	if reflect.DeepEqual(r.mustBuild(t, 1).Prompts[0].LogStar, r.mustBuild(t, 2).Prompts[0].LogStar) {
		t.Error("two seeds give one pi_star")
	}
	// Declaring more prompts good, or perturbing more, does not change pi_star: settings are compared on the same problems.
	more := r
	more.Good, more.Perturbation = 2, 3
	for i, p := range more.mustBuild(t, 1).Prompts {
		if !reflect.DeepEqual(p.LogStar, r.mustBuild(t, 1).Prompts[i].LogStar) {
			t.Errorf("prompt %d: pi_star depends on good or perturbation", i)
		}
	}
	seed := 7
	if r.SeedOverride() != nil || *(&Random{Seed: &seed}).SeedOverride() != 7 || !r.Random() {
		t.Error("seed override or Random is wrong")
	}
}

// TestDirichletMoments: probabilities of the symmetric Dirichlet have mean 1/K and variance (K-1)/(K^2 (K a + 1)).
func TestDirichletMoments(t *testing.T) {
	const n, k = 4000, 3
	for _, a := range []float64{0.05, 0.5, 1, 4} {
		r := Random{Responses: k, Star: "dirichlet", Concentration: a, Temperature: 1}
		first := make([]float64, n)
		for i, p := range r.stars(t, n) {
			first[i] = p[0]
		}
		mean, variance := stat.MeanVariance(first, nil)
		want := (k - 1.) / (k * k * (k*a + 1))
		// Five standard errors of the mean; the variance's own error is below 8 % at these concentrations.
		if math.Abs(mean-1./k) > 5*math.Sqrt(want/n) || math.Abs(variance/want-1) > 0.08 {
			t.Errorf("concentration %v: mean %v, variance %v; want %v, %v", a, mean, variance, 1./k, want)
		}
	}
}

// stars draws n true policies, one prompt at a time: an environment of n prompts would hold n^2 features.
func (r Random) stars(t *testing.T, n int) [][]float64 {
	rng := source(11)
	r.Prompts = 1
	var all [][]float64
	for range n {
		env, err := r.Build(rng)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, env.Prompts[0].PiStar)
	}
	return all
}

// TestGaussianMoments: the difference of two logits has standard deviation sqrt(2) scale.
func TestGaussianMoments(t *testing.T) {
	const n, scale = 4000, 1.5
	r := Random{Responses: 2, Star: "gaussian", Concentration: 1, Scale: scale, Temperature: 1}
	gaps := make([]float64, n)
	for i, p := range r.stars(t, n) {
		gaps[i] = math.Log(p[0] / p[1])
	}
	mean, dev := stat.MeanStdDev(gaps, nil)
	if math.Abs(mean) > 5*math.Sqrt2*scale/math.Sqrt(n) || math.Abs(dev/(math.Sqrt2*scale)-1) > 0.06 {
		t.Errorf("mean %v, standard deviation %v; want 0, %v", mean, dev, math.Sqrt2*scale)
	}
}

// TestSparseDirichlet: at concentration 1e-3 nearly all mass is on one response, and the others have finite logs.
func TestSparseDirichlet(t *testing.T) {
	r := Random{Prompts: 200, Responses: 5, Star: "dirichlet", Concentration: 1e-3, Temperature: 1e-3, Perturbation: 1}
	top := 0
	for _, p := range r.mustBuild(t, 3).Prompts {
		for _, logs := range [][]float64{p.LogStar, p.LogRef} {
			if low := floats.Min(logs); math.IsInf(low, 0) || floats.HasNaN(logs) {
				t.Fatalf("log-probabilities %v", logs)
			}
		}
		if floats.Max(p.PiStar) > 0.99 {
			top++
		}
	}
	if top < 180 {
		t.Errorf("%d of 200 true policies are concentrated", top)
	}
}

func TestRandomCheck(t *testing.T) {
	if problems := (&Random{Prompts: 2, Good: 2}).Check(); problems != nil {
		t.Errorf("problems %v", problems)
	}
	problems := (&Random{Prompts: 2, Good: 3}).Check()
	if len(problems) != 1 || problems[0].Key != "good" || problems[0].Wrong != "3 good prompts of 2" {
		t.Errorf("problems %v", problems)
	}
}
