// Command generate writes the assembly of package kernel. Every function comes in two variants, for AVX2 with FMA and for
// AVX-512, made by the same code here. Rows are cut into groups of sixteen elements, which are one register of AVX-512
// and two of AVX2, and sums are kept in sixteen lanes that are added up in one order, so that both variants give the
// same bytes.
package main

import "github.com/mmcloughlin/avo/build"

func main() {
	build.ConstraintExpr("amd64")
	transpose()
	for _, v := range []isa{avx2, avx512} {
		panel(v)
		matVec(v)
		addScaled(v)
		exponential(v)
		softmax(v)
		softmaxGrad(v)
		sumExp(v)
		siluMul(v)
		siluMulGrad(v)
		rmsNorm(v)
		rmsNormGrad(v)
	}
	build.Generate()
}
