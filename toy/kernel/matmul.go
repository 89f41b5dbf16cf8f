package kernel

// MulNN computes C = A B, or C += A B with add, where A is m x k, B is k x n and C is m x n. C overlaps neither.
func MulNN[T Float](m, n, k int, a []T, lda int, b []T, ldb int, c []T, ldc int, add bool) {
	checkMatrix("A", m, k, lda, len(a))
	checkMatrix("B", k, n, ldb, len(b))
	checkMatrix("C", m, n, ldc, len(c))
	mulStrided(m, n, k, a, lda, 1, b, ldb, c, ldc, add)
}

// MulTN computes C = Aᵀ B, or C += Aᵀ B with add, where A is k x m, B is k x n and C is m x n. C overlaps neither. It is
// the gradient of weights: dW = dYᵀ X.
func MulTN[T Float](m, n, k int, a []T, lda int, b []T, ldb int, c []T, ldc int, add bool) {
	checkMatrix("A", k, m, lda, len(a))
	checkMatrix("B", k, n, ldb, len(b))
	checkMatrix("C", m, n, ldc, len(c))
	mulStrided(m, n, k, a, 1, lda, b, ldb, c, ldc, add)
}

// MulNT computes C = A Bᵀ, or C += A Bᵀ with add, where A is m x k, B is n x k and C is m x n. C overlaps neither. It is
// a layer whose weights are stored out x in.
func MulNT[T Float](m, n, k int, a []T, lda int, b []T, ldb int, c []T, ldc int, add bool) {
	checkMatrix("A", m, k, lda, len(a))
	checkMatrix("B", n, k, ldb, len(b))
	checkMatrix("C", m, n, ldc, len(c))
	if m == 0 || k == 0 { // there is nothing to pack
		mulStrided(m, n, k, a, lda, 1, b, ldb, c, ldc, add)
		return
	}
	var packed [packedSteps * packedColumns]T
	for l := 0; l < k; l += packedSteps {
		steps := min(packedSteps, k-l)
		for j := 0; j < n; j += packedColumns {
			columns := min(packedColumns, n-j)
			Transpose(columns, steps, b[j*ldb+l:], ldb, packed[:], packedColumns)
			mulStrided(m, columns, steps, a[l:], lda, 1, packed[:], packedColumns, c[j:], ldc, add || l > 0)
		}
	}
}

// A panel of the transposed B, of so many steps and columns, fits the first-level cache.
const (
	packedSteps   = 192
	packedColumns = 32
)

// MatVec computes y = A x, where A is m x k: a layer at one position, as in generation.
func MatVec[T Float](m, k int, a []T, lda int, x, y []T) {
	checkMatrix("A", m, k, lda, len(a))
	checkLength("x", k, len(x))
	checkLength("y", m, len(y))
	if fast[T]() && m > 0 && k > 0 {
		matVecFast(m, k, first(a), lda, first(x), first(y))
		return
	}
	if k == 0 {
		clear(y)
		return
	}
	for i := range y {
		y[i] = dotPortable(a[i*lda:][:k], x)
	}
}

// Transpose writes the transpose of the m x n matrix a to b, which is n x m. They do not overlap.
func Transpose[T Float](m, n int, a []T, lda int, b []T, ldb int) {
	checkMatrix("A", m, n, lda, len(a))
	checkMatrix("B", n, m, ldb, len(b))
	if n == 0 {
		return
	}
	for i := range m {
		for j, v := range a[i*lda:][:n] {
			b[j*ldb+i] = v
		}
	}
}

// mulStrided computes C = A B where the element of A for row i and step l is a[i*row+l*col], which serves A and its
// transpose.
func mulStrided[T Float](m, n, k int, a []T, row, col int, b []T, ldb int, c []T, ldc int, add bool) {
	if fast[T]() && m > 0 && n > 0 && k > 0 {
		mulPanels(m, n, k, as32(a), row, col, as32(b), ldb, as32(c), ldc, add)
		return
	}
	mulRows(m, n, k, a, row, col, b, ldb, c, ldc, add)
}

// mulRows adds multiples of B's rows to C's rows.
func mulRows[T Float](m, n, k int, a []T, row, col int, b []T, ldb int, c []T, ldc int, add bool) {
	if n == 0 {
		return
	}
	for i := range m {
		sum := c[i*ldc:][:n]
		if !add {
			clear(sum)
		}
		for l := range k {
			axpyPortable(a[i*row+l*col], b[l*ldb:][:n], sum)
		}
	}
}

// AddTo adds x to dst. Both have the same length.
func AddTo[T Float](dst, x []T) {
	checkLength("x", len(dst), len(x))
	axpyPortable(1, x, dst)
}

// dotPortable returns the sum of x[i]*y[i] in four chains, which keeps the adders busy and halves the rounding error twice.
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

func axpyPortable[T Float](alpha T, x, y []T) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] += alpha * v
	}
}
