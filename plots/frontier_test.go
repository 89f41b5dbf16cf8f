package plots_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"windtunnel/metrics/tables"
	"windtunnel/plots"
)

// frontierTables hold two losses at two lambdas and two seeds, of which the farther goes beyond the best reward, the best of
// n, and evaluations of one seed with intervals.
func frontierTables() tables.Memory {
	runs := tables.NewTable(tables.Runs, "run", "objective", "lambda", "seed", "n", "status", "steps", "reason", "kl_pi_ref", "reward", "win_rate")
	traces := tables.NewTable(tables.Traces, "run", "step", "kl_pi_ref", "reward", "win_rate", "chosen_shift", "rejected_shift")
	evaluations := tables.NewTable("evaluations", "run", "step", "split", "n", "kl_pi_ref", "win_rate", "win_low", "win_high")
	f := tables.FormatFloat
	for _, loss := range []string{"dpo", "typo"} {
		for _, lambda := range []float64{0.1, 1} {
			for seed := range 2 {
				run := fmt.Sprintf("%s/lambda=%s/seed=%d", loss, f(lambda), seed)
				far := map[string]float64{"dpo": 4, "typo": 1}[loss] / (1 + lambda) * (1 + 0.1*float64(seed))
				reward := func(kl float64) float64 { return -4 + math.Sqrt(kl) - kl/4 }
				runs.Append(run, loss, f(lambda), strconv.Itoa(seed), "", "done", "1000", "", f(far), f(reward(far)), f(0.5+far/10))
				for step := 0; step <= 1000; step += 100 {
					kl := far * float64(step) / 1000
					traces.Append(run, strconv.Itoa(step), f(kl), f(reward(kl)), f(0.5+kl/10), f(-kl/2), f(-2*kl))
					for i, split := range []string{"training", "held-out"} {
						if win := 0.5 + kl/float64(10+10*i); seed == 0 && step%500 == 0 {
							evaluations.Append(run, strconv.Itoa(step), split, "64", f(kl), f(win), f(win-0.05), f(win+0.05))
						}
					}
				}
			}
		}
	}
	for _, n := range []float64{1, 2, 4, 8, 16} {
		for seed := range 2 {
			kl := 0.9 * (math.Log(n) - (n-1)/n)
			run := fmt.Sprintf("best-of-n/n=%v/seed=%d", n, seed)
			runs.Append(run, "best-of-n", "", strconv.Itoa(seed), f(n), "exact", "0", "", f(kl), f(-4+math.Sqrt(kl)), f(n/(n+1)))
		}
	}
	return tables.Memory{tables.Runs: runs, tables.Traces: traces, "evaluations": evaluations}
}

// svgOf draws a figure of frontierTables.
func svgOf(t *testing.T, p plots.Params) string {
	t.Helper()
	files, err := plots.Render(plots.Figure{Name: "f", From: "frontier", Params: p}, suite(t))
	if err != nil {
		t.Fatal(err)
	}
	return string(files[0].Data)
}

// Without the best of n neither of its lines is drawn; a misspelt column or an ambiguous curve is an error that names it.
func TestFrontier(t *testing.T) {
	with := svgOf(t, defaults("frontier"))
	without := svgOf(t, params("frontier", func(f *plots.Frontier) { f.BestOfN, f.Where = "", tables.Where{"objective": {"dpo", "typo"}} }))
	if !strings.Contains(with, "best of") || strings.Contains(without, "best of") {
		t.Error("the best of n is drawn when it should not be, or is not when it should")
	}
	if !strings.Contains(with, "start") {
		t.Error("the start is not marked")
	}
	for _, tt := range []struct {
		set  func(*plots.Frontier)
		want string
	}{
		{func(f *plots.Frontier) { f.Y = []string{"rewrad"} }, "near: reward"},
		{func(f *plots.Frontier) { f.Table, f.Along = tables.Traces, "step" }, "select one with `where: {lambda: ...}`"},
	} {
		_, err := plots.Render(plots.Figure{Name: "f", From: "frontier", Params: params("frontier", tt.set)}, suite(t))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error %v, want %q", err, tt.want)
		}
	}
}
