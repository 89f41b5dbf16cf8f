// Package engine does the runs of a plan and writes their rows. Runs are independent: workers, shards and earlier calls
// do them in any order and put them into a cache, and tables are assembled from it in the order of the plan, so the bytes
// are the same whoever did what when.
package engine

import (
	"cmp"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"windtunnel/experiments/cache"
	"windtunnel/experiments/spec"
	"windtunnel/toy/language"
	"windtunnel/toy/objective"
)

// Work is a plan, or a shard of it, with the cache that holds what is done of it.
type Work struct {
	Plan  *spec.Plan
	Shard Shard
	Store *cache.Store
	Meter *Meter
	Jobs  int  // runs done at the same time, at least 1
	Fresh bool // do runs again that the cache holds
	Retry bool // do runs again that failed

	shared language.Shared
	busy   sync.Map // keys of the results that some worker is computing
}

// Compute does the runs that the cache lacks and returns when all are safely in it. A run that breaks has a result too, its failure.
// The error is the context's or the cache's; what was finished before it is kept.
func (w *Work) Compute(ctx context.Context) error {
	order := w.Shard.part(w.Plan)
	w.Meter.start(w.Plan, order)
	var next atomic.Int64
	group, working := errgroup.WithContext(ctx)
	for range w.Jobs {
		group.Go(func() error {
			one := &worker{shared: &w.shared}
			for working.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(order) {
					return nil
				}
				if err := w.one(working, one, int(order[i])); err != nil {
					return err
				}
			}
			return working.Err()
		})
	}
	err := group.Wait()
	return cmp.Or(err, w.Store.Sync()) // what is finished is kept even when the call was interrupted
}

// one does a run unless the cache has it or another worker is doing the same one.
func (w *Work) one(ctx context.Context, one *worker, i int) error {
	run := w.Plan.Runs[i]
	k := keysOf(run, Numerics())
	if known, failed := w.known(run, k); known {
		w.Meter.ended(run.Cost(), true, failed)
		return nil
	}
	if _, busy := w.busy.LoadOrStore(k.result, true); busy {
		w.Meter.ended(run.Cost(), true, false)
		return nil
	}
	defer w.busy.Delete(k.result)
	e, err := one.do(ctx, run)
	if err != nil {
		return err
	}
	w.Meter.ended(run.Cost(), false, e.failed())
	return w.store(one, k, e)
}

// store hands a result to the cache without waiting for the disk. A cache that cannot write any more says so here, if not
// at once then at one of the next results.
func (w *Work) store(one *worker, k keys, e *result) error {
	one.payload = e.append(one.payload[:0])
	return w.Store.Put(k.of(e), one.payload) // which copies it
}

// Untried returns a run of every objective that the cache does not have, whose loss is in another process.
func (w *Work) Untried() map[string]*spec.Run {
	found := map[string]*spec.Run{}
	for _, run := range w.Plan.Runs {
		if found[run.Label] == nil && len(objective.Externals(run.Loss)) > 0 {
			if known, _ := w.known(run, keysOf(run, Numerics())); !known {
				found[run.Label] = run
			}
		}
	}
	return found
}

// known says whether a run need not be done because of what the cache has, and whether that is a failure.
func (w *Work) known(run *spec.Run, k keys) (known, failed bool) {
	switch {
	case w.Fresh:
		return false, false
	case w.Store.Has(k.result):
		return true, false
	case w.Retry || !w.Store.Has(k.failure):
		return false, false
	}
	data, err := w.Store.Get(k.failure, nil)
	if err != nil {
		return false, false // damaged: it is done again
	}
	e, err := decodeResult(data)
	if err != nil {
		return false, true
	}
	limit := time.Duration(run.Limits.Time)
	outgrown := e.limit > 0 && (limit == 0 || limit > e.limit) // the failure was one of time, which the present limit may allow
	return !outgrown, true
}

// Meter counts what becomes of runs while they are done. It is safe for concurrent use.
type Meter struct {
	mu    sync.Mutex
	count Count
	began time.Time
}

// Count is a moment of a Meter. Costs are in steps; see spec.Run.Cost.
type Count struct {
	Runs   int // in all
	Done   int // by this process
	Cached int // that the cache had, or that are the same as another run
	Failed int // of Done and Cached
	Cost   float64
	Spent  float64       // of Done
	Saved  float64       // of Cached
	Time   time.Duration // since the start
}

// Share returns the finished part of the cost, in [0,1].
func (c *Count) Share() float64 {
	if c.Cost <= 0 {
		return 0
	}
	return min(1, (c.Spent+c.Saved)/c.Cost)
}

// Left returns the expected time until the end, at the pace of the runs done so far; 0 where there is none yet.
func (c *Count) Left() time.Duration {
	if c.Spent <= 0 {
		return 0
	}
	return time.Duration(float64(c.Time) * max(0, c.Cost-c.Spent-c.Saved) / c.Spent)
}

// Now returns the present state.
func (m *Meter) Now() Count {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.count
	if !m.began.IsZero() {
		c.Time = time.Since(m.began)
	}
	return c
}

func (m *Meter) start(plan *spec.Plan, runs []int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.began, m.count = time.Now(), Count{Runs: len(runs)}
	for _, i := range runs {
		m.count.Cost += plan.Runs[i].Cost()
	}
}

// ended counts a run that was done, or that the cache had.
func (m *Meter) ended(cost float64, cached, failed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if cached {
		m.count.Cached++
		m.count.Saved += cost
	} else {
		m.count.Done++
		m.count.Spent += cost
	}
	if failed {
		m.count.Failed++
	}
}
