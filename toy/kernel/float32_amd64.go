package kernel

import "golang.org/x/sys/cpu"

//go:generate go -C asm run ./generate -out ../kernel_amd64.s -stubs ../kernel_amd64.go -pkg kernel

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

// mulPanels computes C = A B where the element of A for row i and step l is a[i*row+l*col]. No dimension is 0.
func mulPanels(m, n, k int, a []float32, row, col int, b []float32, ldb int, c []float32, ldc int, add bool) {
	width := 16
	if active == withAVX512 {
		width = 32
	}
	for j := 0; j < n; j += width {
		panelFast(m, min(width, n-j), k, &a[0], row, col, &b[j], ldb, &c[j], ldc, add)
	}
}
