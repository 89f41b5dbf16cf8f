package plots

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"maps"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgimg"
)

// PNG returns the figure as an image of 300 dots an inch with at most 256 colors, which is several times smaller and
// faster to compress than full color.
func (d *Drawing) PNG() ([]byte, error) {
	c := vgimg.NewWith(vgimg.UseWH(d.page.width, d.page.height), vgimg.UseDPI(int(dotsPerInch*d.theme.scale+0.5)))
	blank := true // a white page, as the canvas comes
	for _, m := range d.sketch.marks {
		if m.kind > textMark {
			continue
		}
		paint := d.theme.color(m.pen.color)
		if blank = blank && paint == color.Color(white); blank {
			continue // white on white is slow to fill
		}
		c.SetColor(paint)
		c.SetLineWidth(m.pen.width)
		c.SetLineDash(m.pen.dashes, m.pen.offset)
		switch m.kind {
		case fillMark:
			c.Fill(m.path)
		case strokeMark:
			c.Stroke(m.path)
		case textMark:
			face := fonts().Lookup(m.font, m.font.Size)
			c.Push()
			c.Translate(m.at)
			c.Rotate(m.pen.angle)
			c.FillString(face, vg.Point{}, visible(face, m.text))
			c.Pop()
		}
	}
	var out bytes.Buffer
	err := png.Encode(&out, fewColors(c.Image().(*image.RGBA)))
	return out.Bytes(), err
}

// fewColors returns the image with a palette of its 256 most frequent colors. Smoothed edges make more; those pixels
// take the nearest color of the palette.
func fewColors(img *image.RGBA) *image.Paletted {
	counts := map[uint32]int{}
	for at := 0; at < len(img.Pix); {
		c, from := colorOf(img, at), at
		for at < len(img.Pix) && colorOf(img, at) == c {
			at += 4
		}
		counts[c] += (at - from) / 4
	}
	colors := slices.SortedFunc(maps.Keys(counts), func(a, b uint32) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) })
	few := image.NewPaletted(img.Bounds(), nil)
	for _, c := range colors[:min(256, len(colors))] {
		few.Palette = append(few.Palette, rgb(c))
	}
	index := make(map[uint32]uint8, len(colors))
	for _, c := range colors {
		index[c] = uint8(few.Palette.Index(rgb(c)))
	}
	for i := range few.Pix {
		if c := colorOf(img, 4*i); i > 0 && c == colorOf(img, 4*i-4) {
			few.Pix[i] = few.Pix[i-1]
		} else {
			few.Pix[i] = index[c]
		}
	}
	return few
}

// colorOf is the color of a pixel, which is opaque: red, green and blue, a byte each.
func colorOf(img *image.RGBA, at int) uint32 { return binary.BigEndian.Uint32(img.Pix[at:]) >> 8 }
