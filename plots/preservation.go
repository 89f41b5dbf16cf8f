package plots

import (
	"fmt"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
)

// Preservation draws how far each loss ends from where it should on prompts of which some need no training: a panel a
// prompt, a metric of the final policy over lambda, a line a loss, and a dashed line where the reference stands.
type Preservation struct {
	Where       tables.Where `yaml:"where" doc:"selects the runs"`
	PromptNames []string     `yaml:"prompts" doc:"prompts in the order of the panels; without it all of them"`
	Metric      string       `yaml:"metric" doc:"column of prompts on the y axis"`
	YScale      string       `yaml:"y_scale" oneof:"linear,log" doc:"scale of the y axis"`
	Twin        bool         `yaml:"twin" doc:"also draw the figure over the KL(pi to pi_ref) reached"`

	byKL bool // x is the KL reached
}

func (f *Preservation) Refs() tables.Refs {
	return withPrompts(tables.Refs{}.Where("where", tables.Prompts, f.Where).Column("metric", tables.Prompts, f.Metric), f.PromptNames)
}

// withPrompts adds the prompts that a list names.
func withPrompts(refs tables.Refs, names []string) tables.Refs {
	for i, name := range names {
		refs = refs.Prompt(fmt.Sprintf("prompts.%d", i), name)
	}
	return refs
}

func (f *Preservation) KLVersion() Params {
	if !f.Twin {
		return nil
	}
	over := *f
	over.byKL = true
	return &over
}

func (f *Preservation) panels(src Sources) []*Panel {
	x, scale := "lambda", logScale
	if f.byKL {
		x, scale = "kl_pi_ref", sqrtScale
	}
	lines := &Lines{X: x, Y: f.Metric, By: "objective", XScale: scale, YScale: f.YScale, Band: string(spreadRange)}
	all := selectRows(src, tables.Prompts, f.Where, f.Metric, x)
	var panels []*Panel
	for _, group := range all.promptGroups(f.PromptNames) {
		try.In("prompt "+group.name, func() { panels = append(panels, lines.panel(subset{label: group.title(), rows: all.in(group)})) })
		p := panels[len(panels)-1]
		p.ShareY = f.Metric
		if line, ok := referenceValue[f.Metric]; ok { // where the reference differs from the BT-optimal policy by more than rounding
			if value := referenceLevel(src, line.of, group, all); value > 1e-9 {
				p.addLevel(line.label, value)
			}
		}
	}
	return panels
}

func (g promptGroup) title() string {
	if len(g.members) > 1 {
		return fmt.Sprintf("%s prompts (%d)", promptName(g.name), len(g.members))
	}
	return promptName(g.name) + " prompt"
}

// referenceValue is what a metric says of the reference policy itself, by the metric's column, with the name of the
// line. Metrics that are not here, or zero by definition, have no such line.
var referenceValue = map[string]struct {
	label string
	of    func(star, ref []float64) float64
}{
	"kl_star_pi": {"KL($π$* ‖ $π_{ref}$)", stat.KullbackLeibler},
	"kl_pi_star": {"KL($π_{ref}$ ‖ $π$*)", func(star, ref []float64) float64 { return stat.KullbackLeibler(ref, star) }},
	"tv_star":    {"TV($π_{ref}$, $π$*)", totalVariation},
	"js_star":    {"JS($π_{ref}$, $π$*)", stat.JensenShannon},
}

// totalVariation is half the sum of absolute differences, in [0,1].
func totalVariation(p, q []float64) float64 { return floats.Distance(p, q, 1) / 2 }

// referenceLevel is a distance between pi_star and pi_ref, averaged over the prompts of a group and the selected runs,
// whose environments may differ.
func referenceLevel(src Sources, distance func(star, ref []float64) float64, group promptGroup, all *rows) float64 {
	finals := selectRows(src, tables.Policies, tables.Where{"prompt": group.members}, "pi_star", "pi_ref")
	mean, n := 0.0, 0.0
	for _, run := range all.values("run") {
		mine := finals.with("run", run)
		for _, prompt := range group.members {
			of := mine.with("prompt", prompt)
			star, ref := of.column("pi_star"), of.column("pi_ref")
			if len(star) == 0 {
				try.Fail("table %s has no rows of run %s, prompt %s", tables.Policies, run, prompt)
			}
			mean += distance(star, ref)
			n++
		}
	}
	return mean / n
}
