package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"windtunnel/experiments/engine"
	"windtunnel/experiments/spec"
	"windtunnel/experiments/spec/decode"
	"windtunnel/metrics/tables"
	"windtunnel/plots"
	"windtunnel/toy/objective"
)

// lossPlot are the settings of the figure of one loss.
type lossPlot struct {
	sets []string
	out  string
	span float64
}

// How finely a loss is drawn: points along the margin, and cells a side of (chosen, rejected).
const (
	lossPoints = 201
	lossCells  = 8
)

// run draws the loss and prints the files.
func (o *lossPlot) run(kind string, stdout io.Writer) error {
	if !(o.span > 0 && o.span <= 1e4) {
		return inputError{fmt.Errorf("loss: --span is %v; a number in (0,1e4]", o.span)}
	}
	params, err := lossParams(kind, o.sets)
	if err != nil {
		return err
	}
	obj := params.Objective()
	if len(obj.Pair) == 0 {
		return inputError{fmt.Errorf("loss %s: it reads no comparisons, only whole policies, so it has no curve over the margin", kind)}
	}
	entry, _ := decode.KindOf[objective.Params](spec.Tables(), params)
	title := strings.Join(append([]string{entry.Name}, o.sets...), ", ")
	if len(obj.Dist) > 0 || obj.Sampled != nil {
		title += " (pair terms)"
	}
	both := map[string]*tables.Table{plots.LossCurveTable: o.curve(obj), plots.LossMapTable: o.cells(obj)}
	files, err := plots.Render(plots.Figure{Name: "loss-" + entry.Name, Params: &plots.Loss{Title: title}},
		plots.NewSources(func(string) (tables.Source, error) { return memory(both), nil }))
	if err != nil {
		return err
	}
	if err := writeFigures(o.out, files, engine.WriteFile); err != nil {
		return inputError{err}
	}
	for _, f := range files {
		fmt.Fprintln(stdout, filepath.Join(o.out, f.Name))
	}
	return nil
}

// lossParams decodes a kind with --set values, as a config would give them.
func lossParams(kind string, sets []string) (objective.Params, error) {
	if here := kindsOfTRL(kind); len(here) > 0 {
		return nil, inputError{fmt.Errorf("loss: TRL's %s is %s here", kind, strings.Join(here, " or "))}
	}
	root, err := decode.Parse("loss "+kind, []byte("kind: "+strconv.Quote(kind)))
	if err != nil {
		return nil, inputError{err}
	}
	for _, set := range sets {
		key, text, ok := strings.Cut(set, "=")
		switch {
		case !ok || strings.TrimSpace(text) == "":
			return nil, inputError{fmt.Errorf("--set %s: there is no value; KEY=VALUE is needed", set)}
		case key == "":
			return nil, inputError{fmt.Errorf("--set %s: there is no key; KEY=VALUE is needed", set)}
		}
		value, err := decode.Parse("--set "+set, []byte(text))
		if err != nil {
			return nil, inputError{err}
		}
		value.Mark("--set " + set)
		if root, err = decode.Set(root, key, value); err != nil {
			return nil, inputError{fmt.Errorf("--set %s: %w", set, err)}
		}
	}
	d, doc := decode.Decoder{File: "loss " + kind, Tables: spec.Tables()}, &oneLoss{}
	var many decode.Errors
	if err := d.Decode(root, "", doc); errors.As(err, &many) {
		for i := range many {
			many[i].Line, many[i].Column = 0, 0
		}
		return nil, mistakes{many}
	}
	return doc.Loss, nil
}

// kindsOfTRL returns the kinds that a trainer/loss_type of TRL stands for.
func kindsOfTRL(name string) (kinds []string) {
	for _, kind := range objective.Kinds() {
		if strings.Contains(name, "/") && slices.Contains(strings.Split(kind.TRL, ","), name) {
			kinds = append(kinds, kind.Name)
		}
	}
	return kinds
}

// at evaluates the loss where the policy gives two log-probabilities and the reference one for both.
func at(o *objective.Objective, chosen, rejected, ref float64) (loss, byChosen, byRejected float64) {
	b := &objective.Batch{Chosen: []float64{chosen}, Rejected: []float64{rejected}, RefChosen: []float64{ref},
		RefRejected: []float64{ref}, Weight: []float64{1}}
	g := &objective.Grad{Chosen: []float64{0}, Rejected: []float64{0}}
	for _, t := range o.Pair {
		loss += t.Weight * t.Term.Loss(b)
		t.Term.Grad(b, t.Weight, g)
	}
	return loss, g.Chosen[0], g.Rejected[0]
}

// curve follows the margin: the chosen response rises as the rejected one falls, the reference stays halfway.
func (o *lossPlot) curve(obj *objective.Objective) *tables.Table {
	t := tables.NewTable(plots.LossCurveTable, "margin", "loss", "by_chosen", "by_rejected")
	for i := range lossPoints {
		margin := o.span * (2*float64(i)/(lossPoints-1) - 1) * (1 - 1e-3)
		loss, byChosen, byRejected := at(obj, (margin-o.span)/2, (-margin-o.span)/2, -o.span/2)
		t.Append(cellsOf(margin, loss, byChosen, byRejected)...)
	}
	return t
}

// cells covers the plane of both log-probabilities; values are those at the middle of each cell.
func (o *lossPlot) cells(obj *objective.Objective) *tables.Table {
	t := tables.NewTable(plots.LossMapTable, "chosen", "rejected", "loss", "by_chosen", "by_rejected")
	middle := func(i int) float64 { return -o.span * (float64(i) + 0.5) / lossCells }
	for i := range lossCells {
		for j := range lossCells {
			loss, byChosen, byRejected := at(obj, middle(i), middle(j), -o.span/2)
			t.Append(cellsOf(middle(i), middle(j), loss, byChosen, byRejected)...)
		}
	}
	return t
}

func cellsOf(values ...float64) []string {
	cells := make([]string, len(values))
	for i, v := range values {
		cells[i] = tables.FormatFloat(v)
	}
	return cells
}

// memory is a results folder of tables that were never written.
type memory map[string]*tables.Table

// Table returns a table.
func (m memory) Table(name string) (*tables.Table, error) {
	if t, ok := m[name]; ok {
		return t, nil
	}
	return nil, fmt.Errorf("there is no table %s", name)
}
