package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"windtunnel/experiments/cluster"
	"windtunnel/experiments/engine"
	"windtunnel/experiments/kinds"
	"windtunnel/experiments/spec"
)

func newSubmit(stdout, stderr io.Writer) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "submit",
		Short: "Hand the shards of a sweep to Slurm or Kubernetes",
		Long: "Resolves a config, freezes it and hands its shards to a scheduler, with a job that merges them afterwards.\n" +
			"What is edited later does not change what has been submitted.",
		Example: `  experiments submit slurm configs/interpolation.yaml --shards 8 --partition main --dry-run
  experiments submit kubernetes configs/interpolation.yaml --shards 8 --image IMAGE --volume-claim results --dry-run`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return inputError{fmt.Errorf("%s: %q is no scheduler; it takes slurm or kubernetes", cmd.CommandPath(), args[0])}
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newSubmitSlurm(stdout, stderr), newSubmitKubernetes(stdout, stderr))
	return cmd
}

// submitOptions are the flags that both schedulers have.
type submitOptions struct {
	sets   []string
	shards int
	out    string
	cache  string
	format string
	dryRun bool
}

func (o *submitOptions) register(f *pflag.FlagSet) {
	f.IntVar(&o.shards, "shards", 0, "parts of the sweep, each a job of its own (required)")
	f.StringArrayVar(&o.sets, "set", nil, "override a setting, `key.path=value`, as in run")
	f.StringVar(&o.out, "out", "results", "folder for results; the merged ones of a config named X are `DIR`/X/")
	f.StringVar(&o.cache, "cache", "", "`folder` of finished runs (default OUT/.cache, as in run)")
	f.StringVar(&o.format, "format", "", "form of the merged tables, as in merge")
	f.BoolVar(&o.dryRun, "dry-run", false, "print what would be submitted and stop")
}

// oneConfig refuses other than one argument.
func oneConfig(cmd *cobra.Command, args []string) error {
	return errors.Join(needArgs("a config")(cmd, args), atMost(1, "one config")(cmd, args))
}

// freeze loads a config and resolves it into a submission. Folders are left to the caller.
func (o *submitOptions) freeze(path string, stderr io.Writer) (*cluster.Submission, error) {
	c, err := kinds.Load(path, o.sets)
	if err != nil {
		return nil, mistakes{err}
	}
	if c.Experiment == nil {
		return nil, inputError{fmt.Errorf("%s is not the config of one experiment; submit the experiments that it names one by one", path)}
	}
	if runs := c.Plan.Len(); o.shards < 1 || o.shards > runs {
		return nil, inputError{fmt.Errorf("--shards %d: at least 1 and at most %d, the number of runs", o.shards, runs)}
	}
	if !slices.Contains([]string{"", "csv", "parquet", "both"}, o.format) {
		return nil, inputError{fmt.Errorf("--format %q: csv, parquet or both", o.format)}
	}
	for _, warning := range c.Warnings {
		fmt.Fprintf(stderr, "%s: warning: %s\n", c.Path, warning)
	}
	name := filepath.Base(path)
	files, err := resolvedFiles(c, name)
	return &cluster.Submission{Name: c.Head.Name, Shards: o.shards, Version: engine.Numerics(), Config: name,
		Files: files, Format: o.format}, err
}

// resolvedFiles returns the resolved config, under the given name, and its data, by slashed path.
func resolvedFiles(c *spec.Config, name string) (map[string][]byte, error) {
	dir, err := os.MkdirTemp("", "submit-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := c.WriteResolved(dir); err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	tree := os.DirFS(dir)
	err = fs.WalkDir(tree, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		as := path
		if path == spec.ResolvedName {
			as = name
		}
		files[as], err = fs.ReadFile(tree, path)
		return err
	})
	return files, err
}

// asInput makes the mistakes that cluster finds mistakes of the caller's.
func asInput(err error) error {
	if wrong, ok := errors.AsType[cluster.InputError](err); ok {
		return inputError{wrong}
	}
	return err
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
		Args: oneConfig,
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return asInput(submitSlurm(cmd.Context(), cmd.Flags(), args[0], o, s, stdout, stderr))
	}
	f := cmd.Flags()
	o.register(f)
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
	sub, err := o.freeze(config, stderr)
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
	missing := missingShards(sub)
	if o.dryRun {
		text, err := s.Preview(sub, program, missing)
		fmt.Fprint(stdout, text)
		return err
	}
	if len(missing) == 0 && merged(sub) {
		fmt.Fprintf(stdout, "%s: all is there already, in %s\n", sub.Name, filepath.Join(sub.Out, sub.Name))
		return nil
	}
	done, err := s.Submit(ctx, sub, program, missing)
	if done != nil {
		printSubmitted(stdout, sub, done)
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

// missingShards returns the shards, from 1, whose folders are not published.
func missingShards(sub *cluster.Submission) []int {
	var missing []int
	for i := 1; i <= sub.Shards; i++ {
		shard := engine.Shard{Index: i, Count: sub.Shards}
		if _, err := os.Stat(filepath.Join(sub.ShardsDir(), shard.Folder(sub.Name))); err != nil {
			missing = append(missing, i)
		}
	}
	return missing
}

// merged says whether the folder of results was made from the very files of the submission.
func merged(sub *cluster.Submission) bool {
	dir := filepath.Join(sub.Out, sub.Name)
	m, err := engine.ReadManifest(dir)
	if err != nil || m.Numerics != sub.Version {
		return false
	}
	for name, content := range sub.Files {
		if name == sub.Config {
			name = spec.ResolvedName
		}
		have, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil || string(have) != string(content) {
			return false
		}
	}
	return true
}

func printSubmitted(w io.Writer, sub *cluster.Submission, done *cluster.Submitted) {
	if done.Array != "" {
		fmt.Fprintf(w, "%s: submitted shards %s of %d as job %s\n", sub.Name, cluster.Ranges(done.Shards), sub.Shards, done.Array)
	}
	if len(done.Waiting) > 0 {
		fmt.Fprintf(w, "%s: shards %s of %d wait or run already\n", sub.Name, cluster.Ranges(done.Waiting), sub.Shards)
	}
	if done.Merge != "" {
		fmt.Fprintf(w, "%s: submitted the merge into %s as job %s\n", sub.Name, filepath.Join(sub.Out, sub.Name), done.Merge)
	} else if done.Array == "" {
		fmt.Fprintf(w, "%s: the merge waits or runs already\n", sub.Name)
	}
	fmt.Fprintf(w, "%s: config, program and logs are in %s\n", sub.Name, sub.Dir())
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

func newSubmitKubernetes(stdout, stderr io.Writer) *cobra.Command {
	o, k := &submitOptions{}, &cluster.Kubernetes{}
	cmd := &cobra.Command{
		Use:   "kubernetes CONFIG",
		Short: "Print the manifest of an Indexed Job for the shards of a config, and of a merge Job",
		Long: "Prints, with --dry-run, a ConfigMap with the resolved config, an Indexed Job for the shards and a Job that waits\n" +
			"for them and merges, all on one shared volume. The image must have this very program, and /bin/sh. Submit with\n" +
			"`kubectl apply --server-side -f -`; `kubectl replace --force -f -` starts what is missing again.",
		Example: `  experiments submit kubernetes configs/interpolation.yaml --shards 8 --image IMAGE --volume-claim results --dry-run`,
		Args:    oneConfig,
		RunE: func(_ *cobra.Command, args []string) error {
			if !o.dryRun {
				return inputError{errors.New("submit kubernetes: only with --dry-run, which prints the manifest; pipe it into kubectl apply --server-side -f -")}
			}
			return asInput(printManifest(args[0], o, k, stdout, stderr))
		},
	}
	f := cmd.Flags()
	o.register(f)
	f.StringVar(&k.Image, "image", "", "image with this program (required)")
	f.StringVar(&k.Program, "program", "experiments", "the program's path in the image, or its name if PATH has it")
	f.StringVar(&k.VolumeClaim, "volume-claim", "", "PersistentVolumeClaim of the shared volume (required)")
	f.StringVar(&k.MountPath, "mount-path", "/data", "where the pods see the volume; --out and --cache are below it")
	f.StringVar(&k.Namespace, "namespace", "", "namespace of the Jobs (default kubectl's)")
	f.StringVar(&k.CPU, "cpu", "", "processors of a pod, as 2 or 500m (default no limit)")
	f.StringVar(&k.Memory, "memory", "", "memory of a pod, as 4Gi (default no limit)")
	f.IntVar(&k.Parallelism, "parallelism", 0, "most shards at a time (default all)")
	f.DurationVar(&k.Wait, "wait", 24*time.Hour, "how long the merge waits for the shards")
	return cmd
}

// printManifest prints the manifests of a config. Relative folders are below the mount path.
func printManifest(config string, o *submitOptions, k *cluster.Kubernetes, stdout, stderr io.Writer) error {
	sub, err := o.freeze(config, stderr)
	if err != nil {
		return err
	}
	sub.Out = inPod(k.MountPath, o.out)
	sub.Cache = path.Join(sub.Out, ".cache")
	if o.cache != "" {
		sub.Cache = inPod(k.MountPath, o.cache)
	}
	text, err := k.Manifest(sub)
	if err != nil {
		return err
	}
	_, err = stdout.Write(text)
	return err
}

// inPod returns the absolute path of a folder in a pod.
func inPod(mount, folder string) string {
	if path.IsAbs(folder) {
		return path.Clean(folder)
	}
	return path.Join(mount, folder)
}
