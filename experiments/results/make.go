package results

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"

	"windtunnel/experiments/engine"
	"windtunnel/experiments/results/publish"
	"windtunnel/experiments/spec"
	"windtunnel/metrics/summaries"
	"windtunnel/metrics/tables"
)

// Maker makes the results folder of a config in Out.
type Maker struct {
	Config *spec.Config
	Out    string
	Format tables.Format
	Owner  publish.Owner // whose the folder is
	Jobs   int           // figures drawn at the same time
	// Runs writes the tables of the runs into a folder. It is not called for a suite, whose members have been made before.
	Runs func(dir string) (engine.Count, *engine.Faults, error)
	// Beside are the configs of the same call, whose suites may draw landscapes of this experiment.
	Beside []*spec.Config
}

// Made is a new results folder, and what there is to say of it.
type Made struct {
	*Drawn
	Dir      string
	First    bool // there was no such folder before
	Count    engine.Count
	Faults   *engine.Faults
	Runs     *tables.Table      // nil for a suite
	Choices  *summaries.Choices // nil without compare
	Verdicts []Verdict
	Warnings []string // of summing up over seeds, of losses that have no landscape, and of letters that no font has
}

// Make makes the folder: tables, claims, figures, the resolved config and a manifest. The folder changes in one step at
// the end.
func (m *Maker) Make(ctx context.Context) (*Made, error) {
	name := m.Config.Head.Name
	made := &Made{Dir: filepath.Join(m.Out, name), Faults: &engine.Faults{}}
	_, err := os.Stat(made.Dir)
	made.First = errors.Is(err, fs.ErrNotExist)
	return made, publish.Folder(m.Out, name, func(dir string) (err error) {
		if m.Config.Experiment != nil {
			if made.Count, made.Faults, err = m.Runs(dir); err != nil {
				return err
			}
		}
		if err := m.Config.WriteResolved(dir); err != nil {
			return err
		}
		if err := m.conclude(ctx, dir, made); err != nil {
			return err
		}
		manifest := publish.NewManifest(engine.Numerics())
		manifest.SetOwner(m.Owner, m.Out, name)
		manifest.Seconds, manifest.Inputs = made.Count.Time.Seconds(), m.Config.InputHashes()
		if plan := m.Config.Plan; plan != nil {
			manifest.Plan, manifest.Runs = plan.Key(), len(plan.Runs)
			if len(plan.Read) > 0 {
				if manifest.Data, err = json.Marshal(plan.Read); err != nil {
					return err
				}
			}
		}
		return manifest.Seal(dir)
	})
}

// concludingPercent is how much the heap may grow between two collections while tables are read. Columns are few and
// large, and stay: collecting them more often costs little time and saves a quarter of the memory.
const concludingPercent = 50

// conclude sums up, evaluates claims and draws figures, all from what stands in dir.
func (m *Maker) conclude(ctx context.Context, dir string, made *Made) error {
	if before := debug.SetGCPercent(concludingPercent); before < concludingPercent {
		debug.SetGCPercent(before) // the caller has chosen
	} else {
		defer debug.SetGCPercent(before)
	}
	f, err := Open(dir)
	if err != nil {
		return err
	}
	w := &tableWriter{dir: dir, format: m.Format}
	if m.Config.Experiment != nil {
		if made.Runs, err = f.Tables.Table(tables.Runs); err != nil {
			return err
		}
		for _, name := range m.Config.Plan.Tables() {
			w.all = append(w.all, tables.Resource{Table: name, Schema: m.Config.Plan.Schema(name), Format: m.Format})
		}
		if len(m.Config.Plan.Read) > 0 {
			var rows [][]string
			for _, in := range m.Config.Plan.Read {
				cells := []string{in.File, in.Run.ID}
				for _, n := range []int{in.Read, in.Used, in.TooLong, in.Bad, in.Identical, in.Empty, in.Cut} {
					cells = append(cells, strconv.Itoa(n))
				}
				rows = append(rows, cells)
			}
			if err := w.write("inputs", inputsSchema, given(rows)); err != nil {
				return err
			}
		}
		if made.Warnings, err = m.summarize(f.Tables, w); err != nil {
			return err
		}
		if m.Config.Experiment.Compare != nil {
			if err := m.compare(f.Tables, w, made); err != nil {
				made.Warnings = append(made.Warnings, err.Error()) // and its figure cannot be drawn
			}
		}
		if err := m.landscapes(f, w); err != nil {
			made.Warnings = append(made.Warnings, err.Error()) // and the figure cannot be drawn
		}
	}
	made.Verdicts = f.Check()
	if len(made.Verdicts) > 0 {
		var rows [][]string
		for _, v := range made.Verdicts {
			rows = append(rows, []string{v.Name, strconv.FormatBool(v.Holds), tables.FormatFloat(v.Value), tables.FormatFloat(v.Bound), v.Detail,
				strconv.FormatBool(v.Expect)})
		}
		if err := w.write(tables.Claims, claimsSchema, given(rows)); err != nil {
			return err
		}
	}
	if len(w.all) > 0 {
		if err := os.WriteFile(filepath.Join(dir, tables.DataPackageFile), tables.DataPackage(f.Name, w.all), 0o644); err != nil {
			return err
		}
	}
	if made.Drawn, err = f.DrawInto(ctx, dir, m.Jobs); err != nil {
		return err
	}
	if lacking := Lacking(made.Files); lacking != "" {
		made.Warnings = append(made.Warnings, lacking)
	}
	return nil
}

// tableWriter writes the tables of a results folder that come after the runs.
type tableWriter struct {
	dir    string
	format tables.Format
	all    []tables.Resource // the tables that there are
}

// write makes a table of the rows that are emitted.
func (w *tableWriter) write(name string, schema tables.Schema, rows func(emit func(cells []string) error) error) error {
	sink, err := tables.Create(w.dir, name, schema, w.format)
	if err != nil {
		return err
	}
	w.all = append(w.all, tables.Resource{Table: name, Schema: schema, Format: w.format})
	err = rows(func(cells []string) error { return sink.Write(cells...) })
	return errors.Join(err, sink.Close())
}

// given emits rows that are at hand.
func given(rows [][]string) func(emit func(cells []string) error) error {
	return func(emit func(cells []string) error) error {
		for _, row := range rows {
			if err := emit(row); err != nil {
				return err
			}
		}
		return nil
	}
}

// inputsSchema is that of the table of what became of the records of data files.
var inputsSchema = tables.Schema{
	{Name: "file", Type: tables.Text, Doc: "that runs read"},
	{Name: "run", Type: tables.Text, Doc: "the first that reads it so"},
	{Name: "read", Type: tables.Integer, Doc: "records that were read"},
	{Name: "used", Type: tables.Integer, Doc: "of these, trained or evaluated on"},
	{Name: "too_long", Type: tables.Integer, Doc: "left out for preferences.max_tokens"},
	{Name: "bad", Type: tables.Integer, Doc: "left out as no pair, or of another form than the first"},
	{Name: "identical", Type: tables.Integer, Doc: "left out since both responses are the same"},
	{Name: "empty", Type: tables.Integer, Doc: "left out for a response without text"},
	{Name: "cut", Type: tables.Integer, Doc: "of those used, from whose responses a repeated prompt was cut"},
}

// summarize sums the runs up over their seeds, where the config or the seeds want it.
func (m *Maker) summarize(src tables.Source, w *tableWriter) (warnings []string, err error) {
	settings := m.Config.SummarySettings()
	if settings == nil {
		return nil, nil
	}
	groups, err := summaries.Open(src, *settings)
	if err != nil {
		return nil, err
	}
	runs := m.Config.Plan.Schema(tables.Runs)
	if err := w.write(summaries.Summary, groups.SummarySchema(runs), groups.Summarize); err != nil {
		return nil, err
	}
	if settings.Pairs.Column != "" {
		err = w.write(summaries.Paired, groups.PairedSchema(runs), groups.Compare)
	}
	return groups.Warnings(), err
}

// compare compares each loss at its own best value of a setting.
func (m *Maker) compare(src tables.Source, w *tableWriter, made *Made) error {
	choices, err := summaries.Select(src, m.Config.Experiment.Compare.Select)
	if err != nil {
		return err
	}
	groups, err := choices.Groups()
	if err != nil {
		return err
	}
	runs := m.Config.Plan.Schema(tables.Runs)
	if err := w.write(summaries.Selected, choices.Schema(runs), given(choices.Rows())); err != nil {
		return err
	}
	if err := w.write(summaries.SelectedPaired, groups.PairedSchema(runs), groups.Compare); err != nil {
		return err
	}
	made.Choices = choices
	made.Warnings = append(made.Warnings, append(choices.Warnings(), groups.Warnings()...)...)
	return nil
}
