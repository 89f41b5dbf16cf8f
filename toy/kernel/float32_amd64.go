package kernel

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

//go:generate go -C asm run ./generate -out ../kernel_amd64.s -stubs ../kernel_amd64.go -pkg kernel

// newest is the newest variant that the processor can run.
func newest() variant {
	x := cpu.X86
	switch {
	case !x.HasAVX2 || !x.HasFMA:
		return portable
	case x.HasAVX512F && x.HasAVX512DQ && x.HasBMI2:
		return withAVX512
	}
	return withAVX2
}

// Callers of the functions below have checked the lengths, and that the processor has assembly (see float32s). They call by
// a branch and not through a table, so that the compiler sees that nothing escapes.

// panelWidth is how many columns of a product one panel has.
func panelWidth() int {
	if active == withAVX512 {
		return 32
	}
	return 16
}

func panel(m, cols, k int, a []float32, row, col int, b []float32, ldb int, c []float32, ldc int, add bool) {
	if active == withAVX512 {
		panelAVX512(m, cols, k, &a[0], row, col, &b[0], ldb, &c[0], ldc, add)
		return
	}
	panelAVX2(m, cols, k, &a[0], row, col, &b[0], ldb, &c[0], ldc, add)
}

// mulPanels computes C = A B where the element of A for row i and step l is a[i*row+l*col]. No dimension is 0.
func mulPanels(m, n, k int, a []float32, row, col int, b []float32, ldb int, c []float32, ldc int, add bool) {
	width := panelWidth()
	for j := 0; j < n; j += width {
		panel(m, min(width, n-j), k, a, row, col, b[j:], ldb, c[j:], ldc, add)
	}
}

// packedSteps is how much of k is packed at a time: a panel of B then fits the first-level cache.
const packedSteps = 192

// mulPacked computes C = A Bᵀ from transposed panels of B. No dimension is 0.
func mulPacked(m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, add bool) {
	var packed [packedSteps * 32]float32
	width := panelWidth()
	for l := 0; l < k; l += packedSteps {
		steps := min(packedSteps, k-l)
		for j := 0; j < n; j += width {
			cols := min(width, n-j)
			transposeFast(cols, steps, b[j*ldb+l:], ldb, packed[:], width)
			panel(m, cols, steps, a[l:], lda, 1, packed[:], width, c[j:], ldc, add || l > 0)
		}
	}
}

// transposeFast moves blocks of 8 x 8, then the columns and rows that are left.
func transposeFast(m, n int, a []float32, lda int, b []float32, ldb int) {
	rows, cols := m&^7, n&^7
	if rows > 0 && cols > 0 {
		transposeAVX2(rows, cols, &a[0], lda, &b[0], ldb)
	}
	if cols < n && rows > 0 {
		transposePortable(rows, n-cols, a[cols:], lda, b[cols*ldb:], ldb)
	}
	if rows < m && n > 0 {
		transposePortable(m-rows, n, a[rows*lda:], lda, b[rows:], ldb)
	}
}

// matVecFast computes y = A x. No dimension is 0.
func matVecFast(m, k int, a []float32, lda int, x, y []float32) {
	if active == withAVX512 {
		matVecAVX512(m, k, &a[0], lda, &x[0], &y[0])
		return
	}
	matVecAVX2(m, k, &a[0], lda, &x[0], &y[0])
}

// first points to the first element, if there is one.
func first(x []float32) *float32 { return unsafe.SliceData(x) }

func addScaledFast(alpha float32, x, y []float32) {
	if active == withAVX512 {
		addScaledAVX512(alpha, first(x), first(y), len(x))
		return
	}
	addScaledAVX2(alpha, first(x), first(y), len(x))
}

func expFast(dst, x []float32) {
	if active == withAVX512 {
		exponentialAVX512(first(dst), first(x), len(x))
		return
	}
	exponentialAVX2(first(dst), first(x), len(x))
}

func softmaxFast(x []float32) {
	if active == withAVX512 {
		softmaxAVX512(&x[0], len(x))
		return
	}
	softmaxAVX2(&x[0], len(x))
}

func softmaxGradFast(d, p []float32) {
	if active == withAVX512 {
		softmaxGradAVX512(first(d), first(p), len(d))
		return
	}
	softmaxGradAVX2(first(d), first(p), len(d))
}

// sumExpFast returns the largest logit and the sum of the exponentials of what the others are below it.
func sumExpFast(x []float32) (top float32, sum float64) {
	if active == withAVX512 {
		return sumExpAVX512(&x[0], len(x))
	}
	return sumExpAVX2(&x[0], len(x))
}

func siluMulFast(dst, gate, up []float32) {
	if active == withAVX512 {
		siluMulAVX512(first(dst), first(gate), first(up), len(dst))
		return
	}
	siluMulAVX2(first(dst), first(gate), first(up), len(dst))
}

func siluMulGradFast(dGate, dUp, d, gate, up []float32) {
	if active == withAVX512 {
		siluMulGradAVX512(first(dGate), first(dUp), first(d), first(gate), first(up), len(d))
		return
	}
	siluMulGradAVX2(first(dGate), first(dUp), first(d), first(gate), first(up), len(d))
}

func rmsNormFast(dst, x, gain, scale []float32, eps float64) {
	if active == withAVX512 {
		rmsNormAVX512(first(dst), first(x), first(gain), first(scale), len(scale), len(gain), float32(eps))
		return
	}
	rmsNormAVX2(first(dst), first(x), first(gain), first(scale), len(scale), len(gain), float32(eps))
}

func rmsNormGradFast(dX, dGain, d, x, gain, scale []float32) {
	if active == withAVX512 {
		rmsNormGradAVX512(first(dX), first(dGain), first(d), first(x), first(gain), first(scale), len(scale), len(gain))
		return
	}
	rmsNormGradAVX2(first(dX), first(dGain), first(d), first(x), first(gain), first(scale), len(scale), len(gain))
}
