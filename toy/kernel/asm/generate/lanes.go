package main

import (
	"strings"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// isa is an instruction set: how many float32 a register holds.
type isa struct{ width int }

var avx2, avx512 = isa{8}, isa{16}

func (v isa) register() reg.VecVirtual {
	if v.width == 16 {
		return build.ZMM()
	}
	return build.YMM()
}

func (v isa) registers(n int) []reg.VecVirtual {
	out := make([]reg.VecVirtual, n)
	for i := range out {
		out[i] = v.register()
	}
	return out
}

func zero(r reg.Register) { build.VXORPS(r, r, r) }

// prefix begins the labels of a variant, since those of a function must differ.
var prefix string

func label(parts ...string) string { return strings.Join(parts, "_") }

// mark puts a label here, and ref refers to one.
func mark(parts ...string)                 { build.Label(prefix + label(parts...)) }
func ref(parts ...string) operand.LabelRef { return operand.LabelRef(prefix + label(parts...)) }

func param(name string) reg.GPVirtual {
	r := build.GP64()
	build.Load(build.Param(name), r)
	return r
}

// elements turns a count of float32 into one of bytes.
func elements(r reg.GPVirtual) reg.GPVirtual {
	build.SHLQ(operand.Imm(2), r)
	return r
}

// masks are the lanes below a count, one mask a register.
type masks []reg.Register

var ones = onesTable()

// onesTable is sixteen words of ones, then sixteen of zeros: sixteen words from 16-n on are a mask of n lanes.
func onesTable() operand.Mem {
	table := build.GLOBL("ones", build.RODATA|build.NOPTR)
	for i := range 32 {
		word := uint32(0)
		if i < 16 {
			word = 1<<32 - 1
		}
		build.DATA(4*i, operand.U32(word))
	}
	return table
}

// masks returns the masks of count lanes, at most n registers of them.
func (v isa) masks(count reg.GPVirtual, n int) masks {
	out := make(masks, n)
	if v.width == 16 {
		bits := build.GP64()
		build.MOVQ(operand.U64(^uint64(0)), bits)
		build.BZHIQ(count, bits, bits)
		for i := range out {
			k := build.K()
			build.KMOVW(bits.As32(), k)
			out[i] = k
			if i+1 < n {
				build.SHRQ(operand.Imm(16), bits)
			}
		}
		return out
	}
	at := build.GP64()
	build.LEAQ(ones, at)
	back := build.GP64()
	build.MOVQ(count, back)
	build.NEGQ(back)
	for i := range out {
		y := build.YMM()
		build.VMOVUPS(operand.Mem{Base: at, Index: back, Scale: 4, Disp: 64 + 32*i}, y)
		out[i] = y
	}
	return out
}

// load reads a register, only the lanes of the mask unless it is nil, zero in the others.
func (v isa) load(from operand.Mem, mask reg.Register, to reg.Register) {
	switch {
	case mask == nil:
		build.VMOVUPS(from, to)
	case v.width == 16:
		build.VMOVUPS_Z(from, mask, to)
	default:
		build.VMASKMOVPS(from, mask, to)
	}
}

// store writes a register, only the lanes of the mask unless it is nil.
func (v isa) store(from reg.Register, mask reg.Register, to operand.Mem) {
	switch {
	case mask == nil:
		build.VMOVUPS(from, to)
	case v.width == 16:
		build.VMOVUPS(from, mask, to)
	default:
		build.VMASKMOVPS(from, mask, to)
	}
}
