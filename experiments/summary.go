package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"windtunnel/experiments/engine"
	"windtunnel/experiments/results"
	"windtunnel/experiments/spec"
	"windtunnel/metrics/tables"
	"windtunnel/toy/train"
)

// summary is what is printed of a new results folder.
type summary struct {
	config *spec.Config
	*results.Made
}

// print writes the short table of results and claims and where the files are. It returns whether all is well; quiet
// leaves out what is.
func (s *summary) print(w io.Writer, quiet bool) bool {
	var failed []int // rows of runs that broke
	if s.Runs != nil {
		failed = tables.Where{"status": {tables.Failed}}.Select(s.Runs)
	}
	well := len(s.Undrawn)+len(failed) == 0 && results.CountWell(s.Verdicts) == len(s.Verdicts)
	if quiet && well {
		printInputs(w, s.config.Plan, true)
		return true
	}
	if s.config.Suite != nil {
		fmt.Fprintf(w, "%s: %d experiments\n", s.config.Head.Name, len(s.config.Members))
	} else {
		fmt.Fprintf(w, "%s: %s\n", s.config.Head.Name, runsDone(&s.Count))
	}
	printInputs(w, s.config.Plan, quiet)
	if !quiet && s.Runs != nil {
		s.printResults(w)
		s.printUnsettled(w)
	}
	if c := s.Choices; !quiet && c != nil {
		fmt.Fprintf(w, "  %s of each loss at its own best %s, chosen on seeds %v and measured on the others:\n", c.Metric, c.By, c.Seeds)
		names := c.Schema(nil).Names()
		t := newTabs(w)
		fmt.Fprintln(t, "  "+strings.Join(names, "\t"))
		for _, cells := range c.Rows() {
			for i, cell := range cells {
				if v := tables.ParseFloat(cell); !math.IsNaN(v) {
					cells[i] = short(v)
				}
			}
			fmt.Fprintln(t, "  "+strings.Join(cells, "\t"))
		}
		t.Flush()
	}
	s.printBroken(w, failed)
	if s.config.Suite != nil {
		fmt.Fprintf(w, "  %d of %d claims of its experiments came out as the config says\n", results.CountWell(s.Verdicts), len(s.Verdicts))
	} else {
		printVerdicts(w, s.Verdicts, quiet)
	}
	if !quiet {
		n, figures := len(s.Pictures(s.Dir)), "figures"
		if n == 1 {
			figures = "figure"
		}
		fmt.Fprintf(w, "  files: %s (%d %s)\n", s.Dir, n, figures)
		if s.First { // whoever runs a config for the first time is told what to type next
			if n > 0 {
				fmt.Fprintf(w, "  next: %s plot %s --terminal    to see the figures here\n", calledAs, s.Dir)
			} else {
				fmt.Fprintf(w, "  next: %s list figures    for what a config can draw\n", calledAs)
			}
			fmt.Fprintf(w, "        %s report %s    for one HTML page of it all\n", calledAs, s.Dir)
		}
		fmt.Fprintln(w)
	}
	return well
}

// printInputs prints what became of the records of data files, and of draws of pairs; if quiet, what was not used as it is.
func printInputs(w io.Writer, plan *spec.Plan, quiet bool) {
	if plan == nil {
		return
	}
	for _, in := range plan.Read {
		if !quiet || !in.Complete() {
			fmt.Fprintf(w, "  %s\n", in.Text)
		}
	}
	if draws := plan.Draws(); !quiet && draws != "" {
		fmt.Fprintf(w, "  %s\n", draws)
	}
}

// runsDone says how many runs there are and what became of them.
func runsDone(c *engine.Count) string {
	text := fmt.Sprintf("%d runs in %.2f s", c.Runs, c.Time.Seconds())
	if c.Cached > 0 {
		text = fmt.Sprintf("%d runs, %d of them done before, in %.2f s", c.Runs, c.Cached, c.Time.Seconds())
	}
	if c.Failed > 0 {
		text += fmt.Sprintf(", %d FAILED", c.Failed)
	}
	return text
}

// mostRows is how many runs the printed table shows one by one; more are summed up by objective.
const mostRows = 12

// printResults prints the runs, or a line an objective where they are many.
func (s *summary) printResults(w io.Writer) {
	t, metrics := newTabs(w), s.headline()
	if s.Runs.Len() <= mostRows {
		fmt.Fprintln(t, "  run\tstatus\tsteps\t"+strings.Join(metrics, "\t"))
		for row := range s.Runs.Len() {
			fmt.Fprintf(t, "  %s\t%s\t%s", s.Runs.Text(row, "run"), s.Runs.Text(row, "status"), s.Runs.Text(row, "steps"))
			for _, m := range metrics {
				fmt.Fprint(t, "\t", short(s.Runs.Float(row, m)))
			}
			fmt.Fprintln(t)
		}
	} else {
		fmt.Fprintln(t, "  objective\truns\tstatus\t"+strings.Join(metrics, "\t"))
		for _, label := range s.Runs.Distinct("objective") {
			rows := tables.Where{"objective": {label}}.Select(s.Runs)
			fmt.Fprintf(t, "  %s\t%d\t%s", label, len(rows), statuses(s.Runs, rows))
			for _, m := range metrics {
				fmt.Fprint(t, "\t", span(s.Runs, rows, m))
			}
			fmt.Fprintln(t)
		}
	}
	t.Flush()
}

// printUnsettled says in one line which runs had not settled when their training ended, after how many steps of which learning rate.
func (s *summary) printUnsettled(w io.Writer) {
	count, steps, rates := 0, [2]float64{math.Inf(1), 0}, [2]float64{math.Inf(1), 0}
	for row := range s.Runs.Len() {
		if tables.Settled(s.Runs.Text(row, "reason")) {
			continue
		}
		count++
		taken, rate := s.Runs.Float(row, "steps"), train.LearningRate(s.config.Plan.Runs[row].Train.Optimizer)
		steps, rates = [2]float64{min(steps[0], taken), max(steps[1], taken)}, [2]float64{min(rates[0], rate), max(rates[1], rate)}
	}
	interval := func(v [2]float64) string {
		if v[0] == v[1] {
			return fmt.Sprint(v[0])
		}
		return fmt.Sprintf("%v to %v", v[0], v[1])
	}
	if count > 0 {
		fmt.Fprintf(w, "  %d of %d runs had not settled: %s steps, lr %s (more of train.steps, or another train.optimizer.lr; see reason in runs.csv)\n",
			count, s.Runs.Len(), interval(steps), interval(rates))
	}
}

// headline returns the columns of runs that the printed table shows: distances of policies that can be enumerated, and of
// language models what they write, or how they were trained where that has no reward.
func (s *summary) headline() []string {
	sets := [][]string{{"tv_star", "tv_ref", "kl_pi_ref"}, {"reward", "win_rate", "kl_pi_ref"}, {"nash_gap", "win_rate", "kl_pi_ref"}, {"chosen_shift", "rejected_shift", "accuracy"}}
	for _, set := range sets {
		some := func(row int) bool { return !math.IsNaN(s.Runs.Float(row, set[0])) }
		if s.Runs.Has(set[0]) && slices.ContainsFunc(tables.Where{}.Select(s.Runs), some) {
			return set
		}
	}
	return []string{"loss", "grad_norm"}
}

// statuses counts the rows by status: "40 converged", "3 boundary, 37 converged".
func statuses(t *tables.Table, rows []int) string {
	count := map[string]int{}
	for _, row := range rows {
		count[t.Text(row, "status")]++
	}
	var parts []string
	for _, status := range slices.Sorted(maps.Keys(count)) {
		parts = append(parts, fmt.Sprintf("%d %s", count[status], status))
	}
	return strings.Join(parts, ", ")
}

// span writes the range of a column over rows.
func span(t *tables.Table, rows []int, column string) string {
	low, high := math.Inf(1), math.Inf(-1)
	for _, row := range rows {
		if v := t.Float(row, column); !math.IsNaN(v) {
			low, high = min(low, v), max(high, v)
		}
	}
	if low > high {
		return "-"
	}
	return short(low) + " .. " + short(high)
}

// short writes a number for reading, to three digits.
func short(v float64) string {
	if math.IsNaN(v) {
		return "-"
	}
	return fmt.Sprintf("%.3g", v)
}

// mostBroken is how many failed runs are printed.
const mostBroken = 5

// printBroken prints failed runs and figures that could not be drawn.
func (s *summary) printBroken(w io.Writer, failed []int) {
	for _, err := range s.Undrawn {
		fmt.Fprintf(w, "  not drawn: %v\n", err)
	}
	for _, warning := range s.Warnings {
		fmt.Fprintf(w, "  warning: %s\n", warning)
	}
	for _, damage := range s.Faults.Damaged {
		fmt.Fprintf(w, "  damaged and done again: %s\n", damage)
	}
	for i, row := range failed {
		if i == mostBroken {
			fmt.Fprintf(w, "  ... and %d more failed runs\n", len(failed)-i)
			break
		}
		run := s.Runs.Text(row, "run")
		fmt.Fprintf(w, "  failed: %s: %s\n%s", run, s.Runs.Text(row, "reason"), s.Faults.Stacks[run])
	}
}

// printVerdicts prints claims with their numbers, those that came out as expected too unless quiet.
func printVerdicts(w io.Writer, verdicts []results.Verdict, quiet bool) {
	t := newTabs(w)
	if !quiet && len(verdicts) > 0 {
		fmt.Fprintln(t, "  claim\tverdict\tvalue\tbound\tat")
	}
	for i := range verdicts {
		v := &verdicts[i]
		if quiet && v.Well() {
			continue
		}
		words := v.Words()
		if !v.Well() {
			words = strings.ToUpper(words)
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\n", v.Name, words, short(v.Value), short(v.Bound), v.Detail)
	}
	t.Flush()
}
