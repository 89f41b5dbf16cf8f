package exact

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"windtunnel/toy/objective"
)

// simplexEdge minimizes a margin loss whose link is bounded below where the unconstrained scaled margins leave no
// room for normalization. In t the problem reads
//
//	minimize f(t) = sum w psi(lambda (t_w - t_l))  subject to  sum pi_ref r(t) = 1,  t >= low,  r = exp(link^-1(t)).
//
// f is convex and does not change when all t grow together, which makes a feasible point out of any with sum < 1; so
// the constraint may be relaxed to sum <= 1. Where r is convex in t (for the alpha divergence: 1 < alpha <= 2) the
// relaxed problem is convex and every point that satisfies the Karush-Kuhn-Tucker conditions is the minimizer. An
// active-set method finds it: Newton steps on the responses with positive probability, which drop one at a time,
// until the multipliers of the dropped ones are all of the right sign. Otherwise, where psi is not strictly convex, or
// there is no reference, it is searched.
//
// Nor does f change when the t of one group grow together. A group without a response at probability 0 could fall and leave mass
// to all, which would make a minimizer inside the simplex, where the derivatives of f, which add up to 0, would be multiples of
// r' and so all 0, as they are at the unconstrained margins alone. So every group has one, and no direction is flat.
func (s *solver) simplexEdge(t *task, m *marginTerm, groups [][]int, r *result) (*result, error) {
	if m.shape.Convexity < objective.Strict || m.ReferenceFree {
		return s.general(t)
	}
	known := t.reasonf("the unconstrained margins leave no room for probabilities that sum to 1, so the minimizer lies on the "+
		"boundary of the simplex, where some of %s have probability 0", list(all(t.responses())))
	if !convexRatio(m.Link) {
		found, err := s.general(t)
		if err == nil && (found.status == Local || found.status == Stalled) { // at large lambda the loss is flat there but for rounding
			found.status = Boundary
			found.reason = known + "; which of them is not resolved: " + strings.TrimPrefix(found.reason, t.name+": ")
		}
		return found, err
	}
	e := &edge{task: t, margin: m, zero: make([]bool, t.responses()), p: slices.Clone(t.ref), t: make([]float64, t.responses())}
	if len(groups) > 1 { // where all of a group move at no cost, there is no Newton step
		net, _ := t.lead()
		for _, group := range groups {
			last := slices.MinFunc(group, func(a, b int) int { return cmp.Compare(net[a], net[b]) })
			e.zero[last], e.p[last] = true, 0
		}
	}
	e.low, _ = m.inverse.Range()
	e.margins = newLossFunction(m.scaled(), t)
	e.f = e.margins.newPoint(e.t)
	done, err := e.descend(s, r)
	if err != nil {
		return nil, err
	}
	logp, gone := make([]float64, len(e.p)), []int(nil)
	for k, p := range e.p {
		logp[k] = math.Log(p)
		if p == 0 {
			gone = append(gone, k)
		}
	}
	r.status, r.logps = Boundary, [][]float64{logp}
	r.reason = t.reasonf("the minimizer lies on the boundary of the simplex: %s at probability 0", list(gone))
	if !done || gone == nil { // as well
		r.reason = fmt.Sprintf("%s; which of them is not resolved: where %d steps ended is reported", known, r.iterations)
	}
	return r, nil
}

// all returns 0..n-1.
func all(n int) []int {
	every := make([]int, n)
	for i := range every {
		every[i] = i
	}
	return every
}

// convexRatio says whether r is a convex function of t = link(log r), which is so where the link's second derivative in
// log r is nowhere above its first. For the links at hand the ratio of the two is a constant or monotone, so a coarse
// grid decides.
func convexRatio(link objective.Link) bool {
	x := []float64{-20, -10, -5, -2, -1, 0, 1, 2, 5, 10, 20}
	slope, curve := make([]float64, len(x)), make([]float64, len(x))
	link.Slope(x, slope)
	link.Curve(x, curve)
	for i := range x {
		if curve[i] > slope[i]*(1+1e-12) {
			return false
		}
	}
	return true
}

// edge is the state of the active-set method: a policy p, some responses of which are held at 0.
type edge struct {
	task   *task
	margin *marginTerm
	low    float64
	zero   []bool
	p      []float64

	margins  *lossFunction // f by lambda t
	f        *point        // and its derivatives at t
	t        []float64     // link values
	r1, r2   []float64     // first and second derivative of sum pi_ref r(t) by lambda t
	multiply float64       // the constraint's multiplier
}

// descend runs the active-set method.
func (e *edge) descend(s *solver, r *result) (bool, error) {
	last := math.Inf(1)
	for range maxSteps {
		if err := s.ctx.Err(); err != nil {
			return false, err
		}
		r.iterations++
		loss := e.evaluate()
		dir, ok := e.newton()
		if !ok {
			return false, nil
		}
		change, relative := e.move(dir, loss)
		r.change = change
		arrived := relative <= 1e-6 && (change <= probabilityStep || change <= roundingStep && change >= last/2)
		if arrived && !e.release() {
			return true, nil
		}
		last = change
	}
	return false, nil
}

// evaluate computes t and the derivatives at p.
func (e *edge) evaluate() float64 {
	k := len(e.p)
	e.t, e.r1, e.r2 = make([]float64, k), make([]float64, k), make([]float64, k)
	x, slope, curve := make([]float64, k), make([]float64, k), make([]float64, k)
	for i, p := range e.p {
		// At probability 0 the derivatives are limits; log r = -600 is as good as minus infinity.
		x[i] = max(math.Log(p)-e.task.logRef[i], -600)
	}
	e.margin.Link.Value(x, e.t)
	e.margin.Link.Slope(x, slope)
	e.margin.Link.Curve(x, curve)
	lambda := e.margin.Lambda
	for i := range e.p {
		ratio := math.Exp(x[i])
		e.r1[i] = e.task.ref[i] * ratio / slope[i] / lambda
		e.r2[i] = e.task.ref[i] * ratio / slope[i] * (slope[i] - curve[i]) / slope[i] / slope[i] / lambda / lambda
		if e.zero[i] {
			e.t[i] = e.low
		}
	}
	for i, t := range e.t {
		e.f.theta[i] = lambda * t
	}
	e.margins.evaluate(e.f)
	return e.f.loss
}

// newton solves the equality-constrained Newton system on the responses with positive probability, for the step in z.
func (e *edge) newton() ([]float64, bool) {
	var free []int
	for k := range e.p {
		if !e.zero[k] {
			free = append(free, k)
		}
	}
	n := len(free)
	matrix, rhs := mat.NewDense(n+1, n+1, nil), mat.NewVecDense(n+1, nil)
	for a, i := range free {
		for b, j := range free {
			matrix.Set(a, b, e.f.hess[i*len(e.p)+j])
		}
		matrix.Set(a, a, e.f.hess[i*len(e.p)+i]+max(0, e.multiply)*e.r2[i])
		matrix.Set(a, n, e.r1[i])
		matrix.Set(n, a, e.r1[i])
		rhs.SetVec(a, -e.f.grad[i])
	}
	var lu mat.LU
	lu.Factorize(matrix)
	var solution mat.VecDense
	if err := lu.SolveVecTo(&solution, false, rhs); err != nil && math.IsInf(float64(err.(mat.Condition)), 1) {
		return nil, false
	}
	dir := make([]float64, len(e.p))
	for a, i := range free {
		dir[i] = solution.AtVec(a)
	}
	e.multiply = solution.AtVec(n)
	return dir, true
}

// move steps along dir in z, not beyond the bound of any response, drops the response whose bound it meets,
// normalizes, and halves the step while the loss grows. It returns the largest change of a probability, and of a t relative to
// the largest: near alpha = 1 rare responses still matter.
func (e *edge) move(dir []float64, loss float64) (change, relative float64) {
	reach, blocked := 1.0, -1
	for k, d := range dir {
		if room := e.margin.Lambda * (e.t[k] - e.low); !e.zero[k] && -d*reach > room {
			reach, blocked = room/-d, k
		}
	}
	old, from := append([]float64(nil), e.p...), append([]float64(nil), e.t...)
	for size := reach; ; size /= 2 {
		if size < reach {
			blocked = -1
		}
		total := 0.0
		for k, d := range dir {
			e.p[k] = 0
			if !e.zero[k] && k != blocked {
				e.p[k] = math.Exp(e.task.logRef[k] + e.margin.inverse.Inverse(max(e.low, from[k]+size*d/e.margin.Lambda)))
			}
			total += e.p[k]
		}
		for k := range e.p {
			e.p[k] /= total
		}
		if e.evaluate() <= loss*(1+1e-14) || size < 1e-18*reach {
			break
		}
	}
	if blocked >= 0 {
		e.zero[blocked] = true
		return 1, 1
	}
	for k, p := range e.p {
		change = max(change, math.Abs(p-old[k]))
		relative = max(relative, math.Abs(e.t[k]-from[k])/(floats.Max(e.t)-e.low))
	}
	return change, relative
}

// release frees the dropped response whose multiplier has the wrong sign most clearly, beyond the rounding of the
// gradient, and says whether there is one.
func (e *edge) release() bool {
	scale := 0.0
	for k, g := range e.f.grad {
		scale = max(scale, math.Abs(g), math.Abs(e.multiply*e.r1[k]))
	}
	worst, least := -1, -1e-13*scale
	for k, held := range e.zero {
		if s := e.f.grad[k] + e.multiply*e.r1[k]; held && s < least {
			worst, least = k, s
		}
	}
	if worst < 0 {
		return false
	}
	e.zero[worst] = false
	// So little that its t is next to the bound as well.
	e.p[worst] = min(1e-12, math.Exp(e.task.logRef[worst]+e.margin.inverse.Inverse(e.low+1e-6*(floats.Max(e.t)-e.low))))
	return true
}
