package engine

import (
	"context"
	"math"
	"runtime"
	"time"

	"gonum.org/v1/gonum/floats"

	"windtunnel/experiments/spec"
	"windtunnel/metrics/tables"
	"windtunnel/toy/setup"
)

// Forecast is what doing the rest of a plan would take.
type Forecast struct {
	Cached int
	Left   int           // runs to do
	Time   time.Duration // expected to a factor of 2, with the work's number of jobs; 0 where that is not known
	Most   time.Duration // what it takes at most by the slowest of the tries, 0 without any
	Memory int64         // bytes, of this process and its workers; 0 where that is not known
	Disk   int64         // bytes of the tables of all runs and of the results of those to do in the cache
	Probes int           // runs that the expectation rests on
}

const (
	mostProbes  = 6
	probeSteps  = 2000 // a longer training is timed by its first steps
	probeBudget = time.Second
)

// Forecast tries the beginnings of a few of the runs that the cache lacks, from the cheapest to the most expensive, for a second at
// most, and scales up by cost. Language models, of which the first evaluation alone may take minutes, are not tried. Nothing is
// written.
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
		total += run.Cost()
	}
	if f.Left = len(left); f.Left == 0 {
		return f, nil
	}
	before, one := memory(), &worker{shared: &w.shared}
	began, whole := time.Now(), true
	var took, cost []float64 // of the tries, in seconds and in steps
	limited, cancel := context.WithTimeout(ctx, probeBudget)
	defer cancel()
	probes := min(mostProbes, len(left))
	for probe := 0; probe < probes && !w.Plan.Language(); probe++ {
		run := w.Plan.Runs[left[(len(left)-1)*(probes-1-probe)/max(1, probes-1)]] // left begins with the most expensive
		seconds, steps, cut, err := try(limited, one, run)
		if limited.Err() != nil {
			break
		}
		if err != nil {
			return nil, err
		}
		f.Probes++
		whole = whole && !cut
		took, cost = append(took, seconds), append(cost, steps)
	}
	responses := 0
	if one.env != nil {
		responses = one.env.Responses()
	}
	for i, run := range w.Plan.Runs {
		if f.Disk += diskOf(w.Plan, run, responses); i >= len(w.Plan.Runs)-f.Left {
			f.Disk += diskOf(w.Plan, run, responses) * 2 / 3 // in the cache numbers are shorter than in text
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if f.Probes == 0 {
		return f, nil
	}
	seconds, most := 0.0, 0.0
	if f.Probes == f.Left && whole {
		seconds = floats.Sum(took) / float64(min(w.Jobs, f.Left))
		most = seconds
	} else {
		seconds, most = extrapolate(took, cost, total/float64(w.Jobs))
	}
	f.Time, f.Most = time.Duration(seconds*1e9), max(time.Since(began), time.Duration(most*1e9))
	after := memory()
	f.Memory = after + (after-before)*int64(min(w.Jobs, f.Left)-1)
	return f, nil
}

// extrapolate returns the time that a total cost takes by the time and the cost of some tries, 0 where leaving out one of them changes it by
// more than a factor of 2, and what it takes at most by any try.
func extrapolate(took, cost []float64, total float64) (seconds, most float64) {
	seconds = total * floats.Sum(took) / floats.Sum(cost)
	known := len(took) > 1
	for i := range took {
		most = max(most, total*took[i]/cost[i])
		without := total * (floats.Sum(took) - took[i]) / (floats.Sum(cost) - cost[i])
		known = known && without < 2*seconds && seconds < 2*without
	}
	if !known {
		seconds = 0
	}
	return seconds, most
}

// memory is what the process has from the operating system, in bytes.
func memory() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys)
}

// tries is how often a short run is timed: now and then garbage of earlier ones is collected in one.
const tries = 5

// try does a run, or the beginning of a long one, and returns the seconds that it took, its cost and whether it was only a beginning.
func try(ctx context.Context, one *worker, run *spec.Run) (seconds, cost float64, cut bool, err error) {
	short := *run
	if short.Solver == setup.SolverTrain && (short.Train.MaxSteps == 0 || short.Train.MaxSteps > probeSteps) {
		short.Train.MaxSteps = probeSteps
		cut = run.Cost() > short.Cost()
	}
	seconds = math.Inf(1)
	for began, n := time.Now(), 0; err == nil && n < tries && time.Since(began) < probeBudget/20; n++ {
		at := processorTime()
		_, err = one.do(ctx, &short)
		seconds = min(seconds, (processorTime() - at).Seconds())
	}
	return seconds, short.Cost(), cut, err
}

// cellBytes is about what a cell of a table takes as text.
const cellBytes = 15

// diskOf is about what a run takes in the tables, in bytes. Numbers of responses are those of a run that was tried.
func diskOf(plan *spec.Plan, run *spec.Run, responses int) int64 {
	prompts, records, cells := max(1, len(plan.Prompts)), 2, 0
	if every := run.Train.RecordEvery; every > 0 && run.Trained() {
		records += int(run.Steps()) / every
	}
	for _, name := range plan.Tables() {
		rows := map[string]int{tables.Runs: 1, tables.Policies: prompts * responses, tables.Prompts: prompts, tables.Groups: len(plan.Schema(tables.Groups)) / 10,
			tables.Traces: records, tables.Trajectories: records * prompts * responses, tables.Evaluations: 2 * records, tables.Samples: 20 * prompts}[name]
		cells += rows * len(plan.Schema(name))
	}
	return int64(cells) * cellBytes
}
