package tables

import (
	"math"
	"slices"
	"strings"
)

// blockLen is how many cells a block holds. Columns grow by whole blocks, so a long one wastes nothing and never moves.
const blockLen = 1 << 12

// blocks is a growing list. Only its first block is ever shorter than blockLen in capacity, for small tables.
type blocks[T any] [][]T

func (b *blocks[T]) append(v T) {
	last := len(*b) - 1
	switch {
	case last < 0:
		*b, last = append(*b, nil), 0
	case len((*b)[last]) == blockLen:
		*b, last = append(*b, make([]T, 0, blockLen)), last+1
	}
	(*b)[last] = append((*b)[last], v)
}

func (b blocks[T]) at(i int) T { return b[i/blockLen][i%blockLen] }

// column holds the cells of a column: as numbers for as long as every cell is the text that FormatFloat gives its
// number, otherwise as codes of its distinct texts.
type column struct {
	rows    int
	numbers blocks[float64]
	texts   *dictionary // nil while numbers hold
	codes   blocks[uint32]
}

func newColumns(n int) []*column {
	columns := make([]*column, n)
	for i := range columns {
		columns[i] = &column{}
	}
	return columns
}

// append adds a cell, whose memory it does not keep.
func (c *column) append(cell string) {
	if c.texts == nil {
		if v, ok := number(cell); ok {
			c.appendNumber(v)
			return
		}
		c.toTexts()
	}
	c.codes.append(c.texts.code(cell))
	c.rows++
}

// appendNumber adds the cell that FormatFloat writes.
func (c *column) appendNumber(v float64) {
	if c.texts != nil {
		c.append(FormatFloat(v))
		return
	}
	c.numbers.append(v)
	c.rows++
}

// toTexts gives up numbers.
func (c *column) toTexts() {
	c.texts = &dictionary{}
	for _, block := range c.numbers {
		for _, v := range block {
			c.codes.append(c.texts.code(FormatFloat(v)))
		}
	}
	c.numbers = nil
}

func (c *column) text(row int) string {
	if c.texts != nil {
		return c.texts.list[c.codes.at(row)]
	}
	return FormatFloat(c.numbers.at(row))
}

func (c *column) float(row int) float64 {
	if c.texts != nil {
		return ParseFloat(c.text(row))
	}
	return c.numbers.at(row)
}

// matcher says of a row whether its cell is the same as one of the values, see SameCell. Values are read once.
func (c *column) matcher(values []string) func(row int) bool {
	wanted, numeric := make([]comparand, len(values)), false
	for i, v := range values {
		wanted[i] = comparandOf(v)
		numeric = numeric || wanted[i].isNumber
	}
	if c.texts == nil {
		return func(row int) bool {
			v := c.numbers.at(row)
			for i := range wanted {
				if wanted[i].sameNumber(v) {
					return true
				}
			}
			return false
		}
	}
	same := make([]bool, len(c.texts.list))
	for code, text := range c.texts.list {
		cell := comparand{text: text}
		if numeric {
			cell = comparandOf(text)
		}
		same[code] = slices.ContainsFunc(wanted, func(w comparand) bool { return cell.same(&w) })
	}
	return func(row int) bool { return same[c.codes.at(row)] }
}

// dictionary numbers distinct texts in order of appearance.
type dictionary struct {
	list  []string
	codes map[string]uint32
}

// code returns the number of a text, a new one if need be.
func (d *dictionary) code(text string) uint32 {
	if code, ok := d.codes[text]; ok {
		return code
	}
	if len(d.list) == math.MaxUint32 {
		panic("tables: a column has more than 2^32 distinct texts")
	}
	if d.codes == nil {
		d.codes = map[string]uint32{}
	}
	code := uint32(len(d.list))
	kept := strings.Clone(text) // which may be a part of a whole row
	d.list = append(d.list, kept)
	d.codes[kept] = code
	return code
}
