package plots

import (
	"slices"

	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
)

// Distance draws how far the final policies of some runs are from those of others that differ in one setting: the total
// variation to the counterpart, averaged over prompts, against a column of runs. The runs that the figure selects match
// the one run of `to` that has the same values in the columns of `match`.
type Distance struct {
	X      string       `yaml:"x" required:"true" doc:"column of runs on the x axis"`
	By     string       `yaml:"by" doc:"column whose values make the lines"`
	Where  tables.Where `yaml:"where" doc:"selects the runs"`
	To     tables.Where `yaml:"to" required:"true" doc:"selects the runs that they are held against"`
	Match  []string     `yaml:"match" doc:"columns of runs in which counterparts agree"`
	Band   string       `yaml:"band" oneof:"ci95,quartiles,range,sd,se,none" doc:"what the band shows of the runs that differ in the seed alone, as in lines"`
	XScale string       `yaml:"x_scale" oneof:"auto,linear,log" doc:"scale of the x axis; auto is logarithmic from two decades on"`
	YScale string       `yaml:"y_scale" oneof:"linear,log" doc:"scale of the y axis"`
	Title  string       `yaml:"title,omitempty" doc:"title of the panel"`
}

func (f *Distance) Refs() tables.Refs {
	return tables.Refs{}.Where("where", tables.Runs, f.Where).Where("to", tables.Runs, f.To).List("match", tables.Runs, f.Match).
		Column("x", tables.Runs, f.X).Column("by", tables.Runs, f.By)
}

// variationColumn is the column of total variations that the figure draws as lines does.
const variationColumn = "variation"

func (f *Distance) panels(src Sources) []*Panel {
	all := selectNamed(src, tables.Policies, f.Where, f.Refs(), "pi")
	var right *rows
	try.In("to", func() { right = selectRows(src, tables.Policies, f.To) })
	lines := &Lines{X: f.X, Y: variationColumn, By: f.By, XScale: f.XScale, YScale: f.YScale, Band: f.Band}
	return []*Panel{lines.panel(subset{label: f.Title, rows: distances(all, right, f.Match, true, totalVariation)})}
}

// distances returns a row for every run on the left that has a counterpart on the right, one that agrees in some columns: the
// distance between their final policies and the status of the first of both that has no policy, else of its own. It fails where every
// run must have one and some has none.
func distances(left, right *rows, match []string, every bool, distance func(p, q []float64) float64) *rows {
	t := tables.NewTable("variations", "run", "status", variationColumn)
	found := &rows{table: t, runs: left.runs}
	counterparts := right.split("run")
	for _, own := range left.split("run") {
		name := own.text(0, "run")
		var same []*rows
		for _, other := range counterparts {
			if !slices.ContainsFunc(match, func(column string) bool { return !tables.SameCell(own.text(0, column), other.text(0, column)) }) {
				same = append(same, other)
			}
		}
		switch {
		case len(same) == 0 && every:
			try.Fail("match: %s has no counterpart", name)
		case len(same) == 0:
			continue
		case len(same) > 1:
			try.Fail("match: %s has several counterparts, %s and %s; match on a column that tells them apart", name, same[0].text(0, "run"), same[1].text(0, "run"))
		}
		d := apart(own, same[0], distance)
		status := own.text(0, "status")
		if finite(own.float(0, "pi")) && !finite(same[0].float(0, "pi")) {
			status = same[0].text(0, "status")
		}
		found.at, found.run = append(found.at, t.Len()), append(found.run, own.run[0])
		t.Append(name, status, tables.FormatFloat(d))
	}
	return found
}

// apart returns the mean over prompts of a distance between the final policies of two runs; NaN where one has none.
func apart(p, q *rows, distance func(p, q []float64) float64) float64 {
	mean, prompts := 0.0, slices.Sorted(slices.Values(p.values("prompt")))
	same := len(prompts) == len(q.values("prompt"))
	for _, prompt := range prompts {
		pi, other := p.with("prompt", prompt).column("pi"), q.with("prompt", prompt).column("pi")
		if !same || len(pi) != len(other) {
			try.Fail("the policies of %s and %s are over different prompts or responses", p.text(0, "run"), q.text(0, "run"))
		}
		mean += distance(pi, other) / float64(len(prompts))
	}
	return mean
}
