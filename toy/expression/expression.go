// Package expression compiles formulas that a user writes, such as "softplus(-(c - r)) + 0.1*relu(ref_c - c)", into
// programs that give a whole batch's values and its exact first and second derivatives.
//
// The road is source -> tree (parser) -> graph -> tape. The graph holds the value and, by reverse-mode differentiation
// carried out on the graph itself, its derivatives; equal nodes are one node, and each program keeps only what its
// outputs need. A tape runs one loop an instruction over the batch and allocates nothing.
//
// Functions stand in one table (functions.go), functionals of distributions in another (functionals.go). The language:
//
//	1  0.5  1e-3              numbers
//	+  -  *  /  ^             from the loosest to the tightest; ^ is right-associative, -x^2 is -(x^2)
//	sigmoid logsigmoid softplus exp log log1p expm1 log1mexp sqrt tanh relu square abs    of one argument
//	min max                   of two or more
//	clamp(x, low, high)       min(max(x, low), high)
//	stopgrad(x)               x, taken for a constant by derivatives
//
// Nothing is simplified that would change a rounding, constants folded apart: log(1 + exp(x)) overflows where
// softplus(x) does not. Constant powers 0 to 4 are multiplied out. At kinks relu and abs have slope
// 0, clamp 1, and of min's and max's arguments that tie the first has slope 1, the rest 0. A branch not taken has slope
// exactly 0 even where its own slope is infinite; other derivatives that overflow on the way are infinite or NaN, never
// silently 0.
package expression

import (
	"fmt"
	"slices"
)

// Scope says what the names in an expression stand for.
type Scope struct {
	Columns     []string     // one value a row (a pair, a response)
	Scalars     []string     // one value a call, such as lambda
	Definitions []Definition // names for expressions of the above and of earlier definitions
}

// Definition gives an expression a name. Derivatives pass through it. If the body is exp(x), then log of the name is x
// and its powers are exponentials of multiples of x, without the overflow on the way.
type Definition struct{ Name, Body string }

// Expression is a parsed formula, not to be changed.
type Expression struct {
	scope       Scope
	tree        *tree
	definitions []*tree // their bodies, in the scope's order
}

// Parse reads an expression. A mistake in the source is an *[Error]; a scope with a name that is no [ValidName] or that
// stands for two things, or with a definition that cannot be read, is another error.
func Parse(source string, scope Scope) (*Expression, error) {
	if err := scope.check(); err != nil {
		return nil, err
	}
	words := &vocabulary{variables: slices.Concat(scope.Columns, scope.Scalars), table: newTable()}
	e := &Expression{scope: scope}
	for _, d := range scope.Definitions {
		body, err := parse(d.Body, words)
		if err != nil {
			return nil, fmt.Errorf("the definition of %s: %w", d.Name, err)
		}
		e.definitions = append(e.definitions, body)
		words.variables = append(words.variables, d.Name)
	}
	t, err := parse(source, words)
	if err != nil {
		return nil, err
	}
	e.tree = t
	return e, nil
}

// check refuses names that cannot be told apart.
func (s *Scope) check() error {
	all := slices.Concat(s.Columns, s.Scalars)
	for _, d := range s.Definitions {
		all = append(all, d.Name)
	}
	return checkNames(all, nil)
}

// checkNames refuses words that are no names or stand there twice, or are taken.
func checkNames(words, taken []string) error {
	for i, name := range words {
		if !ValidName(name) {
			return fmt.Errorf("%q cannot name a variable; want letters, digits and _, and no function's name", name)
		}
		if slices.Contains(words[:i], name) || slices.Contains(taken, name) {
			return fmt.Errorf("%q names two things", name)
		}
	}
	return nil
}

// String is the canonical form, which reads back as the same expression.
func (e *Expression) String() string { return e.tree.String() }

// Variables returns the names that the source uses, in the scope's order.
func (e *Expression) Variables() []string {
	used := map[string]bool{}
	e.tree.walk(func(t *tree) { used[t.name] = used[t.name] || t.form == variableForm })
	var names []string
	for _, name := range slices.Concat(e.scope.Columns, e.scope.Scalars) {
		if used[name] {
			names = append(names, name)
		}
	}
	for _, d := range e.scope.Definitions {
		if used[d.Name] {
			names = append(names, d.Name)
		}
	}
	return names
}

// Columns returns the columns that the expression reads, through definitions too, in the scope's order. The others may
// be nil when it is evaluated.
func (e *Expression) Columns() []string {
	g := newGraph()
	needed := g.live([]ref{e.build(g)})
	var names []string
	for slot, name := range e.scope.Columns {
		if r := g.columnAt(slot); int(r) < len(needed) && needed[r] {
			names = append(names, name)
		}
	}
	return names
}

// build adds the expression to a graph.
func (e *Expression) build(g *graph) ref {
	env := map[string]ref{}
	for slot, name := range e.scope.Columns {
		env[name] = g.columnAt(slot)
	}
	for slot, name := range e.scope.Scalars {
		env[name] = g.scalarAt(slot)
	}
	lookup := func(name string) ref { return env[name] }
	for i, d := range e.scope.Definitions {
		r := g.build(e.definitions[i], lookup)
		env[d.Name] = r
		if n := g.nodes[r]; n.fn != nil && n.fn.name == "exp" {
			g.ratios[r] = n.args[0]
		}
	}
	return g.build(e.tree, lookup)
}
