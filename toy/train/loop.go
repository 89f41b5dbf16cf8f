package train

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
)

// Constraint holds what restrains training beside the loss.
type Constraint struct {
	L2       float64 `yaml:"l2" range:"[0,1e12]" doc:"alpha of the penalty alpha * sum(theta^2) in the loss"`
	KLRadius float64 `yaml:"kl_radius" range:"[0,1e6]" doc:"after every step the policy is projected onto KL(pi to pi_ref) <= kl_radius (nats); 0 is no constraint"`
}

// Loop trains a policy whose responses can be enumerated.
type Loop struct {
	Problem  *Problem
	Data     *preference.Pairs // at least one comparison; not read with Online
	Params   Params
	KLRadius float64    // see Constraint
	Order    *rand.Rand // source of the shuffled order; used only with Params.Shuffle
	Online   *Online    // nil: all training is on Data

	grouped *grouped // of the task, with Params.Groups
}

// Online is where the comparisons of online training come from: every round they are drawn anew from the policy. The
// optimizer's state, the count of steps and the schedule go on from round to round.
type Online struct {
	Settings *preference.Online
	Rewards  [][]float64 // what labels follow, unless the environment has win rates, prompts x K (nats)
	Draws    *rand.Rand  // source of the draws
	// Begin, where not nil, is called before a round's first step with the comparisons that it trains on.
	Begin func(data *preference.Pairs)
}

// Run trains, see Trainer.Run. It returns the context's error if that ends first, or ErrNoPairs of the first round.
func (l *Loop) Run(ctx context.Context, record func(Record)) (Outcome, error) {
	return l.trainer().Run(ctx, func(r Record) error { record(r); return nil })
}

func (l *Loop) trainer() *Trainer {
	t := &Trainer{Params: l.Params, Order: func() *rand.Rand { return l.Order }}
	if l.Online == nil {
		t.Task = newComparisons(l, l.Data)
	} else {
		t.Rounds = &Rounds{N: l.Online.Settings.Rounds, Begin: l.rounds()}
		if l.Online.Settings.Watch {
			var orbit Orbit
			t.Rounds.End = func() (Outcome, bool) { return orbit.Add(slices.Concat(l.Problem.Policies()...)) }
		}
	}
	return t
}

// rounds returns Rounds.Begin of online training.
func (l *Loop) rounds() func(ctx context.Context, round int) (Task, error) {
	var task *comparisons
	data, settings := &preference.Pairs{}, l.Online.Settings
	return func(_ context.Context, round int) (Task, error) {
		fresh := settings.Draw(l.Online.Draws, l.Problem.env, l.Online.Rewards, l.Problem.Policy.Logits)
		if settings.Accumulate {
			data.Append(fresh)
		} else {
			data = fresh
		}
		switch {
		case data.Len() > 0:
		case round == 0:
			return nil, preference.ErrNoPairs
		default:
			return nil, nil
		}
		previous := round > 0 && settings.Reference == "previous"
		if previous {
			l.Problem.rebase()
		}
		if task == nil {
			task = newComparisons(l, data)
		} else {
			task.resolver.data, task.fixed = data, task.fixed[:0]
			if task.grouped != nil {
				task.grouped.load(task, l.Params.Groups)
			}
		}
		if task.ball != nil && previous {
			task.ball = newBall(l.Problem, l.KLRadius)
		}
		if l.Online.Begin != nil {
			l.Online.Begin(data)
		}
		return task, nil
	}
}

// comparisons is the Task of a Problem and its comparisons.
type comparisons struct {
	problem  *Problem
	resolver *batcher
	batch    *Minibatch   // of the last Gradient
	fixed    []*Minibatch // of an epoch, where all epochs are the same: each is resolved once
	shuffled Minibatch    // memory of the others
	grad     []float64    // where sparse, 0 outside the batch's support
	sparse   bool         // a step visits only the parameters that its batch touches
	ball     *ball        // nil: no projection
	hess     *mat.SymDense
	grouped  *grouped // nil: comparisons count whatever their group
}

func newComparisons(l *Loop, data *preference.Pairs) *comparisons {
	c := &comparisons{problem: l.Problem, resolver: newBatcher(data, l.Problem), grad: make([]float64, len(l.Problem.Policy.Params()))}
	if l.KLRadius > 0 {
		c.ball = newBall(l.Problem, l.KLRadius)
	}
	if l.Params.Groups != nil {
		c.grouped = &grouped{}
		c.grouped.load(c, l.Params.Groups)
		l.grouped = c.grouped
	} else if _, ok := l.Problem.Policy.(policy.Sparse); ok && l.Problem.scored && l.Problem.L2 == 0 && c.ball == nil {
		descent, ok := l.Params.Optimizer.(*SGD)
		c.sparse = ok && descent.WeightDecay == 0
	}
	return c
}

func (c *comparisons) Items() int { return c.resolver.data.Len() }

func (c *comparisons) Params() []float64 { return c.problem.Policy.Params() }

// Gradient returns the gradient on a batch, with the parameters that it touches where a step is sparse.
func (c *comparisons) Gradient(b Batch) ([]float64, []int, float64) {
	if !c.sparse {
		clear(c.grad)
	} else if c.batch != nil {
		for _, i := range c.batch.support {
			c.grad[i] = 0
		}
	}
	c.resolve(b)
	if c.problem.carries && !b.Ahead {
		c.problem.forward(c.batch)
		c.problem.Objective.Advance(&c.batch.Batch)
	}
	if c.grouped != nil {
		c.grouped.addGrad(c, b)
		c.problem.addPenalty(c.grad)
	} else {
		c.problem.AddGrad(c.batch, c.grad)
	}
	square := 0.0
	var support []int
	if c.sparse {
		support = c.batch.support
		for _, i := range support {
			square += c.grad[i] * c.grad[i]
		}
	} else {
		for _, g := range c.grad {
			square += g * g
		}
	}
	norm := math.Sqrt(square)
	if !finite(norm) {
		norm = floats.Norm(c.grad, 2) // the squares may have overflowed where the norm does not
	}
	return c.grad, support, norm
}

// resolve makes the batch's minibatch, or finds it. Those of an epoch come in order.
func (c *comparisons) resolve(b Batch) {
	switch {
	case b.Number < 0:
		c.batch = &c.shuffled
		c.resolver.resolve(b.Items, c.batch)
	case b.Number < len(c.fixed):
		c.batch = c.fixed[b.Number]
	default:
		n := len(c.fixed)
		if c.fixed = slices.Grow(c.fixed, 1)[:n+1]; c.fixed[n] == nil { // else that of an earlier round, whose memory serves again
			c.fixed[n] = &Minibatch{}
		}
		c.batch = c.fixed[n]
		c.resolver.resolve(b.Items, c.batch)
	}
}

func (c *comparisons) Loss() float64 { return c.problem.Loss(c.batch) }

// policy writes the probabilities of every response after to.
func (c *comparisons) policy(to []float64) []float64 {
	p := c.problem
	for prompt := range p.env.Prompts {
		p.Policy.Logits(prompt, p.logits)
		logspace.LogSoftmax(p.logits, p.logits)
		at := len(to)
		to = append(to, p.logits...)
		logspace.Exp(to[at:], to[at:])
	}
	return to
}

func (c *comparisons) Moved() {
	if c.ball != nil {
		c.ball.project()
	}
}

func (c *comparisons) Moving() *objective.Moving { return c.problem.Objective.Moving }

func (c *comparisons) MoveReference(alpha float64) { c.problem.moveReference(alpha) }
