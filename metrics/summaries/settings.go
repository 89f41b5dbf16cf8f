package summaries

import (
	"slices"

	"windtunnel/metrics/tables"
	"windtunnel/toy/registry"
)

// Settings say how runs are summed up over their seeds.
type Settings struct {
	By        []string `yaml:"by" doc:"columns of runs whose values make a group; none means every setting but the seed: the columns between run and status"`
	Metrics   []string `yaml:"metrics" doc:"measured columns of runs to sum up; none means all"`
	Interval  string   `yaml:"interval" oneof:"auto,student-t,bca,wilson" doc:"the 95 % interval of the mean; auto is wilson for rates and student-t for other metrics, wilson wants rates"`
	Rates     []string `yaml:"rates" doc:"metrics that are 0 or 1 in every run; a metric in which both occur and nothing else is found by itself"`
	Resamples int      `yaml:"resamples" range:"[100,1e6]" doc:"bootstrap resamples of interval: bca"`
	Pairs     Pairs    `yaml:"pairs" doc:"comparisons over the same seeds"`
}

// Pairs say which groups are compared, over the runs that agree in everything else.
type Pairs struct {
	Column   string `yaml:"column" doc:"column of runs whose values are compared; empty for no comparisons"`
	Baseline string `yaml:"baseline,omitempty" doc:"value of column to compare the others with; without it every pair is compared"`
}

// Methods that Settings.Interval names.
const (
	auto     = "auto"
	studentT = "student-t"
	bca      = "bca"
	wilson   = "wilson"
)

// SetDefaults makes the summary one of every metric over the seeds, with comparisons between all losses.
func (s *Settings) SetDefaults() {
	s.Interval, s.Resamples, s.Pairs.Column = auto, 2000, "objective"
}

// Check refuses comparisons between values that are averaged over.
func (s *Settings) Check() []registry.Problem {
	var problems []registry.Problem
	if s.Pairs.Column != "" && len(s.By) > 0 && !slices.Contains(s.By, s.Pairs.Column) {
		problems = append(problems, registry.Problem{Key: "pairs.column", Wrong: "is " + s.Pairs.Column + ", which by averages over",
			Allowed: "a column of by, or \"\" for no comparisons"})
	}
	if s.Pairs.Baseline != "" && s.Pairs.Column == "" {
		problems = append(problems, registry.Problem{Key: "pairs.baseline", Wrong: "is given without pairs.column", Allowed: "both or neither"})
	}
	return problems
}

// Refs tells what the settings look up by name.
func (s *Settings) Refs() tables.Refs {
	return tables.Refs{}.List("by", tables.Runs, s.By).List("metrics", tables.Runs, s.Metrics).List("rates", tables.Runs, s.Rates).
		Column("pairs.column", tables.Runs, s.Pairs.Column)
}
