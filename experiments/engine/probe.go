package engine

import (
	"context"
	"time"

	"windtunnel/experiments/spec"
	"windtunnel/toy/setup"
)

// Forecast is what doing the rest of a plan would take.
type Forecast struct {
	Cached int
	Left   int           // runs to do
	Time   time.Duration // expected, with the work's number of jobs
	Probes int           // runs that the expectation rests on
}

const (
	mostProbes  = 6
	probeSteps  = 2000 // a longer training is timed by its first steps
	probeBudget = time.Second

	probeModelSteps = 5 // of a language model
)

// Forecast tries a few of the runs that the cache lacks, from the cheapest to the most expensive, for about a second, and
// scales up by cost. Nothing is written.
func (w *Work) Forecast(ctx context.Context) (*Forecast, error) {
	f := &Forecast{}
	var left []int32
	total := 0.0
	for _, i := range w.Shard.part(w.Plan) {
		run := w.Plan.Runs[i]
		if known, _ := w.known(run, keysOf(run, Numerics())); known {
			f.Cached++
			continue
		}
		left = append(left, i)
		total += w.Plan.Runs[i].Cost()
	}
	if f.Left = len(left); f.Left == 0 {
		return f, nil
	}
	spent, cost, one := time.Duration(0), 0.0, &worker{shared: &w.shared}
	if run := w.Plan.Runs[left[len(left)-1]]; run.Language() { // what its runs share is done once, and not counted
		if _, _, err := try(ctx, one, run); err != nil {
			return nil, err
		}
	}
	for probe := 0; probe < min(mostProbes, len(left)) && spent < probeBudget; probe++ {
		at := (len(left) - 1) * (mostProbes - 1 - probe) / (mostProbes - 1) // left begins with the most expensive
		took, steps, err := try(ctx, one, w.Plan.Runs[left[at]])
		if err != nil {
			return nil, err
		}
		f.Probes++
		spent += took
		cost += steps
	}
	f.Time = time.Duration(float64(spent) * total / cost / float64(w.Jobs))
	return f, nil
}

// try does a run, or the beginning of a long one, and returns the time that it took and its cost.
func try(ctx context.Context, one *worker, run *spec.Run) (time.Duration, float64, error) {
	short := *run
	most := probeSteps
	if run.Language() {
		most = probeModelSteps
	}
	if short.Solver == setup.SolverTrain && (short.Train.MaxSteps == 0 || short.Train.MaxSteps > most) {
		short.Train.MaxSteps = most
	}
	began := time.Now()
	_, err := one.do(ctx, &short)
	return time.Since(began), short.Cost(), err
}
