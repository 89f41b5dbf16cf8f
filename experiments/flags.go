package main

import (
	"fmt"
	"path/filepath"
	"runtime"

	"github.com/spf13/pflag"

	"windtunnel/experiments/engine"
	"windtunnel/metrics/tables"
)

// runOptions are the flags of run.
type runOptions struct {
	output
	sets   []string
	jobs   int
	shard  engine.Shard
	retry  retry
	fresh  bool
	dryRun bool
}

// output is where results go and in what form.
type output struct {
	out    string
	cache  string
	format tables.Format
	quiet  bool
}

// cacheDir returns the folder of finished runs.
func (o *output) cacheDir() string {
	if o.cache != "" {
		return o.cache
	}
	return filepath.Join(o.out, ".cache")
}

// cacheUsage describes --cache, which several subcommands have.
const cacheUsage = "folder of finished runs, which several configs, processes and machines may share (default OUT/.cache)"

// register adds the flags of results folders.
func (o *output) register(f *pflag.FlagSet) {
	f.StringVar(&o.out, "out", "results", "folder for results; a config named X writes `DIR`/X/")
	o.format = tables.CSV
	f.Var(&o.format, "format", "form of the tables: csv, parquet or both")
	f.BoolVar(&o.quiet, "quiet", false, "print only what is not well")
}

func (o *runOptions) register(f *pflag.FlagSet) {
	o.output.register(f)
	f.StringVar(&o.cache, "cache", "", cacheUsage)
	f.StringArrayVar(&o.sets, "set", nil, "override a setting, `key.path=value` (repeatable; checked like the config)")
	f.IntVar(&o.jobs, "jobs", runtime.GOMAXPROCS(0), "runs done at the same time")
	f.Var(&o.shard, "shard", "do the i-th of n parts of the runs, for merge; no claims, no figures")
	f.Var(&o.retry, "retry", "do runs again that ended so: failed")
	f.BoolVar(&o.fresh, "fresh", false, "do all runs again even if they are in the cache")
	f.BoolVar(&o.dryRun, "dry-run", false, "print what would be done and how long it would take, and stop")
}

// check refuses flags that make no sense.
func (o *runOptions) check() error {
	if o.jobs < 1 {
		return inputError{fmt.Errorf("--jobs %d: at least 1", o.jobs)}
	}
	return nil
}

// retry is the flag --retry.
type retry bool

// Set implements pflag.Value.
func (r *retry) Set(text string) error {
	if text != tables.Failed {
		return fmt.Errorf("%q: only %q", text, tables.Failed)
	}
	*r = true
	return nil
}

// String implements pflag.Value.
func (r *retry) String() string {
	if *r {
		return tables.Failed
	}
	return ""
}

// Type implements pflag.Value.
func (r *retry) Type() string { return "status" }
