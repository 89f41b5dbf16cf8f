package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// In scripts the command experiments is this test binary.
func TestMain(m *testing.M) {
	testscript.Main(tidy{m}, map[string]func(){"experiments": main})
}

// tidy runs the tests and removes what they shared.
type tidy struct{ *testing.M }

func (m tidy) Run() int {
	defer func() { _ = os.RemoveAll(undisturbed.dir) }()
	return m.M.Run()
}

// The scripts of testdata/script run in a copy of testdata/configs, with the shipped data in the folder that MODELS names. By -short
// these are those of which commands do many runs, are stopped, or share folders: the others take long under the race detector.
func TestScripts(t *testing.T) {
	t.Parallel()
	work, err := filepath.Abs("testdata/configs")
	if err != nil {
		t.Fatal(err)
	}
	var scripts []string
	for _, name := range []string{"cache", "interrupt", "run", "shards", "status"} {
		scripts = append(scripts, filepath.Join("testdata/script", name+".txt"))
	}
	if !testing.Short() {
		if scripts, err = filepath.Glob("testdata/script/*.txt"); err != nil {
			t.Fatal(err)
		}
	}
	testscript.Run(t, testscript.Params{
		Files: scripts,
		Setup: func(env *testscript.Env) error {
			env.Setenv("MODELS", filepath.Join(work, "../../../configs/data"))
			return os.CopyFS(env.WorkDir, os.DirFS(work))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "await": await, "none": none, "replace": replace,
		},
		RequireExplicitExec: true,
	})
}

// exits runs a command and wants a certain exit status: exits STATUS COMMAND ARG... What the command prints is in the
// file output too, with "T s" for the time taken.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	ts.Check(os.WriteFile(ts.MkAbs("output"), []byte(needed.ReplaceAllString(elapsed.ReplaceAllString(ts.ReadFile("stdout"), "T s"), "memory about M")), 0o644))
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// await waits until a file of some pattern exists: await PATTERN
func await(ts *testscript.TestScript, neg bool, args []string) {
	for start := time.Now(); len(matches(ts, neg, args)) == 0; time.Sleep(time.Millisecond) {
		if time.Since(start) > 20*time.Second {
			ts.Fatalf("no file is called %s", args[0])
		}
	}
}

// none wants no file of some pattern: none PATTERN
func none(ts *testscript.TestScript, neg bool, args []string) {
	if found := matches(ts, neg, args); len(found) > 0 {
		ts.Fatalf("there is %v", found)
	}
}

func matches(ts *testscript.TestScript, neg bool, args []string) []string {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await PATTERN, none PATTERN")
	}
	found, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	return found
}

// replace changes every occurrence of a text in a file: replace OLD NEW FILE
func replace(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: replace OLD NEW FILE")
	}
	path := ts.MkAbs(args[2])
	text := ts.ReadFile(path)
	if !strings.Contains(text, args[0]) {
		ts.Fatalf("%s does not hold %q", args[2], args[0])
	}
	ts.Check(os.WriteFile(path, []byte(strings.ReplaceAll(text, args[0], args[1])), 0o644))
}

// elapsed is the time taken, and needed the memory, which no golden output can hold.
var (
	elapsed = regexp.MustCompile(`\b\d+\.\d\d? s\b`)
	needed  = regexp.MustCompile(`memory about \S+ .B`)
)
