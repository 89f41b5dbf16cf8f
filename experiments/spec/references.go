package spec

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"windtunnel/experiments/spec/decode"
	"windtunnel/metrics/claims"
	"windtunnel/metrics/tables"
	"windtunnel/plots"
)

// reviewClaims checks that claims name columns, prompts and runs that the plan will have, so that a misspelt name is
// found before anything is trained. It returns the claims, less those that --set has left without what they speak of.
func (l *loader) reviewClaims(list []Claim, plan *Plan) []Claim {
	var kept []Claim
	for i := range list {
		at := fmt.Sprintf("claims.%d.", i)
		if l.stands("claim "+list[i].Name, func() { l.reviewClaim(at, &list[i], plan) }) {
			kept = append(kept, list[i])
		}
	}
	return kept
}

// stands calls review and says whether what it looked at is to be kept. Under --set a claim or figure of the config may
// lose the runs that it is about: it is left out with a warning instead of being a mistake.
func (l *loader) stands(what string, review func()) bool {
	before := len(l.errs)
	review()
	if !l.overridden || len(l.errs) == before {
		return true
	}
	var mistakes decode.Errors
	if errors.As(decode.Join(l.errs[before]), &mistakes) {
		l.warn(fmt.Sprintf("%s is left out: with --set, %s: %s", what, mistakes[0].Key, mistakes[0].Wrong))
	}
	l.errs = l.errs[:before]
	return false
}

func (l *loader) reviewClaim(at string, claim *Claim, plan *Plan) {
	refs, ok := claim.Test.(claims.Refs)
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

// reviewFigures does the same for figures, given the plans that they may draw from by name, "" for the config's own.
func (l *loader) reviewFigures(figures []plots.Figure, plans map[string]*Plan) []plots.Figure {
	var kept []plots.Figure
	for i := range figures {
		at := fmt.Sprintf("figures.%d.", i)
		if l.stands("figure "+figures[i].Name, func() { l.reviewFigure(at, &figures[i], plans) }) {
			kept = append(kept, figures[i])
		}
	}
	return kept
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
	names := slices.Sorted(maps.Keys(plans))
	allowed := "one of the suite's: " + strings.Join(names, ", ")
	if _, alone := plans[""]; alone {
		allowed = "no from: the config of one experiment draws its own tables"
	}
	if from == "" {
		l.failAt(at+"from", "is missing", allowed, "")
		return
	}
	l.failAt(at+"from", fmt.Sprintf("there is no experiment %q here", from), allowed, decode.Nearest(from, names))
}

func (l *loader) reviewColumn(plan *Plan, key, table, column string) {
	if lacks := plan.without(table); lacks != "" {
		l.failAt(key, fmt.Sprintf("there is no table %s: %s", table, lacks), "one of the tables "+strings.Join(plan.Tables(), ", "), "")
		return
	}
	columns := plan.Columns(table)
	if table != tables.Runs {
		columns = append(columns, plan.PlannedColumns()...)
	}
	if slices.Contains(columns, column) {
		return
	}
	l.failAt(key, fmt.Sprintf("there is no column %q in the table %s", column, table),
		"a metric or a swept key (`experiments list metrics`)", decode.Nearest(column, columns))
}

func (l *loader) reviewPrompt(plan *Plan, key, prompt string) {
	if len(claims.MatchPrompts(plan.Prompts, prompt)) > 0 {
		return
	}
	l.failAt(key, fmt.Sprintf("there is no prompt %q", prompt),
		"one of "+strings.Join(firstTen(plan.Prompts), ", ")+", or their common name before -1, -2, ...", decode.Nearest(prompt, plan.Prompts))
}

// firstTen shortens a list for a message.
func firstTen(list []string) []string {
	if len(list) <= 10 {
		return list
	}
	return append(slices.Clone(list[:10]), "...")
}
