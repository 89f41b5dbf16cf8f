package spec

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"windtunnel/experiments/internal/testfile"
	"windtunnel/experiments/spec/decode"
)

// slow matches sizes that are allowed but take long to plan.
var slow = regexp.MustCompile(`(num|prompts|responses|rank|seeds|n)["']?\s*:\s*["']?[+]?[0-9.]*([0-9]{3}|[eE][+]?[0-9])`)

// No bytes make Load panic, and every mistake says which file it is in.
func FuzzLoad(f *testing.F) {
	for _, path := range shipped(f) {
		if text := read(f, path); !bytes.Contains(text, []byte("seed: [1")) { // hundreds of environments are slow to plan
			f.Add(text)
		}
	}
	seeds, err := filepath.Glob("testdata/mistakes/*")
	if err != nil || len(seeds) == 0 {
		f.Fatalf("%d files, error %v", len(seeds), err)
	}
	for _, path := range seeds {
		f.Add(read(f, path))
	}
	f.Add([]byte(head + "objectives: [dpo, ipo]\nseeds: 2\nwhere: [lambda < 2 or seed == 1]\nextends: member.yaml\nsweep:\n" +
		"  - zip: {objective: [dpo, ipo], lambda: [1, 2]}\n  - list: [{name: a, policy: tabular}, {name: b, train.epochs: 2}]\n" +
		"  - random: {n: 2, keys: {train.max_steps: {int: [1, 9]}, constraint.l2: {choice: [0, 1]}}}\n"))
	f.Add([]byte("name: c\nsuite: [c.yaml]"))
	f.Add([]byte("name: c\nsuite: [base.yaml, ../base.yaml, \"\"]"))
	dir := f.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/mistakes")); err != nil {
		f.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(dir, "data"), os.DirFS(configFolder+"/data")); err != nil {
		f.Fatal(err)
	}
	path := filepath.Join(dir, "c.yaml")
	f.Fuzz(func(t *testing.T, text []byte) {
		if slow.Match(text) || len(text) > 10_000 {
			t.Skip("large sweeps and texts are only slow, and tested by the limits")
		}
		testfile.Write(t, path, string(text))
		c, err := load(path, nil)
		if err == nil {
			if c == nil || c.Plan == nil && c.Suite == nil && c.Scorecard == nil || c.Plan != nil && (len(c.Plan.Runs) == 0 || c.Plan.Key() == "") {
				t.Errorf("accepted, but the config is %+v", c)
			}
			return
		}
		var all decode.Errors
		if !errors.As(err, &all) || len(all) == 0 {
			t.Fatalf("the error is a %T without a mistake", err)
		}
		for _, e := range all {
			if !strings.HasPrefix(e.File, dir) || e.Wrong == "" {
				t.Errorf("a mistake names no file or says nothing: %+v", e)
			}
		}
	})
}
