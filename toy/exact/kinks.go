package exact

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// Limits of quasiNewton.
const (
	// sufficientFall and weakCurvature are the constants of the weak Wolfe conditions.
	sufficientFall, weakCurvature = 1e-4, 0.5
	// searchSteps bounds the steps, lineSteps the evaluations of one line search.
	searchSteps, lineSteps = 400, 40
	// near is how far around its end, in units, a search takes gradients together, and hullShare the share of the first
	// gradient's norm that the shortest vector of their hull may have where the loss is least.
	near, hullShare = 1e-5, 1e-5
)

// quasiNewton minimizes by BFGS from a point, where it leaves the best one, and says whether the loss is least there: next to a
// kink no gradient is small, but then 0 lies in the convex hull of the gradients around. It serves losses with kinks, which
// Newton's method does not, since its line search asks for the weak Wolfe conditions alone (Lewis and Overton, Mathematical
// Programming 141, 2013, algorithm 2.6 and section 6.3). unit is the length of the first trial step.
func (s *solver) quasiNewton(l *lossFunction, from []float64, unit float64) (*descent, error) {
	q := &bfgs{l: l, at: l.newPoint(from), next: l.newPoint(from), inverse: mat.NewDense(l.dim, l.dim, nil), unit: unit}
	l.slope(q.at)
	first := floats.Norm(q.at.grad, 2)
	d := &descent{at: q.at, converged: first == 0}
	if first == 0 || math.IsNaN(q.at.loss) || math.IsInf(q.at.loss, 0) {
		return d, nil
	}
	for i := range l.dim {
		q.inverse.Set(i, i, unit/first)
	}
	idle, last := 0, q.at.loss
	for d.iterations < searchSteps && floats.Norm(q.at.grad, 2) > 1e-12*first && idle < 5 && q.step() {
		if err := s.ctx.Err(); err != nil {
			return nil, err
		}
		d.iterations++
		if idle++; q.at.loss < last-4e-16*math.Abs(last) {
			idle, last = 0, q.at.loss
		}
	}
	d.at, d.change, d.converged = q.at, q.change, q.hull(hullShare*first)
	return d, nil
}

// bfgs is a search under way.
type bfgs struct {
	l        *lossFunction
	at, next *point
	inverse  *mat.Dense // estimate of the Hessian's inverse
	unit     float64
	change   float64
	seen     [][2][]float64 // the last points and their gradients
}

// step moves on, and says whether it could.
func (q *bfgs) step() bool {
	n := q.l.dim
	dir := mat.NewVecDense(n, nil)
	dir.MulVec(q.inverse, mat.NewVecDense(n, q.at.grad))
	dir.ScaleVec(-1, dir)
	along := floats.Dot(dir.RawVector().Data, q.at.grad)
	if !(along < 0) || math.IsInf(along, 0) || !q.search(dir.RawVector().Data, along) {
		return false
	}
	move, turn := mat.NewVecDense(n, nil), mat.NewVecDense(n, nil)
	move.SubVec(mat.NewVecDense(n, q.next.theta), mat.NewVecDense(n, q.at.theta))
	turn.SubVec(mat.NewVecDense(n, q.next.grad), mat.NewVecDense(n, q.at.grad))
	if q.seen = append(q.seen, [2][]float64{slices.Clone(q.at.theta), slices.Clone(q.at.grad)}); len(q.seen) > 2*n+2 {
		q.seen = q.seen[1:]
	}
	q.change, _ = compare(q.at, q.next)
	q.at, q.next = q.next, q.at
	// Nocedal and Wright, Numerical Optimization, equations 6.17 and, after the first step, 6.20.
	curvature := mat.Dot(move, turn)
	if !(curvature > 0) || math.IsInf(curvature, 0) {
		return true
	}
	if len(q.seen) == 1 {
		q.inverse.Zero()
		for i := range n {
			q.inverse.Set(i, i, curvature/mat.Dot(turn, turn))
		}
	}
	image := mat.NewVecDense(n, nil)
	image.MulVec(q.inverse, turn)
	bend := mat.Dot(turn, image)
	var outer mat.Dense
	outer.Outer((1+bend/curvature)/curvature, move, move)
	q.inverse.Add(q.inverse, &outer)
	for _, pair := range [][2]*mat.VecDense{{image, move}, {move, image}} {
		outer.Outer(-1/curvature, pair[0], pair[1])
		q.inverse.Add(q.inverse, &outer)
	}
	return true
}

// search finds a step that meets the weak Wolfe conditions, by doubling and bisection, and leaves it in next; where there is
// none that rounding can tell, one that falls.
func (q *bfgs) search(dir []float64, along float64) bool {
	low, high, size := 0.0, math.Inf(1), 1.0
	for range lineSteps {
		floats.AddScaledTo(q.next.theta, q.at.theta, size, dir)
		q.l.slope(q.next)
		switch {
		case !(q.next.loss < q.at.loss+sufficientFall*size*along):
			high = size
		case floats.Dot(q.next.grad, dir) < weakCurvature*along:
			low = size
		default:
			return true
		}
		if size = (low + high) / 2; math.IsInf(high, 1) {
			size = 2 * low
		}
	}
	floats.AddScaledTo(q.next.theta, q.at.theta, low, dir)
	q.l.slope(q.next)
	return low > 0 && q.next.loss < q.at.loss
}

// hull says whether the convex hull of the gradients nearby comes as near to 0 as the goal. Where those that the search has met
// are too few, it adds what is missing where the shortest vector says that the loss should fall (Goldstein, Mathematical
// Programming 13, 1977); where it does fall so, the search has not ended at a minimum.
func (q *bfgs) hull(goal float64) bool {
	around := [][]float64{slices.Clone(q.at.grad)}
	for _, p := range q.seen {
		if floats.Distance(p[0], q.at.theta, math.Inf(1)) <= near*q.unit {
			around = append(around, p[1])
		}
	}
	for range 3*q.l.dim + 3 {
		short := shortest(around)
		norm := floats.Norm(short, 2)
		if norm <= goal || math.IsNaN(norm) {
			return norm <= goal
		}
		floats.AddScaledTo(q.next.theta, q.at.theta, -near*q.unit/norm, short)
		q.l.slope(q.next)
		if q.next.loss < q.at.loss-near*q.unit*norm/2 {
			return false
		}
		around = append(around, slices.Clone(q.next.grad))
	}
	return false
}

// shortest returns nearly the shortest vector in the convex hull of some (Wolfe, Mathematical Programming 11, 1976): a point of
// the hull of a few members is moved to the shortest of their affine hull, members that this leaves without weight are dropped,
// and the vector that lies most across the point is taken in.
func shortest(vectors [][]float64) []float64 {
	at := slices.Clone(vectors[0])
	members, weights := []int{0}, []float64{1}
	for range 8 * len(vectors) {
		best, least := -1, floats.Dot(at, at)*(1-1e-9)
		for i, v := range vectors {
			if d := floats.Dot(at, v); d < least && !slices.Contains(members, i) {
				best, least = i, d
			}
		}
		if best < 0 {
			break
		}
		members, weights = append(members, best), append(weights, 0)
		for len(members) > 1 {
			wanted := affine(vectors, members)
			if wanted == nil {
				return at
			}
			share, out := 1.0, -1
			for i, v := range wanted {
				if v <= 0 && weights[i]/(weights[i]-v) < share {
					share, out = weights[i]/(weights[i]-v), i
				}
			}
			for i, v := range wanted {
				weights[i] += share * (v - weights[i])
			}
			if out < 0 {
				break
			}
			members, weights = slices.Delete(members, out, out+1), slices.Delete(weights, out, out+1)
		}
		clear(at)
		for i, m := range members {
			floats.AddScaled(at, weights[i], vectors[m])
		}
	}
	return at
}

// affine returns the weights of the shortest vector in the affine hull of members: with G their Gram matrix, those proportional to
// (G + s 11')^-1 1 for any s > 0; nil where rounding makes the members dependent.
func affine(vectors [][]float64, members []int) []float64 {
	n := len(members)
	gram, ones := mat.NewSymDense(n, nil), mat.NewVecDense(n, nil)
	lift := floats.Dot(vectors[members[0]], vectors[members[0]])
	for i, a := range members {
		ones.SetVec(i, 1)
		for j := i; j < n; j++ {
			gram.SetSym(i, j, lift+floats.Dot(vectors[a], vectors[members[j]]))
		}
	}
	var factors mat.Cholesky
	var weights mat.VecDense
	if !factors.Factorize(gram) || factors.SolveVecTo(&weights, ones) != nil {
		return nil
	}
	w := weights.RawVector().Data
	floats.Scale(1/floats.Sum(w), w)
	return w
}
