package spec

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"windtunnel/experiments/spec/decode"
)

// sweepForm is what a sweep looks like: one grid, or blocks that are combined by product.
type sweepForm struct{}

// Either lists the two forms.
func (sweepForm) Either() []any { return []any{map[string]spaced{}, []block{}} }

// sweepReader reads what a config sweeps into the dimensions of its plan.
type sweepReader struct {
	*loader
	labels     []string // of the objectives
	trees      []*decode.Node
	dims       []dimension
	conditions []condition
	chosen     []int             // objectives that the sweep chooses among
	columns    map[string]string // the key of the config that a column has its values from
}

// sweep reads the dimensions of a plan in the order in which they are written, and the conditions on their combinations.
// The objectives come first where no block chooses among them. What is wrong is left out.
func (l *loader) sweep(exp *Experiment, labels []string, trees []*decode.Node) ([]dimension, []condition) {
	r := &sweepReader{loader: l, labels: labels, trees: trees, columns: map[string]string{}}
	switch n := exp.Sweep.Node; {
	case n == nil:
	case n.Kind == yaml.MappingNode:
		r.grid("sweep", n)
	case n.Kind == yaml.SequenceNode:
		for i, entry := range n.Content {
			r.block(fmt.Sprintf("sweep.%d", i), entry)
		}
	default:
		l.fail(l.Error(n, "sweep", "is neither a mapping nor a list", "keys with their values, as lambda: [0.1, 1], or a list of blocks"))
	}
	r.seeds(exp)
	r.where("where", exp.Where.Node)
	before := len(l.errs)
	all := r.chooseObjectives()
	for i := range r.dims {
		d := &r.dims[i]
		if !r.resolve(d) {
			continue
		}
		if len(l.errs) == before {
			r.distinct(d)
		}
		all = append(all, *d)
	}
	return all, r.conditions
}

// settingKeys are the top-level keys of a run that can be swept; other bare keys are parameters of the objective.
var settingKeys = func() []string {
	var keys []string
	for i := range sectionKinds {
		if i != objectiveSection {
			keys = append(keys, sectionKinds[i].key)
		}
	}
	return keys
}()

// blockPath matches what stands before a swept key in the key of a config.
var blockPath = regexp.MustCompile(`^sweep\.(\d+\.(grid\.|zip\.|random\.keys\.|list\.\d+\.))?`)

// checkSweep adds the mistakes of the sweep to those of a config that has others, as far as they do not follow from
// these: where a kind is wrong, its parameters are unknown.
func (l *loader) checkSweep(exp *Experiment) {
	if n := decode.Lookup(l.root, "objectives"); n == nil || n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		return
	}
	found, unknown := l.errs, map[string]bool{}
	for _, e := range mistakesOf(found) {
		if first, _, dotted := strings.Cut(e.Key, "."); !dotted || strings.HasSuffix(e.Key, ".kind") {
			unknown[first] = true
		}
	}
	l.errs = nil
	l.plan(exp)
	for _, e := range mistakesOf(l.errs) {
		swept := strings.HasPrefix(e.Key, "sweep")
		first, _, _ := strings.Cut(blockPath.ReplaceAllString(e.Key, ""), ".")
		if !slices.Contains(settingKeys, first) {
			first = "objectives"
		}
		if swept && !unknown[first] {
			found = append(found, e)
		}
	}
	l.errs = found
}

// mistakesOf returns the mistakes of several steps in one list.
func mistakesOf(errs []error) decode.Errors {
	var all decode.Errors
	errors.As(decode.Join(errs...), &all)
	return all
}
