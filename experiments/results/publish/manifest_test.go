package publish

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"windtunnel/experiments/internal/testfile"
)

// finished makes a results folder of two tables.
func finished(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	testfile.Write(t, filepath.Join(dir, "runs.csv"), "run")
	testfile.Write(t, filepath.Join(dir, "figures", "c.svg"), "c")
	m := NewManifest("v1")
	m.Seconds, m.Inputs["config"] = 1.5, "abc"
	if err := m.Seal(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestManifest(t *testing.T) {
	t.Parallel()
	dir := finished(t)
	testfile.Write(t, filepath.Join(dir, "notes.md"), "mine")
	m, err := ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := Manifest{Tool: "windtunnel", Made: Made{Numerics: "v1", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, Seconds: 1.5}}
	executable := sha256.Sum256([]byte(testfile.Read(t, os.Args[0])))
	if m.Tool != want.Tool || m.Numerics != want.Numerics || m.Go != want.Go || m.OS != want.OS || m.Arch != want.Arch ||
		m.Seconds != want.Seconds || m.Build != hex.EncodeToString(executable[:]) {
		t.Errorf("the manifest is %+v, want %+v", m, want)
	}
	// A folder that came by version control lacks what made it, an older one has it in its manifest.
	if err := os.Remove(filepath.Join(dir, MadeName)); err != nil {
		t.Fatal(err)
	}
	if bare, err := ReadManifest(dir); err != nil || bare.Made != (Made{}) || !maps.Equal(bare.Files, m.Files) {
		t.Errorf("without %s: %+v, %v", MadeName, bare, err)
	}
	testfile.Write(t, filepath.Join(dir, manifestName), `{"tool": "windtunnel", "numerics": "v0", "seconds": 2}`)
	if old, err := ReadManifest(dir); err != nil || old.Made != (Made{Numerics: "v0", Seconds: 2}) {
		t.Errorf("an older folder: %+v, %v", old, err)
	}
	if !maps.Equal(m.Inputs, map[string]string{"config": "abc"}) {
		t.Errorf("inputs %v", m.Inputs)
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(m.Files)) {
		names = append(names, name)
		sum := sha256.Sum256([]byte(testfile.Read(t, filepath.Join(dir, name))))
		if m.Files[name] != hex.EncodeToString(sum[:]) {
			t.Errorf("%s has the hash %s", name, m.Files[name])
		}
	}
	if want := []string{"figures/c.svg", "runs.csv"}; !slices.Equal(names, want) {
		t.Errorf("files %v, want %v", names, want)
	}
}

func TestAnnounce(t *testing.T) {
	t.Parallel()
	dir := finished(t)
	testfile.Write(t, filepath.Join(dir, "figures", "a.svg"), "a")
	testfile.Write(t, filepath.Join(dir, "notes.md"), "mine")
	path := filepath.Join(dir, "runs.csv")
	testfile.Write(t, path, testfile.Read(t, path)+"tampered")
	before, _ := ReadManifest(dir)
	if err := announce(dir, dir, []string{"figures/a.svg"}); err != nil {
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
	if err := announce(dir, dir, []string{"figures/b.svg"}); err == nil {
		t.Error("a figure that is not there has a hash")
	}
	if err := announce(t.TempDir(), dir, []string{"figures/a.svg"}); err != nil {
		t.Errorf("without a manifest: %v", err)
	}
	testfile.Write(t, filepath.Join(dir, manifestName), "{")
	if err := announce(dir, dir, nil); err == nil || !strings.Contains(err.Error(), manifestName) {
		t.Errorf("a broken manifest: %v", err)
	}
}
