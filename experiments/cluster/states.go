package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

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
