package summaries

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"windtunnel/metrics"
	"windtunnel/metrics/inference"
	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
	"windtunnel/toy/registry"
)

// Names of the tables of losses that are each at their own best value of a setting.
const (
	Selected       = "selected"
	SelectedPaired = "selected_paired"
)

// Comparison says how losses are compared with each other.
type Comparison struct {
	Select Selection `yaml:"select" required:"true" doc:"the value of a setting that each loss is compared at: its own best one, chosen on some of the seeds and measured on the others"`
}

// Selection chooses a setting such as lambda, which means something else in every loss, for each loss by itself, and in each
// setting of what is swept beside. It is chosen on some seeds and the metric measured on the others, since what is chosen and measured on the same
// draws looks better than it is.
type Selection struct {
	By     string `yaml:"by" required:"true" doc:"column of runs whose value is chosen, such as lambda"`
	Metric string `yaml:"metric" required:"true" doc:"measured column of runs by which it is chosen and losses are compared"`
	Better string `yaml:"better,omitempty" oneof:"lower,higher" doc:"which values of the metric are better; needed where the metric does not say it, as distances from pi_star and rewards do"`
	Seeds  []int  `yaml:"seeds" required:"true" doc:"seeds of the runs that choose and do not count; a value at which fewer of them have the metric than at another is not chosen"`
}

// Check wants to know what is better.
func (s *Selection) Check() []registry.Problem {
	return registry.If(s.Metric != "" && s.better() == "", "better", "is missing, and "+s.Metric+" does not say which of its values are the better ones", "lower or higher")
}

// Refs tells what the selection looks up by name.
func (s *Selection) Refs() tables.Refs {
	return tables.Refs{}.Column("by", tables.Runs, s.By).Column("metric", tables.Runs, s.Metric)
}

func (s *Selection) better() string {
	if s.Better != "" {
		return s.Better
	}
	return metrics.Better(s.Metric)
}

// Choice is what was chosen for a loss in a setting of what is swept beside.
type Choice struct {
	cells    []string // of the columns that make a group
	value    string   // that was chosen
	end      string   // lowest or highest where it is at an end of what was tried
	tried    int      // values
	choosing inference.Description
	measured inference.Description
}

// Choices are the runs of each loss at its own best value, on the seeds that had no part in the choice.
type Choices struct {
	Selection
	List []Choice
	Runs tables.Memory // the table runs of those

	by      []string
	lacking []string // losses without any value of the metric on the seeds that choose
}

// finite is the number of choosing runs with a finite value.
func (c *Choice) finite() int { return c.choosing.N - c.choosing.Infinite }

// Select chooses. Where a loss lacks the metric on some of the seeds that choose, as where no minimizer exists, only the values at which
// it lacks the fewest are chosen among. The error names a column that runs lack, or a cell that is no number.
func Select(src tables.Source, s Selection) (c *Choices, err error) {
	err = try.Do(func() { c = selected(try.Must(src.Table(tables.Runs)), s) })
	return c, err
}

func selected(runs *tables.Table, s Selection) *Choices {
	try.Check(runs.Load(runs.Header...))
	try.Check(runs.Need("compare.select", s.By, s.Metric))
	kept := tables.NewTable(tables.Runs, runs.Header...)
	c := &Choices{Selection: s, Runs: tables.Memory{tables.Runs: kept}}
	c.by = slices.DeleteFunc(runs.Settings(), func(column string) bool { return column == "seed" || column == s.By })
	groups, rows := numbering{}, [][]int(nil)
	for row := range runs.Len() {
		i := groups.of(runs.Cells(row, c.by))
		if i == len(rows) {
			rows = append(rows, nil)
		}
		rows[i] = append(rows[i], row)
	}
	for _, members := range rows {
		one, measured := c.choose(runs, members)
		if one.finite() == 0 {
			c.lacking = append(c.lacking, runs.Describe(members[0], c.by))
			continue
		}
		c.List = append(c.List, one)
		for _, row := range measured {
			cells := runs.Row(row)
			cells[runs.Column(s.By)] = "" // another one in every loss, it must not keep seeds from meeting
			kept.Append(cells...)
		}
	}
	return c
}

// choose chooses among the runs of one group, and returns the rows that the choice is measured on.
func (c *Choices) choose(runs *tables.Table, members []int) (Choice, []int) {
	var values []string
	choosing, others, measures := map[string][]float64{}, map[string][]int{}, map[string][]float64{}
	for _, row := range members {
		at := runs.Text(row, c.By)
		if !slices.Contains(values, at) {
			values = append(values, at)
		}
		v := math.NaN()
		if runs.Text(row, "status") != tables.Failed {
			v = try.Must(runs.Number(row, c.Metric))
		}
		if seed := runs.Float(row, "seed"); slices.Contains(c.Seeds, int(seed)) {
			choosing[at] = append(choosing[at], v)
		} else {
			others[at], measures[at] = append(others[at], row), append(measures[at], v)
		}
	}
	one := Choice{cells: runs.Cells(members[0], c.by), tried: len(values)}
	for _, at := range values {
		d := inference.Describe(choosing[at])
		better := (c.better() == "lower") == (d.Mean < one.choosing.Mean) && d.Mean != one.choosing.Mean
		if finite := d.N - d.Infinite; finite > one.finite() || finite == one.finite() && better {
			one.value, one.choosing = at, d
		}
	}
	one.measured = inference.Describe(measures[one.value])
	lower := slices.ContainsFunc(values, func(at string) bool { return tables.ParseFloat(at) < tables.ParseFloat(one.value) })
	higher := slices.ContainsFunc(values, func(at string) bool { return tables.ParseFloat(at) > tables.ParseFloat(one.value) })
	switch {
	case lower && !higher:
		one.end = "highest"
	case higher && !lower:
		one.end = "lowest"
	}
	return one, others[one.value]
}

// selectedColumns follow the columns of the setting.
var selectedColumns = tables.Schema{
	{Name: "metric", Doc: "Measured column by which the value was chosen."},
	{Name: "tried", Type: tables.Integer, Doc: "Values among which was chosen."},
	{Name: "end", Doc: "lowest or highest, where the chosen value is at an end of those tried and a better one may lie beyond."},
	{Name: "chosen_on", Type: tables.Integer, Doc: "Runs, one a seed, that chose."},
	{Name: "chosen_mean", Type: tables.Number, Doc: "Mean of the metric over those, which is biased towards the better."},
	{Name: "n", Type: tables.Integer, Doc: "Runs of other seeds with a value, which the columns that follow are of."},
	{Name: "mean", Type: tables.Number, Doc: "Mean of the metric."},
	{Name: "sd", Type: tables.Number, Doc: "Standard deviation, with n-1 in the denominator."},
	{Name: "mean_ci95_low", Type: tables.Number, Doc: "Lower end of the 95 % Student-t interval of the mean."},
	{Name: "mean_ci95_high", Type: tables.Number, Doc: "Upper end of the 95 % Student-t interval of the mean."},
}

// Schema describes the rows of the table Selected, given the columns of runs.
func (c *Choices) Schema(runs tables.Schema) tables.Schema {
	return append(describe(append(slices.Clone(c.by), c.By), runs), selectedColumns...)
}

// Rows has a row for each choice.
func (c *Choices) Rows() (rows [][]string) {
	for i := range c.List {
		one := &c.List[i]
		interval := one.measured.MeanInterval()
		cells := append(slices.Clone(one.cells), one.value, c.Metric, strconv.Itoa(one.tried), one.end, strconv.Itoa(one.choosing.N))
		cells = append(appendNumbers(cells, one.choosing.Mean), strconv.Itoa(one.measured.N))
		rows = append(rows, appendNumbers(cells, one.measured.Mean, one.measured.SD, interval.Low, interval.High))
	}
	return rows
}

// Groups groups the measured runs, for comparisons of losses by the metric.
func (c *Choices) Groups() (*Groups, error) {
	s := Settings{}
	s.SetDefaults()
	s.By, s.Metrics = c.by, []string{c.Metric}
	return Open(c.Runs, s)
}

// Warnings tells of losses that are left out, and of choices that are at an end of what was tried.
func (c *Choices) Warnings() []string {
	var all, at []string
	if len(c.lacking) > 0 {
		all = []string{fmt.Sprintf("compare: left out, since no run of the seeds that choose has a finite %s: %s", c.Metric, strings.Join(c.lacking, "; "))}
	}
	for i := range c.List {
		if one := &c.List[i]; one.end != "" {
			at = append(at, fmt.Sprintf("%s (%s)", strings.Join(slices.DeleteFunc(slices.Clone(one.cells), func(cell string) bool { return cell == "" }), ", "), one.end))
		}
	}
	if at == nil {
		return all
	}
	return append(all, fmt.Sprintf("compare: the best %s is at an end of those tried, so that a better one may lie beyond: %s", c.By, strings.Join(at, ", ")))
}
