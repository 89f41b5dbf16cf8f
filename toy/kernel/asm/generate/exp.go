package main

import (
	"math"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// constant is a group of equal words in read-only memory.
func constant(name string, word uint32) operand.Mem {
	c := build.GLOBL(name, build.RODATA|build.NOPTR)
	for i := range group / 2 {
		build.DATA(8*i, operand.U64(uint64(word)<<32|uint64(word)))
	}
	return c
}

func number(name string, x float32) operand.Mem { return constant(name, math.Float32bits(x)) }

// The exponential is that of Cephes' expf (Moshier 1992): x = n log(2) + r, a polynomial for exp(r), and a shift by n.
// Below least the result rounds to 0, above most it is +Inf.
var (
	least     = number("least", -104)
	most      = number("most", 89)
	log2e     = number("log2e", math.Log2E)
	ln2High   = number("ln2High", 0.693359375)
	ln2Low    = number("ln2Low", -2.12194440e-4)
	one       = number("one", 1)
	signs     = constant("signs", 1<<31)
	bias      = constant("bias", 127)
	expSeries = []operand.Mem{
		number("exp7", 1.9875691500e-4), number("exp6", 1.3981999507e-3), number("exp5", 8.3334519073e-3),
		number("exp4", 4.1665795894e-2), number("exp3", 1.6666665459e-1), number("exp2", 5.0000001201e-1),
	}
)

// exp replaces x by its exponential. NaN stays NaN: the minimum and maximum of two values are the second if either is NaN.
func (v isa) exp(x reg.VecVirtual) {
	bound, n, p, square := v.register(), v.register(), v.register(), v.register()
	build.VMOVUPS(least, bound)
	build.VMAXPS(x, bound, x)
	build.VMOVUPS(most, bound)
	build.VMINPS(x, bound, x)
	build.VMULPS(log2e, x, n)
	v.round(n)
	build.VFNMADD231PS(ln2High, n, x)
	build.VFNMADD231PS(ln2Low, n, x)
	build.VMULPS(x, x, square)
	build.VMOVUPS(expSeries[0], p)
	for _, c := range expSeries[1:] {
		build.VFMADD213PS(c, x, p)
	}
	build.VFMADD213PS(x, square, p)
	build.VADDPS(one, p, p)
	v.scale(p, n, x)
}

// round replaces x by the nearest whole number.
func (v isa) round(x reg.VecVirtual) {
	const nearest = operand.U8(8)
	if v.width == 16 {
		build.VRNDSCALEPS(nearest, x, x)
		return
	}
	build.VROUNDPS(nearest, x, x)
}

// scale computes out = p 2^n, rounded once where that is no normal number: AVX2 multiplies by two powers, the first
// product being exact.
func (v isa) scale(p, n, out reg.VecVirtual) {
	if v.width == 16 {
		build.VSCALEFPS(n, p, out)
		return
	}
	half := v.register()
	build.VCVTPS2DQ(n, n)
	build.VPSRAD(operand.Imm(1), n, half)
	build.VPSUBD(half, n, n)
	for _, power := range []reg.VecVirtual{half, n} {
		build.VPADDD(bias, power, power)
		build.VPSLLD(operand.Imm(23), power, power)
		build.VMULPS(power, p, p)
	}
	build.VMOVAPS(p, out)
}
