package kernel

// Dot returns the sum of x[i]*y[i]. Both have the same length.
func Dot[T Float](x, y []T) T {
	checkLength("y", len(x), len(y))
	return dot(x, y)
}

// Axpy adds alpha*x to y. Both have the same length.
func Axpy[T Float](alpha T, x, y []T) {
	checkLength("y", len(x), len(y))
	axpy(alpha, x, y)
}

// AddTo adds x to dst. Both have the same length.
func AddTo[T Float](dst, x []T) {
	checkLength("x", len(dst), len(x))
	axpy(1, x, dst)
}

func dot[T Float](x, y []T) T {
	if a, single := singles(x); single {
		var out [1]float32
		if matVecFast(1, len(x), a, len(x), as32(y), out[:]) {
			return T(out[0])
		}
	}
	return dotPortable(x, y)
}

// dotPortable sums in four chains, which keeps the adders busy and halves the rounding error twice.
func dotPortable[T Float](x, y []T) T {
	y = y[:len(x)]
	var s0, s1, s2, s3 T
	i := 0
	for ; i+4 <= len(x); i += 4 {
		s0 += x[i] * y[i]
		s1 += x[i+1] * y[i+1]
		s2 += x[i+2] * y[i+2]
		s3 += x[i+3] * y[i+3]
	}
	for ; i < len(x); i++ {
		s0 += x[i] * y[i]
	}
	return (s0 + s1) + (s2 + s3)
}

func axpy[T Float](alpha T, x, y []T) {
	if x, single := singles(x); single && addScaledFast(float32(alpha), x, as32(y)) {
		return
	}
	axpyPortable(alpha, x, y)
}

func axpyPortable[T Float](alpha T, x, y []T) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] += alpha * v
	}
}
