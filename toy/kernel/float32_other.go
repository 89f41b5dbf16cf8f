//go:build !amd64

package kernel

// Other processors have the portable code only: nothing below is ever called.

func newest() variant { return portable }

func mulPanels(m, n, k int, a []float32, row, col int, b []float32, ldb int, c []float32, ldc int, add bool) {
}

func matVecFast(m, k int, a *float32, lda int, x, y *float32) {}

func softmaxFast(x *float32, n int) {}

func softmaxGradFast(d, p *float32, n int) {}

func sumExpFast(x *float32, n int) (top float32, sum float64) { return 0, 0 }

func siluMulFast(dst, gate, up *float32, n int) {}

func siluMulGradFast(dGate, dUp, d, gate, up *float32, n int) {}

func rmsNormFast(dst, x, gain, scale *float32, rows, n int, eps float32) {}

func rmsNormGradFast(dX, dGain, d, x, gain, scale *float32, rows, n int) {}
