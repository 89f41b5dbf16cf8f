package expression

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// columnsOf returns n columns of one row.
func columnsOf(n int) [][]float64 {
	columns := make([][]float64, n)
	for i := range columns {
		columns[i] = make([]float64, 1)
	}
	return columns
}

// one evaluates a source in c alone: value, first and second derivative.
func one(t *testing.T, source string, c float64) (v, d, dd float64) {
	t.Helper()
	v, g, h := at(mustParse(t, source), [3]float64{c, 1, 0}, []float64{0.5, 2})
	return v, g[0], h[0]
}

// Far out the stable forms keep their limits.
func TestExtremes(t *testing.T) {
	inf := math.Inf(1)
	tests := []struct {
		source   string
		c        float64
		v, d, dd float64
	}{
		{"softplus(c)", 1e4, 1e4, 1, 0},
		{"softplus(c)", -1e4, 0, 0, 0},
		{"softplus(-c)", -1e4, 1e4, -1, 0},
		{"logsigmoid(c)", 1e4, 0, 0, 0},
		{"logsigmoid(c)", -1e4, -1e4, 1, 0},
		{"logsigmoid(-c)", 1e4, -1e4, -1, 0},
		{"softplus(-(lambda*c))", -1e4, 5e3, -0.5, 0},
		{"sigmoid(c)", 1e4, 1, 0, 0},
		{"sigmoid(c)", -1e4, 0, 0, 0},
		{"softplus(c) + sigmoid(-c)", 1e4, 1e4, 1, 0}, // one exponential for both
		{"softplus(c) + sigmoid(-c)", -1e4, 1, 0, 0},
		{"tanh(c)", 1e4, 1, 0, 0},
		{"exp(c)", 1e4, inf, inf, inf},
		{"exp(c)", -1e4, 0, 0, 0},
		{"expm1(c)", -1e4, -1, 0, 0},
		{"log1mexp(c)", -1e4, 0, 0, 0},
		{"softplus(c)", inf, inf, 1, 0},
		{"softplus(c)", -inf, 0, 0, 0},
		{"min(exp(c), 5)", 1e4, 5, 0, 0}, // the branch not taken is infinite
		{"square(min(exp(c), 5))", 1e4, 25, 0, 0},
		{"exp(min(c, 80))", 1e4, math.Exp(80), 0, 0},
		{"relu(1 - exp(c))", 1e4, 0, 0, 0},
		{"min(1/c, 5)", 0, 5, 0, 0},
		{"clamp(log(c), -3, 3)", 0, -3, 0, 0},
		{"c*log1mexp(-1e4)", 2, 0, 0, 0},
		{"0*exp(c)", 1, 0, 0, 0},
	}
	for _, tt := range tests {
		v, d, dd := one(t, tt.source, tt.c)
		if v != tt.v || d != tt.d || dd != tt.dd {
			t.Errorf("%s at %v: %v, %v, %v; want %v, %v, %v", tt.source, tt.c, v, d, dd, tt.v, tt.d, tt.dd)
		}
	}
}

// What overflows on the way says so instead of giving a wrong slope: the truth here is 1.
func TestOverflowIsNotSilent(t *testing.T) {
	if v, d, _ := one(t, "log(1 + exp(c))", 1e4); !math.IsInf(v, 1) || !math.IsNaN(d) {
		t.Errorf("value %v, slope %v", v, d)
	}
}

// Small values keep their relative precision.
func TestPrecision(t *testing.T) {
	tests := []struct {
		source   string
		c        float64
		v, d, dd float64
	}{
		{"logsigmoid(c)", 40, -math.Exp(-40), math.Exp(-40), -math.Exp(-40)},
		{"softplus(c)", -300, math.Exp(-300), math.Exp(-300), math.Exp(-300)},
		{"sigmoid(c)", -300, math.Exp(-300), math.Exp(-300), math.Exp(-300)},
		{"sigmoid(c)", 1e-12, 0.5 + 0.25e-12, 0.25, -0.125e-12},
		{"log1mexp(c)", -1e-12, math.Log(1e-12), -1e12, -1e24},
		{"log1mexp(c)", -100, -math.Exp(-100), -math.Exp(-100), -math.Exp(-100)},
		{"tanh(c)", 50, 1, 4 * math.Exp(-100), -8 * math.Exp(-100)},
		{"expm1(c)", 1e-12, 1e-12, 1, 1},
		{"log1p(c)", 1e-12, 1e-12 - 0.5e-24, 1 - 1e-12, -1 + 2e-12},
	}
	for _, tt := range tests {
		v, d, dd := one(t, tt.source, tt.c)
		for _, pair := range [][2]float64{{v, tt.v}, {d, tt.d}, {dd, tt.dd}} {
			if !(math.Abs(pair[0]-pair[1]) <= 2e-12*math.Abs(pair[1])) {
				t.Errorf("%s at %v: %v, %v, %v; want %v, %v, %v", tt.source, tt.c, v, d, dd, tt.v, tt.d, tt.dd)
			}
		}
	}
}

// The conventions at kinks; r is 1.
func TestKinks(t *testing.T) {
	tests := []struct {
		source string
		c      float64
		dc, dr float64
	}{
		{"relu(c)", 0, 0, 0}, {"relu(-c)", 0, 0, 0}, {"abs(c)", 0, 0, 0}, {"abs(c)", -2, -1, 0},
		{"max(c, r)", 1, 1, 0}, {"max(r, c)", 1, 0, 1}, {"min(c, r)", 1, 1, 0}, {"min(r, c)", 1, 0, 1},
		{"max(c, r, c)", 1, 1, 0}, {"max(c, c)", 1, 1, 0}, {"max(2, c, 2*r)", 2, 0, 0},
		{"clamp(c, 0, 1)", 0, 1, 0}, {"clamp(c, 0, 1)", 1, 1, 0}, {"clamp(c, 0, r)", 2, 0, 1}, {"clamp(c, r, 3)", -1, 0, 1},
		{"clamp(c, 3, r)", 5, 0, 1}, {"sqrt(c)", 0, math.Inf(1), 0}, {"stopgrad(c)*r", 3, 0, 3}, {"stopgrad(c) + c", 3, 1, 0},
		{"c^2", 0, 0, 0}, {"c^1", 0, 1, 0}, {"c^0", 0, 0, 0}, {"c^lambda", 0, math.Inf(1), 0}, {"c^r", 0, 1, 0},
	}
	for _, tt := range tests {
		_, g, _ := at(mustParse(t, tt.source), [3]float64{tt.c, 1, 0}, []float64{0.5, 2})
		if g != [2]float64{tt.dc, tt.dr} {
			t.Errorf("%s at c = %v: slopes %v, want %v, %v", tt.source, tt.c, g, tt.dc, tt.dr)
		}
	}
}

// NaN comes through, also where a branch is chosen by it.
func TestNaN(t *testing.T) {
	for _, source := range []string{"softplus(c)", "sigmoid(c)", "relu(c)*c", "min(c, 1)*c", "abs(c)", "c^2", "max(c, r)*c"} {
		if v, d, _ := one(t, source, math.NaN()); !math.IsNaN(v) || !math.IsNaN(d) {
			t.Errorf("%s of NaN is %v with slope %v", source, v, d)
		}
	}
}

// A batch gives each row what the row gives by itself, whatever the batch's size and whatever was run before; nothing
// allocates.
func TestBatches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := mustParse(t, source(3).Draw(t, "source"))
		p := e.Compile("c", "r")
		for _, n := range []int{3, block + 5, 0, 1} {
			checkBatch(t, e, p, n)
		}
	})
}

func checkBatch(t *rapid.T, e *Expression, p *Program, n int) {
	cols := [][]float64{make([]float64, n), make([]float64, n), make([]float64, n)}
	for i := range n {
		cols[0][i], cols[1][i], cols[2][i] = math.Sin(float64(i)), 2*math.Cos(float64(i)), -float64(i%5)/2
	}
	scalars := []float64{rapid.Float64Range(0.1, 1).Draw(t, "lambda"), 0.5}
	out := make([][]float64, 6)
	for i := range out {
		out[i] = make([]float64, n)
	}
	p.Value(cols, scalars, out[0])
	p.Grad(cols, scalars, out[1:3])
	p.Hess(cols, scalars, out[3:6])
	for _, i := range []int{0, 1, 2, block - 1, block, n - 1} {
		if i < 0 || i >= n {
			continue
		}
		v, g, h := at(e, [3]float64{cols[0][i], cols[1][i], cols[2][i]}, scalars)
		if got, want := fmt.Sprint(out[0][i], out[1][i], out[2][i], out[3][i], out[4][i], out[5][i]), fmt.Sprint(v, g[0], g[1], h[0], h[1], h[2]); got != want {
			t.Fatalf("%s: row %d of %d is %s, by itself %s", e, i, n, got, want)
		}
	}
}

func TestNothingAllocates(t *testing.T) {
	p := mustParse(t, "softplus(-lambda*u) + relu(ref_c - c)^2/max(c, r, 1)").Compile("c", "r")
	cols, out := columnsOf(3), columnsOf(3)
	allocations := testing.AllocsPerRun(10, func() {
		p.Value(cols, []float64{0.5, 1}, out[0])
		p.Grad(cols, []float64{0.6, 1}, out[:2])
		p.Hess(cols, []float64{0.8, 1}, out)
	})
	if allocations != 0 {
		t.Errorf("%v allocations a step", allocations)
	}
}

// loops counts the loops of a tape that run the given kernels.
func loops(code []instruction, table table, names ...string) int {
	count := 0
	for _, in := range code {
		for _, name := range names {
			if fmt.Sprintf("%p", in.kernel) == fmt.Sprintf("%p", table[name].kernel) {
				count++
			}
		}
	}
	return count
}

// What costs is done once: exponentials are shared, scalars stay out of the loops, and a gradient leaves out what only
// the value needs.
func TestNoWastedLoops(t *testing.T) {
	exponentials := []string{"exp", "decay'", "softplus", "sigmoid", "sigmoid'", "expm1", "tanh"}
	p := mustParse(t, "softplus(-(lambda*(c - r)))").Compile("c", "r")
	table := standard()
	for name, code := range map[string][]instruction{"value": p.value.columnCode, "grad": p.grad.columnCode, "hess": p.hess.columnCode} {
		if n := loops(code, table, exponentials...); n != 1 {
			t.Errorf("%s takes %d loops with an exponential", name, n)
		}
	}
	if n := loops(p.grad.columnCode, table, "softplus", "softplus-shared'"); n != 0 {
		t.Error("the gradient computes the value")
	}
	if n := len(p.grad.columnCode); n != 5 { // c - r, times -lambda, sigmoid, times -lambda, and its negative
		t.Errorf("the gradient takes %d loops", n)
	}
	smoothed := mustParse(t, "-(1 - tau)*logsigmoid(lambda*u) - tau*logsigmoid(-(lambda*u))").Compile("c", "r")
	if n := loops(smoothed.value.columnCode, table, exponentials...); n != 1 {
		t.Errorf("a smoothed loss takes %d loops with an exponential", n)
	}
	scalar := mustParse(t, "c*exp(lambda)*sqrt(tau)/log1p(lambda)").Compile("c")
	if n := loops(scalar.value.columnCode, table, "exp", "sqrt", "log1p"); n != 0 {
		t.Errorf("%d loops over scalars", n)
	}
	shared := mustParse(t, "exp(c*r) + square(exp(r*c))").Compile("c", "r")
	if n := loops(shared.hess.columnCode, table, "exp"); n != 1 {
		t.Errorf("a common subexpression takes %d loops", n)
	}
}

// A quasi-preference-optimization link in the ratio r is computed from its logarithm.
func TestRatioThroughItsLogarithm(t *testing.T) {
	qpo := Scope{Columns: []string{"x"}, Scalars: []string{"a"}, Definitions: []Definition{{"r", "exp(x)"}}}
	tests := []struct {
		source   string
		x        float64
		v, d, dd float64
	}{
		{"log(r)", 5000, 5000, 1, 0},
		{"log(r)", 1e-9, 1e-9, 1, 0},
		{"r", 2, math.Exp(2), math.Exp(2), math.Exp(2)},
		{"-r^-1", 2, -math.Exp(-2), math.Exp(-2), -math.Exp(-2)},
		{"r^(a - 1)/(a - 1)", 3, math.Exp(1.5) / 0.5, math.Exp(1.5), math.Exp(1.5) * 0.5},
		{"log(r) + r", 1, 1 + math.E, 1 + math.E, math.E},
	}
	for _, tt := range tests {
		e, err := Parse(tt.source, qpo)
		if err != nil {
			t.Fatal(err)
		}
		p, cols, out := e.Compile("x"), [][]float64{{tt.x}}, columnsOf(3)
		p.Value(cols, []float64{1.5}, out[0])
		p.Grad(cols, []float64{1.5}, out[1:2])
		p.Hess(cols, []float64{1.5}, out[2:])
		for i, want := range []float64{tt.v, tt.d, tt.dd} {
			if got := out[i][0]; !(math.Abs(got-want) <= 1e-14*math.Abs(want)) {
				t.Errorf("derivative %d of %s at x = %v is %v, want %v", i, tt.source, tt.x, got, want)
			}
		}
	}
}

// A change of the scalars shows at once, also from and to the zero that registers start with.
func TestScalarsChange(t *testing.T) {
	p, cols, out := mustParse(t, "c*exp(lambda)").Compile("c"), columnsOf(3), columnsOf(1)
	cols[0][0] = 2
	for _, lambda := range []float64{0, 1, 1, 0, math.Inf(-1)} {
		p.Value(cols, []float64{lambda, 0}, out[0])
		if want := 2 * math.Exp(lambda); out[0][0] != want {
			t.Errorf("at lambda %v: %v, want %v", lambda, out[0][0], want)
		}
	}
}
