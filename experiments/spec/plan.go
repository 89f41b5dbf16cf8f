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
	"strings"
	"sync"

	"gopkg.in/yaml.v3"

	"windtunnel/experiments/record"
	"windtunnel/experiments/spec/decode"
)

// Plan is the flat list of an experiment's runs.
type Plan struct {
	Runs    []*Run
	Swept   []string          // columns of swept keys, without objective, lambda and seed, which every table has
	Axes    []string          // every swept key, in the order of the sweep
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

// plan expands objectives and sweep into runs.
func (l *loader) plan(exp *Experiment) (*Plan, error) {
	p := &Plan{Inputs: map[string][]byte{}, tables: l.Tables}
	p.key = sync.OnceValue(p.hash)
	base := without(l.root, "name", "description", "objectives", "sweep", "claims", "figures")
	objectives := decode.Lookup(l.root, "objectives").Content
	if len(objectives) == 0 {
		return nil, decode.Join(l.Error(decode.Lookup(l.root, "objectives"), "objectives", "is an empty list", "at least one objective"))
	}
	axes := l.axes(exp, l.runTree(base, objectives[0]))
	for _, a := range axes {
		p.Axes = append(p.Axes, a.column)
		if a.column != "lambda" && a.column != "seed" {
			p.Swept = append(p.Swept, a.column)
		}
	}
	for i, node := range objectives {
		tree := l.runTree(base, node)
		product(axes, func(values []*yaml.Node) {
			l.addRun(p, i, tree, axes, values)
		})
	}
	l.labels(p, exp)
	return p, decode.Join(l.errs...)
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

// configKey turns a key of the document of a run into the key of the config that the value came from: of the sweep, of
// the training settings of objective i, or of that objective.
func (l *loader) configKey(key string, i int, axes []axis) string {
	for _, a := range axes {
		if key == a.path || strings.HasPrefix(key, a.path+".") {
			return "sweep." + a.spelled + strings.TrimPrefix(key, a.path)
		}
	}
	entry := fmt.Sprintf("objectives.%d.", i)
	if rest, ok := strings.CutPrefix(key, "objective."); ok {
		return entry + rest
	}
	if decode.Lookup(l.root, entry+key) != nil {
		return entry + key
	}
	return key
}

// addRun decodes one run. Its mistakes are renamed to the keys of the config.
func (l *loader) addRun(p *Plan, i int, tree *yaml.Node, axes []axis, values []*yaml.Node) {
	tree, err := assigned(tree, axes, values)
	if err != nil {
		l.fail(err)
		return
	}
	doc := newRunDoc()
	if err := l.Decode(tree, "", doc); err != nil {
		many := err.(decode.Errors)
		for j := range many {
			many[j].Key = l.configKey(many[j].Key, i, axes)
		}
		l.fail(many)
		return
	}
	entry, _ := decode.KindOf(l.Tables, doc.Objective.Loss)
	run := &Run{Settings: doc.Settings, Loss: doc.Objective.Loss, Label: entry.Name, Lambda: math.NaN()}
	if doc.Objective.Name != "" {
		run.Label = doc.Objective.Name
	}
	if n := decode.Lookup(decode.Encode(&doc.Objective, l.Tables), "lambda"); n != nil {
		run.Lambda = record.ParseFloat(n.Value)
	}
	run.ID = run.Label
	for j, a := range axes {
		text := cellText(values[j])
		run.ID += "/" + a.column + "=" + text
		if a.column != "lambda" && a.column != "seed" {
			run.Swept = append(run.Swept, text)
		}
	}
	l.attachFile(p, run)
	p.Runs = append(p.Runs, run)
}

// attachFile reads the data file that the run names, once for all runs.
func (l *loader) attachFile(p *Plan, run *Run) {
	name := run.Preferences.FilePath()
	if name == "" {
		return
	}
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(l.path), path)
	}
	content, known := p.Inputs[name]
	if !known {
		var err error
		if content, err = os.ReadFile(path); err != nil {
			key := "preferences.path"
			e := l.Error(decode.Lookup(l.root, key), key, fmt.Sprintf("cannot read %s: %v", path, cause(err)), "a JSONL file, its path relative to the config")
			e.Near = decode.Nearest(name, neighbours(path, name))
			l.fail(e)
		}
		p.Inputs[name] = content
	}
	run.file = &dataFile{name: filepath.ToSlash(path), content: content}
}

// neighbours lists the files beside path, spelled like name.
func neighbours(path, name string) []string {
	entries, _ := os.ReadDir(filepath.Dir(path))
	var names []string
	for _, e := range entries {
		names = append(names, filepath.ToSlash(filepath.Join(filepath.Dir(name), e.Name())))
	}
	return names
}

// labels refuses two objectives of one label.
func (l *loader) labels(p *Plan, exp *Experiment) {
	seen := map[string]int{}
	for i := range exp.Objectives {
		o := &exp.Objectives[i]
		entry, _ := decode.KindOf(l.Tables, o.Loss)
		label := entry.Name
		if o.Name != "" {
			label = o.Name
		}
		if first, taken := seen[label]; taken {
			key := fmt.Sprintf("objectives.%d", i)
			l.fail(l.Error(decode.Lookup(l.root, key), key, fmt.Sprintf("has the label %q of objectives.%d", label, first),
				"a name of its own for every objective"))
		}
		seen[label] = i
	}
}
