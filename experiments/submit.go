package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"windtunnel/experiments/cluster"
	"windtunnel/experiments/kinds"
	"windtunnel/experiments/results/publish"
	"windtunnel/experiments/spec"
)

func newSubmit(stdout, stderr io.Writer) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "submit",
		Short: "Hand the shards of a sweep to Slurm",
		Long: "Resolves a config, freezes it and hands its shards to a scheduler, with a job that merges them afterwards.\n" +
			"What is edited later does not change what has been submitted.",
		Example: `  experiments submit slurm configs/interpolation.yaml --shards 8 --partition main --dry-run`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return inputError{fmt.Errorf("%s: %q is no scheduler; it takes slurm", cmd.CommandPath(), args[0])}
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newSubmitSlurm(stdout, stderr))
	return cmd
}

// submitOptions are the flags that are not sbatch's.
type submitOptions struct {
	sets   []string
	shards int
	out    string
	cache  string
	format string
	dryRun bool
	force  bool
}

// submission loads a config and resolves it into a submission. Folders are left to the caller.
func (o *submitOptions) submission(path string, stderr io.Writer) (*cluster.Submission, error) {
	c, err := kinds.Load(path, o.sets)
	if err != nil {
		return nil, err
	}
	if c.Experiment == nil {
		return nil, inputError{fmt.Errorf("%s is not the config of one experiment; submit the experiments that it names one by one", path)}
	}
	if runs := len(c.Plan.Runs); o.shards < 1 || o.shards > runs {
		return nil, inputError{fmt.Errorf("--shards %d: at least 1 and at most %d, the number of runs", o.shards, runs)}
	}
	if !slices.Contains([]string{"", "csv", "parquet", "both"}, o.format) {
		return nil, inputError{fmt.Errorf("--format %q: csv, parquet or both", o.format)}
	}
	warn(stderr, []*spec.Config{c})
	_, err = publish.Place(o.out, c.Head.Name)
	if frozen := filepath.Join(o.out, cluster.Folder) + string(filepath.Separator); !o.force && !strings.HasPrefix(filepath.Clean(path), frozen) {
		err = owner(c).Check(o.out, c.Head.Name)
	}
	if err != nil {
		return nil, err
	}
	return cluster.NewSubmission(c, filepath.Base(path), o.shards, o.format)
}

func newSubmitSlurm(stdout, stderr io.Writer) *cobra.Command {
	o, s := &submitOptions{}, &cluster.Slurm{}
	cmd := &cobra.Command{
		Use:   "slurm CONFIG",
		Short: "Submit an array job for the shards of a config, and a merge job",
		Long: "Freezes the resolved config and this program in OUT/.submit, submits with sbatch an array job for the shards\n" +
			"that are not there yet and a job that merges them when all have ended, and prints how to look and go on.\n" +
			"Given again, it submits what is missing. OUT must be a folder that all nodes share.",
		Example: `  experiments submit slurm configs/interpolation.yaml --shards 8 --partition main --time 1:00:00
  experiments submit slurm configs/interpolation.yaml --shards 8 --extra --constraint=avx2 --dry-run`,
		Args: cobra.MatchAll(needArgs("a config"), atMost(1, "one config")),
		RunE: func(cmd *cobra.Command, args []string) error {
			err := submitSlurm(cmd.Context(), cmd.Flags(), args[0], o, s, stdout, stderr)
			if wrong, ok := errors.AsType[cluster.InputError](err); ok {
				return inputError{wrong}
			}
			return err
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.shards, "shards", 0, "parts of the sweep, each a job of its own (required)")
	f.StringArrayVar(&o.sets, "set", nil, "override a setting, `key.path=value`, as in run")
	f.StringVar(&o.out, "out", "results", "folder for results; the merged ones of a config named X are `DIR`/X/")
	f.StringVar(&o.cache, "cache", "", "`folder` of finished runs (default OUT/.cache, as in run)")
	f.StringVar(&o.format, "format", "", "form of the merged tables, as in merge")
	f.BoolVar(&o.force, "force", false, forceUsage)
	f.BoolVar(&o.dryRun, "dry-run", false, "print what would be submitted and stop")
	f.StringVar(&s.Partition, "partition", "", "partition for the jobs (default the cluster's)")
	f.IntVar(&s.ArrayLimit, "array-limit", 0, "most shards at a time (default no limit)")
	f.StringVar(&s.Time, "time", "", "time limit of a job, as sbatch reads it, as 2:00:00")
	f.StringVar(&s.Memory, "mem", "", "memory of a job, as sbatch reads it, as 4G")
	f.IntVar(&s.CPUs, "cpus-per-task", 1, "processors of a job, and runs that it does at the same time")
	f.StringVar(&s.Account, "account", "", "account to charge")
	f.StringVar(&s.QOS, "qos", "", "quality of service")
	f.StringArrayVar(&s.Extra, "extra", nil, "a further option of sbatch, as `--constraint=avx2` (repeatable)")
	return cmd
}

// submitSlurm submits what is missing of a config, or shows it.
func submitSlurm(ctx context.Context, flags *pflag.FlagSet, config string, o *submitOptions, s *cluster.Slurm, stdout, stderr io.Writer) error {
	sub, err := abandoned(ctx, func() (*cluster.Submission, error) { return o.submission(config, stderr) })
	if err != nil {
		return err
	}
	if sub.Out, err = filepath.Abs(o.out); err != nil {
		return err
	}
	sub.Cache = filepath.Join(sub.Out, ".cache")
	if o.cache != "" {
		if sub.Cache, err = filepath.Abs(o.cache); err != nil {
			return err
		}
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	missing := sub.Missing()
	if o.dryRun {
		text, err := s.Preview(sub, program, missing)
		fmt.Fprint(stdout, text)
		return err
	}
	if len(missing) == 0 && sub.Merged() {
		fmt.Fprintf(stdout, "%s: all is there already, in %s\n", sub.Name, filepath.Join(sub.Out, sub.Name))
		return nil
	}
	done, err := s.Submit(ctx, sub, program, missing)
	if done != nil {
		printSubmitted(stdout, sub, done, err == nil)
	}
	if err != nil {
		return err
	}
	kept, err := sub.ProgramPath(program)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "see how far it is:\n  %s\nsubmit again what is missing:\n  %s\n", cluster.CommandLine(kept, "status", sub.Out),
		cluster.CommandLine(append([]string{kept, "submit", "slurm", sub.ConfigPath()}, again(flags, sub)...)...))
	return nil
}

// printSubmitted says what has been submitted; all is false where an error has kept the rest back.
func printSubmitted(w io.Writer, sub *cluster.Submission, done *cluster.Submitted, all bool) {
	if done.Array != "" {
		fmt.Fprintf(w, "%s: submitted shards %s of %d as job %s\n", sub.Name, cluster.Ranges(done.Shards), sub.Shards, done.Array)
	}
	if len(done.Waiting) > 0 {
		fmt.Fprintf(w, "%s: shards %s of %d wait or run already\n", sub.Name, cluster.Ranges(done.Waiting), sub.Shards)
	}
	if done.Merge != "" {
		fmt.Fprintf(w, "%s: submitted the merge into %s as job %s\n", sub.Name, filepath.Join(sub.Out, sub.Name), done.Merge)
	} else if all && done.Array == "" {
		fmt.Fprintf(w, "%s: the merge waits or runs already\n", sub.Name)
	}
	if all || done.Array != "" {
		fmt.Fprintf(w, "%s: config, program and logs are in %s\n", sub.Name, sub.Dir())
	}
}

// again returns the flags that submit the frozen config as the given flags did: overrides are in it already.
func again(flags *pflag.FlagSet, sub *cluster.Submission) []string {
	words := []string{"--out=" + sub.Out, "--cache=" + sub.Cache}
	flags.Visit(func(f *pflag.Flag) {
		switch f.Name {
		case "out", "cache", "set":
		case "extra":
			extras, _ := flags.GetStringArray(f.Name) // the flag is of this type
			for _, extra := range extras {
				words = append(words, "--extra="+extra)
			}
		default:
			words = append(words, "--"+f.Name+"="+f.Value.String())
		}
	})
	return words
}
