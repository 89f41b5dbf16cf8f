package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"windtunnel/experiments/bridge"
	"windtunnel/experiments/kinds"
	"windtunnel/experiments/spec"
	"windtunnel/toy/objective"
)

// tryLosses asks the processes of losses about a few policies, so that what is wrong with one is told before anything is run.
// losses returns what objective i is tried with, nil for nothing.
func tryLosses(ctx context.Context, c *spec.Config, objectives []spec.Objective, losses func(i int) (objective.Params, spec.Limits)) error {
	for i := range objectives {
		loss, limits := losses(i)
		if loss == nil {
			continue
		}
		limited, cancel := ctx, context.CancelFunc(func() {})
		if limits.Time > 0 {
			limited, cancel = context.WithTimeout(ctx, time.Duration(limits.Time))
		}
		err := bridge.Try(limited, loss)
		cancel()
		if wrong, ok := errors.AsType[*bridge.Error](err); ok && ctx.Err() == nil {
			return c.Mistake(fmt.Sprintf("objectives.%d.%s", i, wrong.Key), wrong.What(), wrong.Allowed, wrong.Near)
		}
	}
	return ctx.Err()
}

// tryUntried tries the losses of an experiment of which the cache does not have all runs.
func (r *runner) tryUntried(ctx context.Context, c *spec.Config) error {
	if c.Plan == nil {
		return nil
	}
	untried := r.work(c).Untried()
	return tryLosses(ctx, c, c.Experiment.Objectives, func(i int) (objective.Params, spec.Limits) {
		if run := untried[c.Experiment.Objectives[i].Label(kinds.Tables())]; run != nil {
			return run.Loss, run.Limits
		}
		return nil, spec.Limits{}
	})
}
