package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/floats"
	"pgregory.net/rapid"

	"windtunnel/toy/internal/gradcheck"
)

// row draws one row of normal elements times spread.
func row[T Float](t *rapid.T, n int, spread float64) matrix[T] {
	x := randomMatrix[T](rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)), 1, n, n)
	for i := range x.data {
		x.data[i] *= T(spread)
	}
	return x
}

func widen[T Float](x []T) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

func testSoftmax[T Float](t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := row[T](t, rapid.IntRange(1, 200).Draw(t, "n"), rapid.SampledFrom([]float64{1e-3, 1, 30, 1e4, 1e30}).Draw(t, "spread"))
		logits := widen(x.data)
		lse := floats.LogSumExp(logits)
		if got := LogSumExp(x.data); !(math.Abs(got-lse) <= 16*epsilon[T]()+1e-15*math.Abs(lse)) {
			t.Fatalf("log-sum-exp %v, gonum has %v", got, lse)
		}
		Softmax(x.data)
		for i, p := range widen(x.data) {
			if want := math.Exp(logits[i] - lse); !(math.Abs(p-want) <= 200*epsilon[T]()*want+1e-44) {
				t.Fatalf("probability %d is %v, should be %v", i, p, want)
			}
		}
		x.checkGuards(t)
	})
}

func TestSoftmax(t *testing.T) {
	eachVariant(t, "float32", testSoftmax[float32])
	t.Run("float64", testSoftmax[float64])
}

func TestSoftmaxAtTheEdges(t *testing.T) { eachVariant(t, "float32", testSoftmaxAtTheEdges) }

func testSoftmaxAtTheEdges(t *testing.T) {
	inf := float32(math.Inf(1))
	Softmax([]float32{})
	for _, c := range []struct {
		logits, probabilities []float32
		lse                   float64
	}{
		{[]float32{3}, []float32{1}, 3},
		{[]float32{-inf, 0, -inf, 0}, []float32{0, 0.5, 0, 0.5}, math.Ln2},
		{[]float32{-1e38, 1e38}, []float32{0, 1}, float64(float32(1e38))},
		{[]float32{-80, -80}, []float32{0.5, 0.5}, -80 + math.Ln2},
	} {
		if got := LogSumExp(c.logits); math.Abs(got-c.lse) > 1e-7 {
			t.Errorf("log-sum-exp of %v is %v, not %v", c.logits, got, c.lse)
		}
		got := append([]float32{}, c.logits...)
		Softmax(got)
		if fmt.Sprint(got) != fmt.Sprint(c.probabilities) {
			t.Errorf("softmax of %v is %v, not %v", c.logits, got, c.probabilities)
		}
	}
	for _, c := range []struct {
		logits []float32
		want   float64
	}{
		{nil, math.Inf(-1)},
		{[]float32{-inf, -inf}, math.Inf(-1)},
		{[]float32{0, inf}, math.Inf(1)},
	} {
		if got := LogSumExp(c.logits); got != c.want {
			t.Errorf("log-sum-exp of %v is %v, not %v", c.logits, got, c.want)
		}
	}
	nan := float32(math.NaN())
	for _, n := range []int{1, 5, 16, 40} {
		for at := range n {
			x := make([]float32, n)
			x[at] = nan
			if got := LogSumExp(x); !math.IsNaN(got) {
				t.Errorf("log-sum-exp of %d logits with a NaN at %d is %v", n, at, got)
			}
		}
	}
}

func checkGradient(t *testing.T, name string, got, want []float64) {
	t.Helper()
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= 1e-7*(1+math.Abs(want[i]))) {
			t.Errorf("%s, element %d: %v, by differences %v", name, i, got[i], want[i])
		}
	}
}

// vectors returns count random vectors of n elements.
func vectors(n, count int) [][]float64 {
	rng := rand.New(rand.NewPCG(uint64(n), 2))
	out := make([][]float64, count)
	for i := range out {
		out[i] = randomMatrix[float64](rng, 1, n, n).data
	}
	return out
}

func TestSoftmaxGrad(t *testing.T) {
	v := vectors(9, 2)
	x, d := v[0], v[1]
	value := func(x []float64) float64 {
		p := append([]float64{}, x...)
		Softmax(p)
		return floats.Dot(d, p)
	}
	want := gradcheck.Gradient(value, x)
	p := append([]float64{}, x...)
	Softmax(p)
	SoftmaxGrad(d, p)
	checkGradient(t, "logits", d, want)
}

func TestSiLUMulGrad(t *testing.T) {
	v := vectors(12, 3)
	gate, up, d := v[0], v[1], v[2]
	gate[0], gate[1] = 40, -40
	value := func(gate, up []float64) float64 {
		out := make([]float64, len(gate))
		SiLUMul(out, gate, up)
		return floats.Dot(d, out)
	}
	dGate, dUp := make([]float64, 12), make([]float64, 12)
	SiLUMulGrad(dGate, dUp, d, gate, up)
	checkGradient(t, "gate", dGate, gradcheck.Gradient(func(x []float64) float64 { return value(x, up) }, gate))
	checkGradient(t, "up", dUp, gradcheck.Gradient(func(x []float64) float64 { return value(gate, x) }, up))
}

func TestSiLUMul(t *testing.T) { eachVariant(t, "float32", testSiLUMul) }

func testSiLUMul(t *testing.T) {
	gate := []float32{0, 1, -1, 30, 90, 1e30, -30, -1e30, 2}
	up := []float32{1, 1, 1, 1, 2, 1, 1, 1, -0.5}
	got := make([]float32, len(gate))
	SiLUMul(got, gate, up)
	for i, g := range widen(gate) {
		want := g / (1 + math.Exp(-g)) * float64(up[i])
		if !(math.Abs(float64(got[i])-want) <= 1e-6*math.Abs(want)) {
			t.Errorf("silu(%v)*%v = %v, should be %v", g, up[i], got[i], want)
		}
	}
	for _, g := range []float32{-1e30, -200, 200, 1e30} {
		dGate, dUp := []float32{0}, []float32{0}
		SiLUMulGrad(dGate, dUp, []float32{1}, []float32{g}, []float32{1})
		if slope := float64(max(0, min(1, g))); float64(dGate[0]) != slope || float64(dUp[0]) != max(0, float64(g)) {
			t.Errorf("gradient at gate %v is %v and %v", g, dGate[0], dUp[0])
		}
	}
}

// normRow normalizes one row and returns its scale.
func normRow[T Float](dst, x, gain []T, eps float64) T {
	var scale [1]T
	RMSNormRows(dst, x, gain, scale[:], eps)
	return scale[0]
}

func TestRMSNorm(t *testing.T) { eachVariant(t, "float32", testRMSNorm) }

func testRMSNorm(t *testing.T) {
	x, gain := []float32{3, 4}, []float32{1, 2}
	got := make([]float32, 2)
	scale := normRow(got, x, gain, 0)
	if want := 1 / math.Sqrt(12.5); math.Abs(float64(scale)-want) > 1e-7 || math.Abs(float64(got[1])-8*want) > 1e-6 {
		t.Errorf("normalized to %v by %v, should be by %v", got, scale, want)
	}
	if scale := normRow(got, []float32{0, 0}, gain, 1e-6); math.Abs(float64(scale)-1000) > 1e-3 || got[0] != 0 {
		t.Errorf("zeros are normalized to %v by %v", got, scale)
	}
}

func TestRMSNormGrad(t *testing.T) {
	for _, n := range []int{1, 7, 64} {
		v := vectors(n, 4)
		x, gain, d, dX := v[0], v[1], v[2], v[3]
		value := func(x, gain []float64) float64 {
			out := make([]float64, n)
			normRow(out, x, gain, 1e-5)
			return floats.Dot(d, out)
		}
		dGain := make([]float64, n)
		before := append([]float64{}, dX...)
		scale := normRow(make([]float64, n), x, gain, 1e-5)
		RMSNormGrad(dX, dGain, d, x, gain, []float64{scale})
		floats.Sub(dX, before)
		checkGradient(t, "x", dX, gradcheck.Gradient(func(x []float64) float64 { return value(x, gain) }, x))
		checkGradient(t, "gain", dGain, gradcheck.Gradient(func(g []float64) float64 { return value(x, g) }, gain))
		RMSNormGrad(dX, nil, d, x, gain, []float64{scale})
	}
}

func testAddTo[T Float](t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 100).Draw(t, "n")
		x, y := row[T](t, n, 1), row[T](t, n, 3)
		xs, ys := widen(x.data), widen(y.data)
		AddTo(y.data, x.data)
		floats.Add(ys, xs)
		for i, got := range widen(y.data) {
			if !(math.Abs(got-ys[i]) <= 40*epsilon[T]()) {
				t.Fatalf("element %d is %v, should be %v", i, got, ys[i])
			}
		}
		x.checkGuards(t)
		y.checkGuards(t)
	})
}

func TestAddTo(t *testing.T) {
	eachVariant(t, "float32", testAddTo[float32])
	t.Run("float64", testAddTo[float64])
}
