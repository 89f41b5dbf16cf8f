package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"windtunnel/experiments/results/publish"
)

// Submitted says what a call has submitted and what an earlier call had submitted already.
type Submitted struct {
	Array   string // id of the array job; "" if none was needed
	Shards  []int  // that it does
	Waiting []int  // shards that wait or run from an earlier call
	Merge   string // id of the merge job; "" if an earlier one still waits for all there is to wait for
}

// InputError is a mistake of the caller's: nothing was written or submitted.
type InputError struct{ error }

// checkSubmission refuses what cannot be submitted, by an InputError.
func (s *Slurm) checkSubmission(sub *Submission) error {
	_, frozen := sub.Files[sub.Config]
	err := s.check()
	switch {
	case err != nil:
	case !namePattern.MatchString(sub.Name):
		err = fmt.Errorf("name %q: letters, digits, - and _", sub.Name)
	case sub.Shards < 1:
		err = fmt.Errorf("%d shards: at least 1", sub.Shards)
	case !frozen:
		err = fmt.Errorf("the config %q is not among the frozen files", sub.Config)
	case strings.ContainsRune(sub.Dir(), '\\'):
		err = fmt.Errorf("%q: Slurm writes no logs below a folder with \\ in its path", sub.Dir())
	}
	if err != nil {
		return InputError{err}
	}
	return nil
}

var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

// Preview returns the scripts and the commands that Submit would use for the missing shards, as text. It writes
// nothing and asks Slurm nothing.
func (s *Slurm) Preview(sub *Submission, executable string, missing []int) (string, error) {
	if err := s.checkSubmission(sub); err != nil {
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
	if err := s.checkSubmission(sub); err != nil {
		return nil, err
	}
	record, err := ReadRecord(sub.Dir())
	if errors.Is(err, fs.ErrNotExist) {
		record, err = &Record{Name: sub.Name, Key: sub.Key(), Shards: sub.Shards,
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
	done := &Submitted{}
	var after []string // ids of the arrays that the merge waits for
	for _, shard := range missing {
		job := record.latest(shard)
		if job == nil || !known[fmt.Sprintf("%s_%d", job.ID, shard)].Active() {
			done.Shards = append(done.Shards, shard)
			continue
		}
		done.Waiting = append(done.Waiting, shard)
		if !slices.Contains(after, job.ID) {
			after = append(after, job.ID)
		}
	}
	stale := record.latest(0)
	if stale != nil && !known[stale.ID].Active() {
		stale = nil
	}
	if len(done.Shards) == 0 && stale != nil {
		return done, nil
	}
	if len(done.Shards) > 0 {
		id, err := record.submit(ctx, s.arrayScript(sub, program, done.Shards), done.Shards)
		if err != nil && tooLarge.MatchString(err.Error()) {
			err = fmt.Errorf("%w\nan index of an array must be below Slurm's MaxArraySize (`scontrol show config`), and some sites "+
				"limit the jobs of a user: submit with fewer --shards than %d", err, sub.Shards)
		}
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
	if done.Merge, err = record.submit(ctx, s.mergeScript(sub, program), nil, dependency...); err != nil {
		return done, err
	}
	if stale != nil {
		_, err = slurm(ctx, sub.Dir(), "scancel", "--state=PENDING", stale.ID) // it would say that shards are missing
	}
	return done, err
}

var (
	colors    = regexp.MustCompile("\x1b\\[[0-9;]*m")
	parsable  = regexp.MustCompile(`(?m)^\s*([0-9]+)(?:;[\w.-]+)?\s*$`) // JOB;CLUSTER
	said      = regexp.MustCompile(`Submitted batch job ([0-9]+)`)
	otherwise = regexp.MustCompile(`(?i)\bjob(?:[ _-]?id)?\W{1,3}([0-9]+)\b`)
)

// jobID finds the id of a job in what sbatch prints, or a program of the site's around it: what sbatch says where it is not
// asked for a line of its own, such a line, the last of them, or else the number after the word job, if there is one only.
func jobID(text string) (id string, ok bool) {
	text = colors.ReplaceAllString(text, "")
	if sentences := said.FindAllStringSubmatch(text, -1); len(sentences) == 1 {
		return sentences[0][1], true
	}
	if lines := parsable.FindAllStringSubmatch(text, -1); lines != nil {
		return lines[len(lines)-1][1], true
	}
	for _, match := range otherwise.FindAllStringSubmatch(text, -1) {
		if ok && id != match[1] {
			return "", false
		}
		id, ok = match[1], true
	}
	return id, ok
}

// tooLarge matches what Slurm says of arrays that it does not take.
var tooLarge = regexp.MustCompile(`(?i)array|MaxSubmit|submit ?limit`)

// submit submits a script from the submission's folder, records it and returns the id of the job.
func (r *Record) submit(ctx context.Context, j *script, shards []int, more ...string) (string, error) {
	if err := publish.WriteFile(filepath.Join(r.Dir, j.file), []byte(j.text())); err != nil {
		return "", err
	}
	words := j.sbatch(r.Dir, more...)
	text, err := slurm(ctx, r.Dir, words[0], words[1:]...)
	if err != nil {
		return "", err
	}
	id, ok := jobID(text)
	if !ok {
		return "", fmt.Errorf("sbatch ended well but printed %q, in which there is no job id: the job may wait or run. "+
			"See `squeue --me`, and cancel it before you submit again", text)
	}
	return id, r.add(Job{ID: id, Shards: shards})
}
