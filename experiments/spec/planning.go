package spec

import (
	"fmt"
	"slices"

	"gopkg.in/yaml.v3"

	"windtunnel/experiments/spec/decode"
)

// runDoc is the document of one run: the settings with a single objective.
type runDoc struct {
	Settings  `yaml:",inline"`
	Objective Objective `yaml:"objective" required:"true" doc:"the loss"`
}

func newRunDoc() *runDoc { return &runDoc{Settings: defaultSettings()} }

// mostRuns bounds a plan, so that a slip in a sweep ends in a message.
const mostRuns = 20_000_000

// plan expands objectives and sweep into runs, and validates every one of them. It is nil if these are too
// many.
func (l *loader) plan(exp *Experiment) *Plan {
	var labels []string
	for i := range exp.Objectives {
		labels = append(labels, exp.Objectives[i].Label(l.Tables))
	}
	trees := l.runTrees()
	before := len(l.errs)
	dims, conditions := l.sweep(exp, labels, trees)
	if count := combinationsOf(dims); count > mostRuns {
		l.failAt("sweep", fmt.Sprintf("plans %.0f runs", count), fmt.Sprintf("at most %d", mostRuns), "")
		return nil
	}
	p := newPlan(l.Decoder, labels, trees, dims)
	if len(l.errs) == before {
		l.keep(p, conditions)
	}
	l.validate(p)
	return p
}

// combinationsOf counts the product of dimensions, however large.
func combinationsOf(dims []dimension) float64 {
	count := 1.0
	for i := range dims {
		count *= float64(dims[i].rows)
	}
	return count
}

// runTrees returns the document of a run of each objective, before the sweep.
func (l *loader) runTrees() []*decode.Node {
	base := without(l.root, "name", "description", extendsKey, "objectives", "sweep", "where", "seeds", "summary", "claims", "figures")
	var trees []*decode.Node
	for _, node := range decode.Lookup(l.root, "objectives").Content {
		trees = append(trees, runTree(base, node))
	}
	return trees
}

// without returns a mapping less some keys.
func without(n *decode.Node, keys ...string) *decode.Node {
	m := &decode.Node{Kind: yaml.MappingNode, Tag: "!!map", File: n.File, Line: n.Line, Column: n.Column}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if !slices.Contains(keys, n.Content[i].Value) {
			m.Content = append(m.Content, n.Content[i], n.Content[i+1])
		}
	}
	return m
}

// runTree adds an objective to the shared settings and lays its own training settings over train.
func runTree(base, objective *decode.Node) *decode.Node {
	tree := without(base)
	if over := decode.Lookup(objective, "train"); over != nil {
		merged := decode.Merge(decode.Lookup(base, "train"), over)
		tree = without(base, "train")
		tree.Content = append(tree.Content, scalar("train"), merged)
		objective = without(objective, "train")
	}
	tree.Content = append(tree.Content, scalar("objective"), objective)
	return tree
}

func scalar(text string) *decode.Node {
	return &decode.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
}

// labels refuses two objectives of one label.
func (l *loader) labels(objectives []Objective) {
	seen := map[string]int{}
	for i := range objectives {
		if objectives[i].Loss == nil { // a mistake that has been said
			continue
		}
		label := objectives[i].Label(l.Tables)
		if first, taken := seen[label]; taken {
			l.failAt(fmt.Sprintf("objectives.%d", i), fmt.Sprintf("has the label %q of objectives.%d", label, first),
				"a name of its own for every objective", "")
		}
		seen[label] = i
	}
}
