package kernel

import "math"

// Softmax replaces the logits x of one row by their probabilities. The largest logit is taken off first, so that nothing
// overflows; a logit of -Inf gets 0. At least one logit must be finite, none +Inf. The empty row stays empty.
func Softmax[T Float](x []T) {
	if len(x) == 0 {
		return
	}
	if fast[T]() {
		softmaxFast(first(x), len(x))
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
	if fast[T]() {
		softmaxGradFast(first(d), first(p), len(d))
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

// sumExp returns the largest logit and the sum of the exponentials of the differences to it.
func sumExp[T Float](x []T) (top, sum float64) {
	if fast[T]() {
		top, sum := sumExpFast(first(x), len(x))
		return float64(top), sum
	}
	peak := largest(x)
	for _, v := range x {
		sum += float64(exp(v - peak))
	}
	return float64(peak), sum
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

// RMSNormRows writes x*scale*gain to dst for each of len(scale) rows of len(gain) elements, which follow one another in x and dst, and
// to scale what its gradient needs again, 1/sqrt(mean(x²)+eps) (Zhang and Sennrich 2019). dst may be x itself.
func RMSNormRows[T Float](dst, x, gain, scale []T, eps float64) {
	n := len(gain)
	checkLength("x", len(scale)*n, len(x))
	checkLength("dst", len(scale)*n, len(dst))
	if fast[T]() {
		rmsNormFast(first(dst), first(x), first(gain), first(scale), len(scale), n, float32(eps))
		return
	}
	for r := range scale {
		from, to := x[r*n:][:n], dst[r*n:][:n]
		s := T(1 / math.Sqrt(float64(dotPortable(from, from))/float64(n)+eps))
		for i, v := range from {
			to[i] = v * s * gain[i]
		}
		scale[r] = s
	}
}

// RMSNormGrad adds the gradients of RMSNormRows to dX and dGain, given d, the gradient for its result, and the scales that
// it returned. For each row they are
//
//	dGain = d x scale
//	dX    = scale (d gain - x scale² mean(d gain x))
//
// All rows add to the same dGain, unless it is nil, as for frozen weights. dX may not be d or x.
func RMSNormGrad[T Float](dX, dGain, d, x, gain, scale []T) {
	n := len(gain)
	checkLength("x", len(scale)*n, len(x))
	checkLength("d", len(scale)*n, len(d))
	checkLength("dX", len(scale)*n, len(dX))
	if dGain != nil {
		checkLength("dGain", n, len(dGain))
	}
	if fast[T]() {
		rmsNormGradFast(first(dX), first(dGain), first(d), first(x), first(gain), first(scale), len(scale), n)
		return
	}
	for r, s := range scale {
		d, x, dX := d[r*n:][:n], x[r*n:][:n], dX[r*n:][:n]
		var sum T
		for i, v := range x {
			sum += d[i] * gain[i] * v
		}
		mean := sum * s * s / T(n)
		for i, v := range x {
			dX[i] += s * (d[i]*gain[i] - v*mean)
		}
		if dGain == nil {
			continue
		}
		for i, v := range x {
			dGain[i] += d[i] * v * s
		}
	}
}

// SiLUMul writes silu(gate)*up to dst, element by element, where silu(x) = x/(1+exp(-x)): the gate of SwiGLU (Shazeer
// 2020). All have the same length; dst may be gate or up itself.
func SiLUMul[T Float](dst, gate, up []T) {
	checkLength("gate", len(dst), len(gate))
	checkLength("up", len(dst), len(up))
	if fast[T]() {
		siluMulFast(first(dst), first(gate), first(up), len(dst))
		return
	}
	for i, g := range gate {
		dst[i] = g / (1 + exp(-g)) * up[i]
	}
}

// SiLUMulGrad writes the gradients of SiLUMul for gate and up to dGate and dUp, given d, the gradient for its result.
// With s = 1/(1+exp(-gate)) they are d up s (1 + gate (1-s)) and d gate s. All have the same length; dGate and dUp may be
// any of the others, but not one another.
func SiLUMulGrad[T Float](dGate, dUp, d, gate, up []T) {
	checkLength("dUp", len(dGate), len(dUp))
	checkLength("d", len(dGate), len(d))
	checkLength("gate", len(dGate), len(gate))
	checkLength("up", len(dGate), len(up))
	if fast[T]() {
		siluMulGradFast(first(dGate), first(dUp), first(d), first(gate), first(up), len(d))
		return
	}
	for i, g := range gate {
		e := exp(-g)
		s := 1 / (1 + e)
		di, ui := d[i], up[i]
		dGate[i] = di * ui * s * (1 + g*(1-s))
		dUp[i] = di * g * s
	}
}
