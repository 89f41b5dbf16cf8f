package expression

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// log1pUnit is math.Log1p to rounding, from the least normal number to 1.
func TestLog1pUnit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := math.Exp2(-rapid.Float64Range(0, 1022).Draw(t, "binades"))
		if got, want := log1pUnit(e), math.Log1p(e); math.Abs(got-want) > 4*0x1p-53*want {
			t.Fatalf("log(1 + %v) is %v, want %v", e, got, want)
		}
	})
	for _, e := range []float64{0, 1, 0x1p-1022} {
		if got, want := log1pUnit(e), math.Log1p(e); math.Abs(got-want) > 4*0x1p-53*want {
			t.Errorf("log(1 + %v) is %v, want %v", e, got, want)
		}
	}
	if !math.IsNaN(log1pUnit(math.NaN())) {
		t.Error("NaN is lost")
	}
}

func BenchmarkSoftplus(b *testing.B) {
	x, out := make([]float64, 256), make([]float64, 256)
	for i := range x {
		x[i] = float64(i-128) / 16
	}
	loop := elementwise(softplus)
	b.Run("log1pUnit", func(b *testing.B) {
		for range b.N {
			loop(out, x, nil, nil)
		}
	})
	b.Run("Log1p", func(b *testing.B) {
		for range b.N {
			for i, v := range x {
				out[i] = max(v, 0) + math.Log1p(math.Exp(-math.Abs(v)))
			}
		}
	})
}
