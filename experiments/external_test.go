package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"windtunnel/experiments/internal/testfile"
	"windtunnel/metrics/tables"
)

// bring makes a folder with the file that serves losses, and further files by name.
func bring(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	testfile.Write(t, filepath.Join(folder, "windtunnel.py"), testfile.Read(t, "bridge/windtunnel.py"))
	for name, text := range files {
		testfile.Write(t, filepath.Join(folder, name), text)
	}
	return folder
}

// called runs the command line in this process and returns its exit status and what it printed.
func called(args ...string) (status int, stdout, stderr string) {
	var out, wrong bytes.Buffer
	status = Main(context.Background(), args, &out, &wrong)
	return status, out.String(), wrong.String()
}

func table(t *testing.T, path, name string) *tables.Table {
	t.Helper()
	found, err := tables.Open(path, name)
	if err == nil {
		err = found.Load(found.Header...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return found
}

const twoPrompts = `
environment:
  kind: bandit
  prompts:
    - {name: good, pi_star: [0.6, 0.3, 0.1], pi_ref: [0.6, 0.3, 0.1]}
    - {name: bad, pi_star: [0.6, 0.2, 0.2], pi_ref: [0.4, 0.2, 0.4]}
`

// trained is a config that trains losses for a while.
func trained(name, losses string) string {
	return "name: " + name + twoPrompts + losses +
		"preferences: {kind: sample, n: 30}\ntrain: {batch_size: 8, epochs: 5, shuffle: true, record_every: 5, optimizer: {kind: sgd, lr: 0.1}}\nsweep: {lambda: [0.1, 2]}\nfigures: []\n"
}

// squares is a loss in pure Python, with a line before every answer.
const squares = `import json, sys, os, time
print(json.dumps({"columns": ["policy_chosen_logps", "policy_rejected_logps", "weight"], "optional": ["gamma"]}), flush=True)
for count, line in enumerate(sys.stdin):
    q = json.loads(line)
    EACH
    u = [c - r - 1 for c, r in zip(q["policy_chosen_logps"], q["policy_rejected_logps"])]
    by = [2 * w * x for w, x in zip(q["weight"], u)]
    answer = {"value": sum(w * x * x for w, x in zip(q["weight"], u))}
    if q["ask"] == "gradient":
        answer = {"gradient": {"policy_chosen_logps": by, "policy_rejected_logps": [-x for x in by]}}
    print(json.dumps(answer), flush=True)
`

// The number of workers changes no byte.
func TestExternalJobs(t *testing.T) {
	t.Parallel()
	testfile.Python(t)
	folder := bring(t, map[string]string{"mine.py": strings.Replace(squares, "EACH", "", 1),
		"c.yaml": trained("jobs", "objectives: [{kind: external, name: mine, command: [python3, mine.py]}]\nseeds: 3\n")})
	var texts []string
	for _, jobs := range []string{"1", "3"} {
		out := filepath.Join(folder, jobs)
		if status, _, stderr := called("run", filepath.Join(folder, "c.yaml"), "--out", out, "--jobs", jobs, "--quiet"); status != 0 {
			t.Fatalf("status %d: %s", status, stderr)
		}
		texts = append(texts, testfile.Read(t, filepath.Join(out, "jobs/runs.csv"))+testfile.Read(t, filepath.Join(out, "jobs/traces.csv")))
	}
	if texts[0] != texts[1] {
		t.Error("the number of workers changes bytes")
	}
}

// A process that goes wrong when it is at work makes a failed run, of which the others know nothing.
func TestExternalFails(t *testing.T) {
	t.Parallel()
	testfile.Python(t)
	const config = "name: fails" + twoPrompts + "objectives:\n  - ipo\n  - {kind: external, name: mine, command: [python3, mine.py]}\nsweep: {lambda: [0.5, 1]}\n" +
		"train: {epochs: 300}\nfigures: []\nlimits: LIMITS\n"
	for name, c := range map[string]struct{ limits, each, want string }{
		"an end": {"{time: 60s}", `if count > 200 and q["beta"] == 1: sys.exit("no more")`, "command: the process ended: exit status 1; stderr ends: no more; want "},
		"a hang": {"{time: 8s}", `if count > 200 and q["beta"] == 1: time.sleep(1000)`, "took longer than limits.time, 8s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := bring(t, map[string]string{"c.yaml": strings.Replace(config, "LIMITS", c.limits, 1), "mine.py": strings.Replace(squares, "EACH", c.each, 1)})
			status, _, stderr := called("run", filepath.Join(folder, "c.yaml"), "--out", folder, "--quiet")
			if status != exitVerdict {
				t.Fatalf("status %d: %s", status, stderr)
			}
			runs := table(t, filepath.Join(folder, "fails"), tables.Runs)
			for row := range runs.Len() {
				id, state, reason := runs.Text(row, "run"), runs.Text(row, "status"), runs.Text(row, "reason")
				if failed := id == "mine/lambda=1"; failed != (state == tables.Failed) || failed && !strings.HasPrefix(reason, c.want) {
					t.Errorf("%s: %s: %s", id, state, reason)
				}
			}
		})
	}
}

// What is wrong with a command is told with its place in the config, before anything is written; and what is changed in its files
// is run again.
func TestExternalLocated(t *testing.T) {
	t.Parallel()
	testfile.Python(t)
	write := func(entry, each string) (path, out string) {
		folder := bring(t, map[string]string{"c.yaml": "name: located" + twoPrompts + "objectives:\n  - ipo\n  - {kind: external, name: mine, " + entry + "}\ntrain: {epochs: 2}\nfigures: []\n",
			"mine.py": strings.Replace(squares, "EACH", each, 1)})
		return filepath.Join(folder, "c.yaml"), filepath.Join(folder, "out")
	}
	for _, c := range []struct{ entry, each, want string }{
		{"command: [python4, mine.py]", "", `:9:44: objectives.1.command.0: "python4" cannot be run: executable file not found in $PATH; want a program`},
		{"command: [python3, mine.py], constants: {gama: 1}", "", `objectives.1.constants.gama: the process has no parameter "gama"; want one of its parameters: gamma; did you mean "gamma"?`},
		{"command: [python3, mine.py]", "1/0", `objectives.1.command: the process ended: exit status 1; stderr ends: Traceback (most recent call last): | `},
		{"command: [python3, mine.py], files: [helper.py]", "", `objectives.1.files: cannot read `},
		{"command: python3 mine.py", "", `objectives.1.command: is `},
		{"lambda: 1", "", `objectives.1.command: is missing`},
	} {
		path, out := write(c.entry, c.each)
		status, _, stderr := called("run", path, "--out", out)
		if _, err := os.Stat(filepath.Join(out, "located")); status != exitInput || !strings.Contains(stderr, c.want) || err == nil {
			t.Errorf("%s: status %d, %v: got  %s\nwant %s", c.entry, status, err, stderr, c.want)
		}
	}
	path, out := write("command: [python3, mine.py], files: [windtunnel.py]", "")
	var runs []string
	for _, more := range []string{"", "", "# changed\n"} {
		script := filepath.Join(filepath.Dir(path), "mine.py")
		testfile.Write(t, script, testfile.Read(t, script)+more)
		status, stdout, stderr := called("run", path, "--out", out)
		if status != 0 {
			t.Fatal(stderr)
		}
		line, _, _ := strings.Cut(stdout, "\n")
		runs = append(runs, line)
	}
	if cached := []bool{strings.Contains(runs[0], "before"), strings.Contains(runs[1], "2 of them done before"), strings.Contains(runs[2], "1 of them done before")}; !slices.Equal(cached, []bool{false, true, true}) {
		t.Errorf("%q", runs)
	}
	again := filepath.Join(out, "again")
	if status, _, stderr := called("run", filepath.Join(out, "located/config.yaml"), "--out", again, "--cache", filepath.Join(out, "other")); status != 0 {
		t.Fatal(stderr)
	}
	if testfile.Read(t, filepath.Join(out, "located/runs.csv")) != testfile.Read(t, filepath.Join(again, "located/runs.csv")) {
		t.Error("the resolved config gives other numbers")
	}
}

// No other kind starts a process.
func TestNothingElseRuns(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, entry := range []string{"{kind: dpo, command: [touch, ran]}", "{kind: custom, pair: 'softplus(-u)', command: [touch, ran]}", "{kind: custom, pair: 'system(1)'}"} {
		path := filepath.Join(folder, "c.yaml")
		testfile.Write(t, path, "name: x"+twoPrompts+"objectives: ["+entry+"]\n")
		if status, _, stderr := called("run", path, "--out", folder); status != exitInput {
			t.Errorf("%s: status %d: %s", entry, status, stderr)
		}
	}
	if _, err := os.Stat(filepath.Join(folder, "ran")); err == nil {
		t.Error("a process ran")
	}
}

// An interrupted call ends a process that does not answer.
func TestExternalInterrupted(t *testing.T) {
	t.Parallel()
	testfile.Python(t)
	folder := bring(t, map[string]string{"c.yaml": "name: x" + twoPrompts + "objectives: [{kind: external, command: [python3, mine.py]}]\n",
		"mine.py": strings.Replace(squares, "EACH", "open('asked', 'w').close(); time.sleep(1000)", 1)})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		for ctx.Err() == nil {
			if _, err := os.Stat(filepath.Join(folder, "asked")); err == nil {
				cancel()
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	var out bytes.Buffer
	if status := Main(ctx, []string{"run", filepath.Join(folder, "c.yaml"), "--out", folder, "--quiet"}, &out, &out); status != exitVerdict || !strings.Contains(out.String(), "interrupted") {
		t.Errorf("status %d: %s", status, out.String())
	}
}

// Pairs that a user computed are compared with a config's losses.
func TestLossCheckOwn(t *testing.T) {
	testfile.Python(t)
	folder := bring(t, map[string]string{"mine.py": strings.Replace(squares, "EACH", "", 1),
		"c.yaml": "objectives:\n  - {kind: external, name: mine, command: [python3, mine.py]}\n  - {kind: custom, name: log, pair: 'softplus(-lambda * u)'}\n"})
	right := `{"loss": "mine", "in": [-1, -3, 0, 0], "out": [1, 2, -2]}` + "\n" + `{"loss": "log", "beta": 0.1, "in": [-12.5, -14.0, -13.0, -13.5], "out": [0.6443966600735709, -0.047502081252106004, 0.047502081252106004]}` + "\n"
	out, err := feed(t, right, "--check", filepath.Join(folder, "c.yaml"))
	if err != nil || strings.Count(out, "    1    0") != 2 {
		t.Errorf("%v: %s", err, out)
	}
	if out, err = feed(t, strings.Replace(right, "[1, 2", "[1, 3", 1), "--check", filepath.Join(folder, "c.yaml")); err != errVerdict {
		t.Errorf("%v: %s", err, out)
	}
	for line, want := range map[string]string{
		`{"loss": "min", "in": [1,2,3,4]}`:              `line 1: loss: there is no "min"; want one of mine, log; did you mean "mine"?`,
		`{"loss": "mine", "in": [1,2,3,4], "beta": -1}`: `line 1: beta: is -1`,
	} {
		if _, err := feed(t, line, "--check", filepath.Join(folder, "c.yaml")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", line, err)
		}
	}
}
