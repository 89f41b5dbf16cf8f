package expression

import (
	"math"

	"windtunnel/toy/logspace"
)

// Each kernel is a plain loop, so that a call is paid once a batch and never once a pair.

func add(dst, a, b, _ []float64) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] + b[i]
	}
}

func subtract(dst, a, b, _ []float64) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] - b[i]
	}
}

func multiply(dst, a, b, _ []float64) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] * b[i]
	}
}

func divide(dst, a, b, _ []float64) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] / b[i]
	}
}

func power(dst, a, b, _ []float64) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = math.Pow(a[i], b[i])
	}
}

// powm1 is (exp(b a) - 1)/b, with its limit a at b = 0.
func powm1(dst, a, b, _ []float64) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i, x := range a {
		if b[i] != 0 {
			x = math.Expm1(b[i]*x) / b[i]
		}
		dst[i] = x
	}
}

func maximum(dst, a, b, _ []float64) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = max(a[i], b[i])
	}
}

func minimum(dst, a, b, _ []float64) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = min(a[i], b[i])
	}
}

func masked(dst, a, b, _ []float64) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i, v := range a {
		if v != 0 {
			v *= b[i]
		}
		dst[i] = v
	}
}

func whereLess(dst, a, b, c []float64) {
	a, b, c = a[:len(dst)], b[:len(dst)], c[:len(dst)]
	for i, v := range a {
		if b[i] < c[i] {
			dst[i] = v
		} else {
			dst[i] = 0
		}
	}
}

func whereNotLess(dst, a, b, c []float64) {
	a, b, c = a[:len(dst)], b[:len(dst)], c[:len(dst)]
	for i, v := range a {
		if b[i] < c[i] {
			dst[i] = 0
		} else {
			dst[i] = v
		}
	}
}

func same(dst, a, _, _ []float64) { copy(dst, a) }

func negate(dst, a, _, _ []float64) {
	a = a[:len(dst)]
	for i, v := range a {
		dst[i] = -v
	}
}

func square(dst, a, _, _ []float64) {
	a = a[:len(dst)]
	for i, v := range a {
		dst[i] = v * v
	}
}

func squareRoot(dst, a, _, _ []float64) {
	a = a[:len(dst)]
	for i, v := range a {
		dst[i] = math.Sqrt(v)
	}
}

func absolute(dst, a, _, _ []float64) {
	a = a[:len(dst)]
	for i, v := range a {
		dst[i] = math.Abs(v)
	}
}

// sign leaves 0 and NaN as they are.
func sign(dst, a, _, _ []float64) {
	a = a[:len(dst)]
	for i, v := range a {
		switch {
		case v > 0:
			v = 1
		case v < 0:
			v = -1
		}
		dst[i] = v
	}
}

func exponential(dst, a, _, _ []float64) {
	a = a[:len(dst)]
	for i, v := range a {
		dst[i] = math.Exp(v)
	}
}

func expm1(dst, a, _, _ []float64) {
	a = a[:len(dst)]
	for i, v := range a {
		dst[i] = math.Expm1(v)
	}
}

func logarithm(dst, a, _, _ []float64) {
	a = a[:len(dst)]
	for i, v := range a {
		dst[i] = math.Log(v)
	}
}

func log1p(dst, a, _, _ []float64) {
	a = a[:len(dst)]
	for i, v := range a {
		dst[i] = math.Log1p(v)
	}
}

func log1mexp(dst, a, _, _ []float64) {
	a = a[:len(dst)]
	for i, v := range a {
		dst[i] = logspace.Log1mExp(v)
	}
}

// log1mexpSlope is -exp(x)/(1-exp(x)), written so that neither end cancels or overflows to NaN.
func log1mexpSlope(dst, a, _, _ []float64) {
	a = a[:len(dst)]
	for i, v := range a {
		dst[i] = -1 / math.Expm1(-v)
	}
}

func tanh(dst, a, _, _ []float64) {
	a = a[:len(dst)]
	for i, v := range a {
		dst[i] = math.Tanh(v)
	}
}
