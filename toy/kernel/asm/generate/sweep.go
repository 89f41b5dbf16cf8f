package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// group is sixteen lanes.
const group = 16

func (v isa) parts() int { return group / v.width }

// lane addresses one register of a group that starts where base points.
func (v isa) lane(base reg.Register, part int) operand.Mem {
	return operand.Mem{Base: base, Disp: 4 * v.width * part}
}

// sweep runs over rows of n elements from where the pointers point, a group at a time, and moves the pointers on. It calls
// body for every register of a group; the mask is nil but in the last group, which may be shorter.
func (v isa) sweep(name string, n reg.GPVirtual, pointers []reg.GPVirtual, body func(part int, mask reg.Register)) {
	left := build.GP64()
	build.MOVQ(n, left)
	mark(name, "group")
	build.CMPQ(left, operand.Imm(group))
	build.JLT(ref(name, "rest"))
	for part := range v.parts() {
		body(part, nil)
	}
	for _, p := range pointers {
		build.ADDQ(operand.Imm(4*group), p)
	}
	build.SUBQ(operand.Imm(group), left)
	build.JMP(ref(name, "group"))
	mark(name, "rest")
	build.TESTQ(left, left)
	build.JZ(ref(name, "done"))
	for part, mask := range v.masks(left, v.parts()) {
		body(part, mask)
	}
	for _, p := range pointers {
		build.LEAQ(operand.Mem{Base: p, Index: left, Scale: 4}, p)
	}
	mark(name, "done")
}

// restart returns copies of pointers, for a sweep over the same row.
func restart(pointers ...reg.GPVirtual) []reg.GPVirtual {
	out := make([]reg.GPVirtual, len(pointers))
	for i, p := range pointers {
		out[i] = build.GP64()
		build.MOVQ(p, out[i])
	}
	return out
}

func (v isa) read(base reg.Register, part int, mask reg.Register) reg.VecVirtual {
	r := v.register()
	v.load(v.lane(base, part), mask, r)
	return r
}

func (v isa) zeros() []reg.VecVirtual {
	sums := v.registers(v.parts())
	for _, s := range sums {
		zero(s)
	}
	return sums
}

func (v isa) zeroBeyond(r, mask reg.Register) {
	switch {
	case mask == nil:
	case v.width == 16:
		build.VMOVAPS_Z(r, mask, r)
	default:
		build.VANDPS(mask, r, r)
	}
}

func (v isa) replace(r, mask, other reg.Register) {
	switch {
	case mask == nil:
	case v.width == 16:
		build.VBLENDMPS(r, other, mask, r)
	default:
		build.VBLENDVPS(mask, r, other, r)
	}
}

// fold combines lanes 0 to 7 of a group with lanes 8 to 15.
func (v isa) fold(sums []reg.VecVirtual, combine func(ops ...operand.Op)) reg.VecVirtual {
	half := build.YMM()
	if v.width == 16 {
		build.VEXTRACTF64X4(operand.Imm(1), sums[0], half)
		combine(half, sums[0].AsY(), half)
	} else {
		combine(sums[1], sums[0], half)
	}
	return half
}

// total adds up a group. The order of the additions is that of quadTotal.
func (v isa) total(sums []reg.VecVirtual) reg.VecVirtual {
	return quadTotal([4]reg.Register{0: v.fold(sums, build.VADDPS)}, 1)
}

// quadTotal adds up one or four half groups; the sums are the lanes of the result.
func quadTotal(halves [4]reg.Register, count int) reg.VecVirtual {
	low, pair := build.YMM(), build.YMM()
	if count == 1 {
		build.VHADDPS(halves[0], halves[0], low)
		build.VHADDPS(low, low, low)
	} else {
		build.VHADDPS(halves[1], halves[0], low)
		build.VHADDPS(halves[3], halves[2], pair)
		build.VHADDPS(pair, low, low)
	}
	high := build.XMM()
	build.VEXTRACTF128(operand.Imm(1), low, high)
	build.VADDPS(high, low.AsX(), high)
	return high
}

func (v isa) spread(x reg.VecVirtual) reg.VecVirtual {
	r := v.register()
	build.VBROADCASTSS(x.AsX(), r)
	return r
}
