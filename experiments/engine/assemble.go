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

// Faults are what was found wrong while tables were assembled.
type Faults struct {
	Stacks  map[string]string // stack traces of runs that panicked, by run; of the first few
	Damaged []string          // errors of results in the cache that were damaged and whose runs were done again
}

// mostStacks is how many stack traces are worth keeping.
const mostStacks = 5

// Assemble writes the tables of the plan into dir, in the order of the plan. A run that the cache has lost since, by
// damage or by somebody's pruning, is done again.
func (w *Work) Assemble(ctx context.Context, dir string, format tables.Format) (*Faults, error) {
	faults, one := &Faults{}, &worker{shared: &w.shared}
	var buf []byte
	err := assemble(ctx, w.Plan, inFolder(dir, format), faults, func(run *spec.Run) (*result, error) {
		k := keysOf(run, Numerics())
		e, space, err := fetch(w.Store, k, buf)
		buf = space
		_, damaged := errors.AsType[*cache.CorruptError](err)
		if damaged {
			faults.Damaged = append(faults.Damaged, err.Error())
		}
		if lost := damaged || errors.Is(err, cache.ErrMissing) || errors.Is(err, errResult); !lost {
			return e, err
		}
		if e, err = one.do(ctx, run); err != nil {
			return nil, err
		}
		return e, w.store(one, k, e)
	})
	return faults, errors.Join(err, w.Store.Sync())
}

// fetch reads the result of a run, or else its failure, which shares the memory of space: buf, or what replaces it.
func fetch(from *cache.Store, k keys, buf []byte) (e *result, space []byte, err error) {
	which := k.result
	if !from.Has(which) {
		which = k.failure
	}
	if space, err = from.Get(which, buf); err != nil {
		return nil, buf, err
	}
	e, err = decodeResult(space)
	return e, space, err
}

// creator makes a sink of a table, nil for a table that is not wanted.
type creator func(name string, schema tables.Schema) (tables.Sink, error)

// inFolder makes the files of tables in a folder.
func inFolder(dir string, format tables.Format) creator {
	return func(name string, schema tables.Schema) (tables.Sink, error) {
		return tables.Create(dir, name, schema, format)
	}
}

// assemble writes the rows of every run, whose result find returns, into new tables.
func assemble(ctx context.Context, plan *spec.Plan, create creator, faults *Faults, find func(*spec.Run) (*result, error)) (err error) {
	out, err := createTables(plan, create)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.close()) }()
	faults.Stacks = map[string]string{}
	for i, run := range plan.Runs {
		if i%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		e, err := find(run)
		if err != nil {
			return fmt.Errorf("%s: %w", run.ID, err)
		}
		if e.stack != "" && len(faults.Stacks) < mostStacks {
			faults.Stacks[run.ID] = e.stack
		}
		if err := out.append(run, e); err != nil {
			return err
		}
	}
	return nil
}

// sinks are the tables of a results folder in the making.
type sinks []sink

// sink takes one table.
type sink struct {
	tables.Sink
	table   int // of tables.OfRuns
	schema  tables.Schema
	planned int   // columns that the plan knows, which come first
	source  []int // for each other column its position in a result's rows
	row     []tables.Value
}

func createTables(plan *spec.Plan, create creator) (sinks, error) {
	var all sinks
	family := familyOf(plan.Runs[0].Language()) // of all runs
	for _, name := range plan.Tables() {
		s := sink{table: tableIndex[name], schema: plan.Schema(name), planned: 1}
		if name == tables.Runs {
			s.planned = len(plan.PlannedColumns())
		}
		names := resultSchemas[family][s.table].Names()
		for _, column := range s.schema[s.planned:] {
			s.source = append(s.source, slices.Index(names, column.Name))
		}
		var err error
		if s.Sink, err = create(name, s.schema); err != nil {
			return nil, errors.Join(err, all.close())
		}
		if s.Sink != nil {
			all = append(all, s)
		}
	}
	return all, nil
}

// append adds a run's rows to all tables, each behind the cells that the plan knows: the run's name, and in the table runs what
// tells it from others.
func (all sinks) append(run *spec.Run, r *result) error {
	cells := run.Cells()
	for i := range all {
		s := &all[i]
		s.row = s.row[:0]
		for at, column := range s.schema[:s.planned] {
			v, ok := tables.ParseValue(column.Type, cells[at])
			if !ok {
				panic(fmt.Sprintf("engine: run %s: the cell %q is no %s", run.ID, cells[at], column.Type))
			}
			s.row = append(s.row, v)
		}
		rows := &r.rows[s.table]
		for values := rows.Values; len(values) > 0; values = values[len(rows.Schema):] {
			s.row = s.row[:s.planned]
			for _, at := range s.source {
				s.row = append(s.row, values[at])
			}
			if err := s.Add(s.row); err != nil {
				return err
			}
		}
	}
	return nil
}

// close finishes all tables; files are flushed to the disk.
func (all sinks) close() error {
	var errs []error
	for i := range all {
		errs = append(errs, all[i].Close())
	}
	return errors.Join(errs...)
}
