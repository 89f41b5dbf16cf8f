package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"windtunnel/experiments/internal/testfile"
)

const smallConfig = "name: m\nenvironment: {kind: random-bandit, responses: 4, perturbation: 1}\npreferences: {kind: sample, n: 50}\n" +
	"train: {optimizer: {kind: adam, lr: 1e-2}, batch_size: 10, epochs: 2}\nobjectives: [{kind: dpo}]\n"

// broken is a writer without room.
type broken struct{ room int }

func (b *broken) Write(p []byte) (int, error) {
	if b.room -= len(p); b.room < 0 {
		return 0, errors.New("no space left on device")
	}
	return len(p), nil
}

// What cannot be printed is not well.
func TestOutputErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config := filepath.Join(dir, "c.yaml")
	testfile.Write(t, config, smallConfig+"claims: [{name: c, kind: bound, metric: tv_ref, below: 5}]\n")
	out := filepath.Join(dir, "out")
	for _, args := range [][]string{{"run", config, "--out", out}, {"run", config, "--dry-run", "--out", out}, {"list"}, {"list", "objectives"},
		{"check", filepath.Join(out, "m")}, {"compare", filepath.Join(out, "m"), filepath.Join(out, "m")}, {"plot", filepath.Join(out, "m")},
		{"plot", filepath.Join(out, "m"), "--terminal"}, {"data"}, {"schema"}, {"export", filepath.Join(out, "m"), "--format", "parquet"}, {"cache", "size", "--cache", filepath.Join(out, ".cache")}} {
		for _, room := range []int{0, 1} {
			var said bytes.Buffer
			if got := Main(context.Background(), args, &broken{room}, &said); got == exitWell || !strings.Contains(said.String(), "no space left") {
				t.Errorf("%v: exit status %d, %s", args, got, said.String())
			}
		}
	}
}

// A folder that may not be written to is the caller's mistake.
func TestFolderThatMayNotBeWritten(t *testing.T) {
	t.Parallel()
	dir, closed := t.TempDir(), "/sys" // where nobody makes folders
	if err := os.Mkdir(filepath.Join(closed, "windtunnel"), 0o777); !errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.EROFS) {
		t.Skipf("there is no such folder here: %v", err)
	}
	config := filepath.Join(dir, "c.yaml")
	testfile.Write(t, config, smallConfig)
	var said bytes.Buffer
	out := filepath.Join(closed, "windtunnel")
	if got := Main(context.Background(), []string{"run", config, "--out", out}, io.Discard, &said); got != exitInput || !strings.Contains(said.String(), out) {
		t.Errorf("exit status %d, %s", got, said.String())
	}
}

// A command that waits for its input, or is at a config, ends at the first signal.
func TestSignalWhileReading(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	swept := smallConfig + "sweep: {lambda: [" + strings.Repeat("1.0,", 400_000) + "2]}\n"
	testfile.Write(t, filepath.Join(dir, "long.yaml"), swept)
	for _, args := range [][]string{{"loss"}, {"loss", "--check"}, {"score", "-"}, {"run", filepath.Join(dir, "long.yaml"), "--dry-run", "--out", dir}} {
		for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
			in, keep, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(os.Args[0], args...)
			cmd.Args[0] = filepath.Join(dir, "experiments") // by which the test binary is the command, see TestMain
			cmd.Stdin, cmd.Dir = in, ".."
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(300 * time.Millisecond)
			began := time.Now()
			_ = cmd.Process.Signal(signal) // it may have ended
			late := time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
			err = cmd.Wait()
			late.Stop()
			keep.Close()
			in.Close()
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("%v: %v took %v: %v", args, signal, took, err)
			}
		}
	}
}

// A reader whose context is canceled gives up waiting, and what it has read is the reader's.
func TestInterruptible(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	in, out := io.Pipe()
	go func() { _, _ = out.Write([]byte("line\n")) }()
	got := make([]byte, len("line\n"))
	if _, err := io.ReadFull(interruptible{ctx, in}, got); string(got) != "line\n" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	cancel()
	if _, err := io.ReadAll(interruptible{ctx, in}); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting for what never comes gave %v", err)
	}
	if got, err := io.ReadAll(interruptible{context.Background(), strings.NewReader("all")}); string(got) != "all" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// Results of another config stay, unless --force is given; so does what is no results folder.
func TestRunInTheWay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b, out := filepath.Join(dir, "a.yaml"), filepath.Join(dir, "b.yaml"), filepath.Join(dir, "out")
	testfile.Write(t, a, smallConfig)
	testfile.Write(t, b, smallConfig+"seed: 1\n")
	run := func(want int, config string, more ...string) string {
		_, said := runMain(t, want, append([]string{"run", config, "--quiet", "--jobs", "1", "--out", out}, more...)...)
		return said
	}
	run(exitWell, a)
	run(exitWell, a, "--set", "seed=5")
	before := testfile.Read(t, filepath.Join(out, "m", "runs.csv"))
	if said := run(exitInput, b); !strings.Contains(said, a) || !strings.Contains(said, "--force") {
		t.Errorf("it says %q", said)
	}
	if testfile.Read(t, filepath.Join(out, "m", "runs.csv")) != before {
		t.Error("the results were replaced")
	}
	run(exitWell, filepath.Join(out, "m", "config.yaml")) // the folder's own
	run(exitWell, b, "--force")
	run(exitInput, a)
	run(exitWell, b, "--set", "name=other")

	other := filepath.Join(dir, "a", "m")
	testfile.Write(t, other, "notes")
	runMain(t, exitInput, "run", a, "--out", filepath.Join(dir, "a"))
	runMain(t, exitInput, "run", a, "--dry-run", "--out", filepath.Join(dir, "a"))
	runMain(t, exitInput, "run", a, "--shard", "1/1", "--out", other)
	if testfile.Read(t, other) != "notes" {
		t.Error("the notes are gone")
	}
	if left, _ := os.ReadDir(filepath.Join(dir, "a")); len(left) != 1 {
		t.Errorf("%v was written", left)
	}
}

// Places where nothing can be written are refused before anything is done, with exit status 2.
func TestNoPlace(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped by -short: takes long under the race detector, of which a single goroutine has no need")
	}
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	config, m, long := at("c.yaml"), at("m"), at(strings.Repeat("n", 300))
	testfile.Write(t, config, smallConfig)
	runMain(t, exitWell, "run", config, "--quiet", "--out", dir)
	testfile.Write(t, at("file"), "mine")
	for _, name := range []string{"circle", "circle.html"} {
		if err := os.Symlink(name, at(name)); err != nil {
			t.Fatal(err)
		}
	}
	before := filesBelow(t, dir)
	for _, place := range []string{"", long, at("file"), at("file/x"), at("circle"), at("circle/x")} {
		for _, args := range [][]string{{"run", config, "--out"}, {"run", config, "--cache"}, {"run", config, "--shard", "1/1", "--out"}, {"scorecard", config, "--out"},
			{"explain", "dpo", "preservation", "--out"}, {"export", m, "--format", "parquet", "--out"}, {"submit", "slurm", config, "--shards", "1", "--out"},
			{"loss", "dpo", "--plot", "--out"}, {"explore", "--build"}, {"status"}, {"cache", "verify", "--cache"}} {
			runMain(t, exitInput, append(args, place)...)
		}
	}
	for _, place := range []string{long + ".svg", at("file/x.svg"), at("circle/x.svg"), at("nowhere/x.svg")} {
		runMain(t, exitInput, "plot", m, "--kind", "lines", "--table", "traces", "--x", "step", "--y", "loss", "-o", place)
		runMain(t, exitInput, "report", m, "-o", strings.TrimSuffix(place, ".svg")+".html")
		runMain(t, exitInput, "tune", config, "-o", place)
	}
	runMain(t, exitInput, "report", m, "-o", at("circle.html")) // a link is followed, not replaced
	runMain(t, exitInput, "report", m, "-o", config)            // and no config becomes a page
	runMain(t, exitInput, "run", config, "--set", "name="+filepath.Base(long))
	runMain(t, exitInput, "run", config, "--set", "figures=[{name: "+filepath.Base(long)+", kind: lines, x: lambda, y: tv_star}]")
	if after := filesBelow(t, dir); !slices.Equal(after, before) {
		t.Errorf("there are %v, before there were %v", after, before)
	}
}

// A digit that was changed in a table is told by all that reads it, and check does not pass.
func TestChangedTable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config, m := filepath.Join(dir, "c.yaml"), filepath.Join(dir, "m")
	testfile.Write(t, config, smallConfig+"claims: [{name: c, kind: bound, metric: tv_ref, below: 5}]\n")
	runMain(t, exitWell, "run", config, "--quiet", "--out", dir)
	page := filepath.Join(dir, "page.html")
	commands := [][]string{{"check", m}, {"plot", m}, {"compare", m, m}, {"report", m, "-o", page}, {"plot", m, "--kind", "strip", "--set", "y=tv_ref", "--terminal"}}
	for _, args := range commands[:4] {
		if out, said := runMain(t, exitWell, args...); strings.Contains(out+said, "not as it was made") {
			t.Errorf("%v: %s%s", args, out, said)
		}
	}
	runs := testfile.Read(t, filepath.Join(m, "runs.csv"))
	at := strings.LastIndexByte(runs, '1')
	testfile.Write(t, filepath.Join(m, "runs.csv"), runs[:at]+"2"+runs[at+1:])
	for _, args := range commands[:4] {
		var out, said bytes.Buffer
		got := Main(context.Background(), args, &out, &said)
		if !strings.Contains(out.String()+said.String(), "runs.csv is not as it was made") || (got == exitWell) == (args[0] == "check") {
			t.Errorf("%v: exit status %d, %s%s", args, got, out.String(), said.String())
		}
	}
}

// Models of other formats are named for what they are.
func TestOtherModelFormats(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for text, want := range map[string]string{"\x02\x00\x00\x00\x00\x00\x00\x00{}": "a safetensors file", "GGUF\x03": "a GGUF file", "PK\x03\x04": "a PyTorch checkpoint",
		"version https://git-lfs.github.com/spec/v1\n": "git lfs pull", "ak42\x01\x00\x00\x00": "version 1 or 2"} {
		path := filepath.Join(dir, "model")
		testfile.Write(t, path, text+strings.Repeat("\x00", 300))
		if _, said := runMain(t, exitInput, "score", "--model", path, "--tokenizer", "../configs/data/tok512.bin", "x.jsonl"); !strings.Contains(said, want) {
			t.Errorf("%q: %s", text[:4], said)
		}
	}
}

// What a killed plot or export has left half written is no file of the reader's.
func TestHalfWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config, m := filepath.Join(dir, "c.yaml"), filepath.Join(dir, "m")
	testfile.Write(t, config, smallConfig)
	run := func() { runMain(t, exitWell, "run", config, "--quiet", "--out", dir) }
	run()
	for _, name := range []string{"figures/.a.svg.123.partial", ".plot.1.partial/figures/a.svg", ".export.1.partial/runs.parquet", ".runs.parquet.1.partial"} {
		testfile.Write(t, filepath.Join(m, filepath.FromSlash(name)), "half")
	}
	testfile.Write(t, filepath.Join(m, "figures", "mine.svg"), "mine")
	runMain(t, exitWell, "export", m, "--format", "parquet")
	run()
	for _, name := range filesBelow(t, m) {
		if strings.Contains(name, "partial") || strings.HasSuffix(name, ".parquet") {
			t.Errorf("%s is left", name)
		}
	}
	if testfile.Read(t, filepath.Join(m, "figures", "mine.svg")) != "mine" {
		t.Error("a reader's file is gone")
	}
}

// beta is lambda wherever a column can be named: in sweeps, conditions, claims, figures and on the command line.
func TestBetaIsLambda(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped by -short: takes long under the race detector, of which a single goroutine has no need")
	}
	t.Parallel()
	const config = `name: m
environment: {kind: random-bandit, responses: 4, perturbation: 1}
preferences: {kind: sample, n: 50}
policy: {kind: tabular}
train: {batch_size: 0, epochs: 20}
objectives: [{kind: dpo}, {kind: ipo}]
sweep: {lambda: [0.1, 1, 2], train.optimizer.lr: [0.01, 0.1]}
where: "lambda < 2 and train.optimizer.lr * lambda > 0"
claims:
  - {name: c, kind: bound, metric: tv_ref, where: {lambda: 1}, below: 5}
  - {name: d, kind: differs, metric: tv_ref, left: {objective: dpo, lambda: 1}, right: {objective: ipo, lambda: 1}, match: [train.optimizer.lr], above: -9}
figures:
  - {name: f, kind: lines, x: lambda, y: tv_star, where: {train.optimizer.lr: 0.1}}
  - {name: g, kind: strip, metric: tv_ref, where: {lambda: [0.1], train.optimizer.lr: 0.1}}
`
	var all [2]map[string]string
	for i, name := range []string{"lambda", "beta"} {
		dir := t.TempDir()
		path, out := filepath.Join(dir, "m.yaml"), filepath.Join(dir, "out")
		testfile.Write(t, path, strings.ReplaceAll(config, "lambda", name))
		runMain(t, 0, "run", path, "--out", out, "--quiet")
		runMain(t, 0, "plot", filepath.Join(out, "m"), "--kind", "lines", "--x", name, "--y", "tv_star", "--set", "by=train.optimizer.lr",
			"--set", "panels=objective", "-o", filepath.Join(out, "m", "figures", "asked.svg"))
		all[i] = contents(t, filepath.Join(out, "m"))
	}
	for name, want := range all[0] {
		if got := all[1][name]; got != want && name != "config.yaml" && name != "datapackage.json" {
			t.Errorf("%s differs with beta in place of lambda", name)
		}
	}
	if len(all[0]) != len(all[1]) || len(all[0]) < 10 {
		t.Errorf("%d files with lambda, %d with beta", len(all[0]), len(all[1]))
	}
}
