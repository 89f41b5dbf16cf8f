// Package claims states what should hold about the tables of a results folder and says whether it does, with the
// number. There are a few general forms, one file each; a claim of the paper is one of them with its parameters filled
// in, as in configs. Claims read tables only, so they can be checked again years after training.
//
// # What all forms share
//
// A claim selects rows of the table runs by [tables.Where] and reads a metric of each run. Without a prompt the metric
// is the column of runs, over all prompts; with `prompt: NAME` it is that of one prompt from the table prompts, joined
// on the column run. A NAME that is no prompt stands for the group of prompts NAME-1, NAME-2, ... (every name that
// starts with NAME and a dash): the metric is then their mean within a run, which is how random environments name
// their prompts.
//
// A claim never holds for want of data. A selection without runs, a column that is not there or an empty cell is an
// error. Only where a run's status says that it broke (diverged, stalled, failed) is a missing value a verdict: the claim does not
// hold, by +Inf, and the detail says why. Infinite values compare as infinities do.
package claims

import (
	"errors"
	"math"

	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
	"windtunnel/toy/registry"
)

// Result is a verdict.
type Result struct {
	Holds bool
	// Value is the number that decides, of the row that comes nearest to breaking the claim or breaks it most; +Inf if a
	// run broke and has none.
	Value float64
	// Bound is what Value is compared with; NaN if a run broke.
	Bound float64
	// Detail names that row: "dpo/lambda=100: tv_ref 0.0029".
	Detail string
}

// Params are the parameters of one kind of claim.
type Params interface {
	// Refs tells what the claim looks up by name.
	Refs() tables.Refs
	// evaluate adds verdicts to w, of which the worst counts, and fails, see package try, where the tables cannot answer.
	evaluate(r *results, w *worst)
}

// Evaluate checks a claim against the tables, see Evaluator.
func Evaluate(claim Params, src tables.Source) (Result, error) {
	e, err := NewEvaluator(src)
	if err != nil {
		return Result{}, err
	}
	return e.Evaluate(claim)
}

// Evaluator checks claims against the tables of one folder. What it reads for one claim it keeps for the next. It serves one
// goroutine.
type Evaluator struct{ results *results }

// NewEvaluator opens the tables. The error says what the table runs lacks.
func NewEvaluator(src tables.Source) (e *Evaluator, err error) {
	err = try.Do(func() {
		runs := try.Must(src.Table(tables.Runs))
		need(runs, "", "run", "status")
		e = &Evaluator{&results{src, runs, map[string]map[string][]int{}, map[string]*tracedPath{}}}
	})
	return e, err
}

// Evaluate checks a claim. An error means that the tables cannot answer it: a table or column is missing, a selection is
// empty, a cell that should hold a number does not. Where a run broke, the claim does not hold, by +Inf.
func (e *Evaluator) Evaluate(claim Params) (Result, error) {
	var w worst
	err := try.Do(func() { claim.evaluate(e.results, &w) })
	var broken *brokenRun
	if errors.As(err, &broken) {
		return Result{Value: math.Inf(1), Bound: math.NaN(), Detail: broken.Error()}, nil
	}
	return w.Result, err
}

// Kinds lists the forms of claims, sorted by name. A new one is a file of its own and an entry here.
func Kinds() registry.Table[Params] {
	return registry.Table[Params]{
		{Name: "best", Source: "this project", New: func() Params { return &Best{} },
			Summary: "the best value of a metric over a path or a group of runs, under conditions, lies within limits"},
		{Name: "best-of-n-bound", Source: "Beirami et al. 2024, arXiv 2401.01879",
			Summary: "KL(pi to pi_ref) of the best of n is at most log n - (n-1)/n", New: func() Params {
				return &BestOfNBound{Metric: "kl_pi_ref", N: "n", Where: tables.Where{"objective": {"best-of-n"}}, Slack: 1e-9}
			}},
		{Name: "bound", Source: "this project", New: func() Params { return &Bound{} },
			Summary: "a metric of every selected run lies within limits"},
		{Name: "compare", Source: "this project", New: func() Params { return &Compare{} },
			Summary: "a metric of every selected run is less than, greater than or equal to that of a matched run"},
		{Name: "crossing", Source: "this project", New: func() Params { return &Crossing{Within: "below", Interpolate: true} },
			Summary: "a metric, or the total variation to a matched run, first comes within a level at a value of a column within limits"},
		{Name: "differs", Source: "this project; Student (1908)", New: func() Params { return &Differs{Match: []string{"seed"}} },
			Summary: "the mean difference of a metric between paired runs is not 0, or lies within limits, by its 95 % interval over seeds"},
		{Name: "distance", Source: "this project", New: func() Params { return &Distance{} },
			Summary: "the total variation between the final policies of matched runs lies within limits"},
		{Name: "dominated", Source: "this project", New: func() Params { return &Dominated{} },
			Summary: "for every selected run some run of another selection is no worse in any of several metrics"},
		{Name: "gain", Source: "this project, after arXiv 2410.08847", New: func() Params { return &Gain{} },
			Summary: "some responses gain so much probability on pi_ref"},
		{Name: "growth", Source: "this project", New: func() Params { return &Growth{} },
			Summary: "a metric grows from a run to a matched one by so many powers of ten"},
		{Name: "minimizer", Source: "this project", New: func() Params { return &Minimizer{} },
			Summary: "the loss of every selected run has one finite minimizer, or at the worst several, one on the boundary, or none"},
		{Name: "monotone", Source: "this project", New: func() Params { return &Monotone{} },
			Summary: "a metric rises or falls along a swept column"},
		{Name: "path", Source: "this project", New: func() Params { return &Path{Jump: 0.1} },
			Summary: "no point of a path of policies is far from another path"},
		{Name: "regret", Source: "this project", New: func() Params { return &Regret{Times: 1} },
			Summary: "little of a metric is lost off the best value of a swept number, or at that value in a matched run"},
		{Name: "slope", Source: "this project", New: func() Params { return &Slope{} },
			Summary: "the total variation between matched runs is a power of a swept number, its exponent within limits"},
		{Name: "status", Source: "this project", New: func() Params { return &Status{} },
			Summary: "every selected run ended in one of the given statuses, or none did"},
	}
}
