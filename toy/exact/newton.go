package exact

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/lapack/lapack64"

	"windtunnel/toy/train"
)

// The accuracy that a descent stops at: a full Newton step that changes no probability by more than probabilityStep
// and no log-probability by more than logStep of itself (or, below 1 nat, of 1 nat).
const (
	probabilityStep = 1e-13
	logStep         = 1e-12
	// roundingStep is the logStep at which steps that do not shrink, roundingRuns times in a row, are taken for the
	// rounding of the gradient: Newton's steps shrink quadratically there.
	roundingStep = 1e-8
	roundingRuns = 3
	// smallStep is the logStep up to which a Newton step is taken without asking whether the loss falls: the change of
	// the loss is quadratic in it and drowns in the loss's own rounding, which grows with lambda.
	smallStep = 1e-7
	// idleSteps is how many steps in a row may move no probability by more than probabilityStep before a search that
	// is not convex ends, though log-probabilities still move: near a vertex of the simplex, exact RLHF's derivatives
	// by rare responses lie below the rounding of those by the others, or underflow.
	idleSteps = 800
	// firstRadius is how far, in nats, the first step may move logits against each other.
	firstRadius = 10.0
	maxSteps    = 2000

	// A search for a stationary point begins with steps of at most a unit, and has arrived as well
	// where a full step moves log-probabilities by restStep and the gradient has fallen to gradientFall of its norm at the start:
	// where the Hessian is singular, or the loss does not fall any more, a step cannot say how near the point is.
	gradientFall, restStep = 1e-9, 1e-9
	// idleLimit is how many steps in a row may move no probability by more than probabilityStep there, and idleAtVertex how many where
	// it is asked afterwards which responses the loss holds.
	idleLimit, idleAtVertex = 25, 8
	// crawl is the relative change of log-probabilities below which a step that had to be shortened crawls, as at a kink of
	// the loss, where Newton's method gets nowhere; after crawlLimit such steps in a row it is given up.
	crawl, crawlLimit = 1e-5, 4
)

// descent is the outcome of one search.
type descent struct {
	at         *point
	iterations int
	change     float64 // largest change of a probability in the last step
	converged  bool
	unresolved bool // converged in probability, but not in the log-probabilities of rare responses
}

// minimize descends from theta by Newton's method with backtracking, shifting the Hessian where it is not positive
// definite. gonum/optimize is not used because it stops on the size of the gradient or of the loss's change, which
// say nothing where lambda is very small or very large.
func (s *solver) minimize(l *lossFunction, theta []float64) (*descent, error) {
	stop := stopper{convex: s.terms.convex(), last: math.Inf(1)}
	start := l.newPoint(theta)
	l.evaluate(start)
	d, _, err := s.newton(l, start, firstRadius, maxSteps, func(d *descent, relative float64, full, shifted bool) bool {
		d.converged = stop.after(d.change, relative, full && !shifted)
		return d.converged || stop.idle >= idleSteps
	})
	if err == nil && !d.converged {
		d.unresolved = d.iterations > 0 && d.change <= probabilityStep && (!stop.convex || stop.idle >= idleSteps)
		d.converged = d.unresolved
	}
	return d, err
}

// newton takes at most so many steps from a point that has been evaluated, until over, which is given the relative change of the
// last one, whether it was a full step, and whether the Hessian was shifted for it, says so. lost says that along some
// direction no step lowered the loss. The only error is the context's.
func (s *solver) newton(l *lossFunction, cur *point, radius float64, most int,
	over func(d *descent, relative float64, full, shifted bool) bool) (d *descent, lost bool, err error) {
	w, next := newWorkspace(l, radius), l.newPoint(cur.theta)
	d = &descent{at: cur}
	for d.iterations < most {
		if err := s.ctx.Err(); err != nil {
			return nil, false, err
		}
		shifted, ok := w.direction(cur)
		if !ok {
			break
		}
		d.iterations++
		full, ok := w.step(cur, next)
		if !ok {
			return d, true, nil
		}
		var relative float64
		d.change, relative = compare(cur, next)
		cur, next = next, cur
		d.at = cur
		if over(d, relative, full, shifted) {
			break
		}
	}
	return d, false, nil
}

// stopper decides when a descent has arrived.
type stopper struct {
	convex bool
	last   float64 // relative change of the last step, if that was a full Newton step
	stuck  int     // steps in a row that were small and did not shrink
	idle   int     // steps in a row that moved no probability
}

// after takes note of a step and says whether the search has converged. Only full Newton steps measure the distance
// to the minimum.
func (s *stopper) after(change, relative float64, newton bool) bool {
	if s.idle++; change > probabilityStep {
		s.idle = 0
	}
	if s.stuck++; !newton || relative > roundingStep || relative < s.last/2 {
		s.stuck = 0
	}
	s.last = relative
	if !newton {
		s.last = math.Inf(1)
	}
	return newton && change <= probabilityStep && relative <= logStep || s.stuck == roundingRuns
}

// compare returns the largest change of a probability and of a log-probability relative to itself.
func compare(a, b *point) (change, relative float64) {
	for i, row := range a.logp {
		for k, v := range row {
			change = max(change, math.Abs(a.pi[i][k]-b.pi[i][k]))
			relative = max(relative, math.Abs(b.logp[i][k]-v)/max(1, math.Abs(v)))
		}
	}
	return change, relative
}

// workspace is what Newton steps reuse.
type workspace struct {
	l        *lossFunction
	moved    []int // parameters that a step solves for
	dir      []float64
	matrix   blas64.Symmetric
	solution blas64.General // one column
	radius   float64
	narrow   float64 // the radius to begin with and to fall back to
}

func newWorkspace(l *lossFunction, radius float64) *workspace {
	n := l.dim
	if l.floating {
		n--
	}
	return &workspace{l: l, moved: make([]int, n), dir: make([]float64, l.dim), radius: radius, narrow: radius,
		matrix:   blas64.Symmetric{Uplo: blas.Upper, N: n, Stride: n, Data: make([]float64, n*n)},
		solution: blas64.General{Rows: n, Cols: 1, Stride: 1, Data: make([]float64, n)}}
}

// direction solves for the Newton step at p, and says whether the Hessian had to be shifted and whether there is a
// step. The shift is relative to each diagonal entry (Marquardt), so it does not depend on the parameters' scales.
func (w *workspace) direction(p *point) (shifted, ok bool) {
	w.choose(p)
	top, n := 0.0, len(w.moved)
	for _, i := range w.moved {
		top = max(top, math.Abs(p.hess[i*w.l.dim+i]))
	}
	for shift := 0.0; shift < 1e12; shift = max(1e-4, 10*shift) {
		for a, i := range w.moved {
			for b, j := range w.moved[a:] {
				w.matrix.Data[a*n+a+b] = p.hess[i*w.l.dim+j]
			}
			d := p.hess[i*w.l.dim+i]
			w.matrix.Data[a*n+a] = d + shift*max(math.Abs(d), 1e-12*top)
		}
		// mat.Cholesky would ask for the condition number as well, which tiny probabilities make large without harm.
		if factor, ok := lapack64.Potrf(w.matrix); ok {
			for a, i := range w.moved {
				w.solution.Data[a] = -p.grad[i]
			}
			lapack64.Potrs(factor, w.solution)
			return shift > 0, w.expand(p)
		}
	}
	return true, false
}

// choose lists the parameters to solve for: all, or where they float together all but the one with the largest
// curvature, whose Hessian entries are the ones that can be lost with the least harm.
func (w *workspace) choose(p *point) {
	ground := -1
	if w.l.floating {
		ground = 0
		for i := range p.theta {
			if p.hess[i*w.l.dim+i] > p.hess[ground*w.l.dim+ground] {
				ground = i
			}
		}
	}
	w.moved = w.moved[:0]
	for i := range p.theta {
		if i != ground {
			w.moved = append(w.moved, i)
		}
	}
}

// expand writes the solution to the whole direction. Floating parameters are measured from the largest, so that the
// differences among the largest, which small lambda magnifies, are not rounded to the scale of the smallest.
func (w *workspace) expand(p *point) bool {
	clear(w.dir)
	for a, i := range w.moved {
		w.dir[i] = w.solution.Data[a]
	}
	if w.l.floating {
		top := 0
		for i, v := range p.theta {
			if v > p.theta[top] {
				top = i
			}
		}
		value, move := p.theta[top], w.dir[top]
		for i := range w.dir {
			p.theta[i] -= value
			w.dir[i] -= move
		}
	}
	for _, v := range w.dir {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}

// step moves along the direction, but no logit by more than the radius against another of its prompt, halving the step
// until the loss falls enough (Armijo), up to the rounding of the loss itself, or until the step is small. The radius
// keeps a step that starts on one flat side of a logistic loss from ending far out on the other, where all derivatives
// underflow; it doubles while it binds. step says whether the full step was taken, and whether any was.
func (w *workspace) step(cur, next *point) (full, ok bool) {
	slope := 0.0
	for i, v := range w.dir {
		slope += v * cur.grad[i]
	}
	rounding, span := 1e-14*math.Abs(cur.loss), w.l.span(w.dir)
	size := 1.0
	if span > w.radius {
		size = w.radius / span
		w.radius *= 2
	}
	for least := 1e-18 * size; size > least; size /= 2 {
		for i, v := range w.dir {
			next.theta[i] = cur.theta[i] + size*v
		}
		w.l.evaluate(next)
		if next.finite() {
			_, relative := compare(cur, next)
			if next.loss <= cur.loss+1e-4*size*slope+rounding || relative <= w.l.smallest() {
				return size == 1, true
			}
		}
		w.radius = max(w.narrow, size*span/2)
	}
	return false, false
}

// span returns the largest change of one logit against another of its prompt when theta moves by dir.
func (l *lossFunction) span(dir []float64) float64 {
	widest := 0.0
	for i := range l.tasks {
		change := dir
		if l.jacobian[i] != nil {
			change = image(l.jacobian[i], dir, nil)
		}
		widest = max(widest, slices.Max(change)-slices.Min(change))
	}
	return widest
}

// stationaryFrom descends from a point to where the gradient vanishes, for a loss that need not be convex.
func (s *solver) stationaryFrom(l *lossFunction, from []float64, unit float64, idle int) (*descent, error) {
	start := l.newPoint(from)
	l.evaluate(start)
	begin := floats.Norm(start.grad, 2)
	if begin == 0 || !start.finite() || l.floating && l.dim == 1 {
		return &descent{at: start, converged: start.finite()}, nil
	}
	flat := func(p *point) bool { return floats.Norm(p.grad, 2) <= gradientFall*begin }
	stop, crawling := stopper{last: math.Inf(1)}, 0
	d, lost, err := s.newton(l, start, unit, maxSteps, func(d *descent, relative float64, full, shifted bool) bool {
		if crawling++; full || relative > crawl {
			crawling = 0
		}
		arrived := stop.after(d.change, relative, full && !shifted) || full && relative <= restStep && flat(d.at) ||
			l.coupled != nil && l.drowned(d.at) // in some direction the loss may be as good as level there
		d.unresolved = !arrived && full && stop.idle >= idle
		d.converged = arrived || d.unresolved
		return d.converged || crawling >= crawlLimit
	})
	if err == nil && !d.converged {
		d.converged = lost && flat(d.at) || l.coupled != nil && l.drowned(d.at)
	}
	return d, err
}

// drowned says whether the gradient at a point with second derivatives is no more than what rounding leaves of it: of what is added up, and
// of the logits, sums over all parameters, to which margins are the more sensitive the larger lambda is.
func (l *lossFunction) drowned(at *point) bool {
	largest := 0.0
	for _, row := range at.logits {
		largest = max(largest, floats.Norm(row, math.Inf(1)))
	}
	return floats.Norm(at.grad, 2) <= l.rounding()+1e-16*float64(l.dim)*largest*floats.Norm(at.hess, 1)
}

// descend minimizes from a start and reports the minimum, in the loss function's own parameters.
func (s *solver) descend(l *lossFunction, start []float64) (*result, error) {
	r := &result{status: train.Converged, reason: inLogits}
	if len(s.terms.margins) > 0 && s.terms.barrier == 0 {
		r.reason = inMargins
	}
	best, err := s.overKink(l, start, s.unit(l))
	if err == nil && !best.converged {
		best, err = s.minimize(l, start)
	}
	if err != nil {
		return nil, err
	}
	r.iterations = best.iterations
	if !best.converged && s.terms.convex() { // the minimum may lie on a kink, or a long step end far out, where all derivatives underflow
		d, err := s.quasiNewton(l, best.at.theta, s.unit(l))
		if err != nil {
			return nil, err
		}
		if r.iterations += d.iterations; d.converged {
			best = d
		}
	}
	r.theta, r.change = best.at.theta, best.change
	r.logps = best.at.logp
	if best.unresolved {
		r.reason = l.tasks[0].reasonf("converged in probability; the log-probabilities of the rarest responses, below %.3g, are not "+
			"resolved", math.Log(probabilityStep))
	}
	if !best.converged {
		r.status = Stalled
		r.reason = l.tasks[0].reasonf("Newton's method gave up after %d steps, the last of which moved a probability by %.3g",
			best.iterations, best.change)
	}
	return r, nil
}
