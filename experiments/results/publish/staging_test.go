package publish

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"windtunnel/experiments/cache/lock"
	"windtunnel/experiments/internal/testfile"
)

// tree lists the files below a folder with their content.
func tree(t testing.TB, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == manifestName || d.Name() == MadeName {
			return err
		}
		inside, err := filepath.Rel(dir, path)
		all = append(all, filepath.ToSlash(inside)+"="+testfile.Read(t, path))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// publish makes a results folder of the given files and puts it in place.
func publish(t testing.TB, out, name string, files map[string]string) {
	t.Helper()
	if err := tryPublish(t, out, name, files); err != nil {
		t.Fatal(err)
	}
}

func tryPublish(t testing.TB, out, name string, files map[string]string) error {
	t.Helper()
	s, err := stage(out, name)
	if err != nil {
		t.Fatal(err)
	}
	defer s.abandon()
	for path, text := range files {
		testfile.Write(t, filepath.Join(s.dir, path), text)
	}
	if err := NewManifest("v1").Seal(s.dir); err != nil {
		t.Fatal(err)
	}
	return s.publish()
}

func wantTree(t *testing.T, dir string, want ...string) {
	t.Helper()
	if got := tree(t, dir); !slices.Equal(got, want) {
		t.Errorf("%s holds %q, want %q", filepath.Base(dir), got, want)
	}
}

// New results replace old ones and keep what a reader put beside them.
func TestPublish(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "new", "results [1]")
	dir := filepath.Join(out, "x")
	publish(t, out, "x", map[string]string{"runs.csv": "1", "figures/a.svg": "1", "figures/b.svg": "1", "old.csv": "1"})
	wantTree(t, dir, "figures/a.svg=1", "figures/b.svg=1", "old.csv=1", "runs.csv=1")
	testfile.Write(t, filepath.Join(dir, "notes.md"), "mine")
	testfile.Write(t, filepath.Join(dir, "figures", "mine.svg"), "mine")
	testfile.Write(t, filepath.Join(dir, "own", "deep", "x"), "mine")
	testfile.Write(t, filepath.Join(dir, "claims.csv"), "a reader's")
	if err := announce(dir, dir, []string{"figures/a.svg"}); err != nil {
		t.Fatal(err)
	}
	var taken TakenError
	if err := tryPublish(t, out, "x", map[string]string{"runs.csv": "2", "claims.csv": "2"}); !errors.As(err, &taken) || !strings.Contains(err.Error(), "claims.csv is no result") {
		t.Errorf("new claims in the place of a reader's file: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "claims.csv")); err != nil {
		t.Fatal(err)
	}
	publish(t, out, "x", map[string]string{"runs.csv": "2", "figures/a.svg": "2", "claims.csv": "2"})
	wantTree(t, dir, "claims.csv=2", "figures/a.svg=2", "figures/mine.svg=mine", "notes.md=mine", "own/deep/x=mine", "runs.csv=2")
	publish(t, out, "x", map[string]string{"runs.csv": "3"})
	wantTree(t, dir, "figures/mine.svg=mine", "notes.md=mine", "own/deep/x=mine", "runs.csv=3")
	if left, err := os.ReadDir(out); len(left) != 1 || err != nil {
		t.Errorf("beside the results there is %v, error %v", left, err)
	}
}

// What a killed process left is removed, what lies beside it is not, and two at a time cannot stage one folder.
func TestStageSweeps(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	keep := []string{".xy.partial-ABC", ".x.notes.partial", ".x.partial-ABC.partial-ABC", "x.partial"}
	for _, name := range append(keep, ".x.partial", ".x.partial-ABC", ".x.partial-ABC.old") {
		testfile.Write(t, filepath.Join(out, name, "runs.csv"), "half")
	}
	testfile.Write(t, filepath.Join(out, ".x.partial-ABC.old", "shard.json"), "{}") // it comes back, as results
	s, err := stage(out, "x")
	if err != nil {
		t.Fatal(err)
	}
	if left := tree(t, s.dir); len(left) > 0 {
		t.Errorf("the fresh staging folder holds %v", left)
	}
	var held *lock.HeldError
	if _, err := stage(out, "x"); !errors.As(err, &held) || held.PID != os.Getpid() {
		t.Errorf("a second staging folder: error %v", err)
	}
	s.abandon()
	for _, name := range keep {
		if _, err := os.Stat(filepath.Join(out, name, "runs.csv")); err != nil {
			t.Errorf("%s was removed: %v", name, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(out, ".x.*")); len(left) != 2 {
		t.Errorf("%v is left", left)
	}
}

// Where the old results lie aside because a swap was killed, they come back.
func TestStageAfterKilledSwap(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	testfile.Write(t, filepath.Join(out, ".x.partial-ABC.old", "runs.csv"), "old")
	testfile.Write(t, filepath.Join(out, ".x.partial-ABC", "runs.csv"), "new")
	s, err := stage(out, "x")
	if err != nil {
		t.Fatal(err)
	}
	s.abandon()
	wantTree(t, filepath.Join(out, "x"), "runs.csv=old")
}

// A folder that cannot be made is an error.
func TestStageCannotWrite(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	testfile.Write(t, file, "")
	if _, err := stage(file, "x"); err == nil {
		t.Error("staging inside a file went well")
	}
}

// watch reads a file over and over while change runs, and reports what is neither of the versions.
func watch(t *testing.T, path string, versions []string, change func(version string)) {
	t.Helper()
	stop := make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		for reads := 0; ; reads++ {
			data, err := os.ReadFile(path)
			if err != nil || !slices.Contains(versions, string(data)) {
				t.Errorf("read %d finds %d bytes, error %v", reads, len(data), err)
				return
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	for i := range 40 {
		change(versions[i%len(versions)])
	}
	close(stop)
	reader.Wait()
}

func versions() []string {
	return []string{strings.Repeat("a", 1<<18), strings.Repeat("b", 1<<18)}
}

// A reader finds the old results or the new ones, never none and never a part.
func TestExchange(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux exchanges folders in one step")
	}
	out, both := t.TempDir(), versions()
	publish(t, out, "x", map[string]string{"runs.csv": both[0]})
	watch(t, filepath.Join(out, "x", "runs.csv"), both, func(version string) {
		publish(t, out, "x", map[string]string{"runs.csv": version})
	})
}

// Where the system cannot exchange folders, three renames do.
func TestSwap(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	a, b := filepath.Join(out, "a"), filepath.Join(out, "b")
	testfile.Write(t, filepath.Join(a, "x"), "a")
	testfile.Write(t, filepath.Join(b, "x"), "b")
	if err := swap(a, b); err != nil {
		t.Fatal(err)
	}
	wantTree(t, out, "a/x=b", "b/x=a")
	if err := swap(a, filepath.Join(out, "c")); err == nil {
		t.Error("swapping with nothing went well")
	}
	wantTree(t, out, "a/x=b", "b/x=a")
}

// WriteFile replaces a file in one step, and leaves nothing behind where it cannot.
func TestWriteFile(t *testing.T) {
	t.Parallel()
	dir, both := t.TempDir(), versions()
	path := filepath.Join(dir, "a.svg")
	if err := WriteFile(path, []byte(both[0])); err != nil {
		t.Fatal(err)
	}
	watch(t, path, both, func(version string) {
		if err := WriteFile(path, []byte(version)); err != nil {
			t.Error(err)
		}
	})
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("%v, error %v", info, err)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{filepath.Join(dir, "nowhere", "a"), filepath.Join(dir, "folder")} {
		if err := WriteFile(wrong, nil); err == nil {
			t.Errorf("writing %s went well", wrong)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) != 2 {
		t.Errorf("the folder holds %v", left)
	}
}
