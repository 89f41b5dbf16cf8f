package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"windtunnel/experiments/results/publish"
)

// Submitted says what a call has submitted and what it found in Slurm's hands already.
type Submitted struct {
	Array   string // id of the array job; "" if none was needed
	Shards  []int  // that it does
	Waiting []int  // shards that wait or run from an earlier call
	Merge   string // id of the merge job; "" if an earlier one still waits for all there is to wait for
}

// InputError is a mistake of the caller's: nothing was written or submitted.
type InputError struct{ error }

func (e InputError) Unwrap() error { return e.error }

// review refuses what cannot be submitted.
func (s *Slurm) review(sub *Submission) error {
	err := s.check()
	if err == nil {
		err = sub.check()
	}
	if err == nil && strings.ContainsRune(sub.Dir(), '\\') {
		err = fmt.Errorf("%q: Slurm writes no logs below a folder with \\ in its path", sub.Dir())
	}
	if err != nil {
		return InputError{err}
	}
	return nil
}

// Preview returns the scripts and the commands that Submit would use for the missing shards, as text. It writes
// nothing and asks Slurm nothing.
func (s *Slurm) Preview(sub *Submission, executable string, missing []int) (string, error) {
	if err := s.review(sub); err != nil {
		return "", err
	}
	program, err := sub.ProgramPath(executable)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	show := func(j *script, more ...string) {
		fmt.Fprintf(&b, "# %s\n%s\n# submitted in the same folder by\n# %s\n\n", filepath.Join(sub.Dir(), j.file), j.text(),
			strings.ReplaceAll(CommandLine(j.sbatch(sub.Dir(), more...)...), "\n", "\n# "))
	}
	if len(missing) == 0 {
		show(s.mergeScript(sub, program))
		return b.String(), nil
	}
	show(s.arrayScript(sub, program, missing))
	show(s.mergeScript(sub, program), "--dependency=afterany:ARRAY")
	return b.String(), nil
}

// Submit freezes the submission with a copy of the executable and submits an array job for the missing shards, less
// those that an earlier call submitted and that have not ended, and a merge job that starts after all of them. With
// nothing missing it submits the merge alone. The error is an InputError, or says what Slurm said; what has been
// submitted before it is in the record.
func (s *Slurm) Submit(ctx context.Context, sub *Submission, executable string, missing []int) (*Submitted, error) {
	if err := s.review(sub); err != nil {
		return nil, err
	}
	record, err := ReadRecord(sub.Dir())
	if errors.Is(err, fs.ErrNotExist) {
		record, err = &Record{Scheduler: "slurm", Name: sub.Name, Key: sub.Key(), Shards: sub.Shards,
			Config: configFolder + "/" + sub.Config, Dir: sub.Dir()}, nil
	}
	if err != nil {
		return nil, err
	}
	known, err := record.queued(ctx)
	if err != nil {
		return nil, err
	}
	program, err := sub.ProgramPath(executable)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(sub.freeze(), copyProgram(executable, program)); err != nil {
		return nil, err
	}
	q := &queue{Slurm: s, sub: sub, program: program, record: record, known: known}
	return q.submit(ctx, missing)
}

// queue is a submission in front of Slurm.
type queue struct {
	*Slurm
	sub     *Submission
	program string
	record  *Record
	known   map[string]Task // that Slurm remembers, by id
}

func (q *queue) submit(ctx context.Context, missing []int) (*Submitted, error) {
	done := &Submitted{}
	var after []string // ids of the arrays that the merge waits for
	for _, shard := range missing {
		job := q.record.latest(shard)
		if job == nil || !q.known[fmt.Sprintf("%s_%d", job.ID, shard)].Active() {
			done.Shards = append(done.Shards, shard)
			continue
		}
		done.Waiting = append(done.Waiting, shard)
		if !slices.Contains(after, job.ID) {
			after = append(after, job.ID)
		}
	}
	stale := q.record.latest(0)
	if stale != nil && !q.known[stale.ID].Active() {
		stale = nil
	}
	if len(done.Shards) == 0 && stale != nil {
		return done, nil
	}
	if len(done.Shards) > 0 {
		id, err := q.send(ctx, q.arrayScript(q.sub, q.program, done.Shards), done.Shards)
		if err != nil {
			return done, err
		}
		done.Array = id
		after = append(after, id)
	}
	var dependency []string
	if len(after) > 0 {
		dependency = []string{"--dependency=afterany:" + strings.Join(after, ":")}
	}
	var err error
	if done.Merge, err = q.send(ctx, q.mergeScript(q.sub, q.program), nil, dependency...); err != nil {
		return done, err
	}
	if stale != nil {
		_, err = slurm(ctx, q.sub.Dir(), "scancel", "--state=PENDING", stale.ID) // it would say that shards are missing
	}
	return done, err
}

var jobID = regexp.MustCompile(`^[0-9]+$`)

// send submits a script, records it and returns the id of the job.
func (q *queue) send(ctx context.Context, j *script, shards []int, more ...string) (string, error) {
	if err := publish.WriteFile(filepath.Join(q.sub.Dir(), j.file), []byte(j.text())); err != nil {
		return "", err
	}
	words := j.sbatch(q.sub.Dir(), more...)
	text, err := slurm(ctx, q.sub.Dir(), words[0], words[1:]...)
	if err != nil {
		return "", err
	}
	id, _, _ := strings.Cut(strings.TrimSpace(text), ";") // JOB;CLUSTER
	if !jobID.MatchString(id) {
		return "", fmt.Errorf("sbatch --parsable printed %q, which is no job id", text)
	}
	return id, q.record.add(Job{ID: id, Shards: shards})
}

// slurm runs a command of Slurm's in a folder and returns what it prints.
func slurm(ctx context.Context, dir, name string, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", failure(name, err, stderr.String())
	}
	return stdout.String(), nil
}
