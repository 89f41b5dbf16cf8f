//go:build soak

package vectors

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"windtunnel/experiments/internal/testfile"
)

func init() { pairStep = 1 }

// someVectors writes the vectors of losses to a file.
func someVectors(t *testing.T, names ...string) (path string, all []Vector) {
	t.Helper()
	all, err := Of(names...)
	if err != nil {
		t.Fatal(err)
	}
	text, err := Text(all)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "vectors.jsonl")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return path, all
}

// Right implementations in PyTorch of eleven losses are right, and each mistake planted in them is named.
func TestTorch(t *testing.T) {
	t.Parallel()
	python := testfile.Torch(t)
	names := []string{"dpo", "ipo", "hinge", "robust", "simpo", "cpo", "orpo", "kto", "sppo", "nca", "wpo"}
	path, all := someVectors(t, names...)
	folder := t.TempDir()
	if out, err := exec.Command(python, "../bridge/testdata/planted.py", path, folder).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	right, planted := 0, map[string]bool{}
	files, _ := filepath.Glob(filepath.Join(folder, "*.jsonl"))
	for _, file := range files {
		loss, mistake, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".jsonl"), ".")
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		verdicts, err := diagnose(bytes.NewReader(text), filepath.Base(file), 1e-6, all)
		if err != nil {
			t.Errorf("%s, %s: %v", loss, mistake, err)
		}
		for _, v := range verdicts {
			switch {
			case mistake == "right":
				if right++; !v.Right || v.Off > 1e-9 {
					t.Errorf("%s: %s", v.Group, &v)
				}
			case possibleIn(of(all, v.Group))[mistake]:
				if planted[mistake] = true; !slices.Equal(v.Matches, twinsOf(v.Group, mistake)) {
					t.Errorf("%s, %s: %s", v.Group, mistake, &v)
				}
			case !v.Right:
				t.Errorf("%s, %s, which changes nothing: %s", v.Group, mistake, &v)
			}
		}
	}
	if right != len(names)+2 || len(planted) != len(mistakes) { // cpo and orpo have two groups
		t.Errorf("%d groups are right, %d of %d mistakes were planted", right, len(planted), len(mistakes))
	}
}

// of returns empty answers to the vectors of a group.
func of(all []Vector, group string) []answer {
	var answers []answer
	for i := range all {
		if all[i].group() == group {
			answers = append(answers, answer{vector: &all[i]})
		}
	}
	return answers
}

// The drivers as users run them: a function, a trainer with a model, a check in a test.
func TestDriver(t *testing.T) {
	t.Parallel()
	python := testfile.Torch(t)
	path, _ := someVectors(t, "dpo", "rpo")
	run := func(args ...string) (stdout, stderr string, err error) {
		cmd := exec.Command(python, args...)
		cmd.Env = append(os.Environ(), "PYTHONPATH=../bridge", "PYTHONDONTWRITEBYTECODE=1")
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		err = cmd.Run()
		return out.String(), errs.String(), err
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"../bridge/example_loss.py:broken", "--loss", "dpo"}, "matches: mean over tokens where the sum is meant (mean-for-sum)"},
		{[]string{"../bridge/testdata/planted.py:make_mean_for_sum", "--loss", "dpo", "--trainer"}, "matches: mean over tokens where the sum is meant (mean-for-sum)"},
	} {
		answers, errs, err := run(append([]string{"-m", "windtunnel_vectors", path}, tt.args...)...)
		if err != nil {
			t.Fatalf("%v: %v: %s", tt.args, err, errs)
		}
		verdicts, err := Diagnose(strings.NewReader(answers), "answers", 1e-6)
		if err != nil || len(verdicts) != 1 || !strings.HasPrefix(verdicts[0].String(), tt.want) {
			t.Errorf("%v: %v, %v; want %s", tt.args, verdicts, err, tt.want)
		}
	}
	answers, errs, err := run("-m", "windtunnel_vectors", path, "../bridge/testdata/planted.py:naive", "--loss", "dpo")
	if err == nil || !strings.Contains(errs, "dpo-07-empty-chosen is left out: the answer is NaN or infinite\n") || strings.Count(answers, "\n") != 23 {
		t.Errorf("%v: %s\n%s", err, errs, answers)
	}
	out, errs, err := run("../bridge/testdata/checks.py", path)
	want := `right
right, trainer
AssertionError: dpo: matches: mean-for-sum
AssertionError: dpo: NaN or infinite for EVERY; the others: no other
AssertionError: dpo: NaN or infinite for dpo-07-empty-chosen, dpo-13-empty-rejected; the others: matches: mean-for-sum
TypeError: dpo-01-policy-is-reference: the loss is a float; want a tensor
ValueError: vectors have none of ipo; there are dpo, rpo
`
	var ids []string
	for _, v := range everything(t)[:25] {
		ids = append(ids, v.ID)
	}
	want = strings.ReplaceAll(want, "EVERY", strings.Join(ids, ", "))
	if err != nil || out != strings.ReplaceAll(want, "vectors have none of ipo; there are", path+" has no vectors of ipo; it has") {
		t.Errorf("%v: %s\n%s", err, errs, out)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{path, "nofile.py:f"}, "nofile.py: is no Python file"}, {[]string{path, "f"}, "f: want FILE.py:FUNCTION"},
		{[]string{path, "../bridge/example_loss.py:nothing"}, "has no function nothing"}, {[]string{"nofile", "../bridge/example_loss.py:dpo"}, "No such file"},
	} {
		if out, errs, err := run(append([]string{"-m", "windtunnel_vectors"}, tt.args...)...); err == nil || out != "" || !strings.Contains(errs, tt.want) {
			t.Errorf("%v: %v: %s, want %s", tt.args, err, errs, tt.want)
		}
	}
	if _, _, err := run("-c", "import pytest"); err != nil {
		t.Log("pytest is not there")
		return
	}
	if out, errs, err := run("-m", "pytest", "-q", "-p", "no:cacheprovider", "../bridge/example_test.py"); err != nil {
		t.Errorf("pytest: %v: %s%s", err, out, errs)
	}
}
