package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func (v isa) oneMoreThanExp(x reg.VecVirtual) reg.VecVirtual {
	e := v.register()
	build.VXORPS(signs, x, e)
	v.exp(e)
	build.VADDPS(one, e, e)
	return e
}

func siluMul(v isa) {
	dst, gate, up := param("dst"), param("gate"), param("up")
	v.sweep("gate", param("n"), []reg.GPVirtual{dst, gate, up}, func(part int, mask reg.Register) {
		g := v.read(gate, part, mask)
		e := v.oneMoreThanExp(g)
		build.VDIVPS(e, g, g)
		build.VMULPS(v.read(up, part, mask), g, g)
		v.store(g, mask, v.lane(dst, part))
	})
}

func siluMulGrad(v isa) {
	dGate, dUp, d, gate, up := param("dGate"), param("dUp"), param("d"), param("gate"), param("up")
	v.sweep("gate", param("n"), []reg.GPVirtual{dGate, dUp, d, gate, up}, func(part int, mask reg.Register) {
		g := v.read(gate, part, mask)
		e := v.oneMoreThanExp(g)
		unit, s := v.register(), v.register()
		build.VMOVUPS(one, unit)
		build.VDIVPS(e, unit, s)
		build.VSUBPS(s, unit, e)
		build.VFMADD213PS(unit, g, e)
		ds := v.read(d, part, mask)
		build.VMULPS(s, ds, ds)
		u := v.read(up, part, mask)
		build.VMULPS(ds, g, g)
		build.VMULPS(ds, u, u)
		build.VMULPS(e, u, u)
		v.store(u, mask, v.lane(dGate, part))
		v.store(g, mask, v.lane(dUp, part))
	})
}

// eachRow repeats body for the number of rows in the parameter rows, which may be 0.
func eachRow(body func()) {
	rows := param("rows")
	mark("row")
	build.TESTQ(rows, rows)
	build.JZ(ref("end"))
	body()
	build.DECQ(rows)
	build.JMP(ref("row"))
	mark("end")
}

func count(n reg.GPVirtual) reg.VecVirtual {
	x := build.XMM()
	zero(x)
	build.VCVTSI2SSQ(n, x, x)
	return x
}

func rmsNorm(v isa) {
	dst, x, scale, n := param("dst"), param("x"), param("scale"), param("n")
	eachRow(func() {
		sums, at := v.zeros(), restart(x)
		v.sweep("squares", n, at, func(part int, mask reg.Register) {
			r := v.read(at[0], part, mask)
			build.VFMADD231PS(r, r, sums[part])
		})
		root, inverse, eps := v.total(sums), build.XMM(), build.XMM()
		build.VDIVSS(count(n), root, root)
		build.Load(build.Param("eps"), eps)
		build.VADDSS(eps, root, root)
		build.VSQRTSS(root, root, root)
		build.VMOVSS(one, inverse)
		build.VDIVSS(root, inverse, inverse)
		build.VMOVSS(inverse, operand.Mem{Base: scale})
		build.ADDQ(operand.Imm(4), scale)
		factor, gain := v.spread(inverse), param("gain")
		v.sweep("scale", n, []reg.GPVirtual{dst, x, gain}, func(part int, mask reg.Register) {
			r, g := v.read(x, part, mask), v.read(gain, part, mask)
			build.VMULPS(factor, r, r)
			build.VMULPS(g, r, r)
			v.store(r, mask, v.lane(dst, part))
		})
	})
}

func rmsNormGrad(v isa) {
	dX, d, x, scale, n := param("dX"), param("d"), param("x"), param("scale"), param("n")
	eachRow(func() {
		factor := v.register()
		build.VBROADCASTSS(operand.Mem{Base: scale}, factor)
		build.ADDQ(operand.Imm(4), scale)
		v.gainGrad(d, x, n, factor)
		mean := v.normMean(d, x, n, factor)
		gain := param("gain")
		v.sweep("dX", n, []reg.GPVirtual{dX, d, x, gain}, func(part int, mask reg.Register) {
			r, g := v.read(d, part, mask), v.read(gain, part, mask)
			build.VMULPS(g, r, r)
			build.VFNMADD231PS(v.read(x, part, mask), mean, r)
			sum := v.read(dX, part, mask)
			build.VFMADD231PS(r, factor, sum)
			v.store(sum, mask, v.lane(dX, part))
		})
	})
}

// gainGrad adds d x scale to dGain.
func (v isa) gainGrad(d, x, n reg.GPVirtual, factor reg.VecVirtual) {
	dGain := param("dGain")
	build.TESTQ(dGain, dGain)
	build.JZ(ref("frozen"))
	at := append(restart(d, x), dGain)
	v.sweep("dGain", n, at, func(part int, mask reg.Register) {
		r := v.read(at[0], part, mask)
		build.VMULPS(factor, r, r)
		sum, q := v.read(dGain, part, mask), v.read(at[1], part, mask)
		build.VFMADD231PS(q, r, sum)
		v.store(sum, mask, v.lane(dGain, part))
	})
	mark("frozen")
}

// normMean returns scale² mean(d gain x).
func (v isa) normMean(d, x, n reg.GPVirtual, factor reg.VecVirtual) reg.VecVirtual {
	sums := v.zeros()
	at := append(restart(d, x), param("gain"))
	v.sweep("mean", n, at, func(part int, mask reg.Register) {
		r, g := v.read(at[0], part, mask), v.read(at[2], part, mask)
		build.VMULPS(g, r, r)
		build.VFMADD231PS(v.read(at[1], part, mask), r, sums[part])
	})
	mean := v.total(sums)
	build.VMULSS(factor.AsX(), mean, mean)
	build.VMULSS(factor.AsX(), mean, mean)
	build.VDIVSS(count(n), mean, mean)
	return v.spread(mean)
}
