package language

import (
	"context"
	"io"

	"windtunnel/toy/kernel"
	"windtunnel/toy/llama"
	"windtunnel/toy/objective"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
	"windtunnel/toy/tune"
)

// course is a training under way.
type course[T kernel.Float] struct {
	*task[T]
	to      Reporter
	measure *tune.HeldOut[T] // nil where no pairs are held out
	done    int              // steps of the rounds before
	last    tune.Record
	told    int // step of the last record that was reported
	looked  int // step of the last look
}

// start looks at the policy before its first step.
func (c *course[T]) start(ctx context.Context) error {
	if len(c.heldOut) > 0 {
		var err error
		if c.measure, err = tune.NewHeldOut(ctx, c.reference, c.heldOut, &c.Shared.references, c.Workers); err != nil {
			return err
		}
	}
	// An adapter adds nothing yet, so every loss begins with the same policy.
	first, err := share(c.Shared, c.origin("first look"), func() (*Look, error) { return c.see(ctx, 0) })
	if err != nil {
		return err
	}
	return c.to.Look(first)
}

// look reports what the policy is after a step.
func (c *course[T]) look(ctx context.Context, step int) error {
	l, err := c.see(ctx, step)
	if err != nil {
		return err
	}
	c.looked = step
	return c.to.Look(l)
}

// see looks at the policy after a step.
func (c *course[T]) see(ctx context.Context, step int) (*Look, error) {
	l := &Look{Step: step}
	if c.measure != nil {
		found, err := c.measure.Compare(ctx, c.network)
		if err != nil {
			return nil, err
		}
		l.HeldOut = &found
	}
	if c.panel != nil {
		var err error
		if l.Prompts, err = c.panel.look(ctx, c.network); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// record returns what is called after every step.
func (c *course[T]) record(ctx context.Context) func(tune.Record) error {
	every, looks := c.Train.RecordEvery, c.Environment.evaluation().Every
	return func(r tune.Record) error {
		if r.Step == 0 {
			return nil
		}
		r.Step += c.done
		if c.last = r; every > 0 && r.Step%every == 0 {
			if err := c.tell(); err != nil {
				return err
			}
		}
		if looks > 0 && r.Step%looks == 0 {
			return c.look(ctx, r.Step)
		}
		return nil
	}
}

// tell reports the last record.
func (c *course[T]) tell() error {
	c.told = c.last.Step
	return c.to.Step(c.last)
}

// finish reports the last step and the final policy where that is left to do.
func (c *course[T]) finish(ctx context.Context, end train.Outcome) (train.Outcome, error) {
	if c.last.Step > c.told {
		if err := c.tell(); err != nil {
			return end, err
		}
	}
	if end.Status == train.Diverged || c.looked == c.last.Step {
		return end, nil
	}
	return end, c.look(ctx, c.last.Step)
}

// everyStep are the training's settings with a record of every step, which costs nothing beside the step.
func (t *task[T]) everyStep() train.Params {
	p := t.Train
	p.RecordEvery = 1
	return p
}

// descend trains by a loss of pairs, with a frozen reference.
func (c *course[T]) descend(ctx context.Context, pairs []tune.Pair, o *objective.Objective, reference *llama.Network[T]) (train.Outcome, error) {
	if err := c.sample(ctx, o, pairs); err != nil {
		return train.Outcome{}, err
	}
	loop := tune.Loop[T]{Network: c.network, Reference: reference, Objective: o, Pairs: pairs, Params: c.everyStep(), Micro: c.Policy.Micro,
		Workers: c.Workers, Order: c.Source("batches", nil), References: &c.Shared.references}
	training, err := loop.Start(ctx)
	if err != nil {
		return train.Outcome{}, err
	}
	return c.advance(ctx, training)
}

// training is one of tune's.
type training interface {
	Run(ctx context.Context, record func(tune.Record) error) (train.Outcome, error)
	Save(w io.Writer) error
	Load(r io.Reader) error
}

// advance takes the steps that are left, from a checkpoint where there is one.
func (c *course[T]) advance(ctx context.Context, t training) (train.Outcome, error) {
	record, save := c.record(ctx), c.Save
	if save == nil {
		return t.Run(ctx, record)
	}
	if save.From != nil {
		if err := t.Load(save.From); err != nil {
			return train.Outcome{}, err
		}
	}
	return t.Run(ctx, func(r tune.Record) error {
		if err := record(r); err != nil || r.Step == 0 || r.Step%save.Every != 0 {
			return err
		}
		return save.To(t.Save)
	})
}

// sample gives pairs the reference's samples that the loss looks at, drawn at temperature 1 from the whole distribution.
func (c *course[T]) sample(ctx context.Context, o *objective.Objective, pairs []tune.Pair) error {
	if o.Sampled == nil {
		return nil
	}
	prompts := make([][]int32, len(pairs))
	for i := range pairs {
		prompts[i] = pairs[i].Prompt
	}
	s := c.sampling()
	s.Temperature, s.TopP = 1, 1
	drawn, err := tune.Draw(ctx, c.reference, prompts, o.Sampled.N, s, tune.Dice{Stream: tune.Reference, Seed: c.seed, Step: c.done}, c.Workers)
	if err != nil {
		return err
	}
	for i := range pairs {
		pairs[i].Samples = make([][]int32, o.Sampled.N)
		for j := range drawn[i] {
			pairs[i].Samples[j] = drawn[i][j].Tokens
		}
	}
	return nil
}

// reinforce trains by leave-one-out REINFORCE against the reward that labels follow.
func (c *course[T]) reinforce(ctx context.Context) (train.Outcome, error) {
	s := c.Environment.(*Stories)
	loop := tune.RLOO[T]{Network: c.network, Reference: c.reference, Prompts: c.trainingPrompts(), Samples: s.Rollouts, Tokens: s.Tokens,
		Lambda: c.Loss.(*objective.RLHF).Lambda, Reward: c.labelling(), Params: c.everyStep(), Seed: c.seed, Workers: c.Workers,
		Order: c.Source("batches", nil)}
	training, err := loop.Start()
	if err != nil {
		return train.Outcome{}, err
	}
	return c.advance(ctx, training)
}

// rounds trains on pairs that the policy itself draws, round after round. Every round begins with a fresh optimizer and
// schedule; so do the statistics that a loss carries.
func (c *course[T]) rounds(ctx context.Context) (train.Outcome, error) {
	o, end := c.online(), train.Outcome{Status: train.Done}
	var pairs []tune.Pair
	noise := c.Source("label noise", o)
	for round := range o.Rounds {
		fresh, err := c.draw(ctx, o, round)
		if err != nil {
			return end, err
		}
		flip(fresh, o.LabelNoise, noise)
		if !o.Accumulate {
			pairs = nil
		}
		pairs = append(pairs, fresh...)
		reference := c.reference
		if o.Reference == "previous" {
			reference = nil // the network as it stands
		}
		if end, err = c.descend(ctx, pairs, c.Loss.Objective(), reference); err != nil {
			return end, err
		}
		c.done += end.Steps
		end.Steps = c.done
		if end.Status == train.Diverged {
			return end, nil
		}
	}
	return end, nil
}

// draw returns the pairs of a round.
func (c *course[T]) draw(ctx context.Context, o *preference.Online, round int) ([]tune.Pair, error) {
	return tune.DrawPairs(ctx, c.network, tune.Rounds{Prompts: c.trainingPrompts(), Pairs: o.Pairs * c.Environment.(*Stories).Train,
		Sampling: c.sampling(), Reward: c.labelling(), Gold: c.gold(), Temperature: o.Temperature, Seed: c.seed, Workers: c.Workers}, round)
}

// best looks at the best of n continuations of the reference. Nothing is trained.
func (c *course[T]) best(ctx context.Context, n int) (train.Outcome, error) {
	prompts, err := c.panel.best(ctx, n)
	if err != nil {
		return train.Outcome{}, err
	}
	return train.Outcome{Status: Exact}, c.to.Look(&Look{Prompts: prompts})
}

// Exact is the status of a policy that is known without training.
const Exact train.Status = "exact"
