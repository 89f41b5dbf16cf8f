//go:build soak

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"windtunnel/experiments/internal/testfile"
)

// The commands of the page about broken loss curves print what the page says, one after the other as a reader runs them.
func TestVectorsPage(t *testing.T) {
	t.Parallel()
	python := testfile.Torch(t)
	folder := t.TempDir()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(here, filepath.Join(folder, "experiments")); err != nil {
		t.Fatal(err)
	}
	page, commands := testfile.Read(t, "vectors/README.md"), 0
	digits := regexp.MustCompile(`right, to \S+`) // rounding is PyTorch's
	for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(page, -1) {
		for _, step := range strings.Split(strings.ReplaceAll("\n"+block[1], "\n   ", "\n"), "\n$ ")[1:] {
			command, want, _ := strings.Cut(step, "\n")
			command = strings.NewReplacer("go run ./experiments", "experiments", "python3", python+" -B").Replace(command)
			cmd := exec.Command("sh", "-c", command)
			cmd.Dir = folder
			out, _ := cmd.Output()
			if got := string(out); digits.ReplaceAllString(got, "right") != digits.ReplaceAllString(strings.TrimRight(want, " "), "right") {
				t.Errorf("%s\nprints\n%swant\n%s", command, got, want)
			}
			commands++
		}
	}
	if commands != 7 {
		t.Errorf("%d commands were run", commands)
	}
	if !strings.Contains(testfile.Read(t, filepath.Join(folder, "report.xml")), `tests="1" failures="0"`) {
		t.Error("report.xml does not say that all is right")
	}
}
