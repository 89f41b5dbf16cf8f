package model

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"windtunnel/experiments/spec/decode"
	"windtunnel/metrics"
	"windtunnel/toy/objective"
)

// lambdaKey is the parameter that the page's lambda sets.
const lambdaKey = "lambda"

// tables holds the one registry that losses are decoded from, as configs do.
var tables = func() *decode.Tables {
	t := decode.NewTables()
	decode.Register(t, "objective", objective.Kinds())
	return t
}()

// Field is a parameter of a loss, for the page's inputs.
type Field struct {
	Key     string   `json:"key"`
	Type    string   `json:"type"`    // in words: "a number", "text"
	Default string   `json:"default"` // "" where there is none
	Allowed string   `json:"allowed"` // the interval; "" where the type says it all
	Words   []string `json:"words"`   // the allowed words, where it is one of some
	Doc     string   `json:"doc"`
}

// Kind is a loss of the registry.
type Kind struct {
	Name    string   `json:"name"`
	Aliases []string `json:"aliases"`
	Summary string   `json:"summary"`
	Source  string   `json:"source"`
	Lambda  bool     `json:"lambda"` // whether it has one
	Fields  []Field  `json:"fields"` // without lambda
	Starts  []Param  `json:"starts"` // parameters to begin with, where the defaults alone are no loss
}

// starts are the parameters that a page begins with for kinds that cannot do without: DPO and TYPO, written out.
var starts = map[string][]Param{
	"custom": {{"pair", "softplus(-lambda * u)"}},
	"sum":    {{"terms", "[{kind: bradley-terry}, {kind: kl-ref-pi, weight: lambda}]"}},
}

// Metric describes a measure of a policy.
type Metric struct {
	Name    string `json:"name"`
	Unit    string `json:"unit"`
	Summary string `json:"summary"`
}

// Description is what a page needs to know before it asks.
type Description struct {
	Default string   `json:"default"` // the fragment of the default state
	Kinds   []Kind   `json:"kinds"`
	Metrics []Metric `json:"metrics"`
}

// Describe returns the losses of the registry with their parameters, and the metrics.
func Describe() Description {
	d := Description{Default: Default().Fragment(), Kinds: Kinds()}
	for _, m := range metrics.All() {
		d.Metrics = append(d.Metrics, Metric{m.Name, m.Unit, m.Summary})
	}
	return d
}

// Kinds describes the losses of the registry.
func Kinds() []Kind {
	var all []Kind
	for _, e := range objective.Kinds().Untyped() {
		k := Kind{Name: e.Name, Aliases: append([]string{}, e.Aliases...), Summary: e.Summary, Source: e.Source, Fields: []Field{},
			Starts: append([]Param{}, starts[e.Name]...)}
		for _, f := range decode.Fields(e.New(), tables) {
			switch {
			case f.Key == lambdaKey:
				k.Lambda = true
			case !strings.Contains(f.Key, "."):
				field := Field{Key: f.Key, Type: f.Type, Default: f.Default, Allowed: f.Allowed, Doc: f.Doc}
				if f.Type == "true or false" {
					field.Words = []string{"true", "false"}
				} else if f.Allowed != "" && f.Allowed[0] != '(' && f.Allowed[0] != '[' {
					field.Words, field.Allowed = strings.Split(f.Allowed, ", "), ""
				}
				k.Fields = append(k.Fields, field)
			}
		}
		all = append(all, k)
	}
	return all
}

// canonical returns a kind's name for any of its spellings; what is no kind stays as it is.
func canonical(kind string) string {
	if k, ok := objective.Kinds().Find(kind); ok {
		return k.Name
	}
	return kind
}

// decode reads a loss of one side with a lambda.
func (l Loss) decode(side string, lambda float64) (objective.Params, []Problem) {
	node, problems := l.node(side, lambda)
	if len(problems) > 0 {
		return nil, problems
	}
	var doc struct {
		Loss objective.Params `yaml:",kind"`
	}
	reader := decode.Decoder{File: side, Tables: tables}
	if err := reader.Decode(node, "", &doc); err != nil {
		return nil, problemsOf(err, side)
	}
	return doc.Loss, nil
}

// node returns the loss as a config has it.
func (l Loss) node(side string, lambda float64) (*decode.Node, []Problem) {
	n := &decode.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: []*decode.Node{text("kind"), text(l.Kind)}}
	types := map[string]string{}
	if k, ok := objective.Kinds().Find(l.Kind); ok {
		for _, f := range decode.Fields(k.New(), tables) {
			for _, key := range append([]string{f.Key}, f.Aliases...) {
				types[key] = f.Type
			}
			if f.Key == lambdaKey {
				n.Content = append(n.Content, text(lambdaKey), &decode.Node{Kind: yaml.ScalarNode, Value: formatFloat(lambda)})
			}
		}
	}
	var problems []Problem
	for _, p := range l.Params {
		field := side + "." + p.Key
		switch {
		case p.Key == lambdaKey || p.Key == "kind" || p.Key == "name" || p.Key == "train":
			problems = append(problems, Problem{Field: field, Message: "is not a parameter here; want lambda for both losses, and the kind as " + side})
			continue
		case types[p.Key] == "text":
			n.Content = append(n.Content, text(p.Key), text(p.Value))
			continue
		}
		value, err := decode.Parse(field, []byte(p.Value))
		if err != nil {
			problems = append(problems, Problem{Field: field, Message: problemsOf(err, side)[0].Message})
			continue
		}
		n.Content = append(n.Content, text(p.Key), value)
	}
	return n, problems
}

// problemsOf turns the decoder's mistakes into problems of one side's fields.
func problemsOf(err error, side string) []Problem {
	var all decode.Errors
	errors.As(err, &all)
	var problems []Problem
	for _, e := range all {
		field := side
		if key, _, _ := strings.Cut(e.Key, "."); key != "" && key != "kind" {
			field = side + "." + key
		}
		if e.Key == lambdaKey {
			field = lambdaKey
		}
		column := 0
		if match := character.FindStringSubmatch(e.Wrong); match != nil {
			column, _ = strconv.Atoi(match[1])
		}
		e.File, e.Line, e.Key = "", 0, "" // which the page shows by its layout
		problems = append(problems, Problem{Field: field, Message: strings.TrimPrefix(e.Error(), ": "), Column: column})
	}
	return problems
}

// character is how a formula's mistakes say where they are.
var character = regexp.MustCompile(`^at character (\d+): `)
