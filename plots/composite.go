package plots

import (
	"fmt"
	"slices"

	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
	"windtunnel/toy/registry"
)

// Composite joins the panels of several figures, each drawn from its own experiment, into one figure with lettered
// panels and one legend.
type Composite struct {
	Parts []Part `yaml:"panels" required:"true" doc:"figures whose panels are joined, in order"`
	Twin  bool   `yaml:"twin" doc:"also draw the figure with the twins of those parts that have one"`
}

// Part is one figure of a composite.
type Part struct {
	From   string `yaml:"from,omitempty" doc:"experiment of the suite whose tables are drawn; without it those of the whole figure"`
	Figure Params `yaml:",kind"`
}

func (f *Composite) Check() []registry.Problem {
	problems := registry.If(len(f.Parts) == 0, "panels", "is empty", "at least one figure")
	for i, part := range f.Parts {
		_, nested := part.Figure.(*Composite)
		problems = append(problems, registry.If(nested, fmt.Sprintf("panels.%d.kind", i), "is a composite", "any other kind of figure")...)
	}
	return problems
}

// KLVersion implements OverLambda: parts without such a version stay as they are; where none has one there is none.
func (f *Composite) KLVersion() Params {
	over, some := &Composite{Parts: slices.Clone(f.Parts)}, false
	for i, part := range f.Parts {
		if params := klVersion(part.Figure); params != nil {
			over.Parts[i].Figure, some = params, true
		}
	}
	if !f.Twin || !some {
		return nil
	}
	return over
}

func (f *Composite) Refs() tables.Refs {
	var refs tables.Refs
	for i, part := range f.Parts {
		refs.Parts = append(refs.Parts, tables.Part{Key: fmt.Sprintf("panels.%d.", i), From: part.From, Refs: part.Figure.Refs()})
	}
	return refs
}

func (f *Composite) panels(src Sources) []*Panel {
	var all []*Panel
	for i, part := range f.Parts {
		try.In(fmt.Sprintf("panels.%d", i), func() { all = append(all, part.Figure.panels(src.From(part.From))...) })
	}
	letter(all)
	return all
}
