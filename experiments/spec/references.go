package spec

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"windtunnel/experiments/claims"
	"windtunnel/experiments/record"
	"windtunnel/experiments/spec/decode"
	"windtunnel/plots"
)

// reviewReferences checks that claims and figures name columns, prompts and runs that the plan will have, so that a
// misspelt name is found before anything is trained.
func (l *loader) reviewReferences(tail *Tail, plans map[string]*Plan) {
	for i := range tail.Claims {
		refs, ok := tail.Claims[i].Test.(claims.Refs)
		if !ok {
			continue
		}
		at := fmt.Sprintf("claims.%d.", i)
		plan := plans[""]
		if plan == nil {
			l.fail(l.Error(decode.Lookup(l.root, "claims"), strings.TrimSuffix(at, "."), "has no runs to speak of",
				"claims in the configs of the suite's members"))
			continue
		}
		for _, ref := range refs.Columns() {
			l.reviewColumn(plan, at+ref.Key, ref.Table, ref.Column)
		}
		for _, ref := range refs.Prompts() {
			l.reviewPrompt(plan, at+ref.Key, ref.Prompt)
		}
		for _, selection := range refs.Wheres() {
			l.reviewWhere(plan, at+selection.Key, selection.Where)
		}
	}
	for i := range tail.Figures {
		l.reviewFigure(fmt.Sprintf("figures.%d.", i), &tail.Figures[i], plans)
	}
}

// reviewFigure checks the columns and runs of one figure against the experiments that it draws from.
func (l *loader) reviewFigure(at string, fig *plots.Figure, plans map[string]*Plan) {
	if parts, ok := fig.Params.(*plots.Composite); ok {
		for i, part := range parts.Parts {
			l.reviewPart(fmt.Sprintf("%spanels.%d.", at, i), cmp.Or(part.From, fig.From), part.Figure, plans)
		}
		return
	}
	l.reviewPart(at, fig.From, fig.Params, plans)
}

// reviewPart checks what one kind of figure names in the tables of one experiment.
func (l *loader) reviewPart(at, from string, params plots.Params, plans map[string]*Plan) {
	plan, ok := plans[from]
	if !ok {
		l.reviewFrom(at, from, plans)
		return
	}
	refs, ok := params.(plots.Refs)
	if !ok {
		return
	}
	for _, ref := range refs.Columns() {
		l.reviewColumn(plan, at+ref.Key, ref.Table, ref.Column)
	}
	for _, ref := range refs.Prompts() {
		l.reviewPrompt(plan, at+ref.Key, ref.Prompt)
	}
	for _, selection := range refs.Wheres() {
		l.reviewWhere(plan, at+selection.Key, selection.Where)
	}
}

// reviewFrom complains about tables of an experiment that there is not.
func (l *loader) reviewFrom(at, from string, plans map[string]*Plan) {
	var names []string
	for name := range plans {
		if name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	e := l.Error(decode.Lookup(l.root, at+"from"), at+"from", fmt.Sprintf("there is no experiment %q here", from),
		"one of the suite's: "+strings.Join(names, ", "))
	if len(names) == 0 {
		e.Allowed = "no from: a config of one experiment draws its own tables"
	}
	if from == "" {
		e = l.Error(decode.Lookup(l.root, strings.TrimSuffix(at, ".")), at+"from", "is missing", e.Allowed)
	}
	e.Near = decode.Nearest(from, names)
	l.fail(e)
}

func (l *loader) reviewColumn(plan *Plan, key, table, column string) {
	columns := plan.Columns(table)
	if table != record.Runs {
		columns = append(columns, plan.planColumns()...)
	}
	if slices.Contains(columns, column) {
		return
	}
	e := l.Error(l.nearestNode(key), key, fmt.Sprintf("there is no column %q in the table %s", column, table),
		"a metric or a swept key (`experiments list metrics`)")
	e.Near = decode.Nearest(column, columns)
	l.fail(e)
}

func (l *loader) reviewPrompt(plan *Plan, key, prompt string) {
	if len(claims.MatchPrompts(plan.Prompts, prompt)) > 0 {
		return
	}
	e := l.Error(l.nearestNode(key), key, fmt.Sprintf("there is no prompt %q", prompt),
		"one of "+strings.Join(plan.Prompts, ", ")+", or their common name before -1, -2, ...")
	e.Near = decode.Nearest(prompt, plan.Prompts)
	l.fail(e)
}

// reviewWhere complains about a selection that no planned run answers. Columns that are only known afterwards, such as
// status, cannot be checked.
func (l *loader) reviewWhere(plan *Plan, key string, where record.Where) {
	known := record.Where{}
	table := plan.planned()
	for column, values := range where {
		if table.Column(column) >= 0 {
			known[column] = values
		}
	}
	for column, values := range known {
		for _, value := range values {
			alone := record.Where{column: {value}}
			if len(alone.Select(table)) == 0 {
				at := key + "." + column
				l.fail(l.Error(l.nearestNode(at), at, fmt.Sprintf("no planned run has the %s %q", column, value),
					"one of "+strings.Join(distinct(table, column), ", ")))
				return
			}
		}
	}
	if len(known.Select(table)) == 0 {
		l.fail(l.Error(l.nearestNode(key), key, "selects no planned run", "values that some run has together"))
	}
}

// distinct lists the values of a column, in order, the first ten.
func distinct(t *record.Table, column string) []string {
	var values []string
	for row := range t.Rows {
		if v := t.Text(row, column); !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	if len(values) > 10 {
		values = append(values[:10], "...")
	}
	return values
}

// nearestNode returns the node at a key, or the nearest around it.
func (l *loader) nearestNode(key string) *yaml.Node {
	for {
		if n := decode.Lookup(l.root, key); n != nil {
			return n
		}
		cut := strings.LastIndexByte(key, '.')
		if cut < 0 {
			return l.root
		}
		key = key[:cut]
	}
}
