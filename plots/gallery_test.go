package plots_test

import (
	"math"
	"strconv"

	"windtunnel/metrics/tables"
	"windtunnel/plots"
)

// figures are those of the golden files, at least one of every kind.
func figures() []plots.Figure {
	return []plots.Figure{
		{Name: "interpolation", From: "training", Params: params("interpolation", func(f *plots.Interpolation) { f.Where = atLambda("1e-5") })},
		{Name: "preservation", From: "preservation", Params: defaults("preservation")},
		{Name: "tradeoff", From: "preservation", Params: defaults("tradeoff")},
		{Name: "constraint", From: "constraint", Params: penalty()},
		{Name: "simplex_training", From: "training", Params: params("simplex", func(f *plots.Simplex) { f.Split = "lambda" })},
		{Name: "simplex_penalty", From: "constraint", Params: params("simplex", func(f *plots.Simplex) {
			f.Along, f.Where = "constraint.l2", atLambda("0.5")
		})},
		{Name: "lines_lambda", From: "existence", Params: params("lines", func(f *plots.Lines) {
			f.X, f.Y = "lambda", "tv_star"
		})},
		{Name: "lines_traces", From: "training", Params: params("lines", func(f *plots.Lines) {
			f.Table, f.X, f.Y, f.Split = tables.Traces, "step", "tv_star", "lambda"
		})},
		{Name: "lines_seeds", From: "seeds", Params: params("lines", func(f *plots.Lines) { f.X, f.Y = "lambda", "tv_star" })},
		{Name: "lines_kl", From: "kl", Params: params("lines", func(f *plots.Lines) { f.X, f.Y = "lambda", "tv_star" })},
		{Name: "lines_bars", From: "seeds", Params: params("lines", func(f *plots.Lines) {
			f.X, f.Y, f.Where, f.Twin = "lambda", "tv_star", atLambda("0.1"), false
		})},
		{Name: "frontier", From: "frontier", Params: params("frontier", func(f *plots.Frontier) { f.Y = []string{"reward", "win_rate"} })},
		{Name: "frontier_training", From: "frontier", Params: params("frontier", func(f *plots.Frontier) {
			f.Table, f.Along, f.Where, f.Title = tables.Traces, "step", atLambda("0.1"), "along training"
		})},
		{Name: "frontier_evaluations", From: "frontier", Params: params("frontier", func(f *plots.Frontier) {
			f.Table, f.Y, f.Split, f.XScale = "evaluations", []string{"win_rate"}, "split", "linear"
		})},
		{Name: "displacement", From: "frontier", Params: params("displacement", func(f *plots.Displacement) { f.Where = atLambda("0.1") })},
		{Name: "displacement_together", From: "frontier", Params: params("displacement", func(f *plots.Displacement) {
			f.Split, f.Where, f.Title = "", atLambda("1"), "all losses"
		})},
		{Name: "distance", From: "preservation", Params: params("distance", func(f *plots.Distance) {
			f.X, f.By, f.To, f.Match = "lambda", "objective", tables.Where{"objective": {"typo"}}, []string{"lambda"}
			f.Where = tables.Where{"objective": {"dpo", "ipo"}}
		})},
		{Name: "lines_symlog", From: "frontier", Size: "full", Params: params("lines", func(f *plots.Lines) {
			f.Table, f.X, f.Y, f.Split, f.YScale, f.Band = tables.Traces, "step", "chosen_shift", "lambda", "symlog", "quartiles"
		})},
		{Name: "lines_limits", From: "seeds", Theme: "dark", Width: 60, Params: params("lines", func(f *plots.Lines) {
			f.X, f.Y, f.Twin, f.YLimits, f.Band = "lambda", "tv_star", false, []float64{0.1, 0.2}, "none"
		})},
		{Name: "loss", From: "loss", Params: params("loss", func(f *plots.Loss) { f.Title = "log-sigmoid" })},
		{Name: "scorecard", From: "scorecard", Params: defaults("scorecard")},
		{Name: "scorecard_groups", From: "scorecard", Params: params("scorecard", func(f *plots.Scorecard) { f.Groups = true })},
		{Name: "existence", From: "existence", Params: defaults("existence")},
		{Name: "forest", From: "paired", Params: params("forest", func(f *plots.Forest) { f.Metric = "tv_star" })},
		{Name: "forest_panels", From: "paired", Params: params("forest", func(f *plots.Forest) { f.Metric, f.Split = "kl_pi_ref", "lambda" })},
		{Name: "strip", From: "seeds", Params: params("strip", func(f *plots.Strip) { f.Metric, f.Where = "tv_star", atLambda("0.1") })},
		{Name: "strip_violin", From: "seeds", Params: params("strip", func(f *plots.Strip) {
			f.Metric, f.Split, f.Shape, f.Band = "tv_star", "lambda", "violin", "ci95"
		})},
		{Name: "landscape", From: "landscape", Params: params("landscape", func(f *plots.Landscape) { f.Where = atLambda("100") })},
		{Name: "composite", Params: params("composite", func(f *plots.Composite) {
			f.Parts = []plots.Part{{From: "preservation", Figure: defaults("preservation")}, {From: "constraint", Figure: penalty()}}
		})},
	}
}

// lossTables are those of the log-sigmoid loss by its closed form: -log sigma(u) with the derivatives -+sigma(-u).
func lossTables() tables.Memory {
	curve := tables.NewTable(plots.LossCurveTable, "margin", "loss", "by_chosen", "by_rejected")
	cells := tables.NewTable(plots.LossMapTable, "chosen", "rejected", "loss", "by_chosen", "by_rejected")
	values := func(u float64) []string {
		slope := 1 / (1 + math.Exp(u))
		return []string{tables.FormatFloat(math.Log1p(math.Exp(-u))), tables.FormatFloat(-slope), tables.FormatFloat(slope)}
	}
	for i := range 41 {
		u := float64(i-20) / 4
		curve.Append(append([]string{tables.FormatFloat(u)}, values(u)...)...)
	}
	for i := range 64 {
		chosen, rejected := -0.5-float64(i%8), -0.5-float64(i/8)
		cells.Append(append([]string{tables.FormatFloat(chosen), tables.FormatFloat(rejected)}, values(chosen-rejected)...)...)
	}
	return tables.Memory{curve.Name: curve, cells.Name: cells}
}

// klTables are of runs over lambda whose KL to the reference falls as it grows, or of a last step of another sign rises again.
func klTables(lambdas int, last float64) tables.Memory {
	runs := tables.NewTable(tables.Runs, "run", "objective", "lambda", "seed", "status", "tv_star", "kl_pi_ref")
	for i := range lambdas {
		kl := 1 - float64(i)/10
		if i == lambdas-1 {
			kl = 1 - float64(i-1)/10 - last/10
		}
		runs.Append(strconv.Itoa(i), "dpo", tables.FormatFloat(math.Pow10(i-3)), "0", "converged", tables.FormatFloat(0.5-0.4*kl*kl), tables.FormatFloat(kl))
	}
	return tables.Memory{runs.Name: runs}
}

// scorecardTables have every verdict, a value beyond all bounds and one that is left open.
func scorecardTables() tables.Memory {
	t := tables.NewTable(plots.ScorecardTable, "loss", "test", "value", "verdict", "measured", "of")
	for _, row := range [][]string{
		{"dpo", "strong-interpolation", "0.874", "fail", "102", "102"}, {"dpo", "reference-limit", "7e-7", "pass", "102", "102"}, {"dpo", "size", "24339", "pass", "102", "102"},
		{"typo", "strong-interpolation", "6e-6", "pass", "102", "102"}, {"typo", "reference-limit", "-8e-9", "pass", "97", "102"}, {"typo", "size", "", "none", "102", "102"},
		{"kto", "strong-interpolation", "inf", "fail", "102", "102"}, {"kto", "reference-limit", "12.34", "fail", "102", "102"}, {"kto", "size", "0", "pass", "102", "102"},
	} {
		t.Append(row...)
	}
	return tables.Memory{t.Name: t}
}
