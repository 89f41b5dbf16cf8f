package spec

import (
	"fmt"
	"slices"
	"strings"

	"windtunnel/experiments/spec/decode"
)

// optional is a series with one row more, the last, which leaves the key alone.
type optional struct{ series }

func (o optional) len() int { return o.series.len() + 1 }

func (o optional) node(i int) *decode.Node {
	if i == o.series.len() {
		return nil
	}
	return o.series.node(i)
}

func (o optional) text(i int) string {
	if i == o.series.len() {
		return ""
	}
	return o.series.text(i)
}

func (o optional) value(i int) any {
	if i == o.series.len() {
		return nil
	}
	return o.series.value(i)
}

// limit makes the dimensions from the given one on say something about some objectives only. They get a row more, without
// values, which the runs of the others take.
func (r *sweepReader) limit(at string, n *decode.Node, labels []string, from int) {
	only := make([]bool, len(r.labels))
	for i, label := range labels {
		index := slices.Index(r.labels, label)
		if index < 0 {
			e := r.Error(r.nearestNode(fmt.Sprintf("%s.%d", at, i)), at, fmt.Sprintf("there is no objective %q", label), "one of "+strings.Join(r.labels, ", "))
			e.Near = decode.Nearest(label, r.labels)
			r.fail(e)
			return
		}
		only[index] = true
	}
	for i := from; i < len(r.dims); i++ {
		d := &r.dims[i]
		d.only = only
		for k := range d.keys {
			d.keys[k].series = optional{d.keys[k].series}
		}
		place, rows := d.place, d.rows
		d.place = func(row int) (string, *decode.Node) {
			if row == rows {
				return at, n
			}
			return place(row)
		}
		d.rows++
	}
}

// fits says whether every dimension that is for some objectives takes a row with values for these, and the row without
// for the others.
func (p *product) fits(digits []int) bool {
	objective := p.objective(digits)
	for i := range p.dims {
		d := &p.dims[i]
		if d.only != nil && d.only[objective] == (digits[i] == d.rows-1) {
			return false
		}
	}
	return true
}

// partial says whether some dimension is for some objectives only.
func (p *product) partial() bool {
	return slices.ContainsFunc(p.dims, func(d dimension) bool { return d.only != nil })
}
