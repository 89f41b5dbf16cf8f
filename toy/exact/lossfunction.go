package exact

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/floats"
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
	small     float64   // the relative step that is taken without asking, if below smallStep; 0 is none of its own
	floating  bool      // adding a constant to all parameters changes nothing: a single prompt's free logits

	byLogits *objective.Curvature // scratch: derivatives on one prompt; nil where a term has no second derivatives of its own
	coupled  objective.Coupled    // the only pair term, where it couples comparisons of all prompts
	scale    float64              // its weight
	batch    objective.Batch      // scratch: all comparisons, prompt after prompt
	slopes   objective.Grad
	won      float64          // what is added up in the gradient of a game
	rows     [2][]int         // of the batch's chosen and rejected responses, as of all prompts' responses in a row
	here     objective.Prompt // scratch
	by       []float64        // scratch, K entries
}

// point is where a loss function has been evaluated, with what is known there.
type point struct {
	theta, grad []float64
	hess        []float64 // dim x dim, row by row; nil where it was never evaluated
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
		n = max(n, len(t.columns().weight))
	}
	l.batch, l.rows, l.by = objective.Batch{}, [2][]int{}, make([]float64, l.tasks[0].responses())
	if l.objective.Uncurved() == nil {
		l.byLogits = l.objective.Curvature(l.tasks[0].responses(), n)
	} else if pair, dist := l.objective.Terms(); len(pair) == 1 && len(dist) == 0 {
		l.coupled, _ = pair[0].Term.(objective.Coupled)
		l.scale = pair[0].Weight
	}
}

// smallest is the relative step that is taken without asking.
func (l *lossFunction) smallest() float64 {
	if l.small > 0 {
		return min(l.small, smallStep)
	}
	return smallStep
}

// bends says whether the loss has second derivatives.
func (l *lossFunction) bends() bool { return l.byLogits != nil || l.coupled != nil }

// columns are the comparisons as they are evaluated.
func (t *task) columns() packed {
	if t.packed.weight == nil {
		return packed{t.chosen, t.rejected, t.weight, t.gap, t.dispersion, nil, nil}
	}
	return t.packed
}

// collect points the batch at the policies of p, which are located, all prompts together. Terms of differences alone are given
// logits, as in Curvature.
func (l *lossFunction) collect(p *point) *objective.Batch {
	b := &l.batch
	if b.Prompts == nil {
		l.compared()
	}
	b.Chosen, b.Rejected, b.Collision, b.Peak, b.Dists = b.Chosen[:0], b.Rejected[:0], b.Collision[:0], b.Peak[:0], b.Dists[:0]
	difference, aligned := l.objective.DifferenceOnly(), l.objective.Aligned()
	for i, t := range l.tasks {
		row, collision, peak := p.logp[i], 0.0, 0.0
		if aligned {
			collision, peak = objective.Concentration(row)
		}
		if difference {
			row = p.logits[i]
		}
		columns := t.columns()
		for j, c := range columns.chosen {
			b.Chosen, b.Rejected = append(b.Chosen, row[c]), append(b.Rejected, row[columns.rejected[j]])
			b.Collision, b.Peak = append(b.Collision, collision), append(b.Peak, peak)
		}
		b.Dists = append(b.Dists, l.dist(p, i))
	}
	return b
}

// compared fills in what of the batch does not depend on the policy.
func (l *lossFunction) compared() {
	b, rewarded := &l.batch, l.objective.Rewarded()
	for i, t := range l.tasks {
		columns := t.columns()
		for j, c := range columns.chosen {
			r := columns.rejected[j]
			b.RefChosen, b.RefRejected = append(b.RefChosen, t.logRef[c]), append(b.RefRejected, t.logRef[r])
			if rewarded {
				b.ChosenReward, b.RejectedReward = append(b.ChosenReward, t.logStar[c]), append(b.RejectedReward, t.logStar[r])
			}
			b.On = append(b.On, i)
			l.rows[0], l.rows[1] = append(l.rows[0], i*len(t.logRef)+c), append(l.rows[1], i*len(t.logRef)+r)
		}
		b.Weight, b.Gap, b.Dispersion = append(b.Weight, columns.weight...), append(b.Gap, columns.gap...), append(b.Dispersion, columns.dispersion...)
		b.ChosenWeight, b.RejectedWeight = append(b.ChosenWeight, columns.won...), append(b.RejectedWeight, columns.refused...)
		b.Prompts, b.PromptWeight = append(b.Prompts, i), append(b.PromptWeight, t.total)
	}
}

// value computes the policies at p.theta and returns the loss there.
func (l *lossFunction) value(p *point) float64 {
	if l.byLogits == nil {
		return l.whole(p)
	}
	p.loss = 0
	for i := range l.tasks {
		l.locate(p, i)
		p.loss += l.byLogits.Value(l.prompt(p, i))
	}
	p.loss += l.penalty(p)
	return p.loss
}

// whole is value by way of the batch of all comparisons, which it leaves.
func (l *lossFunction) whole(p *point) float64 {
	p.loss = l.objective.Loss(l.located(p)) + l.penalty(p)
	return p.loss
}

// policies returns the log-probabilities at theta, one row a prompt.
func (l *lossFunction) policies(theta []float64) [][]float64 {
	p := l.newPoint(theta)
	for i := range l.tasks {
		l.locate(p, i)
	}
	return p.logp
}

// located computes the policies at p.theta and returns the batch of all comparisons there.
func (l *lossFunction) located(p *point) *objective.Batch {
	for i := range l.tasks {
		l.locate(p, i)
	}
	return l.collect(p)
}

// slope fills in the loss and its gradient at p.theta. It serves every loss.
func (l *lossFunction) slope(p *point) {
	l.whole(p)
	l.differentiate(p)
}

// gradient fills in the gradient at p.theta, and not the loss.
func (l *lossFunction) gradient(p *point) {
	l.located(p)
	l.differentiate(p)
}

// differentiate fills in the gradient at p.theta, of which the batch is.
func (l *lossFunction) differentiate(p *point) {
	clear(p.grad)
	g, n := &l.slopes, len(l.batch.Weight)
	g.Chosen, g.Rejected = append(g.Chosen[:0], make([]float64, n)...), append(g.Rejected[:0], make([]float64, n)...)
	l.objective.Grad(&l.batch, g)
	at, difference := 0, l.objective.DifferenceOnly()
	l.won = 0
	for i, t := range l.tasks {
		by, columns := l.by, t.columns()
		clear(by)
		for j, c := range columns.chosen {
			by[c] += g.Chosen[at]
			by[columns.rejected[j]] += g.Rejected[at]
			at++
		}
		l.objective.DistGrad(&l.batch.Dists[i], t.total, by)
		if l.objective.Plays() {
			l.won += floats.Norm(by, 1)
		}
		if !difference {
			sum := floats.Sum(by)
			for k, pi := range p.pi[i] {
				by[k] -= sum * pi
			}
		}
		l.addGradient(p, i, by)
	}
	for i, v := range p.theta {
		p.grad[i] += 2 * l.l2 * (v + l.centerAt(i))
	}
}

// addGradient adds the derivatives by a prompt's logits to those by the parameters.
func (l *lossFunction) addGradient(p *point, i int, by []float64) {
	if l.jacobian[i] == nil {
		floats.Add(p.grad, by)
		return
	}
	for k, g := range by {
		floats.AddScaled(p.grad, g, l.jacobian[i].RawRowView(k))
	}
}

// centerAt is what the penalty adds to a parameter.
func (l *lossFunction) centerAt(i int) float64 {
	if l.center == nil {
		return 0
	}
	return l.center[i]
}

// penalty returns l2 times the sum of squares.
func (l *lossFunction) penalty(p *point) float64 {
	sum := 0.0
	if l.l2 > 0 {
		for i, v := range p.theta {
			sum += l.l2 * (v + l.centerAt(i)) * (v + l.centerAt(i))
		}
	}
	return sum
}

// newPoint returns a point at theta, copied, with nothing evaluated yet. In line in its callers it would be a seventh of the
// solver's code, which the explorer's page has to load.
//
//go:noinline
func (l *lossFunction) newPoint(theta []float64) *point {
	p := &point{theta: append([]float64(nil), theta...), grad: make([]float64, l.dim)}
	k := l.tasks[0].responses()
	for range l.tasks {
		rows := make([]float64, 3*k)
		p.logits, p.logp, p.pi = append(p.logits, rows[:k:k]), append(p.logp, rows[k:2*k:2*k]), append(p.pi, rows[2*k:])
	}
	return p
}

// evaluate fills in the loss and its derivatives at p.theta.
func (l *lossFunction) evaluate(p *point) {
	if p.hess == nil {
		p.hess = make([]float64, l.dim*l.dim)
	}
	clear(p.hess)
	if l.coupled != nil {
		l.slope(p)
		l.bend(p)
		return
	}
	p.loss = 0
	clear(p.grad)
	for i := range l.tasks {
		l.locate(p, i)
		p.loss += l.byLogits.Loss(l.prompt(p, i))
		l.pullBack(p, i)
	}
	if l.l2 == 0 {
		return
	}
	for i, v := range p.theta {
		v += l.centerAt(i)
		p.loss += l.l2 * v * v
		p.grad[i] += 2 * l.l2 * v
		p.hess[i*l.dim+i] += 2 * l.l2
	}
}

// bend adds the second derivatives of a loss that couples comparisons, of which value and slope are known at p.
func (l *lossFunction) bend(p *point) {
	k, difference := l.tasks[0].responses(), l.coupled.DifferenceOnly()
	rows := k * len(l.tasks)
	// Derivatives by what the margins are of, logits or log-probabilities, prompt after prompt.
	matrix := blas64.General{Rows: rows, Cols: rows, Stride: rows, Data: make([]float64, rows*rows)}
	add := func(i, j int, v float64) { matrix.Data[i*rows+j] += v }
	chosen, rejected, curve := l.coupled.Couples(&l.batch)
	for i, c := range curve {
		w, r := l.rows[0][chosen[i]], l.rows[1][rejected[i]]
		c *= l.scale
		add(w, w, c)
		add(r, r, c)
		add(w, r, -c)
		add(r, w, -c)
	}
	// Derivatives of these by the parameters.
	by := blas64.General{Rows: rows, Cols: l.dim, Stride: l.dim, Data: make([]float64, 0, rows*l.dim)}
	for i := range l.tasks {
		by.Data = append(by.Data, l.dense(i).RawMatrix().Data...)
	}
	if !difference {
		slopes := make([]float64, len(l.tasks))
		for j, i := range l.batch.On {
			slopes[i] += l.slopes.Chosen[j] + l.slopes.Rejected[j]
		}
		for i, pi := range p.pi {
			mean := make([]float64, l.dim)
			for r, v := range pi {
				floats.AddScaled(mean, v, by.Data[(i*k+r)*l.dim:(i*k+r+1)*l.dim])
				add(i*k+r, i*k+r, -slopes[i]*v) // log-probabilities bend with the normalizer
			}
			for r := range pi {
				floats.Sub(by.Data[(i*k+r)*l.dim:(i*k+r+1)*l.dim], mean)
			}
		}
	}
	half := blas64.General{Rows: rows, Cols: l.dim, Stride: l.dim, Data: make([]float64, rows*l.dim)}
	blas64.Gemm(blas.NoTrans, blas.NoTrans, 1, matrix, by, 0, half)
	blas64.Gemm(blas.Trans, blas.NoTrans, 1, by, half, 0, blas64.General{Rows: l.dim, Cols: l.dim, Stride: l.dim, Data: p.hess})
	for i := range l.dim {
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

// dist returns a prompt's policy at p, located.
func (l *lossFunction) dist(p *point, i int) objective.Dist {
	t := l.tasks[i]
	return objective.Dist{LogPi: p.logp[i], Pi: p.pi[i], LogRef: t.logRef, Ref: t.ref, LogStar: t.logStar, Wins: t.wins}
}

// prompt returns a prompt's policy at p, located, and its comparisons, until the next call.
func (l *lossFunction) prompt(p *point, i int) *objective.Prompt {
	t := l.tasks[i]
	c := t.columns()
	l.here = objective.Prompt{Dist: l.dist(p, i), Logits: p.logits[i], DistWeight: t.total, Chosen: c.chosen, Rejected: c.rejected, Weight: c.weight,
		Gap: c.gap, Dispersion: c.dispersion, ChosenWeight: c.won, RejectedWeight: c.refused}
	return &l.here
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
