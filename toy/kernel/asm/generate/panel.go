package main

import (
	"strconv"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// panel generates the product of all rows of A with a panel of columns of B, two registers wide at most. It takes as
// many rows at a time as there are registers to sum in: each step broadcasts an element of A a row and multiplies it
// with the row of B. No element is ever summed in parts, so the sizes of the blocks do not show in the result.
func panel(v isa) {
	p := product{isa: v, a: param("a"), row: elements(param("row")), col: elements(param("col")), c: param("c"), ldc: elements(param("ldc")), left: param("m")}
	p.row3 = build.GP64()
	build.LEAQ(operand.Mem{Base: p.row, Index: p.row, Scale: 2}, p.row3)
	cols := param("cols")
	build.CMPQ(cols, operand.Imm(uint64(v.width)))
	build.JLE(ref("narrow"))
	wide := build.GP64()
	build.LEAQ(operand.Mem{Base: cols, Disp: -v.width}, wide)
	p.masks = masks{nil, v.masks(wide, 1)[0]}
	p.rows(map[int][]int{8: {6, 4, 2, 1}, 16: {12, 8, 4, 2, 1}}[v.width])
	end()
	mark("narrow")
	p.masks = v.masks(cols, 1)
	p.rows([]int{12, 8, 4, 2, 1})
}

// product is the state of a panel: where it is in A and C, and how many rows are left.
type product struct {
	isa
	a, row, row3, col, c, ldc, left reg.GPVirtual
	masks                           masks
}

// rows does all rows in blocks of the given numbers of rows, which fall to 1.
func (p *product) rows(blocks []int) {
	for _, rows := range blocks {
		name := label("registers", strconv.Itoa(len(p.masks)), "rows", strconv.Itoa(rows))
		mark(name)
		build.CMPQ(p.left, operand.Imm(uint64(rows)))
		build.JLT(ref(name, "done"))
		p.block(name, rows)
		build.SUBQ(operand.Imm(uint64(rows)), p.left)
		p.skip(rows)
		build.JMP(ref(name))
		mark(name, "done")
	}
}

func (p *product) skip(rows int) {
	index, scale := p.row, rows
	if rows%3 == 0 {
		index, scale = p.row3, rows/3
	}
	build.LEAQ(operand.Mem{Base: p.a, Index: index, Scale: uint8(scale)}, p.a)
}

// block computes some rows of the panel and moves on in C.
func (p *product) block(name string, rows int) {
	sums := make([][]reg.VecVirtual, rows)
	for i := range sums {
		sums[i] = p.registers(len(p.masks))
	}
	p.start(name, sums)
	steps := param("k")
	build.TESTQ(steps, steps)
	build.JZ(ref(name, "store"))
	at := p.pointers(rows)
	b, ldb := param("b"), elements(param("ldb"))
	mark(name, "step")
	p.step(at, b, sums)
	for _, pointer := range at {
		build.ADDQ(p.col, pointer)
	}
	build.ADDQ(ldb, b)
	build.DECQ(steps)
	build.JNZ(ref(name, "step"))
	mark(name, "store")
	for _, row := range sums {
		for j, sum := range row {
			p.store(sum, p.masks[j], operand.Mem{Base: p.c, Disp: 4 * p.width * j})
		}
		build.ADDQ(p.ldc, p.c)
	}
}

// start makes the sums zero, or what C holds.
func (p *product) start(name string, sums [][]reg.VecVirtual) {
	for _, row := range sums {
		for _, sum := range row {
			zero(sum)
		}
	}
	add := build.GP8()
	build.Load(build.Param("add"), add)
	build.TESTB(add, add)
	build.JZ(ref(name, "begin"))
	c := build.GP64()
	build.MOVQ(p.c, c)
	for _, row := range sums {
		for j, sum := range row {
			p.load(operand.Mem{Base: c, Disp: 4 * p.width * j}, p.masks[j], sum)
		}
		build.ADDQ(p.ldc, c)
	}
	mark(name, "begin")
}

// reach is how many rows of A one pointer serves, by the offsets 0, 1, 2, 3 and 4 rows.
const reach = 5

// pointers returns pointers to every fifth row of the block.
func (p *product) pointers(rows int) []reg.GPVirtual {
	var at []reg.GPVirtual
	for i := 0; i < rows; i += reach {
		pointer := build.GP64()
		if i == 0 {
			build.MOVQ(p.a, pointer)
		} else {
			build.LEAQ(operand.Mem{Base: at[len(at)-1], Index: p.row, Scale: 4}, pointer)
			build.ADDQ(p.row, pointer)
		}
		at = append(at, pointer)
	}
	return at
}

// element is where the element of A for row i of the block is.
func (p *product) element(at []reg.GPVirtual, i int) operand.Mem {
	m := operand.Mem{Base: at[i/reach]}
	switch i % reach {
	case 0:
		return m
	case 3:
		m.Index, m.Scale = p.row3, 1
	default:
		m.Index, m.Scale = p.row, uint8(i%reach)
	}
	return m
}

// step adds the products of one column of A and one row of B.
func (p *product) step(at []reg.GPVirtual, b reg.GPVirtual, sums [][]reg.VecVirtual) {
	row := p.registers(len(p.masks))
	for j, r := range row {
		p.load(operand.Mem{Base: b, Disp: 4 * p.width * j}, p.masks[j], r)
	}
	for i := range sums {
		x := p.register()
		build.VBROADCASTSS(p.element(at, i), x)
		for j, r := range row {
			build.VFMADD231PS(r, x, sums[i][j])
		}
	}
}
