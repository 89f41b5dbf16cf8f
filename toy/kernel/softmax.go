package kernel

import "math"

// Softmax replaces the logits x of one row by their probabilities. The largest logit is taken off first, so that nothing
// overflows; a logit of -Inf gets 0. At least one logit must be finite, none +Inf. The empty row stays empty.
func Softmax[T Float](x []T) {
	if len(x) == 0 {
		return
	}
	if x, single := singles(x); single && softmaxFast(x) {
		return
	}
	top := largest(x)
	var sum T
	for i, v := range x {
		e := exp(v - top)
		x[i] = e
		sum += e
	}
	scale := 1 / sum
	for i := range x {
		x[i] *= scale
	}
}

// SoftmaxGrad replaces d, the gradient for the probabilities p of one row, by the gradient for its logits:
// p (d - sum(p d)).
func SoftmaxGrad[T Float](d, p []T) {
	checkLength("p", len(d), len(p))
	if d, single := singles(d); single && softmaxGradFast(d, as32(p)) {
		return
	}
	mean := dotPortable(d, p)
	for i, v := range p {
		d[i] = v * (d[i] - mean)
	}
}

// LogSumExp returns log(sum(exp(x))) of one row of logits, summed in float64. The empty row and one of only -Inf give
// -Inf; a +Inf gives +Inf.
func LogSumExp[T Float](x []T) float64 {
	if len(x) == 0 {
		return math.Inf(-1)
	}
	top, sum := sumExp(x)
	if math.IsInf(top, 0) {
		return top
	}
	return top + math.Log(sum)
}

// sumExp returns the largest logit and the sum of the exponentials of what the others are below it.
func sumExp[T Float](x []T) (top, sum float64) {
	if x, single := singles(x); single {
		if top, sum, done := sumExpFast(x); done {
			return float64(top), sum
		}
	}
	peak := largest(x)
	for _, v := range x {
		sum += float64(exp(v - peak))
	}
	return float64(peak), sum
}

// Exp writes e to the power of x to dst, which may be x itself.
func Exp[T Float](dst, x []T) {
	checkLength("x", len(dst), len(x))
	if x, single := singles(x); single && expFast(as32(dst), x) {
		return
	}
	for i, v := range x {
		dst[i] = exp(v)
	}
}

func exp[T Float](x T) T { return T(math.Exp(float64(x))) }

// largest returns the largest element, or NaN if there is one.
func largest[T Float](x []T) T {
	top := x[0]
	for _, v := range x[1:] {
		top = max(top, v)
	}
	return top
}
