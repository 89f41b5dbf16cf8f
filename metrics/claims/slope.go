package claims

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
)

// Slope claims how a total variation falls or rises with a swept number: the slope, within limits, of the least-squares
// line through its logarithm over the logarithm of the column `along`, with one point for each value of the column. A
// point is the mean, over the runs of `left` that have the value, of the total variation between the run's final policy
// and that of its counterpart, as in the claim distance; several prompts are averaged. With the columns `by`, each
// combination of their values has a line of its own.
type Slope struct {
	Left   tables.Where `yaml:"left" required:"true" doc:"which runs: by column, a value or a list of values"`
	Right  tables.Where `yaml:"right" required:"true" doc:"which runs they are held against"`
	Match  []string     `yaml:"match" doc:"columns of runs in which counterparts agree; none if right selects a single run"`
	Along  string       `yaml:"along" required:"true" doc:"column of runs with positive numbers"`
	By     []string     `yaml:"by" doc:"columns of runs whose values each have a slope of their own"`
	Prompt string       `yaml:"prompt,omitempty" doc:"only this prompt; a prefix such as good means the mean over good-1, good-2, ..."`
	Limits `yaml:",inline"`
}

func (s *Slope) Refs() tables.Refs {
	return tables.Refs{}.Where("left", tables.Runs, s.Left).Where("right", tables.Runs, s.Right).List("match", tables.Runs, s.Match).
		List("by", tables.Runs, s.By).Column("along", tables.Runs, s.Along).Prompt("prompt", s.Prompt)
}

// evaluate reads the tables runs and policies.
func (s *Slope) evaluate(r *results, w *worst) {
	pairs := r.pairs("left", s.Left, "right", s.Right, s.Match)
	need(r.runs, "along", s.Along)
	need(r.runs, "by", s.By...)
	policies := r.policies(s.Prompt)
	for _, group := range r.groups(pairs, s.By) {
		var all []measured
		for _, p := range group {
			x := try.Must(r.runs.Number(p.left, s.Along))
			if !(x > 0) || math.IsInf(x, 1) {
				try.Fail("along: run %s has %s %q, which is no positive number", r.name(p.left), s.Along, r.runs.Text(p.left, s.Along))
			}
			prompts := r.variations(policies, p)
			sum := 0.0
			for _, one := range prompts {
				sum += one.tv
			}
			all = append(all, measured{x, sum / float64(len(prompts))})
		}
		where := at(r.runs.Describe(group[0].left, s.By))
		logX, logTV := logMeans(all)
		if len(logX) < 2 {
			try.Fail("along: %s has a single value%s, and a line needs two", s.Along, where)
		}
		if slices.ContainsFunc(logTV, func(v float64) bool { return math.IsInf(v, -1) }) {
			try.Fail("along: a mean total variation is 0%s, which has no logarithm", where)
		}
		_, slope := stat.LinearRegression(logX, logTV, nil, false)
		s.Limits.add(w, slope, fmt.Sprintf("total variation over %s%s: slope", s.Along, where))
	}
}

// measured is a value of along with the total variation of one pair.
type measured struct{ x, tv float64 }

// logMeans returns the logarithms of the values of along, ascending, and of the mean total variation at each.
func logMeans(all []measured) (logX, logTV []float64) {
	slices.SortStableFunc(all, func(a, b measured) int { return cmp.Compare(a.x, b.x) })
	for i := 0; i < len(all); {
		sum, j := 0.0, i
		for ; j < len(all) && all[j].x == all[i].x; j++ {
			sum += all[j].tv
		}
		logX, logTV = append(logX, math.Log(all[i].x)), append(logTV, math.Log(sum/float64(j-i)))
		i = j
	}
	return logX, logTV
}
