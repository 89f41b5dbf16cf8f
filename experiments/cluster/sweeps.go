package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"

	"windtunnel/experiments/cache"
	"windtunnel/experiments/engine"
	"windtunnel/experiments/spec"
	"windtunnel/experiments/spec/decode"
)

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
		s := &Sweep{Name: r.Name, Shards: r.Shards, config: r.ConfigPath(), Tasks: map[int]Task{}}
		found, err := engine.FindShards([]string{r.ShardsDir()})
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
