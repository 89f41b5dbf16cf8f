package plots

import (
	"bytes"
	"fmt"
	"image/color"
	"maps"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/recorder"
)

// Drawing is one figure laid out and drawn: its formats are written from it. It does not change, so that several
// goroutines may write formats at once.
type Drawing struct {
	name    string
	caption string
	theme   theme
	page    *page
	sketch  *sketch
}

// Draw lays out a figure and, where it has one, its twin. The result depends on the parameters and the tables alone. It
// is safe for concurrent use. The error names the figure and the column, prompt or run that is missing.
func Draw(fig Figure, src Sources) ([]*Drawing, error) {
	src = src.From(fig.From)
	first, err := drawOne(fig, fig.Name, fig.Params, src)
	if err != nil {
		return nil, err
	}
	drawings := []*Drawing{first}
	if twinner, ok := fig.Params.(Twinner); ok {
		if params := twinner.Twinned(); params != nil {
			twin, err := drawOne(fig, fig.Name+TwinSuffix, params, src)
			if err != nil {
				return nil, err
			}
			drawings = append(drawings, twin)
		}
	}
	return drawings, nil
}

func drawOne(fig Figure, name string, params Params, src Sources) (*Drawing, error) {
	panels, err := params.Panels(src)
	if err != nil {
		return nil, fmt.Errorf("figure %s: %w", name, err)
	}
	if len(panels) == 0 {
		return nil, fmt.Errorf("figure %s: no panel to draw", name)
	}
	d := &Drawing{name: name, caption: fig.Caption, theme: themeOf(fig.Theme), sketch: new(sketch)}
	d.page = layOut(panels, d.theme)
	d.page.draw(draw.NewCanvas(d.sketch, d.page.width, d.page.height))
	return d, nil
}

// Name is the name of the figure's files without extension.
func (d *Drawing) Name() string { return d.name }

// Caption is what the figure shows, in words of the configuration; it may be empty.
func (d *Drawing) Caption() string { return d.caption }

// Files are the figure's files: NAME.svg, NAME.png, NAME.pdf and NAME.csv.
func (d *Drawing) Files() ([]File, error) {
	var files []File
	for _, format := range []struct {
		extension string
		write     func() ([]byte, error)
	}{{".svg", d.SVG}, {".png", d.PNG}, {".pdf", d.PDF}, {".csv", d.CSV}} {
		data, err := format.write()
		if err != nil {
			return nil, fmt.Errorf("figure %s: %w", d.name, err)
		}
		files = append(files, File{d.name + format.extension, data})
	}
	return files, nil
}

// SVG returns the figure as a document of its own. Text stays text.
func (d *Drawing) SVG() ([]byte, error) {
	w := svgWriter{height: d.page.height, paint: func(c color.Color) string { return hexColor(d.theme.color(c)) }}
	w.write(d.sketch)
	var out bytes.Buffer
	out.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
	width, height := float64(d.page.width), float64(d.page.height)
	fmt.Fprintf(&out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%spt\" height=\"%spt\" viewBox=\"0 0 %s %s\" font-family=\"%s\">\n",
		number(width*d.theme.scale), number(height*d.theme.scale), number(width), number(height), svgFamily)
	fmt.Fprintf(&out, "<title>%s</title>\n", escapeXML(d.name))
	out.Write(w.out.Bytes())
	out.WriteString("</svg>\n")
	return out.Bytes(), nil
}

// Inline returns the figure as an svg element for an HTML page, without a background. Everything of a series is in
// groups of the class "series" and its entry in the legend in one of the class "key", both with its label as
// data-series; every drawn point has a circle of the class "pt" that says its values in data-t. Colors are CSS variables
// with those of the paper theme as fallback, see [InlineStyle]. Identifiers start with the prefix.
func (d *Drawing) Inline(prefix string) ([]byte, error) {
	w := svgWriter{height: d.page.height, marked: true, paint: cssColor}
	w.write(d.sketch)
	var out bytes.Buffer
	id := escapeXML(prefix + d.name)
	fmt.Fprintf(&out, "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"figure\" role=\"img\" aria-labelledby=\"%s-title %s-desc\" viewBox=\"0 0 %s %s\" font-family=\"%s\">\n",
		id, id, number(float64(d.page.width)), number(float64(d.page.height)), svgFamily)
	fmt.Fprintf(&out, "<title id=\"%s-title\">%s</title>\n<desc id=\"%s-desc\">%s</desc>\n", id, escapeXML(d.name), id, escapeXML(d.describe()))
	out.Write(w.out.Bytes())
	out.WriteString("</svg>\n")
	return out.Bytes(), nil
}

// describe tells what the figure shows to those who do not see it.
func (d *Drawing) describe() string {
	var words []string
	if d.caption != "" {
		words = append(words, plainText(d.caption))
	}
	for _, p := range d.page.panels {
		var series []string
		for _, c := range p.curves {
			if c.label != "" {
				series = append(series, plainText(c.label))
			}
		}
		panel := p.name()
		if p.names.x != "" && p.names.y != "" {
			panel = strings.TrimSpace(panel + " " + p.names.y + " against " + p.names.x)
		}
		if len(series) > 0 {
			panel += ": " + strings.Join(series, ", ")
		}
		if panel != "" {
			words = append(words, panel+".")
		}
	}
	return strings.Join(words, " ")
}

// cssColor is the variable of a color in a page, with the color itself where the page does not set it.
func cssColor(c color.Color) string {
	hex := hexColor(c)
	return "var(--plot-" + hex[1:] + "," + hex + ")"
}

// InlineStyle returns CSS declarations, such as "--plot-000000:#e8e8e8;", that give the inline figures of a page the
// colors of a theme: paper, slides or dark. A page sets them on an element around the figures, those of the theme dark
// where it is dark; without them figures have the colors of the theme paper.
func InlineStyle(theme string, drawings ...*Drawing) string {
	t := themeOf(theme)
	declared := map[string]string{}
	for _, d := range drawings {
		for _, action := range d.sketch.Actions {
			if set, ok := action.(*recorder.SetColor); ok {
				declared[hexColor(set.Color)[1:]] = hexColor(t.color(set.Color))
			}
		}
	}
	var out strings.Builder
	for _, hex := range slices.Sorted(maps.Keys(declared)) {
		fmt.Fprintf(&out, "--plot-%s:%s;", hex, declared[hex])
	}
	return out.String()
}
