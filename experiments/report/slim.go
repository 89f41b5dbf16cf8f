package report

import (
	"bytes"
	"html"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// closest is how far apart in points the marks of a series are at least that a reader can point at; of those nearer to one
// another only the first is written. The table beside the figure has all.
const closest = 1.5

var (
	fallback = regexp.MustCompile(`="(var\(--plot-[0-9a-f]{6}),#[0-9a-f]{6}\)"`) // no text has a quote
	point    = regexp.MustCompile(`^<circle class="pt" cx="([-0-9.]+)" cy="([-0-9.]+)" [^>]*data-t="([^"]*)"/>$`)
	halo     = regexp.MustCompile(`^<path d="([^"]*)" fill="none" (stroke="[^>]*)/>$`)
	filled   = regexp.MustCompile(`^<path d="([^"]*)" (fill="[^>]*)/>$`)
	numbers  = regexp.MustCompile(`[-+]?[0-9][0-9.]*(?:e[-+]?[0-9]+)?`)
	group    = regexp.MustCompile(`^</?g\b`)
)

// slimmer rewrites a figure line by line.
type slimmer struct {
	out     bytes.Buffer
	held    []byte // a line that may be one with the next
	x, y    float64
	pattern string // of the last point that is written in full, its numbers left out
}

// slim makes an inline figure small without changing how it looks, as [plots.Drawing.Inline] writes it, an element a line:
// colors name their variable alone, since the page sets each; a marker and the line around it are one element; points
// that a reader can hover over are thinned out, and one whose text differs from that of the point before in its numbers
// alone has only these, in data-n.
func slim(svg []byte) []byte {
	s := slimmer{x: math.Inf(1)}
	for line := range bytes.SplitSeq(fallback.ReplaceAll(svg, []byte(`="$1)"`)), []byte("\n")) {
		s.line(line)
	}
	s.flush()
	return bytes.TrimSuffix(s.out.Bytes(), []byte("\n"))
}

func (s *slimmer) flush() {
	if s.held != nil {
		s.write(s.held)
		s.held = nil
	}
}

func (s *slimmer) write(line []byte) {
	s.out.Write(line)
	s.out.WriteByte('\n')
}

func (s *slimmer) line(line []byte) {
	if m := point.FindSubmatch(line); m != nil {
		s.flush()
		s.point(m)
		return
	}
	if around := halo.FindSubmatch(s.held); around != nil {
		if m := filled.FindSubmatch(line); m != nil && bytes.Equal(m[1], around[1]) && !bytes.Contains(m[2], []byte("stroke")) {
			s.held = nil
			s.write(bytes.Join([][]byte{[]byte(`<path d="`), m[1], []byte(`" paint-order="stroke" `), around[2], []byte(" "), m[2], []byte("/>")}, nil))
			return
		}
	}
	s.flush()
	if group.Match(line) {
		s.x, s.pattern = math.Inf(1), ""
	}
	s.held = line
}

// point writes a place to point at: its position, and its text or the numbers of it.
func (s *slimmer) point(m [][]byte) {
	x, errX := strconv.ParseFloat(string(m[1]), 64)
	y, errY := strconv.ParseFloat(string(m[2]), 64)
	if errX != nil || errY != nil || math.Hypot(x-s.x, y-s.y) < closest {
		return
	}
	s.x, s.y = x, y
	s.out.WriteString(`<circle class="pt" cx="` + string(m[1]) + `" cy="` + string(m[2]))
	text := html.UnescapeString(string(m[3])) // an entity has digits that are none of the text
	if pattern := numbers.ReplaceAllString(text, "0"); pattern == s.pattern {
		s.out.WriteString(`" data-n="` + strings.Join(numbers.FindAllString(text, -1), " "))
	} else {
		s.pattern = pattern
		s.out.WriteString(`" data-t="`)
		s.out.Write(m[3])
	}
	s.out.WriteString("\"/>\n")
}
