//go:build soak

package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"windtunnel/experiments/internal/testfile"
)

// The committed card takes long to make, so that of a few losses is made again, in all of its environments.
func TestCommittedCard(t *testing.T) {
	dir := t.TempDir()
	whole := testfile.Read(t, "../configs/scorecard.yaml")
	part := regexp.MustCompile(`(?s)objectives:\n  \[.*?\]\n`).ReplaceAllString(whole, "objectives: [dpo, ipo, typo, simpo, cauchy]\n")
	testfile.Write(t, filepath.Join(dir, "part.yaml"), part)
	runMain(t, exitWell, "scorecard", filepath.Join(dir, "part.yaml"), "--quiet", "--out", dir)
	committed := strings.Split(testfile.Read(t, "../results/scorecard/scorecard.csv"), "\n")
	made := strings.Split(strings.TrimSpace(testfile.Read(t, filepath.Join(dir, "scorecard", "scorecard.csv"))), "\n")
	if len(made) != 1+5*25 {
		t.Fatalf("%d rows were made", len(made))
	}
	known := map[string]bool{}
	for _, row := range committed {
		known[row] = true
	}
	for _, row := range made {
		if !known[row] {
			t.Errorf("the committed card lacks the row\n%s", row)
		}
	}
}
