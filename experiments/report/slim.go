package report

import (
	"bytes"
	"fmt"
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
	numbers  = regexp.MustCompile(`[-+]?[0-9][0-9.]*(?:e[-+]?[0-9]+)?`)
	group    = regexp.MustCompile(`^</?g\b`)
)

// slim makes an inline figure small without changing how it looks, as [plots.Drawing.Inline] writes it, an element a line:
// colors name their variable alone, since the page sets each; points that a reader can hover over are thinned out, and one whose text
// differs from that of the point before in its numbers alone has only these, in data-n.
func slim(svg []byte) []byte {
	var out bytes.Buffer
	lastX, lastY, last := math.Inf(1), 0.0, "" // the last point that is written, and its text without its numbers
	for line := range bytes.Lines(fallback.ReplaceAll(svg, []byte(`="$1)"`))) {
		m := point.FindSubmatch(bytes.TrimSuffix(line, []byte("\n")))
		if m == nil {
			if group.Match(line) {
				lastX, last = math.Inf(1), ""
			}
			out.Write(line)
			continue
		}
		x, errX := strconv.ParseFloat(string(m[1]), 64)
		y, errY := strconv.ParseFloat(string(m[2]), 64)
		if errX != nil || errY != nil || math.Hypot(x-lastX, y-lastY) < closest {
			continue
		}
		lastX, lastY = x, y
		said := fmt.Sprintf("data-t=\"%s", m[3])
		text := html.UnescapeString(string(m[3])) // an entity has digits that are none of the text
		if pattern := numbers.ReplaceAllString(text, "0"); pattern == last {
			said = `data-n="` + strings.Join(numbers.FindAllString(text, -1), " ")
		} else {
			last = pattern
		}
		fmt.Fprintf(&out, "<circle class=\"pt\" cx=\"%s\" cy=\"%s\" %s\"/>\n", m[1], m[2], said)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}
