package trl

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
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
	r := &Row{}
	if !json.Valid(line.Text()) {
		return nil, &Mistake{Wrong: "has a bare NaN or Infinity", Allowed: `"NaN", "Inf" or "-Inf" is allowed`}
	}
	if err := object(line, "", r.fields()); err != nil {
		return nil, err
	}
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
	case r.Extra.Len != nil && (len(r.Extra.Len) != 2 || !(min(r.Extra.Len[0], r.Extra.Len[1]) > 0)):
		return nil, &Mistake{Key: "extra.len", Wrong: fmt.Sprint(r.Extra.Len), Allowed: "the token counts of chosen and rejected, above 0"}
	}
	return r, nil
}

// field is where a key's value goes, and what it may be.
type field struct {
	into    any
	allowed string
}

// Values that keys may have.
const (
	number = "a finite number"
	text   = "a text"
)

func (r *Row) fields() map[string]field {
	numbers := `a list of numbers, "NaN", "Inf" or "-Inf"`
	return map[string]field{
		"trainer": {&r.Trainer, text}, "loss_type": {&r.LossType, text}, "beta": {&r.Beta, number},
		"in": {&r.In, numbers}, "out": {&r.Out, numbers},
		"f_divergence": {&r.Divergence, text}, "f_alpha": {&r.Alpha, number}, "label_smoothing": {&r.LabelSmoothing, number},
		"extra": {&r.Extra, "a JSON object"},
	}
}

func (e *Extra) fields() map[string]field {
	return map[string]field{
		"len": {&e.Len, "a list of two numbers"}, "tau": {&e.Tau, number}, "alpha": {&e.Alpha, number}, "gamma": {&e.Gamma, number},
		"nll": {&e.NLL, "true or false"}, "kl": {&e.KL, number}, "w_d": {&e.Desirable, number}, "w_u": {&e.Undesirable, number},
		"delta": {&e.Delta, `a number or "first_update"`},
	}
}

// object reads a JSON object into its fields.
func object(o *lines.Object, prefix string, fields map[string]field) error {
	seen := map[string]bool{}
	for key, value := range o.All() {
		if err := one(prefix, key, value, fields, seen); err != nil {
			return err
		}
	}
	return nil
}

// one reads a key's value.
func one(prefix, key string, value json.RawMessage, fields map[string]field, seen map[string]bool) error {
	f, ok := fields[key]
	switch {
	case !ok:
		known := slices.Sorted(maps.Keys(fields))
		return &Mistake{Key: prefix + key, Wrong: "is not a key here", Allowed: "one of " + strings.Join(known, ", "), Word: key, Known: known}
	case seen[key]:
		return &Mistake{Key: prefix + key, Wrong: "is given twice", Allowed: "once is allowed"}
	}
	seen[key] = true
	if extra, nested := f.into.(*Extra); nested && string(value) != "null" {
		o, err := lines.Parse(value)
		if err != nil {
			return &Mistake{Key: prefix + key, Wrong: "is " + short(value), Allowed: f.allowed}
		}
		return object(o, prefix+key+".", extra.fields())
	}
	err := json.Unmarshal(value, f.into)
	if err == nil {
		return nil
	}
	var mistyped *json.UnmarshalTypeError
	if errors.As(err, &mistyped) {
		return &Mistake{Key: prefix + key, Wrong: "is " + short(value), Allowed: f.allowed}
	}
	return &Mistake{Key: prefix + key, Wrong: err.Error(), Allowed: f.allowed}
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
