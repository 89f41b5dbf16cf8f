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
}

// Twinner is implemented by kinds that may put lambda on the x axis. Lambda means something else in each loss, so such
// a figure is also drawn over the KL(pi to pi_ref) that each run reached.
type Twinner interface {
	// Twinned returns the parameters of the twin, or nil if the figure has none.
	Twinned() Params
}

// Ref is one use of a column: where the configuration names it and in which table it is looked for, so that a spec can
// refuse a misspelt name before anything is trained.
type Ref struct {
	Key    string // dotted path of the naming key relative to the figure's parameters: "metric", "where.lambda"
	Table  string // table that holds the column; columns of runs are found from every table
	Column string
}

// Selection is a choice of rows that a figure makes.
type Selection struct {
	Key   string // dotted path in the figure: "where"
	Where tables.Where
}

// PromptRef is a prompt, or the common name of prompts NAME-1, NAME-2, ..., that a figure draws.
type PromptRef struct {
	Key    string // dotted path in the figure: "prompt", "prompts.0"
	Prompt string
}

// Refs is implemented by every kind that reads tables itself (composite leaves it to its parts). It tells what a figure
// will look up, so that a misspelt name can be reported before anything is trained. Parameters left empty name nothing.
type Refs interface {
	Columns() []Ref
	Prompts() []PromptRef
	Wheres() []Selection
}

// Figure is one figure of a configuration.
type Figure struct {
	Name    string  `yaml:"name" required:"true" doc:"name of the files, without extension"`
	From    string  `yaml:"from,omitempty" doc:"experiment of the suite whose tables are drawn; without it the configuration's own"`
	Caption string  `yaml:"caption,omitempty" doc:"what the figure shows, for the report; not drawn"`
	Theme   string  `yaml:"theme,omitempty" oneof:"paper,slides,dark" doc:"how it looks: for a paper (the default), for slides, or on a dark page"`
	Size    string  `yaml:"size,omitempty" oneof:"column,full" doc:"width of a column or of the page (85 or 175 mm of a paper); without it as the number of panels asks for"`
	Width   float64 `yaml:"width,omitempty" range:"[40,1000]" doc:"width in mm, in place of size"`
	Params  Params  `yaml:",kind"`
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

// selections returns the selection where, if it selects anything.
func selections(where tables.Where) []Selection {
	if len(where) == 0 {
		return nil
	}
	return []Selection{{"where", where}}
}

// promptRefs returns the prompts that a list names.
func promptRefs(names []string) []PromptRef {
	refs := make([]PromptRef, len(names))
	for i, name := range names {
		refs[i] = PromptRef{fmt.Sprintf("prompts.%d", i), name}
	}
	return refs
}

// promptRef returns the prompt, if one is named.
func promptRef(name string) []PromptRef {
	if name == "" {
		return nil
	}
	return []PromptRef{{"prompt", name}}
}

// whereRefs returns the columns that a selection names.
func whereRefs(where tables.Where, table string) []Ref {
	refs := make([]Ref, 0, len(where))
	for _, column := range sortedKeys(where) {
		refs = append(refs, Ref{"where." + column, table, column})
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
