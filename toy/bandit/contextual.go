package bandit

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"windtunnel/toy/logspace"
	"windtunnel/toy/registry"
)

// Contextual holds the distribution of contextual bandits: prompts are feature vectors, and true rewards a random
// network's outputs for them, so that what is learned on some prompts carries over to others. Some prompts are held out
// of the preferences.
//
// All features are standard normal but the first, which separates good prompts from bad ones: it is margin + |z| on good
// prompts and -(margin + |z|) on bad ones, z standard normal. A network with d features x, H hidden units and K outputs
// gives the logits scale / sqrt(H) V tanh(W x / sqrt(d) + b), all elements of V, W and b standard normal. The teacher's
// logits are log pi_star. On good prompts pi_ref = pi_star; on bad ones log pi_ref = log pi_star / temperature + the logits
// of another such network with perturbation as its scale, so that the reference's errors depend on the features, too.
type Contextual struct {
	Prompts      int     `yaml:"prompts" range:"[1,1e5]" doc:"number of prompts that preferences are of"`
	HeldOut      int     `yaml:"held_out" range:"[0,1e5]" doc:"number of prompts that are measured only"`
	Good         float64 `yaml:"good" range:"[0,1]" doc:"share of good prompts, pi_ref = pi_star, among both; rounded to whole prompts"`
	Responses    int     `yaml:"responses" range:"[2,1e4]" doc:"K, responses of each prompt"`
	Features     int     `yaml:"features" range:"[1,1e3]" doc:"number of features of a prompt"`
	Hidden       int     `yaml:"teacher_hidden" range:"[1,1e4]" doc:"hidden units of the teacher, and of the network that perturbs pi_ref"`
	Scale        float64 `yaml:"teacher_scale" range:"[0,1e3]" doc:"of the teacher's logits (nats): their standard deviation if its hidden units were all 1 or -1"`
	Temperature  float64 `yaml:"temperature" range:"[1e-3,1e6]" doc:"of pi_ref relative to pi_star on bad prompts; above 1 is flatter"`
	Perturbation float64 `yaml:"perturbation" range:"[0,1e3]" doc:"of pi_ref on bad prompts (nats): scale of the network whose logits are added"`
	Margin       float64 `yaml:"margin" range:"[0,1e3]" doc:"least size of the first feature, whose sign tells good prompts from bad ones"`
	Seed         *int    `yaml:"seed" range:"[0,1e15]" doc:"of the environment; default the run's seed"`
}

// Build draws the networks, then the held-out prompts, then the others: with one source, environments that differ in the
// number of training prompts have the same truth and the same held-out prompts, and the first training prompts in common.
func (c *Contextual) Build(rng *rand.Rand) (*Env, error) {
	teacher, noise := c.network(c.Scale, rng), c.network(c.Perturbation, rng)
	heldOut := c.draw(c.HeldOut, "heldout-", teacher, noise, rng)
	prompts := c.draw(c.Prompts, "", teacher, noise, rng)
	for i := range heldOut {
		heldOut[i].HeldOut = true
	}
	return &Env{Prompts: append(prompts, heldOut...)}, nil
}

func (c *Contextual) Random() bool { return true }

func (c *Contextual) SeedOverride() *int { return c.Seed }

// Check refuses environments that are too large to hold.
func (c *Contextual) Check() []registry.Problem {
	const most = 20_000_000
	if n := (c.Prompts + c.HeldOut) * (c.Responses + c.Features); n > most {
		return []registry.Problem{{Key: "prompts", Wrong: fmt.Sprintf("and held_out are %d numbers, with responses and features", n),
			Allowed: fmt.Sprintf("at most %d", most)}}
	}
	return nil
}

// draw draws n prompts, named PREFIXgood-1, PREFIXbad-1, ... Good ones are spread evenly: among the first i are good * i,
// rounded.
func (c *Contextual) draw(n int, prefix string, teacher, noise *network, rng *rand.Rand) []Prompt {
	prompts := make([]Prompt, n)
	goodBefore := func(i int) int { return int(math.Floor(c.Good*float64(i) + 0.5)) }
	for i := range prompts {
		p := &prompts[i]
		before := goodBefore(i)
		good := goodBefore(i+1) > before
		p.Features = gaussians(c.Features, 1, rng).RawMatrix().Data
		p.Features[0] = c.Margin + math.Abs(p.Features[0])
		p.Group, p.Name = "good", fmt.Sprintf("%sgood-%d", prefix, before+1)
		if !good {
			p.Features[0] = -p.Features[0]
			p.Group, p.Name = "bad", fmt.Sprintf("%sbad-%d", prefix, i-before+1)
		}
		p.LogStar, p.LogRef = make([]float64, c.Responses), make([]float64, c.Responses)
		teacher.logits(p.Features, p.LogStar)
		logspace.LogSoftmax(p.LogStar, p.LogStar)
		copy(p.LogRef, p.LogStar)
		if !good {
			noise.logits(p.Features, p.LogRef)
			for k, star := range p.LogStar {
				p.LogRef[k] += star / c.Temperature
			}
			logspace.LogSoftmax(p.LogRef, p.LogRef)
		}
		p.Init = slices.Clone(p.LogRef)
		p.PiStar, p.PiRef = exp(p.LogStar), exp(p.LogRef)
	}
	return prompts
}

// network is a random network of one hidden layer.
type network struct {
	in, out *mat.Dense // hidden x features, K x hidden; scaled
	bias    []float64
	hidden  *mat.VecDense
}

func (c *Contextual) network(scale float64, rng *rand.Rand) *network {
	n := &network{in: gaussians(c.Hidden, c.Features, rng), out: gaussians(c.Responses, c.Hidden, rng),
		bias: gaussians(c.Hidden, 1, rng).RawMatrix().Data, hidden: mat.NewVecDense(c.Hidden, nil)}
	n.in.Scale(1/math.Sqrt(float64(c.Features)), n.in)
	n.out.Scale(scale/math.Sqrt(float64(c.Hidden)), n.out)
	return n
}

// logits writes the network's K outputs at a prompt's features.
func (n *network) logits(features, dst []float64) {
	n.hidden.MulVec(n.in, mat.NewVecDense(len(features), features))
	for i, b := range n.bias {
		n.hidden.SetVec(i, math.Tanh(n.hidden.AtVec(i)+b))
	}
	mat.NewVecDense(len(dst), dst).MulVec(n.out, n.hidden)
}

var contextualKind = registry.Kind[Params]{
	Name:    "contextual",
	Summary: "prompts as feature vectors with rewards of a random network, good and bad references, some prompts held out of the preferences",
	Source:  "this project, after the preservation experiment of arXiv 2407.09072",
	New: func() Params {
		return &Contextual{Prompts: 64, HeldOut: 64, Good: 0.5, Responses: 5, Features: 6, Hidden: 32, Scale: 2,
			Temperature: 2, Perturbation: 1.5, Margin: 0.5}
	},
}
