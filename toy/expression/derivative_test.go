package expression

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"gonum.org/v1/gonum/diff/fd"
	"pgregory.net/rapid"

	_ "windtunnel/toy/fixedseed"
)

var scope = Scope{Columns: []string{"c", "r", "ref_c"}, Scalars: []string{"lambda", "tau"},
	Definitions: []Definition{{"u", "c - r - ref_c"}}}

// inBatch is the same scope, of batches.
var inBatch = func() Scope {
	s := scope
	s.Batch = true
	return s
}()

// source draws an expression of the given depth.
func source(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		if depth == 0 || rapid.IntRange(0, 5).Draw(t, "leaf") == 0 {
			return rapid.SampledFrom([]string{"c", "r", "ref_c", "lambda", "tau", "u", "1", "0.5", "2", "1.7e-1", "3"}).Draw(t, "word")
		}
		sub := func() string { return source(depth-1).Draw(t, "sub") }
		switch rapid.IntRange(0, 3).Draw(t, "form") {
		case 0:
			operator := rapid.SampledFrom([]string{" + ", " - ", "*", "/"}).Draw(t, "operator")
			return "(" + sub() + operator + sub() + ")"
		case 1:
			return "-(" + sub() + ")"
		case 2:
			exponent := rapid.SampledFrom([]string{"2", "3", "4", "-1", "0.5", "lambda", "sigmoid(r)"}).Draw(t, "exponent")
			return "(" + sub() + ")^" + exponent
		}
		f := rapid.SampledFrom(functions()).Filter(func(f function) bool { return !f.batch && !strings.HasSuffix(f.name, "'") }).Draw(t, "function")
		count := f.least
		if f.most == 0 {
			count = 2
			count += rapid.IntRange(0, 1).Draw(t, "more")
		}
		args := make([]string, count)
		for i := range args {
			args[i] = sub()
		}
		return f.name + "(" + strings.Join(args, ", ") + ")"
	})
}

func mustParse(t interface{ Fatal(...any) }, source string) *Expression {
	e, err := Parse(source, scope)
	if err != nil {
		t.Fatal(source, err)
	}
	return e
}

// at evaluates an expression's value, gradient and Hessian by c and r at one point.
func at(e *Expression, point [3]float64, scalars []float64) (v float64, g [2]float64, h [3]float64) {
	p := e.Compile("c", "r")
	cols := [][]float64{{point[0]}, {point[1]}, {point[2]}}
	value, grad, hess := columnsOf(1), columnsOf(2), columnsOf(3)
	p.Value(cols, scalars, value[0])
	p.Grad(cols, scalars, grad)
	p.Hess(cols, scalars, hess)
	return value[0][0], [2]float64{grad[0][0], grad[1][0]}, [3]float64{hess[0][0], hess[1][0], hess[2][0]}
}

// duals are the point's variables for the tree walk.
func duals(point [3]float64, scalars []float64) map[string]dual {
	c, r := dual{v: point[0], d: [2]float64{1, 0}}, dual{v: point[1], d: [2]float64{0, 1}}
	ref := dual{v: point[2]}
	u := binaryDual("-", binaryDual("-", c, r), ref)
	return map[string]dual{"c": c, "r": r, "ref_c": ref, "u": u, "lambda": {v: scalars[0]}, "tau": {v: scalars[1]}}
}

func coordinate() *rapid.Generator[float64] {
	return rapid.Map(rapid.IntRange(-30000, 30000), func(i int) float64 { return float64(i)/1e4 + 1.3e-5 })
}

func drawPoint(t *rapid.T) ([3]float64, []float64) {
	var p [3]float64
	for i := range p {
		p[i] = coordinate().Draw(t, "coordinate")
	}
	return p, []float64{rapid.Float64Range(0.05, 2).Draw(t, "lambda"), rapid.Float64Range(0.1, 1).Draw(t, "tau")}
}

// tame says whether a point is at least a distance away from kinks and singularities and how large its numbers grow.
func tame(d dual, kinks []float64, distance, size float64) bool {
	for _, k := range kinks {
		if !(math.Abs(k) > distance) {
			return false
		}
	}
	return d.size < size && !math.IsNaN(d.v+d.d[0]+d.d[1]+d.h[0][0]+d.h[0][1]+d.h[1][1])
}

// Derivatives agree with the tree-walking duals.
func TestDerivativesAgreeWithDuals(t *testing.T) {
	compared := 0
	rapid.Check(t, func(t *rapid.T) {
		e := mustParse(t, source(3).Draw(t, "source"))
		point, scalars := drawPoint(t)
		var kinks []float64
		want := walkDual(e.tree, duals(point, scalars), &kinks)
		if !tame(want, kinks, 1e-9, 1e3) {
			return
		}
		compared++
		v, g, h := at(e, point, scalars)
		compare := func(what string, got, value float64) {
			if !(math.Abs(got-value) <= 1e-12*max(1, want.size)) {
				t.Fatalf("%s at %v %v: %s is %v, by duals %v", e, point, scalars, what, got, value)
			}
		}
		compare("value", v, want.v)
		compare("d/dc", g[0], want.d[0])
		compare("d/dr", g[1], want.d[1])
		compare("d2/dc2", h[0], want.h[0][0])
		compare("d2/dcdr", h[1], want.h[0][1])
		compare("d2/dr2", h[2], want.h[1][1])
	})
	t.Logf("%d points compared", compared)
	if compared == 0 {
		t.Error("no point was compared")
	}
}

// Derivatives agree with finite differences.
func TestDerivativesAgreeWithDifferences(t *testing.T) {
	compared := 0
	rapid.Check(t, func(t *rapid.T) {
		e := mustParse(t, source(2).Filter(func(s string) bool { return !strings.Contains(s, "stopgrad") }).Draw(t, "source"))
		point, scalars := drawPoint(t)
		var kinks []float64
		d := walkDual(e.tree, duals(point, scalars), &kinks)
		if !tame(d, kinks, 0.05, 50) {
			return
		}
		compared++
		x := []float64{point[0], point[1]}
		_, g, h := at(e, point, scalars)
		f := func(x []float64) float64 {
			v, _, _ := at(e, [3]float64{x[0], x[1], point[2]}, scalars)
			return v
		}
		settings := &fd.Settings{Formula: fd.Central, Step: 1e-5}
		for i, want := range fd.Gradient(nil, f, x, settings) {
			if !(math.Abs(g[i]-want) <= 1e-6*max(1, d.size)) {
				t.Fatalf("%s at %v: derivative %d is %v, by differences %v", e, point, i, g[i], want)
			}
		}
		for i, pick := range [][2]int{{0, 0}, {0, 1}, {1, 1}} {
			slope := func(v float64) float64 {
				moved := point
				moved[pick[1]] = v
				_, g, _ := at(e, moved, scalars)
				return g[pick[0]]
			}
			if want := fd.Derivative(slope, point[pick[1]], settings); !(math.Abs(h[i]-want) <= 1e-6*max(1, d.size)) {
				t.Fatalf("%s at %v: second derivative %v is %v, by differences %v", e, point, pick, h[i], want)
			}
		}
	})
	if compared == 0 {
		t.Error("no point was compared")
	}
}

// The canonical form reads back as itself and computes the same bits.
func TestCanonicalForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := mustParse(t, source(4).Draw(t, "source"))
		again := mustParse(t, e.String())
		if again.String() != e.String() {
			t.Fatalf("%s reads back as %s", e, again)
		}
		point, scalars := drawPoint(t)
		v, g, h := at(e, point, scalars)
		v2, g2, h2 := at(again, point, scalars)
		if fmt.Sprint(v, g, h) != fmt.Sprint(v2, g2, h2) {
			t.Fatalf("%s: %v %v %v became %v %v %v", e, v, g, h, v2, g2, h2)
		}
	})
}
