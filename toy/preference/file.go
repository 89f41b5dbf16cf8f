package preference

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"windtunnel/toy/bandit"
	"windtunnel/toy/lines"
	"windtunnel/toy/registry"
)

// File holds where comparisons are read from, in any of the forms of the package lines: of the columns prompt, chosen and rejected, with a
// weight (any number from 0, of which only ratios matter; 1 where it is left out), and for losses that depend on lengths the token
// counts chosen_tokens and rejected_tokens; or of prompt, a, b, wins_a and wins_b with, where there are any, ties, which count half
// for each; or, for losses on unpaired data, of prompt, response and label (true for desirable). Prompts and responses are called
// by their names or their indices. A column group names a group of comparisons, on every line or on none. The order stays. prompt may be left out where the environment has one prompt. Other
// columns are not read, but a number of times under another name than weight is refused.
type File struct {
	Path string `yaml:"path" required:"true" doc:"JSONL, CSV or Parquet file, plain or compressed by gzip or zstd, relative to the config: {\"prompt\": 0, \"chosen\": 1, \"rejected\": 0} a line, names or indices from 0, with a weight or not; or prompt, a, b, wins_a, wins_b"`
}

// Counts is a File of comparisons that were made several times: those of the same two responses add up.
type Counts struct {
	File `yaml:",inline"`
}

// maxErrors is how many bad lines are reported before reading stops.
const maxErrors = 10

func (c *Counts) Build(in Input) (*Pairs, error) {
	pairs, err := c.File.Build(in)
	if err != nil {
		return nil, err
	}
	return pairs.Merged(), nil
}

// Build reads the pairs. The error lists the first ten bad lines as file:line: what is wrong; what is allowed.
func (f *File) Build(in Input) (*Pairs, error) {
	file, err := lines.NewReader(bytes.NewReader(in.File), in.FileName)
	if err != nil {
		return nil, err
	}
	d := &dataFile{env: in.Env, responses: map[int]*names{}}
	var prompts []string
	for i := range in.Env.Prompts {
		prompts = append(prompts, in.Env.Prompts[i].Name)
	}
	d.prompts = newNames(prompts, len(prompts))
	var bad []error
	for row, err := range file.All() {
		before := d.pairs.Len()
		if err == nil {
			if err = d.add(row); err != nil {
				err = file.Wrong(err)
			}
		}
		if d.pairs.Len() > before {
			d.pairs.Account.Used++
		}
		if err != nil {
			if bad = append(bad, err); len(bad) == maxErrors {
				break
			}
		}
	}
	if len(bad) == 0 && d.pairs.Len() == 0 {
		bad = append(bad, fmt.Errorf("%s: no preference pairs; at least one line is needed%s", in.FileName, map[bool]string{true: ", and a weight above 0"}[d.weighted]))
	}
	if len(bad) > 0 {
		return nil, errors.Join(bad...)
	}
	d.normalize()
	a := &d.pairs.Account
	a.File, a.Read, a.Empty = f.Path, file.Count, file.Count-a.Used
	return &d.pairs, nil
}

func (f *File) Files() []registry.File { return []registry.File{{Key: "path", Path: f.Path}} }

// Wins leaves it to pi_star, or to the rates among the pairs, who wins.
func (*File) Wins(Input) ([][]float64, error) { return nil, nil }

type dataFile struct {
	env       *bandit.Env
	pairs     Pairs
	form      []string // the columns that the first line has, and so all
	weighted  bool     // some line has a weight
	prompts   *names
	responses map[int]*names // by prompt
}

// Forms of lines, by their columns.
var ofPairs, ofCounts, ofLabels = []string{"chosen", "rejected"}, []string{"a", "b", "wins_a", "wins_b"}, []string{"response", "label"}

func (d *dataFile) add(o *lines.Object) error {
	r, form := &row{Object: o}, ofPairs
	label := r.text("label", "true for a desirable response, false for an undesirable one")
	switch {
	case label != "" || r.text("response", index) != "":
		form = ofLabels
	case o.Has(ofCounts[2]) || o.Has(ofCounts[3]):
		form = ofCounts
	}
	if d.form == nil {
		d.form = form
	}
	if form[0] != d.form[0] || form[0] != "chosen" && r.text("chosen", index)+r.text("rejected", index) != "" {
		return fmt.Errorf("has %s; a file holds %s on every line, as its first", o.Keys(), strings.Join(d.form, ", "))
	}
	x := r.index("prompt", d.prompts)
	if d.responses[x] == nil {
		d.responses[x] = newNames(d.env.Prompts[x].Labels, d.env.Responses())
	}
	a, b, wins := r.index(form[0], d.responses[x]), Absent, [2]float64{}
	if form[0] != "response" {
		if b = r.index(form[1], d.responses[x]); a == b {
			r.fail("%s: %s is also the %s response; two different responses", form[1], d.env.Prompts[x].Label(b), form[0])
		}
	}
	if d.weighted = d.weighted || o.Has("weight") || form[0] == "a"; form[0] == "a" {
		ties := r.number("ties", 0, 0, 1e300)
		wins = [2]float64{r.number("wins_a", math.NaN(), 0, 1e300) + ties/2, r.number("wins_b", math.NaN(), 0, 1e300) + ties/2}
	} else {
		wins[0] = r.number("weight", 1, 0, 1e300)
		for _, name := range []string{"count", "counts", "votes", "wins", "times"} {
			if form[0] == "chosen" && o.Has(name) && !o.Has("weight") {
				r.fail("%s: is not read; weight, which says how much a comparison counts", name)
			}
		}
	}
	switch {
	case form[0] == "chosen":
		d.tokens(r, wins[0] > 0)
	case form[0] == "a" || label == "true":
	case label == "false":
		a, b = b, a
	case label == "":
		r.fail("label: missing; true for a desirable response, false for an undesirable one")
	default:
		r.fail("label: is %q; true for a desirable response, false for an undesirable one", label)
	}
	if d.env.Prompts[x].HeldOut {
		r.fail("prompt: %d is %s, which is held out; a prompt from 0 to %d", x, d.env.Prompts[x].Name, len(d.env.Training())-1)
	}
	group := r.text("group", "the name of a group")
	if p := &d.pairs; p.Len() > 0 && (group != "") != (p.Group != nil) {
		r.fail("group: on every line of a file, or on none")
	}
	for i := 0; i < 2 && r.err == nil; i++ {
		if wins[i] > 0 {
			if group != "" {
				d.pairs.Group = append(d.pairs.Group, group)
			}
			d.pairs.add(x, a, b)
			d.pairs.Weight = append(d.pairs.Weight, wins[i])
		}
		a, b = b, a
	}
	return r.err
}

// tokens checks a line's token counts, which all lines have or none, and takes them in if its comparison counts.
func (d *dataFile) tokens(r *row, counts bool) {
	chosen, rejected := r.number("chosen_tokens", 0, 1, math.MaxInt32), r.number("rejected_tokens", 0, 1, math.MaxInt32)
	p := &d.pairs
	switch given := chosen > 0; {
	case given != (rejected > 0) || p.Len() > 0 && given != (p.ChosenTokens != nil):
		r.fail("chosen_tokens and rejected_tokens: both on every line of a file, or on none")
	case given && (chosen != math.Trunc(chosen) || rejected != math.Trunc(rejected)):
		r.fail("chosen_tokens and rejected_tokens: %v and %v; counts of at least 1", chosen, rejected)
	case given && r.err == nil && counts:
		p.ChosenTokens, p.RejectedTokens = append(p.ChosenTokens, int(chosen)), append(p.RejectedTokens, int(rejected))
	}
}

// normalize makes weights sum to 1, whatever their size.
func (d *dataFile) normalize() {
	p, total := &d.pairs, 0.0
	if !d.weighted {
		p.Weight = nil
		return
	}
	most := slices.Max(p.Weight)
	for i := range p.Weight {
		p.Weight[i] /= most
		total += p.Weight[i]
	}
	for i, w := range p.Weight {
		p.Weight[i] = max(w/total, math.SmallestNonzeroFloat64)
	}
}

const index = "a name, or an index from 0"

// row is a line of which columns are read one after another, until one is wrong.
type row struct {
	*lines.Object
	err error
}

func (r *row) fail(format string, of ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, of...)
	}
}

func (r *row) text(key, want string) string {
	var cell text
	if _, err := r.Read(key, &cell, want); err != nil {
		r.fail("%w", err)
	}
	return strings.TrimSpace(string(cell))
}

// number reads a number from low to high; one that is left out is otherwise, of which NaN is an error.
func (r *row) number(key string, otherwise, low, high float64) float64 {
	cell := r.text(key, "a number")
	v, err := strconv.ParseFloat(cell, 64)
	switch {
	case cell == "" && math.IsNaN(otherwise):
		r.fail("%s: missing; the line has %s, want a number from %g", key, r.Keys(), low)
	case cell == "":
		return otherwise
	case err != nil || !(v >= low && v <= high):
		r.fail("%s: is %q; a number from %g to %g", key, cell, low, high)
	}
	return v
}

// index reads a column that holds a name or an index; where there is only one it may be left out.
func (r *row) index(key string, of *names) int {
	cell := r.text(key, index)
	i, err := strconv.Atoi(cell)
	at, known := of.at[cell]
	switch {
	case known:
		return at
	case cell == "" && of.n > 1:
		r.fail("%s: missing; the line has %s, want %s", key, r.Keys(), of)
	case cell == "":
	case err == nil && (i < 0 || i >= of.n):
		r.fail("%s: %d is out of range; %s", key, i, of)
	case err == nil:
		return i
	default:
		near := registry.Nearest(cell, of.list)
		if near != "" {
			near = fmt.Sprintf("; did you mean %q?", near)
		}
		r.fail("%s: there is no %q; want %s%s", key, cell, of, near)
	}
	return 0
}

// names are those of n things, which may have none.
type names struct {
	n    int
	list []string
	at   map[string]int
}

func newNames(list []string, n int) *names {
	of := &names{n, list, map[string]int{}}
	for i, name := range list {
		of.at[name] = i
	}
	return of
}

// String says what there is to choose from.
func (of *names) String() string {
	text := fmt.Sprintf("an index from 0 to %d", of.n-1)
	if shown := of.list[:min(len(of.list), 10)]; len(shown) > 0 {
		text = "one of " + strings.Join(shown, ", ") + map[bool]string{true: ", ..."}[len(shown) < len(of.list)] + ", or " + text
	}
	return text
}

// text is a JSON string, or a number or bool as it is written.
type text string

// UnmarshalJSON reads either.
func (t *text) UnmarshalJSON(data []byte) error {
	if *t = text(data); strings.ContainsRune("-0123456789tf", rune(data[0])) {
		return nil
	}
	return json.Unmarshal(data, (*string)(t))
}

var fileKind = registry.Kind[Params]{
	Name:    "file",
	Summary: "pairs read from a file of prompt, chosen and rejected, in order",
	Source:  "this project",
	New:     func() Params { return &File{} },
}

var countsKind = registry.Kind[Params]{
	Name:    "counts",
	Summary: "comparisons with weights, or counts of wins, read from a file by the names of responses; equal ones add up",
	Source:  "this project",
	New:     func() Params { return &Counts{} },
}
