package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"windtunnel/experiments/record"
	"windtunnel/experiments/spec"
)

// finished makes a results folder of a plan.
func finished(t testing.TB, plan *spec.Plan) string {
	t.Helper()
	dir := t.TempDir()
	if _, err := Run(context.Background(), plan, dir, 1, &watcher{}); err != nil {
		t.Fatal(err)
	}
	m := NewManifest(plan, 1.5)
	m.Inputs["config"] = "abc"
	if err := m.Seal(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestManifest(t *testing.T) {
	t.Parallel()
	plan := planOf(t, solved)
	dir := finished(t, plan)
	write(t, filepath.Join(dir, "notes.md"), "mine")
	m, err := ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := Manifest{Tool: "windtunnel", Numerics: NumericsVersion, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH,
		Plan: plan.Key(), Runs: 4, Seconds: 1.5}
	executable := sha256.Sum256([]byte(read(t, os.Args[0])))
	if m.Tool != want.Tool || m.Numerics != want.Numerics || m.Go != want.Go || m.OS != want.OS || m.Arch != want.Arch ||
		m.Plan != want.Plan || m.Runs != want.Runs || m.Seconds != want.Seconds || m.Build != hex.EncodeToString(executable[:]) {
		t.Errorf("the manifest is %+v, want %+v", m, want)
	}
	if !maps.Equal(m.Inputs, map[string]string{"config": "abc"}) {
		t.Errorf("inputs %v", m.Inputs)
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(m.Files)) {
		names = append(names, name)
		sum := sha256.Sum256([]byte(read(t, filepath.Join(dir, name))))
		if m.Files[name] != hex.EncodeToString(sum[:]) {
			t.Errorf("%s has the hash %s", name, m.Files[name])
		}
	}
	if want := []string{"policies.csv", "prompts.csv", "runs.csv", "traces.csv", "trajectories.csv"}; !slices.Equal(names, want) {
		t.Errorf("files %v, want %v", names, want)
	}
}

// Tables are done again unless the plan, the program and the tables are the same.
func TestFresh(t *testing.T) {
	t.Parallel()
	plan := planOf(t, solved)
	replace := func(old, fresh string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, manifestName)
			text := read(t, path)
			if !strings.Contains(text, old) {
				t.Fatalf("the manifest does not hold %s", old)
			}
			write(t, path, strings.Replace(text, old, fresh, 1))
		}
	}
	for name, tt := range map[string]struct {
		change func(t *testing.T, dir string)
		plan   *spec.Plan
		want   bool
	}{
		"nothing":        {func(*testing.T, string) {}, plan, true},
		"an equal plan":  {func(*testing.T, string) {}, planOf(t, "# again\n"+solved), true},
		"a note":         {func(t *testing.T, dir string) { write(t, filepath.Join(dir, "notes.md"), "x") }, plan, true},
		"the time taken": {replace(`"seconds": 1.5`, `"seconds": 2`), plan, true},
		"another plan":   {func(*testing.T, string) {}, planOf(t, solved, "sweep.lambda=[0.1, 11]"), false},
		"the plan":       {replace(plan.Key(), "x"), plan, false},
		"the program":    {replace(build(), "x"), plan, false},
		"the numerics":   {replace(`"numerics": 1`, `"numerics": 0`), plan, false},
		"a byte of runs": {func(t *testing.T, dir string) {
			path := filepath.Join(dir, "runs.csv")
			write(t, path, strings.Replace(read(t, path), "converged", "Converged", 1))
		}, plan, false},
		"an empty table": {func(t *testing.T, dir string) { write(t, filepath.Join(dir, "policies.csv"), "") }, plan, false},
		"a lost table": {func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "traces.csv")); err != nil {
				t.Fatal(err)
			}
		}, plan, false},
		"a lost manifest": {func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, manifestName)); err != nil {
				t.Fatal(err)
			}
		}, plan, false},
		"a broken manifest": {func(t *testing.T, dir string) { write(t, filepath.Join(dir, manifestName), "{") }, plan, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := finished(t, plan)
			tt.change(t, dir)
			if got := Fresh(dir, tt.plan); got != tt.want {
				t.Errorf("fresh is %v, want %v", got, tt.want)
			}
		})
	}
}

func TestReseal(t *testing.T) {
	t.Parallel()
	dir := finished(t, planOf(t, solved))
	write(t, filepath.Join(dir, "figures", "a.svg"), "a")
	write(t, filepath.Join(dir, "notes.md"), "mine")
	path := filepath.Join(dir, "runs.csv")
	write(t, path, read(t, path)+"tampered")
	before, _ := ReadManifest(dir)
	if err := Reseal(dir, []string{"figures/a.svg"}); err != nil {
		t.Fatal(err)
	}
	after, err := ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("a"))
	before.Files["figures/a.svg"] = hex.EncodeToString(sum[:])
	if !maps.Equal(after.Files, before.Files) || after.Plan != before.Plan {
		t.Errorf("the files are %v, want %v", after.Files, before.Files)
	}
	if err := Reseal(dir, []string{"figures/b.svg"}); err == nil {
		t.Error("a figure that is not there has a hash")
	}
	if err := Reseal(t.TempDir(), []string{"figures/a.svg"}); err != nil {
		t.Errorf("without a manifest: %v", err)
	}
	write(t, filepath.Join(dir, manifestName), "{")
	if err := Reseal(dir, nil); err == nil || !strings.Contains(err.Error(), manifestName) {
		t.Errorf("a broken manifest: %v", err)
	}
}

func TestCopyTables(t *testing.T) {
	t.Parallel()
	from, to := finished(t, planOf(t, solved)), t.TempDir()
	write(t, filepath.Join(from, "notes.md"), "mine")
	if err := CopyTables(from, to); err != nil {
		t.Fatal(err)
	}
	for _, name := range tableNames {
		if read(t, filepath.Join(from, name+".csv")) != read(t, filepath.Join(to, name+".csv")) {
			t.Errorf("%s differs", name)
		}
	}
	if left := tree(t, to); len(left) != len(tableNames) {
		t.Errorf("the copy holds %d files", len(left))
	}
	if err := os.Remove(filepath.Join(from, record.Runs+".csv")); err != nil {
		t.Fatal(err)
	}
	if err := CopyTables(from, to); err == nil {
		t.Error("a table that is not there was copied")
	}
}
