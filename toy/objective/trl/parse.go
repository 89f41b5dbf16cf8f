package trl

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"windtunnel/toy/lines"
)

// Mistake is what is wrong with a line.
type Mistake struct {
	Key     string   // dotted; empty for the line as a whole
	Wrong   string   // what is there
	Allowed string   // what may be there
	Word    string   // a word that is not known, empty where the mistake is another
	Known   []string // the words that are known in its place, sorted
}

// Error returns key, what is wrong and what is allowed.
func (m *Mistake) Error() string {
	text := m.Wrong + "; " + m.Allowed
	if m.Key != "" {
		text = m.Key + ": " + text
	}
	return text
}

// Parse reads a line. Numbers that JSON does not have, keys that no loss has, keys given twice and values of the wrong type are errors, all of them a
// *Mistake.
func Parse(line *lines.Object) (*Row, error) {
	if !json.Valid(line.Text()) {
		return nil, &Mistake{Wrong: "has a bare NaN or Infinity", Allowed: `"NaN", "Inf" or "-Inf" is allowed`}
	}
	r := &Row{Settings: map[string]any{}}
	if err := r.read(line, "", keys); err != nil {
		return nil, err
	}
	tokens, counted := r.Settings["extra.len"].([]float64)
	switch {
	case r.Trainer == "":
		return nil, &Mistake{Key: "trainer", Wrong: "missing", Allowed: "TRL's trainer, such as dpo"}
	case r.LossType == "":
		return nil, &Mistake{Key: "loss_type", Wrong: "missing", Allowed: "TRL's loss_type, such as sigmoid"}
	case r.Beta == nil:
		return nil, &Mistake{Key: "beta", Wrong: "missing", Allowed: "a number above 0"}
	case len(r.In) != 4:
		return nil, &Mistake{Key: "in", Wrong: fmt.Sprintf("%d values", len(r.In)),
			Allowed: "the 4 log-probabilities of chosen, rejected, reference's chosen and rejected"}
	case r.Out != nil && len(r.Out) != 3:
		return nil, &Mistake{Key: "out", Wrong: fmt.Sprintf("%d values", len(r.Out)), Allowed: "the loss and its derivatives by chosen and rejected"}
	case counted && (len(tokens) != 2 || !(min(tokens[0], tokens[1]) > 0)):
		return nil, &Mistake{Key: "extra.len", Wrong: fmt.Sprint(tokens), Allowed: "the token counts of chosen and rejected, above 0"}
	}
	return r, nil
}

// key is what a key's value may be, and how it is read: null leaves what is there.
type key struct {
	allowed string
	read    func(r *Row, key string, value []byte) error
}

var (
	number = key{"a finite number", setting[float64]}
	text   = "a text"
	list   = `a list of numbers, "NaN", "Inf" or "-Inf"`
)

var keys = map[string]key{
	"trainer":      {text, func(r *Row, _ string, value []byte) error { return json.Unmarshal(value, &r.Trainer) }},
	"loss_type":    {text, func(r *Row, _ string, value []byte) error { return json.Unmarshal(value, &r.LossType) }},
	"beta":         {number.allowed, func(r *Row, _ string, value []byte) error { return json.Unmarshal(value, &r.Beta) }},
	"in":           {list, func(r *Row, _ string, value []byte) error { return json.Unmarshal(value, &r.In) }},
	"out":          {list, func(r *Row, _ string, value []byte) error { return json.Unmarshal(value, &r.Out) }},
	"f_divergence": {text, setting[string]}, "f_alpha": number, "label_smoothing": number,
	"extra": {"a JSON object", func(r *Row, key string, value []byte) error {
		if string(value) == "null" {
			return nil
		}
		extra, err := lines.Parse(value)
		if err != nil {
			return errors.New("is " + short(value))
		}
		return r.read(extra, key+".", extraKeys)
	}},
}

var extraKeys = map[string]key{
	"len": {"a list of two numbers", setting[[]float64]}, "tau": number, "alpha": number, "gamma": number,
	"nll": {"true or false", setting[bool]}, "kl": number, "w_d": number, "w_u": number,
	"delta": {`a number or "first_update"`, func(r *Row, key string, value []byte) error {
		if string(value) == strconv.Quote(firstUpdate) {
			r.Settings[key] = firstUpdate
			return nil
		}
		return setting[float64](r, key, value)
	}},
}

// setting reads a value among the settings.
func setting[T any](r *Row, key string, value []byte) error {
	var v *T
	err := json.Unmarshal(value, &v)
	if err == nil && v != nil {
		r.Settings[key] = *v
	}
	return err
}

// read reads a JSON object.
func (r *Row) read(o *lines.Object, prefix string, keys map[string]key) error {
	seen := map[string]bool{}
	for name, value := range o.All() {
		k, ok := keys[name]
		switch {
		case !ok:
			known := slices.Sorted(maps.Keys(keys))
			return &Mistake{Key: prefix + name, Wrong: "is not a key here", Allowed: "one of " + strings.Join(known, ", "), Word: name, Known: known}
		case seen[name]:
			return &Mistake{Key: prefix + name, Wrong: "is given twice", Allowed: "once is allowed"}
		}
		seen[name] = true
		err := k.read(r, prefix+name, value)
		var mistyped *json.UnmarshalTypeError
		if errors.As(err, &mistyped) {
			err = errors.New("is " + short(value))
		}
		if deeper, ok := err.(*Mistake); ok {
			return deeper
		}
		if err != nil {
			return &Mistake{Key: prefix + name, Wrong: err.Error(), Allowed: k.allowed}
		}
	}
	return nil
}

// short returns a JSON value, cut where it is long.
func short(value []byte) string {
	const most = 40
	value = bytes.TrimSpace(value)
	if len(value) <= most {
		return string(value)
	}
	return string(bytes.ToValidUTF8(value[:most], nil)) + "..."
}
