package claims

import (
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
func (s *Select) narrow(r *results, key string, where tables.Where, metric reading) tables.Where {
	need(r.runs, "select.column", s.Column)
	rows := r.choose(key, where)
	chooses, sums, counts := s.Where.Matcher(r.runs), map[string]float64{}, map[string]int{}
	for _, row := range rows {
		if !chooses(row) {
			continue
		}
		at := r.runs.Text(row, s.Column)
		sums[at], counts[at] = sums[at]+signIf(s.Better == "higher")*metric.of(row), counts[at]+1
	}
	best := ""
	for _, at := range r.runs.Distinct(s.Column) {
		if counts[at] > 0 && (counts[best] == 0 || sums[at]/float64(counts[at]) < sums[best]/float64(counts[best])) {
			best = at
		}
	}
	if counts[best] == 0 {
		fail("select.where: selects no run of %s", key)
	}
	where = maps.Clone(where)
	where[s.Column] = []string{best}
	return where
}
