// Package engine does the runs of a plan and writes their rows. Runs are independent: workers do them in any order,
// and rows are written in the order of the plan, so the bytes are the same at any number of workers.
package engine

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/errgroup"

	"windtunnel/experiments/record"
	"windtunnel/experiments/spec"
)

// NumericsVersion is raised by hand when results of the same config change.
const NumericsVersion = 1

// Progress is told how far the work is. Its methods are called from one goroutine at a time.
type Progress interface {
	// Start announces the runs and their total cost in steps.
	Start(runs int, cost float64)
	// Done announces a finished run and its cost.
	Done(run *spec.Run, cost float64)
}

// result is a finished run on its way to the writer.
type result struct {
	rows  [][][]string // by table, in the order of tableNames
	stack string       // of a panic
}

// Run does every run of the plan on the given number of workers, at least 1, and writes the tables into dir. A run that
// breaks is a row with the status Failed and a reason; of those that panicked, Run returns the stack traces by run. It
// returns the context's error if that ends first; dir is then incomplete.
func Run(ctx context.Context, plan *spec.Plan, dir string, jobs int, progress Progress) (stacks map[string]string, err error) {
	out, err := createTables(dir, plan)
	if err != nil {
		return nil, err
	}
	defer out.close()
	progress.Start(len(plan.Runs), plan.Cost())
	w := &ordered{out: out, waiting: map[int]result{}, plan: plan, progress: progress, stacks: map[string]string{}}
	// At most window runs are started beyond the oldest unwritten one, which bounds what waits in memory.
	window := make(chan struct{}, 4*jobs+4)
	group, working := errgroup.WithContext(ctx)
	group.SetLimit(jobs)
	for i := range plan.Runs {
		select {
		case window <- struct{}{}:
		case <-working.Done():
		}
		if working.Err() != nil {
			break
		}
		group.Go(func() error {
			done, err := perform(working, plan.Runs[i])
			if err != nil {
				return err
			}
			return w.put(i, done, window)
		})
	}
	if err := errors.Join(group.Wait(), ctx.Err()); err != nil {
		return nil, err
	}
	return w.stacks, out.finish()
}

// ordered writes results in the order of the plan, whatever order they come in.
type ordered struct {
	mu       sync.Mutex
	out      *tables
	waiting  map[int]result
	next     int
	plan     *spec.Plan
	progress Progress
	stacks   map[string]string
}

// put takes the result of run i and writes all that are due.
func (w *ordered) put(i int, r result, window <-chan struct{}) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting[i] = r
	w.progress.Done(w.plan.Runs[i], w.plan.Runs[i].Cost())
	for {
		r, ok := w.waiting[w.next]
		if !ok {
			return nil
		}
		delete(w.waiting, w.next)
		if r.stack != "" {
			w.stacks[w.plan.Runs[w.next].ID] = r.stack
		}
		w.next++
		<-window
		if err := w.out.write(r.rows); err != nil {
			return err
		}
	}
}

// tables are the open files of a results folder.
type tables struct {
	sinks []record.Sink
}

func createTables(dir string, plan *spec.Plan) (*tables, error) {
	t := &tables{}
	for _, name := range tableNames {
		sink, err := record.Create(dir, name, plan.Schema(name), record.CSV)
		if err != nil {
			t.close()
			return nil, err
		}
		t.sinks = append(t.sinks, sink)
	}
	return t, nil
}

func (t *tables) write(rows [][][]string) error {
	for i, sink := range t.sinks {
		for _, row := range rows[i] {
			if err := sink.Write(row...); err != nil {
				return err
			}
		}
	}
	return nil
}

// finish flushes everything to the disk.
func (t *tables) finish() error {
	for _, sink := range t.sinks {
		if err := sink.Close(); err != nil {
			return err
		}
	}
	return nil
}

func (t *tables) close() {
	for _, sink := range t.sinks {
		sink.Close()
	}
}
