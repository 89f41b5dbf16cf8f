package expression

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// Kernels are loops over a batch. Arithmetic is in plain ones; what calls a function for every pair is rarer, or costs more than the call.

// pairwise is the kernel of a loop over two columns.
func pairwise(loop func(dst, a, b []float64) []float64) kernel {
	return func(dst, a, b, _ []float64) { loop(dst, a[:len(dst)], b[:len(dst)]) }
}

// elementwise is the kernel of a function of one number.
func elementwise(f func(float64) float64) kernel {
	return func(dst, a, _, _ []float64) {
		a = a[:len(dst)]
		for i, v := range a {
			dst[i] = f(v)
		}
	}
}

// elementwise2 is that of a function of two numbers.
func elementwise2(f func(a, b float64) float64) kernel {
	return func(dst, a, b, _ []float64) {
		a, b = a[:len(dst)], b[:len(dst)]
		for i, v := range a {
			dst[i] = f(v, b[i])
		}
	}
}

// powm1 is (exp(a x) - 1)/a, with its limit x at a = 0.
func powm1(x, a float64) float64 {
	if a == 0 {
		return x
	}
	return math.Expm1(a*x) / a
}

// sign leaves 0 and NaN as they are.
func sign(x float64) float64 {
	if x == 0 || x != x {
		return x
	}
	return math.Copysign(1, x)
}

// masked is a*b, but 0 wherever a is.
func masked(a, b float64) float64 {
	if a == 0 {
		return a
	}
	return a * b
}

// where is a where b < c, or where it is not, and 0 elsewhere.
func where(less bool) kernel {
	return func(dst, a, b, c []float64) {
		a, b, c = a[:len(dst)], b[:len(dst)], c[:len(dst)]
		for i, v := range a {
			if b[i] < c[i] != less {
				v = 0
			}
			dst[i] = v
		}
	}
}

func same(dst, a, _, _ []float64) { copy(dst, a) }

func negate(dst, a, _, _ []float64) { floats.ScaleTo(dst, -1, a[:len(dst)]) }

func square(dst, a, _, _ []float64) { floats.MulTo(dst, a[:len(dst)], a[:len(dst)]) }

// log1mexpSlope is -exp(x)/(1-exp(x)), written so that neither end cancels or overflows to NaN.
func log1mexpSlope(x float64) float64 { return -1 / math.Expm1(-x) }

// shared are the forms that take exp(-|x|) as an argument. They appear in finished programs alone, so nothing
// differentiates them.
func shared() []function {
	return []function{
		{name: "decay'", kernel: elementwise(decay)},
		{name: "softplus-shared'", kernel: elementwise2(softplusAt)},
		{name: "sigmoid-shared'", kernel: elementwise2(sigmoidAt)},
		{name: "sigmoid'-shared'", kernel: elementwise(sigmoidSlope)},
	}
}

// softplus, sigmoid and the latter's derivative are simple functions of exp(-|x|), their only exponential. Where a
// program needs several of them at x or -x, it takes that exponential once (see shareExponentials); either way the
// values are the same to rounding.

// decay is exp(-|x|).
func decay(x float64) float64 { return math.Exp(-math.Abs(x)) }

func softplus(x float64) float64 { return softplusAt(x, decay(x)) }

// softplusAt is log(1 + exp(x)) from e = exp(-|x|).
func softplusAt(x, e float64) float64 { return max(x, 0) + log1pUnit(e) }

// log1pUnit is log(1 + e) for e in [0, 1], to three units in the last place: 2 artanh(s) with s = e/(2 + e), whose even factor
// is a polynomial of degree 10 in s^2, interpolated at Chebyshev's points of [0, 1/9] with an error of 1e-17. It has no branch
// to mispredict, and the processor overlaps it from pair to pair; math.Log1p takes half as long again. NaN gives NaN.
func log1pUnit(e float64) float64 {
	s := e / (2 + e)
	z := s * s
	p := 0.085220817813906990645
	p = p*z + 0.041622532559304102879
	p = p*z + 0.060550843640346088273
	p = p*z + 0.066501870163373121685
	p = p*z + 0.076933070211520038808
	p = p*z + 0.090908704162524022551
	p = p*z + 0.11111112040373836587
	p = p*z + 0.14285714272727057267
	p = p*z + 0.20000000000092873734
	p = p*z + 0.33333333333333074797
	twice := 2 * s
	return twice + twice*(z*p)
}

// sigmoid has no branch to mispredict: exp(-x) overflows to +Inf below -709, where 1/(1+Inf) is the right 0.
func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// sigmoidAt is 1/(1 + exp(-x)) from e = exp(-|x|): 1/(1+e) for positive x, e/(1+e) for negative. The numerator is chosen
// by x's sign bit, since a branch would be mispredicted on every other pair.
func sigmoidAt(x, e float64) float64 {
	negative := uint64(int64(math.Float64bits(x)) >> 63)
	numerator := math.Float64bits(e)&negative | math.Float64bits(1)&^negative
	return math.Float64frombits(numerator) / (1 + e)
}

// sigmoidSlope is sigmoid(x) sigmoid(-x) from e = exp(-|x|).
func sigmoidSlope(e float64) float64 { return e / ((1 + e) * (1 + e)) }
