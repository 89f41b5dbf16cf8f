package bandit

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"windtunnel/toy/logspace"
	"windtunnel/toy/registry"
)

// Random holds the distribution of random bandits. pi_star is Dirichlet or has Gaussian logits. pi_ref is a tempered
// and perturbed pi_star, log pi_ref = log pi_star / temperature + perturbation * noise + constant, except on the good
// prompts, where pi_ref = pi_star. Prompts have nothing in common, unless features says that they share d of them: then
// log pi_star = scale A x / sqrt(d) + constant and noise = B x / sqrt(d) with the prompt's features x, all elements of A,
// B and x being standard normal, so that scale and perturbation hold on average over prompts.
type Random struct {
	Prompts       int     `yaml:"prompts" range:"[1,1e6]" doc:"number of prompts"`
	Good          int     `yaml:"good" range:"[0,1e6]" doc:"how many of the prompts are good, pi_ref = pi_star; they are named good-1, ..., the others bad-1, ..."`
	Responses     int     `yaml:"responses" range:"[2,1e6]" doc:"K, responses of each prompt"`
	Star          string  `yaml:"pi_star" oneof:"dirichlet,gaussian" doc:"distribution of pi_star"`
	Concentration float64 `yaml:"concentration" range:"[1e-3,1e6]" doc:"of the symmetric Dirichlet; 1 is uniform on the simplex, less is sparser"`
	Scale         float64 `yaml:"scale" range:"[0,1e3]" doc:"standard deviation of the Gaussian logits (nats)"`
	Temperature   float64 `yaml:"temperature" range:"[1e-3,1e6]" doc:"of pi_ref relative to pi_star; above 1 is flatter"`
	Perturbation  float64 `yaml:"perturbation" range:"[0,1e3]" doc:"root mean square of the noise on the logits of pi_ref (nats)"`
	Features      int     `yaml:"features" range:"[0,1e4]" doc:"number of Gaussian features a prompt, in which the logits of pi_star and pi_ref are linear; 0 makes prompts independent, with one-hot features"`
	Seed          *int    `yaml:"seed" range:"[0,1e15]" doc:"of the environment; default the run's seed"`
}

func (r *Random) Build(rng *rand.Rand) (*Env, error) {
	draw := r.independent(rng)
	if r.Features > 0 {
		draw = r.featured(rng)
	}
	env := &Env{}
	for i := range r.Prompts {
		p := draw(i)
		p.Name, p.PiStar, p.PiRef = promptName(i, r.Good), exp(p.LogStar), exp(p.LogRef)
		env.Prompts = append(env.Prompts, p)
	}
	return env, nil
}

// independent returns what draws prompt i, after those before it, which have nothing in common.
func (r *Random) independent(rng *rand.Rand) func(i int) Prompt {
	return func(i int) Prompt {
		star := r.star(rng)
		ref := r.reference(star, rng)
		if i < r.Good {
			ref = star
		}
		return Prompt{LogStar: star, LogRef: slices.Clone(ref), Init: slices.Clone(ref), Features: oneHot(i, r.Prompts)}
	}
}

// featured draws the logits of prompts that have something in common: those of pi_star and of pi_ref are linear in a few
// Gaussian features of the prompt, so that one linear policy can be either on all prompts at once. Weights come before
// features, so that with one source the first prompts of more prompts are the same.
func (r *Random) featured(rng *rand.Rand) func(i int) Prompt {
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

// gaussians draws a matrix of standard normal elements, row by row.
func gaussians(rows, columns int, rng *rand.Rand) *mat.Dense {
	m := mat.NewDense(rows, columns, nil)
	for i := range rows {
		for j := range columns {
			m.Set(i, j, rng.NormFloat64())
		}
	}
	return m
}

// promptName names prompt i: x-1, ..., or where the first of them are good good-1, ..., bad-1, ...
func promptName(i, good int) string {
	switch {
	case good == 0:
		return fmt.Sprintf("x-%d", i+1)
	case i < good:
		return fmt.Sprintf("good-%d", i+1)
	}
	return fmt.Sprintf("bad-%d", i+1-good)
}

func (r *Random) Random() bool { return true }

func (r *Random) SeedOverride() *int { return r.Seed }

func (r *Random) star(rng *rand.Rand) []float64 {
	logits := make([]float64, r.Responses)
	gamma := distuv.Gamma{Alpha: r.Concentration + 1, Beta: 1, Src: rng}
	for i := range logits {
		if r.Star == "gaussian" {
			logits[i] = r.Scale * rng.NormFloat64()
			continue
		}
		// A Gamma(a) variate is a Gamma(a+1) variate times U^(1/a), which in logs does not underflow for small a.
		logits[i] = math.Log(gamma.Rand()) + math.Log(1-rng.Float64())/r.Concentration
	}
	logspace.LogSoftmax(logits, logits)
	return logits
}

// reference draws log pi_ref. The noise is centred and scaled, so that every draw is perturbed by the same amount.
func (r *Random) reference(star []float64, rng *rand.Rand) []float64 {
	noise := make([]float64, len(star))
	for i := range noise {
		noise[i] = rng.NormFloat64()
	}
	floats.AddConst(-stat.Mean(noise, nil), noise)
	floats.Scale(r.Perturbation*math.Sqrt(float64(len(noise)))/floats.Norm(noise, 2), noise)
	floats.AddScaled(noise, 1/r.Temperature, star)
	logspace.LogSoftmax(noise, noise)
	return noise
}

// Check refuses more good prompts than prompts, and, beside shared features, what is not linear in them.
func (r *Random) Check() []registry.Problem {
	if problems := checkGood(r.Good, r.Prompts); problems != nil || r.Features == 0 {
		return problems
	}
	var problems []registry.Problem
	if r.Star != "gaussian" {
		problems = append(problems, registry.Problem{Key: "pi_star", Wrong: r.Star + " logits are not linear in features",
			Allowed: "gaussian beside features"})
	}
	if r.Good > 0 {
		problems = append(problems, registry.Problem{Key: "good", Wrong: "prompts with pi_ref = pi_star beside others are not linear in features",
			Allowed: "0 beside features"})
	}
	return problems
}

func checkGood(good, prompts int) []registry.Problem {
	if good <= prompts {
		return nil
	}
	return []registry.Problem{{Key: "good", Wrong: fmt.Sprintf("%d good prompts of %d", good, prompts),
		Allowed: "at most as many as prompts"}}
}

var randomKind = registry.Kind[Params]{
	Name:    "random-bandit",
	Aliases: []string{"random"},
	Summary: "random true policies; references are tempered and perturbed true policies, or equal to them on good prompts",
	Source:  "this project",
	New: func() Params {
		return &Random{Prompts: 1, Responses: 3, Star: "dirichlet", Concentration: 1, Scale: 1, Temperature: 1, Perturbation: 0.5}
	},
}
