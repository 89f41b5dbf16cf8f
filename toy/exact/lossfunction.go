package exact

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
)

// lossFunction is the loss as a function of the parameters theta of one block, with logits = jacobian theta + offset.
type lossFunction struct {
	objective *objective.Objective
	tasks     []*task
	offset    [][]float64  // per prompt, K logits
	jacobian  []*mat.Dense // per prompt, K x dim; nil is the identity
	dim       int
	l2        float64   // alpha of alpha sum((theta + center)^2)
	center    []float64 // nil is zero
	start     []float64 // where the search begins; nil is zero
	floating  bool      // adding a constant to all parameters changes nothing: a single prompt's free logits

	byLogits *objective.Curvature // scratch: derivatives on one prompt
}

// point is where a loss function has been evaluated, with what is known there.
type point struct {
	theta, grad []float64
	hess        []float64 // dim x dim, row by row
	loss        float64
	logits      [][]float64 // per prompt
	logp        [][]float64
	pi          [][]float64
}

// newLossFunction returns an objective's loss over the free logits of one prompt, starting at zero.
func newLossFunction(o *objective.Objective, t *task) *lossFunction {
	k := t.responses()
	l := &lossFunction{objective: o, tasks: []*task{t}, offset: [][]float64{make([]float64, k)}, jacobian: []*mat.Dense{nil}, dim: k, floating: true}
	l.prepare()
	return l
}

// prepare allocates the scratch.
func (l *lossFunction) prepare() {
	n := 0
	for _, t := range l.tasks {
		n = max(n, len(t.weight))
	}
	l.byLogits = l.objective.Curvature(l.tasks[0].responses(), n)
}

// newPoint returns a point at theta, copied, with nothing evaluated yet.
func (l *lossFunction) newPoint(theta []float64) *point {
	p := &point{theta: append([]float64(nil), theta...), grad: make([]float64, l.dim), hess: make([]float64, l.dim*l.dim)}
	k := l.tasks[0].responses()
	for range l.tasks {
		rows := make([]float64, 3*k)
		p.logits, p.logp, p.pi = append(p.logits, rows[:k:k]), append(p.logp, rows[k:2*k:2*k]), append(p.pi, rows[2*k:])
	}
	return p
}

// evaluate fills in the loss and its derivatives at p.theta.
func (l *lossFunction) evaluate(p *point) {
	p.loss = 0
	clear(p.grad)
	clear(p.hess)
	for i := range l.tasks {
		l.locate(p, i)
		p.loss += l.byLogits.Loss(l.prompt(p, i))
		l.pullBack(p, i)
	}
	if l.l2 == 0 {
		return
	}
	for i, v := range p.theta {
		if l.center != nil {
			v += l.center[i]
		}
		p.loss += l.l2 * v * v
		p.grad[i] += 2 * l.l2 * v
		p.hess[i*l.dim+i] += 2 * l.l2
	}
}

// locate computes a prompt's policy at p.theta.
func (l *lossFunction) locate(p *point, i int) {
	logits := p.logits[i]
	copy(logits, l.offset[i])
	if l.jacobian[i] == nil {
		for k, v := range p.theta {
			logits[k] += v
		}
	} else {
		for k := range logits {
			for j, b := range l.jacobian[i].RawRowView(k) {
				logits[k] += b * p.theta[j]
			}
		}
	}
	logspace.LogSoftmax(p.logp[i], logits)
	logspace.Exp(p.pi[i], p.logp[i])
}

// prompt returns a prompt's policy at p, located, and its comparisons.
func (l *lossFunction) prompt(p *point, i int) *objective.Prompt {
	t := l.tasks[i]
	return &objective.Prompt{Dist: objective.Dist{LogPi: p.logp[i], Pi: p.pi[i], LogRef: t.logRef, Ref: t.ref, LogStar: t.logStar},
		Logits: p.logits[i], DistWeight: t.total, Chosen: t.chosen, Rejected: t.rejected, Weight: t.weight, Gap: t.gap, Dispersion: t.dispersion}
}

// pullBack adds the derivatives by a prompt's logits to those by the parameters.
func (l *lossFunction) pullBack(p *point, i int) {
	if l.jacobian[i] == nil {
		for j, g := range l.byLogits.Grad {
			p.grad[j] += g
		}
		for j, h := range l.byLogits.Hess {
			p.hess[j] += h
		}
		return
	}
	k, j := len(l.byLogits.Grad), l.jacobian[i]
	grad := mat.NewVecDense(l.dim, nil)
	grad.MulVec(j.T(), mat.NewVecDense(k, l.byLogits.Grad))
	var half, full mat.Dense
	half.Mul(mat.NewDense(k, k, l.byLogits.Hess), j)
	full.Mul(j.T(), &half)
	for a := range l.dim {
		p.grad[a] += grad.AtVec(a)
		for b := range l.dim {
			p.hess[a*l.dim+b] += full.At(a, b)
		}
	}
}

// finite says whether the loss at p is a number.
func (p *point) finite() bool { return !math.IsNaN(p.loss) && !math.IsInf(p.loss, 0) }
