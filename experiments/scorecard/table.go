package scorecard

import (
	"fmt"
	"math"
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
		{Name: "verdict", Doc: "pass, fail, or none where the test does not apply."},
		{Name: "environment", Doc: "Where the worst case was found."},
		{Name: "seed", Type: tables.Integer, Doc: "Seed of that environment, where it is a random one."},
		{Name: "prompt", Doc: "Prompt of the worst case."},
		{Name: "lambda", Type: tables.Number, Doc: "Lambda of the worst case."},
		{Name: "solver", Doc: "How the policy of the worst case was found."},
		{Name: "converged", Doc: "Whether the search for a policy arrived in every environment: yes, no where some are left out for that, or " +
			"empty where there are none or only stopped runs were asked for."},
		{Name: "detail", Doc: "The finding with its caveats, or why there is none."},
	}
}

// Table returns the scorecard in long form, with the columns of Schema: a row a cell, losses in order and tests within
// them.
func (c *Card) Table() *tables.Table {
	t := tables.NewTable(plots.ScorecardTable, Schema().Names()...)
	for i := range c.Cells {
		for j := range c.Cells[i] {
			cell, environment, seed := &c.Cells[i][j], "", ""
			r := &cell.Reading
			if r.Environment != nil && cell.Verdict != None {
				environment = r.Environment.Name
				if r.Environment.Random {
					seed = strconv.Itoa(r.Environment.Seed)
				}
			}
			t.Append(cell.Loss, cell.Test.Name, tables.FormatFloat(r.Value), tables.FormatFloat(cell.Bound), string(cell.Verdict), environment,
				seed, r.Prompt, tables.FormatFloat(r.Lambda), r.Solver, cell.converged(), cell.detail())
		}
	}
	return t
}

// detail is the finding with its caveats, or why there is none.
func (c *Cell) detail() string {
	switch {
	case c.Verdict != None:
		return c.Reading.Detail + c.evidence.caveat()
	case c.evidence.left > 0 && c.evidence.left < c.evidence.measured:
		return c.Reading.None + c.evidence.caveat()
	}
	return c.Reading.None
}

// marks stand for verdicts in Markdown.
var marks = map[Verdict]string{Pass: "✓", Fail: "✗", None: "–"}

// Markdown writes the scorecard for a README: a table with a row a loss, then what each column asks.
func (c *Card) Markdown() string {
	var b strings.Builder
	b.WriteString("| loss |")
	for j := range c.Tests {
		fmt.Fprintf(&b, " %d |", j+1)
	}
	b.WriteString("\n| --- |" + strings.Repeat(" --- |", len(c.Tests)) + "\n")
	for i, loss := range c.Losses {
		fmt.Fprintf(&b, "| %s |", strings.ReplaceAll(loss, "|", "\\|"))
		for j := range c.Cells[i] {
			fmt.Fprintf(&b, " %s |", c.Cells[i][j].words())
		}
		b.WriteString("\n")
	}
	b.WriteString("\n✓ within the bound, ✗ beyond it, – does not apply. Numbers are the worst case over the environments; less is better. ? marks cells from which environments are left out, since a search for a policy did not converge there.\n\n")
	b.WriteString("| | test | asks | value | bound |\n| --- | --- | --- | --- | --- |\n")
	for j, t := range c.Tests {
		bound := t.Bound
		if len(c.Cells) > 0 {
			bound = c.Cells[0][j].Bound
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s |\n", j+1, t.Name, t.Asks, t.Value, tables.FormatFloat(bound))
	}
	return b.String()
}

// words writes a cell as a mark and a number of two digits.
func (c *Cell) words() string {
	if c.Verdict == None {
		return marks[None]
	}
	value := "∞"
	if v := c.Reading.Value; !math.IsInf(v, 1) {
		value = strconv.FormatFloat(v, 'g', 2, 64)
	}
	text := marks[c.Verdict] + " " + value
	if c.converged() == "no" {
		text += "?"
	}
	return text
}
