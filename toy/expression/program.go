package expression

import (
	"fmt"
	"slices"
)

// Program is a compiled expression. It keeps scratch and serves one goroutine; nothing allocates after Compile.
//
// In all its methods cols and scalars are in the order of the scope's lists, and every column that the expression reads
// has as many rows as the destinations, which must overlap neither the columns nor one another. Derivatives are by the
// columns that Compile was given, in that order.
type Program struct {
	value, grad, both, hess *tape

	destinations [][]float64 // scratch
}

// Compile prepares the evaluation of the expression and its derivatives by the given columns of the scope. It panics if
// one is not a column there.
func (e *Expression) Compile(wrt ...string) *Program {
	g := newGraph()
	out := e.build(g)
	by := make([]ref, len(wrt))
	for i, name := range wrt {
		slot := slices.Index(e.scope.Columns, name)
		if slot < 0 {
			panic(fmt.Sprintf("expression: %q is not a column of the scope", name))
		}
		by[i] = g.columnAt(slot)
	}
	p := &Program{value: g.record([]ref{out}), destinations: make([][]float64, 1+len(wrt))}
	if len(wrt) > 0 {
		slopes := g.gradient(out, by)
		p.grad = g.record(slopes)
		p.both = g.record(append([]ref{out}, slopes...))
		p.hess = g.record(g.curvature(slopes, by))
	}
	return p
}

// Value writes the expression's value in each row to dst.
func (p *Program) Value(cols [][]float64, scalars []float64, dst []float64) {
	p.destinations[0] = dst
	p.value.run(cols, scalars, p.destinations[:1])
}

// Grad writes the first derivatives in each row to dcols, one column a variable. It does not work out what only the
// value needs.
func (p *Program) Grad(cols [][]float64, scalars []float64, dcols [][]float64) {
	p.grad.run(cols, scalars, dcols)
}

// ValueGrad is Value and Grad at once, for less than the two together. The results agree with theirs to rounding.
func (p *Program) ValueGrad(cols [][]float64, scalars []float64, dst []float64, dcols [][]float64) {
	p.destinations[0] = dst
	copy(p.destinations[1:], dcols)
	p.both.run(cols, scalars, p.destinations)
}

// Hess writes the second derivatives in each row to hess: the upper triangle row by row, so d^2/dx^2, d^2/dxdy, d^2/dy^2
// for two variables and one column for one. What stopgrad hides is a constant here too.
func (p *Program) Hess(cols [][]float64, scalars []float64, hess [][]float64) {
	p.hess.run(cols, scalars, hess)
}
