// Package kinds loads configs with every kind that they can name: those of runs, which spec knows, and those of claims and
// figures, which it does not.
package kinds

import (
	"cmp"
	"sync"

	"windtunnel/experiments/spec"
	"windtunnel/experiments/spec/decode"
	"windtunnel/metrics/claims"
	"windtunnel/metrics/summaries"
	"windtunnel/plots"
)

// Tables returns the registries of every kind that a config can name, which nobody may add to.
var Tables = sync.OnceValue(func() *decode.Tables {
	t := spec.Tables()
	decode.Register(t, "claim", claims.Kinds())
	decode.As[spec.ClaimParams, claims.Params](t)
	decode.Register(t, "figure", plots.Kinds())
	decode.As[spec.FigureParams, plots.Params](t)
	return t
})

// Registries returns the tables of kinds, in the order in which a config mentions them.
func Registries() []spec.Registry {
	return append(spec.Registries(), spec.Registry{Name: "claims", Entries: claims.Kinds().Untyped()},
		spec.Registry{Name: "figures", Entries: plots.Kinds().Untyped()})
}

// Load is [spec.Load]. Experiments that do not say what they draw get a figure.
func Load(path string, sets []string) (*spec.Config, error) {
	c, err := spec.Load(path, sets, Tables())
	if err != nil {
		return nil, err
	}
	for _, experiment := range append([]*spec.Config{c}, c.Members...) {
		if experiment.Experiment != nil && experiment.Experiment.Figures == nil {
			experiment.Experiment.Figures = overview(experiment.Experiment, experiment.Plan)
			if c := experiment.Experiment.Compare; c != nil {
				experiment.Experiment.Figures = append(experiment.Experiment.Figures,
					spec.Figure{Name: summaries.Selected, Params: &plots.Forest{Metric: c.Select.Metric, Table: summaries.SelectedPaired}})
			}
		}
	}
	return c, nil
}

// Drawn returns figures as plots draws them. Those that name no theme or size get those of their config.
func Drawn(figures []spec.Figure, theme, size string) []plots.Figure {
	all := make([]plots.Figure, len(figures))
	for i, f := range figures {
		all[i] = plots.Figure{Name: f.Name, From: f.From, Caption: f.Caption, Theme: cmp.Or(f.Theme, theme), Size: cmp.Or(f.Size, size), Width: f.Width,
			Params: f.Params.(plots.Params)}
	}
	return all
}

// ScorecardFigures returns the figures of every scorecard's results folder: what each loss passes, and the numbers.
func ScorecardFigures() []plots.Figure {
	return []plots.Figure{{Name: "scorecard", Params: &plots.Scorecard{Groups: true}}, {Name: "scorecard_table", Params: &plots.Scorecard{}}}
}
