package decode

import (
	"testing"

	"gopkg.in/yaml.v3"
)

// Mistakes in nodes of another file name that file, through copies and overlays too.
func TestParents(t *testing.T) {
	t.Parallel()
	type inner struct {
		A int `yaml:"a" range:"[0,9]"`
		B int `yaml:"b" range:"[0,9]"`
	}
	type doc struct {
		Inner inner `yaml:"inner"`
		C     int   `yaml:"c" range:"[0,9]"`
	}
	parse := func(file, text string) *yaml.Node {
		n, err := Parse(file, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	parent := parse("parent", "c: &x 11\n\ninner: {a: *x, b: 12}\n")
	Shift(parent, 1)
	tree := Merge(parent, parse("child", "\n\n\n\ninner: {b: 13}\n"))
	tree, err := Set(tree, "inner.a", tree.Content[1])
	if err != nil {
		t.Fatal(err)
	}
	d := Decoder{File: "child", Parents: []string{"parent"}}
	const want = "child:5:12: inner.b: is 13; want a whole number in [0,9]\n" +
		"parent:1:4: c: is 11; want a whole number in [0,9]\nparent:1:4: inner.a: is 11; want a whole number in [0,9]"
	if err := d.Decode(tree, "", &doc{}); err == nil || err.Error() != want {
		t.Errorf("the mistakes are\n%v\nwant\n%s", err, want)
	}
	if err := d.DecodeKey(tree, "c", &doc{}); err == nil || err.Error() != "parent:1:4: c: is 11; want a whole number in [0,9]" {
		t.Errorf("the mistakes of one key are %v", err)
	}
	var whole doc
	if err := d.DecodeKey(parse("child", "c: 5\nunknown: 1\n"), "c", &whole); err != nil || whole.C != 5 {
		t.Errorf("one key decodes to %+v, error %v", whole, err)
	}
}

// Replace takes whole values where Merge goes into them.
func TestReplace(t *testing.T) {
	t.Parallel()
	base, _ := Parse("base", []byte("a: {x: 1}\nb: 2\n"))
	over, _ := Parse("over", []byte("a: {y: 3}\nc: 4\n"))
	got, err := yaml.Marshal(Replace(base, over))
	if want := "a: {y: 3}\nb: 2\nc: 4\n"; err != nil || string(got) != want {
		t.Errorf("%s, error %v; want %s", got, err, want)
	}
	if x := Lookup(base, "a.x"); x == nil || x.Value != "1" {
		t.Error("the base has changed")
	}
}
