package engine

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"windtunnel/experiments/bridge"
	"windtunnel/experiments/spec"
	"windtunnel/metrics"
	"windtunnel/metrics/tables"
	"windtunnel/toy/bandit"
	"windtunnel/toy/exact"
	"windtunnel/toy/language"
	"windtunnel/toy/objective"
	"windtunnel/toy/preference"
)

// worker does runs, one after another, and keeps the memory of one for the next. The zero worker is ready.
type worker struct {
	shared *language.Shared // by the runs of language models; may be nil

	place                         // of the last bandit run
	pairs       *preference.Pairs // comparisons of the next run, where they are at hand
	drawn       int               // how many they were before equal ones were merged
	comparisons map[[3]int]int    // distinct ones, as their positions in a view
	known       exact.Known

	rows     [2][]tables.Rows // see familyOf; by table
	measured []float64        // of the policy that was measured last
	payload  []byte           // a result on its way into the cache
}

// place is an environment that runs are in.
type place struct {
	env      *bandit.Env
	params   bandit.Params    // what it was made of
	given    preference.Given // and what preferences say of it
	seed     int              // and from which seed it was drawn
	views    []*metrics.View  // of all its prompts
	training []*metrics.View  // of those that are trained on
	judged   []*metrics.View  // of those by which rewards are measured
	groups   []group
	logPi    []float64
}

// group is a group of prompts that is measured as one.
type group struct {
	name  string
	views []*metrics.View
}

// fresh returns the empty rows of every table.
func (w *worker) fresh(languageModel bool) []tables.Rows {
	at := familyOf(languageModel)
	if w.rows[at] == nil {
		for _, schema := range resultSchemas[at] {
			w.rows[at] = append(w.rows[at], tables.Rows{Schema: schema})
		}
	}
	for i := range w.rows[at] {
		w.rows[at][i].Values = w.rows[at][i].Values[:0]
	}
	return w.rows[at]
}

// do does a run within its limits. The result shares the memory of the worker: it is good until the next run. The error is the
// context's.
func (w *worker) do(ctx context.Context, run *spec.Run) (*result, error) {
	if run.Limits.Memory > 0 {
		return isolated(ctx, run)
	}
	return w.doHere(ctx, run)
}

// doHere does a run in this process. A panic becomes a failed run, so that one broken loss does not lose the others.
func (w *worker) doHere(ctx context.Context, run *spec.Run) (r *result, err error) {
	defer func() {
		if p := recover(); p != nil {
			*w = worker{shared: w.shared} // the run may have left its memory half written
			r, err = w.failed(run, fmt.Sprintf("panic: %v", p)), nil
			r.stack = string(debug.Stack())
		}
	}()
	limit, limited := time.Duration(run.Limits.Time), ctx
	if limit > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	broken := bridge.With(limited, run.Loss, func(loss objective.Params) {
		connected := *run
		connected.Loss = loss
		if run.Language() {
			r = w.language(limited, &connected)
		} else {
			r = w.bandit(limited, &connected)
		}
	})
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case broken != nil:
		*w = worker{shared: w.shared}
		r = w.failed(run, broken.Error())
		if limited.Err() != nil {
			r = w.failed(run, tookTooLong(run))
			r.limit = limit
		}
	case limited.Err() != nil && r.reason == tookTooLong(run):
		r.limit = limit
	}
	return r, nil
}

// failed is the result of a run that failed before it had anything to show.
func (w *worker) failed(run *spec.Run, reason string) *result {
	end := outcome{status: tables.Failed, reason: reason}
	if run.Language() {
		return w.newLanguageRun(run).result(end)
	}
	w.place = place{} // nothing is known of the run's environment
	b := &banditRun{worker: w, run: run, rows: w.fresh(false)}
	return b.result(end)
}

// outcome says how a run ended.
type outcome struct {
	status, reason string
	steps          int
	period         int  // of rounds that were watched, else 0
	final          bool // there is a final policy
}

// failure is the outcome of a run that failed.
func failure(reason string) outcome { return outcome{status: tables.Failed, reason: reason} }

// tookTooLong is why a run failed that exceeded limits.time.
func tookTooLong(run *spec.Run) string {
	return fmt.Sprintf("took longer than limits.time, %s", time.Duration(run.Limits.Time))
}
