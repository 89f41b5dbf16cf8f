package exact

import (
	"bytes"
	"context"
	"encoding/csv"
	"flag"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"windtunnel/toy/bandit"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
)

var update = flag.Bool("update", false, "write testdata/solutions.csv anew")

// TestGolden holds what is found of every loss on many small problems, with reason and number of steps, which result tables print: over all
// policies and in two classes, with a penalty and without, on data in which responses, counts and margins tie and on samples in which none
// do. After a change of the solver, -update and the diff show what it changed.
func TestGolden(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 2))
	even, six := env([][]float64{{1, 1, 1}}, [][]float64{{1, 1, 1}}), random(rng, 6, 1)
	two := env([][]float64{star3, {0.2, 0.5, 0.3}}, [][]float64{ref3, {0.5, 0.25, 0.25}})
	pair := env([][]float64{{3, 1}}, [][]float64{{1, 1}})
	sample := &preference.Pairs{}
	for range 40 {
		c, r := rng.IntN(6), rng.IntN(6)
		if c != r {
			sample.Prompt, sample.Chosen, sample.Rejected = append(sample.Prompt, 0), append(sample.Chosen, c), append(sample.Rejected, r)
		}
	}
	plane := &policy.LowRankParams{Basis: [][]float64{{0, 1, -1}, {1, 0, -1}}}
	free := &policy.TabularParams{}
	rows := [][]string{{"loss", "lambda", "data", "class", "l2", "status", "steps", "value", "gradient", "policy", "reason"}}
	for _, c := range []struct {
		name    string
		env     *bandit.Env
		data    *preference.Pairs
		class   policy.Params
		l2      float64
		lambdas []float64
	}{
		{"flipped", even, comparisons["flipped"], free, 0, []float64{0.05, 1}},
		{"cycle", even, comparisons["cycle"], free, 0, []float64{1}},
		{"a chain", even, comparisons["a chain"], free, 0, []float64{1}},
		{"only a loss", env([][]float64{star3}, [][]float64{ref3}), comparisons["only a loss"], free, 0, []float64{1, 20}},
		{"never compared", even, comparisons["never compared"], free, 0, []float64{1}},
		{"one pair", pair, weighted([3]int{0, 1, 3}, [3]int{1, 0, 1}), free, 0, []float64{1}},
		{"six", six, sample, free, 0, []float64{0.5}},
		{"two prompts", two, population(two), free, 0, []float64{0.5}},
		{"cycle", even, comparisons["cycle"], line, 0, []float64{1}},
		{"only a loss", even, comparisons["only a loss"], plane, 0, []float64{1}},
		{"never loses", even, comparisons["never loses"], plane, 0, []float64{1}},
		{"a chain", even, comparisons["a chain"], plane, 0.01, []float64{1}},
		{"two prompts", two, population(two), free, 0.02, []float64{0.5}},
	} {
		for _, lambda := range c.lambdas {
			all := everyLoss(lambda)
			for _, name := range slices.Sorted(maps.Keys(all)) {
				p := &Problem{Env: c.env, Pairs: c.data, Policy: build(t, c.env, c.class), L2: c.l2, Objective: all[name].Objective()}
				row := []string{name, fmt.Sprint(lambda), c.name, strings.TrimPrefix(fmt.Sprintf("%T", c.class), "*policy."), fmt.Sprint(c.l2)}
				if plane, ok := c.class.(*policy.LowRankParams); ok {
					row[3] = fmt.Sprint(plane.Basis)
				}
				s, err := Solve(context.Background(), p)
				if err != nil {
					rows = append(rows, append(row, "", "", "", "", "", err.Error()))
					continue
				}
				var logps []string
				for _, v := range slices.Concat(s.Policy...) {
					logps = append(logps, strconv.FormatFloat(v, 'g', 10, 64))
				}
				value, gradient := s.Loss, "0"
				if s.Status == Stalled || s.Status == train.Diverged {
					value = math.NaN()
				} else if s.GradNorm > 1e-6 {
					gradient = strconv.FormatFloat(s.GradNorm, 'g', 4, 64)
				}
				rows = append(rows, append(row, string(s.Status), fmt.Sprint(s.Iterations), strconv.FormatFloat(value, 'g', 10, 64), gradient,
					strings.Join(logps, " "), s.Reason))
			}
		}
	}
	const path = "testdata/solutions.csv"
	if *update {
		var b bytes.Buffer
		if err := csv.NewWriter(&b).WriteAll(rows); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil || len(want) != len(rows) {
		t.Fatalf("%s: %d rows, %d problems: %v", path, len(want), len(rows), err)
	}
	for i, row := range rows {
		for j, cell := range row {
			same := cell == want[i][j]
			if got, wanted := strings.Fields(cell), strings.Fields(want[i][j]); !same && j >= 7 && j <= 9 && len(got) == len(wanted) {
				same = true
				for k := range got {
					a, errA := strconv.ParseFloat(got[k], 64)
					b, errB := strconv.ParseFloat(wanted[k], 64)
					same = same && errA == nil && errB == nil && (a == b || math.Abs(a-b) <= 1e-8*max(1, math.Abs(b)))
				}
			}
			if steps := j == 6 || j == 10; !same && !(steps && runtime.GOARCH != "amd64") {
				t.Errorf("%s: %s %q, not %q", strings.Join(row[:5], ", "), want[0][j], cell, want[i][j])
			}
		}
	}
}
