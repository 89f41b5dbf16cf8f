package main

import (
	"io"
	"strings"
	"testing"
)

// Every subcommand says what it does and gives an example that begins with its name.
func TestHelp(t *testing.T) {
	t.Parallel()
	root := newRoot(io.Discard, io.Discard)
	for _, c := range root.Commands() {
		if c.Short == "" || !strings.Contains(c.Example, "experiments "+c.Name()) {
			t.Errorf("%s: short description %q, example %q", c.Name(), c.Short, c.Example)
		}
	}
	if !strings.Contains(root.Example, "experiments configs/") {
		t.Errorf("the example is %q", root.Example)
	}
}

// What is wrong with several files is said at once, file by file.
func TestAllMistakes(t *testing.T) {
	t.Parallel()
	_, stderr := runMain(t, exitInput, "run", "--out", t.TempDir()+"/none", "testdata/configs/tset.yaml", "testdata/configs/solvd.yaml", "testdata/configs/test.yaml")
	want := "testdata/configs/tset.yaml: cannot be read: no such file or directory; want a config file; did you mean \"testdata/configs/test.yaml\"?\n" +
		"testdata/configs/solvd.yaml: cannot be read: no such file or directory; want a config file; did you mean \"testdata/configs/solved.yaml\"?\n"
	if stderr != want {
		t.Errorf("got\n%swant\n%s", stderr, want)
	}
}

// A program under another name is named so where commands are told of, and nowhere else.
func TestSaid(t *testing.T) {
	t.Parallel()
	said := saying(newRoot(io.Discard, io.Discard), "wind$1")
	for text, want := range map[string]string{
		"see `experiments list metrics`":                     "see `wind$1 list metrics`",
		"  experiments configs/paper.yaml":                   "  wind$1 configs/paper.yaml",
		"`go run ./experiments explore`, of two experiments": "`go run ./experiments explore`, of two experiments",
		"experiments described in YAML":                      "experiments described in YAML",
	} {
		if got := said(text); got != want {
			t.Errorf("%s becomes %s, want %s", text, got, want)
		}
	}
}
