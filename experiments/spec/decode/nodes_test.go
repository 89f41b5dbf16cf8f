package decode

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
	"pgregory.net/rapid"

	_ "windtunnel/toy/fixedseed"
)

func parsed(t testing.TB, text string) *Node {
	t.Helper()
	n, err := Parse("c.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func written(t testing.TB, n *Node) string {
	t.Helper()
	return Text(n)
}

func TestLookup(t *testing.T) {
	root := parsed(t, "a: {b: [x, {c: y}]}\nsweep: {train.lr: [1], train: {epochs: 2}}")
	for path, want := range map[string]string{
		"a.b.0": "x", "a.b.1.c": "y", "sweep.train.lr.0": "1", "sweep.train.epochs": "2",
		"a.c": "", "a.b.2": "", "a.b.-1": "", "a.b.x": "", "a.b.0.c": "", "b": "",
	} {
		got := ""
		if n := Lookup(root, path); n != nil {
			got = n.Value
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
	if Lookup(root, "") != root || Lookup(nil, "a") != nil {
		t.Error("the empty path is not the root, or nil has an a")
	}
}

func TestSet(t *testing.T) {
	const base = "{train: {optimizer: adam, epochs: 3}, list: [1, {a: 2}], sweep: {a.b: 1}}"
	tests := []struct{ path, want string }{
		{"train.epochs", "{train: {optimizer: adam, epochs: V}, list: [1, {a: 2}], sweep: {a.b: 1}}"},
		{"train.optimizer.lr", "{train: {optimizer: {kind: adam, lr: V}, epochs: 3}, list: [1, {a: 2}], sweep: {a.b: 1}}"},
		{"train.x.y", "{train: {optimizer: adam, epochs: 3, x: {y: V}}, list: [1, {a: 2}], sweep: {a.b: 1}}"},
		{"list.0", "{train: {optimizer: adam, epochs: 3}, list: [V, {a: 2}], sweep: {a.b: 1}}"},
		{"list.1.a", "{train: {optimizer: adam, epochs: 3}, list: [1, {a: V}], sweep: {a.b: 1}}"},
		{"sweep.a.b", "{train: {optimizer: adam, epochs: 3}, list: [1, {a: 2}], sweep: {a.b: V}}"},
		{"", "V"},
	}
	root := parsed(t, base)
	before := written(t, root)
	for _, tt := range tests {
		got, err := Set(root, tt.path, textNode("V"))
		if err != nil {
			t.Errorf("%s: %v", tt.path, err)
			continue
		}
		if want := parsed(t, tt.want); !sameTree(got, want) {
			t.Errorf("%s: got\n%swant\n%s", tt.path, written(t, got), tt.want)
		}
		if after := written(t, root); after != before {
			t.Fatalf("%s changed the base to\n%s", tt.path, after)
		}
	}
	for path, want := range map[string]string{
		"list.2":   "there is no entry 2 in a list of 2; want 0 to 1",
		"list.x.a": "there is no entry x in a list of 2; want 0 to 1",
	} {
		if _, err := Set(root, path, textNode("V")); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", path, err, want)
		}
	}
	fresh, err := Set(nil, "a.b", textNode("V"))
	if err != nil || written(t, fresh) != "a:\n  b: V\n" {
		t.Errorf("setting in nothing: %v, %v", fresh, err)
	}
}

// sameTree compares values, not positions or style.
func sameTree(a, b *Node) bool {
	return a.Kind == b.Kind && a.Value == b.Value && slices.EqualFunc(a.Content, b.Content, sameTree)
}

// After Set, Lookup finds the value, other values are those of before, and the base is untouched.
func TestSetLookup(t *testing.T) {
	key := rapid.SampledFrom([]string{"a", "b", "c"})
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) string {
			return strings.Join(rapid.SliceOfN(key, 1, 4).Draw(t, name), ".")
		}
		var root *Node
		paths := []string{}
		for i := range rapid.IntRange(1, 5).Draw(t, "n") {
			path := draw("path")
			before := root
			beforeText := fmt.Sprint(flat(before))
			next, err := Set(root, path, textNode(fmt.Sprint("v", i)))
			if err != nil {
				t.Fatal(err)
			}
			if got := Lookup(next, path); got == nil || got.Value != fmt.Sprint("v", i) {
				t.Fatalf("%s is %v", path, got)
			}
			if fmt.Sprint(flat(before)) != beforeText {
				t.Fatalf("setting %s changed the base", path)
			}
			for _, old := range paths {
				related := strings.HasPrefix(old+".", path+".") || strings.HasPrefix(path+".", old+".")
				if was := Lookup(root, old); !related && Lookup(next, old) != was {
					t.Fatalf("setting %s changed %s", path, old)
				}
			}
			root, paths = next, append(paths, path)
		}
	})
}

// flat lists the scalars of a tree in order.
func flat(n *Node) []string {
	if n == nil {
		return nil
	}
	all := []string{n.Value}
	for _, c := range n.Content {
		all = append(all, flat(c)...)
	}
	return all
}

func TestMerge(t *testing.T) {
	tests := []struct{ name, base, over, want string }{
		{"deep", "{a: {b: 1, c: 2}}", "{a: {c: 3, d: 4}, e: 5}", "{a: {b: 1, c: 3, d: 4}, e: 5}"},
		{"lists replace", "{a: [1, 2]}", "{a: [3]}", "{a: [3]}"},
		{"same kind", "{o: {kind: adam, lr: 1}}", "{o: {kind: adam, eps: 2}}", "{o: {kind: adam, lr: 1, eps: 2}}"},
		{"no kind", "{o: {kind: adam, lr: 1}}", "{o: {lr: 2}}", "{o: {kind: adam, lr: 2}}"},
		{"other kind", "{o: {kind: adam, lr: 1, eps: 2}}", "{o: {kind: sgd, lr: 3}}", "{o: {kind: sgd, lr: 3}}"},
		{"kind where there was none", "{o: {lr: 1}}", "{o: {kind: sgd}}", "{o: {kind: sgd}}"},
		{"shorthand below", "{o: adam}", "{o: {lr: 2}}", "{o: {kind: adam, lr: 2}}"},
		{"shorthand above, same kind", "{o: {kind: adam, lr: 2}}", "{o: adam}", "{o: {kind: adam, lr: 2}}"},
		{"shorthand above, other kind", "{o: {kind: adam, lr: 2}}", "{o: sgd}", "{o: {kind: sgd}}"},
		{"scalar over scalar", "{a: 1}", "{a: x}", "{a: x}"},
		{"scalar over list", "{a: [1]}", "{a: 2}", "{a: 2}"},
	}
	for _, tt := range tests {
		base, over := parsed(t, tt.base), parsed(t, tt.over)
		beforeBase, beforeOver := written(t, base), written(t, over)
		if got := Merge(base, over); !sameTree(got, parsed(t, tt.want)) {
			t.Errorf("%s: got\n%swant %s", tt.name, written(t, got), tt.want)
		}
		if written(t, base) != beforeBase || written(t, over) != beforeOver {
			t.Errorf("%s: an argument was changed", tt.name)
		}
	}
	n := parsed(t, "a: 1")
	if Merge(nil, n) != n || Merge(n, nil) != n {
		t.Error("nil is not neutral")
	}
}

// Mistakes in overrides name the override; those in the rest of the file keep their positions.
func TestOrigins(t *testing.T) {
	tests := []struct{ path, value, want string }{
		{"train.epochs", "abc", `--set train.epochs=abc: train.epochs: is the text "abc"; want a whole number in [1,inf)`},
		{"train", "{epochs: 0}", `--set train={epochs: 0}: train.epochs: is 0; want a whole number in [1,inf)`},
		{"train", "{zebra: 0}", `--set train={zebra: 0}: train.zebra: is not a key here; want one of optimizer, epochs, shuffle, clip_norm`},
		{"backup.lr", "1", `--set backup.lr=1: backup.kind: is missing; want a kind of optimizer: adam, sgd`},
		{"objectives", "[fdpo]", `--set objectives=[fdpo]: objectives.0.divergence: is missing; want one of alpha, js, rkl`},
		{"objectives.0.lambda", "0", `--set objectives.0.lambda=0: objectives.0.lambda: is 0; want a number in [1e-100,1e100]`},
		{"prompts", "[{name: a, pi_star: [0.5]}]", `--set prompts=[{name: a, pi_star: [0.5]}]: prompts.0.pi_star: sums to 0.5; want probabilities that sum to 1`},
	}
	for _, tt := range tests {
		d := decoder()
		value := parsed(t, tt.value)
		value.Mark("--set " + tt.path + "=" + tt.value)
		root, err := Set(parsed(t, valid+"seed: x"), tt.path, value)
		if err != nil {
			t.Fatal(err)
		}
		want := "c.yaml:3:7: seed: is the text \"x\"; want a whole number in [0,inf)\n" + tt.want
		for _, tree := range []*Node{root, d.Canonical(root, newExperiment())} {
			if err := d.Decode(tree, "", newExperiment()); err == nil || err.Error() != want {
				t.Errorf("%s: got\n%v\nwant\n%s", tt.path, err, want)
			}
		}
	}
}

// A copy that Set makes of a labelled mapping still points to the override, never to a line of the file.
func TestOriginsOfCopies(t *testing.T) {
	d := decoder()
	value := parsed(t, "[{kind: f-dpo}]")
	value.Mark("--set objectives=...")
	root, err := Set(parsed(t, valid), "objectives", value)
	if err != nil {
		t.Fatal(err)
	}
	if root, err = Set(root, "objectives.0.lambda", &Node{Kind: yaml.ScalarNode, Value: "2", File: "c.yaml", Line: 9, Column: 4}); err != nil {
		t.Fatal(err)
	}
	const want = "--set objectives=...: objectives.0.divergence: is missing; want one of alpha, js, rkl"
	if err := d.Decode(root, "", newExperiment()); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestAliases(t *testing.T) {
	e := newExperiment()
	_, err := decoder().Document([]byte("name: x\nobjectives: &o [dpo]\nprompts: [&p {name: a, pi_star: [0.25, 0.75]}, *p]\nextra: *o"), e)
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Prompts) != 2 || e.Prompts[1].PiStar[1] != 0.75 || e.Extra.Content[0].Value != "dpo" {
		t.Errorf("aliases give %+v", e)
	}
	_, err = decoder().Document([]byte("name: x\nobjectives: [dpo]\nprompts: [&p {name: a, pi_star: [2]}, *p]"), newExperiment())
	const want = "c.yaml:3:34: prompts.0.pi_star.0: is 2; want a number in (0,1)\nc.yaml:3:34: prompts.1.pi_star.0: is 2; want a number in (0,1)"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

// Nine levels of nine aliases each stand for billions of nodes; they are refused at once.
func TestAliasesCannotExplode(t *testing.T) {
	var b strings.Builder
	b.WriteString("l0: &l0 [x]\n")
	for i := 1; i < 40; i++ {
		fmt.Fprintf(&b, "l%d: &l%d [%s*l%d]\n", i, i, strings.Repeat(fmt.Sprintf("*l%d, ", i-1), 8), i-1)
	}
	root, err := Parse("c.yaml", []byte(b.String()))
	if root != nil || err == nil || !strings.Contains(err.Error(), "aliases stand for above 100000 values; want fewer") {
		t.Errorf("got %v", err)
	}
}

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
	parse := func(file, text string) *Node {
		n, err := Parse(file, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	parent := parse("parent", "c: &x 11\n\ninner: {a: *x, b: 12}\n")
	tree := Merge(parent, parse("child", "\n\n\n\ninner: {b: 13}\n"))
	tree, err := Set(tree, "inner.a", tree.Content[1])
	if err != nil {
		t.Fatal(err)
	}
	d := Decoder{File: "child"}
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
	if got, want := Text(Replace(base, over)), "a: {y: 3}\nb: 2\nc: 4\n"; got != want {
		t.Errorf("%s; want %s", got, want)
	}
	if x := Lookup(base, "a.x"); x == nil || x.Value != "1" {
		t.Error("the base has changed")
	}
}
