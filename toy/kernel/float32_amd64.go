package kernel

import "golang.org/x/sys/cpu"

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

// panelWidth is how many columns of a product one panel has.
func panelWidth() int {
	if active == withAVX512 {
		return 32
	}
	return 16
}

// mulPanels computes C = A B where the element of A for row i and step l is a[i*row+l*col]. No dimension is 0.
func mulPanels(m, n, k int, a []float32, row, col int, b []float32, ldb int, c []float32, ldc int, add bool) {
	width := panelWidth()
	for j := 0; j < n; j += width {
		panelFast(m, min(width, n-j), k, &a[0], row, col, &b[j], ldb, &c[j], ldc, add)
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
			panelFast(m, cols, steps, &a[l], lda, 1, &packed[0], width, &c[j], ldc, add || l > 0)
		}
	}
}

// transposeFast moves blocks of 8 x 8, then the columns and rows that are left.
func transposeFast(m, n int, a []float32, lda int, b []float32, ldb int) {
	rows, cols := m&^7, n&^7
	if rows > 0 && cols > 0 {
		transposeBlocks(rows, cols, &a[0], lda, &b[0], ldb)
	}
	if cols < n && rows > 0 {
		transposePortable(rows, n-cols, a[cols:], lda, b[cols*ldb:], ldb)
	}
	if rows < m && n > 0 {
		transposePortable(m-rows, n, a[rows*lda:], lda, b[rows:], ldb)
	}
}
