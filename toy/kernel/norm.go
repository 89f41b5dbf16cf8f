package kernel

import "math"

// RMSNorm writes x*scale*gain to dst and returns scale = 1/sqrt(mean(x²)+eps) (Zhang and Sennrich 2019), which its
// gradient needs again. All have the same length, at least 1; dst may be x itself.
func RMSNorm[T Float](dst, x, gain []T, eps float64) (scale T) {
	var scales [1]T
	RMSNormRows(dst, x, gain, scales[:], eps)
	return scales[0]
}

// RMSNormRows is RMSNorm for each of len(scale) rows of len(gain) elements, which follow one another in x and dst.
func RMSNormRows[T Float](dst, x, gain, scale []T, eps float64) {
	n := len(gain)
	checkLength("x", len(scale)*n, len(x))
	checkLength("dst", len(scale)*n, len(dst))
	if dst, single := singles(dst); single && rmsNormFast(dst, as32(x), as32(gain), as32(scale), eps) {
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

// RMSNormGrad adds the gradients of RMSNorm to dX and dGain, given d, the gradient for its result, and the scale that
// it returned. They are
//
//	dGain = d x scale
//	dX    = scale (d gain - x scale² mean(d gain x))
//
// All have the same length. A dGain of nil is left out, as for frozen weights. dX may not be d or x.
func RMSNormGrad[T Float](dX, dGain, d, x, gain []T, scale T) {
	scales := [1]T{scale}
	RMSNormRowsGrad(dX, dGain, d, x, gain, scales[:])
}

// RMSNormRowsGrad is RMSNormGrad for each of len(scale) rows of len(gain) elements, which follow one another in dX, d and
// x. All rows add to the same dGain.
func RMSNormRowsGrad[T Float](dX, dGain, d, x, gain, scale []T) {
	n := len(gain)
	checkLength("x", len(scale)*n, len(x))
	checkLength("d", len(scale)*n, len(d))
	checkLength("dX", len(scale)*n, len(dX))
	if dGain != nil {
		checkLength("dGain", n, len(dGain))
	}
	if d, single := singles(d); single && rmsNormGradFast(as32(dX), as32(dGain), d, as32(x), as32(gain), as32(scale)) {
		return
	}
	for r, s := range scale {
		normGradPortable(dX[r*n:][:n], dGain, d[r*n:][:n], x[r*n:][:n], gain, s)
	}
}

func normGradPortable[T Float](dX, dGain, d, x, gain []T, scale T) {
	var sum T
	for i, v := range x {
		sum += d[i] * gain[i] * v
	}
	mean := sum * scale * scale / T(len(x))
	for i, v := range x {
		dX[i] += scale * (d[i]*gain[i] - v*mean)
	}
	if dGain == nil {
		return
	}
	for i, v := range x {
		dGain[i] += d[i] * v * scale
	}
}
