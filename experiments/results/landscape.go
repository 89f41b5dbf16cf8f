package results

import (
	"cmp"
	"fmt"
	"slices"

	"windtunnel/experiments/engine"
	"windtunnel/experiments/kinds"
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
		Doc: "The run's loss over all comparisons at the policy, penalty included where the run's policies are tabular."},
		tables.Column{Name: "lambda", Type: tables.Number, Doc: "Lambda at which the policy minimizes the loss; empty on the grid."},
		tables.Column{Name: "status", Doc: "Of that minimizer, as of a run; empty on the grid."})
}

// LandscapesOf lists the landscapes that the suites among some configs draw of an experiment, whose run has to write them.
func LandscapesOf(configs []*spec.Config, experiment string) []*plots.Landscape {
	var all []*plots.Landscape
	for _, c := range configs {
		if c.Suite != nil {
			all = append(all, landscapesOf(kinds.Figures(c), experiment)...)
		}
	}
	return all
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
				add(cmp.Or(part.From, fig.From), part.Figure)
			}
		}
	}
	return all
}

// landscapes writes the losses over the simplex that figures draw, run by run. Where one of them has none, the others are
// not written either: a table of which a part is missing would be worse than none.
func (m *Maker) landscapes(f *Folder, w *tableWriter) error {
	figures := append(landscapesOf(f.Figures, ""), m.Landscapes...)
	if len(figures) == 0 {
		return nil
	}
	wanted := map[string][]string{} // prompts by run
	for _, figure := range figures {
		runs, prompt, err := figure.Selected(f.Tables)
		if err != nil {
			return err
		}
		for _, run := range runs {
			if !slices.Contains(wanted[run], prompt) {
				wanted[run] = append(wanted[run], prompt)
			}
		}
	}
	var rows [][]string
	for _, run := range m.Config.Plan.Runs {
		for _, prompt := range wanted[run.ID] {
			policies, err := engine.Landscape(run, prompt)
			if err != nil {
				return err
			}
			for _, q := range policies {
				row := []string{run.ID, prompt}
				for _, v := range []float64{q.Pi[0], q.Pi[1], q.Pi[2], q.Loss, q.Lambda} {
					row = append(row, tables.FormatFloat(v))
				}
				rows = append(rows, append(row, string(q.Status)))
			}
		}
	}
	return w.write(plots.LandscapeTable, landscapeSchema(), given(rows))
}
