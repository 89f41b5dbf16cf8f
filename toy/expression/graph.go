package expression

import (
	"math"

	"github.com/expr-lang/expr/ast"
)

// ref names a node of a graph: its index. Arguments come before the nodes that use them, so indices are a topological
// order.
type ref int32

// none is the derivative of what does not depend on the variable.
const none ref = -1

// node is one value of a graph. Equal nodes are stored once, which is what shares common subexpressions.
type node struct {
	leaf leaf
	bits uint64 // of a constant: its float64 bits, so that NaN equals itself
	slot int    // of a scalar or a column: its place in the caller's list
	fn   *function
	args [3]ref // fn's arguments, the rest none
}

// leaf tells nodes without arguments apart.
type leaf int

const (
	operation leaf = iota
	constantLeaf
	scalarLeaf
	columnLeaf
)

// graph is a set of values that depend on one another. The expression, its derivatives and theirs are all nodes of one
// graph, so a derivative shares with the value whatever the two have in common, and what no output needs is never
// computed.
type graph struct {
	table  table
	nodes  []node
	index  map[node]ref
	column []bool // whether a node varies over the batch
	// masked marks derivatives that a branch not taken makes zero, and probabilities. Their zero wins over an infinite
	// or undefined factor.
	masked []bool
	ratios map[ref]ref // exp(x) to x, where a definition says that the user's r is exp(x)
	given  map[ref]ref // a value to the column in which the caller hands it over

	scalars    int         // the caller's, after which those of the statistics come
	statistics []statistic // of the batch, each after what it reads
}

func newGraph() *graph {
	return &graph{table: standard(), index: map[node]ref{}, ratios: map[ref]ref{}, given: map[ref]ref{}}
}

// intern returns the node's place, adding it if it is new.
func (g *graph) intern(n node, column, masked bool) ref {
	if r, known := g.index[n]; known {
		return r
	}
	r := ref(len(g.nodes))
	g.nodes, g.column, g.masked = append(g.nodes, n), append(g.column, column), append(g.masked, masked)
	g.index[n] = r
	return r
}

func (g *graph) constant(v float64) ref {
	return g.intern(node{leaf: constantLeaf, bits: math.Float64bits(v), args: [3]ref{none, none, none}}, false, false)
}

// scalarAt is the caller's scalar in the given place.
func (g *graph) scalarAt(slot int) ref {
	return g.intern(node{leaf: scalarLeaf, slot: slot, args: [3]ref{none, none, none}}, false, false)
}

// columnAt is the caller's column in the given place.
func (g *graph) columnAt(slot int) ref {
	return g.intern(node{leaf: columnLeaf, slot: slot, args: [3]ref{none, none, none}}, true, false)
}

// constantValue returns the value of a constant node.
func (g *graph) constantValue(r ref) (float64, bool) {
	n := g.nodes[r]
	return math.Float64frombits(n.bits), n.leaf == constantLeaf
}

// is says whether the node is the given constant.
func (g *graph) is(r ref, v float64) bool {
	c, constant := g.constantValue(r)
	return constant && c == v
}

// call applies a function of the table. Constants are folded; nothing else is done that could change a rounding.
func (g *graph) call(name string, args ...ref) ref {
	fn := g.table[name]
	if fn.build != nil {
		if r := fn.build(g, args); r != none {
			return r
		}
	}
	if fn.kernel != nil {
		if r := g.fold(fn, args); r != none {
			return r
		}
	}
	return g.apply(fn, args)
}

// apply interns the call itself.
func (g *graph) apply(fn *function, args []ref) ref {
	n := node{fn: fn, args: [3]ref{none, none, none}}
	column := false
	for i, a := range args {
		n.args[i] = a
		column = column || g.column[a]
	}
	if fn.commutes && n.args[0] > n.args[1] {
		n.args[0], n.args[1] = n.args[1], n.args[0]
	}
	return g.intern(n, column, g.staysMasked(fn, args))
}

// staysMasked says whether a call's value is a masked derivative too: a branch's choice, a product with one, or a
// combination of nothing but such.
func (g *graph) staysMasked(fn *function, args []ref) bool {
	switch fn.name {
	case "less'", "notless'", "mask'":
		return true
	case "-x", "+", "-":
		for _, a := range args {
			if !g.masked[a] {
				return false
			}
		}
		return true
	}
	return false
}

// fold evaluates a call whose arguments are all constants, or returns none.
func (g *graph) fold(fn *function, args []ref) ref {
	var values [3]float64
	for i, a := range args {
		v, constant := g.constantValue(a)
		if !constant {
			return none
		}
		values[i] = v
	}
	return g.constant(fn.at(values))
}

// sum adds two derivatives, either of which may be none.
func (g *graph) sum(a, b ref) ref {
	switch {
	case a == none:
		return b
	case b == none:
		return a
	}
	return g.call("+", a, b)
}

// chain multiplies an adjoint by a local derivative; a factor of 1 or -1 costs no rounding, so it costs no loop either.
func (g *graph) chain(adjoint, slope ref) ref {
	switch {
	case adjoint == none || slope == none || g.is(slope, 0):
		return none
	case g.is(adjoint, 1):
		return slope
	case g.is(slope, 1):
		return adjoint
	case g.is(adjoint, -1):
		return g.call("-x", slope)
	case g.is(slope, -1):
		return g.call("-x", adjoint)
	case g.masked[adjoint]:
		return g.call("mask'", adjoint, slope)
	case g.masked[slope]:
		return g.call("mask'", slope, adjoint)
	}
	return g.call("*", adjoint, slope)
}

// arguments returns a node's arguments.
func (g *graph) arguments(r ref) []ref {
	n := &g.nodes[r]
	count := 0
	for count < len(n.args) && n.args[count] != none {
		count++
	}
	return append([]ref(nil), n.args[:count]...)
}

// build turns a tree into a node, its variables being looked up in env.
func (g *graph) build(t ast.Node, env func(name string) ref) ref {
	call := func(name string, nodes ...ast.Node) ref {
		args := make([]ref, len(nodes))
		for i, arg := range nodes {
			args[i] = g.build(arg, env)
		}
		return g.call(name, args...)
	}
	switch n := t.(type) {
	case *ast.FloatNode:
		return g.constant(n.Value)
	case *ast.UnaryNode:
		return call("-x", n.Node)
	case *ast.BinaryNode:
		return call(n.Operator, n.Left, n.Right)
	case *ast.CallNode:
		if name := nameOf(n); g.table[name] != nil {
			return call(name, n.Arguments...)
		}
	}
	return env(t.String()) // a variable or a functional
}

// gradient returns the derivatives of out by each of the nodes in wrt, none where out does not depend on it. It is
// reverse-mode differentiation carried out on the graph: each node hands its adjoint on to its arguments, times its
// local derivative. The result is nodes of the same graph, so it can be differentiated again.
func (g *graph) gradient(out ref, wrt []ref) []ref {
	depends := g.dependents(out, wrt)
	adjoint := make([]ref, out+1)
	for i := range adjoint {
		adjoint[i] = none
	}
	adjoint[out] = g.constant(1)
	for y := out; y >= 0; y-- {
		if adjoint[y] == none || !depends[y] {
			continue
		}
		fn, args := g.nodes[y].fn, g.arguments(y)
		for i, x := range args {
			if depends[x] {
				adjoint[x] = g.sum(adjoint[x], fn.pull(g, adjoint[y], args, y, i))
			}
		}
	}
	slopes := make([]ref, len(wrt))
	for i, x := range wrt {
		slopes[i] = none
		if x <= out {
			slopes[i] = adjoint[x]
		}
	}
	return slopes
}

// dependents says which nodes up to out change when one of those in wrt does. What stands in stopgrad does not count.
func (g *graph) dependents(out ref, wrt []ref) []bool {
	depends := make([]bool, out+1)
	for _, x := range wrt {
		if x <= out {
			depends[x] = true
		}
	}
	for y := range depends {
		fn := g.nodes[y].fn
		if fn == nil || fn.pull == nil {
			continue
		}
		for _, x := range g.arguments(ref(y)) {
			depends[y] = depends[y] || depends[x]
		}
	}
	return depends
}

// curvature returns the second derivatives of a value whose first derivatives by wrt are slopes: the upper triangle row
// by row, none where they vanish identically.
func (g *graph) curvature(slopes, wrt []ref) []ref {
	var upper []ref
	for i, slope := range slopes {
		row := make([]ref, len(wrt))
		for j := range row {
			row[j] = none
		}
		if slope != none {
			row = g.gradient(slope, wrt)
		}
		upper = append(upper, row[i:]...)
	}
	return upper
}
