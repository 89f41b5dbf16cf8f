package main

import (
	"errors"
	"os"
	"path/filepath"

	"windtunnel/experiments/kinds"
	"windtunnel/experiments/spec"
	"windtunnel/metrics/summaries"
	"windtunnel/metrics/tables"
	"windtunnel/plots"
)

// tableWriter writes the tables of a results folder that come after the runs, and the description of all.
type tableWriter struct {
	dir    string
	format tables.Format
	runs   tables.Schema
	all    []tables.Resource
}

// plan adds the tables of a plan's runs, which the engine has written.
func (t *tableWriter) plan(plan *spec.Plan) {
	t.runs = plan.Schema(tables.Runs)
	for _, name := range plan.Tables() {
		t.all = append(t.all, tables.Resource{Table: name, Schema: plan.Schema(name), Format: t.format})
	}
}

// summary sums the runs up over their seeds, where the config or the seeds want it.
func (t *tableWriter) summary(src tables.Source, c *spec.Config) (warnings []string, err error) {
	settings := c.SummarySettings()
	if settings == nil {
		return nil, nil
	}
	groups, err := summaries.Open(src, *settings)
	if err != nil {
		return nil, err
	}
	if err := t.write(summaries.Summary, groups.SummarySchema(t.runs), groups.Summarize); err != nil {
		return nil, err
	}
	if settings.Pairs.Column != "" {
		err = t.write(summaries.Paired, groups.PairedSchema(t.runs), groups.Compare)
	}
	return groups.Warnings(), err
}

// landscapes writes the losses over the simplex that figures of the config draw.
func (t *tableWriter) landscapes(src plots.Sources, c *spec.Config) error {
	figures := landscapesOf(kinds.Figures(c), "")
	if len(figures) == 0 {
		return nil
	}
	var all [][]string // a table of which a part is missing would be worse than none
	err := writeLandscapes(c.Plan, src, figures, func(cells []string) error { all = append(all, cells); return nil })
	if err != nil {
		return err
	}
	return t.write(plots.LandscapeTable, landscapeSchema(), func(emit func([]string) error) error {
		for _, cells := range all {
			if err := emit(cells); err != nil {
				return err
			}
		}
		return nil
	})
}

// claims writes the verdicts, if there are any.
func (t *tableWriter) claims(verdicts []verdict) error {
	if len(verdicts) == 0 {
		return nil
	}
	return t.write(tables.Claims, claimsSchema(), func(emit func([]string) error) error {
		for i := range verdicts {
			if err := emit(verdicts[i].cells()); err != nil {
				return err
			}
		}
		return nil
	})
}

// write makes a table of the rows that are emitted.
func (t *tableWriter) write(name string, schema tables.Schema, rows func(emit func(cells []string) error) error) error {
	sink, err := tables.Create(t.dir, name, schema, t.format)
	if err != nil {
		return err
	}
	t.all = append(t.all, tables.Resource{Table: name, Schema: schema, Format: t.format})
	err = rows(func(cells []string) error { return sink.Write(cells...) })
	return errors.Join(err, sink.Close())
}

// describe writes the description of the tables beside them.
func (t *tableWriter) describe(c *spec.Config) error {
	if len(t.all) == 0 {
		return nil
	}
	return os.WriteFile(filepath.Join(t.dir, tables.DataPackageFile), tables.DataPackage(c.Head.Name, t.all), 0o644)
}
