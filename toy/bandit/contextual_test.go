package bandit

import (
	"math"
	"reflect"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/integrate/quad"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
	"pgregory.net/rapid"

	_ "windtunnel/toy/fixedseed"
	"windtunnel/toy/logspace"
)

func contextual() Contextual { return *contextualKind.New().(*Contextual) }

func (c Contextual) mustBuild(t interface{ Fatal(...any) }, seed uint64) *Env {
	env, err := c.Build(source(seed))
	if err != nil {
		t.Fatal(err)
	}
	return env
}

func TestContextualProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := contextual()
		c.Prompts, c.HeldOut = rapid.IntRange(1, 9).Draw(t, "prompts"), rapid.IntRange(0, 9).Draw(t, "held out")
		c.Good, c.Margin = rapid.Float64Range(0, 1).Draw(t, "good"), rapid.Float64Range(0, 3).Draw(t, "margin")
		c.Scale, c.Perturbation = rapid.Float64Range(0, 1e3).Draw(t, "scale"), rapid.Float64Range(0, 1e3).Draw(t, "perturbation")
		env := c.mustBuild(t, rapid.Uint64().Draw(t, "seed"))
		good, names := map[bool]int{}, map[string]bool{}
		for i := range env.Prompts {
			p := &env.Prompts[i]
			if p.HeldOut != (i >= c.Prompts) || names[p.Name] || len(p.Features) != c.Features {
				t.Errorf("prompt %d: %s, held out %v, %d features", i, p.Name, p.HeldOut, len(p.Features))
			}
			names[p.Name] = true
			if math.Abs(p.Features[0]) < c.Margin || (p.Features[0] > 0) != (p.Group == "good") {
				t.Errorf("%s is %s at %v", p.Name, p.Group, p.Features[0])
			}
			if p.Group == "good" {
				good[p.HeldOut]++
				if !reflect.DeepEqual(p.LogRef, p.LogStar) {
					t.Errorf("%s: pi_ref %v, pi_star %v", p.Name, p.PiRef, p.PiStar)
				}
			}
			for _, logs := range [][]float64{p.LogStar, p.LogRef, p.Init} {
				if total := logspace.LogSumExp(logs); math.Abs(total) > 1e-9 || floats.HasNaN(logs) {
					t.Fatalf("%s: log-probabilities %v, total %v", p.Name, logs, total)
				}
			}
		}
		for held, n := range map[bool]int{false: c.Prompts, true: c.HeldOut} {
			if math.Abs(float64(good[held])-c.Good*float64(n)) > 0.5+1e-9 {
				t.Errorf("%d good prompts of %d (held out: %v), want a share of %v", good[held], n, held, c.Good)
			}
		}
		if len(env.Training()) != c.Prompts {
			t.Errorf("%d training prompts of %d", len(env.Training()), c.Prompts)
		}
	})
}

// More training prompts extend fewer, on the same held-out prompts.
func TestContextualExtends(t *testing.T) {
	c := contextual()
	c.Prompts = 3
	few := c.mustBuild(t, 4).Prompts
	c.Prompts = 7
	many := c.mustBuild(t, 4).Prompts
	if !reflect.DeepEqual(few[:3], many[:3]) || !reflect.DeepEqual(few[3:], many[7:]) {
		t.Error("three prompts are not the first of seven, or the held-out prompts differ")
	}
}

// Over many teachers, a logit at features x has variance scale^2 E[tanh(u)^2] with u normal of variance |x|^2/d + 1, here by
// Gauss and Hermite's quadrature.
func TestContextualMoments(t *testing.T) {
	c := contextual()
	c.Features, c.Hidden, c.Responses = 4, 3, 2
	x := []float64{1, -2, 0.5, 1.5}
	const n = 20000
	logits, both := make([]float64, n), make([]float64, 2)
	rng := source(9)
	for i := range logits {
		c.network(c.Scale, rng).logits(x, both)
		logits[i] = both[0]
	}
	sd := math.Sqrt(floats.Dot(x, x)/4 + 1)
	second := quad.Fixed(func(z float64) float64 {
		return math.Pow(math.Tanh(math.Sqrt2*sd*z), 2) / math.Sqrt(math.Pi)
	}, math.Inf(-1), math.Inf(1), 60, quad.Hermite{}, 0)
	if got, want := stat.StdDev(logits, nil), c.Scale*math.Sqrt(second); math.Abs(got/want-1) > 0.03 {
		t.Errorf("standard deviation %v, want %v", got, want)
	}
}

// What is left of a bad prompt's log pi_ref less the tempered log pi_star is a function of the features: the same at
// every temperature, and at a perturbation of 0 nothing.
func TestContextualReference(t *testing.T) {
	c := contextual()
	rest := func(temperature, perturbation float64) *mat.Dense {
		c := c
		c.Temperature, c.Perturbation = temperature, perturbation
		env := c.mustBuild(t, 5)
		m := mat.NewDense(len(env.Prompts), c.Responses, nil)
		for i, p := range env.Prompts {
			if p.Group == "bad" {
				floats.AddScaledTo(m.RawRowView(i), p.LogRef, -1/temperature, p.LogStar)
				copy(m.RawRowView(i), centred(slices.Clone(m.RawRowView(i))))
			}
		}
		return m
	}
	if !mat.EqualApprox(rest(1, 2), rest(3, 2), 1e-12) {
		t.Error("the perturbation depends on the temperature")
	}
	if size := mat.Norm(rest(3, 0), 2); size > 1e-12 {
		t.Errorf("without perturbation %v is left", size)
	}
	if size := mat.Norm(rest(3, 2), 2); size < 1 {
		t.Errorf("a perturbation of 2 leaves %v", size)
	}
}

func TestContextualCheck(t *testing.T) {
	c := contextual()
	if problems := c.Check(); problems != nil {
		t.Errorf("problems %v", problems)
	}
	c.Prompts, c.Responses = 100_000, 1000
	if problems := c.Check(); len(problems) != 1 || problems[0].Key != "prompts" {
		t.Errorf("problems %v", problems)
	}
}
