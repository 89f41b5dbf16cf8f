package expression

import (
	"slices"

	"github.com/expr-lang/expr/ast"
	"gonum.org/v1/gonum/floats"
)

// Distributions is one prompt's policy beside its reference and the true preferences, K entries each. Probabilities may
// be 0 and logs -Inf. Its fields are those of objective.Dist, so that one converts to the other.
type Distributions struct {
	LogPi, Pi   []float64 // the policy; Pi is exp(LogPi)
	LogRef, Ref []float64 // the frozen reference
	LogStar     []float64 // pi_star; may be nil if the expression does not name it
}

// Distributional is a parsed formula over the distributions pi, ref and star, such as "lambda*kl(ref, pi)": the language
// of [Parse] without columns, and besides
//
//	kl(a, b)  js(a, b)  tv(a, b)  hellinger(a, b)  chi2(a, b)  alpha(a, b, order)
//	entropy(a)  cross_entropy(a, b)  reward(a)
//
// whose definitions are in functionals.go. It is not to be changed.
type Distributional struct {
	formula
	scalars []string
	calls   []*ast.CallNode // the functionals that the source calls, each once
}

// ParseDistributional reads a formula over distributions and the given scalars. A mistake in the source is an *[Error];
// scalars that are no valid or no different names are another error.
func ParseDistributional(source string, scalars []string) (*Distributional, error) {
	if err := checkNames(scalars, distributionNames()); err != nil {
		return nil, err
	}
	words := &vocabulary{scalars, distributionNames(), standard(), functionals(), false}
	t, err := parse(source, words)
	if err != nil {
		return nil, err
	}
	d := &Distributional{formula: formula{t}, scalars: scalars}
	seen := map[string]bool{}
	for _, call := range calls(t) {
		if name := call.String(); words.table[nameOf(call)] == nil && !seen[name] {
			seen[name] = true
			d.calls = append(d.calls, call)
		}
	}
	return d, nil
}

// Multiple is a functional times a number.
type Multiple struct {
	Factor     float64
	Functional string // as the canonical form has it: "kl(ref, pi)"
}

// Linear returns the functionals that the formula is a sum of multiples of, up to a constant; false where it is none, given the
// scalars.
func (d *Distributional) Linear(scalars []float64) (sum []Multiple, linear bool) {
	g := newGraph()
	out := d.build(g, g.columnAt)
	l := g.linesAt(out, func(n node, _ []*line) (line, bool) {
		if n.leaf == scalarLeaf {
			return line{at: scalars[n.slot]}, true
		}
		by := make([]float64, len(d.calls))
		by[n.slot] = 1
		return line{by: by}, true
	})[out]
	if l == nil {
		return nil, false
	}
	for j, factor := range l.by {
		if factor != 0 {
			sum = append(sum, Multiple{factor, d.calls[j].String()})
		}
	}
	return sum, true
}

// DistributionProgram is a compiled [Distributional]: a function F of functionals T_j, each a sum over the responses. Its
// derivative by log pi(y) is that of sum_j w_j t_j(y), where t_j is T_j's term and w_j = dF/dT_j. It keeps scratch and
// serves one goroutine; it allocates only when a prompt has more responses than any before.
type DistributionProgram struct {
	value  *tape // F
	slopes *tape // w_j for the T_j that depend on pi
	bends  *tape // their derivatives by those T_j, the upper triangle row by row; nil where all vanish
	terms  *tape // t_j of a response
	pulls  *tape // the derivatives of the t_j that depend on pi
	grad   *tape // the derivative of sum_j w_j t_j
	hess   *tape // its second derivative
	curved bool  // w_j depend on T_j

	columns [][]float64 // scratch: Distributions as columns
	scalars []float64   // the caller's, then T_j, then w_j
	sums    []float64   // T_j among them
	weights [][]float64 // w_j among them, as columns of one row
	parts   [][]float64 // t_j, columns of K rows
	turns   [][]float64 // what bends gives, columns of one row
	leans   [][]float64 // what pulls gives, columns of K rows
	result  [1]float64  // F
	out     [][]float64 // the destination
}

// Compile prepares the evaluation of the formula and its derivatives by log pi.
func (d *Distributional) Compile() *DistributionProgram {
	g, first, after := newGraph(), len(d.scalars), len(d.scalars)+len(d.calls)
	terms, logPi := d.terms(g), []ref{g.columnAt(logPiColumn)}
	out := d.build(g, func(j int) ref { return g.scalarAt(first + j) })
	sums := make([]ref, len(d.calls))
	for j := range sums {
		sums[j] = g.scalarAt(first + j)
	}
	var slopes, wrt, pulls []ref
	weighted := none
	for j, slope := range g.gradient(out, sums) {
		if pull := g.gradient(terms[j], logPi)[0]; slope != none && pull != none {
			weighted = g.sum(weighted, g.chain(g.scalarAt(after+len(slopes)), terms[j]))
			slopes, wrt, pulls = append(slopes, slope), append(wrt, sums[j]), append(pulls, pull)
		}
	}
	slope, bend := none, none
	if weighted != none {
		slope = g.gradient(weighted, logPi)[0]
		bend = g.curvature([]ref{slope}, logPi)[0]
	}
	p := &DistributionProgram{value: g.record([]ref{out}), grad: g.record([]ref{slope}), hess: g.record([]ref{bend}),
		columns: make([][]float64, logStarColumn+1), scalars: make([]float64, after+len(slopes)), parts: make([][]float64, len(terms)), out: make([][]float64, 1)}
	p.sums, p.weights = p.scalars[first:after], slices.Collect(slices.Chunk(p.scalars[after:], 1))
	if len(terms) > 0 {
		p.terms = g.record(terms)
	}
	if len(slopes) > 0 {
		p.slopes = g.record(slopes)
		p.curved = slices.ContainsFunc(p.slopes.scalars, func(b binding) bool { return b.slot >= first })
	}
	if bends := g.curvature(slopes, wrt); slices.ContainsFunc(bends, func(r ref) bool { return r != none }) {
		p.bends, p.pulls, p.leans = g.record(bends), g.record(pulls), make([][]float64, len(pulls))
		p.turns = slices.Collect(slices.Chunk(make([]float64, len(bends)), 1))
	}
	return p
}

// build adds F to a graph, with what stands for each functional.
func (d *Distributional) build(g *graph, functional func(j int) ref) ref {
	return g.build(d.tree, func(name string) ref {
		if j := slices.IndexFunc(d.calls, func(call *ast.CallNode) bool { return call.String() == name }); j >= 0 {
			return functional(j)
		}
		return g.scalarAt(slices.Index(d.scalars, name))
	})
}

// terms adds each functional's term to the graph of one response.
func (d *Distributional) terms(inner *graph) []ref {
	terms := make([]ref, len(d.calls))
	for j, call := range d.calls {
		for _, f := range functionals() {
			if f.name != nameOf(call) {
				continue
			}
			var over [2]mass
			for i := range f.distributions {
				over[i] = inner.mass(call.Arguments[i].String())
			}
			order := none
			for _, t := range call.Arguments[f.distributions:] {
				order = inner.build(t, func(name string) ref { return inner.scalarAt(slices.Index(d.scalars, name)) })
			}
			terms[j] = f.term(inner, over[0], over[1], order)
		}
	}
	return terms
}

// Value returns the formula's value at one prompt.
func (p *DistributionProgram) Value(d *Distributions, scalars []float64) float64 {
	p.load(d, scalars)
	p.integrate()
	p.out[0] = p.result[:]
	p.value.run(nil, p.scalars, p.out)
	return p.result[0]
}

// Grad writes the derivatives by log pi to dst, of length K, taking the entries for free variables with pi = exp(log
// pi): the softmax's chain rule is the caller's.
func (p *DistributionProgram) Grad(d *Distributions, scalars, dst []float64) {
	p.derive(p.grad, d, scalars, dst)
}

// Hess writes the second derivatives by log pi to dst, K x K row by row, again of free variables. A functional is a sum over
// the responses, so that its own are diagonal; where the formula is not linear in the functionals their gradients meet. What
// stopgrad hides is a constant here too.
func (p *DistributionProgram) Hess(d *Distributions, scalars, dst []float64) {
	k := len(d.LogPi)
	clear(dst[k:])
	p.derive(p.hess, d, scalars, dst[:k])
	for i := k - 1; i > 0; i-- {
		dst[i], dst[i*k+i] = 0, dst[i]
	}
	if p.bends == nil {
		return
	}
	p.integrate()
	p.bends.run(nil, p.scalars, p.turns)
	resize(p.leans, k)
	p.pulls.run(p.columns, p.scalars, p.leans)
	at := 0
	for a, left := range p.leans {
		for b, right := range p.leans[a:] {
			turn := p.turns[at][0]
			at++
			if turn == 0 {
				continue
			}
			for i, x := range left {
				for j, y := range right {
					dst[i*k+j] += turn * x * y
					if b > 0 {
						dst[j*k+i] += turn * x * y
					}
				}
			}
		}
	}
}

// resize cuts or grows columns to n rows.
func resize(columns [][]float64, n int) {
	for j := range columns {
		columns[j] = slices.Grow(columns[j][:0], n)[:n]
	}
}

// derive runs a tape of sum_j w_j t_j. Functionals are summed only if the weights depend on them.
func (p *DistributionProgram) derive(t *tape, d *Distributions, scalars, dst []float64) {
	p.load(d, scalars)
	if p.curved {
		p.integrate()
	}
	if p.slopes != nil {
		p.slopes.run(nil, p.scalars, p.weights)
	}
	p.out[0] = dst
	t.run(p.columns, p.scalars, p.out)
}

// integrate works out the functionals.
func (p *DistributionProgram) integrate() {
	if p.terms == nil {
		return
	}
	resize(p.parts, len(p.columns[logPiColumn]))
	p.terms.run(p.columns, p.scalars, p.parts)
	for j, part := range p.parts {
		p.sums[j] = floats.Sum(part)
	}
}

// load puts the distributions and the caller's scalars in their places.
func (p *DistributionProgram) load(d *Distributions, scalars []float64) {
	copy(p.scalars, scalars[:len(p.scalars)-len(p.sums)-len(p.weights)])
	p.columns[logPiColumn], p.columns[piColumn] = d.LogPi, d.Pi
	p.columns[logRefColumn], p.columns[refColumn] = d.LogRef, d.Ref
	p.columns[logStarColumn] = d.LogStar
}
