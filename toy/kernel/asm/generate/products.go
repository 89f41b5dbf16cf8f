package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// matVec generates the product of a matrix and a vector, four rows at a time. A row is summed in sixteen lanes.
func matVec(v isa) {
	m, k, a, lda, y := param("m"), param("k"), param("a"), elements(param("lda")), param("y")
	lda3 := build.GP64()
	build.LEAQ(operand.Mem{Base: lda, Index: lda, Scale: 2}, lda3)
	mark("four")
	build.CMPQ(m, operand.Imm(4))
	build.JLT(ref("one"))
	sums := v.dots("four", k, a, []operand.Mem{{}, {Index: lda, Scale: 1}, {Index: lda, Scale: 2}, {Index: lda3, Scale: 1}})
	build.VMOVUPS(sums.AsX(), operand.Mem{Base: y})
	build.ADDQ(operand.Imm(16), y)
	build.LEAQ(operand.Mem{Base: a, Index: lda, Scale: 4}, a)
	build.SUBQ(operand.Imm(4), m)
	build.JMP(ref("four"))
	mark("one")
	build.TESTQ(m, m)
	build.JZ(ref("end"))
	sum := v.dots("one", k, a, []operand.Mem{{}})
	build.VMOVSS(sum.AsX(), operand.Mem{Base: y})
	build.ADDQ(operand.Imm(4), y)
	build.ADDQ(lda, a)
	build.DECQ(m)
	build.JMP(ref("one"))
	mark("end")
}

// dots returns the products of one or four rows with x in the lanes of a register.
func (v isa) dots(name string, k, a reg.GPVirtual, rows []operand.Mem) reg.VecVirtual {
	sums := make([][]reg.VecVirtual, len(rows))
	for i := range sums {
		sums[i] = v.zeros()
	}
	at, x := restart(a)[0], param("x")
	v.sweep(label(name, "sweep"), k, []reg.GPVirtual{at, x}, func(part int, mask reg.Register) {
		r := v.read(x, part, mask)
		for i, m := range rows {
			m.Base, m.Disp = at, 4*v.width*part
			e := v.register()
			v.load(m, mask, e)
			build.VFMADD231PS(e, r, sums[i][part])
		}
	})
	var halves [4]reg.Register
	for i := range sums {
		halves[i] = v.fold(sums[i], build.VADDPS)
	}
	return quadTotal(halves, len(rows))
}
