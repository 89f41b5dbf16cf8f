package spec

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"windtunnel/experiments/spec/decode"
	"windtunnel/metrics/tables"
)

// reviewClaims checks that claims name columns, prompts and runs that the plan will have, so that a misspelt name is
// found before anything is trained. It returns the claims, less those that --set has left without what they speak of.
func (l *loader) reviewClaims(list []Claim, plan *Plan) []Claim {
	var kept []Claim
	for i := range list {
		at := fmt.Sprintf("claims.%d.", i)
		if l.stands("claim "+list[i].Name, func() { l.reviewRefs(at, list[i].Test.Refs(), plan) }) {
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

// reviewFigures does the same for figures, given the plans that they may draw from by name, "" for the config's own.
func (l *loader) reviewFigures(figures []Figure, plans map[string]*Plan) []Figure {
	kept := slices.Clone(figures[:0]) // [] is other than none: no figures are wanted
	for i := range figures {
		at := fmt.Sprintf("figures.%d.", i)
		if l.stands("figure "+figures[i].Name, func() { l.reviewFigure(at, figures[i].From, figures[i].Params.Refs(), plans) }) {
			kept = append(kept, figures[i])
		}
	}
	return kept
}

// reviewFigure checks what a figure, or part of one, names in the tables of the experiment that it draws from.
func (l *loader) reviewFigure(at, from string, refs tables.Refs, plans map[string]*Plan) {
	for _, part := range refs.Parts {
		l.reviewFigure(at+part.Key, cmp.Or(part.From, from), part.Refs, plans)
	}
	plan, ok := plans[from]
	switch {
	case ok:
		l.reviewRefs(at, refs, plan)
	case refs.Parts == nil:
		l.reviewFrom(at, from, plans)
	}
}

// reviewRefs checks what a claim or a figure names in the tables of a plan.
func (l *loader) reviewRefs(at string, refs tables.Refs, plan *Plan) {
	for _, ref := range refs.Columns {
		l.reviewColumn(plan, at+ref.Key, ref.Table, ref.Column)
	}
	for _, ref := range refs.Prompts {
		l.reviewPrompt(plan, at+ref.Key, ref.Prompt)
	}
	for _, selection := range refs.Wheres {
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
		columns = append(columns, plan.planColumns()...)
	}
	if slices.Contains(columns, column) {
		return
	}
	l.failAt(key, fmt.Sprintf("there is no column %q in the table %s", column, table),
		"a metric or a swept key (`experiments list metrics`)", decode.Nearest(column, columns))
}

func (l *loader) reviewPrompt(plan *Plan, key, prompt string) {
	if len(tables.MatchPrompts(plan.Prompts, prompt)) > 0 {
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
