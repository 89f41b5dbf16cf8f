package exact

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
)

// landscape is the loss as a function of the parameters theta of one block, with logits = jacobian theta + offset.
type landscape struct {
	objective *objective.Objective
	tasks     []*task
	offset    [][]float64  // per prompt, K logits
	jacobian  []*mat.Dense // per prompt, K x dim; nil is the identity
	dim       int
	l2        float64   // alpha of alpha sum((theta + center)^2)
	center    []float64 // nil is zero
	start     []float64 // where the search begins; nil is zero
	floating  bool      // adding a constant to all parameters changes nothing: a single prompt's free logits

	batch objective.Batch // scratch for the comparisons of one prompt
	grad  objective.Grad
	hess  objective.Hess
	byLog derivatives // by the log-probabilities as free variables
	byRaw derivatives // by the logits
}

// derivatives are first and second derivatives of a loss by one prompt's K log-probabilities or logits.
type derivatives struct {
	g []float64
	h []float64 // K x K, row by row
}

// point is a place in a landscape.
type point struct {
	theta, grad []float64
	hess        []float64 // dim x dim, row by row
	loss        float64
	logits      [][]float64 // per prompt
	logp        [][]float64
	pi          [][]float64
}

// newLandscape returns an objective's loss over the free logits of one or more prompts, starting at zero.
func newLandscape(o *objective.Objective, tasks []*task) *landscape {
	l := &landscape{objective: o, tasks: tasks, dim: tasks[0].responses()}
	l.offset, l.jacobian = [][]float64{make([]float64, l.dim)}, []*mat.Dense{nil}
	l.prepare()
	return l
}

// prepare allocates the scratch.
func (l *landscape) prepare() {
	n, k := 0, l.tasks[0].responses()
	for _, t := range l.tasks {
		n = max(n, len(t.weight))
	}
	columns := make([]float64, 9*n)
	column := func(i int) []float64 { return columns[i*n : (i+1)*n : (i+1)*n] }
	l.batch = objective.Batch{Chosen: column(0), Rejected: column(1), RefChosen: column(2), RefRejected: column(3)}
	l.grad = objective.Grad{Chosen: column(4), Rejected: column(5)}
	l.hess = objective.Hess{ChosenChosen: column(6), ChosenRejected: column(7), RejectedRejected: column(8)}
	l.byLog = derivatives{make([]float64, k), make([]float64, k*k)}
	l.byRaw = derivatives{make([]float64, k), make([]float64, k*k)}
}

// newPoint returns a point at theta, copied, with nothing evaluated yet.
func (l *landscape) newPoint(theta []float64) *point {
	p := &point{theta: append([]float64(nil), theta...), grad: make([]float64, l.dim), hess: make([]float64, l.dim*l.dim)}
	k := l.tasks[0].responses()
	for range l.tasks {
		rows := make([]float64, 3*k)
		p.logits, p.logp, p.pi = append(p.logits, rows[:k:k]), append(p.logp, rows[k:2*k:2*k]), append(p.pi, rows[2*k:])
	}
	return p
}

// evaluate fills in the loss and its derivatives at p.theta.
func (l *landscape) evaluate(p *point) {
	p.loss = 0
	clear(p.grad)
	clear(p.hess)
	for i := range l.tasks {
		l.locate(p, i)
		clear(l.byRaw.g)
		clear(l.byRaw.h)
		p.loss += l.pairs(p, i) + l.dists(p, i)
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
func (l *landscape) locate(p *point, i int) {
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

// pairs adds the pair terms of a prompt. Terms that see differences only are given logits and differentiated by them:
// going over the normalizer would cost them the relative accuracy of small derivatives.
func (l *landscape) pairs(p *point, i int) float64 {
	t, loss := l.tasks[i], 0.0
	n := len(t.weight)
	if n == 0 {
		return 0
	}
	b := objective.Batch{Chosen: l.batch.Chosen[:n], Rejected: l.batch.Rejected[:n], RefChosen: l.batch.RefChosen[:n],
		RefRejected: l.batch.RefRejected[:n], Weight: t.weight, Gap: t.gap, Dispersion: t.dispersion}
	gather(t, t.logRef, b.RefChosen, b.RefRejected)
	for _, w := range l.objective.Pair {
		if w.Weight == 0 {
			continue
		}
		free := w.Term.DifferenceOnly()
		if free {
			gather(t, p.logits[i], b.Chosen, b.Rejected)
		} else {
			gather(t, p.logp[i], b.Chosen, b.Rejected)
			clear(l.byLog.g)
			clear(l.byLog.h)
		}
		loss += w.Weight * w.Term.Loss(&b)
		if free {
			l.scatter(t, &b, w, &l.byRaw)
			continue
		}
		l.scatter(t, &b, w, &l.byLog)
		l.byLog.throughSoftmax(p.pi[i], &l.byRaw)
	}
	return loss
}

// gather copies the responses' values to the columns of the comparisons.
func gather(t *task, values, chosen, rejected []float64) {
	for j, c := range t.chosen {
		chosen[j], rejected[j] = values[c], values[t.rejected[j]]
	}
}

// scatter adds a pair term's derivatives to those by single responses.
func (l *landscape) scatter(t *task, b *objective.Batch, w objective.Weighted[objective.PairTerm], d *derivatives) {
	n, k := len(t.weight), len(d.g)
	g := objective.Grad{Chosen: l.grad.Chosen[:n], Rejected: l.grad.Rejected[:n]}
	h := objective.Hess{ChosenChosen: l.hess.ChosenChosen[:n], ChosenRejected: l.hess.ChosenRejected[:n],
		RejectedRejected: l.hess.RejectedRejected[:n]}
	for _, column := range [][]float64{g.Chosen, g.Rejected, h.ChosenChosen, h.ChosenRejected, h.RejectedRejected} {
		clear(column)
	}
	w.Term.Grad(b, w.Weight, &g)
	w.Term.(objective.Curved).Hess(b, w.Weight, &h) // classify has seen to it
	for j, c := range t.chosen {
		r := t.rejected[j]
		d.g[c] += g.Chosen[j]
		d.g[r] += g.Rejected[j]
		d.h[c*k+c] += h.ChosenChosen[j]
		d.h[r*k+r] += h.RejectedRejected[j]
		d.h[c*k+r] += h.ChosenRejected[j]
		d.h[r*k+c] += h.ChosenRejected[j]
	}
}

// dists adds the distribution terms of a prompt.
func (l *landscape) dists(p *point, i int) float64 {
	t, loss := l.tasks[i], 0.0
	if t.total == 0 || len(l.objective.Dist) == 0 {
		return 0
	}
	d := objective.Dist{LogPi: p.logp[i], Pi: p.pi[i], LogRef: t.logRef, Ref: t.ref, LogStar: t.logStar}
	k := len(d.Pi)
	clear(l.byLog.g)
	clear(l.byLog.h)
	diagonal := make([]float64, k)
	for _, w := range l.objective.Dist {
		if w.Weight == 0 {
			continue
		}
		loss += t.total * w.Weight * w.Term.Loss(&d)
		w.Term.Grad(&d, t.total*w.Weight, l.byLog.g)
		w.Term.Hess(&d, t.total*w.Weight, diagonal)
	}
	for j, v := range diagonal {
		l.byLog.h[j*k+j] = v
	}
	l.byLog.throughSoftmax(p.pi[i], &l.byRaw)
	return loss
}

// throughSoftmax adds derivatives by log-probabilities to those by logits. With the softmax's J = I - 1 pi^T,
//
//	gradient = J^T g,   Hessian = J^T M J,   M = H - (sum g) diag(pi).
//
// Near a vertex all results are of the order of the small probabilities. To keep their relative accuracy, 1 - pi_i is
// never formed by subtraction, nor is the sum of a row without its diagonal.
func (d *derivatives) throughSoftmax(pi []float64, raw *derivatives) {
	k, sum := len(pi), 0.0
	for _, g := range d.g {
		sum += g
	}
	rest := without(pi)
	for i, p := range pi {
		d.h[i*k+i] -= sum * p
	}
	for i, others := range without(d.g) {
		raw.g[i] += rest[i]*d.g[i] - pi[i]*others
	}
	// d.h becomes M J row by row, then J^T (M J) is formed column by column.
	for i := range k {
		row := d.h[i*k : (i+1)*k]
		for j, others := range without(row) {
			row[j] = rest[j]*row[j] - pi[j]*others
		}
	}
	column := make([]float64, k)
	for j := range k {
		for i := range k {
			column[i] = d.h[i*k+j]
		}
		for i, others := range without(column) {
			raw.h[i*k+j] += rest[i]*column[i] - pi[i]*others
		}
	}
}

// without returns for every entry the sum of the others: sums from the left and from the right, nothing subtracted.
func without(v []float64) []float64 {
	out, sum := make([]float64, len(v)), 0.0
	for i, x := range v {
		out[i] = sum
		sum += x
	}
	sum = 0
	for i := len(v) - 1; i >= 0; i-- {
		out[i] += sum
		sum += v[i]
	}
	return out
}

// pullBack adds the derivatives by a prompt's logits to those by the parameters.
func (l *landscape) pullBack(p *point, i int) {
	if l.jacobian[i] == nil {
		for j, g := range l.byRaw.g {
			p.grad[j] += g
		}
		for j, h := range l.byRaw.h {
			p.hess[j] += h
		}
		return
	}
	k, j := len(l.byRaw.g), l.jacobian[i]
	grad := mat.NewVecDense(l.dim, nil)
	grad.MulVec(j.T(), mat.NewVecDense(k, l.byRaw.g))
	var half, full mat.Dense
	half.Mul(mat.NewDense(k, k, l.byRaw.h), j)
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
