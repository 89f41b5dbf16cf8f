package main

import (
	"fmt"
	"slices"

	"windtunnel/experiments/engine"
	"windtunnel/experiments/spec"
	"windtunnel/metrics/tables"
	"windtunnel/plots"
)

// landscapeSchema describes the table that figures of the kind landscape are drawn from.
func landscapeSchema() tables.Schema {
	schema := tables.Schema{{Name: "run", Doc: "Name of the run whose loss it is."}, {Name: "prompt", Doc: "Name of the prompt."}}
	for k := range 3 {
		schema = append(schema, tables.Column{Name: fmt.Sprintf("pi_%d", k), Type: tables.Number,
			Doc: fmt.Sprintf("Probability that the policy gives to response %d; the other prompts stay at their reference.", k)})
	}
	return append(schema, tables.Column{Name: "loss", Type: tables.Number, Unit: "of the loss",
		Doc: "The run's loss over all comparisons at the policy, penalty included where the run's policies are tabular."})
}

// landscapesOf lists the figures of the kind landscape that draw an experiment: "" is the config's own. Parts of composites
// are among them.
func landscapesOf(figures []plots.Figure, experiment string) []*plots.Landscape {
	var all []*plots.Landscape
	add := func(from string, params plots.Params) {
		if f, ok := params.(*plots.Landscape); ok && from == experiment {
			all = append(all, f)
		}
	}
	for _, fig := range figures {
		add(fig.From, fig.Params)
		if composite, ok := fig.Params.(*plots.Composite); ok {
			for _, part := range composite.Parts {
				from := part.From
				if from == "" {
					from = fig.From
				}
				add(from, part.Figure)
			}
		}
	}
	return all
}

// writeLandscapes emits the losses that figures draw, run by run.
func writeLandscapes(plan *spec.Plan, src plots.Sources, figures []*plots.Landscape, emit func(cells []string) error) error {
	wanted := map[string][]string{} // prompts by run
	for _, f := range figures {
		runs, prompt, err := f.Selected(src)
		if err != nil {
			return err
		}
		for _, run := range runs {
			if !slices.Contains(wanted[run], prompt) {
				wanted[run] = append(wanted[run], prompt)
			}
		}
	}
	for _, run := range plan.All() {
		for _, prompt := range wanted[run.ID] {
			err := engine.Landscape(run, prompt, func(pi [3]float64, loss float64) error {
				return emit(append([]string{run.ID, prompt}, cellsOf(pi[0], pi[1], pi[2], loss)...))
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// landscapes are the tables of a results folder with the one of losses, which is made of the plan where the folder does
// not have it: where a suite or a quick look draws what the experiment's own config does not.
type landscapes struct {
	tables.Source
	plan    *spec.Plan
	figures []*plots.Landscape
}

// Table implements tables.Source.
func (l *landscapes) Table(name string) (*tables.Table, error) {
	if name != plots.LandscapeTable {
		return l.Source.Table(name)
	}
	if t, err := l.Source.Table(name); err == nil {
		return t, nil
	}
	t := tables.NewTable(name, landscapeSchema().Names()...)
	src := plots.NewSources(func(string) (tables.Source, error) { return l.Source, nil })
	return t, writeLandscapes(l.plan, src, l.figures, func(cells []string) error { t.Append(cells...); return nil })
}
