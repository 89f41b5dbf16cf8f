package expression

import (
	"math"
	"slices"
)

// ShiftInvariant says whether adding one number to all of the given columns at once leaves the value and the
// derivatives as they are, as far as the form of the expression shows it: true for c - r and anything made of it alone.
// A policy's normalizer then cancels, so raw scores will do for log-probabilities. It can miss an invariance that takes
// algebra to see (lambda*c - lambda*r) but never claims one that is not there.
func (e *Expression) ShiftInvariant(columns ...string) bool {
	g := newGraph()
	out := e.build(g)
	values, slopes := make([]float64, out+1), make([]float64, out+1)
	for r := range values {
		n := g.nodes[r]
		if n.fn != nil {
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
