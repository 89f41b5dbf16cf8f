package engine

import (
	"context"
	"fmt"
	"testing"
	"time"

	"windtunnel/experiments/spec"
	"windtunnel/metrics/tables"
	"windtunnel/toy/train"
)

// short is a sweep of runs of a few steps, as many as there are seeds.
const short = `name: short
environment: {kind: bandit, prompts: [{name: x, pi_star: [0.6, 0.3, 0.1], pi_ref: [0.4, 0.4, 0.2]}]}
preferences: {kind: sample, n: 20}
train: {epochs: 10}
objectives: [dpo]
sweep:
  lambda: {logspace: {from: -3, to: 1, num: 10}}
  seed: {linspace: {from: 1, to: %d, num: %d}}
`

// benchPlan is the plan of 10 times as many runs as seeds.
func benchPlan(b *testing.B, seeds int) *spec.Plan {
	b.Helper()
	return planOf(b, fmt.Sprintf(short, seeds, seeds))
}

// BenchmarkSweep does 20,000 short runs from the plan to the tables, and the training of the same runs alone. What the
// first takes longer is the cost of dispatching: resolving, hashing, measuring, the cache, and writing the tables.
func BenchmarkSweep(b *testing.B) {
	const seeds = 2000
	b.Run("whole", func(b *testing.B) {
		plan := benchPlan(b, seeds)
		b.ReportAllocs()
		spent := processorTime()
		for b.Loop() {
			do(b, workOn(b, plan, 1), b.TempDir())
		}
		perRun(b, plan, spent)
	})
	b.Run("training", func(b *testing.B) {
		plan := benchPlan(b, seeds)
		b.ReportAllocs()
		spent := processorTime()
		for b.Loop() {
			for _, run := range plan.Runs {
				bareTraining(b, run)
			}
		}
		perRun(b, plan, spent)
	})
}

// perRun reports the time a run takes, and that of all processors together: the cache writes and the collector works
// beside the runs. spent is what processorTime was when the benchmark began.
func perRun(b *testing.B, plan *spec.Plan, spent time.Duration) {
	runs := float64(b.N * len(plan.Runs))
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/runs, "ns/run")
	b.ReportMetric(float64((processorTime()-spent).Nanoseconds())/runs, "cpu-ns/run")
}

// bareTraining trains as a run does, without looking at the policy.
func bareTraining(b *testing.B, run *spec.Run) {
	env, err := run.BuildEnvironment()
	if err != nil {
		b.Fatal(err)
	}
	pairs, err := run.BuildPreferences(env)
	if err != nil {
		b.Fatal(err)
	}
	pol, err := run.BuildPolicy(env)
	if err != nil {
		b.Fatal(err)
	}
	problem := train.NewProblem(env, pol, run.Loss.Objective(), run.Constraint.L2)
	loop := train.Loop{Problem: problem, Data: pairs, Params: run.Train, Order: run.Source("batches", nil)}
	if _, err := loop.Run(context.Background(), func(train.Record) {}); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkAssemble writes the tables of 20,000 runs that the cache holds.
func BenchmarkAssemble(b *testing.B) {
	plan := benchPlan(b, 2000)
	w := workOn(b, plan, 1)
	if err := w.Compute(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	spent := processorTime()
	for b.Loop() {
		if _, err := w.Assemble(context.Background(), b.TempDir(), tables.CSV); err != nil {
			b.Fatal(err)
		}
	}
	perRun(b, plan, spent)
}

// BenchmarkCompute does 20,000 short runs with one worker and with two.
func BenchmarkCompute(b *testing.B) {
	plan := benchPlan(b, 2000)
	for _, jobs := range []int{1, 2} {
		b.Run(fmt.Sprintf("jobs=%d", jobs), func(b *testing.B) {
			spent := processorTime()
			for b.Loop() {
				if err := workOn(b, plan, jobs).Compute(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
			perRun(b, plan, spent)
		})
	}
}
