package objective

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/registry"
)

// External holds a loss that lives elsewhere, in a process of its own, which a Remote asks. Its values and derivatives may be of
// any kind: of single comparisons, with statistics of the batch, with parts held back from differentiation, of the whole policy.
type External struct {
	Command   []string           `yaml:"command" required:"true" doc:"the program and its arguments, run as they are, without a shell, in the config's folder"`
	Lambda    float64            `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"what the program is told as beta and as lambda"`
	Constants map[string]float64 `yaml:"constants,omitempty" doc:"further numbers that the program is told, by name, to be swept"`
	Files     []string           `yaml:"files,omitempty" doc:"files that the program reads beside those of its command, in the config's folder: results are kept under the content of both"`

	Folder string `yaml:"-"` // that the program runs in
	Remote Remote `yaml:"-"` // nil until Connected

	known *traits // what probing has found, once for all lambdas
}

// ExternalKind is not among Kinds: what cannot start processes, as the explorer in a browser, does not have it.
var ExternalKind = registry.Kind[Params]{
	Name:    "external",
	Summary: "a loss of your own in another process, such as a function of PyTorch tensors",
	Source:  "this project",
	New:     func() Params { return &External{Lambda: defaultLambda} },
}

// Remote evaluates a loss. It serves one goroutine. What goes wrong with it is a panic, since no loss stands in for another.
type Remote interface {
	// Columns returns the names of the columns that it reads: some of ExternalColumns.
	Columns() []string
	// Ask returns the loss, the sum of weight times the losses of the comparisons; where the gradient is asked for, it fills in
	// the columns' Grad instead.
	Ask(q *Question) float64
}

// Question is what a Remote is asked.
type Question struct {
	Lambda    float64
	Constants map[string]float64
	Columns   []Column
	Gradient  bool
	Near      bool // all log-probabilities lie within reach of the reference's, where every loss is a number
}

// reach is the distance in nats up to which the answers of a Remote must be numbers. Farther out, where probabilities vanish beside
// others, a search takes what is none for a wall.
const reach = 30

// Column is a column of a question, with an entry a comparison.
type Column struct {
	Name   string
	Width  int // of an entry: 0 for one number, K for a row of all responses' numbers
	Values []float64
	Grad   []float64 // the derivatives of the loss by Values; nil where these are given
}

// ExternalColumns are the columns that there are. The last two have a row a comparison, of all responses to its prompt.
var ExternalColumns = []string{"policy_chosen_logps", "policy_rejected_logps", "ref_chosen_logps", "ref_rejected_logps", "weight",
	"chosen_tokens", "rejected_tokens", "reward_chosen", "reward_rejected", "policy_logps", "ref_logps"}

// inFormulas are the names that formulas have for those that they read.
var inFormulas = map[string]string{"policy_chosen_logps": "c", "policy_rejected_logps": "r", "ref_chosen_logps": "ref_c", "ref_rejected_logps": "ref_r",
	"chosen_tokens": "n_c", "rejected_tokens": "n_r", "reward_chosen": "reward_c", "reward_rejected": "reward_r"}

// Connected returns a copy of a loss in which connect has given every External its Remote; the loss itself where it has none.
func Connected(loss Params, connect func(*External) Remote) Params {
	switch p := loss.(type) {
	case *External:
		copied := *p
		copied.Remote, copied.known = connect(p), &traits{}
		return &copied
	case *Sum:
		copied := *p
		copied.Terms = slices.Clone(p.Terms)
		for i := range copied.Terms {
			copied.Terms[i].Loss = Connected(copied.Terms[i].Loss, connect)
		}
		return &copied
	}
	return loss
}

// Externals lists the External parts of a loss.
func Externals(loss Params) (all []*External) {
	Connected(loss, func(p *External) Remote {
		all = append(all, p)
		return nil
	})
	return all
}

// Objective returns the loss. Its terms panic where nothing is connected.
func (p *External) Objective() *Objective {
	if p.Remote == nil {
		return OnPairs(&external{params: p})
	}
	t := &external{params: p, whole: map[*float64][]float64{}}
	o := OnPairs(t)
	for _, name := range p.Remote.Columns() {
		column := Column{Name: name}
		if name == "policy_logps" || name == "policy_chosen_logps" || name == "policy_rejected_logps" {
			column.Grad = []float64{}
		}
		if name == "policy_logps" {
			o.And(1, OnDist(externalPolicy{t}))
		}
		t.question.Columns = append(t.question.Columns, column)
	}
	t.question.Lambda, t.question.Constants = p.Lambda, p.Constants
	return o
}

// external is the term on comparisons; of a loss of the whole policy its value is all of the loss's.
type external struct {
	params   *External
	question Question
	whole    map[*float64][]float64 // by a prompt's LogPi: derivatives by it in the last Grad, of comparisons of weight 1
}

var _, _ = reading(new(external)), Structured(new(external))

// DifferenceOnly is false: the process is told log-probabilities.
func (*external) DifferenceOnly() bool { return false }

// Reads says whether the process reads a column, by its name in formulas.
func (t *external) Reads(column string) bool {
	return slices.ContainsFunc(t.question.Columns, func(c Column) bool { return inFormulas[c.Name] == column })
}

func (t *external) holds() bool { return t.params.traits().held }

// Structure says of a loss of which nothing is known how its gradient hangs together.
func (t *external) Structure() (Structure, bool) {
	found := t.params.traits()
	return Structure{Held: found.held, Coupled: found.coupled}, false
}

func (t *external) Loss(b *Batch) float64 { return t.ask(b, false) }

func (t *external) Grad(b *Batch, scale float64, g *Grad) {
	t.ask(b, true)
	for i := range t.question.Columns {
		switch c := &t.question.Columns[i]; c.Name {
		case "policy_chosen_logps":
			t.scatter(b, scale, c.Grad, g.Chosen)
		case "policy_rejected_logps":
			t.scatter(b, scale, c.Grad, g.Rejected)
		case "policy_logps":
			clear(t.whole)
			for e := range b.entries() {
				logPi := b.Dists[b.On[b.at(e)]].LogPi
				row := t.whole[&logPi[0]]
				if row == nil {
					row = make([]float64, c.Width)
					t.whole[&logPi[0]] = row
				}
				floats.Add(row, c.Grad[e*c.Width:(e+1)*c.Width])
			}
			for j, v := range b.Prompts {
				if row := t.whole[&b.Dists[v].LogPi[0]]; row != nil {
					floats.Scale(1/b.PromptWeight[j], row)
				}
			}
		}
	}
}

// scatter adds scale times the derivatives by entries to those by comparisons.
func (t *external) scatter(b *Batch, scale float64, by, dst []float64) {
	for e, v := range by {
		dst[b.at(e)] += scale * v
	}
}

// ask fills in the columns, one entry a comparison in the order in which they came, and asks.
func (t *external) ask(b *Batch, gradient bool) float64 {
	if t.params.Remote == nil {
		panic("objective: a loss in another process that is not connected")
	}
	q, n := &t.question, b.entries()
	for i := range q.Columns {
		c := &q.Columns[i]
		c.Values = c.Values[:0]
		for e := range n {
			c.fill(b, b.at(e), e)
		}
		if c.Grad != nil {
			c.Grad = sized(c.Grad, len(c.Values))
		}
	}
	q.Gradient, q.Near = gradient, true
	for i, v := range b.Chosen {
		q.Near = q.Near && math.Abs(v-b.RefChosen[i]) <= reach && math.Abs(b.Rejected[i]-b.RefRejected[i]) <= reach
	}
	return t.params.Remote.Ask(q)
}

// fill appends an entry of a batch's comparison.
func (c *Column) fill(b *Batch, at, entry int) {
	switch c.Name {
	case "weight":
		c.Values = append(c.Values, b.weightOf(entry))
	case "policy_logps", "ref_logps":
		row := b.Dists[b.On[at]].LogPi
		if c.Name == "ref_logps" {
			row = b.Dists[b.On[at]].LogRef
		}
		c.Width, c.Values = len(row), append(c.Values, row...)
	default:
		column := slices.IndexFunc(pairColumns, func(p pairColumn) bool { return p.Name == inFormulas[c.Name] })
		value := pairColumns[column].otherwise
		if source := pairColumns[column].of(b); len(source) > 0 {
			value = source[at]
		}
		c.Values = append(c.Values, value)
	}
}

// externalPolicy hands on the derivatives of an external loss by all log-probabilities of a prompt, as they were in its last
// gradient. The value is in that of the comparisons.
type externalPolicy struct{ comparisons *external }

func (externalPolicy) Loss(*Dist) float64 { return 0 }

func (p externalPolicy) Grad(d *Dist, scale float64, g []float64) {
	for k, v := range p.comparisons.whole[&d.LogPi[0]] {
		g[k] += scale * v
	}
}

// Hess is not called: the comparisons have none either.
func (externalPolicy) Hess(*Dist, float64, []float64) {
	panic("objective: second derivatives of a loss in another process")
}

// traits are what probing finds of an external loss.
type traits struct{ probed, held, coupled bool }

// traits returns them, probing the first time.
func (p *External) traits() *traits {
	if !p.known.probed {
		_ = p.Probe() // whoever connects is told
	}
	return p.known
}

// Probe asks for values and derivatives at some policies near a reference, and finds out whether the derivatives are those of the
// value, and whether those of a comparison depend on others. The error says why the answers are no use: two of one question differ,
// or they are rounded so coarsely, as in float32, that nothing can be minimized.
func (p *External) Probe() error {
	at := *p
	at.Lambda = 0.5
	o := at.Objective()
	p.known.probed = true
	noisy := true
	for _, q := range probes()[1:4] {
		q.Chosen, q.Rejected, q.Weight = q.Chosen[2:6], q.Rejected[2:6], q.Weight[2:6]
		value, again := o.Loss(o.whole(q)), o.Loss(o.whole(q))
		if value != again {
			return fmt.Errorf("gives %v and then %v for the same columns; a loss depends on what it is asked alone", value, again)
		}
		g, size := o.FreeGrad(q)
		size += math.Abs(value)
		slope := func(h float64) float64 {
			var ends [2]float64
			for i, sign := range []float64{1, -1} {
				moved := *q
				moved.LogPi = slices.Clone(q.LogPi)
				for k := range moved.LogPi {
					moved.LogPi[k] += sign * h * math.Sin(float64(3*k+1))
				}
				ends[i] = o.Loss(o.whole(&moved))
			}
			return (ends[0] - ends[1]) / (2 * h)
		}
		along := 0.0
		for k, v := range g {
			along += v * math.Sin(float64(3*k+1))
		}
		coarse, fine := slope(1e-5), slope(1e-6)
		noisy = noisy && math.Abs(coarse-fine) > 1e-4*size
		p.known.held = p.known.held || math.Abs(coarse-along) > 1e-5*size
		for i := range q.Chosen {
			single := *q
			single.Chosen, single.Rejected, single.Weight = q.Chosen[i:i+1], q.Rejected[i:i+1], q.Weight[i:i+1]
			part, _ := o.FreeGrad(&single)
			floats.Sub(g, part)
		}
		p.known.coupled = p.known.coupled || !(floats.Norm(g, 1) <= 1e-9*size)
	}
	if noisy {
		return errors.New("gives values that are rounded more coarsely than float64, as float32 is; compute in float64 throughout")
	}
	return nil
}
