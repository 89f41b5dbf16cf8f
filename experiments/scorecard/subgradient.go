package scorecard

import (
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// trace holds the last points of a search with their gradients. Next to a kink no gradient is small, but a search crosses
// the kink again and again, and where it ends 0 lies in the convex hull of the gradients around: the stopping criterion of
// Lewis and Overton (Mathematical Programming 141, 2013, section 6.3).
type trace struct {
	points, grads [][]float64
	next, held    int
}

// newTrace returns a trace of as many points as a hull in n dimensions may need, twice over.
func newTrace(n int) *trace {
	t := &trace{points: make([][]float64, 2*n+2), grads: make([][]float64, 2*n+2)}
	for i := range t.points {
		t.points[i], t.grads[i] = make([]float64, n), make([]float64, n)
	}
	return t
}

// add takes in a point, in place of the oldest one.
func (t *trace) add(x, grad []float64) {
	copy(t.points[t.next], x)
	copy(t.grads[t.next], grad)
	t.next = (t.next + 1) % len(t.points)
	t.held = min(t.held+1, len(t.points))
}

// around returns the gradients of the points within a distance of x, in the largest coordinate.
func (t *trace) around(x []float64, within float64) [][]float64 {
	var all [][]float64
	for i, p := range t.points[:t.held] {
		if floats.Distance(p, x, math.Inf(1)) <= within {
			all = append(all, t.grads[i])
		}
	}
	return all
}

// newCorral returns the shortest of some vectors.
func newCorral(vectors [][]float64) *corral {
	c := &corral{vectors: vectors, at: make([]float64, len(vectors[0]))}
	first := 0
	for i, v := range vectors {
		if floats.Dot(v, v) < floats.Dot(vectors[first], vectors[first]) {
			first = i
		}
	}
	c.members, c.weights = []int{first}, []float64{1}
	c.compute()
	return c
}

// shorten goes on to a point that is as short as the goal or, where there is none, next to the shortest (Wolfe, Mathematical
// Programming 11, 1976), and returns its norm.
func (c *corral) shorten(goal float64) float64 {
	for range 4 * len(c.vectors) {
		norm := floats.Norm(c.at, 2)
		if norm <= goal || !c.extend(norm) {
			break
		}
		for c.shrink() {
		}
		c.compute()
	}
	return floats.Norm(c.at, 2)
}

// corral is a point of the hull, as weights, which sum to 1, of some of the vectors.
type corral struct {
	vectors [][]float64
	members []int
	weights []float64
	at      []float64
}

// compute sets the point to what the weights say.
func (c *corral) compute() {
	clear(c.at)
	for i, m := range c.members {
		floats.AddScaled(c.at, c.weights[i], c.vectors[m])
	}
}

// extend takes in the vector that promises most, unless none makes the point shorter.
func (c *corral) extend(norm float64) bool {
	best, least := -1, math.Inf(1)
	for i, v := range c.vectors {
		if d := floats.Dot(c.at, v); d < least {
			best, least = i, d
		}
	}
	if least > norm*norm*(1-1e-6) {
		return false
	}
	for _, m := range c.members {
		if m == best {
			return false
		}
	}
	c.members, c.weights = append(c.members, best), append(c.weights, 0)
	return true
}

// shrink goes from the point towards the shortest one of the members' affine hull, as far as weights stay positive, and
// says whether a member was dropped on the way.
func (c *corral) shrink() bool {
	wanted, ok := c.affine()
	if !ok {
		return false
	}
	share, out := 1.0, -1
	for i, v := range wanted {
		if v <= 0 && c.weights[i]/(c.weights[i]-v) < share {
			share, out = c.weights[i]/(c.weights[i]-v), i
		}
	}
	for i, v := range wanted {
		c.weights[i] += share * (v - c.weights[i])
	}
	if out < 0 {
		return false
	}
	c.members = append(c.members[:out], c.members[out+1:]...)
	c.weights = append(c.weights[:out], c.weights[out+1:]...)
	floats.Scale(1/floats.Sum(c.weights), c.weights)
	return true
}

// affine returns the weights of the shortest vector in the members' affine hull: with G their Gram matrix, those
// proportional to (G + s 11')^-1 1 for any s > 0. It has none where rounding makes the members dependent.
func (c *corral) affine() ([]float64, bool) {
	n := len(c.members)
	gram, ones := mat.NewSymDense(n, nil), mat.NewVecDense(n, nil)
	lift := floats.Dot(c.vectors[c.members[0]], c.vectors[c.members[0]])
	for i, a := range c.members {
		ones.SetVec(i, 1)
		for j := i; j < n; j++ {
			gram.SetSym(i, j, lift+floats.Dot(c.vectors[a], c.vectors[c.members[j]]))
		}
	}
	var factors mat.Cholesky
	if !factors.Factorize(gram) {
		return nil, false
	}
	weights := mat.NewVecDense(n, nil)
	if err := factors.SolveVecTo(weights, ones); err != nil && math.IsInf(factors.Cond(), 1) {
		return nil, false
	}
	w := weights.RawVector().Data
	floats.Scale(1/floats.Sum(w), w)
	return w, !floats.HasNaN(w)
}
