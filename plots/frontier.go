package plots

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot/plotter"

	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
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

func (f *Frontier) Refs() tables.Refs {
	return tables.Refs{}.Where("where", f.Table, f.Where).Column("x", f.Table, f.X).List("y", f.Table, f.Y).
		Column("along", f.Table, f.Along).Column("by", f.Table, f.By).Column("panels", f.Table, f.Split)
}

func (f *Frontier) Check() []registry.Problem {
	switch {
	case len(f.Y) == 0:
		return []registry.Problem{{Key: "y", Wrong: "names no column", Allowed: "at least one"}}
	case f.Along == "step" && (f.Table == tables.Runs || f.Table == tables.Prompts):
		return []registry.Problem{{Key: "along", Wrong: "is step, which table " + f.Table + " has not", Allowed: "step with `table: traces` or `table: evaluations`"}}
	}
	return nil
}

func (f *Frontier) panels(src Sources) []*Panel {
	all := f.rows(src, f.Table, f.Where)
	best := f.bestOfN(src)
	starts := f.starts(src)
	all = all.filter(func(i int) bool { return all.text(i, "objective") != f.BestOfN })
	var panels []*Panel
	for _, of := range all.subsets(f.Split, f.Title) {
		for _, y := range f.Y {
			p := f.panel(of, y, f.inPanel(best, of.cell))
			f.markStart(p, y, f.inPanel(starts, of.cell))
			panels = append(panels, p)
		}
	}
	return panels
}

// rows selects the rows of a table, with their columns read. Of a table with steps they are the last of each run, unless
// curves follow the steps.
func (f *Frontier) rows(src Sources, table string, where tables.Where) *rows {
	all := selectNamed(src, table, where, f.Refs())
	for _, y := range f.Y {
		if low, high := intervalColumns(y); all.table.Has(low, high) {
			all.need(low, high)
		}
	}
	if !all.table.Has("step") || f.Along == "step" {
		return all
	}
	all.need("step")
	last := map[string]float64{}
	for i := range all.at {
		run := all.text(i, "run")
		last[run] = max(last[run], all.float(i, "step"))
	}
	return all.filter(func(i int) bool { return all.float(i, "step") == last[all.text(i, "run")] })
}

func (f *Frontier) panel(of subset, y string, best *rows) *Panel {
	p := newPanel(of.label)
	if of.label == "" && len(f.Y) > 1 {
		p.Title, _, _ = strings.Cut(of.rows.columnLabel(y), " [")
	}
	if f.Split != "" {
		p.ShareY = y
	}
	p.X.Label.Text, p.Y.Label.Text = columnLabel(f.X), of.rows.columnLabel(y)
	scaleMetric(&p.X, f.XScale, nil)
	p.addLines(of.rows.linesBy(f.By), f.X, y, f.Along, spread(f.Band), func(c *curve) {
		c.lastOnly, c.grow = f.Along == "step", f.Along != "step"
	})
	if f.Along != "step" {
		p.explainGrowth(f.Along)
	}
	if best != nil {
		f.addBest(p, y, best)
	}
	return p
}

// bestOfN returns the rows of the best of n, nil where there are none. What selects losses and lambdas does not select
// among them.
func (f *Frontier) bestOfN(src Sources) *rows {
	if !slices.Contains(try.Must(src.Table(tables.Runs)).Distinct("objective"), f.BestOfN) {
		return nil
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
		if err := try.Do(func() { selectRows(src, table, tables.Where{"objective": {f.BestOfN}}) }); err != nil {
			return nil // its runs have not been evaluated
		}
	}
	return of.rows(src, table, where)
}

// addBest draws the best of n at the distance that it has and at the bound of that, log n - (n-1)/n (Beirami et al. 2024,
// arXiv 2401.01879). The bound ends where the panel's other curves do.
func (f *Frontier) addBest(p *Panel, y string, best *rows) {
	counts := best.values("n") // "" alone where runs do not have it
	slices.SortFunc(counts, func(a, b string) int { return cmp.Compare(tables.ParseFloat(a), tables.ParseFloat(b)) })
	var measured, bound []point
	for _, cell := range counts {
		one := best.with("n", cell)
		var points []point
		try.In(f.BestOfN, func() { points = collectPoints(one, f.X, y, "objective", spread(f.Band)) })
		measured = append(measured, points...)
		n := tables.ParseFloat(cell)
		for _, q := range points {
			q.x, q.low, q.high = math.Log(n)-(n-1)/n, math.NaN(), math.NaN()
			bound = append(bound, q)
		}
	}
	p.addCurve("best of $n$", seriesStyle{inkGray, dashed, curveWidth, circle}, measured).plain = len(measured) > 1
	far := math.Inf(-1)
	for _, c := range p.curves {
		_, xmax, _, _ := c.DataRange()
		far = max(far, xmax)
	}
	if bound = slices.DeleteFunc(bound, func(q point) bool { return !(q.x <= far) }); len(bound) > 1 {
		p.addCurve("best of $n$, at log $n$ − ($n$ − 1)/$n$", seriesStyle{inkGray, dotted, 0.8 * curveWidth, circle}, bound).plain = true
	}
}

// starts returns the rows of step 0, where every policy is the reference; nil where no table has any.
func (f *Frontier) starts(src Sources) (starts *rows) {
	table := tables.Traces
	if f.Table == "evaluations" {
		table = f.Table
	}
	where := less(f.Where)
	where["step"] = []string{"0"}
	of := *f
	of.Along, of.Where = "step", nil
	_ = try.Do(func() { starts = of.rows(src, table, where) }) // an error of tables without steps, or of exact runs alone
	return starts
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
