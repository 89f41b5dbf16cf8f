package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// transpose generates the transpose in blocks of 8 x 8. One variant serves both instruction sets: it only moves.
func transpose() {
	rows, a, b := param("m"), param("a"), param("b")
	from, to := eightRows{step: elements(param("lda"))}, eightRows{step: elements(param("ldb"))}
	from.prepare()
	to.prepare()
	mark("rows")
	columns := param("n")
	build.MOVQ(a, from.first)
	build.MOVQ(b, to.first)
	mark("columns")
	var block [8]reg.Register
	from.each(func(i int, m operand.Mem) {
		block[i] = build.YMM()
		build.VMOVUPS(m, block[i])
	})
	block = turn(block)
	to.each(func(i int, m operand.Mem) { build.VMOVUPS(block[i], m) })
	build.ADDQ(operand.Imm(32), from.first)
	build.LEAQ(operand.Mem{Base: to.first, Index: to.step, Scale: 8}, to.first)
	build.SUBQ(operand.Imm(8), columns)
	build.JNZ(ref("columns"))
	build.LEAQ(operand.Mem{Base: a, Index: from.step, Scale: 8}, a)
	build.ADDQ(operand.Imm(32), b)
	build.SUBQ(operand.Imm(8), rows)
	build.JNZ(ref("rows"))
	end()
}

// eightRows addresses eight rows that are step bytes apart.
type eightRows struct{ first, fourth, step, step3 reg.GPVirtual }

func (e *eightRows) prepare() {
	e.first, e.fourth, e.step3 = build.GP64(), build.GP64(), build.GP64()
	build.LEAQ(operand.Mem{Base: e.step, Index: e.step, Scale: 2}, e.step3)
}

func (e *eightRows) each(do func(i int, m operand.Mem)) {
	build.LEAQ(operand.Mem{Base: e.first, Index: e.step, Scale: 4}, e.fourth)
	for i := range 8 {
		m := operand.Mem{Base: e.first}
		if i >= 4 {
			m.Base = e.fourth
		}
		switch i % 4 {
		case 1, 2:
			m.Index, m.Scale = e.step, uint8(i%4)
		case 3:
			m.Index, m.Scale = e.step3, 1
		}
		do(i, m)
	}
}

// turn transposes eight registers of eight: pairs of elements, then of pairs, then of halves change places.
func turn(r [8]reg.Register) [8]reg.Register {
	var pairs, quads, out [8]reg.Register
	for i := range r {
		pairs[i], quads[i], out[i] = build.YMM(), build.YMM(), build.YMM()
	}
	for i := 0; i < 8; i += 2 {
		build.VUNPCKLPS(r[i+1], r[i], pairs[i])
		build.VUNPCKHPS(r[i+1], r[i], pairs[i+1])
	}
	for i := 0; i < 8; i += 4 {
		for j := range 2 {
			build.VSHUFPS(operand.Imm(0x44), pairs[i+j+2], pairs[i+j], quads[i+2*j])
			build.VSHUFPS(operand.Imm(0xee), pairs[i+j+2], pairs[i+j], quads[i+2*j+1])
		}
	}
	for i := range 4 {
		build.VPERM2F128(operand.Imm(0x20), quads[i+4], quads[i], out[i])
		build.VPERM2F128(operand.Imm(0x31), quads[i+4], quads[i], out[i+4])
	}
	return out
}
