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
	count  int // of its numbers
	whole  bool
	values []float64 // none where it is not given
	set    func(values []float64)
}

// settings lists the keys in the order of the fragment. Bounds are those of the config's keys, or tighter.
func (s *State) settings() []setting {
	number := func(key, bounds string, to *float64) setting {
		return setting{key, interval(bounds), 1, false, []float64{*to}, func(v []float64) { *to = v[0] }}
	}
	whole := func(key, bounds string, to *int) setting {
		return setting{key, interval(bounds), 1, true, []float64{float64(*to)}, func(v []float64) { *to = int(v[0]) }}
	}
	each := func(key, bounds string, to *[]float64) setting { // one number a response
		return setting{key, interval(bounds), responses, false, *to, func(v []float64) { *to = v }}
	}
	return []setting{
		each("star", "(0,1)", &s.Star),
		each("ref", "(0,1)", &s.Ref),
		number("lambda", "[1e-100,1e100]", &s.Lambda),
		whole("n", fmt.Sprintf("[0,%d]", mostDraws), &s.Draws),
		whole("seed", "[0,1e15]", &s.Seed),
		number("l2", "[0,1e12]", &s.L2),
		number("kl", "[0,1e6]", &s.KLRadius),
		each("basis", "[-1e6,1e6]", &s.Basis),
		number("lr", "(0,1e3]", &s.LearnRate),
		whole("steps", fmt.Sprintf("[1,%d]", mostSteps), &s.Steps),
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
	wrong := func(field, message string) { problems = append(problems, Problem{Field: field, Message: message}) }
	keys := make([]string, 0, len(values))
	for _, f := range s.settings() {
		keys = append(keys, f.key)
		if texts, given := values[f.key]; given {
			if message := f.read(texts); message != "" {
				wrong(f.key, message)
			}
			delete(values, f.key)
		}
	}
	for _, pi := range s.settings()[:2] {
		if sum := floats.Sum(pi.values); math.Abs(sum-1) > 1e-6 {
			wrong(pi.key, fmt.Sprintf("sums to %.9g; want probabilities that sum to 1", sum))
		}
	}
	if s.Basis != nil && floats.Max(s.Basis) == floats.Min(s.Basis) {
		wrong("basis", "is constant, which moves no policy; want entries that differ")
	}
	var losses []Loss
	for i, side := range sides {
		keys = append(keys, side, side+".PARAMETER")
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
		if i > len(losses) {
			wrong(side, "is given without a; want a first")
		}
		losses = append(losses, l)
	}
	if losses != nil {
		s.Losses = losses
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		wrong(key, "is not a key; want "+strings.Join(keys, ", "))
	}
	return s, problems
}

// read takes the values of a key. It returns what is wrong with them, and what is allowed.
func (f *setting) read(texts []string) (wrong string) {
	want := "a number"
	switch {
	case f.whole:
		want = "a whole number"
	case f.count > 1:
		want = fmt.Sprintf("%d numbers", f.count)
	}
	var v []float64
	for part := range strings.SplitSeq(texts[0], ",") {
		x, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil || f.whole && x != math.Trunc(x) || !f.bounds.Contains(x) {
			return fmt.Sprintf("is %q; want %s in %s", texts[0], want, f.bounds)
		}
		v = append(v, x)
	}
	if len(texts) > 1 || len(v) != f.count {
		return fmt.Sprintf("has %d values; want %s in %s", max(len(texts), len(v)), want, f.bounds)
	}
	f.set(v)
	return ""
}

// Fragment writes the state for the page's address. ParseState reads the same state back.
func (s State) Fragment() string {
	var parts []string
	add := func(key, value string) {
		parts = append(parts, key+"="+strings.ReplaceAll(url.QueryEscape(value), "%2C", ",")) // commas stay legible
	}
	for _, f := range s.settings() {
		var texts []string
		for _, v := range f.values {
			texts = append(texts, formatFloat(v))
		}
		if texts != nil {
			add(f.key, strings.Join(texts, ","))
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

// label names a loss in the config: by its kind, and by its side where both are of one kind.
func (s State) label(i int) string {
	kind := canonical(s.Losses[i].Kind)
	if len(s.Losses) > 1 && kind == canonical(s.Losses[1-i].Kind) {
		return kind + " " + sides[i]
	}
	return kind
}
