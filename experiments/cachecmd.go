package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"windtunnel/experiments/cache"
	"windtunnel/experiments/engine"
)

func newCache(stdout, stderr io.Writer) *cobra.Command {
	dir := ""
	cmd := &cobra.Command{
		Use:   "cache",
		Short: "See, check and prune the folder of finished runs",
		Long: "Finished runs are kept under a name made of everything that decides their result: the resolved run, its data\n" +
			"and the code that computes. A run that is asked for again, by whatever config, is read from there.",
		Example: `  experiments cache size
  experiments cache verify --cache /shared/cache
  experiments cache prune --keep configs/interpolation.yaml`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return needArgs("size, list, verify or prune")(cmd, args)
			}
			return unknownCommand(cmd, args[0])
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(&dir, "cache", "results/.cache", "`DIR` of finished runs")
	visit := func(use, short string, do func(*cache.Store, io.Writer) error) *cobra.Command {
		return &cobra.Command{Use: use, Short: short, Args: atMost(0, "no arguments"), Example: "  experiments cache " + use,
			RunE: func(*cobra.Command, []string) error {
				return withCache(dir, func(s *cache.Store) error { return do(s, stdout) })
			}}
	}
	cmd.AddCommand(
		visit("size", "Print how many runs and bytes there are", cacheSize),
		visit("list", "Print every run with its size, age and name", cacheList),
		visit("verify", "Read everything and compare checksums; exit status 1 if something is damaged", cacheVerify),
		newPrune(&dir, stdout, stderr),
	)
	return cmd
}

// withCache opens an existing cache for do.
func withCache(dir string, do func(*cache.Store) error) error {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return inputError{fmt.Errorf("%s: there is no cache; `experiments run` makes one in its --out folder", dir)}
	}
	store, err := cache.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(do(store), store.Close())
}

func cacheSize(s *cache.Store, w io.Writer) error {
	bytes := int64(0)
	for _, info := range s.All() {
		bytes += info.Size
	}
	_, err := fmt.Fprintf(w, "%d runs, %s\n", s.Len(), inBytes(bytes))
	return err
}

// inBytes writes a number of bytes for reading.
func inBytes(n int64) string {
	for _, unit := range []struct {
		name string
		size float64
	}{{"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}} {
		if v := float64(n) / unit.size; v >= 1 {
			return fmt.Sprintf("%.3g %s", v, unit.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}

func cacheList(s *cache.Store, w io.Writer) error {
	t := newTabs(w)
	fmt.Fprintln(t, "key\twritten\tbytes\tstatus\trun")
	var data []byte
	for key, info := range s.All() {
		name, status := "", "damaged"
		var err error
		if data, err = s.Get(key, data); err == nil {
			name, status = engine.Describe(data)
		}
		fmt.Fprintf(t, "%.12s\t%s\t%d\t%s\t%s\n", key, info.Written.Format(time.DateTime), info.Size, status, name)
	}
	return t.Flush()
}

func cacheVerify(s *cache.Store, w io.Writer) error {
	flaws, err := s.Verify()
	if err != nil {
		return err
	}
	for _, flaw := range flaws {
		fmt.Fprintln(w, flaw)
	}
	damage := "nothing is damaged"
	if len(flaws) > 0 {
		damage = fmt.Sprintf("damaged places: %d, whose runs will be done again when they are needed", len(flaws))
	}
	fmt.Fprintf(w, "%d runs are sound; %s\n", s.Len(), damage)
	return verdict(len(flaws) == 0)
}

func newPrune(dir *string, stdout, stderr io.Writer) *cobra.Command {
	var older time.Duration
	var keep []string
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove runs that are old, or that no given config plans",
		Long: "Removes the runs that were written before --older, and with --keep those that are in the plan of none of the\n" +
			"configs given; with both, those for which both hold.",
		Example: `  experiments cache prune --older 720h
  experiments cache prune --keep configs/interpolation.yaml --keep configs/paper.yaml`,
		Args: atMost(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			if older <= 0 && len(keep) == 0 {
				return inputError{errors.New("cache prune: it needs --older DURATION or --keep CONFIG, or everything would go")}
			}
			configs, err := loadAll(keep, nil)
			if err != nil {
				return err
			}
			warn(stderr, configs)
			planned := map[cache.Key]bool{}
			for _, c := range configs {
				if c.Plan != nil {
					engine.AddKeys(c.Plan, planned)
				}
			}
			return withCache(*dir, func(s *cache.Store) error {
				limit := time.Now().Add(-older)
				freed, removed, err := s.Prune(func(k cache.Key, info cache.Info) bool {
					return older > 0 && info.Written.After(limit) || planned[k]
				})
				fmt.Fprintf(stdout, "removed %d runs, %s; %d runs are left\n", removed, inBytes(freed), s.Len())
				if live, ok := errors.AsType[*cache.LiveError](err); ok {
					fmt.Fprintln(stdout, live) // a later prune gets them
					return nil
				}
				return err
			})
		},
	}
	cmd.Flags().DurationVar(&older, "older", 0, "remove what was written longer ago than this, as 720h")
	cmd.Flags().StringArrayVar(&keep, "keep", nil, "keep what this `CONFIG`, or folder of configs, plans (repeatable)")
	return cmd
}
