package main

import (
	"cmp"
	"fmt"
	"path/filepath"

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
	cache  string
}

// cacheDir returns the folder of finished runs.
func (o *runOptions) cacheDir() string { return cmp.Or(o.cache, filepath.Join(o.out, ".cache")) }

// output is where results go and in what form.
type output struct {
	out    string
	format tables.Format
	quiet  bool
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
