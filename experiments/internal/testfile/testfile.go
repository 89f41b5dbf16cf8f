// Package testfile writes and reads the files of tests, and finds what they need beside Go.
package testfile

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// Write writes a file and the folders above it.
func Write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Read returns the content of a file.
func Read(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// interpreter puts the folder of python3 itself before those of scripts that look for it, which take longer than it does.
var interpreter = sync.OnceFunc(func() {
	if path, err := exec.Command("python3", "-c", "import sys; print(sys.executable, end='')").Output(); err == nil {
		os.Setenv("PATH", filepath.Dir(string(path))+string(filepath.ListSeparator)+os.Getenv("PATH"))
	}
})

// Python skips a test where there is no Python, or by -short.
func Python(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("processes of Python take their time")
	}
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("there is no python3")
	}
	interpreter()
}

// Torch returns a Python that has PyTorch: the first in the path, or Debian's. Without one the test is skipped.
func Torch(t testing.TB) string {
	t.Helper()
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(python, "-c", "import torch").Run() == nil {
			return python
		}
	}
	t.Skip("no python3 has torch; Debian's package is python3-torch")
	return ""
}
