package cluster

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Slurm says what every job asks of Slurm. Empty fields and zeros are left to the cluster.
type Slurm struct {
	Partition  string
	ArrayLimit int    // most shards at a time; 0 for as many as the cluster takes
	Time       string // limit of a shard, and of the merge, as sbatch reads it: 2:00:00
	Memory     string // of a job, as sbatch reads it: 4G
	CPUs       int    // of a job, at least 1
	Account    string
	QOS        string
	Extra      []string // further options of sbatch, as --constraint=avx2
}

// stopEarly is how many seconds before its time limit a job is told to end.
const stopEarly = 60

var (
	optionValue  = regexp.MustCompile(`^[A-Za-z0-9_.,:=+@%/-]*$`)
	optionFormat = regexp.MustCompile(`^--([a-z][a-z-]*)(=[^\s"'#\\\x00-\x1f\x7f]+)?$`)
)

// ours are the options of sbatch on which the jobs rely.
var ours = []string{"array", "cpus-per-task", "clusters", "chdir", "dependency", "error", "help", "job-name", "no-requeue", "ntasks",
	"open-mode", "output", "parsable", "requeue", "signal", "test-only", "usage", "version", "wait", "workdir", "wrap"}

// given are the options that Slurm reads as they are given, names and values.
func (s *Slurm) given() [][2]string {
	all := [][2]string{{"partition", s.Partition}, {"time", s.Time}, {"mem", s.Memory}, {"account", s.Account}, {"qos", s.QOS}}
	return slices.DeleteFunc(all, func(o [2]string) bool { return o[1] == "" })
}

// check refuses options that would not be read as they are meant.
func (s *Slurm) check() error {
	for _, o := range s.given() {
		if !optionValue.MatchString(o[1]) {
			return fmt.Errorf("--%s %q: letters, digits and any of _.,:=+@%%/-", o[0], o[1])
		}
	}
	for _, extra := range s.Extra {
		match := optionFormat.FindStringSubmatch(extra)
		if match == nil {
			return fmt.Errorf("--extra %q: an option of sbatch in its long form, as --constraint=avx2, without spaces, quotes, # and \\", extra)
		}
		begins := func(option string) bool { return strings.HasPrefix(option, match[1]) } // sbatch takes abbreviations
		if at := slices.IndexFunc(ours, begins); at >= 0 {
			return fmt.Errorf("--extra %q: the jobs need this option, --%s, to be as it is", extra, ours[at])
		}
	}
	switch {
	case s.CPUs < 1:
		return fmt.Errorf("--cpus-per-task %d: at least 1", s.CPUs)
	case s.ArrayLimit < 0:
		return fmt.Errorf("--array-limit %d: at least 1, or 0 for no limit", s.ArrayLimit)
	}
	return nil
}

// options are those that both jobs have. A preempted or lost job is queued again and goes on in the same log; the
// signal reaches the program itself, which the script becomes by exec.
func (s *Slurm) options(name string) []string {
	options := []string{"--job-name=" + name, "--ntasks=1", "--cpus-per-task=" + strconv.Itoa(s.CPUs)}
	for _, o := range s.given() {
		options = append(options, "--"+o[0]+"="+o[1])
	}
	options = append(options, s.Extra...)
	return append(options, "--requeue", "--open-mode=append", fmt.Sprintf("--signal=B:TERM@%d", stopEarly))
}

// script is a job to submit. Options are given twice: in the file, so that it can be read and submitted by hand, and on
// the command line, where variables of the environment such as SBATCH_PARTITION do not override them.
type script struct {
	file    string   // its name
	options []string // in the file and on the command line
	log     string   // its name in the folder of logs, with Slurm's patterns
	about   string   // a line for readers
	command string   // for the shell
}

// text is the content of the script's file.
func (j *script) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "#!/bin/sh\n# %s\n", j.about)
	for _, option := range j.options {
		fmt.Fprintf(&b, "#SBATCH %s\n", option)
	}
	fmt.Fprintf(&b, "exec %s\n", j.command)
	return b.String()
}

// sbatch are the words that submit the script from the submission's folder.
func (j *script) sbatch(dir string, more ...string) []string {
	words := append([]string{"sbatch", "--parsable"}, j.options...)
	logs := strings.ReplaceAll(filepath.Join(dir, logFolder), "%", "%%") // to Slurm %a is the index in the array
	words = append(words, "--output="+logs+"/"+j.log)
	return append(append(words, more...), j.file)
}

// arrayScript does the given shards.
func (s *Slurm) arrayScript(sub *Submission, program string, shards []int) *script {
	array := "--array=" + Ranges(shards)
	if s.ArrayLimit > 0 {
		array += "%" + strconv.Itoa(s.ArrayLimit)
	}
	command := CommandLine(program, "run", sub.ConfigPath()) +
		fmt.Sprintf(` --shard "$SLURM_ARRAY_TASK_ID/%d" `, sub.Shards) +
		CommandLine("--out", sub.ShardsDir(), "--cache", sub.Cache) + ` --jobs "$SLURM_CPUS_PER_TASK"`
	return &script{
		file: "array.sh", options: append([]string{array}, s.options(sub.Name)...), log: "shard-%a.log",
		about: fmt.Sprintf("Does shards %s of %d of %s.", Ranges(shards), sub.Shards, sub.Name), command: command,
	}
}

// mergeScript puts the shards together.
func (s *Slurm) mergeScript(sub *Submission, program string) *script {
	command := []string{program, "merge", sub.ShardsDir(), "--out", sub.Out}
	if sub.Format != "" {
		command = append(command, "--format", sub.Format)
	}
	return &script{
		file: "merge.sh", options: s.options(sub.Name + "-merge"), log: "merge.log",
		about:   fmt.Sprintf("Puts the %d shards of %s together, or says which are missing.", sub.Shards, sub.Name),
		command: CommandLine(command...),
	}
}
