package spec

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"sync"

	"windtunnel/experiments/spec/decode"
)

// Plan is the list of an experiment's runs, in order. It does not hold the runs but what they are made of, and resolves
// each on demand: its memory does not grow with their number. It is safe for concurrent use.
type Plan struct {
	Swept   []string          // columns of swept keys, without objective, lambda and seed, which every table has
	Prompts []string          // names of all prompts, in the order in which runs have them
	Inputs  map[string][]byte // content of the data files, by the path as the config spells it

	Language bool // its runs train language models, whose responses cannot be enumerated
	traits   traits
	decoder  decode.Decoder
	labels   []string       // of the objectives
	trees    []*decode.Node // the document of a run of each objective, as it is before the sweep
	product  product
	kept     *bitset // the combinations that are runs; nil where all are
	sections [sectionCount]*sections
	files    map[string]*dataFile // by the path as the config spells it

	key  func() string
	cost func() float64

	online func() bool // nil in a plan without runs
}

// newPlan returns a plan of the product's combinations. The data files are not read yet.
func newPlan(decoder decode.Decoder, labels []string, trees []*decode.Node, dims []dimension) *Plan {
	p := &Plan{Inputs: map[string][]byte{}, decoder: decoder, labels: labels, trees: trees, product: newProduct(dims),
		files: map[string]*dataFile{}}
	p.key, p.cost, p.online = sync.OnceValue(p.hash), sync.OnceValue(p.sumCost), sync.OnceValue(p.findOnline)
	for _, d := range dims {
		p.Swept = append(p.Swept, d.sweptColumns()...)
	}
	for i := range sectionKinds {
		p.sections[i] = p.newSections(&sectionKinds[i])
	}
	return p
}

// Len returns the number of runs.
func (p *Plan) Len() int {
	if p.kept == nil {
		return p.product.size
	}
	return p.kept.count
}

// Run resolves run i, counted from 0 in the order of the plan. It panics where there is no such run.
func (p *Plan) Run(i int) *Run {
	if i < 0 || i >= p.Len() {
		panic(fmt.Sprintf("spec: there is no run %d in a plan of %d", i, p.Len()))
	}
	return p.resolve(p.combination(i))
}

// combination returns the number in the product of run i.
func (p *Plan) combination(i int) int {
	if p.kept == nil {
		return i
	}
	return p.kept.nth(i)
}

// All yields every run with its number, in order.
func (p *Plan) All() iter.Seq2[int, *Run] {
	return func(yield func(int, *Run) bool) {
		i := 0
		for c := range p.combinations() {
			if !yield(i, p.resolve(c)) {
				return
			}
			i++
		}
	}
}

// combinations yields the numbers in the product of the runs, in order.
func (p *Plan) combinations() iter.Seq[int] {
	return func(yield func(int) bool) {
		for c := range p.product.size {
			if (p.kept == nil || p.kept.has(c)) && !yield(c) {
				return
			}
		}
	}
}

// Cost returns the expected cost of all runs, in training steps.
func (p *Plan) Cost() float64 { return p.cost() }

func (p *Plan) sumCost() float64 {
	total := 0.0
	for c := range p.combinations() {
		total += p.costOf(c)
	}
	return total
}

// CostOf returns the expected cost of run i (see [Run.Cost]) without resolving all of it.
func (p *Plan) CostOf(i int) float64 { return p.costOf(p.combination(i)) }

func (p *Plan) costOf(combination int) float64 {
	var space [inlineDimensions]int
	digits := p.product.digits(combination, space[:0])
	var run Run
	for i := range sectionKinds {
		if sectionKinds[i].costs {
			p.fill(&run, i, digits)
		}
	}
	return run.Cost()
}

// Key returns a hash of every resolved run and of the data they read. Two configs with the same key give the same
// tables.
func (p *Plan) Key() string { return p.key() }

func (p *Plan) hash() string {
	h := sha256.New()
	for _, r := range p.All() {
		content := r.Content()
		fmt.Fprintf(h, "%q %q %q %x\n", r.ID, r.Label, r.Swept, content)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Resolved returns the run as YAML, every setting written out.
func (p *Plan) Resolved(r *Run) string {
	doc := runDoc{Settings: r.Settings, Objective: Objective{Name: r.Label, Loss: r.Loss}}
	return decode.Text(decode.Encode(&doc, p.decoder.Tables))
}

// resolve makes the run of one combination.
func (p *Plan) resolve(combination int) *Run {
	var space [inlineDimensions]int
	digits := p.product.digits(combination, space[:0])
	run := &Run{Label: p.labels[p.product.objective(digits)]}
	for i := range sectionKinds {
		p.fill(run, i, digits)
	}
	run.ID, run.Swept = p.name(run.Label, digits), p.cells(digits)
	return run
}

// fill puts section i of a combination into a run. Loading has decoded every section of every run without mistakes.
func (p *Plan) fill(run *Run, i int, digits []int) {
	s, err := p.section(i, digits)
	if err != nil {
		panic(fmt.Sprintf("spec: a setting that was valid is not any more: %v", err))
	}
	p.take(run, i, s)
}

// name returns the name of a run: the label of its objective, and whatever the sweep says of it.
func (p *Plan) name(label string, digits []int) string {
	b := make([]byte, 0, 96)
	b = append(b, label...)
	for i := range p.product.dims {
		b = p.product.dims[i].appendName(b, digits[i])
	}
	return string(b)
}

// cells returns the cells of the columns Swept.
func (p *Plan) cells(digits []int) []string {
	if len(p.Swept) == 0 {
		return nil
	}
	cells := make([]string, 0, len(p.Swept))
	for i := range p.product.dims {
		cells = p.product.dims[i].appendCells(cells, digits[i])
	}
	return cells
}
