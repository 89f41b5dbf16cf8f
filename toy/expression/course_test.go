package expression

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// functionOfZ reads a formula in z.
func functionOfZ(t *testing.T, source string) *Function {
	t.Helper()
	e, err := Parse(source, Scope{Columns: []string{"z"}})
	if err != nil {
		t.Fatal(err)
	}
	parts := e.Split(nil, nil, [][]float64{{1}})
	if parts == nil {
		t.Fatalf("%s has no value", source)
	}
	f := *parts[0].Function
	return &f
}

// drawFormula writes a random formula in z.
func drawFormula(rng *rand.Rand, depth int) string {
	number := func() string { return fmt.Sprintf("%.2g", 0.25+2*rng.Float64()) }
	if depth == 0 {
		return []string{"z", "-z", number() + "*z", "(z - " + number() + ")", number(), "(1 - z)", "(" + number() + " + 2*z)"}[rng.IntN(7)]
	}
	a, b := drawFormula(rng, depth-1), drawFormula(rng, rng.IntN(depth))
	unary := []string{"softplus", "sigmoid", "exp", "tanh", "relu", "square", "abs", "logsigmoid", "log1p", "sqrt", "log", "stopgrad"}
	switch rng.IntN(9) {
	case 0:
		return fmt.Sprintf("(%s + %s)", a, b)
	case 1:
		return fmt.Sprintf("(%s - %s)", a, b)
	case 2:
		return fmt.Sprintf("%s*%s", a, b)
	case 3:
		return fmt.Sprintf("max(%s, %s)", a, b)
	case 4:
		return fmt.Sprintf("%s/(1 + square(%s))", a, b)
	}
	return fmt.Sprintf("%s(%s)", unary[rng.IntN(len(unary))], a)
}

// TestCourseIsSound draws formulas and holds what is said of their course against their values, which a wrong proof contradicts.
func TestCourseIsSound(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	proven := map[string]int{}
	for i := range 6000 {
		source := drawFormula(rng, 1+i%3)
		f := functionOfZ(t, source)
		c := f.Course()
		checkCourse(t, source, f, &c, proven)
	}
	for _, what := range []string{"convex", "rising", "falling", "sigmoid", "hinge", "infinite", "from above", "from below", "constant", "infimum"} {
		if proven[what] < 10 {
			t.Errorf("%d formulas are %s", proven[what], what)
		}
	}
}

func checkCourse(t *testing.T, source string, f *Function, c *Course, proven map[string]int) {
	t.Helper()
	at := func(eval func(z, dst []float64), z float64) float64 {
		out := make([]float64, 1)
		eval([]float64{z}, out)
		return out[0]
	}
	count := func(what string, is bool) bool {
		if is {
			proven[what]++
		}
		return is
	}
	convex, rising, falling := count("convex", c.Convex), count("rising", c.Rising), count("falling", c.Falling)
	lowest := math.Inf(1)
	for z := -9.0; z <= 9; z += 0.37 {
		value, slope := at(f.Value, z), at(f.Slope, z)
		if value-value != 0 || slope-slope != 0 {
			continue
		}
		lowest = min(lowest, value)
		size := 1e-9 * (1 + math.Abs(value))
		before, after := at(f.Slope, z-0.05), at(f.Slope, z+0.05)
		if convex && (before > slope+1e-9*(1+math.Abs(slope)) || slope > after+1e-9*(1+math.Abs(slope))) {
			t.Fatalf("%s is said to be convex; its slopes about %v are %v, %v, %v", source, z, before, slope, after)
		}
		if convex && z < c.StrictBelow-0.1 && math.Abs(z) < 1 && math.Abs(slope) < 1e6 && math.Abs(slope) > 1e-6 && !(after > before) {
			t.Fatalf("%s is said to be strictly convex below %v; its slopes about %v are %v, %v", source, c.StrictBelow, z, before, after)
		}
		if rising && slope < 0 || falling && slope > 0 {
			t.Fatalf("%s is said to rise %v or fall %v; its slope at %v is %v", source, rising, falling, z, slope)
		}
		if sigmoid := c.Sigmoid * (1/(1+math.Exp(c.SigmoidAt-z)) - 1/(1+math.Exp(c.SigmoidAt))); c.Sigmoid != 0 && math.Abs(value-at(f.Value, 0)-sigmoid) > size {
			t.Fatalf("%s is said to be %v sigmoid(z - %v); it is %v at %v", source, c.Sigmoid, c.SigmoidAt, value, z)
		}
		if c.Fall != 0 && math.Abs(value-c.Fall*max(0, c.HingeAt-z)) > size {
			t.Fatalf("%s is said to be %v max(0, %v - z); it is %v at %v", source, c.Fall, c.HingeAt, value, z)
		}
	}
	count("sigmoid", c.Sigmoid != 0)
	count("hinge", c.Fall != 0)
	if f.Held() {
		return
	}
	for sign, e := range map[float64]End{-1: c.Low, 1: c.High} {
		near, middle, far := at(f.Value, 30*sign), at(f.Value, 1e4*sign), at(f.Value, 1e7*sign)
		switch {
		case !e.Known, near != near, far != far, math.IsInf(far, 0) && far != e.Limit: // underflow on the way
		case count("infinite", math.IsInf(e.Limit, 0)):
			if towards := math.Copysign(1, e.Limit); far*towards < near*towards || far*towards < 1 {
				t.Fatalf("%s is said to go to %v at %v inf; it is %v and %v", source, e.Limit, sign, near, far)
			}
		case math.Abs(far-e.Limit) > 0.1*(1+math.Abs(e.Limit)):
			t.Fatalf("%s is said to go to %v at %v inf; it is %v", source, e.Limit, sign, far)
		case count("constant", e.Side == 0):
			if math.Abs(far-e.Limit) > 1e-6*(1+math.Abs(e.Limit)) {
				t.Fatalf("%s is said to be %v towards %v inf; it is %v", source, e.Limit, sign, far)
			}
		case count("from above", e.Side > 0) && middle < e.Limit-1e-9, count("from below", e.Side < 0) && middle > e.Limit+1e-9:
			t.Fatalf("%s is said to come to %v from %v at %v inf; it is %v", source, e.Limit, e.Side, sign, middle)
		}
		if count("infimum", e.Known && e.Infimum) && lowest < e.Limit-1e-9*(1+math.Abs(e.Limit)) {
			t.Fatalf("%s is said to be at least %v; it is %v", source, e.Limit, lowest)
		}
	}
}

// TestPolynomialSign decides signs on (0, 1) of polynomials whose roots are known: factors of s and 1-s do not matter, roots
// inside do, and a square with a root inside is not above 0.
func TestPolynomialSign(t *testing.T) {
	for source, want := range map[string]float64{
		"sigmoid(z)": 1, "-sigmoid(z)*sigmoid(-z)": -1, "sigmoid(z) - 0.3": math.NaN(), "sigmoid(z) + 1e-9": 1,
		"square(sigmoid(z) - 0.5)": math.NaN(), "square(sigmoid(z) - 0.5) + 0.01": 1, "sigmoid(z)*(1 - sigmoid(z))*(1.5 - sigmoid(z))": 1,
		"sigmoid(z) - square(sigmoid(z)) - 0.24": math.NaN(), "sigmoid(z) - square(sigmoid(z)) - 0.26": -1, "tanh(z) - 1": -1,
		"sigmoid(2*z) - sigmoid(2*z)": math.NaN(), "2*sigmoid(2*z) - 1 - tanh(z) + 1e-9": 1,
	} {
		f := functionOfZ(t, source)
		base := f.graph.base(f.value)
		if base == nil {
			base = &line{by: []float64{1}}
		}
		p := f.graph.polynomial(f.value, base)
		if got := p.sign(); p == nil || got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("%s: sign %v, want %v (polynomial %v)", source, got, want, p)
		}
	}
}

// TestSlopesOfFunctions compares the derivatives of functions with differences, what stopgrad holds put in.
func TestSlopesOfFunctions(t *testing.T) {
	for source, slope := range map[string]func(z float64) float64{
		"softplus(-2*z)":                       func(z float64) float64 { return -2 / (1 + math.Exp(2*z)) },
		"-stopgrad(sigmoid(-z))*logsigmoid(z)": func(z float64) float64 { return -1 / ((1 + math.Exp(z)) * (1 + math.Exp(z))) },
		"stopgrad(z)*z":                        func(z float64) float64 { return z },
		"log(1 + exp(z))":                      func(z float64) float64 { return 1 / (1 + math.Exp(-z)) },
	} {
		f := functionOfZ(t, source)
		scale := 1.0
		if source == "softplus(-2*z)" {
			scale = 2 // z is twice the variable there
		}
		for _, z := range []float64{-3, -0.4, 0, 0.9, 4} {
			out, curve := make([]float64, 1), make([]float64, 1)
			f.Slope([]float64{scale * z}, out)
			f.Curve([]float64{scale * z}, curve)
			const h = 1e-5
			if want, bend := slope(z)/scale, (slope(z+h)-slope(z-h))/(2*h)/scale/scale; math.Abs(out[0]-want) > 1e-14 || math.Abs(curve[0]-bend) > 1e-8 {
				t.Errorf("%s at %v: slope %v, want %v; curvature %v, want %v", source, z, out[0], want, curve[0], bend)
			}
		}
	}
}

// TestWhereKinksAre checks where the slope of a function jumps, and by how much.
func TestWhereKinksAre(t *testing.T) {
	for _, c := range []struct {
		source   string
		at, jump []float64
	}{
		{"relu(1 - z) + 0.1*z^2", []float64{1}, []float64{1}},
		{"3*abs(z - 2) + exp(z)", []float64{2}, []float64{6}},
		{"max(z, 3*z - 4) + relu(-z)", []float64{0, 2}, []float64{1, 2}},
		{"min(1, z) + 2*relu(z - 1)", []float64{1}, []float64{1}},
		{"min(1, z) + relu(z - 1)", nil, nil},
		{"square(relu(1 - z))", nil, nil},
		{"max(exp(z), 1)", nil, nil}, // not known
		{"softplus(-z)", nil, nil},
		{"relu(stopgrad(z))*z", nil, nil},
	} {
		at, jump := functionOfZ(t, c.source).Kinks()
		if len(at) != len(c.at) {
			t.Errorf("%s: at %v by %v", c.source, at, jump)
			continue
		}
		for i := range at {
			if math.Abs(at[i]-c.at[i]) > 1e-12 || math.Abs(jump[i]-c.jump[i]) > 1e-11 {
				t.Errorf("%s: at %v by %v", c.source, at, jump)
			}
		}
	}
}
