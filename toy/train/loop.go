package train

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
)

// Params are the settings of training.
type Params struct {
	Optimizer   OptimizerParams `yaml:"optimizer" doc:"how gradients become steps"`
	Schedule    ScheduleParams  `yaml:"schedule" doc:"how the learning rate changes over the steps"`
	BatchSize   int             `yaml:"batch_size" range:"[0,1e9]" doc:"comparisons a step; 0 takes all of them"`
	Epochs      int             `yaml:"epochs" range:"[1,1e9]" doc:"passes over the comparisons"`
	MaxSteps    int             `yaml:"max_steps" range:"[0,1e12]" doc:"early stopping: at most this many steps; 0 is no limit"`
	Shuffle     bool            `yaml:"shuffle" doc:"draw a new order of the comparisons each epoch"`
	ClipNorm    float64         `yaml:"clip_norm" range:"[0,1e300]" doc:"the gradient is scaled by min(1, clip_norm/(norm + 1e-6)); 0 does not clip"`
	RecordEvery int             `yaml:"record_every" range:"[0,1e9]" doc:"steps between records; the first and the last state are always recorded, 0 records only these"`
	Tolerance   float64         `yaml:"tolerance" range:"[0,1e6]" doc:"stop as converged when the gradient norm before clipping falls below this; 0 never stops early"`
}

// DefaultParams returns the defaults of training: Adam at 1e-3, batches of 20, 1000 epochs in the given order.
func DefaultParams() Params {
	return Params{
		Optimizer: adamKind.New(), Schedule: &Constant{},
		BatchSize: 20, Epochs: 1000, RecordEvery: 50,
	}
}

// Constraint holds what restrains training beside the loss.
type Constraint struct {
	L2       float64 `yaml:"l2" range:"[0,1e12]" doc:"alpha of the penalty alpha * sum(theta^2) in the loss"`
	KLRadius float64 `yaml:"kl_radius" range:"[0,1e6]" doc:"after every step the policy is projected onto KL(pi to pi_ref) <= kl_radius (nats); 0 is no constraint"`
}

// Status says why training ended.
type Status string

// Done: all steps were taken. Converged: the gradient fell below the tolerance. Diverged: the gradient or, after the
// last step, a parameter is not finite.
const (
	Done      Status = "done"
	Converged Status = "converged"
	Diverged  Status = "diverged"
)

// Outcome is the end of training.
type Outcome struct {
	Status Status
	Steps  int    // the last step, counted from 1; the one that ends training as converged or diverged moves nothing
	Reason string // one sentence; "" for Done
}

// Record is a moment of training at which the caller may look at the policy: after Step steps, with the loss and the
// gradient norm (before clipping) of the step's minibatch before its update. Both are NaN at step 0.
type Record struct {
	Step     int
	Loss     float64
	GradNorm float64
}

// Loop trains a policy.
type Loop struct {
	Problem  *Problem
	Data     *preference.Pairs // at least one comparison; not read with Online
	Params   Params
	KLRadius float64    // see Constraint
	Order    *rand.Rand // source of the shuffled order; used only with Params.Shuffle
	Online   *Online    // nil: all training is on Data
}

// checkEvery is how many steps pass between looks at the context; the first is before step 1.
const checkEvery = 64

// Run takes the steps and calls record at step 0, every RecordEvery steps and at the end, with Online also at the end of
// every round. The schedule stretches over all epochs and rounds, so that a run stopped early by MaxSteps is the beginning
// of the full one. It returns the context's error if that ends first, or ErrNoPairs of the first round.
func (l *Loop) Run(ctx context.Context, record func(Record)) (Outcome, error) {
	if l.Online != nil {
		return l.rounds(ctx, record)
	}
	s := newStepper(l)
	full := s.batches.perEpoch * l.Params.Epochs
	record(Record{0, math.NaN(), math.NaN()})
	end, err := l.take(ctx, s, span{steps: l.atMost(full), full: full}, record)
	if err != nil || end.Status != Done {
		return end, err
	}
	return l.check(end), nil
}

// atMost returns a number of steps as MaxSteps allows it.
func (l *Loop) atMost(steps int) int {
	if l.Params.MaxSteps > 0 {
		return min(steps, l.Params.MaxSteps)
	}
	return steps
}

// span is a stretch of steps over the same comparisons.
type span struct {
	before, steps int // steps taken before it, and in it
	at, full      int // of the schedule: where it stands before the first step, and its length
}

// take takes the steps of a span; the last one is recorded.
func (l *Loop) take(ctx context.Context, s *stepper, p span, record func(Record)) (Outcome, error) {
	last := p.before + p.steps
	for step := p.before + 1; step <= last; step++ {
		if step%checkEvery == 1 && ctx.Err() != nil {
			return Outcome{}, ctx.Err()
		}
		m := s.batches.next()
		l.Problem.advance(m)
		r := Record{Step: step, GradNorm: s.gradient(m)}
		end, stop := l.stopped(r)
		due := stop || step == last || l.Params.RecordEvery > 0 && step%l.Params.RecordEvery == 0
		if due {
			r.Loss = l.Problem.Loss(m)
		}
		if !stop {
			s.move(m, r.GradNorm, l.Params.Schedule.Factor(p.at+step-p.before-1, p.full))
			l.Problem.follow(step)
		}
		if due {
			record(r)
		}
		if stop {
			return end, nil
		}
	}
	return Outcome{Status: Done, Steps: last}, nil
}

// check looks at the parameters after the last step.
func (l *Loop) check(end Outcome) Outcome {
	if slices.ContainsFunc(l.Problem.Policy.Params(), func(v float64) bool { return !finite(v) }) {
		return Outcome{Diverged, end.Steps, fmt.Sprintf("a parameter is not finite after step %d", end.Steps)}
	}
	return end
}

// stopped says whether training ends before this step's update, and why.
func (l *Loop) stopped(r Record) (Outcome, bool) {
	switch {
	case !finite(r.GradNorm):
		return Outcome{Diverged, r.Step, fmt.Sprintf("the gradient's norm is %v at step %d", r.GradNorm, r.Step)}, true
	case r.GradNorm < l.Params.Tolerance:
		return Outcome{Converged, r.Step,
			fmt.Sprintf("the gradient's norm fell to %.3g at step %d", r.GradNorm, r.Step)}, true
	}
	return Outcome{}, false
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// stepper holds what a step needs.
type stepper struct {
	problem   *Problem
	batches   *batches
	optimizer Optimizer
	sparse    SparseOptimizer // nil: the whole gradient is visited
	ball      *ball           // nil: no projection
	grad      []float64       // of the current minibatch; between sparse steps zero
	clip      float64
}

func newStepper(l *Loop) *stepper {
	n := len(l.Problem.Policy.Params())
	s := &stepper{problem: l.Problem, batches: newBatches(l), optimizer: l.Params.Optimizer.Optimizer(n),
		grad: make([]float64, n), clip: l.Params.ClipNorm}
	_, sparsePolicy := l.Problem.Policy.(policy.Sparse)
	if o, ok := s.optimizer.(SparseOptimizer); ok && o.Sparse() && sparsePolicy &&
		l.Problem.scored && l.Problem.L2 == 0 && l.KLRadius == 0 {
		s.sparse = o
	}
	if l.KLRadius > 0 {
		s.ball = newBall(l.Problem, l.KLRadius)
	}
	return s
}

// gradient evaluates the gradient on a minibatch and returns its norm before clipping, which is not finite if an entry
// is not.
func (s *stepper) gradient(m *Minibatch) float64 {
	square := 0.0
	if s.sparse != nil {
		s.problem.AddGrad(m, s.grad)
		for _, i := range m.support {
			square += s.grad[i] * s.grad[i]
		}
	} else {
		clear(s.grad)
		s.problem.AddGrad(m, s.grad)
		for _, g := range s.grad {
			square += g * g
		}
	}
	if norm := math.Sqrt(square); finite(norm) {
		return norm
	}
	return floats.Norm(s.grad, 2) // the squares may have overflowed where the norm does not
}

// move clips the gradient, given its norm, and takes the step.
func (s *stepper) move(m *Minibatch, norm, factor float64) {
	params, scale := s.problem.Policy.Params(), s.scale(norm)
	if s.sparse != nil {
		for _, i := range m.support {
			s.grad[i] *= scale
		}
		s.sparse.StepSparse(params, s.grad, m.support, factor)
		for _, i := range m.support {
			s.grad[i] = 0
		}
		return
	}
	if scale != 1 {
		for i := range s.grad {
			s.grad[i] *= scale
		}
	}
	s.optimizer.Step(params, s.grad, factor)
	if s.ball != nil {
		s.ball.project()
	}
}

// scale returns the clipping factor, PyTorch's clip_grad_norm_.
func (s *stepper) scale(norm float64) float64 {
	if s.clip == 0 {
		return 1
	}
	return min(1, s.clip/(norm+1e-6))
}
