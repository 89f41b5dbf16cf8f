package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
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
