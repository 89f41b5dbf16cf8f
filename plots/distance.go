package plots

import (
	"cmp"
	"fmt"
	"slices"

	"windtunnel/metrics/tables"
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

var distanceKind = kindOf("distance", Distance{By: "lambda", XScale: autoScale, YScale: logScale, Band: string(spreadCI)},
	"total variation between the final policies of matched runs, against a setting",
	"this project")

// Refs implements Params.
func (f *Distance) Refs() tables.Refs {
	return tables.Refs{}.Where("where", tables.Runs, f.Where).Where("to", tables.Runs, f.To).List("match", tables.Runs, f.Match).
		Column("x", tables.Runs, f.X).Column("by", tables.Runs, f.By)
}

// variationColumn is the column of total variations that the figure draws as lines does.
const variationColumn = "variation"

// Panels implements Params.
func (f *Distance) Panels(src Sources) ([]*Panel, error) {
	all, err := selectNamed(src, tables.Policies, f.Where, f.Refs(), "pi")
	if err != nil {
		return nil, err
	}
	right, err := selectRows(src, tables.Policies, f.To)
	if err != nil {
		return nil, fmt.Errorf("to: %w", err)
	}
	r, lonely, err := distances(all, right, f.Match, totalVariation)
	if lonely != "" {
		err = fmt.Errorf("match: %s has no counterpart", lonely)
	}
	if err != nil {
		return nil, err
	}
	lines := &Lines{X: f.X, Y: variationColumn, By: f.By, XScale: f.XScale, YScale: f.YScale, Band: f.Band}
	p, err := lines.panel(subset{label: f.Title, rows: r})
	return []*Panel{p}, err
}

// distances returns a row for every run on the left that has a counterpart on the right, one that agrees in some columns: the
// distance between their final policies and the status of the first of both that has no policy, else of its own. Lonely is the
// first run without a counterpart.
func distances(left, right *rows, match []string, distance func(p, q []float64) float64) (found *rows, lonely string, err error) {
	t := tables.NewTable("variations", "run", "status", variationColumn)
	found = &rows{table: t, runs: left.runs}
	counterparts := right.split("run")
	for _, own := range left.split("run") {
		name := own.text(0, "run")
		var same []*rows
		for _, other := range counterparts {
			if !slices.ContainsFunc(match, func(column string) bool { return !tables.SameCell(own.text(0, column), other.text(0, column)) }) {
				same = append(same, other)
			}
		}
		switch len(same) {
		case 0:
			lonely = cmp.Or(lonely, name)
			continue
		case 1:
		default:
			return nil, lonely, fmt.Errorf("match: %s has several counterparts, %s and %s; match on a column that tells them apart", name, same[0].text(0, "run"), same[1].text(0, "run"))
		}
		d, err := apart(own, same[0], distance)
		if err != nil {
			return nil, lonely, err
		}
		status := own.text(0, "status")
		if finite(own.float(0, "pi")) && !finite(same[0].float(0, "pi")) {
			status = same[0].text(0, "status")
		}
		found.at, found.run = append(found.at, t.Len()), append(found.run, own.run[0])
		t.Append(name, status, tables.FormatFloat(d))
	}
	return found, lonely, nil
}

// apart returns the mean over prompts of a distance between the final policies of two runs; NaN where one has none.
func apart(p, q *rows, distance func(p, q []float64) float64) (float64, error) {
	mean, prompts := 0.0, slices.Sorted(slices.Values(p.values("prompt")))
	same := len(prompts) == len(q.values("prompt"))
	for _, prompt := range prompts {
		pi, other := p.with("prompt", prompt).column("pi"), q.with("prompt", prompt).column("pi")
		if !same || len(pi) != len(other) {
			return 0, fmt.Errorf("the policies of %s and %s are over different prompts or responses", p.text(0, "run"), q.text(0, "run"))
		}
		mean += distance(pi, other) / float64(len(prompts))
	}
	return mean, nil
}
