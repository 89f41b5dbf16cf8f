package train

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/objective"
)

// Params are the settings of training.
type Params struct {
	Optimizer   OptimizerParams `yaml:"optimizer" doc:"how gradients become steps"`
	Schedule    ScheduleParams  `yaml:"schedule" doc:"how the learning rate changes over the steps"`
	BatchSize   int             `yaml:"batch_size" range:"[0,1e9]" doc:"comparisons a step; 0 takes all of them"`
	Epochs      int             `yaml:"epochs,omitempty" range:"[1,1e9]" doc:"passes over the comparisons"`
	Steps       int             `yaml:"steps,omitempty" range:"[1,1e12]" doc:"steps in place of epochs; of each round where comparisons are drawn in rounds"`
	MaxSteps    int             `yaml:"max_steps" range:"[0,1e12]" doc:"early stopping: at most this many steps; 0 is no limit"`
	Shuffle     bool            `yaml:"shuffle" doc:"draw a new order of the comparisons each epoch"`
	ClipNorm    float64         `yaml:"clip_norm" range:"[0,1e300]" doc:"the gradient is scaled by min(1, clip_norm/(norm + 1e-6)); 0 does not clip"`
	RecordEvery int             `yaml:"record_every" range:"[0,1e9]" doc:"steps between records; the first and the last state are always recorded, 0 records only these"`
	RecordAt    []int           `yaml:"record_at,omitempty" range:"[1,1e12]" doc:"more steps after which the state is recorded, such as evenly spaced ones on a logarithmic axis"`
	Logits      bool            `yaml:"logits,omitempty" doc:"list the policy's logits beside its probabilities, where responses are numbered"`
	Groups      GroupParams     `yaml:"groups,omitempty" doc:"how groups of comparisons weigh against each other, those of the column group of a file or else of their prompts; without it comparisons weigh the same"`
	Tolerance   float64         `yaml:"tolerance" range:"[0,1e6]" doc:"stop as converged when the gradient norm before clipping falls below this; 0 never stops early"`
	Extra       Extragradient   `yaml:"extragradient,omitempty" oneof:"none,full,opponent" doc:"look a step ahead and go from where the policy was: full by the gradient found there; opponent by the gradient of where it was, against the opponent that the loss holds fixed as it is there, which is a plain step for a loss without one; none takes plain steps"`
}

// Due says whether the state after a step is asked for by the settings.
func (p *Params) Due(step int) bool {
	return p.RecordEvery > 0 && step%p.RecordEvery == 0 || slices.Contains(p.RecordAt, step)
}

// DefaultParams returns the defaults of training: Adam at 1e-3, batches of 20, 1000 epochs in the given order.
func DefaultParams() Params {
	return Params{
		Optimizer: adamKind.New(), Schedule: &Constant{},
		BatchSize: 20, Epochs: 1000, RecordEvery: 50,
	}
}

// Batch returns the size of a batch of n comparisons, or prompts; the last batch of an epoch may be smaller.
func (p *Params) Batch(n int) int {
	if p.BatchSize == 0 {
		return n
	}
	return min(p.BatchSize, n)
}

// length returns the steps of a training, or of a round, of the given number of batches an epoch.
func (p *Params) length(perEpoch int) int { return cmp.Or(p.Steps, perEpoch*p.Epochs) }

// Length returns the steps of a training on n comparisons, or prompts, as far as nothing ends it early.
func (p *Params) Length(n int) int {
	size := max(1, p.Batch(n))
	return p.length((n + size - 1) / size)
}

// Status says why training ended.
type Status string

// Done: all steps were taken. Converged: the gradient fell below the tolerance. Diverged: the gradient or, after the
// last step, a parameter is not finite. Given: the policy is known without training. Failed: the run broke or exceeded a
// limit, which those say who start it; a minimizer that does not exist is a result, not a failure.
const (
	Done      Status = "done"
	Converged Status = "converged"
	Diverged  Status = "diverged"
	Given     Status = "exact"
	Failed    Status = "failed"
)

// Outcome is the end of training.
type Outcome struct {
	Status Status
	Steps  int    // the last step, counted from 1; the one that ends training as converged or diverged moves nothing
	Reason string // one sentence; "" for Done
	Period int    // of watched rounds: how many a cycle has, 1 at rest; 0 where it is not known
	// Drift tells whether the policy has come to rest, 0 where training ended before all its steps or at no gradient: how far it moved between the
	// last tenth of the steps but one and the last, as a share of its way from the start. It is 1/10 at a constant speed and 1 for a
	// policy that has not moved.
	Drift float64
}

// Record is a moment of training at which the caller may measure the policy: after Step steps, with the loss and the
// gradient norm (before clipping) of the step's minibatch before its update. Both are NaN at step 0.
type Record struct {
	Step     int
	Loss     float64
	GradNorm float64
}

// Task is what a Trainer trains: a policy, by a loss, on some data. It is called a few times a step, never once a
// response.
type Task interface {
	// Items returns how many comparisons, or prompts, an epoch passes over; at least 1.
	Items() int
	// Params returns the parameters, which the Trainer moves.
	Params() []float64
	// Gradient returns the gradient of the loss on a batch, as long as Params, and its norm, which is not finite if an
	// element is not. The gradient is the Task's memory, valid until the next call; the Trainer may overwrite it.
	// support, where not nil, lists the only parameters whose derivatives are not 0.
	Gradient(b Batch) (grad []float64, support []int, norm float64)
	// Loss returns the loss on the batch of the last Gradient. It is called before the step moves Params.
	Loss() float64
	// Moved is called after Params were changed.
	Moved()
}

// MovingTask is a Task whose reference may follow the policy (TR-DPO, arXiv 2404.09656).
type MovingTask interface {
	Task
	// Moving says when the reference moves; nil is never.
	Moving() *objective.Moving
	// MoveReference mixes a share alpha of the policy into the reference.
	MoveReference(alpha float64)
}

// Rounds are online training: every round has comparisons of its own, drawn from the policy as it stands, over which
// Params.Epochs passes are made.
type Rounds struct {
	N int
	// Begin returns what a round trains, counted from 0: nil where nothing was drawn, which skips the round.
	Begin func(ctx context.Context, round int) (Task, error)
	// End, where not nil, is called after a round and says whether it is the last.
	End func() (Outcome, bool)
	// Restart says that a round begins with a fresh optimizer, schedule, order and limit of steps. Else the optimizer's
	// memory, the schedule and the limit extend over all rounds. The count of steps goes on in either case.
	Restart bool
}

// Trainer takes the steps of a training: the one loop that bandits and language models share.
type Trainer struct {
	Task   Task // replaced by each of Rounds
	Params Params
	Order  func() *rand.Rand // returns a source of the shuffled order; used only with Params.Shuffle
	Rounds *Rounds           // nil: the Task is trained on what it has

	optimizer Optimizer
	batches   *batches
	moving    MovingTask // nil: the reference is frozen
	taken     int        // steps

	live, kept [][]float64 // see ahead
	watch      *watch      // nil where training goes on from a checkpoint or is short
}

// Steps returns the number of steps taken, which Rounds.Begin may ask for.
func (t *Trainer) Steps() int { return t.taken }

// Run takes the steps that are left and calls record at step 0, every Params.RecordEvery steps and at the end, with
// Rounds also at the end of every round. The schedule stretches over all epochs, so that a run stopped early by MaxSteps
// is the beginning of the full one. The tolerance ends a round; the next one may find something to learn again. Run
// returns an error of record, of Rounds.Begin or the context's, whichever comes first; without Rounds it may be called
// again after that.
func (t *Trainer) Run(ctx context.Context, record func(Record) error) (Outcome, error) {
	if t.Rounds == nil {
		t.begin()
		steps := t.Params.length(t.batches.perEpoch)
		return t.take(ctx, stretch{last: t.limit(0, steps), full: steps}, record)
	}
	end := Outcome{Status: Done}
	for round := range t.Rounds.N {
		t.taken = end.Steps
		task, err := t.Rounds.Begin(ctx, round)
		if err != nil {
			return Outcome{}, err
		}
		if task == nil {
			continue
		}
		t.Task, t.batches = task, nil
		if t.Rounds.Restart {
			t.optimizer = nil
		}
		t.begin()
		steps := t.Params.length(t.batches.perEpoch)
		s := stretch{before: end.Steps, last: t.limit(0, end.Steps+steps), at: round * steps, full: t.Rounds.N * steps}
		if t.Rounds.Restart {
			s = stretch{before: end.Steps, base: end.Steps, last: t.limit(end.Steps, end.Steps+steps), full: steps}
		}
		if end, err = t.take(ctx, s, record); err != nil || end.Status == Diverged {
			return end, err
		}
		if t.Rounds.End != nil {
			if o, ended := t.Rounds.End(); ended {
				o.Steps = end.Steps
				return o, nil
			}
		}
		if most := t.Params.MaxSteps; !t.Rounds.Restart && most > 0 && end.Steps >= most {
			break
		}
	}
	return end, nil
}

func (t *Trainer) limit(base, last int) int {
	if t.Params.MaxSteps > 0 {
		return min(last, base+t.Params.MaxSteps)
	}
	return last
}

// begin makes what is missing for the next step.
func (t *Trainer) begin() {
	if t.optimizer == nil {
		t.optimizer = t.Params.Optimizer.Optimizer(len(t.Task.Params()))
	}
	if t.batches != nil {
		return
	}
	t.batches, t.live, t.kept = newBatches(t.Params, t.Task.Items(), t.Order), nil, nil
	t.moving = nil
	if m, ok := t.Task.(MovingTask); ok && m.Moving() != nil {
		t.moving = m
	}
}

// stretch is a number of steps on the same data.
type stretch struct {
	before, last int // steps taken before its first, and when it ends
	base         int // steps at which the limit and the moving reference began to count
	at, full     int // of the schedule: where it stands before the first step, and its length
}

// take takes the steps of a stretch that are left; the last one is recorded.
func (t *Trainer) take(ctx context.Context, s stretch, record func(Record) error) (Outcome, error) {
	if t.taken == 0 {
		if err := record(Record{0, math.NaN(), math.NaN()}); err != nil {
			return Outcome{}, err
		}
	}
	if s.at == 0 && t.taken == s.before && s.full >= fewest {
		t.watch = &watch{}
		t.watch.begin(t, s.full)
	}
	rests := false // the last gradient vanishes
	for t.taken < s.last {
		if err := ctx.Err(); err != nil {
			return Outcome{}, err
		}
		batch := t.batches.batch(t.taken - s.before)
		grad, support, norm := t.Task.Gradient(batch)
		r := Record{Step: t.taken + 1, GradNorm: norm}
		rests = norm == 0
		end, stop := t.stopped(r)
		due := stop || r.Step == s.last || t.Params.Due(r.Step)
		if due {
			r.Loss = t.Task.Loss()
		}
		if second, ok := t.optimizer.(*newton); ok && !stop {
			if task, ok := t.Task.(*comparisons); ok {
				second.hess = task.Hessian()
			}
		}
		if !stop {
			factor := t.Params.Schedule.Factor(s.at+t.taken-s.before, s.full)
			if t.Params.Extra != "" && t.Params.Extra != Plain {
				grad, support, norm = t.ahead(batch, grad, support, norm, factor)
			}
			t.move(grad, support, norm, factor)
			if t.taken = r.Step; t.watch != nil {
				t.watch.step(t, factor, s.full-s.at-t.taken+s.before)
			}
			if t.moving != nil && (t.taken-s.base)%t.moving.Moving().Every == 0 {
				t.moving.MoveReference(t.moving.Moving().Alpha)
			}
		}
		if due {
			if err := record(r); err != nil {
				return Outcome{}, err
			}
		}
		if stop {
			return end, nil
		}
	}
	if slices.ContainsFunc(t.Task.Params(), func(v float64) bool { return !finite(v) }) {
		return Outcome{Status: Diverged, Steps: s.last, Reason: fmt.Sprintf("a parameter is not finite after step %d", s.last)}, nil
	}
	end := Outcome{Status: Done, Steps: s.last}
	if t.watch != nil && !rests && s.at+t.taken-s.before == s.full {
		end.Drift = t.watch.drift(s.full)
	}
	return end, nil
}

// stopped says whether training ends before this step's update, and why.
func (t *Trainer) stopped(r Record) (Outcome, bool) {
	switch {
	case !finite(r.GradNorm):
		return Outcome{Status: Diverged, Steps: r.Step, Reason: fmt.Sprintf("the gradient's norm is %v at step %d", r.GradNorm, r.Step)}, true
	case r.GradNorm < t.Params.Tolerance:
		return Outcome{Status: Converged, Steps: r.Step,
			Reason: fmt.Sprintf("the gradient's norm fell to %.3g at step %d", r.GradNorm, r.Step)}, true
	}
	return Outcome{}, false
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// move clips the gradient, given its norm, as PyTorch's clip_grad_norm_ does, and takes the step.
func (t *Trainer) move(grad []float64, support []int, norm, factor float64) {
	scale := 1.0
	if t.Params.ClipNorm > 0 {
		scale = min(1, t.Params.ClipNorm/(norm+1e-6))
	}
	if support != nil {
		for _, i := range support {
			grad[i] *= scale
		}
		t.optimizer.(sgd).stepSparse(t.Task.Params(), grad, support, factor)
	} else {
		if scale != 1 {
			floats.Scale(scale, grad)
		}
		t.optimizer.Step(t.Task.Params(), grad, factor)
	}
	t.Task.Moved()
}

// Batch is what a step is taken on.
type Batch struct {
	Items  []int // indices below Task.Items
	Number int   // of the batch in its epoch where all epochs are the same, else -1
	Step   int   // steps taken before it, in all epochs
	Ahead  bool  // of the second gradient of an extragradient step, which statistics of the steps take no note of
}

// batches is the order in which batches come, epoch after epoch.
type batches struct {
	size, perEpoch int
	items          []int      // in the order of the epoch
	source         *rand.Rand // nil: every epoch has the given order
	epoch          int        // that items is the order of
}

// newBatches returns the order of n items by the settings.
func newBatches(p Params, n int, source func() *rand.Rand) *batches {
	b := &batches{size: p.Batch(n), items: upTo(n), epoch: -1}
	b.perEpoch = (n + b.size - 1) / b.size
	if p.Shuffle && b.perEpoch > 1 {
		if b.source = source(); b.source == nil {
			panic("train: a shuffled order needs a source of random numbers")
		}
	}
	return b
}

// batch returns the batch of a step, counted from 0; the last one of an epoch may be shorter. Steps must not go back;
// those left out have their shuffles drawn all the same.
func (b *batches) batch(step int) Batch {
	epoch, number := step/b.perEpoch, step%b.perEpoch
	at := number * b.size
	if b.source != nil {
		number = -1
		for ; b.epoch < epoch; b.epoch++ {
			b.source.Shuffle(len(b.items), func(i, j int) { b.items[i], b.items[j] = b.items[j], b.items[i] })
		}
	}
	return Batch{Items: b.items[at:min(at+b.size, len(b.items))], Number: number, Step: step}
}
