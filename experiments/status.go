package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"windtunnel/experiments/cache"
	"windtunnel/experiments/cluster"
	"windtunnel/experiments/engine"
	"windtunnel/experiments/kinds"
)

func newStatus(stdout, stderr io.Writer) *cobra.Command {
	cacheDir := ""
	cmd := &cobra.Command{
		Use:   "status DIR",
		Short: "Show how far the shards of a sweep are",
		Long: "Shows the shards below DIR, those of submissions to Slurm among them: which are there, how many of the runs of\n" +
			"the others are done, and what the scheduler says of their jobs. Nothing is written.",
		Example: `  experiments status results
  experiments status parts --cache shared/cache`,
		Args: cobra.MatchAll(needArgs("a folder"), atMost(1, "one folder")),
		RunE: func(cmd *cobra.Command, args []string) error {
			return status(cmd.Context(), args[0], cacheDir, stdout, stderr)
		},
	}
	cmd.Flags().StringVar(&cacheDir, "cache", "", cacheUsage)
	return cmd
}

// sweepStatus is what there is to show of a sweep in shards.
type sweepStatus struct {
	name   string
	count  int
	config string // path of a resolved config
	there  map[int]*engine.ShardManifest
	tasks  map[int]cluster.Task // by shard, 0 is the merge
}

func status(ctx context.Context, dir, cacheDir string, stdout, stderr io.Writer) error {
	sweeps, err := findSweeps(ctx, dir, stderr)
	if err != nil {
		return err
	}
	if len(sweeps) == 0 {
		return inputError{fmt.Errorf("%s: there are no shards and no submissions in it; `experiments run CONFIG --shard i/n --out DIR` "+
			"and `experiments submit` make some", dir)}
	}
	if cacheDir == "" {
		cacheDir = filepath.Join(dir, ".cache")
	}
	store, err := cache.Open(cacheDir)
	if err != nil {
		return err
	}
	for _, s := range sweeps {
		err = errors.Join(err, s.print(stdout, store))
	}
	return errors.Join(err, store.Close())
}

// findSweeps returns the submissions in a folder, and the shards that lie in it, by name.
func findSweeps(ctx context.Context, dir string, stderr io.Writer) ([]*sweepStatus, error) {
	records, err := cluster.Records(dir)
	if err != nil {
		return nil, err
	}
	var all []*sweepStatus
	for _, r := range records {
		s := &sweepStatus{name: r.Name, count: r.Shards, config: r.ConfigPath(), tasks: map[int]cluster.Task{}}
		if s.there, err = shardsIn(r.ShardsDir(), r.Name); err != nil {
			return nil, err
		}
		tasks, err := r.Tasks(ctx)
		if err != nil {
			fmt.Fprintf(stderr, "experiments: the scheduler does not say how its jobs are: %v\n", err)
		}
		for _, task := range tasks {
			s.tasks[task.Shard] = task
		}
		all = append(all, s)
	}
	loose, err := engine.FindShards([]string{dir})
	if errors.Is(err, engine.ErrNoShards) {
		return all, nil
	}
	for _, name := range slices.Sorted(maps.Keys(loose)) {
		first := loose[name][0]
		s := &sweepStatus{name: name, count: first.Shard.Count, config: first.Config(), there: byIndex(loose[name])}
		all = append(all, s)
	}
	return all, err
}

// shardsIn returns the finished shards of an experiment in a folder, by index.
func shardsIn(dir, name string) (map[int]*engine.ShardManifest, error) {
	found, err := engine.FindShards([]string{dir})
	if errors.Is(err, engine.ErrNoShards) {
		return nil, nil
	}
	return byIndex(found[name]), err
}

func byIndex(shards []*engine.ShardManifest) map[int]*engine.ShardManifest {
	all := map[int]*engine.ShardManifest{}
	for _, s := range shards {
		all[s.Shard.Index] = s
	}
	return all
}

// print writes a line for every shard and one for the merge.
func (s *sweepStatus) print(w io.Writer, store *cache.Store) error {
	standings, err := s.standings(store)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s: %d of %d shards are complete\n", s.name, len(s.there), s.count)
	t := newTabs(w)
	fmt.Fprintln(t, "  shard\truns\tdone\tfailed\tstate")
	for i := 1; i <= s.count; i++ {
		stand, state := standings[i-1], s.tasks[i].State
		if m := s.there[i]; m != nil {
			stand, state = engine.Standing{Runs: m.Runs, Done: m.Runs, Failed: m.Failed}, "complete"
		}
		fmt.Fprintf(t, "  %d/%d\t%d\t%d\t%d\t%s\n", i, s.count, stand.Runs, stand.Done, stand.Failed, orDash(state))
	}
	if merge, ok := s.tasks[0]; ok {
		fmt.Fprintf(t, "  merge\t\t\t\t%s\n", orDash(merge.State))
	}
	return t.Flush()
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// standings returns how far the shards are by the cache. It is not asked where all are there.
func (s *sweepStatus) standings(store *cache.Store) ([]engine.Standing, error) {
	if len(s.there) == s.count {
		return make([]engine.Standing, s.count), nil
	}
	if _, err := os.Stat(s.config); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: the resolved config is gone", s.config)
	}
	c, err := kinds.Load(s.config, nil)
	if err != nil {
		return nil, err
	}
	return engine.Standings(c.Plan, store, s.count), nil
}
