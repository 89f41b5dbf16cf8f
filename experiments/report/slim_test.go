package report

import (
	"strings"
	"testing"
)

func TestSlim(t *testing.T) {
	const dot = `<circle class="pt" cx="%x" cy="2" r="4" fill="none" pointer-events="all" data-t="%t"/>`
	point := func(x, text string) string { return strings.NewReplacer("%x", x, "%t", text).Replace(dot) }
	short := func(x, rest string) string { return `<circle class="pt" cx="` + x + `" cy="2" ` + rest + `/>` }
	tests := []struct {
		name      string
		svg, want []string
	}{
		{"colors keep their variable", []string{`<path d="M1" fill="var(--plot-0072b2,#0072b2)"/>`}, []string{`<path d="M1" fill="var(--plot-0072b2)"/>`}},
		{"texts keep everything", []string{`<text>=var(--plot-0072b2,#0072b2)</text>`}, []string{`<text>=var(--plot-0072b2,#0072b2)</text>`}},
		{"numbers alone", []string{point("1", "a1: x = -2e-05"), point("9", "a1: x = 4"), point("12", "b: x = 4")},
			[]string{short("1", `data-t="a1: x = -2e-05"`), short("9", `data-n="1 4"`), short("12", `data-t="b: x = 4"`)}},
		{"entities are no numbers", []string{point("1", "a&#39;: 2"), point("9", "a&#39;: 3")}, []string{short("1", `data-t="a&#39;: 2"`), short("9", `data-n="3"`)}},
		{"too near", []string{point("1", "1"), point("2.4", "2"), point("2.6", "3")}, []string{short("1", `data-t="1"`), short("2.6", `data-n="3"`)}},
		{"a group begins anew", []string{`<g class="series" data-series="a">`, point("1", "1"), `</g>`, `<g class="series" data-series="b">`, point("1", "2"), `</g>`},
			[]string{`<g class="series" data-series="a">`, short("1", `data-t="1"`), `</g>`, `<g class="series" data-series="b">`, short("1", `data-t="2"`), `</g>`}},
	}
	for _, test := range tests {
		if got, want := string(slim([]byte(strings.Join(test.svg, "\n")))), strings.Join(test.want, "\n"); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", test.name, got, want)
		}
	}
}

func TestPlainDirection(t *testing.T) {
	for text, want := range map[string]string{"a\u202eb": "a[U+202E]b", "naïve – ✓ π": "naïve – ✓ π", "\ufeffx\u200d": "[U+FEFF]x[U+200D]"} {
		if got := plainDirection(text); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestShown(t *testing.T) {
	for text, want := range map[string]string{"13850": "13850", "0.3988453917579513": "0.3988", "+Inf": "+Inf", "": "", "done": "done", "2.7e-15": "2.7e-15"} {
		if got := shown(text); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
