//go:build browser

package report_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"windtunnel/experiments/internal/browser"
	"windtunnel/experiments/results"
	"windtunnel/metrics/tables"
)

// show opens the page of some folders from a file.
func show(t *testing.T, window browser.Window, folders ...*results.Reported) *browser.Page {
	t.Helper()
	path := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(path, []byte(write(t, folders...)), 0o644); err != nil {
		t.Fatal(err)
	}
	return browser.Open(t, browser.FileURL(path), window)
}

// quiet wants a page that logged nothing and asked for nothing but itself.
func quiet(t *testing.T, p *browser.Page) {
	t.Helper()
	for _, said := range p.Errors() {
		t.Errorf("the page says: %s", said)
	}
	for _, url := range p.Requests()[1:] {
		if !strings.HasPrefix(url, "data:") {
			t.Errorf("the page asks for %s", url)
		}
	}
}

// In every window the page is quiet, breaks no serious rule of accessibility and does not scroll sideways.
func TestWindows(t *testing.T) {
	for name, window := range map[string]browser.Window{"desktop": browser.Desktop, "night": browser.Night, "phone": browser.Phone} {
		t.Run(name, func(t *testing.T) {
			p := show(t, window, open(t), long(t))
			p.Eval(`document.querySelectorAll("details").forEach(d => d.open = true)`, nil)
			for _, v := range p.Violations() {
				t.Errorf("axe: %s", v)
			}
			if wide := p.Text("document.documentElement.scrollWidth"); wide > fmt.Sprint(window.Width) && len(wide) >= len(fmt.Sprint(window.Width)) {
				t.Errorf("the page is %s px wide in a window of %d", wide, window.Width)
			}
			quiet(t, p)
		})
	}
}

// long is a folder with a wide table that is cut.
func long(t *testing.T) *results.Reported {
	f := open(t)
	header := []string{"run"}
	for i := range 20 {
		header = append(header, fmt.Sprintf("column_%d", i))
	}
	table := tables.NewTable("paired", header...)
	for row := range 150 {
		cells := []string{fmt.Sprintf("dpo/lambda=0.00673794699908546%d", row)}
		for i := range 20 {
			cells = append(cells, fmt.Sprintf("%d", row*i%7))
		}
		table.Append(cells...)
	}
	f.Shown = append(f.Shown, table)
	return f
}

// cells is JavaScript for a column of the table in a place, the rows that show.
func cells(table string, column int) string {
	return fmt.Sprintf(`Array.from(document.querySelectorAll(%q)).filter(r => !r.hidden).map(r => r.cells[%d].textContent).join(" ")`,
		table+" tbody tr", column)
}

func TestSorting(t *testing.T) {
	f := open(t)
	table := tables.NewTable(tables.Runs, "run", "loss")
	for run, loss := range map[string]string{"a": "10", "b": "9", "c": "", "d": "1e-05", "e": "-2", "f": "+Inf"} {
		table.Append(run, loss)
	}
	f.Shown = []*tables.Table{table}
	p := show(t, browser.Desktop, f)
	heading := ".data th:nth-child(2) button"
	for _, want := range []struct{ order, state string }{{"e d b a f c", "ascending"}, {"f a b d e c", "descending"}, {"e d b a f c", "ascending"}} {
		p.Do(chromedp.Click(chromedp.CSS(heading)))
		if got := p.Text(cells(".data", 0)); got != want.order {
			t.Errorf("sorted: %s, want %s", got, want.order)
		}
		if got := p.Text(`document.querySelector(".data th:nth-child(2)").ariaSort`); got != want.state {
			t.Errorf("aria-sort is %s, want %s", got, want.state)
		}
	}
	p.Do(chromedp.Focus(chromedp.CSS(".data th button")), chromedp.KeyEvent("\r"))
	if got := p.Text(cells(".data", 0)); got != "a b c d e f" {
		t.Errorf("by keyboard: %s", got)
	}
	quiet(t, p)
}

func TestFiltering(t *testing.T) {
	p := show(t, browser.Desktop, open(t))
	p.Do(chromedp.SendKeys(chromedp.CSS(".data input"), "TYPO lambda=0.01"))
	if got := p.Text(cells(".data", 0)); got != "typo/lambda=0.01" {
		t.Errorf("filtered: %s", got)
	}
	if got := p.Text(`document.querySelector(".data output").textContent`); got != "1 of 4 rows" {
		t.Errorf("the page says %q", got)
	}
	quiet(t, p)
}

// visible is JavaScript for how many groups of a series show.
func visible(series string) string {
	return fmt.Sprintf(`Array.from(document.querySelectorAll("g.series")).filter(g => g.dataset.series === %q && getComputedStyle(g).display !== "none").length`, series)
}

func TestSeries(t *testing.T) {
	p := show(t, browser.Desktop, open(t))
	label := p.Text(`document.querySelector("div.series button").textContent`)
	all := p.Text(visible(label))
	if all == "0" {
		t.Fatalf("there is no series %q", label)
	}
	p.Do(chromedp.Click(chromedp.CSS("div.series button")))
	if got := p.Text(visible(label)); got != "0" {
		t.Errorf("%s groups of %q show when it is switched off", got, label)
	}
	if got := p.Text(`document.querySelector("div.series button").ariaPressed`); got != "false" {
		t.Errorf("aria-pressed is %s", got)
	}
	p.Do(chromedp.Click(chromedp.CSS("div.series button")))
	if got := p.Text(visible(label)); got != all {
		t.Errorf("%s groups of %q show when it is on again, want %s", got, label, all)
	}
	quiet(t, p)
}

// A spot tells its values to the mouse and to the keyboard, in full also where the page has its numbers alone.
func TestHover(t *testing.T) {
	p := show(t, browser.Desktop, open(t))
	p.Eval(`document.querySelector(".view").scrollIntoView()`, nil)
	var at []float64
	p.Eval(`(() => { const r = document.querySelector(".pt[data-n]").getBoundingClientRect(); return [r.left + r.width/2, r.top + r.height/2]; })()`, &at)
	p.Do(chromedp.MouseEvent("mouseMoved", at[0], at[1]))
	tip := p.Text(`document.getElementById("tip").hidden ? "" : document.getElementById("tip").textContent`)
	if !strings.Contains(tip, " = ") {
		t.Errorf("the mouse is told %q", tip)
	}
	p.Do(chromedp.MouseEvent("mouseMoved", 1, 1))
	if hidden := p.Text(`document.getElementById("tip").hidden`); hidden != "true" {
		t.Error("the values stay when the mouse is gone")
	}
	p.Do(chromedp.Focus(chromedp.CSS(".view")), chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent(kb.ArrowRight))
	first := p.Text(`document.querySelector(".pt").dataset.t`)
	said := p.Text(`document.getElementById("say").textContent`)
	if said == first || strings.Count(said, " = ") != strings.Count(first, " = ") {
		t.Errorf("the keyboard is told %q after %q", said, first)
	}
	quiet(t, p)
}

func TestZoom(t *testing.T) {
	p := show(t, browser.Desktop, open(t))
	box := `document.querySelector("svg.figure").getAttribute("viewBox")`
	whole := p.Text(box)
	p.Do(chromedp.Click(chromedp.CSS(`[data-zoom="1.5"]`)))
	if p.Text(box) == whole {
		t.Error("zooming in changes nothing")
	}
	p.Do(chromedp.Click(chromedp.CSS(`[data-zoom="0"]`)))
	if got := p.Text(box); got != whole {
		t.Errorf("all of it is %s, want %s", got, whole)
	}
	quiet(t, p)
}

func TestTheme(t *testing.T) {
	p := show(t, browser.Night, open(t))
	ground := `getComputedStyle(document.body).backgroundColor`
	dark := p.Text(ground)
	p.Do(chromedp.Click(chromedp.CSS("#theme")))
	if light := p.Text(ground); light == dark || light != "rgb(255, 255, 255)" {
		t.Errorf("from %s the button leads to %s", dark, light)
	}
	for _, v := range p.Violations() {
		t.Errorf("axe: %s", v)
	}
	p.Do(chromedp.Click(chromedp.CSS("#theme")))
	if again := p.Text(ground); again != dark {
		t.Errorf("the button leads back to %s, want %s", again, dark)
	}
	p.Print()
	if paper := p.Text(ground); paper != "rgb(255, 255, 255)" {
		t.Errorf("printed on %s", paper)
	}
}

// Hostile names are read as they are written and do nothing.
func TestHostileNamesInBrowser(t *testing.T) {
	harmless := show(t, browser.Desktop, dressed(t, "harmless name")).Text(`document.querySelectorAll("*").length`)
	for _, evil := range hostile {
		p := show(t, browser.Desktop, dressed(t, evil))
		want := strings.NewReplacer("\u202e", "[U+202E]", "\u2066", "[U+2066]", "\u200f", "[U+200F]").Replace(evil)
		for _, place := range []string{"h2:not(#overview)", ".lead", ".claims th[scope=row] > bdi", ".failed code", "figcaption > bdi", ".data tbody tr:last-child th", "details pre"} {
			if got := p.Text(fmt.Sprintf(`document.querySelector(%q).textContent`, place)); got != want {
				t.Errorf("%s: %q, want %q", place, got, want)
			}
		}
		for _, kind := range []string{"script", "img", "iframe"} {
			if n := p.Text(fmt.Sprintf(`document.querySelectorAll(%q).length`, kind)); n != map[string]string{"script": "1"}[kind] && n != "0" {
				t.Errorf("%q makes %s of %s", evil, n, kind)
			}
		}
		// Every button, heading and hover is tried too.
		p.Eval(`document.querySelectorAll("button").forEach(b => b.click())`, nil)
		p.Eval(`document.querySelectorAll(".pt, td, th").forEach(e => e.dispatchEvent(new Event("pointerover", {bubbles: true})))`, nil)
		if n := p.Text(`document.querySelectorAll("*:not(svg *)").length`); harmless == "0" || n == "0" {
			t.Errorf("%s elements", n)
		}
		quiet(t, p)
	}
}

func TestPrinted(t *testing.T) {
	page := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(page, []byte(write(t, long(t))), 0o644); err != nil {
		t.Fatal(err)
	}
	if data, err := browser.PDF(t.Context(), page); err != nil || !bytes.HasPrefix(data, []byte("%PDF-")) {
		t.Errorf("%v, %.20q", err, data)
	}
	p := browser.Open(t, browser.FileURL(page), browser.Desktop)
	p.Print()
	for _, place := range []string{"#theme", ".tools", ".filter", ".data td:nth-child(13)"} {
		if got := p.Text(fmt.Sprintf(`getComputedStyle(document.querySelector(%q)).display`, place)); got != "none" {
			t.Errorf("%s is printed: %s", place, got)
		}
	}
}
