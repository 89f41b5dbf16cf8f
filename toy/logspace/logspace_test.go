package logspace

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats/scalar"
	"pgregory.net/rapid"

	_ "windtunnel/toy/fixedseed"
)

var inf = math.Inf(1)

// near says whether two numbers agree to 2 units in the last place, or are the same infinity.
func near(a, b float64) bool { return a == b || scalar.EqualWithinRel(a, b, 0x1p-51) }

// The expected values come from Python's mpmath at 60 digits and more.
func TestSigmoid(t *testing.T) {
	tests := []struct{ x, sigmoid, log float64 }{
		{0, 0.5, -0.69314718055994530942},
		{1e-300, 0.5, -0.69314718055994530942},
		{-1e-300, 0.5, -0.69314718055994530942},
		{1, 0.73105857863000487925, -0.31326168751822283405},
		{-1, 0.26894142136999512075, -1.3132616875182228341},
		{36, 0.99999999999999976805, -2.3195228302435691193e-16},
		{-36, 2.3195228302435688503e-16, -36.000000000000000232},
		{710, 1, -4.4762862256751299561e-309},
		{-710, 4.4762862256751299561e-309, -710},
		{1e4, 1, 0},
		{-1e4, 0, -1e4},
		{inf, 1, 0},
		{-inf, 0, -inf},
	}
	for _, tt := range tests {
		if got := Sigmoid(tt.x); !near(got, tt.sigmoid) {
			t.Errorf("Sigmoid(%v) = %v, want %v", tt.x, got, tt.sigmoid)
		}
		if got := LogSigmoid(tt.x); !near(got, tt.log) {
			t.Errorf("LogSigmoid(%v) = %v, want %v", tt.x, got, tt.log)
		}
	}
}

func TestLog1mExp(t *testing.T) {
	tests := []struct{ x, want float64 }{
		{0, -inf},
		{-1e-300, -690.77552789821370521},
		{-1e-20, -46.051701859880913680},
		{-1e-10, -23.025850929990456840},
		{-0.5, -0.93275212956718857189},
		{-math.Ln2, -0.69314718055994530942},
		{-1, -0.45867514538708189102},
		{-36, -2.3195228302435696573e-16},
		{-50, -1.928749847963917783e-22},
		{-710, -4.4762862256751299561e-309},
		{-1e4, 0},
		{-inf, 0},
	}
	for _, tt := range tests {
		if got := Log1mExp(tt.x); !near(got, tt.want) {
			t.Errorf("Log1mExp(%v) = %v, want %v", tt.x, got, tt.want)
		}
	}
}

func TestLogSumExp(t *testing.T) {
	tests := []struct {
		x    []float64
		want float64
	}{
		{nil, -inf},
		{[]float64{-inf, -inf}, -inf},
		{[]float64{3}, 3},
		{[]float64{0, 0}, math.Ln2},
		{[]float64{-inf, 2}, 2},
		{[]float64{inf, 2}, inf},
		{[]float64{1e4, 1e4}, 10000.693147180559945},
		{[]float64{-1e4, -1e4, -1e4}, -9998.9013877113318902},
		{[]float64{1e4, -1e4}, 1e4},
		{[]float64{1e300, -1e300}, 1e300},
		{[]float64{0, -36}, 2.3195228302435691193e-16}, // the sum is rounded to 1 + 2^-52: right to 1e-16 only
	}
	for _, tt := range tests {
		if got := LogSumExp(tt.x); !near(got, tt.want) && math.Abs(got-tt.want) > 1e-16 {
			t.Errorf("LogSumExp(%v) = %v, want %v", tt.x, got, tt.want)
		}
	}
	if got := LogSumExp([]float64{1, math.NaN()}); !math.IsNaN(got) {
		t.Errorf("LogSumExp of NaN = %v", got)
	}
}

// number draws finite numbers, many of them near 0 and far out.
func number() *rapid.Generator[float64] {
	return rapid.OneOf(rapid.Float64Range(-40, 40), rapid.Float64Range(-1e-12, 1e-12), rapid.Float64Range(-1e4, 1e4),
		rapid.Float64Range(-1e300, 1e300))
}

func TestScalarProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := number().Draw(t, "x"), number().Draw(t, "y")
		x, y = min(x, y), max(x, y)
		if s := Sigmoid(x) + Sigmoid(-x); !near(s, 1) {
			t.Errorf("Sigmoid(%v) + Sigmoid(%v) = %v", x, -x, s)
		}
		if Sigmoid(x) > Sigmoid(y) {
			t.Errorf("Sigmoid falls between %v and %v", x, y)
		}
		if LogSigmoid(x) > LogSigmoid(y) {
			t.Errorf("LogSigmoid falls between %v and %v", x, y)
		}
		if got, want := math.Exp(LogSigmoid(x)), Sigmoid(x); !scalar.EqualWithinAbsOrRel(got, want, 1e-300, 1e-12) {
			t.Errorf("exp(LogSigmoid(%v)) = %v, want %v", x, got, want)
		}
		if got, want := LogSigmoid(x)-LogSigmoid(-x), x; !scalar.EqualWithinAbsOrRel(got, want, 1e-14, 1e-14) {
			t.Errorf("LogSigmoid(%v) - LogSigmoid(%v) = %v", x, -x, got)
		}
		a, b := min(-math.Abs(x), -math.Abs(y)), max(-math.Abs(x), -math.Abs(y))
		if Log1mExp(a) < Log1mExp(b) {
			t.Errorf("Log1mExp rises between %v and %v", a, b)
		}
	})
}

func TestVectorProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(rapid.Float64Range(-1e3, 1e3), 1, 20).Draw(t, "x")
		shift := rapid.Float64Range(-1e6, 1e6).Draw(t, "shift")
		shifted := slices.Clone(x)
		for i := range shifted {
			shifted[i] += shift
		}
		lse := LogSumExp(x)
		// Adding the shift rounds each element by up to 1e6 * 2^-53.
		if got := LogSumExp(shifted) - shift; math.Abs(got-lse) > 1e-9 {
			t.Errorf("LogSumExp(x + %v) - %v = %v, want %v", shift, shift, got, lse)
		}
		if top := slices.Max(x); lse < top || lse > top+math.Log(float64(len(x)))+1e-12 {
			t.Errorf("LogSumExp = %v with a maximum of %v", lse, top)
		}
		logp, p, joint := make([]float64, len(x)), make([]float64, len(x)), make([]float64, len(x))
		if got := LogSoftmax(logp, x); got != lse {
			t.Errorf("LogSoftmax returns %v, want the normalizer %v", got, lse)
		}
		Softmax(joint, p, x)
		sum := 0.0
		for i := range x {
			sum += p[i]
			if math.Abs(joint[i]-logp[i]) > 1e-12 || math.Abs(p[i]-math.Exp(logp[i])) > 1e-12 {
				t.Errorf("Softmax gives %v and %v, LogSoftmax %v", joint[i], p[i], logp[i])
			}
		}
		if math.Abs(sum-1) > 1e-14 {
			t.Errorf("probabilities sum to %v", sum)
		}
	})
}

func TestInPlace(t *testing.T) {
	x := []float64{1, 2, 1e4}
	want, p := make([]float64, 3), make([]float64, 3)
	Softmax(want, p, x)
	if want[0] != -9999 || want[1] != -9998 || want[2] != 0 || p[2] != 1 || p[0] != 0 {
		t.Errorf("Softmax: %v, %v", want, p)
	}
	softmax, logSoftmax := slices.Clone(x), slices.Clone(x)
	Softmax(softmax, p, softmax)
	LogSoftmax(logSoftmax, logSoftmax)
	if !slices.Equal(softmax, want) || !slices.Equal(logSoftmax, want) {
		t.Errorf("in place: Softmax %v, LogSoftmax %v, want %v", softmax, logSoftmax, want)
	}
	Exp(x, x)
	if x[0] != math.E || x[2] != inf {
		t.Errorf("Exp in place: %v", x)
	}
}
