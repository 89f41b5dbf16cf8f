package plots

import (
	"bytes"
	"cmp"
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
	for _, m := range d.sketch.marks {
		if m.kind > textMark {
			continue
		}
		c.SetColor(d.theme.color(m.pen.color))
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
	encoder := png.Encoder{CompressionLevel: png.DefaultCompression}
	if err := encoder.Encode(&out, fewColors(c.Image())); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// fewColors returns the image with a palette of its 256 most frequent colors. Smoothed edges make more; those pixels
// take the nearest color of the palette.
func fewColors(img image.Image) image.Image {
	full, ok := img.(*image.RGBA)
	if !ok {
		return img
	}
	counts := map[rgbColor]int{}
	eachRun(full, func(c rgbColor, from, to int) { counts[c] += to - from })
	colors := slices.SortedFunc(maps.Keys(counts), func(a, b rgbColor) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), slices.Compare(a[:], b[:]))
	})
	few := image.NewPaletted(img.Bounds(), nil)
	for _, c := range colors[:min(256, len(colors))] {
		few.Palette = append(few.Palette, color.RGBA{c[0], c[1], c[2], 255})
	}
	index := make(map[rgbColor]uint8, len(colors))
	for _, c := range colors {
		index[c] = uint8(few.Palette.Index(color.RGBA{c[0], c[1], c[2], 255}))
	}
	eachRun(full, func(c rgbColor, from, to int) {
		k := index[c]
		for i := from; i < to; i++ {
			few.Pix[i] = k
		}
	})
	return few
}

// rgbColor is the color of an opaque pixel.
type rgbColor [3]uint8

// eachRun calls do for every stretch of pixels of one color, most of which are long.
func eachRun(img *image.RGBA, do func(c rgbColor, from, to int)) {
	n := len(img.Pix) / 4
	start, current := 0, rgbColor(img.Pix[:3])
	for i := 1; i < n; i++ {
		if c := rgbColor(img.Pix[4*i : 4*i+3]); c != current {
			do(current, start, i)
			start, current = i, c
		}
	}
	do(current, start, n)
}
