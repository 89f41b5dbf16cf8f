package report

import (
	"encoding/base64"
	"fmt"
	"html/template"
	"math"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"windtunnel/experiments/results"
	"windtunnel/plots"
)

// figure is a drawing on the page: an svg element with marks and series, or a picture without.
type figure struct {
	ID, Name, Caption string
	SVG               template.HTML
	Picture           template.URL
	Width             int // in CSS pixels, where a line of the page holds more than one
}

// Widest is how far a figure grows to fill its line of the page: one as wide as a text fills it alone.
func (f figure) Widest() int { return f.Width * 8 / 5 }

// pixelsPerPoint is how large figures are shown: text of 8 points is as large as that of the page.
const pixelsPerPoint = 1.7

// figures draws the config's figures. One that cannot be drawn is reported and does not lose the others.
func (v *view) figures(s *section, f *results.Reported) {
	for _, p := range f.Pictures {
		s.Figures = append(s.Figures, figure{ID: fmt.Sprintf("%s-g%d", s.ID, len(s.Figures)), Name: strings.TrimSuffix(p.Name, filepath.Ext(p.Name)),
			Picture: template.URL("data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(p.Data)), Width: shownWidth(p.Data)})
	}
	if f.Pictures != nil {
		return
	}
	for _, fig := range f.Figures {
		if err := v.draw(s, f, fig); err != nil {
			s.undrawn = append(s.undrawn, fmt.Errorf("%s: %w", f.Dir, err))
			s.Undrawn = append(s.Undrawn, err.Error())
		}
	}
}

// draw adds a figure, or the several that it consists of, to the section.
func (v *view) draw(s *section, f *results.Reported, fig plots.Figure) error {
	drawings, err := plots.Draw(fig, f.Tables)
	if err != nil {
		return err
	}
	for _, d := range drawings {
		id := fmt.Sprintf("%s-g%d", s.ID, len(s.Figures))
		svg, err := d.Inline(id + "-")
		if err != nil {
			return err
		}
		s.Figures = append(s.Figures, figure{ID: id, Name: d.Name(), Caption: d.Caption(), SVG: template.HTML(slim(svg)), Width: shownWidth(svg)})
		v.drawings = append(v.drawings, d)
	}
	return nil
}

// viewBox finds the width of a figure in points.
var viewBox = regexp.MustCompile(`viewBox="[-0-9.]+ [-0-9.]+ ([0-9.]+) [0-9.]+"`)

// shownWidth is a figure's width in pixels; 0 where it is not known.
func shownWidth(svg []byte) int {
	points := 0.0
	if match := viewBox.FindSubmatch(svg); match != nil {
		points, _ = strconv.ParseFloat(string(match[1]), 64)
	}
	return int(math.Ceil(points * pixelsPerPoint))
}
