package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"windtunnel/experiments/engine"
	"windtunnel/experiments/spec"
)

// mostNamed is how many runs --dry-run names at the beginning and at the end.
const mostNamed = 5

// preview prints what run would do with each config.
func (r *runner) preview(ctx context.Context) error {
	for _, c := range r.configs {
		switch {
		case c.Suite != nil:
			fmt.Fprintf(r.stdout, "%s: a suite of %d experiments, %d figures\n", c.Head.Name, len(c.Members), len(c.Suite.Figures))
		case c.Scorecard != nil:
			fmt.Fprintf(r.stdout, "%s: a scorecard of %d losses\n", c.Head.Name, len(c.Scorecard.Objectives))
		default:
			forecast, err := r.work(c).Forecast(ctx)
			if err != nil {
				return err
			}
			fmt.Fprintf(r.stdout, "%s: %s\n", c.Head.Name, r.inBrief(c.Plan, forecast))
			printInputs(r.stdout, c.Plan, false)
			printPlan(r.stdout, c.Plan)
		}
	}
	return nil
}

// inBrief says how many runs there are and how long they would take.
func (r *runner) inBrief(plan *spec.Plan, f *engine.Forecast) string {
	text := fmt.Sprintf("%d runs", len(plan.Runs))
	if !r.shard.Whole() {
		text += fmt.Sprintf(", %d of them in shard %s", f.Cached+f.Left, r.shard.String())
	}
	text += fmt.Sprintf(", %d in the cache", f.Cached)
	if f.Left == 0 {
		return text + ", nothing to do"
	}
	switch tried := fmt.Sprintf(" at --jobs %d (%d runs tried)", r.jobs, f.Probes); {
	case f.Time >= time.Second:
		text += ", about " + inWords(f.Time) + tried
	case f.Time > 0, f.Most > 0 && f.Most < 2*time.Second: // of which the tables and the start of the program are a part
		text += ", less than " + inWords(2*time.Second) + tried
	default:
		text += ", time unknown"
	}
	if f.Memory > 0 {
		return text + fmt.Sprintf(", memory about %s, disk about %s", inBytes(f.Memory), inBytes(f.Disk))
	}
	return text + fmt.Sprintf(", memory unknown, disk about %s", inBytes(f.Disk))
}

// printPlan prints the names of the first and last runs and their settings.
func printPlan(w io.Writer, plan *spec.Plan) {
	n := len(plan.Runs)
	for i := 0; i < n; i++ {
		if n > 2*mostNamed+1 && i == mostNamed {
			fmt.Fprintf(w, "  ... %d more ...\n", n-2*mostNamed)
			i = n - mostNamed
		}
		fmt.Fprintf(w, "  %s\n", plan.Runs[i])
	}
	fmt.Fprintf(w, "the first run, resolved:\n%s", indent(plan.Resolved(plan.Runs[0])))
	if n > 1 {
		fmt.Fprintf(w, "the last run, resolved:\n%s", indent(plan.Resolved(plan.Runs[n-1])))
	}
}

// indent moves every line two spaces in.
func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n  ") + "\n"
}
