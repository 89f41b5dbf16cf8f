package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"windtunnel/experiments/engine"
	"windtunnel/experiments/kinds"
	"windtunnel/experiments/results"
)

// mergeOptions are the flags of merge.
type mergeOptions struct {
	output
	wait time.Duration
}

func newMerge(stdout io.Writer) *cobra.Command {
	o := &mergeOptions{}
	cmd := &cobra.Command{
		Use:   "merge DIR...",
		Short: "Put the shards of a sweep together: tables, claims, figures",
		Long: "Each DIR is the folder of a shard, as `run --shard` makes them, or holds such folders. The shards must be of\n" +
			"one sweep and all there; the tables are those that one machine would have written, byte for byte. The exit\n" +
			"status is 1 if a shard is missing, with its number, or if a claim or a run is not well.",
		Example: `  experiments run configs/interpolation.yaml --shard 1/2 --out parts
  experiments run configs/interpolation.yaml --shard 2/2 --out parts
  experiments merge parts --out merged`,
		Args: needArgs("a folder with shards"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return merge(cmd.Context(), args, o, stdout)
		},
	}
	o.register(cmd.Flags())
	cmd.Flags().DurationVar(&o.wait, "wait", 0, "how long to wait for shards that are missing, as 90m")
	return cmd
}

// merge assembles every experiment that has shards in the folders.
func merge(ctx context.Context, dirs []string, o *mergeOptions, stdout io.Writer) error {
	shards, err := awaitShards(ctx, dirs, o.wait)
	if err != nil {
		return err
	}
	well := true
	for _, name := range slices.Sorted(maps.Keys(shards)) {
		good, err := mergeOne(ctx, shards[name], o, stdout)
		if err != nil {
			return err
		}
		well = good && well
	}
	return verdict(well)
}

// pollEvery is how long waiting for shards pauses before it searches again.
const pollEvery = 2 * time.Second

// awaitShards finds the shards, if need be after waiting until every experiment has all of its own.
func awaitShards(ctx context.Context, dirs []string, wait time.Duration) (map[string][]*engine.ShardManifest, error) {
	deadline := time.Now().Add(wait)
	for {
		shards, err := engine.FindShards(dirs)
		complete := err == nil
		for _, list := range shards {
			complete = complete && engine.Missing(list) == nil
		}
		if complete || !time.Now().Before(deadline) {
			if err != nil {
				err = inputError{err}
			}
			return shards, err
		}
		select {
		case <-time.After(pollEvery):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func mergeOne(ctx context.Context, shards []*engine.ShardManifest, o *mergeOptions, stdout io.Writer) (bool, error) {
	began := time.Now()
	c, err := kinds.Load(shards[0].Config(), nil)
	if err != nil {
		return false, err
	}
	shards, err = engine.WholeSweep(c.Plan, shards)
	if err != nil {
		return false, err
	}
	maker := &results.Maker{Config: c, Out: o.out, Format: o.format, Jobs: runtime.GOMAXPROCS(0),
		Runs: func(dir string) (engine.Count, *engine.Faults, error) {
			count, faults, err := engine.Merge(ctx, c.Plan, shards, dir, o.format)
			count.Time = time.Since(began)
			return count, faults, err
		}}
	made, err := maker.Make(ctx)
	if err != nil {
		return false, fmt.Errorf("%s: %w", c.Head.Name, err)
	}
	return (&summary{c, made}).print(stdout, o.quiet), nil
}
