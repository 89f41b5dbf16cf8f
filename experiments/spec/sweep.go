package spec

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"windtunnel/experiments/spec/decode"
)

// sweepForm is what a sweep looks like: one grid, or blocks that are combined by product.
type sweepForm = decode.Or[map[string]spaced, []block]

// block is one entry of a sweep that is a list: it holds exactly one of grid, zip, list, random and where. column is a
// companion of list, for of all but where.
type block struct {
	Grid   decode.Raw[map[string]spaced]         `yaml:"grid" doc:"values by dotted key, combined by product, the last key fastest"`
	Zip    decode.Raw[map[string]spaced]         `yaml:"zip" doc:"values by dotted key, taken in step; all lists have one length"`
	List   decode.Raw[[]map[string]*decode.Node] `yaml:"list" doc:"settings, each a mapping of dotted keys to one value; name, if every setting has one, stands for it in names and tables"`
	Random decode.Raw[random]                    `yaml:"random" doc:"draws of the values of some keys"`
	Where  decode.Raw[conditionsForm]            `yaml:"where" doc:"conditions on the combinations of the whole sweep"`
	Column string                                `yaml:"column,omitempty" doc:"column of the names of list; default setting"`
	For    []string                              `yaml:"for,omitempty" doc:"labels of the objectives that the block is about; the runs of the others leave its keys alone, as those of best-of-n a lambda"`
}

// blockKeys are what a block may be.
var blockKeys = []string{"grid", "zip", "list", "random", "where"}

// defaultColumn has the names of the settings of a list.
const defaultColumn = "setting"

// sweep is what a config varies: the product of its dimensions, the last fastest, as far as the conditions let it.
type sweep struct {
	labels     []string       // of the objectives
	trees      []*decode.Node // the document of a run of each objective, before the sweep
	dims       []dimension
	chooser    int // the one dimension that has choices
	conditions []condition
	keysIn     [sectionCount][]keyAt
}

// dimension is one factor of a sweep: rows of which every run takes one, and in each a value for some keys.
type dimension struct {
	rows    int
	keys    []sweptKey
	choices []int                                      // by row the objective that it chooses; nil where the dimension chooses none
	source  func(row int) (key string, n *decode.Node) // where a row is written
	only    []bool                                     // by objective, those that it says something about; nil for all
}

// sweptKey is a key of the config with one value a row.
type sweptKey struct {
	values  []value
	written *decode.Node         // the key as it is written; nil for the name of a setting
	spelled func(row int) string // the key of the config that holds the value, as messages name it
	column  string               // its canonical name, that of the column
	path    string               // in the document of a run; "" for what is not written there
	quiet   bool                 // left out of the names of runs, which have the name of the setting instead
}

// at returns the value of a row, none for that of runs which the dimension is not about.
func (k *sweptKey) at(row int) value {
	if row < 0 {
		return value{}
	}
	return k.values[row]
}

// first returns the first row that has a value.
func (k *sweptKey) first() int {
	return max(0, slices.IndexFunc(k.values, func(v value) bool { return v.node != nil }))
}

// fixed says whether tables have a column without its being swept.
func fixed(column string) bool {
	return column == objectiveColumn || column == "lambda" || column == "seed"
}

// appendName appends what the name of a run says of a row.
func (d *dimension) appendName(name []byte, row int) []byte {
	for i := range d.keys {
		k := &d.keys[i]
		if text := k.at(row).text; text != "" && !k.quiet && k.column != objectiveColumn {
			name = append(append(append(append(name, '/'), k.column...), '='), text...)
		}
	}
	return name
}

// choice returns the objective of a combination.
func (s *sweep) choice(rows []int) int { return s.dims[s.chooser].choices[rows[s.chooser]] }

// count returns the number of combinations, however large.
func (s *sweep) count() float64 {
	total := 0.0
	for _, objective := range s.dims[s.chooser].choices {
		count := 1.0
		for i := range s.dims {
			if d := &s.dims[i]; d.choices == nil && (d.only == nil || d.only[objective]) {
				count *= float64(d.rows)
			}
		}
		total += count
	}
	return total
}

// combine calls do with every combination that continues the given rows, one of each dimension, until it says to stop.
// Dimensions that are not about the objective have row -1.
func (s *sweep) combine(rows []int, do func(rows []int) bool) bool {
	at := len(rows)
	if at == len(s.dims) {
		return do(rows)
	}
	d := &s.dims[at]
	for row := range d.rows + 1 {
		if row == d.rows {
			if d.only == nil {
				break
			}
			row = -1
		}
		next := append(rows, row)
		if s.fits(next) && !s.combine(next, do) {
			return false
		}
	}
	return true
}

// fits says whether the dimensions so far are about the objective, if one is chosen yet, where they have a row.
func (s *sweep) fits(rows []int) bool {
	if len(rows) <= s.chooser {
		return true
	}
	for i, row := range rows {
		if only := s.dims[i].only; only != nil && only[s.choice(rows)] != (row >= 0) {
			return false
		}
	}
	return true
}

// sweepReader reads what a config sweeps.
type sweepReader struct {
	*loader
	*sweep
	exp     *Experiment
	chosen  []int             // objectives that the sweep chooses among
	columns map[string]string // the key of the config that a column has its values from
}

// sweep reads the dimensions of a plan in the order in which they are written, and the conditions on their combinations.
// The objectives come first where no block chooses among them. What is wrong is left out.
func (l *loader) sweep(exp *Experiment) *sweep {
	r := &sweepReader{loader: l, sweep: &sweep{trees: l.runTrees()}, exp: exp, columns: map[string]string{}}
	for i := range exp.Objectives {
		r.labels = append(r.labels, exp.Objectives[i].Label(l.Tables))
	}
	switch n := exp.Sweep.Node; {
	case n == nil:
	case n.Kind == yaml.MappingNode:
		r.grid("sweep", n)
	case n.Kind == yaml.SequenceNode:
		for i, entry := range n.Content {
			r.block(fmt.Sprintf("sweep.%d", i), entry)
		}
	default:
		l.fail(l.Error(n, "sweep", decode.Got(n), "keys with their values, as lambda: [0.1, 1], or a list of blocks"))
	}
	r.seeds()
	r.where("where", exp.Where.Node)
	before := len(l.errs)
	all := r.chooseObjectives()
	for i := range r.dims {
		d := &r.dims[i]
		if !r.resolve(d) {
			continue
		}
		if len(l.errs) == before {
			r.distinct(d)
		}
		all = append(all, *d)
	}
	r.dims, r.chooser = all, slices.IndexFunc(all, func(d dimension) bool { return d.choices != nil })
	r.sortKeys()
	return r.sweep
}

// settingKeys are the top-level keys of a run that can be swept; other bare keys are parameters of the objective.
var settingKeys = func() (keys []string) {
	for _, kind := range sectionKinds[:objectiveSection] {
		keys = append(keys, kind.key)
	}
	return keys
}()

// blockPath matches what stands before a swept key in the key of a config.
var blockPath = regexp.MustCompile(`^sweep\.(\d+\.(grid\.|zip\.|random\.keys\.|list\.\d+\.))?`)

// checkSweep adds the mistakes of the sweep to those of a config that has others.
func (l *loader) checkSweep(exp *Experiment) {
	if n := decode.Lookup(l.root, "objectives"); n == nil || n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		return
	}
	found := l.errs
	l.errs = nil
	l.plan(exp)
	for _, e := range mistakesOf(l.errs) {
		if first, _, _ := strings.Cut(e.Key, "."); first == "sweep" || first == "seeds" {
			found = append(found, e)
		}
	}
	l.errs = found
}

// mistakesOf returns the mistakes of several steps in one list.
func mistakesOf(errs []error) decode.Errors {
	var all decode.Errors
	errors.As(decode.Join(errs...), &all)
	return all
}

func (r *sweepReader) block(at string, n *decode.Node) {
	var b block
	if err := r.Decode(n, at, &b); err != nil {
		r.fail(err)
		return
	}
	readers := map[string]func(at string, n *decode.Node){"grid": r.grid, "zip": r.zip, "random": r.random, "where": r.where,
		"list": func(at string, n *decode.Node) { r.list(at, n, b.Column) }}
	kind, given := "", 0
	for key := range n.Pairs() {
		if readers[key.Value] != nil {
			kind, given = key.Value, given+1
		}
	}
	if given != 1 {
		r.fail(r.Error(n, at, fmt.Sprintf("names %d kinds of block", given), "exactly one of "+strings.Join(blockKeys, ", ")))
		return
	}
	if b.Column != "" && kind != "list" {
		r.fail(r.Error(decode.Lookup(n, "column"), at+".column", "stands beside no list", "it where the settings of a list have names"))
	}
	only := decode.Lookup(n, "for")
	if only != nil && (kind == "where" || len(b.For) == 0) {
		r.fail(r.Error(only, at+".for", "says which objectives values are for", "labels of objectives, beside grid, zip, list or random"))
		return
	}
	before := len(r.dims)
	readers[kind](at+"."+kind, decode.Lookup(n, kind))
	if only == nil {
		return
	}
	objectives := make([]bool, len(r.labels))
	for i, label := range b.For {
		index := slices.Index(r.labels, label)
		if index < 0 {
			r.fail(r.Error(only.Content[i], at+".for", fmt.Sprintf("there is no objective %q", label), "one of "+strings.Join(r.labels, ", ")).
				Meant(decode.Nearest(label, r.labels)))
			return
		}
		objectives[index] = true
	}
	for i := before; i < len(r.dims); i++ {
		r.dims[i].only = objectives
	}
}

// mapping says whether a node is one, and complains if not.
func (r *sweepReader) mapping(at string, n *decode.Node) bool {
	if n.Kind != yaml.MappingNode {
		r.fail(r.Error(n, at, decode.Got(n), "a mapping of keys to their values, as lambda: [0.1, 1]"))
	}
	return n.Kind == yaml.MappingNode
}

// keys reads the swept keys of a mapping, each with its values.
func (r *sweepReader) keys(at string, n *decode.Node) []sweptKey {
	if !r.mapping(at, n) {
		return nil
	}
	var keys []sweptKey
	for key, list := range n.Pairs() {
		spelled := at + "." + key.Value
		if at == "sweep" && slices.Contains(blockKeys, key.Value) {
			r.fail(r.Error(key, spelled, "is a block, and blocks stand in a list", "sweep: [{"+key.Value+": ...}]"))
			continue
		}
		if values := r.values(spelled, list); values != nil {
			keys = append(keys, sweptKey{values: values, written: key, spelled: func(int) string { return spelled }})
		}
	}
	return keys
}

// grid makes every key a dimension of its own.
func (r *sweepReader) grid(at string, n *decode.Node) {
	for _, k := range r.keys(at, n) {
		r.dims = append(r.dims, dimension{rows: len(k.values), keys: []sweptKey{k},
			source: func(row int) (string, *decode.Node) { return k.spelled(row), k.values[row].node }})
	}
}

// zip takes all keys in step.
func (r *sweepReader) zip(at string, n *decode.Node) {
	before := len(r.errs)
	keys := r.keys(at, n)
	if len(r.errs) > before {
		return
	}
	if len(keys) == 0 {
		r.fail(r.Error(n, at, "is empty", "keys with lists of one length"))
		return
	}
	same := true
	var lengths []string
	for i := range keys {
		lengths = append(lengths, fmt.Sprintf("%s has %d", keys[i].written.Value, len(keys[i].values)))
		same = same && len(keys[i].values) == len(keys[0].values)
	}
	if !same {
		r.fail(r.Error(n, at, "takes lists of different lengths in step: "+strings.Join(lengths, ", "), "lists of one length"))
		return
	}
	r.dims = append(r.dims, dimension{rows: len(keys[0].values), keys: keys, source: func(int) (string, *decode.Node) { return at, n }})
}

// list takes whole settings, which may have different keys. Where they have names, these make the names of runs.
func (r *sweepReader) list(at string, n *decode.Node, column string) {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		r.fail(r.Error(n, at, decode.Got(n), "a list of settings, mappings of dotted keys to values, at least one"))
		return
	}
	before := len(r.errs)
	entry := func(row int) string { return fmt.Sprintf("%s.%d", at, row) }
	d := dimension{rows: len(n.Content), source: func(row int) (string, *decode.Node) { return entry(row), n.Content[row] }}
	names := r.settingNames(at, n)
	var order []*decode.Node
	nodes := map[string][]*decode.Node{}
	for row, setting := range n.Content {
		if !r.mapping(entry(row), setting) {
			continue
		}
		for key, value := range setting.Pairs() {
			if key.Value == "name" {
				continue
			}
			if nodes[key.Value] == nil {
				order = append(order, key)
				nodes[key.Value] = make([]*decode.Node, d.rows)
			}
			nodes[key.Value][row] = value
		}
	}
	if len(r.errs) > before {
		return
	}
	if names != nil {
		column, key := cmp.Or(column, defaultColumn), strings.TrimSuffix(at, ".list")+".column"
		if !columnPattern.MatchString(column) {
			r.fail(r.Error(n, key, "is "+column, "a name of letters, digits and _"))
		}
		d.keys = append(d.keys, sweptKey{values: written(names), column: column, spelled: func(int) string { return key }})
	} else if column != "" {
		r.fail(r.Error(n, at, "has settings without names, which column is for", "a name in every setting"))
	}
	for _, key := range order {
		d.keys = append(d.keys, sweptKey{values: written(nodes[key.Value]), written: key, quiet: names != nil,
			spelled: func(row int) string { return entry(row) + "." + key.Value }})
	}
	r.dims = append(r.dims, d)
}

// settingNames returns the names of the settings of a list, nil where they have none.
func (r *sweepReader) settingNames(at string, n *decode.Node) []*decode.Node {
	var names []*decode.Node
	for row, setting := range n.Content {
		name := decode.Lookup(setting, "name")
		if name == nil {
			if names != nil {
				r.fail(r.Error(setting, fmt.Sprintf("%s.%d", at, row), "has no name, as the settings before it have", "a name in every setting, or in none"))
			}
			continue
		}
		key := fmt.Sprintf("%s.%d.name", at, row)
		if name.Kind != yaml.ScalarNode || name.Value == "" || strings.ContainsAny(name.Value, "/=\n") {
			r.fail(r.Error(name, key, "is no name that runs can have", "text without / and ="))
		}
		r.checkCell(key, name.Value)
		if len(names) < row {
			r.fail(r.Error(name, key, "is a name, which the settings before it have not", "a name in every setting, or in none"))
		}
		names = append(names, name)
	}
	return names
}

// seedsForm is what seeds look like: their number, or a list.
type seedsForm = decode.Or[int, []int]

// mostSeeds bounds the seeds of one plan.
const mostSeeds = 1_000_000

// seeds makes the key seeds the last dimension.
func (r *sweepReader) seeds() {
	n := r.exp.Seeds.Node
	if n == nil {
		return
	}
	values := r.seedSeries(r.exp.Seed, n)
	if values == nil {
		return
	}
	for _, d := range r.dims {
		for _, k := range d.keys {
			if k.written != nil && k.written.Value == "seed" {
				r.fail(r.Error(n, "seeds", "stands beside "+k.spelled(k.first())+", which sweeps the seed too", "one of the two"))
				return
			}
		}
	}
	r.dims = append(r.dims, dimension{rows: len(values), source: func(row int) (string, *decode.Node) { return "seeds", values[row].node },
		keys: []sweptKey{{values: values, written: scalar("seed"), spelled: func(int) string { return "seeds" }}}})
}

func (r *sweepReader) seedSeries(first int, n *decode.Node) []value {
	if n.Kind == yaml.SequenceNode && len(n.Content) > 0 {
		return written(n.Content)
	}
	count, whole := decode.Whole(n)
	if !whole || count < 1 || count > mostSeeds {
		r.fail(r.Error(n, "seeds", decode.Got(n), "a whole number in [1,"+strconv.Itoa(mostSeeds)+"], or a list of seeds"))
		return nil
	}
	if r.tooManyRows(count) {
		return nil
	}
	seeds := make([]int, count)
	for i := range seeds {
		seeds[i] = first + i
	}
	return numbers(seeds, n)
}
