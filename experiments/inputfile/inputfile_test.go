package inputfile

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Regular files within the limit are read, links to them too; what may never end is refused before it is opened.
func TestRead(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "f"), filepath.Join(dir, "link")
	if err := os.WriteFile(path, []byte("12345"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, link); err != nil {
		t.Skipf("links cannot be made here: %v", err)
	}
	for _, name := range []string{path, link} {
		if data, err := Read(name, 5); string(data) != "12345" || err != nil {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	for name, want := range map[string]string{
		dir: "is a directory", filepath.Join(dir, "no"): "no such file", "/dev/zero": "is a device", "/dev/fd/" + fdOf(r): "is a pipe", path: "has 5 bytes; at most 4",
	} {
		if _, err := Read(name, 4); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

func fdOf(f *os.File) string { return strconv.Itoa(int(f.Fd())) }
