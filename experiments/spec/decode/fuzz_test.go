package decode

import (
	"errors"
	"strings"
	"testing"
)

// No input panics, every mistake has a position inside the text, and what decodes survives encoding and validates.
func FuzzDecode(f *testing.F) {
	for _, m := range mistakes {
		f.Add(document(m.text))
	}
	for _, text := range accepted {
		f.Add([]byte(text))
	}
	d, validator := decoder(), compiled(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		e := newExperiment()
		root, err := d.Document(data, e)
		if err != nil {
			checkPositions(t, err, data)
			return
		}
		if err := validator.Validate(jsonLike(root)); err != nil {
			t.Errorf("accepted, but the schema says: %v", err)
		}
		first := Text(Encode(e, d.Tables))
		again := newExperiment()
		if _, err := d.Document([]byte(first), again); err != nil {
			t.Fatalf("%v in the encoding:\n%s", err, first)
		}
		if second := Text(Encode(again, d.Tables)); second != first {
			t.Errorf("encoded again:\n%s\nis not\n%s", second, first)
		}
		canonical := newExperiment()
		if err := d.Decode(d.Canonical(root, newExperiment()), "", canonical); err != nil {
			t.Errorf("the canonical tree: %v", err)
		}
	})
}

func checkPositions(t *testing.T, err error, data []byte) {
	var all Errors
	if !errors.As(err, &all) || len(all) == 0 {
		t.Fatalf("%T is no Errors with a mistake", err)
	}
	// YAML counts CR, NEL, LS and PS as line ends too, and ends an unfinished last line.
	lines := 2 + strings.Count(strings.NewReplacer("\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n").Replace(string(data)), "\n")
	for _, e := range all {
		if e.Line < 1 || e.Line > lines || e.Column < 1 || e.File != "c.yaml" || e.Wrong == "" {
			t.Errorf("bad position or text (of %d lines): %+v", lines, e)
		}
	}
}
