package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"windtunnel/experiments/internal/testfile"
)

// Three shards merged give the bytes of one machine, whatever the order in which they were done.
func TestShards(t *testing.T) {
	t.Parallel()
	dir, want := crashFolder(t)
	for _, i := range []int{2, 3, 1} {
		if i == 1 {
			status, said := call(t, dir, "merge", "parts", "--out", "merged")
			if status != 1 || !strings.Contains(said, "missing shard 1/3") {
				t.Errorf("with two of three shards: exit status %d: %s", status, said)
			}
		}
		status, said := call(t, dir, "run", "crash.yaml", "--shard", fmt.Sprintf("%d/3", i), "--out", "parts", "--cache", fmt.Sprintf("cache-%d", i))
		if status != 0 || strings.Contains(said, "claim") {
			t.Errorf("shard %d: exit status %d: %s", i, status, said)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "merged")); err == nil {
		t.Error("a merge that failed has written something")
	}
	folder := func(i int) string { return fmt.Sprintf("parts/crash.shard-%d-of-3", i) }
	if status, said := call(t, dir, "merge", folder(3), folder(1), folder(2), "--out", "merged"); status != 0 {
		t.Errorf("exit status %d: %s", status, said)
	}
	wantSame(t, filepath.Join(dir, "merged", "crash"), want)
	t.Run("mixed", func(t *testing.T) { wantNoMixture(t, dir) })
}

// wantNoMixture wants shards of different sweeps, or of different divisions, refused.
func wantNoMixture(t *testing.T, dir string) {
	for want, args := range map[string][]string{
		"one is of 3 shards, the other of 2": {"--shard", "2/2"},
		"their plans are":                    {"--shard", "1/3", "--set", "train.batch_size=5"},
	} {
		other := t.TempDir()
		args = append([]string{"run", "crash.yaml", "--out", other, "--quiet"}, args...)
		if status, said := call(t, dir, args...); status != 0 {
			t.Fatalf("exit status %d: %s", status, said)
		}
		status, said := call(t, dir, "merge", "parts", other, "--out", "mixed")
		if status != 1 || !strings.Contains(said, want) {
			t.Errorf("exit status %d: %s; want %q", status, said, want)
		}
	}
	if runtime.GOARCH != "amd64" {
		return
	}
	// A shard of another level of the architecture, whose numbers may differ in their last digits.
	manifest := filepath.Join(dir, "parts", "crash.shard-2-of-3", "shard.json")
	text := testfile.Read(t, manifest)
	level := regexp.MustCompile("-amd64v[1-4]-").FindString(text)
	if level == "" {
		t.Fatalf("the version of the numerics tells no level of the architecture: %s", text)
	}
	testfile.Write(t, manifest, strings.Replace(text, level, "-amd64v9-", 1))
	if status, said := call(t, dir, "merge", "parts", "--out", "mixed"); status != 1 || !strings.Contains(said, "-amd64v9-") {
		t.Errorf("exit status %d: %s; want the two levels told", status, said)
	}
	if _, err := os.Stat(filepath.Join(dir, "mixed")); err == nil {
		t.Error("a mixture was written")
	}
}
