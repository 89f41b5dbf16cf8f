// Package preference holds preference data: comparisons read from a file, sampled from an environment, or the exact
// population of all comparisons with their probabilities.
package preference

import (
	"math/rand/v2"
	"slices"

	"windtunnel/toy/bandit"
	"windtunnel/toy/lines"
	"windtunnel/toy/registry"
)

// Pairs is a list of n comparisons as columns, in training order. Prompt, Chosen and Rejected are indices. An unpaired
// example, one response with a label, is a comparison of which the other side is Absent; a list is all of one form.
type Pairs struct {
	Prompt, Chosen, Rejected     []int
	Weight                       []float64 // positive, sums to 1; nil means 1/n each
	ChosenTokens, RejectedTokens []int     // token counts, at least 1; nil is 1 each
	Group                        []string  // group of each comparison, such as its annotators; nil is that of its prompt

	Account lines.Account // of the file that they were read from, if there is one
}

// Groups returns the names of the groups of comparisons, sorted, and the position of each comparison's there. Without groups of
// comparisons they are those of the prompts that are not held out, which may have none.
func (p *Pairs) Groups(env *bandit.Env) (names []string, of []int) {
	names, all := slices.Clone(p.Group), slices.Clone(p.Group)
	if p.Group == nil {
		for _, x := range env.Training() {
			names = append(names, env.Prompts[x].GroupName())
		}
		for _, x := range p.Prompt {
			all = append(all, env.Prompts[x].GroupName())
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	for _, name := range all {
		of = append(of, slices.Index(names, name))
	}
	return names, of
}

// Absent stands for the index of the response that an unpaired example does not have.
const Absent = -1

// Unpaired says whether the list holds single responses with labels.
func (p *Pairs) Unpaired() bool {
	return len(p.Chosen) > 0 && (p.Chosen[0] == Absent || p.Rejected[0] == Absent)
}

// Len returns the number of comparisons.
func (p *Pairs) Len() int { return len(p.Chosen) }

// WeightOf returns the weight of comparison i, 1/n where no weights are given.
func (p *Pairs) WeightOf(i int) float64 {
	if p.Weight == nil {
		return 1 / float64(p.Len())
	}
	return p.Weight[i]
}

func (p *Pairs) add(prompt, chosen, rejected int) {
	p.Prompt = append(p.Prompt, prompt)
	p.Chosen = append(p.Chosen, chosen)
	p.Rejected = append(p.Rejected, rejected)
}

// take appends a comparison of another list of the same form, without its weight.
func (p *Pairs) take(from *Pairs, i int) {
	p.add(from.Prompt[i], from.Chosen[i], from.Rejected[i])
	if from.Group != nil {
		p.Group = append(p.Group, from.Group[i])
	}
	if from.ChosenTokens != nil {
		p.ChosenTokens, p.RejectedTokens = append(p.ChosenTokens, from.ChosenTokens[i]), append(p.RejectedTokens, from.RejectedTokens[i])
	}
}

// Append adds another list of pairs of the same form.
func (p *Pairs) Append(other *Pairs) {
	for i := range other.Len() {
		p.take(other, i)
	}
}

func (p *Pairs) shuffle(rng *rand.Rand) {
	rng.Shuffle(p.Len(), func(i, j int) {
		p.Prompt[i], p.Prompt[j] = p.Prompt[j], p.Prompt[i]
		p.Chosen[i], p.Chosen[j] = p.Chosen[j], p.Chosen[i]
		p.Rejected[i], p.Rejected[j] = p.Rejected[j], p.Rejected[i]
	})
}

// Input is what building preference data may draw on.
type Input struct {
	Env      *bandit.Env
	RNG      *rand.Rand  // the run's data source; used by sampled preferences only
	File     []byte      // content of the file that the parameters name, where they name one
	FileName string      // its name for error messages
	Rewards  [][]float64 // what labels of online preferences follow, prompts x K (nats)
	Key      string      // of preferences that others draw from, for error messages: "of."
}

// Params are the parameters of one kind of preference data.
type Params interface {
	// Build makes the comparisons. Errors of a file name the file and the line.
	Build(in Input) (*Pairs, error)
}

// PathOf is the path of the file that preferences read, as the config spells it, or "".
func PathOf(p Params) string {
	if r, ok := p.(registry.Reader); ok {
		for _, f := range r.Files() {
			return f.Path
		}
	}
	return ""
}

// Kinds lists every source of preference data, sorted by name.
func Kinds() registry.Table[Params] {
	return registry.Table[Params]{countsKind, extremesKind, fileKind, matrixKind, onlineKind, populationKind, sampleKind}
}

// Merged returns the comparisons with equal ones merged into one of their total weight, in order of their first; the same list
// where there are none.
func (p *Pairs) Merged() *Pairs {
	type comparison struct {
		prompt, chosen, rejected, chosenTokens, rejectedTokens int
		group                                                  string
	}
	at := map[comparison]int{}
	m := &Pairs{Account: p.Account}
	for i := range p.Len() {
		c := comparison{prompt: p.Prompt[i], chosen: p.Chosen[i], rejected: p.Rejected[i]}
		if p.ChosenTokens != nil {
			c.chosenTokens, c.rejectedTokens = p.ChosenTokens[i], p.RejectedTokens[i]
		}
		if p.Group != nil {
			c.group = p.Group[i]
		}
		j, known := at[c]
		if !known {
			j = m.Len()
			at[c] = j
			m.take(p, i)
			m.Weight = append(m.Weight, 0)
		}
		m.Weight[j] += p.WeightOf(i)
	}
	if m.Len() == p.Len() {
		return p
	}
	return m
}
