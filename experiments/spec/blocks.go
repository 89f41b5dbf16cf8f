package spec

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"windtunnel/experiments/spec/decode"
)

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

// block reads one entry of a sweep that is a list.
func (r *sweepReader) block(at string, n *decode.Node) {
	var b block
	if err := r.Decode(n, at, &b); err != nil {
		r.fail(err)
		return
	}
	readers := []struct {
		key  string
		node *decode.Node
		read func(at string, n *decode.Node)
	}{
		{"grid", b.Grid.Node, r.grid}, {"zip", b.Zip.Node, r.zip}, {"random", b.Random.Node, r.random}, {"where", b.Where.Node, r.where},
		{"list", b.List.Node, func(at string, n *decode.Node) { r.list(at, n, b.Column) }},
	}
	given := 0
	for _, one := range readers {
		if one.node != nil {
			given++
		}
	}
	if given != 1 {
		r.fail(r.Error(n, at, fmt.Sprintf("names %d kinds of block", given), "exactly one of "+strings.Join(blockKeys, ", ")))
		return
	}
	if b.Column != "" && b.List.Node == nil {
		r.fail(r.Error(decode.Lookup(n, "column"), at+".column", "stands beside no list", "it where the settings of a list have names"))
	}
	only := decode.Lookup(n, "for")
	if only != nil && (b.Where.Node != nil || len(b.For) == 0) {
		r.fail(r.Error(only, at+".for", "says which objectives values are for", "labels of objectives, beside grid, zip, list or random"))
		return
	}
	before := len(r.dims)
	for _, one := range readers {
		if one.node != nil {
			one.read(at+"."+one.key, one.node)
		}
	}
	if only != nil {
		r.limit(at+".for", only, b.For, before)
	}
}

// mapping says whether a node is one, and complains if not.
func (r *sweepReader) mapping(at string, n *decode.Node) bool {
	if n.Kind != yaml.MappingNode {
		r.fail(r.Error(n, at, "is not a mapping", "keys with their values, as lambda: [0.1, 1]"))
	}
	return n.Kind == yaml.MappingNode
}

// series reads the swept keys of a mapping, each with its values.
func (r *sweepReader) series(at string, n *decode.Node) []sweptKey {
	if !r.mapping(at, n) {
		return nil
	}
	var keys []sweptKey
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		spelled := at + "." + key.Value
		if at == "sweep" && slices.Contains(blockKeys, key.Value) {
			r.fail(r.Error(key, spelled, "is a block, and blocks stand in a list", "sweep: [{"+key.Value+": ...}]"))
			continue
		}
		if values := r.values(spelled, n.Content[i+1]); values != nil {
			keys = append(keys, sweptKey{series: values, written: key, spelled: func(int) string { return spelled }})
		}
	}
	return keys
}

// grid makes every key a dimension of its own.
func (r *sweepReader) grid(at string, n *decode.Node) {
	for _, k := range r.series(at, n) {
		r.dims = append(r.dims, dimension{rows: k.len(), keys: []sweptKey{k},
			place: func(row int) (string, *decode.Node) { return k.spelled(row), k.node(row) }})
	}
}

// zip takes all keys in step.
func (r *sweepReader) zip(at string, n *decode.Node) {
	before := len(r.errs)
	keys := r.series(at, n)
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
		lengths = append(lengths, fmt.Sprintf("%s has %d", keys[i].written.Value, keys[i].len()))
		same = same && keys[i].len() == keys[0].len()
	}
	if !same {
		r.fail(r.Error(n, at, "takes lists of different lengths in step: "+strings.Join(lengths, ", "), "lists of one length"))
		return
	}
	r.dims = append(r.dims, dimension{rows: keys[0].len(), keys: keys, place: func(int) (string, *decode.Node) { return at, n }})
}

// list takes whole settings, which may have different keys. Where they have names, these make the names of runs.
func (r *sweepReader) list(at string, n *decode.Node, column string) {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		r.fail(r.Error(n, at, "is no list of settings", "mappings of dotted keys to values, at least one"))
		return
	}
	before := len(r.errs)
	entry := func(row int) string { return fmt.Sprintf("%s.%d", at, row) }
	d := dimension{rows: len(n.Content), place: func(row int) (string, *decode.Node) { return entry(row), n.Content[row] }}
	names := r.settingNames(at, n)
	var order []*decode.Node
	nodes := map[string][]*decode.Node{}
	for row, setting := range n.Content {
		if !r.mapping(entry(row), setting) {
			continue
		}
		for i := 0; i+1 < len(setting.Content); i += 2 {
			key := setting.Content[i]
			if key.Value == "name" {
				continue
			}
			if nodes[key.Value] == nil {
				order = append(order, key)
				nodes[key.Value] = make([]*decode.Node, d.rows)
			}
			nodes[key.Value][row] = setting.Content[i+1]
		}
	}
	if len(r.errs) > before {
		return
	}
	if names != nil {
		d.keys = append(d.keys, r.nameKey(at, n, names, column))
	} else if column != "" {
		r.fail(r.Error(n, at, "has settings without names, which column is for", "a name in every setting"))
	}
	for _, key := range order {
		d.keys = append(d.keys, sweptKey{series: newWritten(nodes[key.Value]), written: key, quiet: names != nil,
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
		if len(names) < row {
			r.fail(r.Error(name, key, "is a name, which the settings before it have not", "a name in every setting, or in none"))
		}
		names = append(names, name)
	}
	return names
}

// nameKey is the column of the names of settings.
func (r *sweepReader) nameKey(at string, n *decode.Node, names []*decode.Node, column string) sweptKey {
	if column == "" {
		column = defaultColumn
	}
	key := strings.TrimSuffix(at, ".list") + ".column"
	if !columnPattern.MatchString(column) {
		r.fail(r.Error(n, key, "is "+column, "a name of letters, digits and _"))
	}
	return sweptKey{series: newWritten(names), column: column, spelled: func(int) string { return key }}
}
