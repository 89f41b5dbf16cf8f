package objective

import (
	"slices"
	"strings"

	"windtunnel/toy/expression"
)

// formula is a pair term that a formula gives.
type formula struct {
	program  *expression.Program
	scalars  []float64
	columns  [][]float64 // in the order of pairColumns
	shift    bool        // depends on c - r alone
	tokens   bool        // reads n_c or n_r
	ones     []float64
	value    []float64
	gradient [][]float64 // by c and by r
	second   [][]float64 // by cc, cr and rr
}

// newFormula returns the term; one that holds nothing back from differentiation has second derivatives.
func newFormula(e *expression.Expression, scalars []float64) PairTerm {
	f := &formula{program: e.Compile("c", "r"), scalars: scalars, columns: make([][]float64, len(pairColumns)),
		gradient: make([][]float64, 2), second: make([][]float64, 3), shift: e.ShiftInvariant("c", "r")}
	for _, name := range e.Columns() {
		f.tokens = f.tokens || name == "n_c" || name == "n_r"
	}
	if strings.Contains(e.String(), "stopgrad(") {
		return f
	}
	return curvedFormula{f}
}

// DifferenceOnly says whether the formula's form shows that it depends on c - r alone.
func (f *formula) DifferenceOnly() bool { return f.shift }

// PerToken says whether the formula reads token counts.
func (f *formula) PerToken() bool { return f.tokens }

// Loss returns the weighted sum of the formula's values.
func (f *formula) Loss(b *Batch) float64 {
	f.see(b)
	f.program.Value(f.columns, f.scalars, f.value)
	sum := 0.0
	for i, v := range f.value {
		sum += b.Weight[i] * v
	}
	return sum
}

// Grad adds scale times the gradient.
func (f *formula) Grad(b *Batch, scale float64, g *Grad) {
	f.see(b)
	f.program.Grad(f.columns, f.scalars, f.gradient)
	for i, w := range b.Weight {
		g.Chosen[i] += scale * w * f.gradient[0][i]
		g.Rejected[i] += scale * w * f.gradient[1][i]
	}
}

// see points the columns at a batch and sizes the scratch.
func (f *formula) see(b *Batch) {
	n := len(b.Chosen)
	if cap(f.value) < n {
		f.value, f.ones = make([]float64, n), slices.Repeat([]float64{1}, n)
		for i := range f.gradient {
			f.gradient[i] = make([]float64, n)
		}
		for i := range f.second {
			f.second[i] = make([]float64, n)
		}
	}
	f.value, f.ones = f.value[:n], f.ones[:n]
	for i := range f.gradient {
		f.gradient[i] = f.gradient[i][:n]
	}
	for i := range f.second {
		f.second[i] = f.second[i][:n]
	}
	f.columns[0], f.columns[1], f.columns[2], f.columns[3] = b.Chosen, b.Rejected, b.RefChosen, b.RefRejected
	f.columns[4], f.columns[5] = f.ones, f.ones
	if b.ChosenTokens != nil {
		f.columns[4], f.columns[5] = b.ChosenTokens, b.RejectedTokens
	}
}

// curvedFormula is a formula with second derivatives.
type curvedFormula struct{ *formula }

// Hess adds scale times the second derivatives.
func (f curvedFormula) Hess(b *Batch, scale float64, h *Hess) {
	f.see(b)
	f.program.Hess(f.columns, f.scalars, f.second)
	for i, w := range b.Weight {
		h.ChosenChosen[i] += scale * w * f.second[0][i]
		h.ChosenRejected[i] += scale * w * f.second[1][i]
		h.RejectedRejected[i] += scale * w * f.second[2][i]
	}
}

// distFormula is a distribution term that a formula gives.
type distFormula struct {
	program *expression.DistributionProgram
	scalars []float64
	scratch []float64
}

// Loss returns the formula's value.
func (f *distFormula) Loss(d *Dist) float64 {
	return f.program.Value((*expression.Distributions)(d), f.scalars)
}

// Grad adds scale times the gradient.
func (f *distFormula) Grad(d *Dist, scale float64, g []float64) {
	f.program.Grad((*expression.Distributions)(d), f.scalars, f.fit(len(g)))
	for k, v := range f.scratch {
		g[k] += scale * v
	}
}

// Hess adds scale times the diagonal of the second derivative.
func (f *distFormula) Hess(d *Dist, scale float64, h []float64) {
	f.program.HessDiagonal((*expression.Distributions)(d), f.scalars, f.fit(len(h)))
	for k, v := range f.scratch {
		h[k] += scale * v
	}
}

func (f *distFormula) fit(n int) []float64 {
	if cap(f.scratch) < n {
		f.scratch = make([]float64, n)
	}
	f.scratch = f.scratch[:n]
	return f.scratch
}

// functionOf is a formula of one variable, over columns.
type functionOf struct {
	program *expression.Program
	scalars []float64
	in, out [][]float64
}

func newFunctionOf(e *expression.Expression, variable string, scalars []float64) functionOf {
	return functionOf{e.Compile(variable), scalars, make([][]float64, 1), make([][]float64, 1)}
}

// Value writes the function at x to dst.
func (f functionOf) Value(x, dst []float64) {
	f.in[0] = x
	f.program.Value(f.in, f.scalars, dst)
}

// Slope writes the derivative at x to dst.
func (f functionOf) Slope(x, dst []float64) {
	f.in[0], f.out[0] = x, dst
	f.program.Grad(f.in, f.scalars, f.out)
}

// Curve writes the second derivative at x to dst.
func (f functionOf) Curve(x, dst []float64) {
	f.in[0], f.out[0] = x, dst
	f.program.Hess(f.in, f.scalars, f.out)
}
