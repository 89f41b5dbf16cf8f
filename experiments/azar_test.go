package main

import (
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"windtunnel/metrics/tables"
	"windtunnel/toy/logspace"
)

// Azar's example (arXiv 2310.12036, section 5.4): of two responses DPO gives the better one log-odds logit(p)/lambda and IPO
// (p - 1/2)/lambda; of three in a clear order IPO's log-ratios are 1/(3 lambda), 0 and -1/(3 lambda).
func TestAzarExample(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	runMain(t, exitWell, "run", "--quiet", "--out", out, "../configs/published/azar.yaml")
	table := openFolder(t, filepath.Join(out, "published_azar"))
	runs, pi := table(tables.Runs), cells(table(tables.Policies), "pi", "run", "response")
	odds := map[string][2]float64{ // what lambda divides, of DPO and IPO
		"90 %": {math.Log(9), 0.4}, "99.99 %": {math.Log(9999), 0.4999}, "all but 1e-11": {math.Log(1e11), 0.5}, "always": {math.Inf(1), 0.5}}
	seen := 0
	for row := range runs.Len() {
		run, loss, wins, lambda := runs.Text(row, "run"), runs.Text(row, "objective"), runs.Text(row, "a_wins"), runs.Float(row, "lambda")
		want := []float64{1 / (3 * lambda), 0, -1 / (3 * lambda)}
		if of, two := odds[wins]; two {
			want = []float64{of[1] / lambda, 0}
			if loss == "dpo" {
				want[0] = of[0] / lambda
			}
		} else {
			for i, p := range []float64{0.5, 0.3, 0.2} {
				want[i] += math.Log(p)
			}
		}
		status := "converged"
		if loss == "dpo" && (wins == "always" || len(want) == 3) {
			status = "diverged"
		}
		if got := runs.Text(row, "status"); got != status {
			t.Errorf("%s is %s, want %s", run, got, status)
		}
		if status == "diverged" {
			continue
		}
		logspace.LogSoftmax(want, want)
		for i, l := range want {
			seen++
			if off := far(pi, fmt.Sprint(run, " ", i), math.Exp(l)); !(off <= 1e-10) {
				t.Errorf("%s: pi(%d) is off by %.2g of %v", run, i, off, math.Exp(l))
			}
		}
	}
	if seen < 500 {
		t.Errorf("%d probabilities compared", seen)
	}
}
