package language

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"

	"windtunnel/toy/gold"
	"windtunnel/toy/kernel"
	"windtunnel/toy/lines"
	"windtunnel/toy/llama"
	"windtunnel/toy/objective"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
)

// Input is what a task is made of. All parameters have passed their own checks.
type Input struct {
	Environment Environment
	Policy      *Llama
	Preferences preference.Params
	Loss        objective.Params
	Train       train.Params
	// File returns the content of a file that the parameters name, and its name in messages.
	File func(path string) (content []byte, name string)
	// Account is told by Check what became of the lines of each file; nil is not.
	Account func(lines.Account)
	// Source returns a fresh source of random numbers for one use; it may depend on a seed that params fix.
	Source  func(use string, params any) *rand.Rand
	Shared  *Shared // with other tasks; nil shares nothing
	Save    *Save   // of checkpoints; nil saves none
	Workers int     // goroutines; 0 is one a processor
}

// Save is how a training, of given pairs or by REINFORCE, is written down along the way and gone on with.
type Save struct {
	Every int                                     // steps, at least 1
	From  io.Reader                               // a checkpoint to go on from; nil begins at the start
	To    func(write func(io.Writer) error) error // stores what write writes, the checkpoint after a step
}

// Task is a language model with what it is trained on.
type Task interface {
	// Run trains to the end and reports along the way. The error is the reporter's, the context's, or says what cannot be
	// trained. The same input gives the same reports, whatever the workers.
	Run(ctx context.Context, to Reporter) (train.Outcome, error)
	// Model returns the policy as it stands, in float32, what an adapter adds included.
	Model() *llama.Model[float32]
}

// Reporter receives what happens along the way. No call is made after one that returned an error. Arguments are not changed
// later.
type Reporter struct {
	Step       func(Record) error      // every train.record_every steps and at the last one
	Evaluation func(*Evaluation) error // before the first step, every evaluate_every steps and after the last one
}

// New returns a task before its first step. The input must have passed Check.
func New(in Input) (Task, error) {
	if in.Policy.Precision == "float64" {
		return newTask[float64](in)
	}
	return newTask[float32](in)
}

// task is a Task in one precision.
type task[T kernel.Float] struct {
	Input
	data      *data
	network   *llama.Network[T]
	reference *llama.Network[T] // as it was at the start
	heldOut   []Pair
	seed      uint64 // of every continuation
}

func newTask[T kernel.Float](in Input) (*task[T], error) {
	if in.Shared == nil {
		in.Shared = &Shared{}
	}
	d, problems := gather(in)
	if problems != nil {
		return nil, fmt.Errorf("the input has not passed Check: %+v", problems)
	}
	t := &task[T]{Input: in, data: d, seed: in.Source("continuations", in.Preferences).Uint64()}
	model := llama.Convert[T](d.model)
	var err error
	if t.reference, err = llama.NewNetwork(model.Clone(), nil); err != nil {
		return nil, err
	}
	var adapter *llama.Adapter[T]
	if l := in.Policy.LoRA; l.Rank > 0 {
		if adapter, err = llama.NewAdapter[T](model.Config, l, in.Source("policy", in.Policy)); err != nil {
			return nil, err
		}
	}
	t.network, err = llama.NewNetwork(model, adapter)
	return t, err
}

func (t *task[T]) Model() *llama.Model[float32] { return llama.Convert[float32](t.network.Merged()) }

func (t *task[T]) Run(ctx context.Context, to Reporter) (train.Outcome, error) {
	pairs, err := t.pairs(ctx)
	if err != nil {
		return train.Outcome{}, err
	}
	r := &run[T]{to: to}
	if r.evaluator, err = t.newEvaluator(ctx); err != nil {
		return train.Outcome{}, err
	}
	if best, ok := t.Loss.(*objective.BestOfN); ok { // nothing is trained
		found, err := r.bestOfN(ctx, best.N)
		if err != nil {
			return train.Outcome{}, err
		}
		return train.Outcome{Status: train.Given}, to.Evaluation(found)
	}
	if len(t.heldOut) > 0 {
		e, err := newPairEvaluator(ctx, t.reference, t.heldOut, &t.Shared.logps, t.Workers)
		if err != nil {
			return train.Outcome{}, err
		}
		e.ches, err = share(t.Shared, t.origin("CHES"), func() ([]float64, error) { return e.scorer.alike(ctx, t.reference, t.heldOut) })
		if err != nil {
			return train.Outcome{}, err
		}
		r.evaluator.pairs = e
	}
	// An adapter adds nothing yet, so every loss begins with the same policy.
	first, err := share(t.Shared, t.origin("first evaluation"), func() (*Evaluation, error) { return r.evaluate(ctx, 0) })
	if err != nil {
		return train.Outcome{}, err
	}
	if err := to.Evaluation(first); err != nil {
		return train.Outcome{}, err
	}
	return r.train(ctx, pairs)
}

// run is a training under way.
type run[T kernel.Float] struct {
	*evaluator[T]
	to        Reporter
	trainer   train.Trainer
	last      Record
	reported  int // step of the last record that was reported
	evaluated int // step of the last evaluation
}

// trainable is the part of a train.Task that records are made of.
type trainable interface {
	train.ResumableTask
	measures() (Comparisons, Draws) // of the last step's batch
}

// train takes all steps, from a checkpoint where there is one, and reports.
func (r *run[T]) train(ctx context.Context, pairs []Pair) (train.Outcome, error) {
	t := &r.trainer
	t.Params, t.Order = r.Train, func() *rand.Rand { return r.Source("batches", nil) }
	t.Params.RecordEvery = 1 // which costs nothing beside the step
	var err error
	switch {
	case reinforced(r.Loss):
		t.Task = r.reinforcement()
	case r.online() != nil:
		t.Rounds = &train.Rounds{N: r.online().Rounds, Begin: r.rounds(), Restart: true}
	default:
		t.Task, err = r.onPairs(ctx, pairs, r.reference)
	}
	if err == nil && r.Save != nil && r.Save.From != nil {
		err = t.Load(r.Save.From)
	}
	if err != nil {
		return train.Outcome{}, err
	}
	end, err := t.Run(ctx, func(s train.Record) error { return r.record(ctx, s) })
	if err != nil {
		return end, err
	}
	if r.last.Step > r.reported {
		if err := r.report(); err != nil {
			return end, err
		}
	}
	if end.Status == train.Diverged || r.evaluated == r.last.Step {
		return end, nil
	}
	return end, r.evaluation(ctx)
}

// record is called after every step: it reports, evaluates and saves where that is due.
func (r *run[T]) record(ctx context.Context, s train.Record) error {
	if s.Step == 0 {
		return nil
	}
	r.last.Record = s
	r.last.Comparisons, r.last.Draws = r.trainer.Task.(trainable).measures()
	due := func(every int) bool { return every > 0 && s.Step%every == 0 }
	if r.Train.Due(s.Step) {
		if err := r.report(); err != nil {
			return err
		}
	}
	if due(r.Environment.EvaluateEvery()) {
		if err := r.evaluation(ctx); err != nil {
			return err
		}
	}
	if r.Save != nil && due(r.Save.Every) {
		return r.Save.To(r.trainer.Save)
	}
	return nil
}

func (r *run[T]) report() error {
	r.reported = r.last.Step
	return r.to.Step(r.last)
}

// evaluation reports what the policy is after the last step.
func (r *run[T]) evaluation(ctx context.Context) error {
	found, err := r.evaluate(ctx, r.last.Step)
	if err != nil {
		return err
	}
	r.evaluated = r.last.Step
	return r.to.Evaluation(found)
}

// onPairs returns the training by a loss of pairs.
func (r *run[T]) onPairs(ctx context.Context, pairs []Pair, reference *llama.Network[T]) (train.Task, error) {
	o := r.Loss.Objective()
	o.Seed(r.Source("filter", nil).Uint64())
	if err := r.sample(ctx, o, pairs); err != nil {
		return nil, err
	}
	c := &comparisons[T]{Network: r.network, Reference: reference, Objective: o, Pairs: pairs, Batch: r.Train.Batch(len(pairs)),
		Micro: r.Policy.Micro, Workers: r.Workers, Logps: &r.Shared.logps}
	return c, c.prepare(ctx)
}

// sample gives pairs the reference's samples that the loss reads, drawn at temperature 1 from the whole distribution.
func (r *run[T]) sample(ctx context.Context, o *objective.Objective, pairs []Pair) error {
	if o.Sampled == nil {
		return nil
	}
	prompts := make([][]int32, len(pairs))
	for i := range pairs {
		prompts[i] = pairs[i].Prompt
	}
	s := r.sampling()
	s.Temperature, s.TopP = 1, 1
	drawn, err := draw(ctx, r.reference, prompts, o.Sampled.N, s, source{referenceStream, r.seed, r.trainer.Steps()}, r.Workers)
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

// reinforcement returns the training by leave-one-out REINFORCE against the reward that labels follow.
func (r *run[T]) reinforcement() train.Task {
	s, prompts := r.Environment.(*Stories), r.trainingPrompts()
	l := &rloo[T]{Network: r.network, Reference: r.reference, Prompts: prompts, Samples: s.Rollouts, Tokens: s.Tokens,
		Lambda: r.Loss.(*objective.RLHF).Lambda, Reward: r.labelling(), Batch: r.Train.Batch(len(prompts)), Seed: r.seed, Workers: r.Workers}
	l.prepare()
	return l
}

// rounds returns train.Rounds.Begin of training on pairs that the policy itself draws. Every round begins with a fresh
// optimizer and schedule; so do the statistics that a loss carries.
func (r *run[T]) rounds() func(ctx context.Context, round int) (train.Task, error) {
	o := r.online()
	var pairs []Pair
	noise := r.Source("label noise", o)
	prompts := r.trainingPrompts()
	return func(ctx context.Context, round int) (train.Task, error) {
		fresh, err := r.drawPairs(ctx, r.network, prompts, o.Pairs, r.labelling(), r.gold(), o.Temperature, round)
		if err != nil {
			return nil, err
		}
		flip(fresh, o.LabelNoise, noise)
		if !o.Accumulate {
			pairs = nil
		}
		pairs = append(pairs, fresh...)
		if o.Reference == "previous" {
			return r.onPairs(ctx, pairs, copied(r.network))
		}
		return r.onPairs(ctx, pairs, r.reference)
	}
}

// online returns the preferences where they are drawn from the policy in training, else nil.
func (t *task[T]) online() *preference.Online {
	o, _ := t.Preferences.(*preference.Online)
	return o
}

// reinforced says whether a loss is one of continuations and their rewards rather than of pairs.
func reinforced(loss objective.Params) bool {
	_, ok := loss.(*objective.RLHF)
	return ok
}

// pairs returns what is trained on, unless it is drawn along the way, and sets what is held out.
func (t *task[T]) pairs(ctx context.Context) ([]Pair, error) {
	switch p := t.Preferences.(type) {
	case *Human:
		t.heldOut = t.data.heldOut
		return t.data.pairs, nil
	case *Continuations:
		return t.continuations(ctx, p)
	}
	return nil, nil
}

// continuations draws pairs from the reference and labels them: for the training prompts, and for those held out.
func (t *task[T]) continuations(ctx context.Context, p *Continuations) ([]Pair, error) {
	s := t.Environment.(*Stories)
	if p.HeldOut > 0 && s.HeldOut > 0 {
		var err error
		t.heldOut, err = share(t.Shared, t.origin("held-out pairs"), func() ([]Pair, error) {
			return t.label(ctx, p, t.ids()[s.Train:], p.HeldOut, 1)
		})
		if err != nil {
			return nil, err
		}
	}
	if _, best := t.Loss.(objective.Direct); best || reinforced(t.Loss) {
		return nil, nil // which read no pairs
	}
	pairs, err := share(t.Shared, t.origin("pairs"), func() ([]Pair, error) {
		return t.label(ctx, p, t.trainingPrompts(), p.Pairs, 0)
	})
	return slices.Clone(pairs), err // to which samples of the reference may be added
}

// label draws so many pairs of each prompt from the reference. Rounds share no random numbers.
func (t *task[T]) label(ctx context.Context, p *Continuations, prompts [][]int32, each, round int) ([]Pair, error) {
	pairs, err := t.drawPairs(ctx, t.reference, prompts, each, t.gold(), t.gold(), p.Temperature, round)
	flip(pairs, p.LabelNoise, t.Source(fmt.Sprint("label noise ", round), p))
	return pairs, err
}

// flip turns the labels of a share of the pairs around.
func flip(pairs []Pair, share float64, rng *rand.Rand) {
	for i := range pairs {
		if p := &pairs[i]; rng.Float64() < share {
			p.Chosen, p.Rejected, p.Gap = p.Rejected, p.Chosen, -p.Gap
		}
	}
}

// sampling is how continuations are drawn.
func (t *task[T]) sampling() llama.Sampling {
	s := t.Environment.(*Stories)
	return llama.Sampling{Temperature: s.Temperature, TopP: s.TopP, Tokens: s.Tokens}
}

// ids returns the prompts in tokens, training first.
func (t *task[T]) ids() [][]int32 {
	all := make([][]int32, len(t.data.prompts))
	for i := range t.data.prompts {
		all[i] = t.data.prompts[i].ids
	}
	return all
}

func (t *task[T]) trainingPrompts() [][]int32 { return t.ids()[:t.Environment.(*Stories).Train] }

func (t *task[T]) gold() Reward { return t.rewardOf(t.Environment.(*Stories).Reward) }

// labelling returns the reward that labels follow, and REINFORCE climbs: the proxy of online preferences, else the gold
// reward.
func (t *task[T]) labelling() Reward {
	if texts := t.proxy(); texts != nil {
		return t.rewardOf(texts.Reward)
	}
	return t.gold()
}

// proxy returns the proxy of online preferences that is not the gold reward, or nil.
func (t *task[T]) proxy() *preference.Texts {
	if o := t.online(); o != nil {
		texts, _ := o.Proxy.(*preference.Texts)
		return texts
	}
	return nil
}

// rewardOf reads a reward of texts as one of tokens.
func (t *task[T]) rewardOf(s gold.Params) Reward {
	return func(_ int, ids []int32) float64 { return s.Score(t.text(ids), ids) }
}

func (t *task[T]) text(ids []int32) string { return t.data.tokenizer.Text(-1, ids) }
