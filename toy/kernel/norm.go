package kernel

import "math"

// RMSNorm writes x*scale*gain to dst and returns scale = 1/sqrt(mean(x²)+eps) (Zhang and Sennrich 2019), which its
// gradient needs again. All have the same length, at least 1; dst may be x itself.
func RMSNorm[T Float](dst, x, gain []T, eps float64) (scale T) {
	checkLength("x", len(gain), len(x))
	checkLength("dst", len(gain), len(dst))
	scale = T(1 / math.Sqrt(float64(dot(x, x))/float64(len(x))+eps))
	for i, v := range x {
		dst[i] = v * scale * gain[i]
	}
	return scale
}

// RMSNormGrad adds the gradients of RMSNorm to dX and dGain, given d, the gradient for its result, and the scale that
// it returned. They are
//
//	dGain = d x scale
//	dX    = scale (d gain - x scale² mean(d gain x))
//
// All have the same length. A dGain of nil is left out, as for frozen weights. dX may not be d or x.
func RMSNormGrad[T Float](dX, dGain, d, x, gain []T, scale T) {
	checkLength("x", len(gain), len(x))
	checkLength("d", len(gain), len(d))
	checkLength("dX", len(gain), len(dX))
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
	checkLength("dGain", len(gain), len(dGain))
	for i, v := range x {
		dGain[i] += d[i] * v * scale
	}
}
