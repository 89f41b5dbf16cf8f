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

// Task is what the scheduler knows of the latest job of a shard, or of the merge.
type Task struct {
	ID     string // as the scheduler names it: JOB_INDEX, or JOB for the merge
	Shard  int    // from 1; 0 for the merge
	State  string // Slurm's word, as PENDING, RUNNING or CANCELLED; "" if neither squeue nor sacct knows the task
	Reason string // why it waits or how it ended, Slurm's word; "" if there is none
}

// ended are the states of tasks that will write no more.
var ended = []string{"", "BOOT_FAIL", "CANCELLED", "COMPLETED", "COMPLETING", "DEADLINE", "FAILED", "NODE_FAIL",
	"OUT_OF_MEMORY", "PREEMPTED", "REVOKED", "TIMEOUT"}

// Active says whether the task waits or runs.
func (t Task) Active() bool { return !slices.Contains(ended, t.State) }

// Tasks asks squeue, and sacct about what squeue has forgotten, for the task of every shard that has been submitted, by
// shard, and after them for that of the merge. A command that is not installed, and accounting that is switched off,
// know nothing, which is no error; with another error the tasks are those that could be had.
func (r *Record) Tasks(ctx context.Context) ([]Task, error) {
	known, err := r.queued(ctx)
	tasks := r.tasks(known)
	if !slices.ContainsFunc(tasks, func(t Task) bool { return t.State == "" }) {
		return tasks, err
	}
	past, pastErr := r.accounted(ctx)
	for i, t := range tasks {
		if t.State == "" {
			tasks[i].State = past[t.ID].State
		}
	}
	return tasks, errors.Join(err, pastErr)
}

// tasks lists the latest task of every shard and of the merge, as far as they have been submitted.
func (r *Record) tasks(known map[string]Task) []Task {
	var all []Task
	add := func(id string, shard int) {
		all = append(all, Task{ID: id, Shard: shard, State: known[id].State, Reason: known[id].Reason})
	}
	for shard := 1; shard <= r.Shards; shard++ {
		if job := r.latest(shard); job != nil {
			add(fmt.Sprintf("%s_%d", job.ID, shard), shard)
		}
	}
	if job := r.latest(0); job != nil {
		add(job.ID, 0)
	}
	return all
}

// ids joins the ids of all jobs by commas.
func (r *Record) ids() string {
	var ids []string
	for _, job := range r.Jobs {
		ids = append(ids, job.ID)
	}
	return strings.Join(ids, ",")
}

// queued asks squeue for the states of tasks, by id. Slurm forgets a job some minutes after its end.
func (r *Record) queued(ctx context.Context) (map[string]Task, error) {
	if len(r.Jobs) == 0 {
		return nil, nil
	}
	text, err := ask(ctx, "Invalid job id specified", "squeue", "--noheader", "--array", "--states=all",
		"--format=%F|%K|%T|%r", "--jobs="+r.ids())
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

// accounted asks sacct for the states of tasks, by id.
func (r *Record) accounted(ctx context.Context) (map[string]Task, error) {
	text, err := ask(ctx, "accounting storage is disabled", "sacct", "--noheader", "--parsable2", "--allocations", "--array",
		"--format=JobID,State", "--jobs="+r.ids())
	return parseAccounts(text), err
}

// parseAccounts reads lines of task and state, which may be followed by a blank and more: CANCELLED by 1000.
func parseAccounts(text string) map[string]Task {
	known := map[string]Task{}
	for line := range strings.Lines(text) {
		id, state, _ := strings.Cut(strings.TrimSpace(line), "|")
		state, _, _ = strings.Cut(state, " ")
		known[id] = Task{ID: id, State: state}
	}
	return known
}

// ask returns what a command of Slurm's prints, nothing if it is not installed or complains of what is harmless.
func ask(ctx context.Context, benign, name string, args ...string) (string, error) {
	if _, err := exec.LookPath(name); err != nil {
		return "", nil
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil && !strings.Contains(stderr.String(), benign) {
		return "", failure(name, err, stderr.String())
	}
	return stdout.String(), nil
}

// failure is the error of a command that failed, with what it said.
func failure(name string, err error, said string) error {
	if said = strings.TrimSpace(said); said == "" {
		return fmt.Errorf("%s: %w", name, err)
	}
	return fmt.Errorf("%s: %w: %s", name, err, said)
}
