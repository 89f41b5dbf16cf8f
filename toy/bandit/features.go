package bandit

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"windtunnel/toy/logspace"
	"windtunnel/toy/registry"
)

// featured draws the logits of prompts that have something in common: those of pi_star and of pi_ref are linear in a few
// Gaussian features of the prompt, so that one linear policy can be either on all prompts at once. Weights come before
// features, so that with one source the first prompts of more prompts are the same.
func (r *Random) featured(rng *rand.Rand) promptSource {
	star, noise := gaussians(r.Responses, r.Features, rng), gaussians(r.Responses, r.Features, rng)
	star.Scale(r.Scale/math.Sqrt(float64(r.Features)), star)
	noise.Scale(r.Perturbation/math.Sqrt(float64(r.Features)), noise)
	reference := mat.NewDense(r.Responses, r.Features, nil)
	reference.Scale(1/r.Temperature, star)
	reference.Add(reference, noise)
	return func(int) Prompt {
		x := mat.NewVecDense(r.Features, gaussians(r.Features, 1, rng).RawMatrix().Data)
		p := Prompt{LogStar: make([]float64, r.Responses), Init: make([]float64, r.Responses), Features: x.RawVector().Data}
		mat.NewVecDense(r.Responses, p.LogStar).MulVec(star, x)
		mat.NewVecDense(r.Responses, p.Init).MulVec(reference, x)
		logspace.LogSoftmax(p.LogStar, p.LogStar)
		p.LogRef = p.LogReference() // Init stays linear in x, as a linear policy has to start there
		return p
	}
}

// gaussians draws a matrix of standard normal entries, row by row.
func gaussians(rows, columns int, rng *rand.Rand) *mat.Dense {
	m := mat.NewDense(rows, columns, nil)
	for i := range rows {
		for j := range columns {
			m.Set(i, j, rng.NormFloat64())
		}
	}
	return m
}

// checkFeatures refuses what no linear policy could be.
func (r *Random) checkFeatures() []registry.Problem {
	var problems []registry.Problem
	if r.Features > 0 && r.Star != "gaussian" {
		problems = append(problems, registry.Problem{Key: "pi_star", Wrong: r.Star + " logits are not linear in features",
			Allowed: "gaussian beside features"})
	}
	if r.Features > 0 && r.Good > 0 {
		problems = append(problems, registry.Problem{Key: "good", Wrong: "prompts with pi_ref = pi_star beside others are not linear in features",
			Allowed: "0 beside features"})
	}
	return problems
}
