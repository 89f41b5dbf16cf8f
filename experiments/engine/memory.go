package engine

import (
	"context"
	"crypto/sha256"
	"slices"

	"windtunnel/experiments/spec"
	"windtunnel/metrics/tables"
	"windtunnel/toy/preference"
	"windtunnel/toy/setup"
)

// Memory does runs of bandits and keeps what became of them, and of what they were made, in memory: a run that another plan
// has too is done once, as with a cache. It is used by one goroutine at a time; the zero Memory is ready.
type Memory struct {
	worker  worker
	results map[[sha256.Size]byte]*result
	data    map[[sha256.Size]byte]*data
}

// data is an environment with its comparisons.
type data struct {
	place
	pairs  *preference.Pairs
	merged *preference.Pairs // with equal ones made one, where their order does not count
}

// Tables does the runs of a plan and returns those of its tables that are wanted. The error is the context's.
func (m *Memory) Tables(ctx context.Context, plan *spec.Plan, wanted []string) (tables.Memory, error) {
	if m.results == nil {
		m.results, m.data = map[[sha256.Size]byte]*result{}, map[[sha256.Size]byte]*data{}
	}
	all := tables.Memory{}
	create := func(name string, schema tables.Schema) (tables.Sink, error) {
		if !slices.Contains(wanted, name) {
			return nil, nil
		}
		all[name] = tables.NewTable(name, schema.Names()...)
		return all[name].Sink(schema), nil
	}
	return all, assemble(ctx, plan, create, &Faults{}, func(run *spec.Run) (*result, error) { return m.result(ctx, run) })
}

// result returns what becomes of a run.
func (m *Memory) result(ctx context.Context, run *spec.Run) (*result, error) {
	if known, ok := m.results[run.Content]; ok {
		return known, nil
	}
	m.enter(run)
	r, err := m.worker.do(ctx, run)
	m.worker.pairs, m.worker.drawn = nil, 0
	if err != nil {
		return nil, err
	}
	kept := *r // the rows are the worker's
	kept.rows = slices.Clone(r.rows)
	for i := range kept.rows {
		kept.rows[i].Values = slices.Clone(kept.rows[i].Values)
	}
	m.results[run.Content] = &kept
	return &kept, nil
}

// enter gives the worker the environment and the comparisons of a run. Where they cannot be made, the run says so.
func (m *Memory) enter(run *spec.Run) {
	d, ok := m.data[run.Data]
	if !ok {
		if m.worker.enter(run) != nil {
			return
		}
		pairs, err := run.BuildPreferences(m.worker.env)
		if err != nil {
			return
		}
		d = &data{m.worker.place, pairs, pairs.Merged()}
		m.data[run.Data] = d
	}
	m.worker.place = d.place
	m.worker.params, m.worker.seed, m.worker.given = run.Environment, run.EnvironmentSeed(), preference.GivenBy(run.Preferences)
	m.worker.pairs, m.worker.drawn = d.merged, d.pairs.Len()
	if run.Solver == setup.SolverTrain {
		m.worker.pairs = d.pairs
	}
}
