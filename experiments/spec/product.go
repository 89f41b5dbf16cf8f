package spec

import (
	"math/bits"
	"windtunnel/experiments/spec/decode"
)

// sweptKey is a key of the config with one value a row.
type sweptKey struct {
	series
	written *decode.Node         // the key as it is written; nil for the name of a setting
	spelled func(row int) string // the key of the config that holds the value, as messages name it
	column  string               // its canonical name, that of the column
	path    string               // in the document of a run; "" for what is not written there
	quiet   bool                 // left out of the names of runs, which have the name of the setting instead
}

// dimension is one factor of a sweep: rows of which every run takes one, and in each a value for some keys.
type dimension struct {
	rows    int
	keys    []sweptKey
	choices []int                                      // by row the objective that it chooses; nil where the dimension chooses none
	place   func(row int) (key string, n *decode.Node) // where a row is written
	only    []bool                                     // by objective, those that it says something about; nil for all
}

// fixed says whether tables have a column without its being swept.
func fixed(column string) bool {
	return column == objectiveColumn || column == "lambda" || column == "seed"
}

// sweptColumns returns the dimension's columns of Plan.Swept.
func (d *dimension) sweptColumns() []string {
	var columns []string
	for i := range d.keys {
		if !fixed(d.keys[i].column) {
			columns = append(columns, d.keys[i].column)
		}
	}
	return columns
}

// appendCells appends the cells of sweptColumns.
func (d *dimension) appendCells(cells []string, row int) []string {
	for i := range d.keys {
		if !fixed(d.keys[i].column) {
			cells = append(cells, d.keys[i].text(row))
		}
	}
	return cells
}

// appendName appends what the name of a run says of a row.
func (d *dimension) appendName(name []byte, row int) []byte {
	for i := range d.keys {
		k := &d.keys[i]
		if text := k.text(row); text != "" && !k.quiet && k.column != objectiveColumn {
			name = append(append(append(append(name, '/'), k.column...), '='), text...)
		}
	}
	return name
}

// inlineDimensions is how many dimensions are counted through without an allocation.
const inlineDimensions = 12

// product is every combination of one row of each dimension, numbered with the last dimension fastest.
type product struct {
	dims    []dimension
	strides []int
	size    int
	chooser int // the dimension that chooses the objective
}

// newProduct returns the product; exactly one dimension has choices.
func newProduct(dims []dimension) product {
	p := product{dims: dims, strides: make([]int, len(dims)), size: 1}
	for i := len(dims) - 1; i >= 0; i-- {
		p.strides[i] = p.size
		p.size *= dims[i].rows
		if dims[i].choices != nil {
			p.chooser = i
		}
	}
	return p
}

// digits appends the row of each dimension in a combination.
func (p *product) digits(combination int, into []int) []int {
	for _, stride := range p.strides {
		into = append(into, combination/stride)
		combination %= stride
	}
	return into
}

// objective returns the number of the objective that a combination's rows choose.
func (p *product) objective(digits []int) int { return p.dims[p.chooser].choices[digits[p.chooser]] }

// facet numbers the combinations of some dimensions of a product, as a smaller product.
type facet struct {
	dims    []int // ascending
	strides []int
	size    int
}

// newFacet takes the dimensions that are marked.
func (p *product) newFacet(marked []bool) facet {
	f := facet{size: 1}
	for i, is := range marked {
		if is {
			f.dims = append(f.dims, i)
		}
	}
	f.strides = make([]int, len(f.dims))
	for i := len(f.dims) - 1; i >= 0; i-- {
		f.strides[i] = f.size
		f.size *= p.dims[f.dims[i]].rows
	}
	return f
}

// facetOf is the facet of the dimensions that some sections depend on.
func (p *Plan) facetOf(sections ...int) facet {
	marked := make([]bool, len(p.product.dims))
	for _, i := range sections {
		for _, d := range p.sections[i].facet.dims {
			marked[d] = true
		}
	}
	return p.product.newFacet(marked)
}

// index returns the number in the facet of a combination's rows.
func (f *facet) index(digits []int) int {
	at := 0
	for i, d := range f.dims {
		at += f.strides[i] * digits[d]
	}
	return at
}

// bitset is a set of the numbers below a bound.
type bitset struct {
	words  []uint64
	count  int
	before []int // numbers in the set below each block; filled by index
}

// blockWords is how many words nth looks through at most.
const blockWords = 16

func newBitset(size int) *bitset { return &bitset{words: make([]uint64, (size+63)/64)} }

func (b *bitset) has(i int) bool { return b.words[i/64]&(1<<(i%64)) != 0 }

// add says whether i is new.
func (b *bitset) add(i int) bool {
	if b.has(i) {
		return false
	}
	b.words[i/64] |= 1 << (i % 64)
	b.count++
	return true
}

// index prepares nth. The set must not change after it.
func (b *bitset) index() {
	b.before = b.before[:0]
	total := 0
	for i, w := range b.words {
		if i%blockWords == 0 {
			b.before = append(b.before, total)
		}
		total += bits.OnesCount64(w)
	}
}

// nth returns the i-th smallest number of the set, from 0.
func (b *bitset) nth(i int) int {
	low, high := 0, len(b.before)
	for high-low > 1 {
		if middle := (low + high) / 2; b.before[middle] <= i {
			low = middle
		} else {
			high = middle
		}
	}
	i -= b.before[low]
	for at := low * blockWords; ; at++ {
		w := b.words[at]
		if n := bits.OnesCount64(w); i >= n {
			i -= n
			continue
		}
		for ; i > 0; i-- {
			w &= w - 1
		}
		return at*64 + bits.TrailingZeros64(w)
	}
}
