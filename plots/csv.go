package plots

import (
	"bytes"
	"encoding/csv"
	"math"
	"strconv"
)

// Datum is one mark of a figure as its CSV file has it: words or numbers, empty where there is none. Value is what a cell
// of a map says beside its place; of figures without such cells the file has no column for it.
type Datum struct {
	Series, X, Y, Low, High, Value string
}

// AddData tells the CSV file of what a panel shows beside its curves, such as the cells of a heat map.
func (p *Panel) AddData(data ...Datum) { p.data = append(p.data, data...) }

// CSV returns what the figure draws as a table: a header, then a row for every point in drawing order. The columns are
// panel (its letter and title), series, x, y, low and high (the ends of a band), and for maps value; cells are empty where
// a point has no value. Numbers are those of the axes, in their units, training steps unscaled.
func (d *Drawing) CSV() ([]byte, error) {
	header := []string{"panel", "series", "x", "y", "low", "high", "value"}
	rows, mapped := d.data()
	columns := len(header)
	if !mapped {
		columns--
	}
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	for _, row := range append([][]string{header}, rows...) {
		if err := w.Write(row[:columns]); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return out.Bytes(), w.Error()
}

// data returns the rows of the CSV file and whether some have a value beside their place.
func (d *Drawing) data() (rows [][]string, mapped bool) {
	for _, p := range d.page.panels {
		panel := p.name()
		for _, c := range p.curves {
			for _, q := range c.points {
				rows = append(rows, []string{panel, c.name(), csvNumber(q.x), csvNumber(q.y), csvNumber(q.low), csvNumber(q.high), ""})
			}
		}
		for _, q := range p.data {
			mapped = mapped || q.Value != ""
			rows = append(rows, []string{panel, plainText(q.Series), q.X, q.Y, q.Low, q.High, q.Value})
		}
	}
	return rows, mapped
}

// csvNumber writes a number so that reading it gives the same; one that is not finite has no place in a figure.
func csvNumber(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return ""
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}
