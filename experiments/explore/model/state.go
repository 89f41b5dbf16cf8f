package model

import (
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/floats"

	"windtunnel/experiments/spec/decode"
)

// responses is K: the explorer draws the simplex of three.
const responses = 3

// State is what a reader of the page chooses. The page's address holds it, see Fragment.
type State struct {
	Star, Ref []float64 // pi_star and pi_ref, each three probabilities in (0, 1) that sum to 1
	Lambda    float64   // of every loss that has one, [1e-100, 1e100]
	Draws     int       // of pairs, see preference.Sample; 0 is the exact population
	Seed      int       // of the draws
	L2        float64   // see train.Constraint
	KLRadius  float64   // see train.Constraint; above 0 there is no exact solver, training gives the policy
	Basis     []float64 // nil: all policies; else those with logits log pi_ref + z Basis, three entries
	LearnRate float64   // Adam's, of the trajectory
	Steps     int       // of the trajectory, each on all comparisons
	Losses    []Loss    // one, or two side by side
}

// Loss is a loss as it is written, with the parameters that it gives.
type Loss struct {
	Kind   string
	Params []Param // sorted by key
}

// Param is a parameter of a loss: the key and its value, YAML but for texts, which are written as they are.
type Param struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Problem is something wrong with a state.
type Problem struct {
	Field   string `json:"field"`   // key of the fragment: "lambda", "a", "a.pair"
	Message string `json:"message"` // one sentence with what is allowed
	Column  int    `json:"column"`  // of a mistake in a formula, from 1; else 0
}

// Default returns the state of a page without a fragment: the paper's three responses, DPO beside TYPO.
func Default() State {
	return State{
		Star: []float64{0.6, 0.3, 0.1}, Ref: []float64{0.4, 0.4, 0.2}, Lambda: 0.1, LearnRate: 0.05, Steps: 300,
		Losses: []Loss{{Kind: "dpo"}, {Kind: "typo"}},
	}
}

// What a state may hold, so that an answer takes milliseconds.
const (
	mostFragment = 16 << 10
	mostDraws    = 1000
	mostSteps    = 2000
	mostLosses   = 2
)

// sides are the keys of the losses.
var sides = [mostLosses]string{"a", "b"}

// setting is a key of the fragment that holds numbers.
type setting struct {
	key    string
	bounds decode.Interval
	field  any // of a State: *float64, *int, or *[]float64 for one number a response, nil where it is not given
}

// settings lists the keys in the order of the fragment. Bounds are those of the config's keys, or tighter.
func (s *State) settings() []setting {
	return []setting{
		{"star", interval("(0,1)"), &s.Star},
		{"ref", interval("(0,1)"), &s.Ref},
		{"lambda", interval("[1e-100,1e100]"), &s.Lambda},
		{"n", interval(fmt.Sprintf("[0,%d]", mostDraws)), &s.Draws},
		{"seed", interval("[0,1e15]"), &s.Seed},
		{"l2", interval("[0,1e12]"), &s.L2},
		{"kl", interval("[0,1e6]"), &s.KLRadius},
		{"basis", interval("[-1e6,1e6]"), &s.Basis},
		{"lr", interval("(0,1e3]"), &s.LearnRate},
		{"steps", interval(fmt.Sprintf("[1,%d]", mostSteps)), &s.Steps},
	}
}

// interval is the interval of a text that is known to be one.
func interval(text string) decode.Interval {
	r, err := decode.ParseInterval(text)
	if err != nil {
		panic(err)
	}
	return r
}

// ParseState reads a fragment (without its #): keys and values as in the query of a URL. Keys that are not given have
// their defaults; losses, if any is given, are those given. With problems, the state holds what could be read.
func ParseState(fragment string) (State, []Problem) {
	s := Default()
	if len(fragment) > mostFragment {
		return s, []Problem{{Field: "fragment", Message: fmt.Sprintf("has %d bytes; want at most %d", len(fragment), mostFragment)}}
	}
	values, err := url.ParseQuery(fragment)
	if err != nil {
		return s, []Problem{{Field: "fragment", Message: "cannot be read: " + err.Error()}}
	}
	var problems []Problem
	keys := make([]string, 0, len(values))
	for _, f := range s.settings() {
		keys = append(keys, f.key)
		if texts, given := values[f.key]; given {
			problems = append(problems, f.read(texts)...)
			delete(values, f.key)
		}
	}
	for _, side := range sides {
		keys = append(keys, side, side+".PARAMETER")
	}
	problems = append(problems, s.readLosses(values)...)
	for _, key := range slices.Sorted(maps.Keys(values)) {
		problems = append(problems, Problem{Field: key, Message: "is not a key; want " + strings.Join(keys, ", ")})
	}
	return s, problems
}

// numbers returns the setting's values: one or, of a vector, one a response; nil where they are not given.
func (f *setting) numbers() []float64 {
	switch v := f.field.(type) {
	case *int:
		return []float64{float64(*v)}
	case *float64:
		return []float64{*v}
	}
	return *f.field.(*[]float64)
}

// text writes the setting's values, "" where they are not given.
func (f *setting) text() string {
	var texts []string
	for _, x := range f.numbers() {
		texts = append(texts, formatFloat(x))
	}
	return strings.Join(texts, ",")
}

// count is how many values the setting has.
func (f *setting) count() int {
	if _, vector := f.field.(*[]float64); vector {
		return responses
	}
	return 1
}

// read sets the field from the values of a key.
func (f *setting) read(texts []string) []Problem {
	parts := strings.Split(texts[0], ",")
	v := make([]float64, len(parts))
	_, whole := f.field.(*int)
	for i, part := range parts {
		x, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil || whole && x != math.Trunc(x) || !f.bounds.Contains(x) {
			return []Problem{f.problem(fmt.Sprintf("is %q", texts[0]))}
		}
		v[i] = x
	}
	if len(texts) > 1 || len(v) != f.count() {
		return []Problem{f.problem(fmt.Sprintf("has %d values", max(len(texts), len(v))))}
	}
	switch field := f.field.(type) {
	case *int:
		*field = int(v[0])
	case *float64:
		*field = v[0]
	case *[]float64:
		*field = v
	}
	return nil
}

// problem says what the setting allows.
func (f *setting) problem(wrong string) Problem {
	what := "a number"
	switch f.field.(type) {
	case *int:
		what = "a whole number"
	case *[]float64:
		what = fmt.Sprintf("%d numbers", responses)
	}
	return Problem{Field: f.key, Message: fmt.Sprintf("%s; want %s in %s", wrong, what, f.bounds)}
}

// readLosses takes the keys of losses out of the values.
func (s *State) readLosses(values url.Values) []Problem {
	var losses []Loss
	var problems []Problem
	for _, side := range sides {
		kind, given := values[side]
		if !given {
			continue
		}
		delete(values, side)
		l := Loss{Kind: kind[0]}
		for _, key := range slices.Sorted(maps.Keys(values)) {
			if name, ok := strings.CutPrefix(key, side+"."); ok {
				l.Params = append(l.Params, Param{name, values[key][0]})
				delete(values, key)
			}
		}
		if side == sides[1] && len(losses) == 0 {
			problems = append(problems, Problem{Field: side, Message: "is given without a; want a first"})
		}
		losses = append(losses, l)
	}
	if losses != nil {
		s.Losses = losses
	}
	return problems
}

// Fragment writes the state for the page's address. ParseState reads the same state back.
func (s State) Fragment() string {
	var parts []string
	add := func(key, value string) {
		parts = append(parts, key+"="+strings.ReplaceAll(url.QueryEscape(value), "%2C", ",")) // commas stay legible
	}
	for _, f := range s.settings() {
		if text := f.text(); text != "" {
			add(f.key, text)
		}
	}
	for i, l := range s.Losses {
		add(sides[i], l.Kind)
		for _, p := range l.Params {
			add(sides[i]+"."+url.QueryEscape(p.Key), p.Value)
		}
	}
	return strings.Join(parts, "&")
}

// formatFloat writes the shortest text that reads back to the same float64.
func formatFloat(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// Check returns what is wrong with a state that was not read, or that holds together badly.
func (s State) Check() []Problem {
	var problems []Problem
	for _, f := range s.settings() {
		text := f.text()
		if text == "" && f.key == "basis" {
			continue
		}
		wrong := f.read([]string{text})
		if sum := floats.Sum(f.numbers()); wrong == nil && (f.key == "star" || f.key == "ref") && math.Abs(sum-1) > 1e-6 {
			wrong = []Problem{{Field: f.key, Message: fmt.Sprintf("sums to %.9g; want probabilities that sum to 1", sum)}}
		}
		problems = append(problems, wrong...)
	}
	if s.Basis != nil && floats.Max(s.Basis) == floats.Min(s.Basis) {
		problems = append(problems, Problem{Field: "basis", Message: "is constant, which moves no policy; want entries that differ"})
	}
	if len(s.Losses) < 1 || len(s.Losses) > mostLosses {
		problems = append(problems, Problem{Field: sides[0], Message: fmt.Sprintf("%d losses; want one or two", len(s.Losses))})
	}
	return problems
}

// label names a loss in the config: by its kind, and by its side where both are of one kind.
func (s State) label(i int) string {
	kind := canonical(s.Losses[i].Kind)
	if len(s.Losses) > 1 && kind == canonical(s.Losses[1-i].Kind) {
		return kind + " " + sides[i]
	}
	return kind
}
