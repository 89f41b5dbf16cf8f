package spec

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"windtunnel/experiments/inputfile"
	"windtunnel/experiments/spec/decode"
	"windtunnel/toy/language"
	"windtunnel/toy/preference"
	"windtunnel/toy/setup"
)

// Config is a loaded and validated config file: an experiment with its plan, or a suite of such.
type Config struct {
	Path       string // as given
	Head       Head
	Experiment *Experiment // nil for a suite
	Plan       *Plan       // nil for a suite
	Suite      *Suite      // nil for an experiment
	Members    []*Config   // of a suite
	Scorecard  *Scorecard  // nil for the others
	Warnings   []string
	// Mistake returns a mistake at a key of the file, for checks that only its user can make.
	Mistake func(key, wrong, allowed, near string) error

	kinds   *decode.Tables
	hash    string            // of the file's content
	parents map[string]string // hashes of the configs that it extends, by path relative to it
}

// loader reads one config.
type loader struct {
	decode.Decoder
	path    string
	home    string // folder that processes of losses run in, where it is not that of path
	hash    string
	root    *decode.Node      // canonical, after extends and --set
	parents map[string]string // hashes of the configs that this one extends, by path relative to it
	errs    []error

	overridden bool                              // some --set applies
	read       func(path string) ([]byte, error) // the data files that it names
	warnings   []string
}

func (l *loader) warn(text string) {
	if !slices.Contains(l.warnings, text) {
		l.warnings = append(l.warnings, text)
	}
}

// Load reads a config, applies the --set overrides (key.path=value), validates everything that can be known before
// training, data files included, and plans the runs. kinds are those of Tables with those of claims and figures. The error
// is a decode.Errors with every mistake of the file. The overrides of a suite go to all its members.
func Load(path string, sets []string, kinds *decode.Tables) (*Config, error) {
	l, err := open(path, kinds)
	if err != nil {
		return nil, err
	}
	switch {
	case l.isSuite():
		return l.suite(sets)
	case decode.Lookup(l.root, scorecardKey) != nil && decode.Lookup(l.root, "environment") != nil:
		return l.tested(sets)
	case decode.Lookup(l.root, scorecardKey) != nil:
		return l.scorecard(false)
	}
	return l.experiment(sets)
}

// open reads a config file as far as YAML goes.
func open(path string, kinds *decode.Tables) (*loader, error) {
	data, err := inputfile.Read(path, inputfile.Config)
	if err != nil {
		return nil, decode.Join(unreadable(decode.Error{File: path, Allowed: "a config file"}, path, path, err))
	}
	read := func(path string) ([]byte, error) { return inputfile.Read(path, inputfile.Data) }
	return parse(path, data, read, kinds)
}

// parse reads the text of a config as far as YAML goes. read opens the data files that it names.
func parse(path string, data []byte, read func(path string) ([]byte, error), kinds *decode.Tables) (*loader, error) {
	l := &loader{Decoder: decode.Decoder{File: path, Tables: kinds}, path: path, hash: hashHex(data), parents: map[string]string{}, read: read}
	var err error
	if l.root, err = decode.Parse(path, data); l.root == nil {
		return nil, err
	}
	l.fail(err)
	return l, nil
}

func (l *loader) isSuite() bool { return decode.Lookup(l.root, "suite") != nil }

// unreadable completes the mistake of naming a file that cannot be read, and suggests one beside it of a similar name,
// spelled as the config spells the path.
func unreadable(e decode.Error, path, spelled string, err error) decode.Error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		err = pathError.Err
	}
	what := "cannot be read"
	if e.Key != "" {
		what = "cannot read " + filepath.ToSlash(path)
	}
	e.Wrong = what + ": " + err.Error()
	if !errors.Is(err, fs.ErrNotExist) {
		return e
	}
	entries, _ := os.ReadDir(filepath.Dir(path))
	extension := filepath.Ext(path)
	var names []string
	for _, entry := range entries {
		if name, ok := strings.CutSuffix(entry.Name(), extension); ok {
			names = append(names, name)
		}
	}
	if near := decode.Nearest(strings.TrimSuffix(filepath.Base(path), extension), names); near != "" {
		e.Near = filepath.ToSlash(filepath.Join(filepath.Dir(spelled), near+extension))
	}
	return e
}

func (l *loader) fail(err error) {
	if err != nil {
		l.errs = append(l.errs, err)
	}
}

// failAt records a mistake at a key of the config, at the nearest node around it if it is not given.
func (l *loader) failAt(key, wrong, allowed, near string) {
	l.fail(l.mistakeAt(key, wrong, allowed, near))
}

// nearestNode returns the node at a key, or the nearest around it.
func (l *loader) nearestNode(key string) *decode.Node {
	n := decode.Lookup(l.root, key)
	for ; n == nil; n = decode.Lookup(l.root, key) {
		key = key[:max(0, strings.LastIndexByte(key, '.'))]
	}
	return n
}

func (l *loader) experiment(sets []string) (*Config, error) {
	exp := &Experiment{Settings: defaultSettings()}
	l.overridden = len(sets) > 0
	root, ok := l.inherited(exp, l.Canonical(l.root, exp), l.path, nil)
	if !ok {
		return nil, decode.Join(l.errs...)
	}
	l.root = root
	for _, set := range sets {
		l.fail(l.set(exp, set))
	}
	l.fail(l.Decode(l.root, "", exp))
	l.fail(l.settleLength(l.root, &exp.Train))
	if exp.Extends != "" {
		l.failAt(extendsKey, "comes too late on the command line", "it in the config", "")
	}
	l.checkName("name", exp.Name)
	l.checkNames(exp.Claims, exp.Figures)
	if len(l.errs) > 0 {
		l.checkSweep(exp)
		return nil, decode.Join(l.errs...)
	}
	l.checkLabels(exp.Objectives)
	plan := l.plan(exp)
	if len(l.errs) == 0 {
		l.reviewSummary(exp.Summary, plan)
		l.reviewComparison(exp.Compare, plan)
		exp.Claims = l.reviewClaims(exp.Claims, plan)
		exp.Figures = l.reviewFigures(exp.Figures, map[string]*Plan{"": plan})
	}
	if len(l.errs) > 0 {
		return nil, decode.Join(l.errs...)
	}
	c := &Config{Path: l.path, Head: exp.Head, Experiment: exp, Plan: plan, kinds: l.Tables, hash: l.hash, parents: l.parents, Mistake: l.mistakeAt}
	l.warnUnread(plan)
	l.warnLengths(plan)
	l.dropIdleSeeds(plan)
	c.Warnings = l.warnings
	return c, nil
}

// warnUnread warns of settings of a solver that no run has: a block of their own, those of one objective, on the command line or swept.
func (l *loader) warnUnread(plan *Plan) {
	for key, solver := range map[string]string{"train": setup.SolverTrain, "path": setup.SolverPath} {
		if slices.ContainsFunc(plan.Runs, func(r *Run) bool { return r.Solver == solver }) {
			continue
		}
		why := "has no effect: solver is " + solver + " in no run"
		if n := decode.Lookup(l.root, key); n != nil && n.From(setLabel) {
			l.warn(key + ": what --set says " + why)
		} else if n != nil && key == "path" {
			l.warn(key + ": " + why)
		}
		for i := range decode.Lookup(l.root, "objectives").Content {
			if own := fmt.Sprintf("objectives.%d.%s", i, key); decode.Lookup(l.root, own) != nil {
				l.warn(own + ": " + why)
			}
		}
		for _, column := range plan.Swept {
			if first, _, _ := strings.Cut(column, "."); first == key {
				l.warn("sweep: " + column + " " + why)
			}
		}
	}
}

// warnLengths warns of runs that differ in the number of their comparisons and, since they take the same passes over them, in the
// number of their steps too.
func (l *loader) warnLengths(plan *Plan) {
	least := map[[2]int]int{} // comparisons, by epochs and size of batches
	for _, r := range plan.Runs {
		n := 0
		switch p := r.Preferences.(type) {
		case *preference.Sample:
			n = p.N
		case *language.Human:
			n = p.N
		}
		if n == 0 || r.Solver != setup.SolverTrain || r.Train.MaxSteps > 0 || r.Train.Steps > 0 {
			continue
		}
		key := [2]int{r.Train.Epochs, r.Train.BatchSize}
		if known, ok := least[key]; !ok {
			least[key] = n
		} else if low, high := min(known, n), max(known, n); r.Train.Length(low) != r.Train.Length(high) {
			l.warn(fmt.Sprintf("preferences.n: runs of %d and of %d comparisons take %d epochs each, so that the number of their steps differs too; "+
				"train.steps in place of train.epochs is the same for all", low, high, r.Train.Epochs))
			return
		}
	}
}

func (l *loader) suite(sets []string) (*Config, error) {
	suite := &Suite{}
	l.root = l.Canonical(l.root, suite)
	l.overridden = len(sets) > 0
	for _, set := range sets { // looks are for the suite's own figures too
		if key, look, _ := strings.Cut(set, "="); key == "theme" || key == "size" {
			value := scalar(look)
			value.Mark(setLabel + set)
			l.root, _ = decode.Set(l.root, key, value) // setting a top-level key of a mapping cannot fail
		}
	}
	l.fail(l.Decode(l.root, "", suite))
	l.checkName("name", suite.Name)
	l.checkNames(nil, suite.Figures)
	c := &Config{Path: l.path, Head: suite.Head, Suite: suite, kinds: l.Tables, hash: l.hash}
	names := map[string]string{suite.Name: "the suite"}
	for i, name := range suite.Members {
		key := fmt.Sprintf("suite.%d", i)
		member := l.member(key, name, sets)
		if member == nil {
			continue
		}
		if other, taken := names[member.Head.Name]; taken {
			l.failAt(key, fmt.Sprintf("%s has the name %q of %s", name, member.Head.Name, other),
				"a name of its own for every experiment", "")
		}
		names[member.Head.Name] = name
		c.Members = append(c.Members, member)
	}
	if len(l.errs) == 0 {
		plans := map[string]*Plan{}
		for _, member := range c.Members {
			plans[member.Head.Name] = member.Plan
		}
		suite.Figures = l.reviewFigures(suite.Figures, plans)
	}
	if len(l.errs) > 0 {
		return nil, decode.Join(l.errs...)
	}
	c.Warnings = l.warnings
	return c, nil
}

// member loads one experiment of a suite, nil if it has mistakes.
func (l *loader) member(key, name string, sets []string) *Config {
	path := filepath.Join(filepath.Dir(l.path), filepath.FromSlash(name))
	data, err := inputfile.Read(path, inputfile.Config)
	if err != nil {
		l.fail(unreadable(l.Error(l.nearestNode(key), key, "", "a config, its path relative to the suite's"), path, name, err))
		return nil
	}
	m, err := parse(path, data, l.read, l.Tables)
	if err != nil {
		l.fail(err)
		return nil
	}
	if m.isSuite() {
		l.failAt(key, name+" is itself a suite", "the config of an experiment", "")
		return nil
	}
	c, err := m.experiment(sets)
	l.fail(err)
	return c
}

var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

// checkName refuses names that are no file names.
func (l *loader) checkName(key, name string) {
	if name != "" && !namePattern.MatchString(name) {
		l.failAt(key, fmt.Sprintf("is %q, and files are named after it", name), "letters, digits, - and _, a letter or digit first", "")
	} else if len(name) > longestName {
		l.failAt(key, fmt.Sprintf("has %d characters, and files are named after it", len(name)), fmt.Sprintf("at most %d", longestName), "")
	}
}

// longestName leaves room in the 255 bytes of a file's name for what is added to it while it is written.
const longestName = 150

// asFormula says of a name that a spreadsheet takes it for a formula when it opens a table, and what is allowed; "" if none does.
func asFormula(name string) (wrong, allowed string) {
	if name == "" || !strings.ContainsRune("=+-@\t\r\n", rune(name[0])) {
		return "", ""
	}
	return fmt.Sprintf("is %q, which spreadsheets take for a formula or drop", name), "text that does not begin with =, +, -, @ or a blank, as (-x) for -x"
}

func (l *loader) checkCell(key, name string) {
	if wrong, allowed := asFormula(name); wrong != "" {
		l.failAt(key, wrong, allowed, "")
	}
}

// checkNames refuses two claims or two figures of one name, and names of figures that are no file names.
func (l *loader) checkNames(claims []Claim, figures []Figure) {
	taken := map[string]bool{}
	unique := func(list string, i int, name string) {
		if name != "" && taken[list+name] {
			l.failAt(fmt.Sprintf("%s.%d.name", list, i), fmt.Sprintf("%q is the name of an earlier entry", name),
				"a name of its own for every entry", "")
		}
		taken[list+name] = true
	}
	for i := range claims {
		unique("claims", i, claims[i].Name)
		l.checkCell(fmt.Sprintf("claims.%d.name", i), claims[i].Name)
		l.checkCell(fmt.Sprintf("claims.%d.text", i), claims[i].Text)
	}
	for i := range figures {
		l.checkName(fmt.Sprintf("figures.%d.name", i), figures[i].Name)
		unique("figures", i, figures[i].Name)
	}
}
