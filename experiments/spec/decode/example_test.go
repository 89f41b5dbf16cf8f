package decode_test

import (
	"fmt"

	"gopkg.in/yaml.v3"

	"windtunnel/experiments/spec/decode"
	"windtunnel/toy/registry"
)

type shape interface{ Area() float64 }

type square struct {
	Side float64 `yaml:"side" alias:"width" range:"(0,inf)" doc:"length of a side (m)"`
}

// Area is in square metres.
func (s *square) Area() float64 { return s.Side * s.Side }

type drawing struct {
	Title  string  `yaml:"title" required:"true" doc:"shown above"`
	Shapes []shape `yaml:"shapes" doc:"what is drawn"`
}

func Example() {
	tables := decode.NewTables()
	decode.Register(tables, "shape", registry.Table[shape]{
		{Name: "square", Summary: "a square", New: func() shape { return &square{Side: 1} }},
	})
	d := decode.Decoder{File: "drawing.yaml", Tables: tables}

	var wrong drawing
	_, err := d.Document([]byte("titel: a\nshapes: [sqare, {kind: square, side: -1}]"), &wrong)
	fmt.Println(err)

	var right drawing
	root, _ := decode.Parse("drawing.yaml", []byte("title: a\nshapes: [square, {kind: square, width: 2e0}]"))
	root, _ = decode.Set(d.Canonical(root, &right), "shapes.0.side", &decode.Node{Kind: yaml.ScalarNode, Value: "3"})
	fmt.Println(d.Decode(root, "", &right), right.Shapes[0].Area()+right.Shapes[1].Area())

	fmt.Print(decode.Text(decode.Encode(&right, tables)))
	// Output:
	// drawing.yaml:1:1: titel: is not a key here; want one of title, shapes; did you mean "title"?
	// drawing.yaml:1:1: title: is missing; want text
	// drawing.yaml:2:10: shapes.0: is "sqare"; want a kind of shape: square; did you mean "square"?
	// drawing.yaml:2:38: shapes.1.side: is -1; want a number in (0,inf)
	// <nil> 13
	// title: a
	// shapes:
	//   - kind: square
	//     side: 3
	//   - kind: square
	//     side: 2
}
