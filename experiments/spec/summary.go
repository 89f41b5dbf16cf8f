package spec

import (
	"fmt"
	"strings"

	"windtunnel/experiments/spec/decode"
	"windtunnel/metrics/summaries"
	"windtunnel/metrics/tables"
)

// Seeds returns how many different seeds the runs have, at most 1,000.
func (p *Plan) Seeds() int { return len(p.Values("seed")) }

// SummarySettings returns how the runs are to be summed up over their seeds, nil if they are not: where the config does not
// say, they are where there are several seeds.
func (c *Config) SummarySettings() *summaries.Settings {
	switch {
	case c.Experiment == nil:
		return nil
	case c.Experiment.Summary != nil:
		return c.Experiment.Summary
	case c.Plan.Seeds() < 2:
		return nil
	}
	s := &summaries.Settings{}
	s.SetDefaults()
	return s
}

// reviewSummary complains about columns and a baseline that no run will have.
func (l *loader) reviewSummary(s *summaries.Settings, plan *Plan) {
	if s == nil {
		return
	}
	before := len(l.errs)
	for _, ref := range s.Refs().Columns {
		l.reviewColumn(plan, "summary."+ref.Key, tables.Runs, ref.Column)
	}
	if s.Pairs.Baseline == "" || len(l.errs) > before || len(plan.unanswered(s.Pairs.Column, []string{s.Pairs.Baseline})) == 0 {
		return
	}
	values := plan.Values(s.Pairs.Column)
	l.failAt("summary.pairs.baseline", fmt.Sprintf("no planned run has the %s %q", s.Pairs.Column, s.Pairs.Baseline),
		"one of "+strings.Join(firstTen(values), ", "), decode.Nearest(s.Pairs.Baseline, values))
}
