package engine

import (
	"context"
	"math"

	"windtunnel/experiments/spec"
	"windtunnel/metrics/tables"
	"windtunnel/metrics/texts"
	"windtunnel/toy/language"
	"windtunnel/toy/train"
)

// languageRun is the run of a language model, and its rows as they come.
type languageRun struct {
	run   *spec.Run
	rows  []tables.Rows // by table, in the order of tables.OfRuns
	last  language.Record
	final *language.Evaluation
}

// language does the run of a language model.
func (w *worker) language(ctx context.Context, run *spec.Run) *result {
	l := w.newLanguageRun(run)
	task, err := run.BuildTask(w.shared, nil)
	if err != nil {
		return l.result(failure(err.Error()))
	}
	end, err := task.Run(ctx, language.Reporter{Step: l.step, Evaluation: l.evaluation})
	switch {
	case ctx.Err() != nil:
		return l.result(failure(tookTooLong(run)))
	case err != nil:
		return l.result(failure(err.Error()))
	case end.Status == train.Diverged:
		return l.result(outcome{status: tables.Failed, reason: "training diverged: " + end.Reason, steps: end.Steps})
	}
	return l.result(ended(end))
}

func (w *worker) newLanguageRun(run *spec.Run) *languageRun {
	l := &languageRun{run: run, rows: w.fresh(true)}
	l.last.Loss, l.last.GradNorm = math.NaN(), math.NaN()
	return l
}

func (l *languageRun) table(name string) *tables.Rows { return &l.rows[tableIndex[name]] }

// step adds a row of the table traces.
func (l *languageRun) step(r language.Record) error {
	l.last = r
	texts.Traces.Add(l.table(tables.Traces), &r)
	return nil
}

// evaluation adds rows of the table evaluations: one a group.
func (l *languageRun) evaluation(e *language.Evaluation) error {
	l.final = e
	groups := texts.Groups(e)
	for i := range groups {
		texts.Evaluations.Add(l.table(tables.Evaluations), &groups[i])
	}
	return nil
}

// result adds the rows that are known when the run has ended. A run that failed has those of its training, as far as it came.
func (l *languageRun) result(end outcome) *result {
	row := texts.Run{Status: end.status, Steps: end.steps, Reason: end.reason, Last: l.last}
	if end.final && l.final != nil {
		row.Final = texts.Final(l.final)
		for i := range l.final.Prompts {
			p := &l.final.Prompts[i]
			texts.Prompts.Add(l.table(tables.Prompts), p)
			texts.Samples.Add(l.table(tables.Samples), p)
		}
		groups := texts.Groups(l.final)
		for i := range groups {
			if len(groups[i].Prompts) > 0 {
				texts.GroupMeans.Add(l.table(tables.Groups), &groups[i])
			}
		}
	}
	texts.Runs.Add(l.table(tables.Runs), &row)
	return &result{name: l.run.ID, status: end.status, reason: end.reason, rows: l.rows, model: true}
}
