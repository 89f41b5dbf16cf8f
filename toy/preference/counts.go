package preference

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"windtunnel/toy/bandit"
	"windtunnel/toy/lines"
	"windtunnel/toy/registry"
)

// Counts holds where comparisons are read from that were made several times: JSON lines, or CSV with a header, of the columns
// prompt, chosen, rejected and weight, the last 1 where it is left out, or of prompt, a, b, wins_a, wins_b and, where there are
// any, ties, which count half for each. Weights are any numbers from 0, and only their ratios matter. Prompts and responses are
// called by their names or their indices; prompt may be left out where the environment has one. Comparisons of the same two
// responses add up.
type Counts struct {
	Path string `yaml:"path" required:"true" doc:"CSV or JSON lines, plain or compressed by gzip or zstd, relative to the config: prompt, chosen, rejected, weight or prompt, a, b, wins_a, wins_b"`
}

// Build reads the comparisons. The error lists the first ten bad lines as file:line: what is wrong; what is allowed.
func (c *Counts) Build(in Input) (*Pairs, error) {
	file, err := lines.NewReader(bytes.NewReader(in.File), in.FileName)
	if err != nil {
		return nil, err
	}
	pairs, bad := &Pairs{}, []error(nil)
	form := ""
	for row, err := range file.Objects() {
		var line *lines.Error
		if err != nil && !errors.As(err, &line) {
			return nil, errors.Join(append(bad, err)...)
		}
		if err == nil {
			r := countsRow{row, in.Env}
			if err = r.appendTo(pairs, &form); err != nil {
				err = file.Wrong(err)
			}
		}
		if err != nil {
			if bad = append(bad, err); len(bad) == maxErrors {
				break
			}
		}
	}
	total, most := 0.0, 0.0
	for _, w := range pairs.Weight {
		most = max(most, w)
	}
	for _, w := range pairs.Weight {
		total += w / max(most, math.SmallestNonzeroFloat64)
	}
	if total == 0 && len(bad) == 0 {
		bad = append(bad, fmt.Errorf("%s: no comparison of positive weight; at least one is needed", in.FileName))
	}
	if len(bad) > 0 {
		return nil, errors.Join(bad...)
	}
	for i, w := range pairs.Weight {
		pairs.Weight[i] = max(w/most/total, math.SmallestNonzeroFloat64)
	}
	return pairs.Merged(), nil
}

func (*Counts) Random() bool { return false }

// FilePath is the path of the file.
func (c *Counts) FilePath() string { return c.Path }

// Wins leaves to pi_star, or to the rates among the comparisons, who wins.
func (*Counts) Wins(Input) ([][]float64, error) { return nil, nil }

var _ Given = (*Counts)(nil)

// countsRow is one row of a file of counts.
type countsRow struct {
	*lines.Object
	env *bandit.Env
}

// appendTo adds the comparisons of a row, which has the form that the rows before it have.
func (r countsRow) appendTo(p *Pairs, form *string) error {
	first, second, own := "chosen", "rejected", "prompt, chosen, rejected, weight"
	if r.Has("a") || r.Has("b") || r.Has("wins_a") || r.Has("wins_b") {
		first, second, own = "a", "b", "prompt, a, b, wins_a, wins_b"
	}
	if *form == "" {
		*form = own
	}
	if *form != own || first == "a" && (r.Has("chosen") || r.Has("rejected")) {
		return fmt.Errorf("has %s; a file holds %s on every line", r.Keys(), *form)
	}
	x, err := r.prompt()
	if err != nil {
		return err
	}
	a, err := r.response(first, x)
	if err != nil {
		return err
	}
	b, err := r.response(second, x)
	if err != nil {
		return err
	}
	if a == b {
		return fmt.Errorf("%s: is also %s; two different responses", second, first)
	}
	var wins [2]float64
	if first == "chosen" {
		wins[0], err = r.weight("weight", 1)
	} else {
		var ties float64
		var wrong [2]error
		ties, err = r.weight("ties", 0)
		wins[0], wrong[0] = r.weight("wins_a", math.NaN())
		wins[1], wrong[1] = r.weight("wins_b", math.NaN())
		wins[0], wins[1], err = wins[0]+ties/2, wins[1]+ties/2, cmp.Or(wrong[0], wrong[1], err)
	}
	if err != nil {
		return err
	}
	for _, w := range wins {
		if w > 0 {
			p.add(x, a, b)
			p.Weight = append(p.Weight, w)
		}
		a, b = b, a
	}
	return nil
}

// prompt returns the index of the row's prompt.
func (r countsRow) prompt() (int, error) {
	var names []string
	for i := range r.env.Prompts {
		names = append(names, r.env.Prompts[i].Name)
	}
	x, found, err := r.named("prompt", names)
	switch {
	case err != nil:
		return 0, err
	case !found && len(names) > 1:
		return 0, fmt.Errorf("prompt: missing; the line has %s, want %s", r.Keys(), choice(names))
	case r.env.Prompts[x].HeldOut:
		return 0, fmt.Errorf("prompt: %s is held out; a prompt that is trained on", names[x])
	}
	return x, nil
}

// response returns the index of a response of a prompt.
func (r countsRow) response(key string, prompt int) (int, error) {
	names := labels(r.env, prompt)
	i, found, err := r.named(key, names)
	if err == nil && !found {
		err = fmt.Errorf("%s: missing; the line has %s, want %s", key, r.Keys(), choice(names))
	}
	return i, err
}

// labels are the names of a prompt's responses.
func labels(env *bandit.Env, prompt int) []string {
	names := make([]string, env.Responses())
	for i := range names {
		names[i] = env.Prompts[prompt].Label(i)
	}
	return names
}

// named returns the place of a cell among names, of which it may be an index, too.
func (r countsRow) named(key string, names []string) (at int, found bool, err error) {
	var cell text
	if found, err = r.Read(key, &cell, choice(names)); !found {
		return 0, false, err
	}
	at, err = place(string(cell), names)
	if err != nil {
		err = fmt.Errorf("%s: %w", key, err)
	}
	return at, true, err
}

// place returns where a name stands among names, of which it may be the index.
func place(name string, names []string) (int, error) {
	for i, known := range names {
		if known == name {
			return i, nil
		}
	}
	if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(names) {
		return i, nil
	}
	near := registry.Nearest(name, names)
	if near != "" {
		near = fmt.Sprintf("; did you mean %q?", near)
	}
	return 0, fmt.Errorf("there is no %q; want %s%s", name, choice(names), near)
}

// choice names what there is to choose from, for messages.
func choice(names []string) string {
	shown := names[:min(len(names), 10)]
	if len(shown) < len(names) {
		return fmt.Sprintf("one of %s and %d more, or an index from 0", strings.Join(shown, ", "), len(names)-len(shown))
	}
	return fmt.Sprintf("one of %s, or an index from 0", strings.Join(shown, ", "))
}

// weight reads a weight; without one it is otherwise, of which NaN is an error.
func (r countsRow) weight(key string, otherwise float64) (float64, error) {
	const want = "a number from 0"
	var cell text
	found, err := r.Read(key, &cell, want)
	switch {
	case err != nil:
		return 0, err
	case !found && math.IsNaN(otherwise):
		return 0, fmt.Errorf("%s: missing; the line has %s, want %s", key, r.Keys(), want)
	case !found:
		return otherwise, nil
	}
	w, err := strconv.ParseFloat(string(cell), 64)
	if err != nil || !(w >= 0) || math.IsInf(w, 1) {
		return 0, fmt.Errorf("%s: is %q; want %s", key, string(cell), want)
	}
	return w, nil
}

// text is a JSON string, or a number as it is written.
type text string

// UnmarshalJSON reads either.
func (t *text) UnmarshalJSON(data []byte) error {
	if strings.ContainsRune("-0123456789", rune(data[0])) {
		*t = text(data)
		return nil
	}
	return json.Unmarshal(data, (*string)(t))
}

var countsKind = registry.Kind[Params]{
	Name:    "counts",
	Summary: "comparisons with weights, or counts of wins, read from CSV or JSON lines by the names of responses",
	Source:  "this project",
	New:     func() Params { return &Counts{} },
}
