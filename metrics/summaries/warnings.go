package summaries

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// warnings collects what a reader of the tables should know. The same sentence about several groups becomes one.
type warnings []warning

type warning struct {
	sentence string
	about    string // what the first was about
	count    int
}

// add notes a sentence about a group or a comparison, "" for none in particular.
func (w *warnings) add(sentence, about string) {
	i := slices.IndexFunc(*w, func(known warning) bool { return known.sentence == sentence })
	if i < 0 {
		i, *w = len(*w), append(*w, warning{sentence, about, 0})
	}
	(*w)[i].count++
}

// mostWarnings is how many different sentences are told.
const mostWarnings = 12

// Warnings returns what to tell the user about the tables made so far, one sentence each, in the order of their first occurrences.
func (g *Groups) Warnings() []string {
	var lines []string
	for i, w := range g.warnings {
		if i == mostWarnings {
			return append(lines, fmt.Sprintf("... and %d more kinds of warnings", len(g.warnings)-i))
		}
		line := w.sentence
		if w.about != "" {
			line = w.about + ": " + line
		}
		if w.count > 1 {
			line += fmt.Sprintf(" (and %d more like it)", w.count-1)
		}
		lines = append(lines, line)
	}
	return lines
}

// warnMixed warns of runs that are averaged though they differ in something other than the seed, or do not differ at all,
// and of runs that are left out.
func (g *Groups) warnMixed() {
	mixed := false
	for _, column := range g.over {
		if column != "seed" {
			mixed = g.warnColumn(column) || mixed
		}
	}
	for i := range g.groups {
		at := &g.groups[i]
		for k, run := range at.runs {
			if k > 0 && run.unit == at.runs[k-1].unit && !mixed {
				g.warnings.add(fmt.Sprintf("runs %s and %s differ in nothing", g.name(at.runs[k-1]), g.name(run)), g.describe(at, g.by))
			}
		}
	}
	broken := 0
	for _, b := range g.broken {
		if b {
			broken++
		}
	}
	if broken > 0 {
		g.warnings.add(fmt.Sprintf("%d of %d runs failed; they are in no mean, and in the column failed", broken, len(g.broken)), "")
	}
}

// warnColumn warns if some group averages over a column, and says whether one does.
func (g *Groups) warnColumn(column string) bool {
	count, first, examples := 0, "", []string(nil)
	for i := range g.groups {
		values := g.distinct(&g.groups[i], column)
		if len(values) < 2 {
			continue
		}
		if count++; count == 1 {
			first, examples = g.describe(&g.groups[i], g.by), values
		}
	}
	if count == 0 {
		return false
	}
	g.warnings.add(fmt.Sprintf("runs that are averaged differ in %s (%s) in %d of %d groups, as in %s; name %s in by to keep them apart",
		column, strings.Join(examples, ", "), count, len(g.groups), first, column), "")
	return true
}

// mostExamples is how many values a warning names.
const mostExamples = 3

// distinct returns the values of a column in a group, the fourth and later ones as "...".
func (g *Groups) distinct(at *group, column string) []string {
	var values []string
	for _, run := range at.runs {
		if v := cmp.Or(g.runs.Text(run.row, column), "empty"); !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	if len(values) > mostExamples {
		return append(values[:mostExamples], "...")
	}
	return values
}
