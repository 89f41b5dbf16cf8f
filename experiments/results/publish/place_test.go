package publish

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"windtunnel/experiments/internal/testfile"
)

// What is no folder of results stays as it is; links are followed.
func TestPlace(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		make  func(t *testing.T, out string)
		wants string // "" for a place that is free
		final string // where results go, below out; "" for x
	}{
		{name: "nothing", make: func(*testing.T, string) {}},
		{name: "an empty folder", make: func(t *testing.T, out string) { mkdir(t, filepath.Join(out, "x")) }},
		{name: "results", make: func(t *testing.T, out string) { publish(t, out, "x", map[string]string{"a": "1"}) }},
		{name: "a shard", make: func(t *testing.T, out string) { testfile.Write(t, filepath.Join(out, "x", "shard.json"), "{}") }},
		{name: "a link to results", final: "far/y", make: func(t *testing.T, out string) {
			publish(t, filepath.Join(out, "far"), "y", map[string]string{"a": "1"})
			symlink(t, filepath.Join("far", "y"), filepath.Join(out, "x"))
		}},
		{name: "a file", wants: "is a file", make: func(t *testing.T, out string) { testfile.Write(t, filepath.Join(out, "x"), "mine") }},
		{name: "an empty file", wants: "is a file", make: func(t *testing.T, out string) { testfile.Write(t, filepath.Join(out, "x"), "") }},
		{name: "a link to a file", wants: "is a file", make: func(t *testing.T, out string) {
			testfile.Write(t, filepath.Join(out, "y"), "mine")
			symlink(t, "y", filepath.Join(out, "x"))
		}},
		{name: "a link to nothing", wants: "no such file", make: func(t *testing.T, out string) { symlink(t, "y", filepath.Join(out, "x")) }},
		{name: "a circle", wants: "cannot be followed", make: func(t *testing.T, out string) { symlink(t, "x", filepath.Join(out, "x")) }},
		{name: "a device", wants: "is a device", make: func(t *testing.T, out string) { symlink(t, os.DevNull, filepath.Join(out, "x")) }},
		{name: "somebody's folder", wants: "holds thesis.tex", make: func(t *testing.T, out string) {
			testfile.Write(t, filepath.Join(out, "x", "thesis.tex"), "mine")
		}},
		{name: "a link to somebody's folder", wants: "holds thesis.tex", make: func(t *testing.T, out string) {
			testfile.Write(t, filepath.Join(out, "y", "thesis.tex"), "mine")
			symlink(t, "y", filepath.Join(out, "x"))
		}},
		{name: "another program's manifest", wants: "no manifest.json that can be read", make: func(t *testing.T, out string) {
			testfile.Write(t, filepath.Join(out, "x", "manifest.json"), "[")
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			out := t.TempDir()
			test.make(t, out)
			before := listing(t, out)
			s, err := stage(out, "x")
			if test.wants != "" {
				wantTaken(t, err, test.wants)
				if after := listing(t, out); after != before {
					t.Errorf("there was\n%s\nand is\n%s", before, after)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			testfile.Write(t, filepath.Join(s.dir, "b"), "2")
			if err := errors.Join(NewManifest("v1").Seal(s.dir), s.publish()); err != nil {
				t.Fatal(err)
			}
			if test.final == "" {
				test.final = "x"
			}
			if info, err := os.Lstat(filepath.Join(out, filepath.FromSlash(test.final))); err != nil || !info.IsDir() {
				t.Errorf("%s is no folder: %v", test.final, err)
			}
			if got := testfile.Read(t, filepath.Join(out, "x", "b")); got != "2" {
				t.Errorf("x/b holds %q", got)
			}
		})
	}
}

// Folders for results that are none.
func TestParent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	testfile.Write(t, filepath.Join(dir, "file"), "mine")
	symlink(t, "circle", filepath.Join(dir, "circle"))
	symlink(t, "nowhere", filepath.Join(dir, "dangling"))
	symlink(t, ".", filepath.Join(dir, "link"))
	for out, wants := range map[string]string{"file": "is a file", "file/deep/er": "is a file", "circle": "cannot be followed",
		"circle/deep": "cannot be followed", "dangling": "cannot be followed", "link": "", "new/er": "", os.DevNull: "is a device"} {
		if !filepath.IsAbs(out) {
			out = filepath.Join(dir, out)
		}
		_, err := Place(out, "x")
		if wants != "" {
			wantTaken(t, err, wants)
		} else if err != nil {
			t.Errorf("%s: %v", out, err)
		}
	}
}

// Results are replaced by those of the same config only.
func TestOwner(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	for _, name := range []string{"a.yaml", "b.yaml", "out/x/config.yaml"} {
		testfile.Write(t, filepath.Join(dir, name), name)
	}
	symlink(t, "a.yaml", filepath.Join(dir, "c.yaml"))
	config := func(name string) string { return filepath.Join(dir, name) }
	m := NewManifest("v1")
	m.Inputs["config"] = "one"
	if err := m.Seal(filepath.Join(out, "x")); err != nil {
		t.Fatal(err)
	}
	if err := (Owner{config("b.yaml"), "two"}).Check(out, "x"); err != nil {
		t.Errorf("a folder that does not say whose it is: %v", err)
	}
	m.SetOwner(Owner{config("a.yaml"), "one"}, out, "x")
	if m.Config != "../../a.yaml" {
		t.Errorf("the manifest says %s", m.Config)
	}
	if err := m.Seal(filepath.Join(out, "x")); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		owner Owner
		good  bool
	}{
		{Owner{config("a.yaml"), "edited"}, true},
		{Owner{config("c.yaml"), "edited"}, true}, // a link
		{Owner{config("b.yaml"), "one"}, true},    // a copy
		{Owner{config("out/x/config.yaml"), "resolved"}, true},
		{Owner{"", "shards"}, true},
		{Owner{config("b.yaml"), "two"}, false},
		{Owner{config("gone.yaml"), "two"}, false},
	} {
		err := test.owner.Check(out, "x")
		if test.good && err != nil {
			t.Errorf("%v: %v", test.owner, err)
		} else if !test.good {
			wantTaken(t, err, config("a.yaml"))
		}
	}
	for _, own := range []Owner{{config("out/x/config.yaml"), "resolved"}, {"", "shards"}} {
		again := NewManifest("v1")
		if again.SetOwner(own, out, "x"); again.Config != m.Config {
			t.Errorf("%v makes it that of %q", own, again.Config)
		}
	}
}

// A staging folder that lost a file is not published.
func TestPublishIncomplete(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	publish(t, out, "x", map[string]string{"runs.csv": "1"})
	s, err := stage(out, "x")
	if err != nil {
		t.Fatal(err)
	}
	testfile.Write(t, filepath.Join(s.dir, "runs.csv"), "2")
	if err := errors.Join(NewManifest("v1").Seal(s.dir), os.Remove(filepath.Join(s.dir, "runs.csv"))); err != nil {
		t.Fatal(err)
	}
	if err := s.publish(); err == nil || !strings.Contains(err.Error(), "not complete") {
		t.Errorf("got %v", err)
	}
	wantTree(t, filepath.Join(out, "x"), "runs.csv=1")
}

// A file that a link leads to is written, and the link stays; a device is written to.
func TestWriteFileFollows(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	testfile.Write(t, filepath.Join(dir, "a"), "old")
	symlink(t, "a", filepath.Join(dir, "b"))
	symlink(t, os.DevNull, filepath.Join(dir, "c"))
	for _, name := range []string{"b", "c"} {
		if err := WriteFile(filepath.Join(dir, name), []byte("new")); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Lstat(filepath.Join(dir, name)); err != nil || info.Mode()&os.ModeSymlink == 0 {
			t.Errorf("%s is no link any more: %v", name, err)
		}
	}
	if got := testfile.Read(t, filepath.Join(dir, "a")); got != "new" {
		t.Errorf("a holds %q", got)
	}
}

func wantTaken(t *testing.T, err error, wants string) {
	t.Helper()
	if _, is := errors.AsType[TakenError](err); !is || !strings.Contains(err.Error(), wants) {
		t.Errorf("error %v, want one with %q", err, wants)
	}
}

// listing names everything in a folder, with the content of files and the ends of links.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		text := ""
		if d.Type()&fs.ModeSymlink != 0 {
			text, err = os.Readlink(path)
		} else if !d.IsDir() {
			text = testfile.Read(t, path)
		}
		fmt.Fprintln(&all, path, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
}

func symlink(t *testing.T, to, path string) {
	t.Helper()
	if err := os.Symlink(to, path); err != nil {
		t.Skipf("links cannot be made here: %v", err)
	}
}

// Files that are put into a folder take the place of those there, and go where a link there leads.
func TestPut(t *testing.T) {
	t.Parallel()
	out, far := t.TempDir(), filepath.Join(t.TempDir(), "a.png")
	publish(t, out, "x", map[string]string{"figures/a.png": "1", "figures/b.png": "1"})
	dir := filepath.Join(out, "x")
	link := filepath.Join(dir, "figures", "a.png")
	testfile.Write(t, far, "1")
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	symlink(t, far, link)
	err := Put(dir, func(staging string) ([]string, error) {
		for _, name := range []string{"a", "b"} {
			testfile.Write(t, filepath.Join(staging, "figures", name+".png"), "2"+name)
		}
		return []string{"figures/a.png", "figures/b.png"}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", info, err)
	}
	if a, b := testfile.Read(t, far), testfile.Read(t, filepath.Join(dir, "figures", "b.png")); a != "2a" || b != "2b" {
		t.Errorf("the files hold %q and %q", a, b)
	}
}
