package plots

import (
	"fmt"
	"slices"

	"gonum.org/v1/gonum/stat"

	"windtunnel/metrics/tables"
	"windtunnel/toy/registry"
)

// Tradeoff draws preservation at one style: a metric on the prompt to preserve against the same metric on the prompt to
// improve, a curve a loss along lambda. A loss that can have both reaches the lower left corner.
type Tradeoff struct {
	Table       string       `yaml:"table" oneof:"prompts,groups" doc:"table that holds the metric; of groups the bands are 95 % intervals over seeds, of prompts ranges over seeds and prompts"`
	Where       tables.Where `yaml:"where" doc:"selects the runs"`
	PromptNames []string     `yaml:"prompts" doc:"the prompt, or the group of the table groups, on the x axis and the one on the y axis"`
	Metric      string       `yaml:"metric" doc:"column on both axes"`
	Scale       string       `yaml:"scale" oneof:"linear,log,symlog" doc:"scale of both axes; symlog is logarithmic on both sides of a linear part around zero"`
	Title       string       `yaml:"title,omitempty" doc:"title of the panel"`
}

var tradeoffKind = kindOf("tradeoff", Tradeoff{Table: tables.Prompts, PromptNames: []string{"good", "bad"}, Metric: "kl_star_pi", Scale: logScale},
	"a metric on the good prompt against the same on the bad prompt, a curve a loss along lambda",
	"this project, after the preservation experiment of arXiv 2407.09072")

// Refs implements Params.
func (f *Tradeoff) Refs() tables.Refs {
	refs := tables.Refs{}.Where("where", f.Table, f.Where).Column("metric", f.Table, f.Metric)
	if f.Table == tables.Groups {
		return refs // groups have names of their own
	}
	return withPrompts(refs, f.PromptNames)
}

// Check implements registry.Checker.
func (f *Tradeoff) Check() []registry.Problem {
	if len(f.PromptNames) != 2 || f.PromptNames[0] == f.PromptNames[1] {
		return []registry.Problem{{Key: "prompts", Wrong: fmt.Sprintf("is %v", f.PromptNames), Allowed: "two different prompts: x, then y"}}
	}
	return nil
}

// Panels implements Params.
func (f *Tradeoff) Panels(src Sources) ([]*Panel, error) {
	columns := []string{f.Metric}
	if f.Table == tables.Groups && f.Metric == "kl_star_pi" {
		columns = append(columns, "kl_star_ref")
	}
	all, err := selectRows(src, f.Table, f.Where, columns...)
	if err != nil {
		return nil, err
	}
	groups, err := f.groups(all)
	if err != nil {
		return nil, err
	}
	p := newPanel(f.Title)
	p.Aspect = 0.8
	p.floorX = true
	p.X.Label.Text = all.columnLabel(f.Metric) + ", " + f.axis(0)
	p.Y.Label.Text = all.columnLabel(f.Metric) + ", " + f.axis(1)
	scaleMetric(&p.X, f.Scale, all.column(f.Metric))
	scaleMetric(&p.Y, f.Scale, all.column(f.Metric))
	for _, loss := range all.linesBy("objective") {
		points, err := f.curve(loss.rows, groups)
		if err != nil {
			return nil, err
		}
		reference, err := loss.rows.atReference()
		if err != nil {
			return nil, err
		}
		if reference {
			loss.label = "reference $π_{ref}$"
		}
		c := p.addCurve(loss.label, loss.style, points)
		c.grow, c.apart, c.bars = !reference, reference, true
	}
	p.explainGrowth("lambda")
	if err := f.addReference(p, src, groups[1], all); err != nil {
		return nil, err
	}
	return []*Panel{p}, nil
}

// atReference says whether the rows are of runs without lambda that leave the reference as it is, such as the best of one.
func (r *rows) atReference() (bool, error) {
	const distance = "kl_pi_ref"
	if !r.runs.Has(distance) || slices.ContainsFunc(r.values("lambda"), func(cell string) bool { return cell != "" }) {
		return false, nil
	}
	err := r.runs.Load(distance)
	return err == nil && !slices.ContainsFunc(r.run, func(row int) bool { return !(r.runs.Float(row, distance) < 1e-12) }), err
}

// groups are the prompts, or groups of prompts, on the axes.
func (f *Tradeoff) groups(all *rows) ([]promptGroup, error) {
	if f.Table == tables.Prompts {
		return all.promptGroups(f.PromptNames)
	}
	groups := make([]promptGroup, len(f.PromptNames))
	for i, name := range f.PromptNames {
		if names := all.values("group"); !slices.Contains(names, name) {
			return nil, fmt.Errorf("no group %q in the selected rows of %s; near: %s", name, f.Table, nearest(name, names))
		}
		groups[i].name = name
	}
	return groups, nil
}

// axis says what stands on an axis.
func (f *Tradeoff) axis(i int) string {
	if f.Table == tables.Groups {
		return promptName(f.PromptNames[i]) + " prompts"
	}
	return promptName(f.PromptNames[i]) + " prompt"
}

// points are the means of one group along lambda.
func (f *Tradeoff) points(r *rows, group promptGroup) ([]point, error) {
	if f.Table == tables.Groups {
		return collectPoints(r.with("group", group.name), "lambda", f.Metric, "lambda", spreadCI)
	}
	return collectPoints(r.in(group), "lambda", f.Metric, "lambda", spreadRange)
}

// curve joins the points of the two prompts, which stand at the same lambdas in the same order.
func (f *Tradeoff) curve(r *rows, groups []promptGroup) ([]point, error) {
	first, err := f.points(r, groups[0])
	if err != nil {
		return nil, err
	}
	second, err := f.points(r, groups[1])
	if err != nil {
		return nil, err
	}
	if len(first) != len(second) {
		return nil, fmt.Errorf("prompt %s has %d values of lambda, prompt %s has %d", f.PromptNames[0], len(first), f.PromptNames[1], len(second))
	}
	for i := range first {
		second[i].x = first[i].y
	}
	return second, nil
}

// addReference marks where the reference policy stands, if it is on the axes.
func (f *Tradeoff) addReference(p *Panel, src Sources, group promptGroup, all *rows) error {
	line, ok := referenceValue[f.Metric]
	if !ok {
		return nil
	}
	if f.Table == tables.Groups { // which holds no policies but what the divergence is of the reference
		if f.Metric == "kl_star_pi" {
			p.addLevel(line.label+", "+f.axis(1), stat.Mean(all.with("group", group.name).column("kl_star_ref"), nil))
		}
		return nil
	}
	value, err := referenceLevel(src, line.of, group, all)
	if err == nil {
		p.addLevel(line.label+", "+f.axis(1), value)
	}
	return err
}
