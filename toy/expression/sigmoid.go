package expression

import "math"

// shared are the forms that take exp(-|x|) as an argument. They appear in finished programs alone, so nothing
// differentiates them.
func shared() []function {
	return []function{
		{name: "decay'", kernel: decay},
		{name: "softplus-shared'", kernel: softplusShared},
		{name: "sigmoid-shared'", kernel: sigmoidShared},
		{name: "sigmoid'-shared'", kernel: sigmoidSlopeShared},
	}
}

// softplus, sigmoid and the latter's derivative are simple functions of exp(-|x|), their only exponential. Where a
// program needs several of them at x or -x, it takes that exponential once (see shareExponentials); either way the
// values are the same to rounding.

// decay writes exp(-|x|).
func decay(dst, a, _, _ []float64) {
	a = a[:len(dst)]
	for i, v := range a {
		dst[i] = math.Exp(-math.Abs(v))
	}
}

func softplus(dst, a, _, _ []float64) {
	a = a[:len(dst)]
	for i, v := range a {
		dst[i] = softplusAt(v, math.Exp(-math.Abs(v)))
	}
}

func softplusShared(dst, a, e, _ []float64) {
	a, e = a[:len(dst)], e[:len(dst)]
	for i, v := range a {
		dst[i] = softplusAt(v, e[i])
	}
}

// softplusAt is log(1 + exp(x)) from e = exp(-|x|).
func softplusAt(x, e float64) float64 { return max(x, 0) + math.Log1p(e) }

// sigmoid has no branch to mispredict: exp(-x) overflows to +Inf below -709, where 1/(1+Inf) is the right 0.
func sigmoid(dst, a, _, _ []float64) {
	a = a[:len(dst)]
	for i, v := range a {
		dst[i] = 1 / (1 + math.Exp(-v))
	}
}

func sigmoidShared(dst, a, e, _ []float64) {
	a, e = a[:len(dst)], e[:len(dst)]
	for i, v := range a {
		dst[i] = sigmoidAt(v, e[i])
	}
}

// sigmoidAt is 1/(1 + exp(-x)) from e = exp(-|x|): 1/(1+e) for positive x, e/(1+e) for negative. The numerator is chosen
// by x's sign bit, since a branch would be mispredicted on every other pair.
func sigmoidAt(x, e float64) float64 {
	negative := uint64(int64(math.Float64bits(x)) >> 63)
	numerator := math.Float64bits(e)&negative | math.Float64bits(1)&^negative
	return math.Float64frombits(numerator) / (1 + e)
}

func sigmoidSlope(dst, a, _, _ []float64) {
	decay(dst, a, nil, nil)
	sigmoidSlopeShared(dst, dst, nil, nil)
}

// sigmoidSlopeShared is sigmoid(x) sigmoid(-x) from e = exp(-|x|).
func sigmoidSlopeShared(dst, e, _, _ []float64) {
	e = e[:len(dst)]
	for i, v := range e {
		dst[i] = v / ((1 + v) * (1 + v))
	}
}
