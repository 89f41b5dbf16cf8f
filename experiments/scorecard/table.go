package scorecard

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"windtunnel/metrics/tables"
	"windtunnel/plots"
)

// Schema describes the columns of the scorecard's table.
func Schema() tables.Schema {
	return tables.Schema{
		{Name: "loss", Doc: "Label of the objective."},
		{Name: "test", Doc: "Name of the test."},
		{Name: "value", Type: tables.Number, Doc: "The worst case over the environments; less is better. Empty where the verdict is none."},
		{Name: "bound", Type: tables.Number, Doc: "The largest value that passes."},
		{Name: "verdict", Doc: "pass, fail, or none where the test does not apply or is not decided."},
		{Name: "environment", Doc: "Where the worst case was found."},
		{Name: "seed", Type: tables.Integer, Doc: "Seed of that environment, where it is a random one."},
		{Name: "prompt", Doc: "Prompt of the worst case, where the test is about one."},
		{Name: "lambda", Type: tables.Number, Doc: "Lambda of the run that the value is from, where it is from one."},
		{Name: "solver", Doc: "How the policies there were found."},
		{Name: "status", Doc: "The gravest status of the runs there, from converged to diverged."},
		{Name: "measured", Type: tables.Integer, Doc: "In how many environments the solver arrived."},
		{Name: "of", Type: tables.Integer, Doc: "In how many environments the test applies; with less than 90 % of them measured there is no verdict."},
		{Name: "group", Doc: "Tests of one group are summed up together."},
		{Name: "detail", Doc: "The finding with its caveats, or why there is none."},
		{Name: "searched_value", Type: tables.Number, Doc: "The worst value that a search for an environment found, where one was asked for."},
		{Name: "searched_tries", Type: tables.Integer, Doc: "In how many environments that search measured."},
		{Name: "searched_environment", Doc: "The environment of that value, as a config has it."},
	}
}

// Table returns the scorecard in long form, with the columns of Schema: a row a cell, losses in order and tests within
// them.
func (c *Card) Table() *tables.Table {
	t := tables.NewTable(plots.ScorecardTable, Schema().Names()...)
	whole := func(n int, known bool) string {
		if !known {
			return ""
		}
		return strconv.Itoa(n)
	}
	for i := range c.Cells {
		for j := range c.Cells[i] {
			cell := &c.Cells[i][j]
			site, searched := cmp.Or(cell.Site, &Site{}), cmp.Or(cell.Searched, &Searched{Value: math.NaN()})
			e := cmp.Or(site.Environment, &Environment{})
			t.Append(cell.Loss, cell.Test.Name, tables.FormatFloat(cell.Value), tables.FormatFloat(cell.Bound), string(cell.Verdict), site.Name,
				whole(e.Seed, e.Random), cell.Prompt, tables.FormatFloat(cell.Lambda), cell.Solver, cell.Status, whole(cell.Measured, cell.Of > 0),
				whole(cell.Of, cell.Of > 0), cell.Test.Group, cell.Detail,
				tables.FormatFloat(searched.Value), whole(searched.Tries, cell.Searched != nil), searched.Environment)
		}
	}
	return t
}

// marks stand for verdicts in Markdown.
var marks = map[Verdict]string{Pass: "✓", Fail: "✗", None: "–"}

// Markdown writes the scorecard for a README: a table with a row a loss, what is said of each, then what each column asks.
func (c *Card) Markdown() string {
	var b strings.Builder
	b.WriteString("| loss |")
	for j := range c.Tests {
		fmt.Fprintf(&b, " %d |", j+1)
	}
	b.WriteString("\n| --- |" + strings.Repeat(" --- |", len(c.Tests)) + "\n")
	name := func(loss string) string { return strings.ReplaceAll(loss, "|", "\\|") }
	for i, loss := range c.Losses {
		fmt.Fprintf(&b, "| %s |", name(loss))
		if same := c.Cells[i][0].SameAs; same != "" {
			fmt.Fprintf(&b, " as %s in a bandit |%s\n", name(same), strings.Repeat(" |", len(c.Tests)-1))
			continue
		}
		for j := range c.Cells[i] {
			fmt.Fprintf(&b, " %s |", c.Cells[i][j].words())
		}
		b.WriteString("\n")
	}
	b.WriteString("\n✓ within the bound, ✗ beyond it, – does not apply or is not decided. Numbers are the worst case over the environments; less is better. n of m: in so many environments of those in which the test applies the solver arrived.\n\n")
	b.WriteString("| loss | what it does |\n| --- | --- |\n")
	for i, loss := range c.Losses {
		fmt.Fprintf(&b, "| %s | %s |\n", name(loss), c.Summary(i))
	}
	b.WriteString("\n| | test | asks | value | bound |\n| --- | --- | --- | --- | --- |\n")
	for j, t := range c.Tests {
		bound := t.Bound
		if len(c.Cells) > 0 {
			bound = c.Cells[0][j].Bound
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s |\n", j+1, t.Name, t.Asks, t.Value, tables.FormatFloat(bound))
	}
	return b.String()
}

// words writes a cell as a mark, a number of two digits and, where environments are left out, how many are not.
func (c *Cell) words() string {
	text := marks[c.Verdict]
	if c.Verdict != None {
		value := "∞"
		if v := c.Value; !math.IsInf(v, 1) {
			value = strconv.FormatFloat(v, 'g', 2, 64)
		}
		text += " " + value
	}
	return text + c.share()
}

// share is " (n of m)" where environments are left out, else "".
func (c *Cell) share() string {
	if c.Measured == c.Of {
		return ""
	}
	return fmt.Sprintf(" (%d of %d)", c.Measured, c.Of)
}

// Summary says in words, group by group, what loss i does.
func (c *Card) Summary(i int) string {
	row := c.Cells[i]
	if row[0].SameAs != "" {
		return "as " + row[0].SameAs + " in a bandit"
	}
	var parts, groups []string
	cells := map[string][]*Cell{} // by group
	for j := range row {
		group := row[j].Test.Group
		if cells[group] == nil {
			groups = append(groups, group)
		}
		cells[group] = append(cells[group], &row[j])
	}
	for _, group := range groups {
		if words := said(cells[group]); words != "" {
			parts = append(parts, words)
		}
	}
	return strings.Join(parts, "; ")
}

// said sums up the cells of a group. Where one of several tests that exclude one another is passed, that alone is said; else what
// is said of the tests that fail, or where none does of those that pass.
func said(cells []*Cell) string {
	if slices.ContainsFunc(cells, func(c *Cell) bool { return c.Test.OneOf && c.Verdict == Pass }) {
		cells = slices.DeleteFunc(slices.Clone(cells), func(c *Cell) bool { return c.Test.OneOf && c.Verdict != Pass })
	}
	for _, verdict := range []Verdict{Fail, Pass} {
		var words []string
		for _, c := range cells {
			text := map[Verdict]string{Fail: c.Test.Fail, Pass: c.Test.Pass}[verdict]
			if c.Verdict == verdict && text != "" && !slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, text) }) {
				words = append(words, text+c.share())
			}
		}
		if len(words) > 0 {
			return strings.Join(words, ", ")
		}
	}
	return ""
}
