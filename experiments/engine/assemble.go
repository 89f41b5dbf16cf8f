package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"windtunnel/experiments/cache"
	"windtunnel/experiments/spec"
	"windtunnel/metrics/tables"
)

// Trouble is what assembling came upon.
type Trouble struct {
	Stacks  map[string]string // stack traces of runs that panicked, by run; of the first few
	Damaged []string          // entries of the cache that were found damaged and whose runs were done again
}

// mostStacks is how many stack traces are worth keeping.
const mostStacks = 5

// Assemble writes the tables of the plan into dir, in the order of the plan. A run that the cache has lost since, by
// damage or by somebody's pruning, is done again.
func (w *Work) Assemble(ctx context.Context, dir string, format tables.Format) (*Trouble, error) {
	t, d := &Trouble{}, &desk{shared: &w.shared}
	var buf []byte
	err := assemble(ctx, w.Plan, dir, format, t, func(run *spec.Run) (*entry, error) {
		k := keysOf(run, Numerics())
		e, space, err := fetch(w.Store, k, buf)
		buf = space
		var damaged *cache.CorruptError
		if errors.As(err, &damaged) {
			t.Damaged = append(t.Damaged, err.Error())
		}
		if err == nil || !isLost(err) {
			return e, err
		}
		if e, err = d.perform(ctx, run); err != nil {
			return nil, err
		}
		return e, w.keep(d, k, e)
	})
	return t, errors.Join(err, w.Store.Sync())
}

// isLost says whether a run must be done again after an error of the cache.
func isLost(err error) bool {
	var damaged *cache.CorruptError
	return errors.Is(err, cache.ErrMissing) || errors.As(err, &damaged) || errors.Is(err, errEntry)
}

// shelf holds finished runs.
type shelf interface {
	Has(cache.Key) bool
	Get(k cache.Key, buf []byte) ([]byte, error)
}

// fetch reads the entry of a run, its result where there is one. The entry shares the memory of space, which is buf or
// replaces it.
func fetch(from shelf, k keys, buf []byte) (e *entry, space []byte, err error) {
	which := k.result
	if !from.Has(which) {
		which = k.failure
	}
	if space, err = from.Get(which, buf); err != nil {
		return nil, buf, err
	}
	e, err = decodeEntry(space)
	return e, space, err
}

// assemble writes the rows of every run, as the entries that find returns give them, into new tables.
func assemble(ctx context.Context, plan *spec.Plan, dir string, format tables.Format, t *Trouble,
	find func(*spec.Run) (*entry, error)) (err error) {
	out, err := createTables(dir, plan, format)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.close()) }()
	for i, run := range plan.All() {
		if i%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		e, err := find(run)
		if err != nil {
			return fmt.Errorf("%s: %w", run.ID, err)
		}
		t.note(run, e)
		if plan.Online() && run.Online() == nil {
			e.widen()
		}
		if err := out.append(run, e); err != nil {
			return err
		}
	}
	return nil
}

// note keeps what a user should see of a broken run beside its row.
func (t *Trouble) note(run *spec.Run, e *entry) {
	if e.stack == "" || len(t.Stacks) == mostStacks {
		return
	}
	if t.Stacks == nil {
		t.Stacks = map[string]string{}
	}
	t.Stacks[run.ID] = e.stack
}

// sinks are the files of a results folder in the making, in the order of tableNames; nil where the plan has no such
// table.
type sinks []tables.Sink

func createTables(dir string, plan *spec.Plan, format tables.Format) (sinks, error) {
	t := make(sinks, len(tableNames))
	for _, name := range plan.Tables() {
		sink, err := tables.Create(dir, name, plan.Schema(name), format)
		if err != nil {
			return nil, errors.Join(err, t.close())
		}
		t[slices.Index(tableNames, name)] = sink
	}
	return t, nil
}

func (t sinks) append(run *spec.Run, e *entry) error {
	prefix := run.Cells()
	for i, sink := range t {
		if sink == nil {
			continue
		}
		if err := sink.Append(prefix, e.bodies[i]); err != nil {
			return fmt.Errorf("table %s: %w", tableNames[i], err)
		}
		prefix = prefix[:1] // the other tables have the run's name only
	}
	return nil
}

// close finishes all files and flushes them to the disk.
func (t sinks) close() error {
	var errs []error
	for _, sink := range t {
		if sink != nil {
			errs = append(errs, sink.Close())
		}
	}
	return errors.Join(errs...)
}
