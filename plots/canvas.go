package plots

import (
	"cmp"
	"fmt"
	"image/color"
	"strings"
)

// canvas is a rectangle of character cells. Lines are drawn in dots, of which a cell has 2 x 4 in braille and one in plain
// characters; characters stand over dots. Dot (0, 0) is at the upper left.
type canvas struct {
	width, height int // cells
	across, down  int // dots of a cell
	cells         []character
}

// character is what one cell shows.
type character struct {
	dots  byte // of braille, by brailleBits
	char  rune // over the dots; 0 for none
	color color.RGBA
}

// brailleBits are the bits of the dots of a cell, by row and column, in the order of Unicode's braille patterns.
var brailleBits = [4][2]byte{{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}

func newCanvas(width, height int, plain bool) *canvas {
	c := &canvas{width: width, height: height, across: 2, down: 4, cells: make([]character, width*height)}
	if plain {
		c.across, c.down = 1, 1
	}
	return c
}

// at returns the cell of a column and row; one outside is nowhere.
func (c *canvas) at(column, row int) *character {
	if column < 0 || row < 0 || column >= c.width || row >= c.height {
		return new(character)
	}
	return &c.cells[row*c.width+column]
}

func (c *canvas) dot(x, y int, ink color.RGBA) {
	at := c.at(x/c.across, y/c.down)
	at.dots |= brailleBits[y%c.down][x%c.across]
	at.color = ink
}

// char sets a character over the dots of a cell.
func (c *canvas) char(column, row int, r rune, ink color.RGBA) {
	at := c.at(column, row)
	at.char, at.color = r, ink
}

// line draws a straight line of dots (Bresenham 1965), every dot or, of a step of 2 or more, every such one.
func (c *canvas) line(x0, y0, x1, y1, step int, ink color.RGBA) {
	dx, dy := max(x1-x0, x0-x1), min(y1-y0, y0-y1)
	sx, sy := cmp.Compare(x1, x0), cmp.Compare(y1, y0)
	for n, off := 0, dx+dy; ; n++ {
		if n%step == 0 {
			c.dot(x0, y0, ink)
		}
		if x0 == x1 && y0 == y1 {
			return
		}
		twice := 2 * off
		if twice >= dy {
			off, x0 = off+dy, x0+sx
		}
		if twice <= dx {
			off, y0 = off+dx, y0+sy
		}
	}
}

// row writes one row of cells without the blanks at its end.
func (c *canvas) row(row int, colored bool) string {
	var out strings.Builder
	current, blanks := color.RGBA{}, 0
	for _, at := range c.cells[row*c.width : (row+1)*c.width] {
		blank := at.dots == 0 && at.char == 0
		if blank {
			at.color = color.RGBA{}
		} else {
			out.WriteString(strings.Repeat(" ", blanks))
			blanks = 0
		}
		if colored && at.color != current {
			out.WriteString(escape(at.color))
			current = at.color
		}
		switch {
		case blank:
			blanks++
		case at.char != 0:
			out.WriteRune(at.char)
		case c.across == 1:
			out.WriteByte('.')
		default:
			out.WriteRune(0x2800 + rune(at.dots))
		}
	}
	if current != (color.RGBA{}) {
		out.WriteString(escape(color.RGBA{}))
	}
	return out.String()
}

// escape is the sequence that sets a color, of the 6 x 6 x 6 that terminals have; that of no color ends one. Black, which
// would not be seen on a dark screen, is no color.
func escape(ink color.RGBA) string {
	if ink.R == 0 && ink.G == 0 && ink.B == 0 {
		return "\x1b[0m"
	}
	level := func(v uint8) int { return (int(v)*5 + 127) / 255 }
	return fmt.Sprintf("\x1b[38;5;%dm", 16+36*level(ink.R)+6*level(ink.G)+level(ink.B))
}
