package spec

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"windtunnel/experiments/spec/decode"
	"windtunnel/toy/bandit"
	"windtunnel/toy/objective"
)

// Desideratum is what a loss should do, as a test: the config of an experiment that lacks the loss, and says in one claim what
// is asked of it. The block of the key desideratum says what the test is about. In the config the loss under test is the
// objective named loss; other objectives stand beside it.
type Desideratum struct {
	About
	Name    string
	Bound   float64 // the largest value that passes
	OnCard  bool    // it is asked in the card's environments
	Derived bool    // in environments derived from them

	source loader // as read, with the tree less the block
	turned bool   // the claim gives the value with the sign turned: its limit is the least, or it is expected not to hold
	limit  string // key of the claim's limit
	also   []*decode.Node
}

// About says what a desideratum asks.
type About struct {
	Asks       string                 `yaml:"asks" required:"true" doc:"the question, in a sentence"`
	Value      string                 `yaml:"value" required:"true" doc:"what the value is, with its unit; less is better"`
	Theory     string                 `yaml:"theory,omitempty" doc:"what is expected and why"`
	Source     string                 `yaml:"source,omitempty" doc:"the paper that it is from"`
	Against    string                 `yaml:"against,omitempty" doc:"what the policy is held against"`
	Group      string                 `yaml:"group,omitempty" doc:"tests of one group are summed up together; default the name up to the first slash"`
	OneOf      bool                   `yaml:"one_of" doc:"a loss does well that passes one of the group's tests of this mark: they exclude one another"`
	Pass       string                 `yaml:"pass,omitempty" doc:"what is said of a loss that passes, in a few words"`
	Fail       string                 `yaml:"fail,omitempty" doc:"what is said of a loss that fails"`
	Try        string                 `yaml:"try,omitempty" doc:"which term of a loss makes it pass"`
	Needs      []string               `yaml:"needs,omitempty" oneof:"lambda,comparisons" doc:"what a loss must have for the test to apply; a sweep of lambda is left out for a loss that has none"`
	Prompts    int                    `yaml:"prompts" range:"[1,1e6]" doc:"only environments with at least so many prompts"`
	Responses  int                    `yaml:"responses" range:"[2,1e6]" doc:"only environments with at least so many responses"`
	Prompt     string                 `yaml:"prompt,omitempty" oneof:"each,last" doc:"the claim is about each prompt by itself, or about the last one"`
	OverLambda []string               `yaml:"over_lambda,omitempty" doc:"settings that are divided by the loss's own lambda where that is below 1"`
	Order      int                    `yaml:"order" doc:"place among the tests; without it last, by name"`
	Constant   bool                   `yaml:"constant" doc:"the test applies even where the loss is the same for every policy"`
	Also       decode.Raw[[]alsoForm] `yaml:"also" doc:"further environments, each with a name and the settings that replace the config's there"`
}

// alsoForm is what a further environment looks like.
type alsoForm = map[string]*decode.Node

// SetDefaults lets a test be asked everywhere.
func (a *About) SetDefaults() { a.Prompts, a.Responses = 1, 2 }

// desideratumKey is the key of About.
const desideratumKey = "desideratum"

// UnderTest is the label of the loss in the config of a desideratum.
const UnderTest = "loss"

// Limited is implemented by claims that compare one number with one limit.
type Limited interface {
	// Limit returns the key of the limit, the limit, and whether it is the least that is allowed.
	Limit() (key string, limit float64, least bool)
}

// ReadDesideratum reads a desideratum, given the text of its file, and checks all that can be known before a loss is tested.
// read opens data files. The error is a decode.Errors.
func ReadDesideratum(name, path string, text []byte, read func(path string) ([]byte, error), kinds *decode.Tables) (*Desideratum, error) {
	l, err := parse(path, text, read, kinds)
	if err != nil {
		return nil, err
	}
	d := &Desideratum{Name: name}
	block := decode.Lookup(l.root, desideratumKey)
	if block == nil {
		l.failAt(desideratumKey, "is missing", "a block that says what is asked", "")
		return nil, decode.Join(l.errs...)
	}
	d.SetDefaults()
	l.fail(l.Decode(block, desideratumKey, &d.About))
	if d.Group == "" {
		d.Group, _, _ = strings.Cut(name, "/")
	}
	d.readAlso(l)
	l.root = without(l.root, desideratumKey)
	environment := decode.Lookup(l.root, "environment")
	kind := decode.Lookup(environment, "kind")
	d.Derived = kind != nil && kind.Value == "derived" && decode.Lookup(environment, "of") == nil
	d.OnCard = environment == nil || d.Derived
	if len(l.errs) > 0 {
		return nil, decode.Join(l.errs...)
	}
	d.source = *l
	c, err := d.Config(someLoss(), Place{})
	if err != nil {
		return nil, err
	}
	if len(c.Experiment.Claims) != 1 {
		return nil, l.mistakeAt("claims", fmt.Sprintf("are %d", len(c.Experiment.Claims)), "exactly one, which gives the number and its bound", "")
	}
	limited, ok := c.Experiment.Claims[0].Test.(Limited)
	if !ok {
		return nil, l.mistakeAt("claims.0", "compares no number with one limit", "a claim that does", "")
	}
	var least bool
	if d.limit, d.Bound, least = limited.Limit(); d.limit == "" {
		return nil, l.mistakeAt("claims.0", "has no limit, or more than one", "one limit that may be met", "")
	}
	d.turned = least == c.Experiment.Claims[0].Expect
	d.Bound = d.Turn(d.Bound)
	for i := range d.also {
		if _, err := d.Config(someLoss(), Place{Also: i + 1}); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// Refuses says what is wrong with a bound in place of the claim's own, "" where nothing is, and what is allowed.
func (d *Desideratum) Refuses(bound float64) (wrong, allowed string) {
	_, err := d.Config(someLoss(), Place{Bound: &bound})
	var mistakes decode.Errors
	if errors.As(err, &mistakes) {
		return mistakes[0].Wrong, mistakes[0].Allowed
	}
	return "", ""
}

// Turn returns a value of the claim as the scorecard has it, where less is better, and the other way round.
func (d *Desideratum) Turn(value float64) float64 {
	if d.turned {
		return -value
	}
	return value
}

// someLoss stands for the loss under test while there is none.
func someLoss() Objective {
	kind, _ := objective.Kinds().Find("dpo")
	return Objective{Loss: kind.New()}
}

// readAlso takes the further environments.
func (d *Desideratum) readAlso(l *loader) {
	n := d.Also.Node
	if n == nil {
		return
	}
	if n.Kind != yaml.SequenceNode {
		l.fail(l.Error(n, desideratumKey+".also", "is no list", "environments, each with a name and settings"))
		return
	}
	for i, entry := range n.Content {
		key := fmt.Sprintf("%s.also.%d", desideratumKey, i)
		if name := decode.Lookup(entry, "name"); name == nil || name.Value == "" || decode.Lookup(entry, "environment") == nil {
			l.fail(l.Error(entry, key, "lacks a name or an environment", "both, and settings that replace the config's"))
			continue
		}
		d.also = append(d.also, entry)
	}
}

// Further returns the names of the environments that the file adds.
func (d *Desideratum) Further() []string {
	names := make([]string, len(d.also))
	for i, entry := range d.also {
		names[i] = decode.Lookup(entry, "name").Value
	}
	return names
}

// Place is where a desideratum is asked. The zero value is the file's own environment or, where it has none, one that
// stands for the card's.
type Place struct {
	Also        int           // number of the further environment, from 1
	Environment bandit.Params // of the card
	Seed        int           // that it is drawn from
	Prompt      string        // that the claim is about
	Bound       *float64      // in place of the claim's own
}

// standIn has all that claims may name in an environment of the card (the preservation bandit of arXiv 2407.09072).
var standIn = &bandit.Declared{Prompts: []bandit.DeclaredPrompt{
	{Name: "good", PiStar: []float64{0.6, 0.3, 0.1}, PiRef: []float64{0.6, 0.3, 0.1}},
	{Name: "bad", PiStar: []float64{0.6, 0.2, 0.2}, PiRef: []float64{0.4, 0.2, 0.4}}}}

// Config returns the experiment that asks the desideratum of a loss. The error is a decode.Errors.
func (d *Desideratum) Config(loss Objective, at Place) (*Config, error) {
	l := d.source
	l.root, l.errs = d.tree(loss, at), nil
	for _, e := range objective.Externals(loss.Loss) {
		l.home = e.Folder
	}
	return l.experiment(nil)
}

// Document returns that experiment as YAML, with a name and a description. Its claim is expected to say what the verdict says.
func (d *Desideratum) Document(loss Objective, at Place, name, description string, passes bool) string {
	tree := d.tree(loss, at)
	expected := passes
	if expect := decode.Lookup(tree, "claims.0.expect"); expect != nil && expect.Value == "false" {
		expected = !passes
	}
	tree, _ = decode.Set(tree, "claims.0.expect", decode.Encode(expected, d.source.Tables)) // of a mapping
	for _, key := range []struct{ key, value string }{{"description", description}, {"name", name}} {
		tree = without(tree, key.key)
		tree.Content = slices.Concat([]*decode.Node{scalar(key.key), scalar(key.value)}, tree.Content)
	}
	return decode.Text(tree)
}

func (d *Desideratum) tree(loss Objective, at Place) *decode.Node {
	tree := d.source.root
	set := func(key string, value *decode.Node) {
		if changed, err := decode.Set(tree, key, value); err == nil { // what is wrong there is said when the tree is decoded
			tree = changed
		}
	}
	if at.Also > 0 {
		entry := without(d.also[at.Also-1], "name")
		for key := range entry.Pairs() {
			tree = without(tree, key.Value)
		}
		tree = &decode.Node{Kind: tree.Kind, Tag: tree.Tag, File: tree.File, Line: tree.Line, Column: tree.Column,
			Content: slices.Concat(tree.Content, entry.Content)}
	} else if d.OnCard {
		environment := at.Environment
		if environment == nil {
			environment = standIn
		}
		key := "environment"
		if d.Derived {
			key += ".of"
		}
		set(key, decode.Encode(&environment, d.source.Tables))
	}
	if at.Seed != 0 {
		set("seed", decode.Encode(at.Seed, d.source.Tables))
	}
	if decode.Lookup(tree, "name") == nil {
		set("name", scalar(strings.Trim(unfit.ReplaceAllString(d.Name, "-"), "-_")))
	}
	loss.Name = UnderTest
	own := decode.Encode(&loss, d.source.Tables)
	lambda := decode.Lookup(own, "lambda")
	list := &decode.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: []*decode.Node{own}}
	if others := decode.Lookup(tree, "objectives"); others != nil {
		list.Content = append(list.Content, others.Content...)
	}
	tree = without(tree, "objectives")
	set("objectives", list)
	if lambda == nil {
		tree = withoutLambda(tree)
	} else if v, err := strconv.ParseFloat(lambda.Value, 64); err == nil && v < 1 {
		for _, key := range d.OverLambda {
			tree = d.divided(tree, key, v)
		}
	}
	switch {
	case at.Prompt != "":
		set("claims.0.prompt", scalar(at.Prompt))
	case d.Prompt != "":
		set("claims.0.prompt", scalar(standIn.Prompts[len(standIn.Prompts)-1].Name))
	}
	if at.Bound != nil && d.limit != "" {
		set("claims.0."+d.limit, decode.Encode(d.Turn(*at.Bound), d.source.Tables))
	}
	return tree
}

// withoutLambda takes the sweep of lambda out of a config, for a loss that has none: of a grid its key, and the blocks of a
// list that are for the loss alone.
func withoutLambda(tree *decode.Node) *decode.Node {
	sweep := decode.Lookup(tree, "sweep")
	if sweep == nil {
		return tree
	}
	var left *decode.Node
	if sweep.Kind == yaml.MappingNode {
		left = without(sweep, "lambda")
	} else {
		copied := *sweep
		copied.Content = slices.DeleteFunc(slices.Clone(sweep.Content), func(block *decode.Node) bool {
			only := decode.Lookup(block, "for")
			return only != nil && len(only.Content) == 1 && only.Content[0].Value == UnderTest
		})
		left = &copied
	}
	tree = without(tree, "sweep")
	if len(left.Content) > 0 {
		tree, _ = decode.Set(tree, "sweep", left) // a top-level key of a mapping
	}
	return tree
}

// divided divides the numbers of a setting, in the config and where it is swept, by a number.
func (d *Desideratum) divided(tree *decode.Node, key string, by float64) *decode.Node {
	return decode.Mapped(tree, nil, func(path []string, n *decode.Node) *decode.Node {
		v, err := strconv.ParseFloat(n.Value, 64)
		if err != nil || n.Kind != yaml.ScalarNode || !strings.HasSuffix("."+strings.Join(path, "."), "."+key) {
			return nil
		}
		number := decode.Encode(v/by, d.source.Tables)
		number.File, number.Line, number.Column = n.File, n.Line, n.Column
		return number
	})
}
