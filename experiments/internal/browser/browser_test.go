//go:build browser

package browser

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// serve opens a page with the given body.
func serve(t *testing.T, body string, window Window) *Page {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write([]byte(`<!doctype html><html lang="en"><head><title>t</title><link rel="icon" href="data:,"></head><body><main><h1>t</h1>` +
			body + `</main></body></html>`))
	}))
	t.Cleanup(server.Close)
	return Open(t, server.URL+"/", window)
}

// A sound page gives nothing, and each fault is seen: the harness would be worthless if it were blind.
func TestFaultsAreSeen(t *testing.T) {
	tests := []struct {
		name, body              string
		errors, asks, violation string
	}{
		{"sound", "<p>all well</p>", "", "", ""},
		{"console", "<script>console.error('spilt', 3)</script>", "spilt", "", ""},
		{"exception", "<script>throw new Error('burst')</script>", "burst", "", ""},
		{"request", "<img alt='x' src='/missing.png'>", "404", "/missing.png", ""},
		{"nameless button", "<button></button>", "", "", "button-name"},
		{"pale text", "<p style='color:#ccc;background:#fff'>pale</p>", "", "", "color-contrast"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := serve(t, test.body, Desktop)
			violations := p.Violations()
			expect(t, "errors", p.Errors(), test.errors)
			expect(t, "requests", p.Requests()[1:], test.asks)
			expect(t, "violations", violations, test.violation)
		})
	}
}

// expect wants a word among the findings, or no finding if there is no word.
func expect(t *testing.T, what string, findings []string, word string) {
	t.Helper()
	found := slices.ContainsFunc(findings, func(f string) bool { return strings.Contains(f, word) })
	if word == "" && len(findings) > 0 || word != "" && !found {
		t.Errorf("%s: %q, want %q", what, findings, word)
	}
}

func TestWindows(t *testing.T) {
	for _, window := range []Window{Desktop, Night, Phone} {
		p := serve(t, "<p>x</p>", window)
		if dark := p.Text(`matchMedia("(prefers-color-scheme: dark)").matches`); dark == "true" != window.Dark {
			t.Errorf("%+v: dark is %s", window, dark)
		}
		var width int64
		if p.Eval("innerWidth", &width); width != window.Width {
			t.Errorf("%+v: %d px wide", window, width)
		}
	}
}

func TestPDF(t *testing.T) {
	page := filepath.Join(t.TempDir(), "a b?#.html")
	if err := os.WriteFile(page, []byte("<!doctype html><title>t</title><p>words"), 0o644); err != nil {
		t.Fatal(err)
	}
	if data, err := PDF(t.Context(), page); err != nil || !bytes.HasPrefix(data, []byte("%PDF-")) {
		t.Errorf("%v, %.20q", err, data)
	}
}
