package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"windtunnel/metrics/tables"
)

// runMain runs the command line and wants an exit status.
func runMain(t testing.TB, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	if got := Main(context.Background(), args, &out, &err); got != want {
		t.Fatalf("%v: exit status %d, want %d\n%s%s", args, got, want, out.String(), err.String())
	}
	return out.String(), err.String()
}

// openFolder returns the tables of a results folder.
func openFolder(t testing.TB, dir string) func(name string) *tables.Table {
	t.Helper()
	folder, err := tables.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	return func(name string) *tables.Table {
		t.Helper()
		table, err := folder.Table(name)
		if err != nil {
			t.Fatal(err)
		}
		return table
	}
}

// published is a run of the paper's public code, recomputed in PyTorch in double precision.
type published struct {
	Objective   string
	Lambda      float64
	Steps       int
	TraceSteps  []int       `json:"trace_steps"`
	TracePolicy [][]float64 `json:"trace_policy"`
	TraceLoss   []float64   `json:"trace_loss"`
	Final       any         `json:"final_policy"` // of one prompt, or a list of those
	KLGood      *float64    `json:"kl_star_policy_good"`
	KLBad       *float64    `json:"kl_star_policy_bad"`
}

// finals returns the final policy of every prompt.
func (r *published) finals() [][]float64 {
	var flat []float64
	var nested [][]float64
	for _, v := range r.Final.([]any) {
		switch v := v.(type) {
		case float64:
			flat = append(flat, v)
		case []any:
			var row []float64
			for _, p := range v {
				row = append(row, p.(float64))
			}
			nested = append(nested, row)
		}
	}
	if flat != nil {
		return [][]float64{flat}
	}
	return nested
}

func readPublished(t testing.TB, name string) []published {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "published", name))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Runs []published }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	return file.Runs
}

// cells reads one column of a table by the cells of others, joined by spaces.
func cells(table *tables.Table, column string, by ...string) map[string]float64 {
	found := map[string]float64{}
	for row := range table.Len() {
		var key []string
		for _, name := range by {
			key = append(key, table.Text(row, name))
		}
		found[strings.Join(key, " ")] = table.Float(row, column)
	}
	return found
}

// reading is what a results folder says about the published numbers.
type reading struct {
	runs                       *tables.Table
	prompts                    []string
	final, loss, along, klStar map[string]float64
}

func read(t testing.TB, dir string, prompts ...string) *reading {
	t.Helper()
	table := openFolder(t, dir)
	return &reading{runs: table(tables.Runs), prompts: prompts,
		final:  cells(table(tables.Policies), "pi", "run", "prompt", "response"),
		loss:   cells(table(tables.Traces), "loss", "run", "step"),
		along:  cells(table(tables.Trajectories), "pi", "run", "prompt", "response", "step"),
		klStar: cells(table(tables.Prompts), "kl_star_pi", "run", "prompt")}
}

// The command line, given the shipped configs and nothing else, gives the published numbers: from YAML to CSV.
func TestPublished(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		runs    int // with published numbers
		prompts []string
	}{{"interpolation", 6, []string{"x"}}, {"preservation", 20, []string{"good", "bad"}}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out := t.TempDir()
			runMain(t, exitWell, "--quiet", "--out", out, "../configs/"+tt.name+".yaml")
			got, reference := read(t, filepath.Join(out, tt.name), tt.prompts...), readPublished(t, tt.name+".json")
			if len(reference) != tt.runs {
				t.Fatalf("%d published runs, want %d", len(reference), tt.runs)
			}
			for i := range reference {
				got.compare(t, &reference[i])
			}
		})
	}
}

// far says by how much a cell is off, NaN if there is none.
func far(found map[string]float64, key string, want float64) float64 {
	v, ok := found[key]
	if !ok {
		return math.NaN()
	}
	return math.Abs(v - want)
}

func (g *reading) compare(t *testing.T, r *published) {
	rows := tables.Where{"objective": {r.Objective}, "lambda": {tables.FormatFloat(r.Lambda)}}.Select(g.runs)
	if len(rows) != 1 {
		t.Fatalf("%s at lambda %v: %d runs", r.Objective, r.Lambda, len(rows))
	}
	id := g.runs.Text(rows[0], "run")
	if got := g.runs.Text(rows[0], "steps"); got != fmt.Sprint(r.Steps) {
		t.Errorf("%s: %s steps, want %d", id, got, r.Steps)
	}
	for p, final := range r.finals() {
		for k, want := range final {
			if off := far(g.final, fmt.Sprint(id, " ", g.prompts[p], " ", k), want); !(off <= 1e-10) {
				t.Errorf("%s: pi(%d) of %s is off by %.2g, at most 1e-10", id, k, g.prompts[p], off)
			}
		}
	}
	for prompt, want := range map[string]*float64{"good": r.KLGood, "bad": r.KLBad} {
		if want == nil {
			continue
		}
		if off := far(g.klStar, id+" "+prompt, *want); !(off <= 1e-9) {
			t.Errorf("%s: KL(pi_star to pi) of %s is off by %.2g, at most 1e-9", id, prompt, off)
		}
	}
	for i, step := range r.TraceSteps {
		if off := far(g.loss, fmt.Sprint(id, " ", step), r.TraceLoss[i]); !(off <= 1e-9*math.Abs(r.TraceLoss[i])) {
			t.Errorf("%s: the loss at step %d is off by %.2g of %v, at most 1e-9 of it", id, step, off, r.TraceLoss[i])
		}
		for k, want := range r.TracePolicy[i] {
			if off := far(g.along, fmt.Sprint(id, " x ", k, " ", step), want); !(off <= 1e-9) {
				t.Errorf("%s: pi(%d) at step %d is off by %.2g, at most 1e-9", id, k, step, off)
			}
		}
	}
}

// The paper's claims have the verdicts that the paper gives them.
func TestPublishedVerdicts(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	runMain(t, exitWell, "--quiet", "--out", out, "../configs/interpolation.yaml", "../configs/preservation.yaml")
	for name, want := range map[string]string{
		"interpolation": "qpo-collapses=true qpo-misses-star=true typo-reaches-star=true qpo-reaches-star=false all-stay-at-reference=true",
		"preservation":  "typo-preserves-good=true qpo-preserves-good=false qpo-dominated=true",
	} {
		claims := openFolder(t, filepath.Join(out, name))(tables.Claims)
		var got []string
		for row := range claims.Len() {
			got = append(got, claims.Text(row, "claim")+"="+claims.Text(row, "holds"))
		}
		if verdicts := strings.Join(got, " "); verdicts != want {
			t.Errorf("%s: the verdicts are %s, want %s", name, verdicts, want)
		}
	}
}
