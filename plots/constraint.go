package plots

import (
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
	"windtunnel/toy/registry"
)

// Constraint draws how far the final policies of two losses lie apart as training is constrained more: their distance,
// averaged over prompts, over the strength of the constraint, a line a lambda. Runs are matched on everything but the
// loss.
type Constraint struct {
	Where    tables.Where `yaml:"where" doc:"selects the runs"`
	Left     string       `yaml:"left" doc:"label of the first objective"`
	Right    string       `yaml:"right" doc:"label of the second objective"`
	Strength string       `yaml:"strength" required:"true" doc:"swept key on the x axis, such as constraint.l2"`
	Distance string       `yaml:"distance" oneof:"tv,js" doc:"distance between the two final policies"`
	XScale   string       `yaml:"x_scale" oneof:"auto,linear,log" doc:"scale of the x axis; a logarithmic one has a place for 0 left of a break, auto is logarithmic from two decades on"`
	Title    string       `yaml:"title,omitempty" doc:"title of the panel"`
}

func (f *Constraint) Refs() tables.Refs {
	return tables.Refs{}.Where("where", tables.Policies, f.Where).Column("strength", tables.Runs, f.Strength)
}

func (f *Constraint) Check() []registry.Problem {
	return registry.If(f.Left == f.Right, "right", "is the same loss as left", "another objective's label")
}

func (f *Constraint) panels(src Sources) []*Panel {
	all := selectRows(src, tables.Policies, f.Where, f.Strength, "pi")
	for _, objective := range []string{f.Left, f.Right} {
		if have := all.values("objective"); !slices.Contains(have, objective) {
			try.Fail("no selected run of objective %q; near: %s", objective, nearest(objective, have))
		}
	}
	keys := slices.DeleteFunc(all.coordinates(), func(c string) bool { return c == "objective" })
	keys = append(keys, "seed")
	of := totalVariation
	if f.Distance == "js" {
		of = stat.JensenShannon
	}
	r := distances(all.with("objective", f.Left), all.with("objective", f.Right), keys, false, of)
	if r.len() == 0 {
		try.Fail("no run of %s has a counterpart of %s with the same %s", f.Left, f.Right, strings.Join(keys, ", "))
	}
	lines := &Lines{X: f.Strength, Y: variationColumn, By: "lambda", XScale: f.XScale, Band: string(spreadRange)}
	p := lines.panel(subset{label: f.Title, rows: r})
	p.ShareY = f.Distance + f.Left + f.Right
	p.Y.Label.Text = fmt.Sprintf("%s($π_{%s}$, $π_{%s}$)", strings.ToUpper(f.Distance), plainName(f.Left), plainName(f.Right))
	if f.Distance == "js" {
		p.Y.Label.Text += " [nats]"
	}
	p.Y.Min, p.Y.Max = min(p.Y.Min, 0), max(p.Y.Max, 0.02)
	return []*Panel{p}
}

// plainName is the printed name of a loss inside mathematics.
func plainName(label string) string { return strings.ReplaceAll(lossName(label), "$", "") }
