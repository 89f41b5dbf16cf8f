package plots

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot/plotter"

	"windtunnel/metrics/tables"
	"windtunnel/toy/registry"
)

// Frontier draws what is gained against how far the policy went from the reference: a curve a loss along lambda, or along
// training, beside the best of n responses of the reference.
type Frontier struct {
	Table   string       `yaml:"table" oneof:"runs,traces,prompts,evaluations" doc:"table that holds x and y; of one with steps the last step of each run counts, unless along is step"`
	Along   string       `yaml:"along" doc:"column that a curve follows: lambda, step (of traces or evaluations) or a swept key"`
	X       string       `yaml:"x" doc:"column of the distance to the reference"`
	Y       []string     `yaml:"y" doc:"columns of what is gained, a panel each"`
	By      string       `yaml:"by" doc:"column whose values make the curves"`
	Split   string       `yaml:"panels,omitempty" doc:"column whose values make panels, beside those of y"`
	Where   tables.Where `yaml:"where" doc:"selects the rows of the curves"`
	XScale  string       `yaml:"x_scale" oneof:"sqrt,linear,log" doc:"scale of the x axis; sqrt is linear in the square root"`
	Band    string       `yaml:"band" oneof:"ci95,quartiles,range,sd,se,none" doc:"what the band shows of the runs that differ in the seed alone, as for lines; of a single run the columns Y_low and Y_high, if there are any"`
	BestOfN string       `yaml:"best_of_n" doc:"label of the objective that is drawn as the best of n: dashed at its x, dotted at the bound log n - (n-1)/n; empty for none"`
	Title   string       `yaml:"title,omitempty" doc:"title of the panel where there is one"`
}

var frontierKind = kindOf("frontier", Frontier{Table: tables.Runs, Along: "lambda", X: "kl_pi_ref", Y: []string{"reward"}, By: "objective",
	XScale: sqrtScale, Band: string(spreadCI), BestOfN: "best-of-n"},
	"reward or win rate against KL(pi to pi_ref), a curve a loss along lambda or training, beside the best of n",
	"Gao, Schulman, Hilton 2022, arXiv 2210.10760; Rafailov et al. 2023, arXiv 2305.18290, figure 2")

// Refs implements Params.
func (f *Frontier) Refs() tables.Refs {
	return tables.Refs{}.Where("where", f.Table, f.Where).Column("x", f.Table, f.X).List("y", f.Table, f.Y).
		Column("along", f.Table, f.Along).Column("by", f.Table, f.By).Column("panels", f.Table, f.Split)
}

// Check implements registry.Checker.
func (f *Frontier) Check() []registry.Problem {
	switch {
	case len(f.Y) == 0:
		return []registry.Problem{{Key: "y", Wrong: "names no column", Allowed: "at least one"}}
	case f.Along == "step" && (f.Table == tables.Runs || f.Table == tables.Prompts):
		return []registry.Problem{{Key: "along", Wrong: "is step, which table " + f.Table + " has not", Allowed: "step with `table: traces` or `table: evaluations`"}}
	}
	return nil
}

// Panels implements Params.
func (f *Frontier) Panels(src Sources) ([]*Panel, error) {
	all, err := f.rows(src, f.Table, f.Where)
	if err != nil {
		return nil, err
	}
	best, err := f.bestOfN(src)
	if err != nil {
		return nil, err
	}
	starts := f.starts(src)
	all = all.filter(func(i int) bool { return all.text(i, "objective") != f.BestOfN })
	var panels []*Panel
	_, err = all.panelsBy(f.Split, f.Title, func(of subset) (*Panel, error) {
		for _, y := range f.Y {
			p, err := f.panel(of, y, f.inPanel(best, of.cell))
			if err != nil {
				return nil, err
			}
			f.markStart(p, y, f.inPanel(starts, of.cell))
			panels = append(panels, p)
		}
		return nil, nil
	})
	return panels, err
}

// rows selects the rows of a table, with their columns read. Of a table with steps they are the last of each run, unless
// curves follow the steps.
func (f *Frontier) rows(src Sources, table string, where tables.Where) (*rows, error) {
	all, err := selectNamed(src, table, where, f.Refs())
	if err != nil {
		return nil, err
	}
	for _, y := range f.Y {
		if low, high := intervalColumns(y); all.table.Has(low) && all.table.Has(high) {
			if err := all.need(low, high); err != nil {
				return nil, err
			}
		}
	}
	if all.table.Has("step") && f.Along != "step" {
		return all.atLastSteps()
	}
	return all, nil
}

// atLastSteps keeps the rows of each run's last step.
func (r *rows) atLastSteps() (*rows, error) {
	if err := r.need("step"); err != nil {
		return nil, err
	}
	last := map[string]float64{}
	for i := range r.at {
		run, step := r.text(i, "run"), r.float(i, "step")
		if known, ok := last[run]; !ok || step > known {
			last[run] = step
		}
	}
	return r.filter(func(i int) bool { return r.float(i, "step") == last[r.text(i, "run")] }), nil
}

func (f *Frontier) panel(of subset, y string, best *rows) (*Panel, error) {
	p := newPanel(of.label)
	if of.label == "" && len(f.Y) > 1 {
		p.Title, _, _ = strings.Cut(of.rows.columnLabel(y), " [")
	}
	if f.Split != "" {
		p.ShareY = y
	}
	p.X.Label.Text, p.Y.Label.Text = columnLabel(f.X), of.rows.columnLabel(y)
	scaleMetric(&p.X, f.XScale, nil)
	err := p.addLines(of.rows.linesBy(f.By), f.X, y, f.Along, spread(f.Band), func(c *curve) {
		c.lastOnly, c.grow = f.Along == "step", f.Along != "step"
	})
	if err != nil {
		return nil, err
	}
	if f.Along != "step" {
		p.explainGrowth(f.Along)
	}
	return p, f.addBest(p, y, best)
}

// bestOfN returns the rows of the best of n, nil where there are none. What selects losses and lambdas does not select
// among them.
func (f *Frontier) bestOfN(src Sources) (*rows, error) {
	runs, err := src.Table(tables.Runs)
	if err != nil || f.BestOfN == "" || !slices.Contains(runs.Distinct("objective"), f.BestOfN) {
		return nil, err
	}
	where := less(f.Where, "lambda", "step")
	where["objective"] = []string{f.BestOfN}
	table := f.Table
	if table == tables.Traces {
		table = tables.Runs
	}
	of := *f
	of.Along, of.Where = "run", nil
	if table != tables.Runs && table != tables.Prompts {
		if one, err := selectRows(src, table, tables.Where{"objective": {f.BestOfN}}); err != nil || one.len() == 0 {
			return nil, nil // its runs have not been evaluated
		}
	}
	return of.rows(src, table, where)
}

// addBest draws the best of n at the distance that it has and at the bound of that, log n - (n-1)/n (Beirami et al. 2024,
// arXiv 2401.01879). The bound ends where the panel's other curves do.
func (f *Frontier) addBest(p *Panel, y string, best *rows) error {
	if best == nil {
		return nil
	}
	counts := []string{""}
	if best.runs.Has("n") {
		if err := best.need("n"); err != nil {
			return err
		}
		counts = best.values("n")
		slices.SortFunc(counts, func(a, b string) int { return cmp.Compare(tables.ParseFloat(a), tables.ParseFloat(b)) })
	}
	var measured, bound []point
	for _, cell := range counts {
		one := best.filter(func(i int) bool { return cell == "" || best.text(i, "n") == cell })
		points, err := collectPoints(one, f.X, y, "objective", spread(f.Band))
		if err != nil {
			return fmt.Errorf("%s: %w", f.BestOfN, err)
		}
		measured = append(measured, points...)
		n := tables.ParseFloat(cell)
		for _, q := range points {
			q.x, q.low, q.high = math.Log(n)-(n-1)/n, math.NaN(), math.NaN()
			bound = append(bound, q)
		}
	}
	dashes := seriesStyle{inkGray, dashed, curveWidth, circle}
	c := p.addCurve("best of $n$", dashes, measured)
	c.plain = len(measured) > 1
	far := math.Inf(-1)
	for _, c := range p.curves {
		_, xmax, _, _ := c.DataRange()
		far = max(far, xmax)
	}
	bound = slices.DeleteFunc(bound, func(q point) bool { return !(q.x <= far) })
	if len(bound) > 1 {
		dots := seriesStyle{inkGray, dotted, 0.8 * curveWidth, circle}
		p.addCurve("best of $n$, at log $n$ − ($n$ − 1)/$n$", dots, bound).plain = true
	}
	return nil
}

// starts returns the rows of step 0, where every policy is the reference; nil where no table has any.
func (f *Frontier) starts(src Sources) *rows {
	table := tables.Traces
	if f.Table == "evaluations" {
		table = f.Table
	}
	where := less(f.Where)
	where["step"] = []string{"0"}
	of := *f
	of.Along, of.Where = "step", nil
	r, err := of.rows(src, table, where)
	if err != nil { // tables without steps, or of exact runs alone
		return nil
	}
	return r
}

// inPanel narrows rows to those of a panel, if they know of it: the best of n has no lambda.
func (f *Frontier) inPanel(r *rows, cell string) *rows {
	if r == nil || f.Split == "" || !slices.Contains(r.values(f.Split), cell) {
		return r
	}
	return r.with(f.Split, cell)
}

// markStart marks the mean of the start over the rows that have one.
func (f *Frontier) markStart(p *Panel, y string, starts *rows) {
	if starts == nil {
		return
	}
	at, n := plotter.XY{}, 0.0
	for i := range starts.len() {
		if x, v := starts.float(i, f.X), starts.float(i, y); finite(x) && finite(v) {
			at.X, at.Y, n = at.X+x, at.Y+v, n+1
		}
	}
	at.X, at.Y = at.X/n, at.Y/n
	if n == 0 || isLog(&p.X) && at.X <= 0 {
		return
	}
	mark := newLandmark("", plotter.XYs{at}, square.opened(), 1.5)
	p.Add(mark)
	p.addEntry(referenceRank, "start", "start", mark)
}

// intervalColumns are the columns that hold the ends of an interval of a column, where a table has them: reward_low and
// reward_high, win_low and win_high of win_rate.
func intervalColumns(y string) (low, high string) {
	y = strings.TrimSuffix(y, "_rate")
	return y + "_low", y + "_high"
}
