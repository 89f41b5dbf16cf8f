package lossvalues

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"windtunnel/experiments/kinds"
	"windtunnel/experiments/spec/decode"
	"windtunnel/metrics/tables"
	"windtunnel/plots"
	"windtunnel/toy/objective"
)

// How finely a loss is drawn: points along the margin, and cells a side of (chosen, rejected).
const (
	lossPoints = 201
	lossCells  = 8
)

// Figure draws a loss and its gradient over the margin and over (chosen, rejected); sets are parameters as KEY=VALUE. The
// log-probabilities drawn go from -span to 0, margins from -span to span.
func Figure(kind string, sets []string, span float64) ([]plots.File, error) {
	if !(span > 0 && span <= 1e4) {
		return nil, fmt.Errorf("loss: --span is %v; a number in (0,1e4]", span)
	}
	params, err := parameters(kind, sets)
	if err != nil {
		return nil, err
	}
	obj := params.Objective()
	if !obj.Compares() {
		return nil, fmt.Errorf("loss %s: it reads no comparisons, only whole policies, so it has no curve over the margin", kind)
	}
	entry, _ := decode.KindOf[objective.Params](kinds.Tables(), params)
	title := strings.Join(append([]string{entry.Name}, sets...), ", ")
	if obj.WholePolicy() || obj.Sampled != nil {
		title += " (pair terms)"
	}
	obj = obj.Comparisons()
	both := tables.Memory{plots.LossCurveTable: curve(obj, span), plots.LossMapTable: cells(obj, span)}
	return plots.Render(plots.Figure{Name: "loss-" + entry.Name, Params: &plots.Loss{Title: title}},
		plots.NewSources(func(string) (tables.Source, error) { return both, nil }))
}

// parameters decodes a kind with --set values, as a config would give them.
func parameters(kind string, sets []string) (objective.Params, error) {
	if here := kindsOfTRL(kind); len(here) > 0 {
		return nil, fmt.Errorf("loss: TRL's %s is %s here", kind, strings.Join(here, " or "))
	}
	root, err := decode.Parse("loss "+kind, []byte("kind: "+strconv.Quote(kind)))
	if err != nil {
		return nil, err
	}
	d, doc := decode.Decoder{File: "loss " + kind, Tables: kinds.Tables()}, &oneLoss{}
	for _, set := range sets {
		key, text, ok := strings.Cut(set, "=")
		switch {
		case !ok || strings.TrimSpace(text) == "":
			return nil, fmt.Errorf("--set %s: there is no value; KEY=VALUE is needed", set)
		case key == "":
			return nil, fmt.Errorf("--set %s: there is no key; KEY=VALUE is needed", set)
		}
		value, err := d.Assigned(root, doc, key, "--set "+set, text)
		if err != nil {
			return nil, err
		}
		value.Mark("--set " + set)
		if root, err = decode.Set(root, key, value); err != nil {
			return nil, fmt.Errorf("--set %s: %w", set, err)
		}
	}
	if err := d.Decode(root, "", doc); err != nil {
		return nil, decode.Unplaced(err, "", "")
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
	o.Grad(b, g)
	return o.Loss(b), g.Chosen[0], g.Rejected[0]
}

// curve follows the margin: the chosen response rises as the rejected one falls, the reference stays halfway.
func curve(obj *objective.Objective, span float64) *tables.Table {
	t := tables.NewTable(plots.LossCurveTable, "margin", "loss", "by_chosen", "by_rejected")
	for i := range lossPoints {
		margin := span * (2*float64(i)/(lossPoints-1) - 1) * (1 - 1e-3)
		loss, byChosen, byRejected := at(obj, (margin-span)/2, (-margin-span)/2, -span/2)
		t.Append(row(margin, loss, byChosen, byRejected)...)
	}
	return t
}

// cells covers the plane of both log-probabilities; values are those at the middle of each cell.
func cells(obj *objective.Objective, span float64) *tables.Table {
	t := tables.NewTable(plots.LossMapTable, "chosen", "rejected", "loss", "by_chosen", "by_rejected")
	middle := func(i int) float64 { return -span * (float64(i) + 0.5) / lossCells }
	for i := range lossCells {
		for j := range lossCells {
			loss, byChosen, byRejected := at(obj, middle(i), middle(j), -span/2)
			t.Append(row(middle(i), middle(j), loss, byChosen, byRejected)...)
		}
	}
	return t
}

func row(values ...float64) []string {
	cells := make([]string, len(values))
	for i, v := range values {
		cells[i] = tables.FormatFloat(v)
	}
	return cells
}
