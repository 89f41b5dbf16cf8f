package spec

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"

	"windtunnel/experiments/spec/decode"
	"windtunnel/metrics/summaries"
	"windtunnel/metrics/tables"
	"windtunnel/toy/objective"
)

// reviewClaims checks that claims name columns, prompts and runs that the plan will have, so that a misspelt name is
// found before anything is trained. It returns the claims, less those that --set has left without what they speak of.
func (l *loader) reviewClaims(list []Claim, plan *Plan) (kept []Claim) {
	for i, c := range list {
		Respell(&c, c.Test.Refs(), plan.columnsOf, l.Tables)
		key := fmt.Sprintf("claims.%d", i)
		if l.stands(key, "claim "+c.Name, func() { l.reviewRefs(key+".", c.Test.Refs(), plan) }) {
			kept = append(kept, c)
		}
	}
	return kept
}

// stands calls review and says whether what it reviews, an entry of the config at a key, stays there. Under --set a claim or figure of
// the config may lose the runs that it is about: it is left out with a warning instead of being a mistake, unless --set speaks of it.
func (l *loader) stands(key, what string, review func()) bool {
	before := len(l.errs)
	review()
	if !l.overridden || len(l.errs) == before || decode.Lookup(l.root, key).From(setLabel) {
		return true
	}
	mistake := mistakesOf(l.errs[before:])[0]
	l.warn(fmt.Sprintf("%s is left out: with --set, %s: %s", what, mistake.Key, mistake.Wrong))
	l.errs = l.errs[:before]
	return false
}

// reviewFigures does the same for figures, given the plans that they may draw from by name, "" for the config's own.
func (l *loader) reviewFigures(figures []Figure, plans map[string]*Plan) []Figure {
	kept := slices.Clone(figures[:0]) // [] is other than none: no figures are wanted
	for i, f := range figures {
		Respell(&f, f.Params.Refs(), func(from, table string) []string {
			if plan := plans[cmp.Or(from, f.From)]; plan != nil {
				return plan.allColumns(table)
			}
			return nil
		}, l.Tables)
		key := fmt.Sprintf("figures.%d", i)
		if l.stands(key, "figure "+f.Name, func() { l.reviewFigure(key+".", f.From, f.Params.Refs(), plans) }) {
			kept = append(kept, f)
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
		if wrong, allowed := lacksPrompt(plan.Prompts, ref.Prompt); wrong != "" {
			l.failAt(at+ref.Key, wrong, allowed, decode.Nearest(ref.Prompt, plan.Prompts))
		}
	}
	for _, selection := range refs.Wheres {
		l.reviewWhere(plan, at+selection.Key, selection.Where)
	}
}

// reviewFrom complains about an experiment that does not exist.
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
	columns := plan.allColumns(table)
	if slices.Contains(columns, column) {
		return
	}
	l.failAt(key, fmt.Sprintf("there is no column %q in the table %s", column, table),
		"a metric or a swept key (`experiments list metrics`)", NearestColumn(column, columns, l.Tables))
}

// columnsOf is allColumns for Respell, of what draws from one plan.
func (p *Plan) columnsOf(_, table string) []string { return p.allColumns(table) }

// allColumns are the columns that what reads a table finds: its own and those that are known of its runs.
func (p *Plan) allColumns(table string) []string {
	columns := p.Columns(table)
	if table != tables.Runs {
		columns = append(columns, p.PlannedColumns()...)
	}
	return columns
}

// Respell writes columns that a claim or a figure names by an alias, as beta is lambda's, as tables have them. refs are what it names, and
// columns returns those of a table of the experiment that a part of it draws from, "" where it says none.
func Respell[T any](entry *T, refs tables.Refs, columns func(from, table string) []string, kinds *decode.Tables) {
	type ref struct{ key, own string }
	var named []ref
	var walk func(at, from string, refs tables.Refs)
	walk = func(at, from string, refs tables.Refs) {
		for _, part := range refs.Parts {
			walk(at+part.Key, cmp.Or(part.From, from), part.Refs)
		}
		for _, r := range refs.Columns {
			if slices.ContainsFunc(refs.Wheres, func(s tables.Selection) bool { return r.Key == s.Key+"."+r.Column }) {
				continue // a key of the selection, see below
			}
			if own := aliased(r.Column, columns(from, r.Table), kinds); own != "" {
				named = append(named, ref{at + r.Key, own})
			}
		}
		for _, s := range refs.Wheres {
			for _, name := range slices.Collect(maps.Keys(s.Where)) {
				if own := aliased(name, columns(from, tables.Runs), kinds); own != "" && s.Where[own] == nil {
					s.Where[own] = s.Where[name]
					delete(s.Where, name)
				}
			}
		}
	}
	walk("", "", refs)
	if named == nil {
		return
	}
	tree := decode.Encode(entry, kinds)
	for _, r := range named {
		if set, err := decode.Set(tree, r.key, scalar(r.own)); err == nil {
			tree = set
		}
	}
	var again T
	d := decode.Decoder{Tables: kinds}
	if d.Decode(tree, "", &again) == nil {
		*entry = again
	}
}

// aliased returns the known column that a name is an alias of, as beta is of lambda; "" where the name is known, or no alias.
func aliased(name string, known []string, kinds *decode.Tables) string {
	if slices.Contains(known, name) {
		return ""
	}
	for _, own := range known {
		if decode.Alias[objective.Params](kinds, name, own) {
			return own
		}
	}
	return ""
}

// NearestColumn returns the known column that another name is meant for: the one whose alias this is, or the nearest; "" if none is near.
func NearestColumn(name string, known []string, kinds *decode.Tables) string {
	return cmp.Or(aliased(name, known, kinds), decode.Nearest(name, known))
}

// lacksPrompt says that no prompt of a name or of a common name is there, and what is; "" if one is.
func lacksPrompt(prompts []string, name string) (wrong, allowed string) {
	if len(tables.MatchPrompts(prompts, name)) > 0 {
		return "", ""
	}
	return fmt.Sprintf("there is no prompt %q", name), oneOf(prompts) + ", or their common name before -1, -2, ..."
}

// oneOf lists the first ten of what is allowed.
func oneOf(list []string) string {
	if len(list) > 10 {
		list = append(slices.Clone(list[:10]), "...")
	}
	return "one of " + strings.Join(list, ", ")
}

// reviewWhere complains about a selection that no planned run answers. Columns that are only known afterwards, such as
// status, cannot be checked.
func (l *loader) reviewWhere(plan *Plan, key string, where tables.Where) {
	known := tables.Where{}
	before := len(l.errs)
	for _, column := range slices.Sorted(maps.Keys(where)) {
		if !slices.Contains(plan.PlannedColumns(), column) {
			continue
		}
		known[column] = where[column]
		for _, value := range plan.unanswered(column, where[column]) {
			values, near := plan.Values(column), ""
			if math.IsNaN(tables.ParseFloat(value)) { // 1e-4 is not a misspelt 1e-5
				near = decode.Nearest(value, values)
			}
			l.failAt(key+"."+column, fmt.Sprintf("no planned run has the %s %q", column, value),
				oneOf(values), near)
		}
	}
	if len(l.errs) == before && !plan.Answers(known) {
		l.failAt(key, "selects no planned run", "values that some run has together", "")
	}
}

// unanswered returns the values that no run has in a column.
func (p *Plan) unanswered(column string, values []string) []string {
	have := p.Values(column)
	return slices.DeleteFunc(slices.Clone(values), func(v string) bool {
		return slices.ContainsFunc(have, func(cell string) bool { return tables.SameCell(cell, v) })
	})
}

// Answers says whether a selection of columns of the plan has a run.
func (p *Plan) Answers(where tables.Where) bool {
	columns := slices.Sorted(maps.Keys(where))
	for row := range p.Rows(columns...) {
		found := true
		for i, column := range columns {
			found = found && slices.ContainsFunc(where[column], func(value string) bool { return tables.SameCell(row[i], value) })
		}
		if found {
			return true
		}
	}
	return false
}

// Values lists the values of a column, in order.
func (p *Plan) Values(column string) []string {
	var values []string
	seen := map[string]bool{}
	for row := range p.Rows(column) {
		if v := row[0]; !seen[v] {
			seen[v] = true
			values = append(values, v)
		}
	}
	return values
}

// Rows goes through the cells of some columns of the plan, run by run.
func (p *Plan) Rows(columns ...string) iter.Seq[[]string] {
	return func(yield func(row []string) bool) {
		planned, row := p.PlannedColumns(), make([]string, len(columns))
		for _, run := range p.Runs {
			cells := run.Cells()
			for i, column := range columns {
				row[i] = cells[slices.Index(planned, column)]
			}
			if !yield(row) {
				return
			}
		}
	}
}

// SummarySettings returns how the runs are to be summed up over their seeds, nil if they are not: where the config does not
// say, they are where some setting has several seeds.
func (c *Config) SummarySettings() *summaries.Settings {
	switch {
	case c.Experiment == nil:
		return nil
	case c.Experiment.Summary != nil:
		return c.Experiment.Summary
	}
	seen := map[string]bool{}
	for _, r := range c.Plan.Runs {
		setting := r.setting()
		if seen[setting] {
			s := &summaries.Settings{}
			s.SetDefaults()
			return s
		}
		seen[setting] = true
	}
	return nil
}

// reviewSummary complains about columns and a baseline that no run will have.
func (l *loader) reviewSummary(s *summaries.Settings, plan *Plan) {
	if s == nil {
		return
	}
	before := len(l.errs)
	Respell(s, s.Refs(), plan.columnsOf, l.Tables)
	for _, ref := range s.Refs().Columns {
		l.reviewColumn(plan, "summary."+ref.Key, tables.Runs, ref.Column)
	}
	if s.Pairs.Baseline == "" || len(l.errs) > before || len(plan.unanswered(s.Pairs.Column, []string{s.Pairs.Baseline})) == 0 {
		return
	}
	values := plan.Values(s.Pairs.Column)
	l.failAt("summary.pairs.baseline", fmt.Sprintf("no planned run has the %s %q", s.Pairs.Column, s.Pairs.Baseline),
		oneOf(values), decode.Nearest(s.Pairs.Baseline, values))
}

// reviewComparison complains about columns that no run will have, and about seeds that leave none to choose or none to measure on.
func (l *loader) reviewComparison(c *summaries.Comparison, plan *Plan) {
	if c == nil {
		return
	}
	Respell(&c.Select, c.Select.Refs(), plan.columnsOf, l.Tables)
	for _, ref := range c.Select.Refs().Columns {
		l.reviewColumn(plan, "compare.select."+ref.Key, tables.Runs, ref.Column)
	}
	seeds, left := plan.Values("seed"), 0
	for _, seed := range seeds {
		if !slices.Contains(c.Select.Seeds, int(tables.ParseFloat(seed))) {
			left++
		}
	}
	if left == 0 || left == len(seeds) {
		l.failAt("compare.select.seeds", fmt.Sprintf("are %d of the %d seeds of the runs", len(seeds)-left, len(seeds)),
			oneOf(seeds)+" or some more, and others left that the losses are measured on", "")
	}
}
