package scorecard

import (
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// surface is a function to be minimized.
type surface interface {
	// loss returns the value at x.
	loss(x []float64) float64
	// slope writes the gradient at the x that was last given to loss.
	slope(grad []float64)
}

// Limits of quasiNewton.
const (
	// sufficientFall and weakCurvature are the constants of the weak Wolfe conditions.
	sufficientFall = 1e-4
	weakCurvature  = 0.5
	// searchSteps bounds the steps, lineSteps the evaluations of one line search.
	searchSteps = 300
	lineSteps   = 20
	// rounding is the share of the value below which a fall is lost in rounding.
	rounding = 3e-15
	// A search ends after idleMoves steps that move nothing by more than idleMove of itself, or below 1 of 1.
	idleMove, idleMoves = 1e-8, 5
	// outside is how far from the origin a search follows a loss that falls for ever.
	outside = 1e9
	// hullEvery is after how many steps the hull of gradients is examined.
	hullEvery = 8
	// hullGradients is how many gradients a parameter are added to the hull at the end of a search.
	hullGradients = 2
)

// quasiNewton minimizes by BFGS from x, where it leaves the best point, and returns the norm of the shortest vector in the
// convex hull of gradients at points within the distance near of there. It ends where that norm is at
// most the tolerance. The line search asks for the weak Wolfe conditions alone, with which BFGS
// converges on functions with kinks as well (Lewis and Overton, Mathematical Programming 141, 2013, algorithm 2.6);
// gonum/optimize asks for the strong ones, which no point next to a kink meets. One unit of x is the length of the first
// trial step.
func quasiNewton(f surface, x []float64, tolerance, near float64) (norm float64) {
	n := len(x)
	q := &bfgs{f: f, x: x, seen: newTrace(n), near: near, tolerance: tolerance, grad: make([]float64, n), next: make([]float64, n), nextGrad: make([]float64, n),
		inverse: mat.NewSymDense(n, nil), move: mat.NewVecDense(n, nil), turn: mat.NewVecDense(n, nil), image: mat.NewVecDense(n, nil)}
	q.value = f.loss(x)
	f.slope(q.grad)
	begin := floats.Norm(q.grad, 2)
	if begin <= tolerance || math.IsNaN(q.value) {
		return begin
	}
	for i := range n {
		q.inverse.SetSym(i, i, 1/begin)
	}
	for q.steps < searchSteps && q.idle < idleMoves && floats.Norm(x, math.Inf(1)) < outside && !q.converged() && q.step() {
	}
	return q.norm()
}

// converged says whether the search may end. The hull is examined now and then only, once the steps are short, and in
// a tenth of the distance, so that searches end well within it.
func (q *bfgs) converged() bool {
	if floats.Norm(q.grad, 2) <= q.tolerance {
		return true
	}
	if q.calls++; q.calls%hullEvery != 0 || !(mat.Norm(q.move, math.Inf(1)) <= q.near) {
		return false
	}
	return newCorral(append(q.seen.around(q.x, q.near/10), q.grad)).shorten(q.tolerance) <= q.tolerance
}

// norm returns the norm that quasiNewton does. Where the gradients that the search has met are too few for that, it adds the
// missing ones where the shortest vector of their hull says that the loss should fall (Goldstein, Mathematical Programming 13,
// 1977); where it does fall so, the search has not ended at a minimum.
func (q *bfgs) norm() float64 {
	hull := newCorral(append(q.seen.around(q.x, q.near), append([]float64(nil), q.grad...)))
	for range hullGradients * len(q.x) {
		norm := hull.shorten(q.tolerance)
		if norm <= q.tolerance || !(norm < math.Inf(1)) {
			return norm
		}
		value := q.f.loss(floats.AddScaledTo(q.next, q.x, -q.near/norm, hull.at))
		if value < q.value-q.near*norm/2 {
			return norm
		}
		grad := make([]float64, len(q.x))
		q.f.slope(grad)
		hull.vectors = append(hull.vectors, grad)
	}
	return hull.shorten(q.tolerance)
}

// bfgs is a search under way.
type bfgs struct {
	f              surface
	x, grad        []float64
	value          float64
	next, nextGrad []float64
	inverse        *mat.SymDense // estimate of the Hessian's inverse
	move, turn     *mat.VecDense // last step, and how it turned the gradient
	image          *mat.VecDense
	steps, idle    int
	seen           *trace
	near           float64
	tolerance      float64
	calls          int
}

// step moves on, and says whether it could.
func (q *bfgs) step() bool {
	n := len(q.x)
	dir := q.image
	dir.MulVec(q.inverse, mat.NewVecDense(n, q.grad))
	dir.ScaleVec(-1, dir)
	along := mat.Dot(dir, mat.NewVecDense(n, q.grad))
	if !(along < -rounding*math.Abs(q.value)) || math.IsInf(along, 0) {
		return false
	}
	value, ok := q.search(dir.RawVector().Data, along)
	if !ok {
		return false
	}
	q.idle++
	for i, v := range q.x {
		move := q.next[i] - v
		if math.Abs(move) > idleMove*max(1, math.Abs(v)) {
			q.idle = 0
		}
		q.move.SetVec(i, move)
		q.turn.SetVec(i, q.nextGrad[i]-q.grad[i])
	}
	q.seen.add(q.x, q.grad)
	copy(q.x, q.next)
	copy(q.grad, q.nextGrad)
	q.value = value
	q.update()
	q.steps++
	return true
}

// search finds a step along a direction that meets the weak Wolfe conditions, by doubling and bisection, and leaves
// it in next; where there is none that rounding can tell, for one that falls.
func (q *bfgs) search(dir []float64, along float64) (value float64, ok bool) {
	low, high, size := 0.0, math.Inf(1), 1.0
	for range lineSteps {
		floats.AddScaledTo(q.next, q.x, size, dir)
		value = q.f.loss(q.next)
		if !(value < q.value+sufficientFall*size*along) {
			high = size
		} else if q.f.slope(q.nextGrad); floats.Dot(q.nextGrad, dir) < weakCurvature*along {
			low = size
		} else {
			return value, true
		}
		if math.IsInf(high, 1) {
			size *= 2
		} else {
			size = (low + high) / 2
		}
	}
	if low == 0 {
		return value, false
	}
	floats.AddScaledTo(q.next, q.x, low, dir)
	value = q.f.loss(q.next)
	q.f.slope(q.nextGrad)
	return value, value < q.value
}

// update takes the last step into the estimate of the inverse Hessian (Nocedal and Wright, Numerical Optimization, eq. 6.17
// and, after the first step, 6.20).
func (q *bfgs) update() {
	curvature := mat.Dot(q.move, q.turn)
	if !(curvature > 0) || math.IsInf(curvature, 0) {
		return
	}
	if q.steps == 0 {
		scale := curvature / mat.Dot(q.turn, q.turn)
		for i := range q.x {
			q.inverse.SetSym(i, i, scale)
		}
	}
	q.image.MulVec(q.inverse, q.turn)
	bend := mat.Dot(q.turn, q.image)
	q.inverse.SymRankOne(q.inverse, (1+bend/curvature)/curvature, q.move)
	q.inverse.RankTwo(q.inverse, -1/curvature, q.image, q.move)
}
