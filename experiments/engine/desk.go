package engine

import (
	"math"
	"strconv"

	"windtunnel/metrics"
	"windtunnel/metrics/tables"
	"windtunnel/toy/bandit"
	"windtunnel/toy/language"
)

// desk is where one worker does its runs, one after another. It keeps the memory of one run for the next. The zero desk
// is ready.
type desk struct {
	env      *bandit.Env
	declared bandit.Params   // what env was made of
	seed     int             // and from which seed it was drawn
	views    []*metrics.View // of all prompts
	training []*metrics.View // of those that are trained on
	groups   []group
	logPi    []float64
	distinct map[[3]int]int // comparisons, as their positions in a view

	sheets   [tableCount]sheet
	measured sheet // cells of the policy that was measured last
	known    numerals
	payload  []byte // an entry on its way into the cache

	shared *language.Shared // by the runs of language models; may be nil
}

// group is a group of prompts that is measured as one.
type group struct {
	name  string
	views []*metrics.View
}

// sheet returns the empty sheet of a table.
func (d *desk) sheet(table int) *sheet {
	s := &d.sheets[table]
	s.reset(&d.known)
	return s
}

// sheet collects rows in CSV. Every cell is followed by a comma, which the end of a row replaces.
type sheet struct {
	body  []byte
	known *numerals
}

func (s *sheet) reset(known *numerals) { s.body, s.known = s.body[:0], known }

func (s *sheet) text(cell string) { s.body = append(tables.AppendCell(s.body, cell), ',') }

func (s *sheet) integer(v int) { s.body = append(strconv.AppendInt(s.body, int64(v), 10), ',') }

func (s *sheet) number(v float64) { s.body = append(s.known.append(s.body, v), ',') }

// empty adds n empty cells.
func (s *sheet) empty(n int) {
	for range n {
		s.body = append(s.body, ',')
	}
}

// cells adds the cells of an unfinished row.
func (s *sheet) cells(from *sheet) { s.body = append(s.body, from.body...) }

// end ends a row of at least one cell.
func (s *sheet) end() { s.body[len(s.body)-1] = '\n' }

// numerals remembers how numbers are written. Rows repeat them: those of the reference and of pi_star in every run of a
// sweep, a final policy in several tables. Finding the shortest text of a number is most of the work of writing a row.
type numerals [1 << numeralBits]numeral

// numeralBits is the binary logarithm of how many numbers are remembered.
const numeralBits = 8

type numeral struct {
	bits   uint64
	length uint8 // 0: nothing is remembered here
	text   [tables.LongestFloat]byte
}

// append appends what tables.AppendFloat does.
func (known *numerals) append(buf []byte, v float64) []byte {
	bits := math.Float64bits(v)
	n := &known[bits*0x9e3779b97f4a7c15>>(64-numeralBits)] // Fibonacci hashing
	if n.length == 0 || n.bits != bits {
		n.bits, n.length = bits, uint8(len(tables.AppendFloat(n.text[:0], v)))
	}
	return append(buf, n.text[:n.length]...)
}
