// Package plots draws figures from the tables of a results folder, and from nothing else: a figure can be redrawn years
// after its runs. A kind of figure turns rows into panels (one file a kind); everything that all figures share, from
// palette to legend, is done once, here.
package plots

import (
	"fmt"
	"sync"

	"windtunnel/metrics/tables"
	"windtunnel/toy/registry"
)

// TwinSuffix ends the name of a figure's twin over KL(pi to pi_ref).
const TwinSuffix = "_by_kl"

// Params are the parameters of one kind of figure.
type Params interface {
	// Panels reads the tables that the figure needs and returns its panels in reading order. The error names the
	// column, prompt or run that is missing, with the nearest that exist.
	Panels(src Sources) ([]*Panel, error)
	// Refs tells what the figure looks up by name.
	Refs() tables.Refs
}

// Twinner is implemented by kinds that may put lambda on the x axis. Lambda means something else in each loss, so such
// a figure is also drawn over the KL(pi to pi_ref) that each run reached.
type Twinner interface {
	// Twinned returns the parameters of the twin, or nil if the figure has none.
	Twinned() Params
}

// Figure is one figure of a configuration.
type Figure struct {
	Name    string  // of the files, without extension
	From    string  // experiment whose tables are drawn; "" for the configuration's own
	Caption string  // what the figure shows; not drawn
	Theme   string  // paper (where it is ""), slides or dark
	Size    string  // column or full: 85 or 175 mm of a paper; "" as the number of panels asks for
	Width   float64 // mm, in place of Size; 0 for none
	Params  Params
}

// File is one file that a figure makes.
type File struct {
	Name string // file name without folder, such as preservation_by_kl.svg
	Data []byte
}

// Sources gives the tables that figures draw, by experiment. It may be used by several goroutines at once, also where
// the results folders behind it may not.
type Sources struct {
	open       func(experiment string) (tables.Source, error)
	experiment string
	mu         *sync.Mutex
}

// NewSources returns tables from the results that open names; open is called with "" for the configuration's own.
func NewSources(open func(experiment string) (tables.Source, error)) Sources {
	return Sources{open: open, mu: new(sync.Mutex)}
}

// From returns the tables of another experiment; "" changes nothing.
func (s Sources) From(experiment string) Sources {
	if experiment != "" {
		s.experiment = experiment
	}
	return s
}

// Table returns a table of the current experiment.
func (s Sources) Table(name string) (*tables.Table, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	results, err := s.open(s.experiment)
	if err != nil {
		return nil, err
	}
	return results.Table(name)
}

// Render draws a figure and, where it has one, its twin, each as NAME.svg, NAME.png (300 dpi), NAME.pdf and NAME.csv. The
// bytes depend on the parameters and the tables alone. It is safe for concurrent use.
func Render(fig Figure, src Sources) ([]File, error) {
	drawings, err := Draw(fig, src)
	if err != nil {
		return nil, err
	}
	var files []File
	for _, d := range drawings {
		written, err := d.Files()
		if err != nil {
			return nil, err
		}
		files = append(files, written...)
	}
	return files, nil
}

// withPrompts adds the prompts that a list names.
func withPrompts(refs tables.Refs, names []string) tables.Refs {
	for i, name := range names {
		refs = refs.Prompt(fmt.Sprintf("prompts.%d", i), name)
	}
	return refs
}

// Kinds lists the kinds of figure, sorted by name.
func Kinds() registry.Table[Params] {
	return registry.Table[Params]{
		compositeKind(),
		constraintKind(),
		displacementKind(),
		distanceKind(),
		existenceKind(),
		forestKind(),
		frontierKind(),
		interpolationKind(),
		landscapeKind(),
		linesKind(),
		lossKind(),
		preservationKind(),
		scorecardKind(),
		simplexKind(),
		stripKind(),
		tradeoffKind(),
	}
}
