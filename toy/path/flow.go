package path

import (
	"context"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/lapack/lapack64"

	"windtunnel/toy/train"
)

// Descent is a loss as gradient flow sees it.
type Descent struct {
	Theta    []float64             // the policy's parameters, at their start; Flow leaves them at the end
	Gradient func(dst []float64)   // writes the gradient of the loss at Theta
	Loss     func() float64        // at Theta
	Policy   func(dst [][]float64) // writes the policy's log-probabilities at Theta, prompts x K
	Start    [][]float64           // the policy at the start
}

// Numbers of the integrator.
const (
	tolerance  = 1e-5    // error of a step, in total variation
	order      = 3       // of the extrapolation
	unseen     = 5e-4    // total variation by a jump of the gradient at the end of a step
	mostSteps  = 100_000 // of a flow
	atRest     = 5e-6    // total variation of a step of a policy that hardly moves
	restSteps  = 6       // such steps in a row that are rest, each at least twice as long as the one before, or late
	difference = 1e-6    // by which parameters are moved for a Jacobian
	beside     = 1e-3    // and for the scale of the gradient
	jump       = 1e-4    // change of the gradient within a difference that may be one

	suspicious = 5e-4 // total variation of a step so short that the gradient must have jumped
	mostTight  = 4    // such steps in a row

	// Of explicit steps along a kink.
	creep      = 5e-4 // total variation of one
	creepBurst = 8    // steps whose mean is one policy of the path
	creepTurns = 50   // bursts before a longer step is tried again
	creepRest  = 3e-4 // total variation of the mean policy of two spans of time, each half as long as all before, that rests
)

// Flow follows theta' = -gradient from where Theta is to where the policy comes to rest, and returns the policies on the way,
// one whenever the policy has moved by about the resolution in total variation. Time is measured in units in which the flow
// starts with a gradient of norm 1, so a factor on the loss changes nothing but rounding.
//
// Steps are of the linearly implicit Euler method with a Jacobian of finite differences, extrapolated to order 3 (Hairer and
// Wanner 1996, Solving Ordinary Differential Equations II, section IV.9); their length grows without bound where the policy
// approaches rest, be it a minimizer or a vertex of the simplex. Where the gradient jumps, no such step is short enough; the flow
// goes on in short explicit steps from one side of the kink to the other, and the mean of some of them slides along it. An error is
// the context's.
func (d *Descent) Flow(ctx context.Context, p *Params) ([]Point, error) {
	f := newFlow(d, p)
	f.scale()
	f.gradient(f.slope)
	f.record(f.here)
	for floats.Norm(f.slope, 2) > 0 && f.quiet < restSteps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if f.steps >= mostSteps || len(f.points) >= p.Limit() || !f.advance() {
			return f.finish(false), nil
		}
	}
	return f.finish(true), nil
}

// flow is the state of a flow.
type flow struct {
	*Descent
	n            int
	resolution   float64
	unit         float64 // norm of the gradient at the start
	time, length float64 // so far, and of the next step
	moving       float64 // time up to which it moved
	steps, quiet int
	told         int         // steps that points have told of
	tight        int         // steps in a row that were short and only short enough at a second attempt, or hardly
	creeping     int         // bursts of explicit steps before a longer one is tried
	crawled      float64     // time of all bursts
	steep        float64     // largest norm of the gradient of late, on either side of a kink
	spent        float64     // of those since the mean policy was last compared with one before
	bursts       int         // in that time
	sum          []float64   // integral of the parameters over that time
	mark         [][]float64 // the mean policy of the time before
	points       []Point

	start       []float64      // parameters at the start of a step
	slope, next []float64      // the gradient there and at the end
	jacobian    blas64.General // of the gradient
	known       bool           // it is good about here
	since       float64        // total variation since it was taken
	system      blas64.General // 1 + length jacobian, factorized
	pivots      []int
	ends        [order][]float64 // of a step in 1, 2 and 3 parts
	trial, mean []float64
	odd, rest   []float64   // what the Jacobian does not explain of a gradient in the step
	oddness     float64     // norm of odd
	here, there [][]float64 // the policy at the start and at the end of a step, or the mean of a burst of steps
	coarse      [][]float64 // at its end by a method of lower order
}

func newFlow(d *Descent, p *Params) *flow {
	n := len(d.Theta)
	f := &flow{Descent: d, n: n, resolution: p.Resolution(), length: 1e-3}
	f.next, f.odd, f.rest = make([]float64, n), make([]float64, n), make([]float64, n)
	f.start, f.slope, f.trial, f.mean, f.pivots = make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n), make([]int, n)
	f.jacobian = blas64.General{Rows: n, Cols: n, Stride: n, Data: make([]float64, n*n)}
	f.system = blas64.General{Rows: n, Cols: n, Stride: n, Data: make([]float64, n*n)}
	for i := range f.ends {
		f.ends[i] = make([]float64, n)
	}
	f.sum = make([]float64, n)
	copy(f.start, d.Theta)
	for _, row := range d.Start {
		f.here = append(f.here, slices.Clone(row))
		f.mark = append(f.mark, slices.Clone(row))
		f.there = append(f.there, make([]float64, len(row)))
		f.coarse = append(f.coarse, make([]float64, len(row)))
	}
	return f
}

// scale finds the norm of the gradient near the start: beside it, since it may be on a kink, where rounding decides.
func (f *flow) scale() {
	f.unit = 1
	most := 0.0
	for j, v := range f.Theta {
		f.Theta[j] = v + beside
		f.gradient(f.slope)
		f.Theta[j] = v
		most = max(most, floats.Norm(f.slope, 2))
	}
	if most > 0 && finite(most) {
		f.unit = most
	}
}

// gradient writes the gradient at Theta in units of that at the start.
func (f *flow) gradient(dst []float64) {
	f.Gradient(dst)
	floats.Scale(1/f.unit, dst)
}

// record makes a point of a policy, the present one or the mean of some.
func (f *flow) record(policy [][]float64) {
	q := Point{Strength: f.time, Status: train.Done, Loss: f.Loss(), GradNorm: f.unit * floats.Norm(f.slope, 2), Steps: f.steps - f.told}
	f.told = f.steps
	for _, row := range policy {
		q.Policy = append(q.Policy, slices.Clone(row))
	}
	f.points = append(f.points, q)
}

// finish makes the present policy the last point, which says how the flow ended.
func (f *flow) finish(rest bool) []Point {
	if f.time > f.points[len(f.points)-1].Strength {
		f.record(f.there)
	}
	last := &f.points[len(f.points)-1]
	switch {
	case !finite(last.GradNorm) || !finite(last.Loss):
		last.Status, last.Reason, last.Policy = train.Diverged, "the gradient of the loss is not finite along the flow", nil
	case rest:
		last.Reason = "the flow has come to rest"
	default:
		last.Status, last.Reason, last.Policy = stalled, "the flow has not come to rest within the steps and points that are allowed", nil
	}
	return f.points
}

// stalled is the status of a flow that was given up, as of a solver.
const stalled train.Status = "stalled"

// advance takes a step, or a burst of short ones. It is false where none is short enough.
func (f *flow) advance() bool {
	copy(f.start, f.Theta)
	if f.creeping > 0 {
		f.crawl()
		return true
	}
	for refused := range 100 {
		fresh := f.linearize()
		if f.creeping > 0 {
			f.turn()
			return true
		}
		failure := f.attempt()
		moved := Variation(f.here, f.there)
		surprise := f.surprise() / unseen
		excess := max(failure/tolerance, surprise, math.Pow(moved/f.resolution, order))
		factor := 0.85 * math.Pow(excess, -1.0/order)
		if excess <= 1 {
			f.accept(moved, min(5, factor))
			if moved >= suspicious || refused == 0 && surprise <= 0.5 {
				f.tight = 0
			} else if f.tight++; f.tight == mostTight {
				f.creeping, f.tight = creepTurns, 0
				f.turn()
			}
			return true
		}
		copy(f.Theta, f.start)
		if !(factor > 0.1) { // NaN as well
			factor = 0.1
		}
		f.length *= min(factor, 0.7)
		if !fresh {
			f.known = false // the Jacobian may be to blame
		} else if f.explicit() < suspicious {
			f.creeping = creepTurns
			f.turn()
			return true
		}
	}
	return false
}

// turn records the present policy, where the path may have a corner.
func (f *flow) turn() {
	if last := &f.points[len(f.points)-1]; Variation(f.here, last.Policy) > suspicious {
		f.record(f.here)
	}
}

// surprise returns the total variation of a third of a step with the part of a gradient that the Jacobian does not explain, of those
// at the end and on the way the one with most of it. Extrapolation may have lost a jump.
func (f *flow) surprise() float64 {
	f.gradient(f.next)
	f.compare(f.next)
	copy(f.trial, f.odd)
	f.solve(f.trial)
	copy(f.mean, f.Theta)
	floats.AddScaled(f.Theta, f.length/order, f.trial)
	f.Policy(f.coarse)
	copy(f.Theta, f.mean)
	return Variation(f.coarse, f.there)
}

// compare keeps what the Jacobian does not explain of the gradient at Theta where that is more than before in this step.
func (f *flow) compare(gradient []float64) {
	floats.SubTo(f.mean, f.Theta, f.start)
	floats.SubTo(f.rest, gradient, f.slope)
	blas64.Gemv(blas.NoTrans, -1, f.jacobian, blas64.Vector{N: f.n, Inc: 1, Data: f.mean}, 1, blas64.Vector{N: f.n, Inc: 1, Data: f.rest})
	if norm := floats.Norm(f.rest, 2); !(norm <= f.oddness) {
		f.oddness = norm
		copy(f.odd, f.rest)
	}
}

// explicit returns the total variation of an explicit step.
func (f *flow) explicit() float64 {
	floats.AddScaled(f.Theta, -f.length, f.slope)
	f.Policy(f.coarse)
	copy(f.Theta, f.start)
	return Variation(f.here, f.coarse)
}

// accept makes the end of a step the present.
func (f *flow) accept(moved, factor float64) {
	switch {
	case moved >= atRest:
		f.quiet, f.moving = 0, f.time+f.length
	case factor >= 2 || f.time > 100*f.moving: // far out, rounding may hold the steps back
		f.quiet++
	}
	f.time += f.length
	f.steps++
	f.length *= max(0.2, factor)
	f.since += moved
	f.known = f.since <= f.resolution && (moved >= atRest || factor >= 2) // under an old Jacobian steps may not grow at rest
	for i, row := range f.there {
		copy(f.here[i], row)
	}
	f.slope, f.next = f.next, f.slope
	f.keep(f.resolution / 4)
}

// keep records the policy in there where it is farther from the last than a total variation.
func (f *flow) keep(far float64) {
	if last := &f.points[len(f.points)-1]; Variation(f.there, last.Policy) > far {
		f.record(f.there)
	}
}

// crawl takes a burst of explicit steps, whose mean becomes the policy that is reported.
func (f *flow) crawl() {
	norm := floats.Norm(f.slope, 2)
	if moved := f.explicit(); moved > 0 {
		f.length *= min(2, creep/moved*norm/max(norm, f.steep))
	}
	clear(f.mean)
	f.steep *= 0.5
	for range creepBurst {
		f.steep = max(f.steep, floats.Norm(f.slope, 2))
		floats.AddScaled(f.Theta, -f.length, f.slope)
		floats.AddScaled(f.mean, 1.0/creepBurst, f.Theta)
		f.gradient(f.slope)
	}
	f.time += creepBurst * f.length
	f.steps += creepBurst
	f.Policy(f.here)
	copy(f.start, f.Theta)
	copy(f.Theta, f.mean)
	f.Policy(f.there)
	copy(f.Theta, f.start)
	f.keep(f.resolution / 20) // the path may have corners
	f.known = false
	f.creeping--
	floats.AddScaled(f.sum, creepBurst*f.length, f.mean)
	f.spent += creepBurst * f.length
	f.crawled += creepBurst * f.length
	if f.bursts++; f.bursts < creepTurns/2 || f.spent < f.crawled/3 {
		return
	}
	copy(f.Theta, f.sum)
	floats.Scale(1/f.spent, f.Theta)
	f.Policy(f.there)
	copy(f.Theta, f.start)
	if Variation(f.there, f.mark) < creepRest {
		f.quiet = restSteps
	}
	for i, row := range f.there {
		copy(f.mark[i], row)
	}
	clear(f.sum)
	f.spent, f.bursts = 0, 0
}

// linearize takes the Jacobian of the gradient by differences, unless there is one of about here, and says whether it did. Where
// the gradient jumps within a difference there is none, and the flow creeps.
func (f *flow) linearize() bool {
	if f.known {
		return false
	}
	for j := range f.n {
		far := f.column(j, difference)
		if far > jump && f.column(j, difference/1000) > far/2 {
			f.creeping = creepTurns
			return true
		}
	}
	f.known, f.since = true, 0
	return true
}

// column takes a column of the Jacobian and returns the largest change of the gradient behind it.
func (f *flow) column(j int, h float64) float64 {
	f.Theta[j] = f.start[j] + h
	f.gradient(f.trial)
	f.Theta[j] = f.start[j]
	far := 0.0
	for i, v := range f.trial {
		change := v - f.slope[i]
		far = max(far, math.Abs(change))
		f.jacobian.Data[i*f.n+j] = change / h
	}
	return far
}

// attempt takes a step in 1, 2 and 3 parts, leaves the extrapolated end of it at Theta and its policy in there, and returns the total
// variation between it and the end of lower order.
func (f *flow) attempt() float64 {
	f.oddness = -1
	for i := range order {
		copy(f.Theta, f.start)
		if !f.euler(i + 1) {
			return math.NaN()
		}
		copy(f.ends[i], f.Theta)
	}
	for i := range f.n { // Neville's scheme
		one, two, three := f.ends[0][i], f.ends[1][i], f.ends[2][i]
		second, better := 2*two-one, 3*three-2*two
		f.Theta[i], f.trial[i] = better, better+(better-second)/2
	}
	f.Policy(f.coarse)
	copy(f.Theta, f.trial)
	f.Policy(f.there)
	return Variation(f.coarse, f.there)
}

// euler takes a step from Theta in equal parts by the linearly implicit Euler method.
func (f *flow) euler(parts int) bool {
	h := f.length / float64(parts)
	for i, v := range f.jacobian.Data {
		f.system.Data[i] = h * v
	}
	for i := range f.n {
		f.system.Data[i*f.n+i]++
	}
	if !lapack64.Getrf(f.system, f.pivots) {
		return false
	}
	for part := range parts {
		if part == 0 {
			copy(f.trial, f.slope)
		} else {
			f.gradient(f.trial)
			f.compare(f.trial)
		}
		f.solve(f.trial)
		floats.AddScaled(f.Theta, -h, f.trial)
	}
	return true
}

// solve applies the inverse of the last system.
func (f *flow) solve(x []float64) {
	lapack64.Getrs(blas.NoTrans, f.system, blas64.General{Rows: f.n, Cols: 1, Stride: 1, Data: x}, f.pivots)
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
