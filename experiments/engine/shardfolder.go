package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"windtunnel/experiments/cache"
	"windtunnel/experiments/spec"
	"windtunnel/metrics/tables"
)

const (
	shardManifestName = "shard.json"
	shardRuns         = "runs" // the folder of a shard's finished runs
)

// ShardManifest describes a shard folder, which holds the resolved config of the experiment and the shard's runs.
type ShardManifest struct {
	Name     string `json:"name"` // of the experiment
	Shard    Shard  `json:"shard"`
	Plan     string `json:"plan"`     // spec.Plan.Key
	Numerics string `json:"numerics"` // see Numerics
	Runs     int    `json:"runs"`
	Failed   int    `json:"failed"`
	Digest   string `json:"digest"` // hash of the rows of all runs, in the order of the plan

	dir string
}

// WriteShard writes the finished runs of the work's shard and their manifest into dir.
func (w *Work) WriteShard(ctx context.Context, name, dir string) error {
	m := &ShardManifest{Name: name, Shard: w.Shard, Plan: w.Plan.Key(), Numerics: Numerics()}
	store, err := cache.Open(filepath.Join(dir, shardRuns))
	if err != nil {
		return err
	}
	err = w.copyShard(ctx, store, m)
	if err := errors.Join(err, store.Close()); err != nil {
		return err
	}
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, shardManifestName), append(data, '\n'), 0o644)
}

func (w *Work) copyShard(ctx context.Context, to *cache.Store, m *ShardManifest) error {
	part, digest := w.Shard.part(w.Plan), sha256.New()
	slices.Sort(part)
	var buf []byte
	for _, i := range part {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		run := w.Plan.Runs[i]
		k := keysOf(run, m.Numerics)
		e, space, err := fetch(w.Store, k, buf)
		if buf = space; err != nil {
			return fmt.Errorf("%s: %w", run.ID, err)
		}
		m.Runs++
		if e.failed() {
			m.Failed++
		}
		bare := result{rows: e.rows, model: e.model} // a stack trace differs from process to process
		digest.Write(bare.append(nil))
		if err := to.Put(k.of(e), space); err != nil {
			return err
		}
	}
	m.Digest = hex.EncodeToString(digest.Sum(nil))
	return to.Sync()
}

// ErrNoShards is the error of a folder without shards.
var ErrNoShards = errors.New("there is no shard in it")

// FindShards returns the shard folders among dirs and directly below them, by the experiment's name. A folder that is
// neither a shard nor holds any is an error.
func FindShards(dirs []string) (map[string][]*ShardManifest, error) {
	found := map[string][]*ShardManifest{}
	for _, dir := range dirs {
		folders, err := filepath.Glob(filepath.Join(EscapeGlob(dir), "*", shardManifestName))
		if err != nil {
			return nil, err
		}
		if _, err := os.Stat(filepath.Join(dir, shardManifestName)); err == nil {
			folders = []string{filepath.Join(dir, shardManifestName)}
		}
		if len(folders) == 0 {
			return nil, fmt.Errorf("%s: %w: `experiments run CONFIG --shard i/n --out DIR` makes one", dir, ErrNoShards)
		}
		for _, path := range folders {
			m, err := readShard(filepath.Dir(path))
			if err != nil {
				return nil, err
			}
			found[m.Name] = append(found[m.Name], m)
		}
	}
	return found, nil
}

// EscapeGlob makes every character of a path stand for itself in a pattern of filepath.Glob.
func EscapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

func readShard(dir string) (*ShardManifest, error) {
	path := filepath.Join(dir, shardManifestName)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m := &ShardManifest{dir: dir}
	if err := json.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if m.Shard.Count < 1 || m.Shard.Index < 1 || m.Shard.Index > m.Shard.Count {
		return nil, fmt.Errorf("%s: it says shard %d of %d", path, m.Shard.Index, m.Shard.Count)
	}
	return m, nil
}

// Config returns the path of the shard's resolved config.
func (m *ShardManifest) Config() string { return filepath.Join(m.dir, spec.ResolvedName) }

// Merger assembles the tables of an experiment from its shards.
type Merger struct {
	plan   *spec.Plan
	shards []*ShardManifest
	stores []*cache.Store
}

// IncompleteError names the shards that are not there.
type IncompleteError struct {
	Name    string
	Missing []int
	Count   int
}

func (e *IncompleteError) Error() string {
	var names []string
	for _, i := range e.Missing {
		names = append(names, fmt.Sprintf("%d/%d", i, e.Count))
	}
	return fmt.Sprintf("%s: missing shard %s", e.Name, strings.Join(names, ", "))
}

// NewMerger checks that the shards of one experiment are of the given plan, all there, and do not contradict one another.
func NewMerger(plan *spec.Plan, shards []*ShardManifest) (*Merger, error) {
	m := &Merger{plan: plan}
	first, have := shards[0], map[int]*ShardManifest{}
	for _, s := range shards {
		if s.Plan != plan.Key() || s.Shard.Count != first.Shard.Count || s.Numerics != first.Numerics {
			return nil, fmt.Errorf("%s and %s are not of the same sweep: %s", first.dir, s.dir, difference(first, s, plan))
		}
		if twin := have[s.Shard.Index]; twin != nil && twin.Digest != s.Digest {
			return nil, fmt.Errorf("%s and %s are both shard %s and hold different results", twin.dir, s.dir, &s.Shard)
		} else if twin == nil {
			have[s.Shard.Index] = s
			m.shards = append(m.shards, s)
		}
	}
	if err := Missing(m.shards); err != nil {
		return nil, err
	}
	for _, s := range m.shards {
		store, err := cache.Open(filepath.Join(s.dir, shardRuns))
		if err != nil {
			return nil, errors.Join(err, m.Close())
		}
		m.stores = append(m.stores, store)
	}
	return m, nil
}

// Missing returns an IncompleteError that names the shards that are not among those of an experiment, or nil.
func Missing(shards []*ShardManifest) error {
	have := map[int]bool{}
	for _, s := range shards {
		have[s.Shard.Index] = true
	}
	missing := &IncompleteError{Name: shards[0].Name, Count: shards[0].Shard.Count}
	for i := 1; i <= missing.Count; i++ {
		if !have[i] {
			missing.Missing = append(missing.Missing, i)
		}
	}
	if len(missing.Missing) == 0 {
		return nil
	}
	return missing
}

// Count returns what the shards say of their runs.
func (m *Merger) Count() Count {
	var c Count
	for _, s := range m.shards {
		c.Runs += s.Runs
		c.Failed += s.Failed
	}
	return c
}

// difference says in what two shards differ that should agree.
func difference(a, b *ShardManifest, plan *spec.Plan) string {
	switch {
	case a.Shard.Count != b.Shard.Count:
		return fmt.Sprintf("one is of %d shards, the other of %d", a.Shard.Count, b.Shard.Count)
	case a.Numerics != b.Numerics:
		return fmt.Sprintf("one was computed by version %s, the other by %s", a.Numerics, b.Numerics)
	}
	return fmt.Sprintf("their plans are %.12s and %.12s, and the config in the first gives %.12s", a.Plan, b.Plan, plan.Key())
}

// Assemble writes the tables of the whole plan into dir. A run that no shard has, or that is damaged, is an error that
// names the run and the shard.
func (m *Merger) Assemble(ctx context.Context, dir string, format tables.Format) (*Faults, error) {
	faults := &Faults{}
	var buf []byte
	return faults, assemble(ctx, m.plan, inFolder(dir, format), faults, func(run *spec.Run) (*result, error) {
		k := keysOf(run, m.shards[0].Numerics)
		i := m.holder(k)
		if i < 0 {
			return nil, errors.New("no shard has this run")
		}
		e, space, err := fetch(m.stores[i], k, buf)
		buf = space
		if err != nil {
			return nil, fmt.Errorf("%s: %w; do this shard again", m.shards[i].dir, err)
		}
		return e, nil
	})
}

// holder returns the first shard that has the run's result, or else its failure, or -1.
func (m *Merger) holder(k keys) int {
	for _, key := range []cache.Key{k.result, k.failure} {
		if i := slices.IndexFunc(m.stores, func(s *cache.Store) bool { return s.Has(key) }); i >= 0 {
			return i
		}
	}
	return -1
}

// Close closes the shards.
func (m *Merger) Close() error {
	var errs []error
	for _, store := range m.stores {
		errs = append(errs, store.Close())
	}
	return errors.Join(errs...)
}
