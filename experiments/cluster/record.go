package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"windtunnel/experiments/cache"
	"windtunnel/experiments/engine"
	"windtunnel/experiments/results/publish"
	"windtunnel/experiments/spec"
	"windtunnel/experiments/spec/decode"
)

// recordName is the file of a submission's folder that says what has been submitted.
const recordName = "job.json"

// Record says what has been submitted of a submission.
type Record struct {
	Name   string `json:"name"` // of the experiment
	Key    string `json:"key"`  // see Submission.Key
	Shards int    `json:"shards"`
	Config string `json:"config"` // of the frozen config, slashed, below the folder
	Jobs   []Job  `json:"jobs"`   // the oldest first

	Dir string `json:"-"` // the submission's folder
}

// Job is one call of sbatch.
type Job struct {
	ID     string `json:"id"`               // Slurm's
	Shards []int  `json:"shards,omitempty"` // that it does, from 1, ascending; none for a merge
}

// Records returns what has been submitted with results going to out, sorted by folder. Of a folder without submissions
// it returns none. The error names the file.
func Records(out string) ([]*Record, error) {
	parent := filepath.Join(out, Folder)
	entries, err := os.ReadDir(parent)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []*Record
	for _, entry := range entries {
		r, err := ReadRecord(filepath.Join(parent, entry.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // killed before anything was submitted
		}
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

// ReadRecord reads the record of a submission's folder. Without one the error is fs.ErrNotExist.
func ReadRecord(dir string) (*Record, error) {
	path := filepath.Join(dir, recordName)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := &Record{Dir: dir}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// add records a job, at once, so that it is known whatever fails later.
func (r *Record) add(job Job) error {
	r.Jobs = append(r.Jobs, job)
	data, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = publish.WriteFile(filepath.Join(r.Dir, recordName), append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("job %s has been submitted and cannot be recorded: %w", job.ID, err)
	}
	return nil
}

// latest returns the last job that does a shard, or with 0 that merges; nil if there is none.
func (r *Record) latest(shard int) *Job {
	for i := len(r.Jobs) - 1; i >= 0; i-- {
		job := &r.Jobs[i]
		if _, does := slices.BinarySearch(job.Shards, shard); does || shard == 0 && len(job.Shards) == 0 {
			return job
		}
	}
	return nil
}

// Ranges writes ascending numbers as Slurm does: 2,5-7.
func Ranges(numbers []int) string {
	var parts []string
	for i := 0; i < len(numbers); {
		end := i
		for end+1 < len(numbers) && numbers[end+1] == numbers[end]+1 {
			end++
		}
		part := strconv.Itoa(numbers[i])
		if end > i {
			part += "-" + strconv.Itoa(numbers[end])
		}
		parts = append(parts, part)
		i = end + 1
	}
	return strings.Join(parts, ",")
}

// Sweep is what there is of a sweep in shards.
type Sweep struct {
	Name     string
	Shards   int                           // how many there are to be
	Complete map[int]*engine.ShardManifest // those that there are, from 1
	Tasks    map[int]Task                  // by shard; 0 is the merge
	Unknown  error                         // why Slurm does not say how its tasks are; nil if it does, or knows none

	config string // path of a resolved config
}

// Sweeps returns the submissions in a folder, and the shards that lie in it, by name.
func Sweeps(ctx context.Context, dir string) ([]*Sweep, error) {
	records, err := Records(dir)
	if err != nil {
		return nil, err
	}
	var all []*Sweep
	for _, r := range records {
		s := &Sweep{Name: r.Name, Shards: r.Shards, config: filepath.Join(r.Dir, filepath.FromSlash(r.Config)), Tasks: map[int]Task{}}
		found, err := engine.FindShards([]string{filepath.Join(r.Dir, shardFolder)})
		if err != nil && !errors.Is(err, engine.ErrNoShards) {
			return nil, err
		}
		s.Complete = byIndex(found[r.Name])
		tasks, err := r.Tasks(ctx)
		s.Unknown = err
		for _, task := range tasks {
			s.Tasks[task.Shard] = task
		}
		all = append(all, s)
	}
	loose, err := engine.FindShards([]string{dir})
	if errors.Is(err, engine.ErrNoShards) {
		return all, nil
	}
	for _, name := range slices.Sorted(maps.Keys(loose)) {
		first := loose[name][0]
		all = append(all, &Sweep{Name: name, Shards: first.Shard.Count, config: first.Config(), Complete: byIndex(loose[name])})
	}
	return all, err
}

func byIndex(shards []*engine.ShardManifest) map[int]*engine.ShardManifest {
	all := map[int]*engine.ShardManifest{}
	for _, s := range shards {
		all[s.Shard.Index] = s
	}
	return all
}

// Standings returns how far each shard is, by its manifest or else by what the cache holds, which is not asked where all
// are complete. kinds are those that the config may name.
func (s *Sweep) Standings(store *cache.Store, kinds *decode.Tables) ([]engine.Standing, error) {
	all := make([]engine.Standing, s.Shards)
	if len(s.Complete) < s.Shards {
		if _, err := os.Stat(s.config); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s: the resolved config is gone", s.config)
		}
		c, err := spec.Load(s.config, nil, kinds)
		if err != nil {
			return nil, err
		}
		all = engine.Standings(c.Plan, store, s.Shards)
	}
	for i := range all {
		if m := s.Complete[i+1]; m != nil {
			all[i] = engine.Standing{Runs: m.Runs, Done: m.Runs, Failed: m.Failed}
		}
	}
	return all, nil
}

// Task is what Slurm knows of the latest job of a shard, or of the merge.
type Task struct {
	ID     string // Slurm's: JOB_INDEX, or JOB for the merge
	Shard  int    // from 1; 0 for the merge
	State  string // Slurm's word, as PENDING, RUNNING or CANCELLED; "" if neither squeue nor sacct knows the task
	Reason string // why it waits or how it ended, Slurm's word; "" if there is none
}

// ended are the states of tasks that will not write any more.
var ended = []string{"", "BOOT_FAIL", "CANCELLED", "COMPLETED", "COMPLETING", "DEADLINE", "FAILED", "NODE_FAIL",
	"OUT_OF_MEMORY", "PREEMPTED", "REVOKED", "TIMEOUT"}

// Active says whether the task waits or runs.
func (t Task) Active() bool { return !slices.Contains(ended, t.State) }

// Tasks asks squeue, and sacct about what squeue has forgotten, for the task of every shard that has been submitted, by
// shard, and after them for that of the merge. A command that is not installed, and accounting that is switched off,
// know nothing, which is no error; with another error the tasks are those that could be had.
func (r *Record) Tasks(ctx context.Context) ([]Task, error) {
	known, err := r.queued(ctx)
	var tasks []Task
	add := func(id string, shard int) {
		tasks = append(tasks, Task{ID: id, Shard: shard, State: known[id].State, Reason: known[id].Reason})
	}
	for shard := 1; shard <= r.Shards; shard++ {
		if job := r.latest(shard); job != nil {
			add(fmt.Sprintf("%s_%d", job.ID, shard), shard)
		}
	}
	if job := r.latest(0); job != nil {
		add(job.ID, 0)
	}
	if !slices.ContainsFunc(tasks, func(t Task) bool { return t.State == "" }) {
		return tasks, err
	}
	text, pastErr := ask(ctx, "accounting storage is disabled", "sacct", "--noheader", "--parsable2", "--allocations", "--array",
		"--format=JobID,State", r.jobs())
	past := parseAccounts(text)
	for i, t := range tasks {
		if t.State == "" {
			tasks[i].State = past[t.ID]
		}
	}
	return tasks, errors.Join(err, pastErr)
}

// jobs is the option that asks for all jobs.
func (r *Record) jobs() string {
	ids := ""
	for _, job := range r.Jobs {
		ids += "," + job.ID
	}
	return "--jobs=" + strings.TrimPrefix(ids, ",")
}

// queued asks squeue for the states of tasks, by id. Slurm forgets a job some minutes after its end.
func (r *Record) queued(ctx context.Context) (map[string]Task, error) {
	if len(r.Jobs) == 0 {
		return nil, nil
	}
	text, err := ask(ctx, "Invalid job id specified", "squeue", "--noheader", "--array", "--states=all",
		"--format=%F|%K|%T|%r", r.jobs())
	return parseQueue(text), err
}

// parseQueue reads lines of job, index in the array or N/A, state and reason. Other lines say nothing.
func parseQueue(text string) map[string]Task {
	known := map[string]Task{}
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSpace(line), "|")
		if len(fields) != 4 {
			continue
		}
		t := Task{ID: fields[0], State: fields[2], Reason: fields[3]}
		if index, err := strconv.Atoi(fields[1]); err == nil {
			t.ID, t.Shard = fmt.Sprintf("%s_%d", t.ID, index), index
		}
		if t.Reason == "None" {
			t.Reason = ""
		}
		known[t.ID] = t
	}
	return known
}

// parseAccounts reads the states of tasks, by id, from lines of task and state, which may be followed by a blank and more:
// CANCELLED by 1000.
func parseAccounts(text string) map[string]string {
	known := map[string]string{}
	for line := range strings.Lines(text) {
		id, state, _ := strings.Cut(strings.TrimSpace(line), "|")
		state, _, _ = strings.Cut(state, " ")
		known[id] = state
	}
	return known
}

// ask returns what a command of Slurm's prints, nothing if it is not installed or complains of what is harmless.
func ask(ctx context.Context, benign, name string, args ...string) (string, error) {
	if _, err := exec.LookPath(name); err != nil {
		return "", nil
	}
	text, err := slurm(ctx, "", name, args...)
	if err != nil && !strings.Contains(err.Error(), benign) {
		return "", err
	}
	return text, nil
}

// slurm runs a command of Slurm's in a folder, "" for the current one, and returns what it prints. The error has what it
// says.
func slurm(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && len(exit.Stderr) > 0 {
		err = fmt.Errorf("%w: %s", err, bytes.TrimSpace(exit.Stderr))
	}
	return string(out), err
}
