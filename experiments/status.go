package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"windtunnel/experiments/cache"
	"windtunnel/experiments/cluster"
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

func status(ctx context.Context, dir, cacheDir string, stdout, stderr io.Writer) error {
	sweeps, err := cluster.Sweeps(ctx, dir)
	if err != nil {
		return inputError{err}
	}
	if len(sweeps) == 0 {
		return inputError{fmt.Errorf("%s: there are no shards and no submissions in it; `experiments run CONFIG --shard i/n --out DIR` "+
			"and `experiments submit` make some", dir)}
	}
	store, err := cache.Open(cmp.Or(cacheDir, filepath.Join(dir, ".cache")))
	if err != nil {
		return inputError{err}
	}
	for _, s := range sweeps {
		if s.Unknown != nil {
			fmt.Fprintf(stderr, "%s: the scheduler does not say how its jobs are: %v\n", calledAs, s.Unknown)
		}
		err = errors.Join(err, printSweep(stdout, s, store))
	}
	return errors.Join(err, store.Close())
}

// printSweep writes a line for every shard and one for the merge.
func printSweep(w io.Writer, s *cluster.Sweep, store *cache.Store) error {
	standings, err := s.Standings(store, kinds.Tables())
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s: %d of %d shards are complete\n", s.Name, len(s.Complete), s.Shards)
	t := newTabs(w)
	fmt.Fprintln(t, "  shard\truns\tdone\tfailed\tstate")
	for i, standing := range standings {
		state := cmp.Or(s.Tasks[i+1].State, "-")
		if s.Complete[i+1] != nil {
			state = "complete"
		}
		fmt.Fprintf(t, "  %d/%d\t%d\t%d\t%d\t%s\n", i+1, s.Shards, standing.Runs, standing.Done, standing.Failed, state)
	}
	if merge, ok := s.Tasks[0]; ok {
		fmt.Fprintf(t, "  merge\t\t\t\t%s\n", cmp.Or(merge.State, "-"))
	}
	return t.Flush()
}
