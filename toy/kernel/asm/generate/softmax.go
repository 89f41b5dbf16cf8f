package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// largest returns the largest of n elements in every lane.
func (v isa) largest(x, n reg.GPVirtual) reg.VecVirtual {
	tops := v.registers(v.parts())
	for _, t := range tops {
		build.VBROADCASTSS(operand.Mem{Base: x}, t)
	}
	at := restart(x)
	v.sweep("largest", n, at, func(part int, mask reg.Register) {
		r := v.read(at[0], part, mask)
		v.replace(r, mask, tops[part])
		build.VMAXPS(r, tops[part], tops[part])
	})
	top, other := v.fold(tops, build.VMAXPS), build.XMM()
	build.VEXTRACTF128(operand.Imm(1), top, other)
	build.VMAXPS(other, top.AsX(), other)
	for _, order := range []uint64{0x0e, 0x01} {
		moved := build.XMM()
		build.VPERMILPS(operand.Imm(order), other, moved)
		build.VMAXPS(moved, other, other)
	}
	return v.spread(other)
}

func softmax(v isa) {
	x, n := param("x"), param("n")
	top := v.largest(x, n)
	sums := v.zeros()
	at := restart(x)
	v.sweep("exp", n, at, func(part int, mask reg.Register) {
		r := v.read(at[0], part, mask)
		build.VSUBPS(top, r, r)
		v.exp(r)
		v.zeroBeyond(r, mask)
		build.VADDPS(r, sums[part], sums[part])
		v.store(r, mask, v.lane(at[0], part))
	})
	inverse := build.XMM()
	build.VMOVSS(one, inverse)
	build.VDIVSS(v.total(sums), inverse, inverse)
	factor := v.spread(inverse)
	v.sweep("scale", n, []reg.GPVirtual{x}, func(part int, mask reg.Register) {
		r := v.read(x, part, mask)
		build.VMULPS(factor, r, r)
		v.store(r, mask, v.lane(x, part))
	})
}

func softmaxGrad(v isa) {
	d, p, n := param("d"), param("p"), param("n")
	sums := v.zeros()
	at := restart(d, p)
	v.sweep("dot", n, at, func(part int, mask reg.Register) {
		r := v.read(at[0], part, mask)
		q := v.read(at[1], part, mask)
		build.VFMADD231PS(q, r, sums[part])
	})
	mean := v.spread(v.total(sums))
	v.sweep("scale", n, []reg.GPVirtual{d, p}, func(part int, mask reg.Register) {
		r := v.read(d, part, mask)
		q := v.read(p, part, mask)
		build.VSUBPS(mean, r, r)
		build.VMULPS(q, r, r)
		v.store(r, mask, v.lane(d, part))
	})
}

// sumExp sums in float64: its sixteen lanes take two registers of AVX-512 and four of AVX2.
func sumExp(v isa) {
	x, n := param("x"), param("n")
	top := v.largest(x, n)
	build.Store(top.AsX(), build.Return("top"))
	sums := append(v.zeros(), v.zeros()...)
	v.sweep("exp", n, []reg.GPVirtual{x}, func(part int, mask reg.Register) {
		r := v.read(x, part, mask)
		build.VSUBPS(top, r, r)
		v.exp(r)
		v.zeroBeyond(r, mask)
		for i, half := range v.widen(r) {
			build.VADDPD(half, sums[2*part+i], sums[2*part+i])
		}
	})
	build.Store(v.totalWide(sums), build.Return("sum"))
}

// widen returns the lower and the upper half of a register as float64.
func (v isa) widen(r reg.VecVirtual) []reg.VecVirtual {
	low, high := v.register(), v.register()
	if v.width == 16 {
		upper := build.YMM()
		build.VEXTRACTF64X4(operand.Imm(1), r, upper)
		build.VCVTPS2PD(upper, high)
		build.VCVTPS2PD(r.AsY(), low)
	} else {
		upper := build.XMM()
		build.VEXTRACTF128(operand.Imm(1), r, upper)
		build.VCVTPS2PD(upper, high)
		build.VCVTPS2PD(r.AsX(), low)
	}
	return []reg.VecVirtual{low, high}
}

// totalWide adds up sixteen lanes of float64: the upper eight to the lower, then four, two and one.
func (v isa) totalWide(sums []reg.VecVirtual) reg.VecVirtual {
	four := build.YMM()
	if v.width == 16 {
		build.VADDPD(sums[1], sums[0], sums[0])
		build.VEXTRACTF64X4(operand.Imm(1), sums[0], four)
		build.VADDPD(four, sums[0].AsY(), four)
	} else {
		build.VADDPD(sums[2], sums[0], sums[0])
		build.VADDPD(sums[3], sums[1], sums[1])
		build.VADDPD(sums[1], sums[0], four)
	}
	two, last := build.XMM(), build.XMM()
	build.VEXTRACTF128(operand.Imm(1), four, two)
	build.VADDPD(two, four.AsX(), two)
	build.VPERMILPD(operand.Imm(1), two, last)
	build.VADDSD(last, two, two)
	return two
}
