package model

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"windtunnel/experiments/spec/decode"
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
				k.Fields = append(k.Fields, describe(f))
			}
		}
		all = append(all, k)
	}
	return all
}

func describe(f decode.Field) Field {
	out := Field{Key: f.Key, Type: f.Type, Default: f.Default, Allowed: f.Allowed, Doc: f.Doc}
	switch {
	case f.Type == "true or false":
		out.Words = []string{"true", "false"}
	case f.Allowed != "" && f.Allowed[0] != '(' && f.Allowed[0] != '[':
		out.Words, out.Allowed = strings.Split(f.Allowed, ", "), ""
	}
	return out
}

// canonical returns a kind's name for any of its spellings; what is no kind stays as it is.
func canonical(kind string) string {
	if k, ok := objective.Kinds().Find(kind); ok {
		return k.Name
	}
	return kind
}

// decoded is a loss that can be built.
type decoded struct {
	kind   string
	params objective.Params
}

// decode reads a loss of one side with the state's lambda.
func (s State) decode(l Loss, side string) (decoded, []Problem) {
	return s.decodeAt(l, side, s.Lambda)
}

// decodeAt reads a loss with another lambda.
func (s State) decodeAt(l Loss, side string, lambda float64) (decoded, []Problem) {
	node, problems := l.node(side, lambda)
	if len(problems) > 0 {
		return decoded{}, problems
	}
	var doc struct {
		Loss objective.Params `yaml:",kind"`
	}
	reader := decode.Decoder{File: side, Tables: tables}
	if err := reader.Decode(node, "", &doc); err != nil {
		return decoded{}, problemsOf(err, side)
	}
	return decoded{canonical(l.Kind), doc.Loss}, nil
}

// node returns the loss as a config has it.
func (l Loss) node(side string, lambda float64) (*decode.Node, []Problem) {
	n := mapping("kind", text(l.Kind))
	types := map[string]string{}
	if k, ok := objective.Kinds().Find(l.Kind); ok {
		for _, f := range decode.Fields(k.New(), tables) {
			for _, key := range append([]string{f.Key}, f.Aliases...) {
				types[key] = f.Type
			}
			if f.Key == lambdaKey {
				n.Content = append(n.Content, text(lambdaKey), plain(formatFloat(lambda)))
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
			problems = append(problems, Problem{Field: field, Message: messageOf(err)})
			continue
		}
		flow(value)
		n.Content = append(n.Content, text(p.Key), value)
	}
	return n, problems
}

// problemsOf turns the decoder's mistakes into problems of one side's fields.
func problemsOf(err error, side string) []Problem {
	var all decode.Errors
	if !errors.As(err, &all) {
		return []Problem{{Field: side, Message: err.Error()}}
	}
	var problems []Problem
	for _, e := range all {
		field := side
		if key, _, _ := strings.Cut(e.Key, "."); key != "" && key != "kind" {
			field = side + "." + key
		}
		if e.Key == lambdaKey {
			field = lambdaKey
		}
		problems = append(problems, Problem{Field: field, Message: sentence(e), Column: columnOf(e.Wrong)})
	}
	return problems
}

// character is how a formula's mistakes say where they are.
var character = regexp.MustCompile(`^at character (\d+): `)

// columnOf returns the place that a formula's mistake names, 0 if none.
func columnOf(wrong string) int {
	match := character.FindStringSubmatch(wrong)
	if match == nil {
		return 0
	}
	column, _ := strconv.Atoi(match[1])
	return column
}

// sentence writes a mistake without file, line and key, which a page shows by where it stands.
func sentence(e decode.Error) string {
	out := e.Wrong
	if e.Allowed != "" {
		out += "; want " + e.Allowed
	}
	if e.Near != "" {
		out += fmt.Sprintf("; did you mean %q?", e.Near)
	}
	return out
}

// messageOf is sentence for the first mistake of an error.
func messageOf(err error) string {
	var all decode.Errors
	if errors.As(err, &all) {
		return sentence(all[0])
	}
	return err.Error()
}

// lambdaBounds returns the lambdas that a kind allows, and whether it has one.
func lambdaBounds(kind string) (decode.Interval, bool) {
	k, ok := objective.Kinds().Find(kind)
	if !ok {
		return decode.Interval{}, false
	}
	fields := decode.Fields(k.New(), tables)
	i := slices.IndexFunc(fields, func(f decode.Field) bool { return f.Key == lambdaKey })
	if i < 0 {
		return decode.Interval{}, false
	}
	return interval(fields[i].Allowed), true
}
