package tables

import (
	"math"
	"slices"
	"strings"
)

// column holds the cells of a column: as numbers for as long as every cell is the text that FormatFloat gives its
// number, otherwise as codes of its distinct texts.
type column struct {
	numbers []float64
	texts   *dictionary // nil while numbers hold
	codes   []uint32
}

func newColumns(n int) []*column {
	columns := make([]*column, n)
	for i := range columns {
		columns[i] = &column{}
	}
	return columns
}

// rows is the number of cells.
func (c *column) rows() int { return max(len(c.numbers), len(c.codes)) }

// append adds a cell, whose memory it does not keep.
func (c *column) append(cell string) {
	if c.texts == nil {
		if v, ok := number(cell); ok {
			c.appendNumber(v)
			return
		}
		c.texts = &dictionary{}
		for _, v := range c.numbers {
			c.codes = append(c.codes, c.texts.code(FormatFloat(v)))
		}
		c.numbers = nil
	}
	c.codes = append(c.codes, c.texts.code(cell))
}

// appendNumber adds the cell that FormatFloat writes.
func (c *column) appendNumber(v float64) {
	if c.texts != nil {
		c.append(FormatFloat(v))
		return
	}
	c.numbers = append(c.numbers, v)
}

func (c *column) text(row int) string {
	if c.texts != nil {
		return c.texts.list[c.codes[row]]
	}
	return FormatFloat(c.numbers[row])
}

// matcher says of a row whether its cell is the same as one of the values, see SameCell. Values are read once.
func (c *column) matcher(values []string) func(row int) bool {
	wanted := make([]comparand, len(values))
	for i, v := range values {
		wanted[i] = comparandOf(v)
	}
	if c.texts == nil {
		return func(row int) bool {
			return slices.ContainsFunc(wanted, func(w comparand) bool { return w.sameNumber(c.numbers[row]) })
		}
	}
	same := make([]bool, len(c.texts.list))
	for code, text := range c.texts.list {
		cell := comparandOf(text)
		same[code] = slices.ContainsFunc(wanted, func(w comparand) bool { return cell.same(&w) })
	}
	return func(row int) bool { return same[c.codes[row]] }
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
