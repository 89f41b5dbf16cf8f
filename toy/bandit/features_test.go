package bandit

import (
	"math"
	"reflect"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

func featured(prompts int) Random {
	return Random{Prompts: prompts, Responses: 4, Star: "gaussian", Concentration: 1, Scale: 2, Temperature: 3, Perturbation: 0.7, Features: 5}
}

// residual returns the largest distance of the rows from what is linear in the features.
func residual(t *testing.T, env *Env, row func(p *Prompt) []float64) float64 {
	n, d, k := len(env.Prompts), len(env.Prompts[0].Features), env.Responses()
	x, y := mat.NewDense(n, d, nil), mat.NewDense(n, k, nil)
	for i := range env.Prompts {
		x.SetRow(i, env.Prompts[i].Features)
		y.SetRow(i, row(&env.Prompts[i]))
	}
	var w, fit mat.Dense
	if err := w.Solve(x, y); err != nil {
		t.Fatal(err)
	}
	fit.Mul(x, &w)
	fit.Sub(&fit, y)
	return mat.Norm(&fit, math.Inf(1))
}

// centred returns logits less their mean.
func centred(logits []float64) []float64 {
	c := slices.Clone(logits)
	floats.AddConst(-stat.Mean(c, nil), c)
	return c
}

// Least squares find weights that give pi_star, pi_ref and the start on 50 prompts of 5 features; of independent
// prompts with those features they find none.
func TestFeaturesExplainLogits(t *testing.T) {
	env := featured(50).mustBuild(t, 1)
	for name, row := range map[string]func(p *Prompt) []float64{
		"pi_star":   func(p *Prompt) []float64 { return centred(p.LogStar) },
		"pi_ref":    func(p *Prompt) []float64 { return centred(p.LogRef) },
		"the start": func(p *Prompt) []float64 { return p.Init },
	} {
		if off := residual(t, env, row); off > 1e-12 {
			t.Errorf("%s: %v from linear", name, off)
		}
	}
	independent := featured(50)
	independent.Features = 0
	others := independent.mustBuild(t, 1)
	for i := range others.Prompts {
		others.Prompts[i].Features = env.Prompts[i].Features
	}
	if off := residual(t, others, func(p *Prompt) []float64 { return centred(p.LogStar) }); off < 0.1 {
		t.Errorf("independent prompts are linear too, up to %v", off)
	}
}

// More prompts extend fewer: prompts are compared on the same problems.
func TestFeaturesExtend(t *testing.T) {
	few, many := featured(3).mustBuild(t, 2), featured(7).mustBuild(t, 2)
	if !reflect.DeepEqual(few.Prompts, many.Prompts[:3]) {
		t.Error("three prompts are not the first of seven")
	}
}

// Over many environments the gap of two logits of pi_star has standard deviation sqrt(2) scale, and that of the noise
// of pi_ref sqrt(2) perturbation.
func TestFeaturesMoments(t *testing.T) {
	const n = 4000
	r := featured(1)
	star, noise := make([]float64, n), make([]float64, n)
	for i := range n {
		p := r.mustBuild(t, uint64(i)).Prompts[0]
		star[i] = p.LogStar[0] - p.LogStar[1]
		noise[i] = p.LogRef[0] - p.LogRef[1] - star[i]/r.Temperature
	}
	for name, got := range map[string]float64{"pi_star": stat.StdDev(star, nil) / r.Scale, "noise": stat.StdDev(noise, nil) / r.Perturbation} {
		// Products of Gaussians have heavy tails: over 4000 draws the standard deviation varies by about 1.5 %.
		if math.Abs(got/math.Sqrt2-1) > 0.07 {
			t.Errorf("%s: standard deviation %v of its scale, want sqrt(2)", name, got)
		}
	}
}

func TestFeaturesCheck(t *testing.T) {
	r := featured(4)
	if problems := r.Check(); problems != nil {
		t.Errorf("problems %v", problems)
	}
	r.Star, r.Good = "dirichlet", 1
	if problems := r.Check(); len(problems) != 2 || problems[0].Key != "pi_star" || problems[1].Key != "good" {
		t.Errorf("problems %v", problems)
	}
}
