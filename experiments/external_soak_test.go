//go:build soak

package main

import (
	"math"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"windtunnel/experiments/internal/testfile"
	"windtunnel/metrics/tables"
)

// twins are losses in PyTorch, one in lists with its own gradient, and what they are here.
const twins = `objectives:
  - {kind: dpo}
  - {kind: external, name: x-dpo, command: [PYTHON, twins.py, dpo]}
  - {kind: ipo}
  - {kind: external, name: x-ipo, command: [PYTHON, twins.py, ipo]}
  - {kind: typo}
  - {kind: external, name: x-typo, command: [PYTHON, twins.py, typo]}
  - {kind: simpo}
  - {kind: external, name: x-simpo, command: [PYTHON, twins.py, simpo], constants: {gamma: 0.5}}
`

const moreTwins = `  - {kind: odpo, alpha: 1, scaling: identity}
  - {kind: external, name: x-odpo, command: [PYTHON, twins.py, odpo]}
  - {kind: hinge}
  - {kind: external, name: x-hinge, command: [PYTHON, twins.py, hinge]}
`

// Losses in PyTorch train as those that they are, to the last digits.
func TestExternalTwins(t *testing.T) {
	t.Parallel()
	config := trained("twins", strings.ReplaceAll(twins+moreTwins, "PYTHON", testfile.Torch(t)))
	folder := bring(t, map[string]string{"c.yaml": config, "twins.py": testfile.Read(t, "bridge/testdata/twins.py")})
	if status, _, stderr := called("run", filepath.Join(folder, "c.yaml"), "--out", folder, "--quiet", "--jobs", "1"); status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	compared := 0
	for _, name := range []string{tables.Runs, tables.Traces} {
		all := table(t, filepath.Join(folder, "twins"), name)
		rows := map[string][]int{}
		for row := range all.Len() {
			run := all.Text(row, "run")
			rows[run] = append(rows[run], row)
		}
		for run, twin := range rows {
			own, external := strings.CutPrefix(run, "x-")
			if !external {
				continue
			}
			for i, row := range twin {
				for _, column := range all.Header {
					got, want := all.Float(row, column), all.Float(rows[own][i], column)
					if math.Abs(got-want) > 1e-12*(1+math.Abs(want)) {
						t.Errorf("%s, %s, row %d: %s is %v, want %v", name, run, i, column, got, want)
					}
					if !math.IsNaN(want) {
						compared++
					}
				}
			}
		}
	}
	if compared < 2000 {
		t.Errorf("%d numbers were compared", compared)
	}
}

// Losses in PyTorch have the rows of what they are in the scorecard, but for whether there is a minimizer, which values do not
// decide. All tests take minutes, of which these are the quicker.
func TestExternalCard(t *testing.T) {
	t.Parallel()
	config := "name: card\n" + strings.ReplaceAll(twins, "PYTHON", testfile.Torch(t)) +
		"scorecard: {environments: 0, tests: [weak-interpolation, existence/never-loses, existence/one-pair, displacement, displacement/mass, gradient]}\n"
	folder := bring(t, map[string]string{"c.yaml": config, "twins.py": testfile.Read(t, "bridge/testdata/twins.py")})
	if status, _, stderr := called("scorecard", filepath.Join(folder, "c.yaml"), "--out", folder, "--quiet"); status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	card := table(t, filepath.Join(folder, "card"), "scorecard")
	rows := map[string]int{}
	for row := range card.Len() {
		rows[card.Text(row, "loss")+" "+card.Text(row, "test")] = row
	}
	compared := 0
	for key, row := range rows {
		own, external := strings.CutPrefix(key, "x-")
		if !external {
			continue
		}
		verdict, status := card.Text(row, "verdict"), card.Text(row, "status")
		if strings.Contains(key, " existence/") {
			if verdict != "none" || !strings.Contains(card.Text(row, "detail"), "not decided") || status != "local" && status != "stationary" {
				t.Errorf("%s: %s, %s: %s", key, verdict, status, card.Text(row, "detail"))
			}
			continue
		}
		got, want := card.Float(row, "value"), card.Float(rows[own], "value")
		if verdict != card.Text(rows[own], "verdict") || math.Abs(got-want) > 1e-6*(1+math.Abs(want)) {
			t.Errorf("%s: %s, %v; want %s, %v", key, verdict, got, card.Text(rows[own], "verdict"), want)
		}
		compared++
	}
	if compared != 4*6 {
		t.Errorf("%d cells were compared", compared)
	}
}

// The transcript of the page is what its files and commands give.
func TestExternalPage(t *testing.T) {
	t.Parallel()
	python, page := testfile.Torch(t), testfile.Read(t, "bridge/README.md")
	files := map[string]string{}
	for _, block := range regexp.MustCompile("(?s)```(?:python|yaml)\n# (\\S+)\n(.*?)```").FindAllStringSubmatch(page, -1) {
		files[block[1]] = strings.ReplaceAll(block[2], "[python3,", "["+python+",")
	}
	folder := bring(t, files)
	steps := regexp.MustCompile("(?s)```console\n\\$ (.*?)\n(.*?)```").FindAllStringSubmatch(page, -1)
	for _, step := range steps {
		cmd := exec.Command("sh", "-c", step[1])
		cmd.Dir = folder
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != step[2] {
			t.Errorf("%s\nprints\n%s(%v) want\n%s", step[1], out, err, step[2])
		}
	}
	if len(steps) != 1 || len(files) != 2 {
		t.Errorf("%d commands, %d files", len(steps), len(files))
	}
}
