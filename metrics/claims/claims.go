// Package claims states what should hold about the tables of a results folder and says whether it does, with the
// number. There are a few general forms, one file each; a claim of the paper is one of them with its parameters filled
// in. Claims read tables only, so they can be checked again years after training.
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
	"fmt"
	"math"

	"windtunnel/metrics/tables"
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
	// evaluate panics with a failure where the tables cannot answer, see check.
	evaluate(r *results) Result
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
	err = try(func() { e = &Evaluator{open(src)} })
	return e, err
}

// Evaluate checks a claim. An error means that the tables cannot answer it: a table or column is missing, a selection is
// empty, a cell that should hold a number does not. Where a run broke, the claim does not hold, by +Inf.
func (e *Evaluator) Evaluate(claim Params) (result Result, err error) {
	err = try(func() { result = claim.evaluate(e.results) })
	var broken *brokenRun
	if errors.As(err, &broken) {
		return Result{Value: math.Inf(1), Bound: math.NaN(), Detail: broken.Error()}, nil
	}
	return result, err
}

// failure is what a claim that cannot be evaluated panics with, so that what it states stands there undisturbed. It does not leave
// the package.
type failure struct{ err error }

// check ends the evaluation if there is an error.
func check(err error) {
	if err != nil {
		panic(failure{err})
	}
}

// must returns v, unless there is an error, which ends the evaluation.
func must[T any](v T, err error) T {
	check(err)
	return v
}

// fail ends the evaluation with an error, as fmt.Errorf makes it.
func fail(format string, args ...any) { check(fmt.Errorf(format, args...)) }

// try returns the error that ends what is done.
func try(do func()) (err error) {
	defer func() {
		switch ended := recover().(type) {
		case nil:
		case failure:
			err = ended.err
		default:
			panic(ended)
		}
	}()
	do()
	return nil
}

// Kinds lists the forms of claims, sorted by name. A new one is a file of its own and a line here.
func Kinds() registry.Table[Params] {
	return registry.Table[Params]{
		bestKind,
		bestOfNBoundKind,
		boundKind,
		compareKind,
		crossingKind,
		differsKind,
		distanceKind,
		dominatedKind,
		gainKind,
		growthKind,
		minimizerKind,
		monotoneKind,
		pathKind,
		regretKind,
		slopeKind,
		statusKind,
	}
}
