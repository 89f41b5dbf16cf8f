package plots_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/csv"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"

	"windtunnel/metrics/tables"
	"windtunnel/plots"
)

// element is any element of a document.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Children []element  `xml:",any"`
}

func (e element) attr(name string) string {
	for _, a := range e.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// all yields the element and everything within it.
func (e element) all() []element {
	list := []element{e}
	for _, child := range e.Children {
		list = append(list, child.all()...)
	}
	return list
}

func parseXML(t *testing.T, data []byte) element {
	t.Helper()
	decoder := xml.NewDecoder(bytes.NewReader(data))
	var root element
	if err := decoder.Decode(&root); err != nil {
		t.Fatalf("%v in\n%s", err, data)
	}
	if rest, err := decoder.Token(); err != io.EOF && strings.TrimSpace(fmt.Sprintf("%s", rest)) != "" {
		t.Errorf("%v follows the figure, %v", rest, err)
	}
	return root
}

func drawing(t *testing.T, fig plots.Figure) *plots.Drawing {
	t.Helper()
	drawings, err := plots.Draw(fig, suite(t))
	if err != nil {
		t.Fatal(err)
	}
	return drawings[0]
}

// In a page every series is in groups of its label, its legend entry too, and every point that has a place on the x axis
// says its values; identifiers start with the prefix, and there is no background.
func TestInline(t *testing.T) {
	// Rows have their names on the axis in place of a legend.
	namedRows := map[string]bool{"forest": true, "forest_panels": true, "strip": true, "strip_violin": true}
	for _, fig := range figures() {
		t.Run(fig.Name, func(t *testing.T) {
			d := drawing(t, fig)
			root := parseXML(t, d.Inline("a-"))
			if root.XMLName.Local != "svg" || root.attr("role") != "img" {
				t.Errorf("the root is a %s of the role %q", root.XMLName.Local, root.attr("role"))
			}
			groups, spots := map[string]map[string]bool{"series": {}, "key": {}}, 0
			for _, e := range root.all() {
				if id := e.attr("id"); id != "" && !strings.HasPrefix(id, "a-"+fig.Name) {
					t.Errorf("the identifier %s has not the prefix", id)
				}
				switch class := e.attr("class"); class {
				case "series", "key":
					groups[class][e.attr("data-series")] = true
				case "pt":
					spots++
					if e.XMLName.Local != "circle" || e.attr("fill") != "none" || e.attr("pointer-events") != "all" || e.attr("data-t") == "" {
						t.Errorf("a spot is %+v", e)
					}
				}
				if strings.Contains(e.attr("fill")+e.attr("stroke"), "#ffffff") && e.attr("d") != "" && strings.HasPrefix(e.attr("d"), "M0 ") {
					t.Error("the page has a background")
				}
			}
			points, series := drawn(t, d)
			if spots != points {
				t.Errorf("%d spots, and the CSV file has %d points", spots, points)
			}
			for label := range groups["series"] {
				if !groups["key"][label] && !namedRows[fig.Name] || !series[label] {
					t.Errorf("the series %q lacks an entry in the legend or rows in the CSV file", label)
				}
			}
			if len(groups["series"]) == 0 && fig.Name != "existence" && !strings.HasPrefix(fig.Name, "scorecard") {
				t.Error("no series")
			}
		})
	}
}

// drawn counts the rows of the CSV file that have an x, and tells its series.
func drawn(t *testing.T, d *plots.Drawing) (points int, series map[string]bool) {
	t.Helper()
	data, err := d.CSV()
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if head := strings.Join(rows[0][:6], ","); head != "panel,series,x,y,low,high" {
		t.Errorf("the header is %s", head)
	}
	series = map[string]bool{}
	for _, row := range rows[1:] {
		label, _, _ := strings.Cut(row[1], ", ") // before chosen and rejected
		series[label], series[row[1]] = true, true
		if row[2] != "" {
			points++
		}
	}
	return points, series
}

// Names from a configuration stay text, whatever they are made of.
func TestHostileNames(t *testing.T) {
	const evil = `</text><script>alert("1")</script>&amp;'` + "\x00\xff]]>"
	runs := tables.NewTable(tables.Runs, "run", "objective", "lambda", "seed", "status", "tv_star", "kl_pi_ref")
	for i, lambda := range []string{"0.1", "1", "10"} {
		runs.Append(fmt.Sprint(i), evil, lambda, "0", "done", "0.2", "0.1")
		runs.Append(fmt.Sprint("x", i), "dpo", lambda, "0", "done", "0.1", "0.1")
	}
	src := plots.NewSources(func(string) (tables.Source, error) { return tables.Memory{tables.Runs: runs}, nil })
	fig := plots.Figure{Name: "f", Caption: evil, Params: params("lines", func(f *plots.Lines) { f.X, f.Y, f.Title = "lambda", "tv_star", evil })}
	drawings, err := plots.Draw(fig, src)
	if err != nil {
		t.Fatal(err)
	}
	inline := drawings[0].Inline(`"><script>`)
	svg, err := drawings[0].SVG()
	if err != nil {
		t.Fatal(err)
	}
	named := false
	for _, data := range [][]byte{inline, svg} {
		for _, e := range parseXML(t, data).all() {
			if e.XMLName.Local == "script" {
				t.Error("a name became a script")
			}
			named = named || strings.Contains(e.attr("data-series"), `<script>alert("1")</script>`)
		}
	}
	if !named {
		t.Error("no series has the name")
	}
}

// A PDF document says nothing of when it was written, its page has the size of the figure, its words and signs can be
// searched, and its fonts are embedded with the glyphs in use, also those that the family of the figures lacks.
func TestPDF(t *testing.T) {
	fig := figures()[0]
	fig.Params = params("interpolation", func(f *plots.Interpolation) {
		f.Where, f.Title = atLambda("1e-5"), "$λ$ = $10^{−5}$, $y_w ≻ y_l$, é, 🙂"
	})
	pdf, err := drawing(t, fig).PDF()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(pdf, []byte("%PDF-1.")) || !bytes.HasSuffix(pdf, []byte("%%EOF\n")) || bytes.Count(pdf, []byte("Date (D:19700101000000)")) != 2 {
		t.Errorf("the document starts with %q or has another date", pdf[:8])
	}
	box := regexp.MustCompile(`/MediaBox \[0 0 ([0-9.]+) ([0-9.]+)\]`).FindSubmatch(pdf)
	if box == nil {
		t.Fatal("the page has no size")
	}
	if width, _ := strconv.ParseFloat(string(box[1]), 64); math.Abs(width-160*72/25.4) > 0.01 {
		t.Errorf("the page is %s pt wide, want 160 mm", box[1])
	}

	var text []uint16
	var faces []*sfnt.Font
	for _, found := range regexp.MustCompile(`(?s)/FlateDecode[^>]*>>\nstream\n(.*?)\nendstream`).FindAllSubmatch(pdf, -1) {
		r, err := zlib.NewReader(bytes.NewReader(found[1]))
		if err != nil {
			t.Fatal(err)
		}
		stream, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.HasPrefix(stream, []byte{0, 1, 0, 0}) {
			face, err := sfnt.Parse(stream)
			if err != nil {
				t.Fatal(err)
			}
			faces = append(faces, face)
		}
		for _, shown := range regexp.MustCompile(`(?s)Td \((.*?)\) Tj ET\n`).FindAllSubmatch(stream, -1) {
			plain := []byte(strings.NewReplacer(`\\`, `\`, `\(`, `(`, `\)`, `)`, `\r`, "\r").Replace(string(shown[1])))
			for i := 0; i+1 < len(plain); i += 2 {
				text = append(text, binary.BigEndian.Uint16(plain[i:]))
			}
		}
	}
	words := string(utf16.Decode(text))
	for _, want := range []string{"Training steps", "DPO, ", "πθ(ya)", "λ = 10−5, yw ≻ yl, é, �"} {
		if !strings.Contains(words, want) {
			t.Errorf("%q cannot be found in %q", want, words)
		}
	}
	// fpdf's codes are Unicode, and its map of them to Unicode the identity.
	composite, unicodes := bytes.Count(pdf, []byte("/Type0")), bytes.Count(pdf, []byte("<0000> <FFFF> <0000>"))
	if len(faces) != 4 || composite != 4 || unicodes != 4 { // regular, italic, bold and signs
		t.Errorf("%d fonts, %d of them embedded and %d with Unicode", composite, len(faces), unicodes)
	}
	var buf sfnt.Buffer
	for _, r := range strings.ReplaceAll(words, " ", "") {
		if !slices.ContainsFunc(faces, func(f *sfnt.Font) bool {
			index, err := f.GlyphIndex(&buf, r)
			if err != nil || index == 0 {
				return false
			}
			outline, err := f.LoadGlyph(&buf, index, fixed.I(1000), nil)
			return err == nil && len(outline) > 0
		}) {
			t.Errorf("no embedded font has %q", r)
		}
	}
	for _, f := range faces {
		if f.NumGlyphs() > 100 {
			t.Errorf("a font has %d glyphs: it is not cut down", f.NumGlyphs())
		}
	}
	if len(pdf) > 70<<10 {
		t.Errorf("%d bytes", len(pdf))
	}
}

// The CSV file has the values of the tables: those of DPO over lambda with their intervals over three seeds.
func TestCSV(t *testing.T) {
	data, err := drawing(t, plots.Figure{Name: "lines", From: "existence", Params: params("lines", func(f *plots.Lines) { f.X, f.Y = "lambda", "tv_star" })}).CSV()
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	table := existenceTables()[tables.Runs]
	for i := range table.Len() {
		x, y := table.Float(i, "lambda"), table.Float(i, "tv_star")
		found := slices.ContainsFunc(rows, func(row []string) bool {
			same := tables.ParseFloat(row[2]) == x && strings.EqualFold(row[1], table.Text(i, "objective"))
			return same && (tables.ParseFloat(row[3]) == y || row[3] == "" && (math.IsNaN(y) || math.IsInf(y, 0)))
		})
		if !found {
			t.Errorf("no row of %s at lambda = %g with %g in\n%s", table.Text(i, "objective"), x, y, data)
		}
	}
}

// The themes: slides are larger, a dark page has all colors of the figure, and sizes are what a figure asks for.
func TestThemes(t *testing.T) {
	fig := figures()[1]
	width := func(change func(*plots.Figure)) float64 {
		other := fig
		change(&other)
		svg, err := drawing(t, other).SVG()
		if err != nil {
			t.Fatal(err)
		}
		w, err := strconv.ParseFloat(strings.TrimSuffix(parseXML(t, svg).attr("width"), "pt"), 64)
		if err != nil {
			t.Fatal(err)
		}
		return w / 72 * 25.4
	}
	for _, c := range []struct {
		name   string
		change func(*plots.Figure)
		mm     float64
	}{
		{"paper", func(*plots.Figure) {}, 160},
		{"dark", func(f *plots.Figure) { f.Theme = "dark" }, 160},
		{"slides", func(f *plots.Figure) { f.Theme = "slides" }, 228},
		{"column", func(f *plots.Figure) { f.Size = "column" }, 77},
		{"neurips", func(f *plots.Figure) { f.Size = "neurips" }, 139.7},
		{"mm", func(f *plots.Figure) { f.Width = 120 }, 120},
		{"mm of slides", func(f *plots.Figure) { f.Theme, f.Width = "slides", 120 }, 120},
	} {
		if got := width(c.change); math.Abs(got-c.mm) > 0.01 {
			t.Errorf("%s is %g mm wide, want %g", c.name, got, c.mm)
		}
	}
	d := drawing(t, fig)
	inline := d.Inline("")
	style := plots.InlineStyle("dark", d)
	for _, use := range regexp.MustCompile(`var\((--plot-[0-9a-f]{6}),`).FindAllSubmatch(inline, -1) {
		if !strings.Contains(style, string(use[1])+":#") {
			t.Errorf("%s has no color on a dark page", use[1])
		}
	}
	if !strings.Contains(style, "--plot-000000:#ebebeb;") {
		t.Errorf("ink is not light in %s", style)
	}
}
