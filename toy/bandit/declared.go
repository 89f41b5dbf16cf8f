package bandit

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/registry"
)

// sumTolerance is how far declared probabilities may be from summing to 1; within it they are normalized.
const sumTolerance = 1e-6

// Declared holds a bandit whose true and reference policies are written out, or only the latter where nobody knows the true one.
type Declared struct {
	Star    string           `yaml:"pi_star,omitempty" oneof:"none,bradley-terry" doc:"in place of that of the prompts, where the true preferences are not known: none, or the Bradley-Terry fit to the comparisons"`
	Prompts []DeclaredPrompt `yaml:"prompts" required:"true" doc:"the prompts, equally likely"`
}

// DeclaredPrompt is one prompt of a declared bandit.
type DeclaredPrompt struct {
	Name       string    `yaml:"name" required:"true" doc:"name in tables and figures"`
	Responses  []string  `yaml:"responses,omitempty" doc:"names of the responses, by which data files may call them"`
	PiStar     []float64 `yaml:"pi_star,omitempty" range:"(0,1)" doc:"true policy: one probability a response, summing to 1; of all prompts or of none"`
	PiRef      []float64 `yaml:"pi_ref,omitempty" range:"(0,1)" doc:"reference policy: one probability a response, summing to 1; default uniform over named responses"`
	InitLogits []float64 `yaml:"init_logits" range:"[-1e6,1e6]" doc:"logits that training starts from, whose softmax is the frozen reference of every loss; default log pi_ref"`
	Features   []float64 `yaml:"features" range:"[-1e6,1e6]" doc:"input of a linear policy; default one-hot"`
}

func (d *Declared) Build(*rand.Rand) (*Env, error) {
	env := &Env{Fit: d.Star == "bradley-terry"}
	for i, p := range d.Prompts {
		if p.PiRef == nil {
			p.PiRef = slices.Repeat([]float64{1 / float64(len(p.Responses))}, len(p.Responses))
		}
		features := p.Features
		if len(features) == 0 {
			features = oneHot(i, len(d.Prompts))
		}
		made := NewPrompt(p.Name, p.PiStar, p.PiRef, p.InitLogits, features)
		made.Labels = p.Responses
		env.Prompts = append(env.Prompts, made)
	}
	return env, nil
}

// NewPrompt returns a prompt with the given probabilities (K positive numbers each, normalized unless they sum
// to 1; star may be nil for none), starting logits (nil: log pi_ref) and features. It copies its arguments.
func NewPrompt(name string, star, ref, init, features []float64) Prompt {
	if star == nil {
		star = slices.Repeat([]float64{math.NaN()}, len(ref))
	}
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
	first, width := &d.Prompts[0], len(d.Prompts[0].Features)
	names := map[string]bool{}
	var problems []registry.Problem
	for i := range d.Prompts {
		p, at := &d.Prompts[i], fmt.Sprintf("prompts.%d.", i)
		switch given := p.PiStar != nil; {
		case given && d.Star != "":
			problems = append(problems, registry.Problem{Key: at + "pi_star", Wrong: "stands beside pi_star: " + d.Star + " of the environment",
				Allowed: "one of the two"})
		case given != (first.PiStar != nil):
			problems = append(problems, registry.Problem{Key: at + "pi_star", Wrong: "differs from the first prompt's in whether it is given",
				Allowed: "a pi_star of every prompt, or of none"})
		}
		problems = append(problems, p.check(at, first.size())...)
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

func (p *DeclaredPrompt) size() int { return cmp.Or(len(p.PiStar), len(p.PiRef), len(p.Responses)) }

// check checks one prompt; k is the number of responses of the first.
func (p *DeclaredPrompt) check(at string, k int) []registry.Problem {
	var problems []registry.Problem
	fail := func(key, wrong, allowed string) {
		problems = append(problems, registry.Problem{Key: at + key, Wrong: wrong, Allowed: allowed})
	}
	if p.PiRef == nil && p.Responses == nil {
		fail("pi_ref", "is missing", "one probability a response, summing to 1; or the names of responses, over which it is uniform")
		return problems
	}
	lists := []struct {
		key   string
		p     []float64
		n     int
		given bool
	}{{"pi_star", p.PiStar, len(p.PiStar), p.PiStar != nil}, {"pi_ref", p.PiRef, len(p.PiRef), p.PiRef != nil},
		{"responses", nil, len(p.Responses), p.Responses != nil}, {"init_logits", nil, len(p.InitLogits), p.InitLogits != nil}}
	for _, l := range lists {
		if sum := floats.Sum(l.p); len(l.p) > 0 && math.Abs(sum-1) > sumTolerance {
			fail(l.key, fmt.Sprintf("sums to %.9g", sum), "probabilities that sum to 1")
		}
	}
	own, want, whose := "", k, "the first prompt has"
	for _, l := range lists {
		if !l.given {
			continue
		}
		if l.n != want {
			fail(l.key, fmt.Sprintf("%d entries, %s %d", l.n, whose, want), "one entry a response, the same number everywhere")
		}
		if own == "" {
			own, want, whose = l.key, l.n, l.key+" has"
		}
	}
	if want < 2 {
		fail(own, fmt.Sprintf("%d responses", want), "at least 2 responses")
	}
	for i, name := range p.Responses {
		if name == "" || slices.Contains(p.Responses[:i], name) {
			fail(fmt.Sprintf("responses.%d", i), fmt.Sprintf("%q is empty or another's name", name), "a name of its own for every response")
		}
	}
	return problems
}

var declaredKind = registry.Kind[Params]{
	Name:    "bandit",
	Summary: "prompts with given reference policies and given or unknown true ones",
	Source:  "Hu, He, Wipf 2024, arXiv 2407.09072, synthetic experiments",
	New:     func() Params { return &Declared{} },
}
