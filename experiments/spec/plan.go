package spec

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"gopkg.in/yaml.v3"

	"windtunnel/experiments/record"
	"windtunnel/experiments/spec/decode"
)

// Plan is the flat list of an experiment's runs.
type Plan struct {
	Runs    []*Run
	Swept   []string          // columns of swept keys, without objective, lambda and seed, which every table has
	Prompts []string          // names of all prompts, in the order in which runs have them
	Inputs  map[string][]byte // content of the data files, by the path as the config spells it

	tables *decode.Tables
	key    func() string
}

// Cost returns the expected cost of all runs.
func (p *Plan) Cost() float64 {
	total := 0.0
	for _, r := range p.Runs {
		total += r.Cost()
	}
	return total
}

// Key returns a hash of every resolved run and of the data they read. Two configs with the same key give the same
// tables.
func (p *Plan) Key() string { return p.key() }

func (p *Plan) hash() string {
	h := sha256.New()
	for _, r := range p.Runs {
		fmt.Fprintf(h, "%q %q %q\n", r.ID, r.Label, r.Swept)
		io.WriteString(h, r.canonical(p.tables))
		if r.file != nil {
			hashBytes(h, r.file.content)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

func hashBytes(h hash.Hash, b []byte) {
	sum := sha256.Sum256(b)
	h.Write(sum[:])
}

// canonical is the run's full encoding.
func (r *Run) canonical(tables *decode.Tables) string {
	return encodeYAML(decode.Encode(&runDoc{Settings: r.Settings, Objective: Objective{Name: r.Label, Loss: r.Loss}}, tables))
}

// Resolved returns the run as YAML, every setting written out.
func (p *Plan) Resolved(r *Run) string { return r.canonical(p.tables) }

// encodeYAML writes a tree with two spaces of indentation.
func encodeYAML(n *yaml.Node) string {
	var b bytes.Buffer
	out := yaml.NewEncoder(&b)
	out.SetIndent(2)
	if err := out.Encode(n); err != nil {
		panic(fmt.Sprintf("spec: encoding a decoded tree: %v", err))
	}
	return b.String()
}

// runDoc is the document of one run: the settings with a single objective.
type runDoc struct {
	Settings  `yaml:",inline"`
	Objective Objective `yaml:"objective" required:"true" doc:"the loss"`
}

func newRunDoc() *runDoc { return &runDoc{Settings: defaultSettings()} }

// mostRuns bounds a plan, so that a slip in a sweep ends in a message.
const mostRuns = 100_000

// plan expands objectives and sweep into runs.
func (l *loader) plan(exp *Experiment) *Plan {
	p := &Plan{Inputs: map[string][]byte{}, tables: l.Tables}
	p.key = sync.OnceValue(p.hash)
	base := without(l.root, "name", "description", "objectives", "sweep", "claims", "figures")
	objectives := decode.Lookup(l.root, "objectives").Content
	axes := l.axes(exp, l.runTree(base, objectives[0]))
	count := float64(len(objectives))
	for _, a := range axes {
		count *= float64(len(a.values))
		if a.column != "lambda" && a.column != "seed" {
			p.Swept = append(p.Swept, a.column)
		}
	}
	if count > mostRuns {
		l.failAt("sweep", fmt.Sprintf("plans %.0f runs", count), fmt.Sprintf("at most %d", mostRuns), "")
		return p
	}
	for i, node := range objectives {
		tree := l.runTree(base, node)
		if i > 0 && !l.applies(i, tree, axes) {
			continue
		}
		product(axes, func(values []*yaml.Node) {
			l.addRun(p, tree, &origin{l, i, axes, values})
		})
	}
	return p
}

// without returns a mapping less some keys.
func without(n *yaml.Node, keys ...string) *yaml.Node {
	m := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: n.Line, Column: n.Column}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if !slices.Contains(keys, n.Content[i].Value) {
			m.Content = append(m.Content, n.Content[i], n.Content[i+1])
		}
	}
	return m
}

// runTree adds an objective to the shared settings and lays its own training settings over train.
func (l *loader) runTree(base, objective *yaml.Node) *yaml.Node {
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

func scalar(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
}

// addRun decodes, reviews and adds one run.
func (l *loader) addRun(p *Plan, tree *yaml.Node, from *origin) {
	tree, err := assigned(tree, from.axes, from.values)
	if err != nil {
		l.fail(err)
		return
	}
	doc := newRunDoc()
	if err := l.Decode(tree, "", doc); err != nil {
		l.fail(from.renamed(err))
		return
	}
	run := &Run{Settings: doc.Settings, Loss: doc.Objective.Loss, Label: doc.Objective.Label(l.Tables), Lambda: math.NaN()}
	if n := decode.Lookup(decode.Encode(&doc.Objective, l.Tables), "lambda"); n != nil {
		run.Lambda = record.ParseFloat(n.Value)
	}
	run.ID = run.Label
	for j, a := range from.axes {
		text := cellText(from.values[j])
		run.ID += "/" + a.column + "=" + text
		if a.column != "lambda" && a.column != "seed" {
			run.Swept = append(run.Swept, text)
		}
	}
	l.attachFile(p, run, from)
	l.reviewRun(p, run, from)
	p.Runs = append(p.Runs, run)
}

// attachFile reads the data file that the run names, once for all runs.
func (l *loader) attachFile(p *Plan, run *Run, from *origin) {
	name := run.Preferences.FilePath()
	if name == "" {
		return
	}
	path := filepath.FromSlash(name)
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(l.path), path)
	}
	content, known := p.Inputs[name]
	if !known {
		var err error
		if content, err = os.ReadFile(path); err != nil {
			content = nil
			e := from.mistake("preferences.path", "", "a JSONL file, its path relative to the config")
			l.fail(unreadable(e, path, name, err))
		}
		p.Inputs[name] = content
	}
	run.file = &dataFile{name: filepath.ToSlash(path), content: content}
}

// labels refuses two objectives of one label.
func (l *loader) labels(exp *Experiment) {
	seen := map[string]int{}
	for i := range exp.Objectives {
		label := exp.Objectives[i].Label(l.Tables)
		if first, taken := seen[label]; taken {
			l.failAt(fmt.Sprintf("objectives.%d", i), fmt.Sprintf("has the label %q of objectives.%d", label, first),
				"a name of its own for every objective", "")
		}
		seen[label] = i
	}
}
