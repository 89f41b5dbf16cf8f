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
	tolerance  = 1e-5   // error of a step, in total variation
	order      = 3      // of the extrapolation
	mostSteps  = 20_000 // of a flow
	atRest     = 1e-7   // total variation of a step of a policy that hardly moves
	restSteps  = 4      // such steps in a row, each at least twice as long as the one before, that are rest
	difference = 1e-6   // by which parameters are moved for a Jacobian

	// Of steps along a kink.
	suspicious     = 5e-4 // total variation of a step too short for a gradient without jumps
	slideTolerance = 2e-4
	slideRest      = 5e-4
	slideSteps     = 8    // before the longer steps are tried again
	kinkWidth      = 2e-4 // distance in the parameters at which a kink counts as reached
)

// Flow follows theta' = -gradient from where Theta is to where the policy comes to rest, and returns the policies on the way,
// one whenever the policy has moved by about the resolution in total variation. Time is measured in units in which the flow
// starts with a gradient of norm 1, so a factor on the loss changes nothing but rounding.
//
// Steps are of the linearly implicit Euler method with a Jacobian of finite differences, extrapolated to order 3 (Hairer and
// Wanner 1996, Solving Ordinary Differential Equations II, section IV.9); their length grows without bound where the policy
// approaches rest, be it a minimizer or a vertex of the simplex.
//
// Where the gradient jumps, no such step is short enough. There the method is not extrapolated, and differences are as wide as
// the distance at which a kink counts as reached: across a jump the Jacobian is then so steep in the normal direction that the
// implicit step is along the kink, with the velocity of Filippov's sliding motion. An error is the context's.
func (d *Descent) Flow(ctx context.Context, p *Params) ([]Point, error) {
	f := newFlow(d, p)
	f.unit = 1
	d.Gradient(f.slope)
	if norm := floats.Norm(f.slope, 2); norm > 0 && finite(norm) {
		f.unit = norm
		floats.Scale(1/norm, f.slope)
	}
	f.record()
	for floats.Norm(f.slope, 2) > 0 && f.quiet < restSteps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if f.steps == mostSteps || len(f.points) >= p.Limit() || !f.advance() {
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
	steps, quiet int
	told         int // steps that points have told of
	sliding      int // steps along a kink before a longer one is tried
	points       []Point

	start, slope []float64      // parameters at the start of a step, and the gradient there
	jacobian     blas64.General // of the gradient
	width        float64        // of its differences, 0 where none is known that is good about here
	since        float64        // total variation since it was taken
	system       blas64.General // 1 + length jacobian, factorized
	pivots       []int
	ends         [order][]float64 // of a step in 1, 2 and 3 parts, then extrapolated
	trial        []float64
	here, there  [][]float64 // the policy at the start and at the end of a step
	coarse       [][]float64 // at its end by a method of lower order
}

func newFlow(d *Descent, p *Params) *flow {
	n := len(d.Theta)
	f := &flow{Descent: d, n: n, resolution: p.Resolution(), length: 1e-3}
	f.start, f.slope, f.trial, f.pivots = make([]float64, n), make([]float64, n), make([]float64, n), make([]int, n)
	f.jacobian = blas64.General{Rows: n, Cols: n, Stride: n, Data: make([]float64, n*n)}
	f.system = blas64.General{Rows: n, Cols: n, Stride: n, Data: make([]float64, n*n)}
	for i := range f.ends {
		f.ends[i] = make([]float64, n)
	}
	for _, row := range d.Start {
		f.here = append(f.here, slices.Clone(row))
		f.there = append(f.there, make([]float64, len(row)))
		f.coarse = append(f.coarse, make([]float64, len(row)))
	}
	return f
}

// gradient writes the gradient at Theta in units of that at the start.
func (f *flow) gradient(dst []float64) {
	f.Gradient(dst)
	floats.Scale(1/f.unit, dst)
}

// record makes a point of the present policy.
func (f *flow) record() {
	q := Point{Strength: f.time, Status: train.Done, Loss: f.Loss(), GradNorm: f.unit * floats.Norm(f.slope, 2), Steps: f.steps - f.told}
	f.told = f.steps
	for _, row := range f.here {
		q.Policy = append(q.Policy, slices.Clone(row))
	}
	f.points = append(f.points, q)
}

// finish makes the present policy the last point, which says how the flow ended.
func (f *flow) finish(rest bool) []Point {
	if f.time > f.points[len(f.points)-1].Strength {
		f.record()
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

// advance takes one step. It is false where none is short enough.
func (f *flow) advance() bool {
	copy(f.start, f.Theta)
	for range 100 {
		slide := f.sliding > 0
		width, parts, allowed := difference, order, tolerance
		if slide {
			width, parts, allowed = kinkWidth, 2, slideTolerance
		}
		fresh := f.linearize(width)
		failure := f.attempt(parts, slide)
		moved := Variation(f.here, f.there)
		power := 1 / float64(order)
		if slide {
			power = 0.5
		}
		excess := max(failure/allowed, math.Pow(moved/f.resolution, 1/power))
		factor := 0.85 * math.Pow(excess, -power)
		if excess <= 1 {
			f.accept(moved, min(5, factor), slide)
			return true
		}
		copy(f.Theta, f.start)
		if !(factor > 0.1) { // NaN as well
			factor = 0.1
		}
		f.length *= min(factor, 0.7)
		if !fresh {
			f.width = 0 // the Jacobian may be to blame
		} else if !slide && f.linear() < suspicious {
			f.sliding = slideSteps
		}
	}
	return false
}

// linear returns the total variation of an explicit step.
func (f *flow) linear() float64 {
	floats.AddScaled(f.Theta, -f.length, f.slope)
	f.Policy(f.coarse)
	copy(f.Theta, f.start)
	return Variation(f.here, f.coarse)
}

// accept makes the end of a step the present.
func (f *flow) accept(moved, factor float64, slide bool) {
	still := atRest
	if slide {
		still = slideRest
		f.sliding--
	}
	switch {
	case moved >= still:
		f.quiet = 0
	case factor >= 2:
		f.quiet++
	}
	f.time += f.length
	f.steps++
	f.length *= max(0.2, factor)
	if f.since += moved; f.since > f.resolution || slide {
		f.width = 0
	}
	f.here, f.there = f.there, f.here
	f.gradient(f.slope)
	if last := &f.points[len(f.points)-1]; Variation(f.here, last.Policy) > f.resolution/2 {
		f.record()
	}
}

// linearize takes the Jacobian of the gradient by differences, unless there is one of about here, and says whether it did.
func (f *flow) linearize(width float64) bool {
	if f.width == width {
		return false
	}
	for j := range f.n {
		f.Theta[j] = f.start[j] + width
		f.gradient(f.trial)
		below := f.slope
		if width > difference { // a kink on either side counts
			copy(f.ends[0], f.trial)
			f.Theta[j] = f.start[j] - width
			f.gradient(f.trial)
			below = f.trial
			for i, v := range f.ends[0] {
				f.jacobian.Data[i*f.n+j] = (v - below[i]) / (2 * width)
			}
		} else {
			for i, v := range f.trial {
				f.jacobian.Data[i*f.n+j] = (v - below[i]) / width
			}
		}
		f.Theta[j] = f.start[j]
	}
	f.width, f.since = width, 0
	return true
}

// attempt takes a step in 1 to a number of parts, leaves the extrapolated end of it at Theta, or when sliding that in most
// parts, and its policy in there, and returns the total variation between it and the end that is next best.
func (f *flow) attempt(parts int, slide bool) float64 {
	for part := range parts {
		copy(f.Theta, f.start)
		if !f.euler(part + 1) {
			return math.NaN()
		}
		copy(f.ends[part], f.Theta)
	}
	if slide {
		copy(f.trial, f.ends[0])
	} else {
		for i := range f.n {
			one, two, three := f.ends[0][i], f.ends[1][i], f.ends[2][i]
			second, better := 2*two-one, 3*three-2*two
			f.trial[i], f.Theta[i] = better, better+(better-second)/2
		}
	}
	copy(f.ends[1], f.Theta)
	copy(f.Theta, f.trial)
	f.Policy(f.coarse)
	copy(f.Theta, f.ends[1])
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
		}
		lapack64.Getrs(blas.NoTrans, f.system, blas64.General{Rows: f.n, Cols: 1, Stride: 1, Data: f.trial}, f.pivots)
		floats.AddScaled(f.Theta, -h, f.trial)
	}
	return true
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
