package engine

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"windtunnel/experiments/cache"
	"windtunnel/experiments/spec"
	"windtunnel/metrics/tables"
)

// Shard is one of Count parts of a plan, from 1. The zero Shard is the whole plan.
type Shard struct {
	Index int `json:"index"`
	Count int `json:"count"`
}

// mostShards bounds Count.
const mostShards = 100_000

// Set implements pflag.Value: it reads i/n, with 1 <= i <= n.
func (s *Shard) Set(text string) error {
	index, count, _ := strings.Cut(text, "/")
	i, errI := strconv.Atoi(index)
	n, errN := strconv.Atoi(count)
	if errI != nil || errN != nil || n < 1 || n > mostShards || i < 1 || i > n {
		return fmt.Errorf("%q: i/n with i from 1 to n, and n at most %d", text, mostShards)
	}
	*s = Shard{i, n}
	return nil
}

// Type implements pflag.Value.
func (s *Shard) Type() string { return "i/n" }

// String writes what Set reads, "" for the whole plan.
func (s *Shard) String() string {
	if s.Whole() {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.Index, s.Count)
}

// Whole says whether this is the whole plan.
func (s *Shard) Whole() bool { return s.Count == 0 }

// Folder returns the name of the shard's folder for an experiment.
func (s *Shard) Folder(name string) string {
	return fmt.Sprintf("%s.shard-%d-of-%d", name, s.Index, s.Count)
}

// part returns the numbers of the shard's runs, the most expensive first.
func (s *Shard) part(plan *spec.Plan) []int32 {
	order := byCost(plan)
	if s.Whole() {
		return order
	}
	shards := deal(plan, order, s.Count)
	var mine []int32
	for at, run := range order {
		if shards[at] == int32(s.Index) {
			mine = append(mine, run)
		}
	}
	return mine
}

// deal gives each run of the order to the shard, from 1, that has the least to do so far. The costs of two shards differ
// by at most one run's.
func deal(plan *spec.Plan, order []int32, count int) []int32 {
	loads := make([]load, count) // in ascending order
	for i := range loads {
		loads[i].shard = int32(i + 1)
	}
	shards := make([]int32, len(order))
	for at, run := range order {
		least := loads[0]
		shards[at] = least.shard
		least.cost += plan.Runs[run].Cost()
		to, _ := slices.BinarySearchFunc(loads[1:], least, compareLoads)
		copy(loads, loads[1:to+1])
		loads[to] = least
	}
	return shards
}

// byCost returns the numbers of all runs, the most expensive first, so that no long run is left to the end of a sweep.
// Runs of equal cost keep the order of the plan.
func byCost(plan *spec.Plan) []int32 {
	order := make([]int32, len(plan.Runs))
	costs := make([]float64, len(plan.Runs))
	for i := range order {
		order[i], costs[i] = int32(i), plan.Runs[i].Cost()
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(costs[b], costs[a]) })
	return order
}

// load is the cost that a shard has been given.
type load struct {
	cost  float64
	shard int32
}

// compareLoads orders shards by their load, those of the same by their number.
func compareLoads(a, b load) int {
	return cmp.Or(cmp.Compare(a.cost, b.cost), cmp.Compare(a.shard, b.shard))
}

// Standing is how far a shard is.
type Standing struct {
	Runs, Done, Failed int // Failed of Done
}

// Standings returns how far each of count shards of a plan is, by what the cache holds.
func Standings(plan *spec.Plan, from *cache.Store, count int) []Standing {
	order := byCost(plan)
	shards := deal(plan, order, count)
	all := make([]Standing, count)
	for at, i := range order {
		s, k := &all[shards[at]-1], keysOf(plan.Runs[i], Numerics())
		s.Runs++
		switch {
		case from.Has(k.result):
			s.Done++
		case from.Has(k.failure):
			s.Done++
			s.Failed++
		}
	}
	return all
}

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
func (w *Work) WriteShard(ctx context.Context, name, dir string) (err error) {
	m := &ShardManifest{Name: name, Shard: w.Shard, Plan: w.Plan.Key(), Numerics: Numerics()}
	to, err := cache.Open(filepath.Join(dir, shardRuns))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
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
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, shardManifestName), append(data, '\n'), 0o644)
}

// ErrNoShards is the error of a folder without shards.
var ErrNoShards = errors.New("there is no shard in it")

// FindShards returns the shard folders among dirs and directly below them, by the experiment's name. A folder that is
// neither a shard nor holds any is an error.
func FindShards(dirs []string) (map[string][]*ShardManifest, error) {
	found := map[string][]*ShardManifest{}
	for _, dir := range dirs {
		folders, err := fs.Glob(os.DirFS(dir), "*/"+shardManifestName)
		if err != nil {
			return nil, err
		}
		if _, err := os.Stat(filepath.Join(dir, shardManifestName)); err == nil {
			folders = []string{shardManifestName}
		}
		if len(folders) == 0 {
			return nil, fmt.Errorf("%s: %w: `experiments run CONFIG --shard i/n --out DIR` makes one", dir, ErrNoShards)
		}
		for _, path := range folders {
			m, err := readShard(filepath.Join(dir, filepath.Dir(path)))
			if err != nil {
				return nil, err
			}
			found[m.Name] = append(found[m.Name], m)
		}
	}
	return found, nil
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

// WholeSweep checks that the shards of one experiment are of the given plan, all there, and do not contradict one another. It returns each
// once.
func WholeSweep(plan *spec.Plan, shards []*ShardManifest) ([]*ShardManifest, error) {
	first, have := shards[0], map[int]*ShardManifest{}
	var all []*ShardManifest
	for _, s := range shards {
		if s.Plan != plan.Key() || s.Shard.Count != first.Shard.Count || s.Numerics != first.Numerics {
			return nil, fmt.Errorf("%s and %s are not of the same sweep: %s", first.dir, s.dir, difference(first, s, plan))
		}
		if twin := have[s.Shard.Index]; twin != nil && twin.Digest != s.Digest {
			return nil, fmt.Errorf("%s and %s are both shard %s and hold different results", twin.dir, s.dir, &s.Shard)
		} else if twin == nil {
			have[s.Shard.Index] = s
			all = append(all, s)
		}
	}
	return all, Missing(all)
}

// Missing returns an error that names the shards that are not among those of an experiment, or nil.
func Missing(shards []*ShardManifest) error {
	count, have := shards[0].Shard.Count, map[int]bool{}
	for _, s := range shards {
		have[s.Shard.Index] = true
	}
	var missing []string
	for i := 1; i <= count; i++ {
		if !have[i] {
			missing = append(missing, fmt.Sprintf("%d/%d", i, count))
		}
	}
	if missing == nil {
		return nil
	}
	return fmt.Errorf("%s: missing shard %s", shards[0].Name, strings.Join(missing, ", "))
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

// Merge writes the tables of the whole plan into dir from its shards, see WholeSweep, and counts their runs. A run that no shard has, or
// that is damaged, is an error that names the run and the shard.
func Merge(ctx context.Context, plan *spec.Plan, shards []*ShardManifest, dir string, format tables.Format) (count Count, faults *Faults, err error) {
	faults = &Faults{}
	var stores []*cache.Store
	for _, s := range shards {
		count.Runs += s.Runs
		count.Failed += s.Failed
		store, err := cache.Open(filepath.Join(s.dir, shardRuns))
		if err != nil {
			return count, faults, err
		}
		defer store.Close()
		stores = append(stores, store)
	}
	var buf []byte
	err = assemble(ctx, plan, inFolder(dir, format), faults, func(run *spec.Run) (*result, error) {
		k := keysOf(run, shards[0].Numerics)
		i := slices.IndexFunc(stores, func(s *cache.Store) bool { return s.Has(k.result) })
		if i < 0 {
			i = slices.IndexFunc(stores, func(s *cache.Store) bool { return s.Has(k.failure) })
		}
		if i < 0 {
			return nil, errors.New("no shard has this run")
		}
		e, space, err := fetch(stores[i], k, buf)
		buf = space
		if err != nil {
			return nil, fmt.Errorf("%s: %w; do this shard again", shards[i].dir, err)
		}
		return e, nil
	})
	return count, faults, err
}
