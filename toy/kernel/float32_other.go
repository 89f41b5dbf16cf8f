//go:build !amd64

package kernel

// Other processors have the portable code only: nothing below is ever done here.

func newest() variant { return portable }

func mulPanels(m, n, k int, a []float32, row, col int, b []float32, ldb int, c []float32, ldc int, add bool) bool {
	return false
}

func mulPacked(m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, add bool) bool {
	return false
}

func matVecFast(m, k int, a []float32, lda int, x, y []float32) bool { return false }

func transposeFast(m, n int, a []float32, lda int, b []float32, ldb int) bool { return false }

func addScaledFast(alpha float32, x, y []float32) bool { return false }

func expFast(dst, x []float32) bool { return false }

func softmaxFast(x []float32) bool { return false }

func softmaxGradFast(d, p []float32) bool { return false }

func sumExpFast(x []float32) (top float32, sum float64, done bool) { return 0, 0, false }

func siluMulFast(dst, gate, up []float32) bool { return false }

func siluMulGradFast(dGate, dUp, d, gate, up []float32) bool { return false }

func rmsNormFast(dst, x, gain, scale []float32, eps float64) bool { return false }

func rmsNormGradFast(dX, dGain, d, x, gain, scale []float32) bool { return false }
