package gradcheck_test

import (
	"math"
	"testing"

	"windtunnel/toy/internal/gradcheck"
)

func TestDerivative(t *testing.T) {
	tests := []struct {
		name string
		f    func(float64) float64
		x    float64
		want float64
	}{
		{"exp", math.Exp, 1, math.E},
		{"exp far out", math.Exp, 600, math.Exp(600)},
		{"line", func(x float64) float64 { return 3*x + 1e4 }, 2, 3},
		{"narrow", func(x float64) float64 { return math.Tanh(1e8 * x) }, 1e-8, 1e8 / math.Pow(math.Cosh(1), 2)},
		{"softplus at 1e8", func(x float64) float64 { return math.Log1p(math.Exp(-1e8 * x)) }, 3e-8, -1e8 / (1 + math.Exp(3))},
		{"flat", func(float64) float64 { return 7 }, 0, 0},
	}
	for _, tt := range tests {
		got := gradcheck.Derivative(tt.f, tt.x)
		if math.Abs(got-tt.want) > 1e-9*math.Max(1, math.Abs(tt.want)) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestGradient(t *testing.T) {
	x := []float64{2, 3, 5}
	got := gradcheck.Gradient(func(x []float64) float64 { return x[0]*x[1] + x[2]*x[2] }, x)
	for i, want := range []float64{3, 2, 10} {
		if math.Abs(got[i]-want) > 1e-9 {
			t.Errorf("entry %d: %v, want %v", i, got[i], want)
		}
	}
	if x[0] != 2 || x[1] != 3 || x[2] != 5 {
		t.Errorf("x changed to %v", x)
	}
}

func TestClose(t *testing.T) {
	tests := []struct {
		got, want, scale float64
		close            bool
	}{
		{1, 1 + 0.5e-6, 0, true},
		{1, 1 + 2e-6, 0, false},
		{0, 0, 0, true},
		{0, 4e-12, 1, true},
		{0, 6e-12, 1, false},
		{0, 4e-11, 10, true},
		{math.NaN(), 1, 1, false},
		{1, math.NaN(), 1, false},
	}
	for _, tt := range tests {
		if got := gradcheck.Close(tt.got, tt.want, tt.scale); got != tt.close {
			t.Errorf("Close(%v, %v, %v) = %v", tt.got, tt.want, tt.scale, got)
		}
	}
}
