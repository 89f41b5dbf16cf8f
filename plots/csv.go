package plots

import (
	"bytes"
	"encoding/csv"
	"math"
	"strconv"
)

// Datum is one mark of a figure as its CSV file has it: words or numbers, empty where there is none.
type Datum struct {
	Series, X, Y, Low, High string
}

// AddData tells the CSV file of what a panel shows beside its curves, such as the cells of a heat map.
func (p *Panel) AddData(data ...Datum) { p.data = append(p.data, data...) }

// CSV returns what the figure draws as a table: a header, then a row for every point in drawing order. The columns are
// panel (its letter and title), series, x, y, low and high (the ends of a band); cells are empty where a point has no
// value. Numbers are those of the axes, in their units.
func (d *Drawing) CSV() ([]byte, error) {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	if err := w.Write([]string{"panel", "series", "x", "y", "low", "high"}); err != nil {
		return nil, err
	}
	for _, p := range d.page.panels {
		panel := p.name()
		for _, c := range p.curves {
			for _, q := range c.points {
				row := []string{panel, plainText(c.label), csvNumber(q.x), csvNumber(q.y), csvNumber(q.low), csvNumber(q.high)}
				if err := w.Write(row); err != nil {
					return nil, err
				}
			}
		}
		for _, q := range p.data {
			if err := w.Write([]string{panel, plainText(q.Series), q.X, q.Y, q.Low, q.High}); err != nil {
				return nil, err
			}
		}
	}
	w.Flush()
	return out.Bytes(), w.Error()
}

// csvNumber writes a number so that reading it gives the same; one that is not finite has no place in a figure.
func csvNumber(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return ""
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}
