// Command generate writes the assembly of package kernel. Every function comes in two variants, for AVX2 with FMA and for
// AVX-512, made by the same code here. Rows are cut into groups of sixteen elements, which are one register of AVX-512
// and two of AVX2, and sums have sixteen lanes that are added up in one order, so that both variants give the
// same bytes.
package main

import "github.com/mmcloughlin/avo/build"

func main() {
	build.ConstraintExpr("amd64")
	transpose()
	for _, v := range []isa{avx2, avx512} {
		for _, generate := range []func(isa){panel, matVec, addScaled, exponential, softmax, softmaxGrad, sumExp, siluMul, siluMulGrad,
			rmsNorm, rmsNormGrad} {
			generate(v)
			end()
		}
	}
	build.Generate()
}

// end returns from a function.
func end() {
	build.VZEROUPPER()
	build.RET()
}
