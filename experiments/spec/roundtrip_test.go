package spec

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"windtunnel/experiments/internal/testfile"

	"pgregory.net/rapid"
)

// drawSweep describes a sweep of random blocks, each with keys of its own.
func drawSweep(t *rapid.T) string {
	var b strings.Builder
	if rapid.Bool().Draw(t, "seeds") {
		fmt.Fprintf(&b, "seeds: %s\n", rapid.SampledFrom([]string{"2", "[3, 1]"}).Draw(t, "which"))
	}
	if rapid.Bool().Draw(t, "where") {
		b.WriteString("where: seed < 4 and objective in ['ours', 'ipo', '1e5']\n")
	}
	if rapid.Bool().Draw(t, "mapping") {
		return b.String() + "sweep: {beta: [1e-5, 2], policy: [tabular, {kind: low-rank, rank: 1}], preferences.path: [data/pairs.jsonl]}\n"
	}
	b.WriteString("sweep:\n")
	for _, block := range []string{
		"grid: {lambda: {logspace: {from: -2, to: 1, num: 3}}, train.epochs: [1, 1e1]}",
		"zip: {objective: [ipo, ours], constraint.l2: [0, 1.0]}",
		`list: [{name: plain}, {name: "1e3", policy.rank: 1, policy: low-rank}]`,
		"random: {n: 2, seed: 4, keys: {train.optimizer.lr: {log-uniform: [1e-3, 1]}, train.batch_size: {int: [1, 9]}}}",
		"list: [{}, {train.shuffle: true}, {train.clip_norm: 2, limits.time: 3s}]",
	} {
		if rapid.Bool().Draw(t, block) {
			b.WriteString("  - " + block + "\n")
		}
	}
	b.WriteString("  - where: lambda > 0\n")
	return b.String()
}

// A config resolves to one that stands for the same runs under the same names, and that resolves to itself.
func TestResolvedRoundTrip(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	testfile.Write(t, filepath.Join(dir, "data", "pairs.jsonl"), `{"chosen": 0, "rejected": 1}`+"\n")
	testfile.Write(t, filepath.Join(dir, "base.yaml"), head+"preferences: {kind: file, path: data/pairs.jsonl}\nobjectives: [{kind: dpo, name: ours, train: {epochs: 3}}, ipo, {kind: typo, name: \"1e5\"}]\n")
	count := 0
	rapid.Check(t, func(rt *rapid.T) {
		count++
		path := filepath.Join(dir, "test.yaml")
		testfile.Write(t, path, "name: t\nextends: base.yaml\n"+drawSweep(rt))
		first, err := load(path, nil)
		if err != nil {
			rt.Fatal(err)
		}
		names := ids(first.Plan)
		slices.Sort(names)
		if len(slices.Compact(names)) != len(first.Plan.Runs) {
			rt.Fatalf("the names are not unique: %v", names)
		}
		texts := make([]string, 2)
		again := first
		for i := range texts {
			out := filepath.Join(dir, fmt.Sprintf("out-%d-%d", count, i))
			if err := os.Mkdir(out, 0o755); err != nil {
				rt.Fatal(err)
			}
			if err := again.WriteResolved(out); err != nil {
				rt.Fatal(err)
			}
			resolved := filepath.Join(out, ResolvedName)
			texts[i] = string(read(t, resolved))
			if again, err = load(resolved, nil); err != nil {
				rt.Fatalf("%v\n%s", err, texts[i])
			}
			if !slices.Equal(ids(again.Plan), ids(first.Plan)) || again.Plan.Key() != first.Plan.Key() {
				rt.Fatalf("the resolved config has the runs\n%v\nwant\n%v\n%s", ids(again.Plan), ids(first.Plan), texts[i])
			}
		}
		if texts[0] != texts[1] {
			rt.Fatalf("resolving again gives\n%s\nwant\n%s", texts[1], texts[0])
		}
	})
}
