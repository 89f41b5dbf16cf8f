package language

import (
	"context"
	"io"
	"math/rand/v2"

	"windtunnel/toy/kernel"
	"windtunnel/toy/llama"
	"windtunnel/toy/objective"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
	"windtunnel/toy/tune"
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
	To    func(write func(io.Writer) error) error // keeps what write writes, the checkpoint after a step
}

// Task is a language model with what it is trained on.
type Task interface {
	// Run trains to the end and reports along the way. The error is the reporter's, the context's, or says what cannot be
	// trained. The same input gives the same reports, whatever the workers.
	Run(ctx context.Context, to Reporter) (train.Outcome, error)
	// Model returns the policy as it stands, in float32, what an adapter adds included.
	Model() *llama.Model[float32]
}

// Reporter is told what happens. No call is made after one that returned an error. Nothing handed over is kept.
type Reporter struct {
	Step func(tune.Record) error // every train.record_every steps and at the last one
	Look func(*Look) error       // before the first step, every evaluate_every steps and after the last one
}

// Look is a policy, looked at.
type Look struct {
	Step    int
	Prompts []Prompt          // in the order of the environment; nil where there is no reward
	HeldOut *tune.Comparisons // on pairs that training does not see; nil where there are none
}

// Prompt is what was found at one prompt, from Samples continuations of the policy. Rewards are in the gold reward's units.
type Prompt struct {
	Name  string
	Group string // train, or heldout; or with groups good, middle, bad, heldout-good, heldout-middle, heldout-bad
	Held  bool   // held out
	Text  string
	tune.Judged
	Samples     int
	WinRate     float64 // share of continuations that have more reward than one of the reference, equal ones counting 1/2
	ProxyReward float64 // mean reward that the labels follow; NaN where they follow the gold reward
	Written     string  // the first continuation
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
	panel     *panel[T]         // nil where there is no reward
	heldOut   []tune.Pair
	seed      uint64 // of every continuation
}

func newTask[T kernel.Float](in Input) (*task[T], error) {
	if in.Shared == nil {
		in.Shared = &Shared{}
	}
	d, problems := gather(in)
	if len(problems) > 0 {
		return nil, &problems[0]
	}
	t := &task[T]{Input: in, data: d, seed: in.Source("continuations", in.Preferences).Uint64()}
	model := llama.Convert[T](d.model)
	var err error
	if t.reference, err = llama.NewNetwork(model.Clone(), nil); err != nil {
		return nil, err
	}
	var adapter *llama.Adapter[T]
	if l := in.Policy.LoRA; l.Rank > 0 {
		settings := llama.LoRA{Rank: l.Rank, Alpha: l.Alpha, Targets: l.Targets}
		if adapter, err = llama.NewAdapter[T](model.Config, settings, in.Source("policy", in.Policy)); err != nil {
			return nil, err
		}
	}
	t.network, err = llama.NewNetwork(model, adapter)
	return t, err
}

// Model implements Task.
func (t *task[T]) Model() *llama.Model[float32] { return llama.Convert[float32](t.network.Merged()) }

// Run implements Task.
func (t *task[T]) Run(ctx context.Context, to Reporter) (train.Outcome, error) {
	pairs, err := t.pairs(ctx)
	if err != nil {
		return train.Outcome{}, err
	}
	if t.panel, err = t.newPanel(ctx); err != nil {
		return train.Outcome{}, err
	}
	course := &course[T]{task: t, to: to}
	if best, ok := t.Loss.(*objective.BestOfN); ok {
		return course.best(ctx, best.N)
	}
	if err := course.start(ctx); err != nil {
		return train.Outcome{}, err
	}
	var end train.Outcome
	switch {
	case reinforced(t.Loss):
		end, err = course.reinforce(ctx)
	case t.online() != nil:
		end, err = course.rounds(ctx)
	default:
		end, err = course.descend(ctx, pairs, t.Loss.Objective(), t.reference)
	}
	if err != nil {
		return end, err
	}
	return course.finish(ctx, end)
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
