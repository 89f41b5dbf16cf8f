// Command generate writes the assembly of package kernel. Every function has two bodies, for AVX2 with FMA and for AVX-512,
// made by the same code here, and takes the one that the variable active of the package names. Rows are cut into groups of
// sixteen elements, which are one register of AVX-512 and two of AVX2, and sums have sixteen lanes that are added up in one
// order, so that both give the same bytes.
package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
)

var kernels = []struct {
	name, signature, doc string
	body                 func(isa)
}{
	{"panelFast", "func(m, cols, k int, a *float32, row, col int, b *float32, ldb int, c *float32, ldc int, add bool)",
		"computes a panel of C = A B, or C += A B with add, of cols columns, where the element of A for row i and step l is a[i*row+l*col]. m and cols are at least 1.", panel},
	{"matVecFast", "func(m, k int, a *float32, lda int, x, y *float32)",
		"computes y = A x, where A is m x k.", matVec},
	{"softmaxFast", "func(x *float32, n int)",
		"replaces n logits by their probabilities. n is at least 1.", softmax},
	{"softmaxGradFast", "func(d, p *float32, n int)",
		"replaces d by p*(d-sum(p*d)), for n elements.", softmaxGrad},
	{"sumExpFast", "func(x *float32, n int) (top float32, sum float64)",
		"returns the largest of n elements and the sum of the exponentials of their differences to it. n is at least 1.", sumExp},
	{"siluMulFast", "func(dst, gate, up *float32, n int)",
		"writes gate/(1+exp(-gate))*up to dst, for n elements.", siluMul},
	{"siluMulGradFast", "func(dGate, dUp, d, gate, up *float32, n int)",
		"writes the gradients of siluMulFast, for n elements.", siluMulGrad},
	{"rmsNormFast", "func(dst, x, gain, scale *float32, rows, n int, eps float32)",
		"writes x*scale*gain to dst, where scale is 1/sqrt(mean(x²)+eps), one a row of n elements.", rmsNorm},
	{"rmsNormGradFast", "func(dX, dGain, d, x, gain, scale *float32, rows, n int)",
		"adds the gradients of rmsNormFast to dX and, unless it is nil, dGain, which all rows share.", rmsNormGrad},
}

// withAVX512 is the value of the variable active that asks for AVX-512.
const withAVX512 = 2

func main() {
	build.ConstraintExpr("amd64")
	for _, k := range kernels {
		declare(k.name, k.signature, k.doc)
		build.CMPQ(operand.NewDataAddr(operand.Symbol{Name: "·active"}, 0), operand.Imm(withAVX512))
		build.JNE(operand.LabelRef("AVX2"))
		prefix = "AVX512_"
		k.body(avx512)
		end()
		build.Label("AVX2")
		prefix = "AVX2_"
		k.body(avx2)
		end()
	}
	build.Generate()
}

func declare(name, signature, doc string) {
	build.TEXT(name, build.NOSPLIT, signature)
	build.Pragma("noescape")
	build.Doc(name + " " + doc)
}

func end() {
	build.VZEROUPPER()
	build.RET()
}
