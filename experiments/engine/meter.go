package engine

import (
	"sync"
	"time"

	"windtunnel/experiments/spec"
)

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

// Finished returns how many runs have ended.
func (c *Count) Finished() int { return c.Done + c.Cached }

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
		m.count.Cost += plan.CostOf(int(i))
	}
}

func (m *Meter) done(cost float64, failed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.count.Done++
	m.count.Spent += cost
	if failed {
		m.count.Failed++
	}
}

func (m *Meter) cached(cost float64, failed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.count.Cached++
	m.count.Saved += cost
	if failed {
		m.count.Failed++
	}
}
