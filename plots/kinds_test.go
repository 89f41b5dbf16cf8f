package plots_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"windtunnel/metrics/tables"
	"windtunnel/plots"
	"windtunnel/toy/registry"
)

// The table is sorted, and every kind and parameter is described.
func TestKinds(t *testing.T) {
	kinds := plots.Kinds()
	if !slices.IsSortedFunc(kinds, func(a, b registry.Kind[plots.Params]) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the kinds are not sorted")
	}
	for _, k := range kinds {
		if k.Summary == "" || k.Source == "" {
			t.Errorf("%s lacks a summary or source", k.Name)
		}
		p := reflect.TypeOf(k.New()).Elem()
		for i := range p.NumField() {
			field := p.Field(i)
			if field.IsExported() && (field.Tag.Get("yaml") == "" || field.Tag.Get("doc") == "") {
				t.Errorf("%s: %s has no yaml or doc tag", k.Name, field.Name)
			}
		}
	}
}

// Each kind tells which columns, prompts and rows it looks up.
func TestRefs(t *testing.T) {
	where := tables.Where{"lambda": {"1"}}
	for _, c := range []struct {
		params  plots.Params
		columns []tables.Ref
		prompts []tables.PromptRef
	}{
		{params("interpolation", func(f *plots.Interpolation) { f.Where, f.Prompt = where, "x" }),
			[]tables.Ref{{Key: "where.lambda", Table: "trajectories", Column: "lambda"}}, []tables.PromptRef{{Key: "prompt", Prompt: "x"}}},
		{params("preservation", func(f *plots.Preservation) { f.Where, f.PromptNames = where, []string{"good", "bad"} }),
			[]tables.Ref{{Key: "where.lambda", Table: "prompts", Column: "lambda"}, {Key: "metric", Table: "prompts", Column: "kl_star_pi"}},
			[]tables.PromptRef{{Key: "prompts.0", Prompt: "good"}, {Key: "prompts.1", Prompt: "bad"}}},
		{params("constraint", func(f *plots.Constraint) { f.Where, f.Strength = where, "constraint.l2" }),
			[]tables.Ref{{Key: "where.lambda", Table: "policies", Column: "lambda"}, {Key: "strength", Table: "runs", Column: "constraint.l2"}}, nil},
		{params("simplex", func(f *plots.Simplex) { f.Where, f.Along, f.Split = where, "constraint.l2", "lambda" }),
			[]tables.Ref{{Key: "where.lambda", Table: "policies", Column: "lambda"}, {Key: "along", Table: "runs", Column: "constraint.l2"},
				{Key: "panels", Table: "runs", Column: "lambda"}}, nil},
		{params("forest", func(f *plots.Forest) { f.Where, f.Metric, f.Split = where, "tv_star", "left" }),
			[]tables.Ref{{Key: "where.lambda", Table: "runs", Column: "lambda"}, {Key: "metric", Table: "runs", Column: "tv_star"}}, nil},
		{params("strip", func(f *plots.Strip) { f.Where, f.Metric, f.Split = where, "tv_star", "lambda" }),
			[]tables.Ref{{Key: "where.lambda", Table: "runs", Column: "lambda"}, {Key: "metric", Table: "runs", Column: "tv_star"},
				{Key: "by", Table: "runs", Column: "objective"}, {Key: "panels", Table: "runs", Column: "lambda"}}, nil},
		{params("landscape", func(f *plots.Landscape) { f.Where, f.Prompt = where, "x" }),
			[]tables.Ref{{Key: "where.lambda", Table: "policies", Column: "lambda"}}, []tables.PromptRef{{Key: "prompt", Prompt: "x"}}},
		{params("lines", func(f *plots.Lines) { f.Where, f.X, f.Y = where, "lambda", "tv_star" }),
			[]tables.Ref{{Key: "where.lambda", Table: "runs", Column: "lambda"}, {Key: "x", Table: "runs", Column: "lambda"},
				{Key: "y", Table: "runs", Column: "tv_star"}, {Key: "by", Table: "runs", Column: "objective"}}, nil},
	} {
		refs := c.params.Refs()
		if got := refs.Columns; !slices.Equal(got, c.columns) {
			t.Errorf("%T looks up %v, want %v", c.params, got, c.columns)
		}
		if got := refs.Prompts; !slices.Equal(got, c.prompts) {
			t.Errorf("%T draws the prompts %v, want %v", c.params, got, c.prompts)
		}
		if got := refs.Wheres; len(got) != 1 || got[0].Key != "where" || !reflect.DeepEqual(got[0].Where, where) {
			t.Errorf("%T selects %v", c.params, got)
		}
	}
}

// Parameters that contradict one another are refused; defaults are not.
func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name   string
		params plots.Params
		key    string // of the problem; "" for none
	}{
		{"constraint", penalty(), ""},
		{"same loss", params("constraint", func(f *plots.Constraint) { f.Left, f.Right = "dpo", "dpo" }), "right"},
		{"tradeoff", defaults("tradeoff"), ""},
		{"frontier", defaults("frontier"), ""},
		{"nothing gained", params("frontier", func(f *plots.Frontier) { f.Y = nil }), "y"},
		{"steps of runs", params("frontier", func(f *plots.Frontier) { f.Along = "step" }), "along"},
		{"displacement", defaults("displacement"), ""},
		{"same side", params("displacement", func(f *plots.Displacement) { f.Rejected = f.Chosen }), "rejected"},
		{"one prompt", params("tradeoff", func(f *plots.Tradeoff) { f.PromptNames = []string{"good"} }), "prompts"},
		{"x is y", params("lines", func(f *plots.Lines) { f.X, f.Y = "tv_star", "tv_star" }), "y"},
		{"prompt of runs", params("lines", func(f *plots.Lines) { f.X, f.Y, f.Prompt = "lambda", "tv_star", "x" }), "prompt"},
		{"one limit", params("lines", func(f *plots.Lines) { f.X, f.Y, f.YLimits = "lambda", "tv_star", []float64{1} }), "y_limits"},
		{"turned limits", params("lines", func(f *plots.Lines) { f.X, f.Y, f.XLimits = "lambda", "tv_star", []float64{1, 0} }), "x_limits"},
		{"log of zero", params("lines", func(f *plots.Lines) {
			f.X, f.Y, f.YScale, f.YLimits = "lambda", "tv_star", "log", []float64{0, 1}
		}), "y_limits"},
		{"strip", defaults("strip"), ""},
		{"log violin", params("strip", func(f *plots.Strip) { f.Shape, f.Scale = "violin", "log" }), "shape"},
		{"no parts", defaults("composite"), "panels"},
		{"nested", params("composite", func(f *plots.Composite) { f.Parts = []plots.Part{{Figure: defaults("composite")}} }), "panels.0.kind"},
	} {
		problems := c.params.(registry.Checker).Check()
		switch {
		case c.key == "" && problems != nil:
			t.Errorf("%s: %v", c.name, problems)
		case c.key != "" && (len(problems) != 1 || problems[0].Key != c.key || problems[0].Wrong == "" || problems[0].Allowed == ""):
			t.Errorf("%s: problems %v, want one of %s", c.name, problems, c.key)
		}
	}
}
