package claims

import (
	"fmt"
	"maps"

	"windtunnel/metrics/tables"
)

// Select chooses a setting such as lambda for each side of a comparison by itself: the value of a column at which the
// metric's mean over some of the runs is best. The comparison is made on the other runs, since what is chosen and measured
// on the same draws looks better than it is.
type Select struct {
	Column string       `yaml:"column" required:"true" doc:"column of runs whose value is chosen, such as lambda"`
	Better string       `yaml:"better" required:"true" oneof:"lower,higher" doc:"which values of the metric are better"`
	Where  tables.Where `yaml:"where" required:"true" doc:"the runs that choose and do not count, such as half of the seeds; at a value that is chosen all of them have the metric"`
}

// narrow returns the selection of a side with the chosen value of the column in it.
func (s *Select) narrow(r *results, key string, where tables.Where, metric reading) (tables.Where, error) {
	if err := need(r.runs, "select.column", s.Column); err != nil {
		return nil, err
	}
	rows, err := r.choose(key, where)
	if err != nil {
		return nil, err
	}
	chooses, sums, counts := s.Where.Matcher(r.runs), map[string]float64{}, map[string]int{}
	for _, row := range rows {
		if !chooses(row) {
			continue
		}
		value, err := metric.of(row)
		if err != nil {
			return nil, err
		}
		if s.Better == "higher" {
			value = -value
		}
		at := r.runs.Text(row, s.Column)
		sums[at], counts[at] = sums[at]+value, counts[at]+1
	}
	best := ""
	for _, at := range r.runs.Distinct(s.Column) {
		if counts[at] > 0 && (counts[best] == 0 || sums[at]/float64(counts[at]) < sums[best]/float64(counts[best])) {
			best = at
		}
	}
	if counts[best] == 0 {
		return nil, fmt.Errorf("select.where: selects no run of %s", key)
	}
	where = maps.Clone(where)
	where[s.Column] = []string{best}
	return where, nil
}
