// Package expression compiles formulas that a user writes, such as "softplus(-(c - r)) + 0.1*relu(ref_c - c)", into
// programs that give a whole batch's values and its exact first and second derivatives.
//
// The road is source -> tree (expr-lang's parser) -> graph -> tape. The graph holds the value and, by reverse-mode
// differentiation carried out on the graph itself, its derivatives; equal nodes are one node, and each program keeps only
// what its outputs need. A tape runs one loop an instruction over the batch and allocates nothing.
//
// Functions stand in one table (functions.go), functionals of distributions in another (functionals.go). The language has
// numbers, names, parentheses, + - * / and ^ or **, which is right-associative (-x^2 is -(x^2)), and calls of the functions
// of the table. PyTorch's spelling means the same: torch.sigmoid(x), F.logsigmoid(x), x.mean().detach(), torch.clamp(x,
// min=0), self.beta.
//
// Nothing is simplified that would change a rounding, constants folded apart: log(1 + exp(x)) overflows where
// softplus(x) does not. Constant powers 0 to 4 are multiplied out. At kinks relu and abs have slope
// 0, clamp 1, and of min's and max's arguments that tie the first has slope 1, the rest 0. A branch not taken has slope
// exactly 0 even where its own slope is infinite; other derivatives that overflow on the way are infinite or NaN, never
// silently 0.
package expression

import (
	"fmt"
	"math"
	"slices"

	"github.com/expr-lang/expr/ast"
)

// Scope says what the names in an expression stand for.
type Scope struct {
	Columns     []string     // one value a row (a pair, a response)
	Scalars     []string     // one value a call, such as lambda
	Definitions []Definition // names for expressions of the above and of earlier definitions
	Batch       bool         // whether rows are those of a batch, of which mean, std, ema and the like are taken
}

// Definition gives an expression a name. Derivatives pass through it. If the body is exp(x), then log of the name is x
// and its powers are exponentials of multiples of x, without the overflow on the way.
type Definition struct{ Name, Body string }

// Expression is a parsed formula, not to be changed.
type Expression struct {
	formula
	scope       Scope
	definitions []ast.Node // their bodies, in the scope's order
}

// formula is what was read, of either language.
type formula struct{ tree ast.Node }

// Parse reads an expression. A mistake in the source is an *[Error]; a scope with a name that is no [ValidName] or that
// stands for two things, or with a definition that cannot be read, is another error.
func Parse(source string, scope Scope) (*Expression, error) {
	all := slices.Concat(scope.Columns, scope.Scalars)
	for _, d := range scope.Definitions {
		all = append(all, d.Name)
	}
	if err := checkNames(all, nil); err != nil {
		return nil, err
	}
	words := &vocabulary{variables: slices.Concat(scope.Columns, scope.Scalars), table: standard(), batch: scope.Batch}
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
func (f formula) String() string { return f.tree.String() }

// Kinked says whether a function or functional with a kink is called: abs, clamp, max, min, relu, tv.
func (f formula) Kinked() bool { return callsOne(f.tree, kinked) }

// Held says whether a part is held back, by stopgrad or ema, so that the derivatives are not those of the value.
func (f formula) Held() bool { return callsOne(f.tree, held) }

// HeldRows says whether stopgrad holds back what varies from row to row, and not statistics of the batch alone.
func (e *Expression) HeldRows() bool {
	g := newGraph()
	for r, needed := range g.live([]ref{e.build(g)}) {
		if n := g.nodes[r]; needed && n.fn != nil && n.fn.name == "stopgrad" && g.column[n.args[0]] {
			return true
		}
	}
	return false
}

// What has a kink, what holds a part back, and what remembers earlier steps.
var (
	kinked = []string{"abs", "clamp", "max", "min", "relu", "tv"}
	held   = []string{"stopgrad", "ema"}
)

// Columns returns the columns that the expression reads, through definitions too, in the scope's order. The others may
// be nil when it is evaluated.
func (e *Expression) Columns() []string {
	g := newGraph()
	out := e.build(g)
	needed := g.live(append(g.inputs(), out))
	var names []string
	for slot, name := range e.scope.Columns {
		if r := g.columnAt(slot); int(r) < len(needed) && needed[r] {
			names = append(names, name)
		}
	}
	return names
}

// build adds the expression to a graph, with 1 for some columns.
func (e *Expression) build(g *graph, ones ...string) ref {
	env := map[string]ref{}
	g.scalars = len(e.scope.Scalars)
	for slot, name := range e.scope.Columns {
		if env[name] = g.columnAt(slot); slices.Contains(ones, name) {
			env[name] = g.constant(1)
		}
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

// ShiftInvariant says whether adding one number to all of the given columns at once leaves the value and the
// derivatives as they are, as far as the form of the expression shows it: true for c - r and anything made of it alone.
// A policy's normalizer then cancels, so raw scores will do for log-probabilities. It can miss an invariance that takes
// algebra to see (lambda*c - lambda*r) but never claims one that is not there. The columns in ones are taken to be 1.
func (e *Expression) ShiftInvariant(columns []string, ones ...string) bool {
	g := newGraph()
	out := e.build(g, ones...)
	values, slopes := make([]float64, out+1), make([]float64, out+1)
	for r := range values {
		n := g.nodes[r]
		if n.leaf == scalarLeaf && n.slot >= g.scalars { // prompts move by different numbers, so that none of them may
			if of := g.statistics[n.slot-g.scalars].of; of != none && (values[of] != 0 || slopes[of] != 0) {
				values[r], slopes[r] = math.NaN(), math.NaN()
			}
		} else if n.fn != nil {
			values[r] = g.shift(n, values)
			slopes[r] = g.shift(n, slopes)
			if n.fn.pull == nil {
				slopes[r] = 0
			}
		} else if n.leaf == columnLeaf && slices.Contains(columns, e.scope.Columns[n.slot]) {
			values[r], slopes[r] = 1, 1
		}
	}
	return values[out] == 0 && slopes[out] == 0
}

// shift returns by how much a call's value moves when its arguments move by the given amounts, NaN if that is not a
// constant.
func (g *graph) shift(n node, moves []float64) float64 {
	a := moves[n.args[0]]
	b := a
	if n.args[1] != none {
		b = moves[n.args[1]]
	}
	switch n.fn.name {
	case "+":
		return a + b
	case "-":
		return a - b
	case "-x":
		return -a
	case "stopgrad":
		return a
	case "max'", "min'":
		if a == b {
			return a
		}
	case "*":
		if factor, constant := g.constantValue(n.args[0]); constant {
			return factor * b
		}
		if factor, constant := g.constantValue(n.args[1]); constant {
			return factor * a
		}
	case "/":
		if divisor, constant := g.constantValue(n.args[1]); constant {
			return a / divisor
		}
	}
	if a == 0 && b == 0 {
		return 0
	}
	return math.NaN()
}
