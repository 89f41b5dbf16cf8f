package registry

import (
	"slices"
	"testing"
)

type shape interface{ area() float64 }

type square struct{ Side float64 }

func (s *square) area() float64 { return s.Side * s.Side }

var shapes = Table[shape]{
	{Name: "dot", Summary: "a point", Source: "Euclid", New: func() shape { return &square{} }},
	{Name: "square", Aliases: []string{"box", "quad"}, Summary: "four sides", Source: "Euclid",
		New: func() shape { return &square{Side: 2} }},
}

func TestFind(t *testing.T) {
	for name, want := range map[string]string{"dot": "dot", "square": "square", "box": "square", "quad": "square"} {
		if kind, ok := shapes.Find(name); !ok || kind.Name != want {
			t.Errorf("Find(%q) = %q, %v; want %q", name, kind.Name, ok, want)
		}
	}
	for _, name := range []string{"", "Square", "circle", "box,quad"} {
		if kind, ok := shapes.Find(name); ok || kind.New != nil {
			t.Errorf("Find(%q) found %q", name, kind.Name)
		}
	}
}

func TestUntyped(t *testing.T) {
	kinds := shapes.Untyped()
	if len(kinds) != 2 {
		t.Fatalf("%d kinds, want 2", len(kinds))
	}
	e := kinds[1]
	if e.Name != "square" || !slices.Equal(e.Aliases, []string{"box", "quad"}) || e.Summary != "four sides" || e.Source != "Euclid" {
		t.Errorf("kind %+v", e)
	}
	first, second := e.New().(*square), e.New().(*square)
	if first == second || first.Side != 2 {
		t.Errorf("New gives %p %+v and %p, want two values with side 2", first, *first, second)
	}
	if _, ok := kinds[0].New().(*square); !ok || kinds[0].Name != "dot" {
		t.Errorf("kind %+v", kinds[0])
	}
}

func TestWords(t *testing.T) {
	for tag, want := range map[string][]string{"": nil, "js": {"js"}, "js,alpha": {"js", "alpha"}} {
		if got := Words(tag); !slices.Equal(got, want) {
			t.Errorf("Words(%q) = %q, want %q", tag, got, want)
		}
	}
}
