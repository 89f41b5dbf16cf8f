package bridge_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"windtunnel/experiments/bridge"
	"windtunnel/experiments/internal/testfile"
	"windtunnel/toy/objective"
)

// external is a loss whose process runs a script.
func external(t testing.TB, script string) *objective.External {
	t.Helper()
	testfile.Python(t)
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "loss.py"), []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(bridge.Close)
	return &objective.External{Command: []string{"python3", "loss.py"}, Lambda: 0.5, Folder: folder}
}

// squares answers for the mean of (chosen - rejected)^2 in pure Python. What misbehaves is put before it, or in place of a part.
const squares = `import json, sys, os, time
def say(x): print(json.dumps(x), flush=True)
HELLO
columns = ["policy_chosen_logps", "policy_rejected_logps", "weight"]
say({"columns": columns})
for line in sys.stdin:
    q = json.loads(line)
    u = [c - r for c, r in zip(q["policy_chosen_logps"], q["policy_rejected_logps"])]
    value = sum(w * x * x for w, x in zip(q["weight"], u))
    by = [2 * w * x for w, x in zip(q["weight"], u)]
    gradient = {"policy_chosen_logps": by, "policy_rejected_logps": [-x for x in by]}
    ANSWER
    say({"value": value} if q["ask"] == "value" else {"gradient": gradient})
`

func script(hello, answer string) string {
	return strings.NewReplacer("HELLO", hello, "ANSWER", answer).Replace(squares)
}

// A process that does what it should is no mistake.
func TestTry(t *testing.T) {
	e := external(t, script("", ""))
	if err := bridge.Try(context.Background(), e); err != nil {
		t.Fatal(err)
	}
}

const answers = `; want {"value": NUMBER}`

// What a process may do wrong is told in words, with the end of its stderr.
func TestMisbehaving(t *testing.T) {
	const first = `; want as the first line of stdout {"columns": [...]}, the names of what it reads; windtunnel.serve writes it`
	const gradient = `; want {"gradient": {"policy_chosen_logps": [...], ...}}, a list for each column of the policy that it reads`
	const ordinary = "; want finite numbers wherever log-probabilities are ordinary"
	const numbers = "; want 4 numbers, one a comparison"
	const every = "policy_chosen_logps, policy_rejected_logps, ref_chosen_logps, ref_rejected_logps, weight, chosen_tokens, rejected_tokens, " +
		"reward_chosen, reward_rejected, policy_logps, ref_logps"
	for name, c := range map[string]struct{ script, want string }{
		"a syntax error": {"def (:", `command: the process ended: exit status 1; stderr ends: File "` + "PATH" + `", line 1 | def (: | ^ | SyntaxError: invalid syntax` + first},
		"a missing module": {"import torch_of_nowhere", `command: the process ended: exit status 1; stderr ends: Traceback (most recent call last): | ` +
			`File "PATH", line 1, in <module> | import torch_of_nowhere | ModuleNotFoundError: No module named 'torch_of_nowhere'` + first},
		"an end at once":     {"", "command: the process ended: exit status 0" + first},
		"text before":        {script(`print("Loading model...")`, ""), `command: the process wrote to stdout "Loading model..."` + first},
		"an unknown column":  {script(`say({"columns": ["policy_choosen_logps"]})`, ""), `command: the process asks for a column "policy_choosen_logps"; want some of ` + every + `; did you mean "policy_chosen_logps"?`},
		"nothing to learn":   {script(`say({"columns": ["weight"]})`, ""), "command: the process asks for no column of the policy; want one of policy_chosen_logps, policy_rejected_logps, policy_logps, for a loss that there is something to learn from"},
		"text between":       {script("", `print("step")`), `command: the process wrote to stdout "step"` + answers + "; text goes to stderr"},
		"no JSON to its end": {script("", `sys.stdout.write('{"val'); sys.exit(3)`), `command: the process ended: exit status 3 in the middle of "{\"val"` + answers},
		"an exception": {script("", `raise ValueError("beta is odd")`), `command: the process ended: exit status 1; stderr ends: Traceback (most recent call last): | ` +
			`File "PATH", line 12, in <module> | raise ValueError("beta is odd") | ValueError: beta is odd` + answers},
		"a signal":           {script("", `os.kill(os.getpid(), 9)`), "command: the process ended: signal: killed" + answers},
		"NaN":                {script("", `value = float("nan")`), `command: the process gives a value that is not finite, "{\"value\": NaN}", for "{\"ask\":\"value\",\"beta\":0.5,\"constants\":{},\"policy_chosen_logps\":[-2.1110339326785..."` + ordinary},
		"a NaN derivative":   {script("", `gradient["policy_chosen_logps"] = [float("nan")] * 4`), `command: the process gives a gradient that is not finite, "{\"gradient\": {\"policy_chosen_logps\": [NaN, NaN, NaN, NaN], \"policy_rejected_logp...", for "{\"ask\":\"gradient\",\"beta\":0.5,\"constants\":{},\"policy_chosen_logps\":[-2.1110339326..."` + ordinary},
		"a wrong length":     {script("", `by.pop()`), "command: the process gives 3 numbers as gradient by policy_chosen_logps" + numbers},
		"a list of lists":    {script("", `gradient["policy_chosen_logps"] = [[1.5]]`), `command: the process gives as gradient by policy_chosen_logps "[[1.5]]"` + numbers},
		"half a gradient":    {script("", `del gradient["policy_rejected_logps"]`), "command: the process gives no gradient by policy_rejected_logps" + gradient},
		"one too many":       {script("", `gradient["weight"] = by`), `command: the process gives a gradient by "weight"` + gradient},
		"a list for a value": {script("", `value = [0.5]`), `command: the process wrote to stdout "{\"value\": [0.5]}"` + answers + "; text goes to stderr"},
		"chance":             {script("calls = []", `calls.append(0); value = len(calls)`), "command: the process gives 1 and then 2 for the same columns; a loss depends on what it is asked alone; want the same values for the same columns, to the precision of float64"},
		"float32":            {script("import struct", `value = struct.unpack("f", struct.pack("f", value))[0]`), "command: the process gives values that are rounded more coarsely than float64, as float32 is; compute in float64 throughout; want the same values for the same columns, to the precision of float64"},
	} {
		t.Run(name, func(t *testing.T) {
			e := external(t, c.script)
			err := bridge.Try(context.Background(), e)
			want := strings.ReplaceAll(c.want, "PATH", filepath.Join(e.Folder, "loss.py"))
			if err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

// A program that is not there, and constants that do not fit.
func TestUnfit(t *testing.T) {
	e := external(t, script(`say({"columns": ["policy_chosen_logps"], "required": ["gamma"], "optional": ["epsilon"]})`, ""))
	try := func(change func(*objective.External)) string {
		one := *e
		change(&one)
		err := bridge.Try(context.Background(), &one)
		if err == nil {
			return ""
		}
		return err.Error()
	}
	for _, c := range []struct {
		change func(*objective.External)
		want   string
	}{
		{func(e *objective.External) { e.Command = []string{"no-such-program"} }, `command.0: "no-such-program" cannot be run: executable file not found in $PATH; want a program, its path relative to the config`},
		{func(e *objective.External) { e.Command = []string{"./loss"} }, `command.0: "./loss" cannot be run: fork/exec ./loss: no such file or directory; want a program, its path relative to the config`},
		{func(*objective.External) {}, `constants: the process needs a parameter "gamma", which is neither a column nor given; want a number for it; the columns are policy_chosen_logps, `},
		{func(e *objective.External) { e.Constants = map[string]float64{"gamma": 1, "epsilom": 1} }, `constants.epsilom: the process has no parameter "epsilom"; want one of its parameters: gamma, epsilon; did you mean "epsilon"?`},
	} {
		if got := try(c.change); !strings.HasPrefix(got, c.want) {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

// A process that never answers is ended with its context, and with it what it has started.
func TestHangs(t *testing.T) {
	for name, text := range map[string]string{
		"from the start": "import time\ntime.sleep(1000)",
		"when asked":     script("import subprocess\nsubprocess.Popen(['sleep', '1000'])", "time.sleep(1000)"),
		"when it reads":  script("", "value = json.loads(sys.stdin.readline())"),
	} {
		t.Run(name, func(t *testing.T) {
			e := external(t, text)
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			began := time.Now()
			err := bridge.Try(ctx, e)
			if err == nil || err.Error() != "command: the process gave no answer and was ended when time was up; want an answer in time" || time.Since(began) > 20*time.Second {
				t.Errorf("after %s: %v", time.Since(began), err)
			}
		})
	}
}

// Processes are kept from one call to the next, and are as many as are at work at the same time.
func TestKept(t *testing.T) {
	e := external(t, script(`open("started", "a").write("x")`, ""))
	loss := func(connected objective.Params) float64 {
		b := &objective.Batch{Chosen: []float64{-1, -2}, Rejected: []float64{-3, -1}, RefChosen: []float64{-1, -1}, RefRejected: []float64{-1, -1}, Weight: []float64{0.25, 0.75}}
		return connected.Objective().Loss(b)
	}
	for range 3 {
		err := bridge.With(context.Background(), e, func(one objective.Params) {
			_ = bridge.With(context.Background(), e, func(other objective.Params) {
				if a, b := loss(one), loss(other); a != 1.75 || b != 1.75 {
					t.Errorf("%v and %v, want 1.75", a, b)
				}
			})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if text, _ := os.ReadFile(filepath.Join(e.Folder, "started")); len(text) != 2 {
		t.Errorf("%d processes were started", len(text))
	}
}

// BenchmarkAsk measures what a question of 20 comparisons costs, with a process that does little more than read and write.
func BenchmarkAsk(b *testing.B) {
	e := external(b, script("", ""))
	column := make([]float64, 20)
	for i := range column {
		column[i] = -1 / (1 + float64(i))
	}
	batch := &objective.Batch{Chosen: column, Rejected: column, RefChosen: column, RefRejected: column, Weight: column}
	_ = bridge.With(context.Background(), e, func(loss objective.Params) {
		o := loss.Objective()
		for b.Loop() {
			o.Loss(batch)
		}
	})
}
