package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// feed runs the command with lines on standard input and returns the error's effect and what was printed.
func feed(t *testing.T, in string, args ...string) (out string, err error) {
	t.Helper()
	var stdout bytes.Buffer
	root := newRoot(&stdout, &stdout)
	root.SetArgs(append([]string{"loss"}, args...))
	root.SetIn(strings.NewReader(in))
	err = root.Execute()
	return stdout.String(), err
}

func publishedLosses(t *testing.T) string {
	t.Helper()
	file, err := os.Open("../toy/objective/testdata/losses.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	text, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := io.ReadAll(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(lines)
}

// TestLossCheck checks all published values, what was filled in, and what was tampered with.
func TestLossCheck(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped by -short: takes long under the race detector, of which a single goroutine has no need")
	}
	lines := publishedLosses(t)
	out, err := feed(t, lines, "--check")
	if err != nil || strings.Count(out, "\n") != 25 || !strings.Contains(out, "dpo/exo_pair   1050    0") {
		t.Errorf("%v\n%s", err, out)
	}
	var few strings.Builder // the first line, which is tampered with below, and every tenth after it
	for i, line := range strings.SplitAfter(lines, "\n") {
		if i%10 == 0 {
			few.WriteString(line)
		}
	}
	filled, err := feed(t, few.String())
	if err != nil || strings.Count(filled, "\n") != 1050 {
		t.Fatalf("%v, %d lines", err, strings.Count(filled, "\n"))
	}
	if out, err = feed(t, filled, "--check"); err != nil {
		t.Errorf("what was filled in does not check: %v\n%s", err, out)
	}
	wrong := strings.Replace(few.String(), "0.45335860296615854", "0.45335860306615854", 1)
	if out, err = feed(t, wrong, "--check"); err != errVerdict || !strings.Contains(out, "dpo/sigmoid     65    1") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestLossMistakes(t *testing.T) {
	for _, tt := range []struct {
		in   string
		args []string
		want string
	}{
		{"", []string{"lines.jsonl"}, "experiments loss < lines.jsonl"},
		{"", []string{"dpo", "--plot", "--check"}, "one of the two"},
		{"", []string{"dpo/sigmoid", "--plot"}, "TRL's dpo/sigmoid is dpo here"},
		{"", []string{"cpo/simpo", "--plot"}, "TRL's cpo/simpo is alphapo or simpo here"},
		{"", []string{"dpo", "--plot", "--set", "beta="}, "there is no value"},
		{"", []string{"dpo", "--plot", "--set", "=1"}, "there is no key"},
		{"", []string{"dpo", "--plot", "--set", "beta=0"}, "beta: is 0; want a number in [1e-100,1e100]"},
		{"", []string{"robust", "--plot", "--set", "label_smoothing=0.5"}, "want a number in [0,0.5)"},
		{"", []string{"chi-po", "--plot", "--set", "r_max=0"}, "want a number in (0,1e6]"},
		{"", []string{"wpo", "--plot", "--set", "alignment=greed"}, "greedy"},
		{"", []string{"--plot"}, "need a kind of loss"},
		{"", []string{"dpo"}, "give --plot or --check too"},
		{"", []string{"rlhf", "--plot"}, "it reads no comparisons"},
		{"", []string{"exoo", "--plot"}, `did you mean "exo"?`},
		{"", []string{"exo", "--plot", "--set", "label_smoothing=0"}, "label_smoothing: is 0; want a number in (0,0.5]"},
		{"", []string{"exo", "--plot", "--set", "beta"}, "there is no value"},
		{"", []string{"exo", "--plot", "--span", "0"}, "--span is 0"},
		{"{", nil, "standard input: line 1: is no JSON object: unexpected EOF"},
		{"{", []string{"--check"}, "standard input: line 1: is no JSON object: unexpected EOF"},
	} {
		out, err := feed(t, tt.in, tt.args...)
		if out != "" {
			t.Errorf("%v: %q is printed", tt.args, out)
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v, want %q", tt.args, err, tt.want)
			continue
		}
		var input inputError
		var wrong mistakes
		if !errors.As(err, &input) && !errors.As(err, &wrong) {
			t.Errorf("%v: %T does not end with status 2", tt.args, err)
		}
	}
}

func TestLossPlot(t *testing.T) {
	dir := t.TempDir()
	out, err := feed(t, "", "simpo", "--set", "beta=2", "--plot", "--out", dir)
	if err != nil || strings.Count(out, "\n") != 4 {
		t.Fatalf("%v\n%s", err, out)
	}
	svg, err := os.ReadFile(filepath.Join(dir, "loss-simpo.svg"))
	if err != nil || !bytes.Contains(svg, []byte("With beta=2.")) || !bytes.Contains(svg, []byte("derivative by rejected")) {
		t.Errorf("the SVG lacks its titles: %v", err)
	}
	file, err := os.Open(filepath.Join(dir, "loss-simpo.png"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := png.Decode(file); err != nil {
		t.Error(err)
	}
}
