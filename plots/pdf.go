package plots

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"strings"
)

// PDF returns the figure as a document of one page of its size. Its text is text in fonts that are embedded, cut down to
// the glyphs in use. The document holds no date and no identifier, so that the same figure gives the same bytes.
//
// gonum's own writer embeds neither fonts with PostScript outlines, as Latin Modern, nor letters beyond Western Europe's.
func (d *Drawing) PDF() ([]byte, error) {
	page := pdfPage{theme: d.theme, alphas: map[string]string{}}
	width, height := float64(d.page.width)*d.theme.scale, float64(d.page.height)*d.theme.scale
	fmt.Fprintf(&page.out, "%s 0 0 %s 0 0 cm 10 M\n", number(d.theme.scale), number(d.theme.scale))
	for _, action := range d.sketch.Actions {
		page.action(action)
	}
	doc := &pdfDocument{}
	doc.add("<< /Type /Catalog /Pages 2 0 R >>")
	doc.add("<< /Type /Pages /Kids [3 0 R] /Count 1 >>")
	resources := doc.reserve(3) // the page, its content and its resources
	doc.objects[resources] = fmt.Sprintf("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %s %s] /Contents 4 0 R /Resources 5 0 R >>", number(width), number(height))
	doc.objects[resources+1] = pdfStream("", page.out.Bytes())
	var names strings.Builder
	for _, f := range page.fonts {
		object, err := f.write(doc)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&names, " /%s %d 0 R", f.name, object)
	}
	doc.objects[resources+2] = fmt.Sprintf("<< /Font <<%s >> /ExtGState <<%s >> >>", names.String(), page.states.String())
	return doc.bytes(), nil
}

// pdfDocument is a list of objects, numbered from 1.
type pdfDocument struct{ objects []string }

// add appends an object and returns its number.
func (d *pdfDocument) add(object string) int {
	d.objects = append(d.objects, object)
	return len(d.objects)
}

// reserve makes room for n objects and returns the index of the first.
func (d *pdfDocument) reserve(n int) int {
	at := len(d.objects)
	d.objects = append(d.objects, make([]string, n)...)
	return at
}

// bytes writes the document with its table of objects (ISO 32000-1, 7.5).
func (d *pdfDocument) bytes() []byte {
	var out bytes.Buffer
	out.WriteString("%PDF-1.5\n%\xE2\xE3\xCF\xD3\n")
	offsets := make([]int, len(d.objects))
	for i, object := range d.objects {
		offsets[i] = out.Len()
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	table := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, at := range offsets {
		fmt.Fprintf(&out, "%010d 00000 n \n", at)
	}
	fmt.Fprintf(&out, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, table)
	return out.Bytes()
}

// pdfStream is a compressed stream with further entries of its dictionary.
func pdfStream(entries string, data []byte) string {
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	w.Write(data) // a Buffer fails never
	w.Close()
	return fmt.Sprintf("<< /Length %d /Filter /FlateDecode%s >>\nstream\n%s\nendstream", packed.Len(), entries, packed.String())
}
