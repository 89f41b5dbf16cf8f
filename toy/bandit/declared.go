package bandit

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/registry"
)

// sumTolerance is how far declared probabilities may be from summing to 1; within it they are normalized.
const sumTolerance = 1e-6

// Declared holds a bandit whose true and reference policies are written out.
type Declared struct {
	Prompts []DeclaredPrompt `yaml:"prompts" required:"true" doc:"the prompts, equally likely"`
}

// DeclaredPrompt is one prompt of a declared bandit.
type DeclaredPrompt struct {
	Name       string    `yaml:"name" required:"true" doc:"name in tables and figures"`
	PiStar     []float64 `yaml:"pi_star" required:"true" range:"(0,1)" doc:"true policy: one probability a response, summing to 1"`
	PiRef      []float64 `yaml:"pi_ref" required:"true" range:"(0,1)" doc:"reference policy: one probability a response, summing to 1"`
	InitLogits []float64 `yaml:"init_logits" range:"[-1e6,1e6]" doc:"logits that training starts from, whose softmax is the frozen reference of every loss; default log pi_ref"`
	Features   []float64 `yaml:"features" range:"[-1e6,1e6]" doc:"input of a linear policy; default one-hot"`
}

// Build returns the declared environment.
func (d *Declared) Build(*rand.Rand) (*Env, error) {
	env := &Env{}
	for i, p := range d.Prompts {
		features := p.Features
		if len(features) == 0 {
			features = oneHot(i, len(d.Prompts))
		}
		env.Prompts = append(env.Prompts, NewPrompt(p.Name, p.PiStar, p.PiRef, p.InitLogits, features))
	}
	return env, nil
}

func (d *Declared) Random() bool { return false }

// NewPrompt returns a prompt with the given probabilities (K positive numbers each, normalized unless they sum
// to 1), starting logits (nil: log pi_ref) and features. It copies its arguments.
func NewPrompt(name string, star, ref, init, features []float64) Prompt {
	p := Prompt{Name: name, PiStar: slices.Clone(star), PiRef: slices.Clone(ref), Init: slices.Clone(init),
		Features: slices.Clone(features)}
	p.LogStar, p.LogRef = logNormalized(star), logNormalized(ref)
	if init == nil {
		p.Init = slices.Clone(p.LogRef)
	}
	return p
}

// logNormalized returns log(p / sum(p)); a sum that is 1 up to rounding leaves p as it is.
func logNormalized(p []float64) []float64 {
	sum := floats.Sum(p)
	if math.Abs(sum-1) < 1e-12 {
		sum = 1
	}
	logs := make([]float64, len(p))
	for i, v := range p {
		logs[i] = math.Log(v / sum)
	}
	return logs
}

// Check refuses probabilities that do not sum to 1, lists of different lengths and names given twice.
func (d *Declared) Check() []registry.Problem {
	if len(d.Prompts) == 0 {
		return []registry.Problem{{Key: "prompts", Wrong: "no prompts", Allowed: "at least one prompt"}}
	}
	k, width := len(d.Prompts[0].PiStar), len(d.Prompts[0].Features)
	names := map[string]bool{}
	var problems []registry.Problem
	for i := range d.Prompts {
		p, at := &d.Prompts[i], fmt.Sprintf("prompts.%d.", i)
		problems = append(problems, p.check(at, k)...)
		if len(p.Features) != width {
			problems = append(problems, registry.Problem{Key: at + "features",
				Wrong:   fmt.Sprintf("%d features, the first prompt has %d", len(p.Features), width),
				Allowed: "the same number for every prompt"})
		}
		if names[p.Name] {
			problems = append(problems, registry.Problem{Key: at + "name",
				Wrong: fmt.Sprintf("a second prompt named %q", p.Name), Allowed: "a name of its own for every prompt"})
		}
		names[p.Name] = true
	}
	return problems
}

// check checks one prompt; k is the number of responses of the first.
func (p *DeclaredPrompt) check(at string, k int) []registry.Problem {
	var problems []registry.Problem
	for _, policy := range []struct {
		key string
		p   []float64
	}{{"pi_star", p.PiStar}, {"pi_ref", p.PiRef}} {
		if sum := floats.Sum(policy.p); math.Abs(sum-1) > sumTolerance {
			problems = append(problems, registry.Problem{Key: at + policy.key,
				Wrong: fmt.Sprintf("sums to %.9g", sum), Allowed: "probabilities that sum to 1"})
		}
	}
	problems = append(problems, lengthProblem(at+"pi_star", p.PiStar, k, "the first prompt has")...)
	problems = append(problems, lengthProblem(at+"pi_ref", p.PiRef, len(p.PiStar), "pi_star has")...)
	if p.InitLogits != nil {
		problems = append(problems, lengthProblem(at+"init_logits", p.InitLogits, len(p.PiStar), "pi_star has")...)
	}
	if len(p.PiStar) < 2 {
		problems = append(problems, registry.Problem{Key: at + "pi_star",
			Wrong: fmt.Sprintf("%d responses", len(p.PiStar)), Allowed: "at least 2 responses"})
	}
	return problems
}

// lengthProblem returns a problem if a list does not have want elements; whose says what it is compared with.
func lengthProblem(key string, list []float64, want int, whose string) []registry.Problem {
	if len(list) == want {
		return nil
	}
	return []registry.Problem{{Key: key, Wrong: fmt.Sprintf("%d entries, %s %d", len(list), whose, want),
		Allowed: "one entry a response, the same number everywhere"}}
}

var declaredKind = registry.Kind[Params]{
	Name:    "bandit",
	Summary: "prompts with given true and reference policies",
	Source:  "Hu, He, Wipf 2024, arXiv 2407.09072, synthetic experiments",
	New:     func() Params { return &Declared{} },
}
