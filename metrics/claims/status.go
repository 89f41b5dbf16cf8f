package claims

import (
	"fmt"
	"slices"
	"strings"

	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
	"windtunnel/toy/registry"
)

// Status claims how the selected runs ended. Its value is the number of runs that ended otherwise, its bound 0.
type Status struct {
	Where tables.Where `yaml:"where" doc:"which runs: by column, a value or a list of values; none means all"`
	Is    []string     `yaml:"is,omitempty" oneof:"done,converged,exact,not-unique,boundary,local,stationary,cycle,collapse,diverged,failed" doc:"every run ended in one of these"`
	IsNot []string     `yaml:"is_not,omitempty" oneof:"done,converged,exact,not-unique,boundary,local,stationary,cycle,collapse,diverged,failed" doc:"no run ended in any of these"`
}

// Check wants exactly one of the two lists.
func (s *Status) Check() []registry.Problem {
	return registry.If((len(s.Is) > 0) == (len(s.IsNot) > 0), "is", "is_not and is are both given or both missing", "exactly one of is and is_not")
}

func (s *Status) Refs() tables.Refs {
	return tables.Refs{}.Where("where", tables.Runs, s.Where)
}

// evaluate reads the table runs.
func (s *Status) evaluate(r *results, w *worst) {
	rows := r.choose("where", s.Where)
	var seen, wrong []string
	first := ""
	for _, row := range rows {
		status := r.runs.Text(row, "status")
		if status == "" {
			try.Fail("run %s has no status", r.name(row))
		}
		if slices.Contains(s.Is, status) || len(s.Is) == 0 && !slices.Contains(s.IsNot, status) {
			seen = append(seen, status)
			continue
		}
		if len(wrong) == 0 {
			first = fmt.Sprintf("%s: %s", r.name(row), status)
		}
		wrong = append(wrong, status)
	}
	if len(wrong) == 0 {
		slices.Sort(seen)
		first = fmt.Sprintf("all %d: %s", len(rows), strings.Join(slices.Compact(seen), ", "))
	}
	w.Result = Result{len(wrong) == 0, float64(len(wrong)), 0, first}
}
