package spec

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"windtunnel/experiments/spec/decode"
	"windtunnel/metrics/tables"
)

// value is what a row of a sweep gives one key.
type value struct {
	node  *decode.Node // nil where the row leaves the key alone
	text  string       // as it stands in tables and names; "" where there is no node
	typed any          // as conditions have it: an int, a float64, a bool, a string, or nil where there is no node
}

// written are values that stand in the config.
func written(nodes []*decode.Node) []value {
	all := make([]value, len(nodes))
	for i, n := range nodes {
		if n != nil {
			text := cellText(n)
			all[i] = value{n, text, typed(n, text)}
		}
	}
	return all
}

func typed(n *decode.Node, text string) any {
	if n.Kind != yaml.ScalarNode || n.Style != 0 {
		return text
	}
	if v, err := strconv.Atoi(text); err == nil {
		return v
	}
	if v, err := strconv.ParseFloat(text, 64); err == nil {
		return v
	}
	if v, err := strconv.ParseBool(text); err == nil && n.ShortTag() == "!!bool" {
		return v
	}
	return text
}

// numbers are values that the node from describes, at its position.
func numbers[T int | float64](list []T, from *decode.Node) []value {
	all := make([]value, len(list))
	for i, v := range list {
		n := decode.Encode(v, nil)
		if at := from.Source(); at != nil {
			n.File, n.Line, n.Column = at.File, at.Line, at.Column
		}
		all[i] = value{n, n.Value, v}
	}
	return all
}

// cellText writes a swept value as it stands in tables and names: numbers in their shortest form, lists and mappings on
// one line.
func cellText(n *decode.Node) string {
	var parts []string
	switch n.Kind {
	case yaml.SequenceNode:
		for _, entry := range n.Content {
			parts = append(parts, cellText(entry))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case yaml.MappingNode:
		for key, v := range n.Pairs() {
			parts = append(parts, key.Value+": "+cellText(v))
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
	// An unquoted 1e5 is a number here although YAML 1.1 takes it for text.
	if v, err := strconv.ParseFloat(n.Value, 64); err == nil && n.Style == 0 {
		return tables.FormatFloat(v)
	}
	return n.Value
}

// values reads the values of one swept key: a list, or a logspace or linspace. They are nil after a mistake.
func (l *loader) values(key string, n *decode.Node) []value {
	switch n.Kind {
	case yaml.SequenceNode:
		if len(n.Content) > 0 {
			return written(n.Content)
		}
	case yaml.MappingNode:
		return l.spacedValues(key, n)
	}
	l.fail(l.Error(n, key, decode.Got(n), "a list of at least one value, "+spacedForms))
	return nil
}

const spacedForms = "{logspace: {from, to, num, base}}, {geomspace: {from, to, num}} or {linspace: {from, to, num}}"

func (l *loader) spacedValues(key string, n *decode.Node) []value {
	if len(n.Content) == 2 && n.Content[1].Kind == yaml.SequenceNode { // as numpy takes them
		l.fail(l.Error(n.Content[1], key+"."+n.Content[0].Value, decode.Got(n.Content[1]), spacedForms))
		return nil
	}
	var s spaced
	if err := l.Decode(n, key, &s); err != nil {
		l.fail(err)
		return nil
	}
	var num int
	var value func(i int) float64
	switch e, g, lin := s.Logspace, s.Geomspace, s.Linspace; {
	case len(n.Content) != 2:
		l.fail(l.Error(n, key, "needs exactly one of logspace, geomspace and linspace", spacedForms))
		return nil
	case e != nil:
		num, value = e.Num, func(i int) float64 { return e.Base.power(at(e.From, e.To, i, num)) }
	case lin != nil:
		num, value = lin.Num, func(i int) float64 { return at(lin.From, lin.To, i, num) }
	case !(g.From > 0 && g.To > 0):
		l.fail(l.Error(decode.Lookup(n, "geomspace"), key+".geomspace", "has an end that is not above 0", "the first and the last value, above 0"))
		return nil
	default:
		num, value = g.Num, func(i int) float64 {
			if i == 0 || i == num-1 {
				return at(g.From, g.To, i, num)
			}
			return min(max(g.From, g.To), max(min(g.From, g.To), math.Exp(at(math.Log(g.From), math.Log(g.To), i, num))))
		}
	}
	if l.tooManyRows(num) {
		return nil
	}
	list := make([]float64, num)
	for i := range list {
		list[i] = value(i)
	}
	if e := s.Logspace; e != nil && e.From > 0 && e.From != math.Trunc(e.From) && e.To >= 10*e.From {
		l.warn(fmt.Sprintf("%s.logspace: from and to are exponents, and the values go from %s to %s; {geomspace: {from: %s, to: %s, num: %d}} takes the values themselves",
			key, tables.FormatFloat(list[0]), tables.FormatFloat(list[len(list)-1]), tables.FormatFloat(e.From), tables.FormatFloat(e.To), e.Num))
	}
	return numbers(list, n)
}

// tooManyRows refuses more values than a plan may have runs.
func (l *loader) tooManyRows(rows int) bool {
	if rows > mostRuns {
		l.tooMany(fmt.Sprintf("at least %d", rows))
	}
	return rows > mostRuns
}

// spaced is a computed list of values.
type spaced struct {
	Logspace  *Logspace  `yaml:"logspace" doc:"num values from base^from to base^to, evenly spaced in the exponent, ends included"`
	Geomspace *Geomspace `yaml:"geomspace" doc:"num values from from to to, each the same multiple of the one before, ends included"`
	Linspace  *Linspace  `yaml:"linspace" doc:"num values from from to to, evenly spaced, ends included"`
}

// OrList lets a plain list stand in place of a computed one.
func (spaced) OrList() {}

// Logspace describes values that are evenly spaced in the exponent, as numpy.logspace does.
type Logspace struct {
	From float64 `yaml:"from" required:"true" range:"[-300,300]" doc:"exponent of the first value"`
	To   float64 `yaml:"to" required:"true" range:"[-300,300]" doc:"exponent of the last value"`
	Num  int     `yaml:"num" required:"true" range:"[1,1e6]" doc:"number of values"`
	Base Base    `yaml:"base" doc:"a number above 0, or e; default 10"`
}

// Linspace describes evenly spaced values, as numpy.linspace does.
type Linspace struct {
	From float64 `yaml:"from" required:"true" doc:"the first value"`
	To   float64 `yaml:"to" required:"true" doc:"the last value"`
	Num  int     `yaml:"num" required:"true" range:"[1,1e6]" doc:"number of values"`
}

// Geomspace describes values whose logarithms are evenly spaced, as numpy.geomspace does. From and To are above 0.
type Geomspace Linspace

// SetDefaults makes the exponents those of 10.
func (l *Logspace) SetDefaults() { l.Base = 10 }

// Base is the base of a Logspace.
type Base float64

// UnmarshalText reads a number above 0 and other than 1, or e.
func (b *Base) UnmarshalText(text []byte) error {
	v, err := strconv.ParseFloat(string(text), 64)
	if string(text) == "e" {
		v, err = math.E, nil
	}
	if err != nil || !(v > 0) || v == 1 || math.IsInf(v, 0) {
		return fmt.Errorf("a number above 0 other than 1, or e")
	}
	*b = Base(v)
	return nil
}

// MarshalText writes what UnmarshalText reads.
func (b Base) MarshalText() ([]byte, error) { return []byte(tables.FormatFloat(float64(b))), nil }

// power returns base^exponent. Whole powers of ten are the decimal numbers themselves, which math.Pow may miss by a
// rounding.
func (b Base) power(exponent float64) float64 {
	if b == math.E {
		return math.Exp(exponent)
	}
	if b == 10 && exponent == math.Trunc(exponent) {
		v, _ := strconv.ParseFloat(fmt.Sprintf("1e%d", int(exponent)), 64)
		return v
	}
	return math.Pow(float64(b), exponent)
}

// at returns the i-th of num values between from and to; the ends are exact.
func at(from, to float64, i, num int) float64 {
	if i == num-1 && i > 0 {
		return to
	}
	return from + float64(i)*(to-from)/float64(max(1, num-1))
}
