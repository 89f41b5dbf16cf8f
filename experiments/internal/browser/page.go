//go:build browser

package browser

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// timeout is how long a page may take for everything that a test does with it. It only ends tests that hang.
const timeout = 2 * time.Minute

// Window is how a page is shown: its size in CSS pixels and the colours that the reader prefers.
type Window struct {
	Width, Height int64
	Dark          bool
}

// The windows in which every page must work.
var (
	Desktop = Window{Width: 1280, Height: 900}
	Night   = Window{Width: 1280, Height: 900, Dark: true}
	Phone   = Window{Width: 320, Height: 640}
)

// Page is an open tab. It records what the page logs and what it asks of the network.
type Page struct {
	t   testing.TB
	ctx context.Context

	mu       sync.Mutex
	errors   []string
	requests []string
}

// Open starts a Chromium of its own and opens a URL in it. The test fails where Chromium is missing or the page does not
// load; at its end the browser closes.
func Open(t testing.TB, url string, window Window) *Page {
	t.Helper()
	program, err := Find()
	if err != nil {
		t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program))
	if !sandboxed() {
		options = append(options, chromedp.NoSandbox)
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	tab, shut := chromedp.NewContext(allocator)
	t.Cleanup(shut)
	if err := chromedp.Do(tab); err != nil { // starts the browser, which must outlive the timeout
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(tab, timeout)
	t.Cleanup(cancel)
	p := &Page{t: t, ctx: ctx}
	if err := chromedp.Listen(tab, p.record); err != nil {
		t.Fatal(err)
	}
	scheme := "light"
	if window.Dark {
		scheme = "dark"
	}
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}} // motion would make tests wait
	p.Do(chromedp.EmulateViewport(window.Width, window.Height), call(emulation.SetEmulatedMedia, media),
		call(network.Enable, network.EnableParams{}), chromedp.Navigate(url))
	return p
}

// Print shows the page as it is printed.
func (p *Page) Print() {
	p.t.Helper()
	p.Do(call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"}))
}

// call is an action that calls a command of the browser.
func call[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, command, params)
		return err
	})
}

// record takes errors, warnings and requests from the browser's events.
func (p *Page) record(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		p.requests = append(p.requests, e.Request.URL)
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if object := e.ExceptionDetails.Exception; object != nil {
			text += " " + object.Description
		}
		p.errors = append(p.errors, "exception: "+text)
	case *runtime.EventConsoleAPICalled:
		switch e.Type {
		case runtime.ConsoleAPICalledTypeError, runtime.ConsoleAPICalledTypeWarning, runtime.ConsoleAPICalledTypeAssert:
			var words []string
			for _, o := range e.Args {
				words = append(words, cmp.Or(string(o.Value), o.Description))
			}
			p.errors = append(p.errors, fmt.Sprintf("console %s: %s", e.Type, strings.Join(words, " ")))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			p.errors = append(p.errors, fmt.Sprintf("log %s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
		}
	case *page.EventJavascriptDialogOpening:
		p.errors = append(p.errors, "dialog: "+e.Message)
	}
}

// Do acts on the page; an action that fails ends the test.
func (p *Page) Do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, actions...); err != nil {
		p.t.Fatal(err)
	}
}

// Eval evaluates JavaScript, waits where it gives a promise, and decodes the value as JSON into to, unless that is nil.
func (p *Page) Eval(script string, to any) {
	p.t.Helper()
	value, err := chromedp.Run(p.ctx, chromedp.Evaluate[[]byte](script, chromedp.EvalAwaitPromise))
	if err == nil && to != nil {
		err = json.Unmarshal(value, to)
	}
	if err != nil {
		p.t.Fatalf("%v\nof %.200s", err, script)
	}
}

// Text returns what a JavaScript expression gives, as a string.
func (p *Page) Text(expression string) string {
	p.t.Helper()
	var text string
	p.Eval("String("+expression+")", &text)
	return text
}

// Errors returns the errors and warnings of console, log and uncaught exceptions up to now.
func (p *Page) Errors() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.errors...)
}

// Requests returns the URLs asked for up to now, the page's own first.
func (p *Page) Requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.requests...)
}

// axe is axe-core 4.14.1.
//
//go:embed axe/axe.min.js
var axe string

// mostNodes is how many elements a violation quotes.
const mostNodes = 5

// Violations runs axe-core's rules on the page as it is now and returns those that it breaks in a serious or critical
// way, each with the elements.
func (p *Page) Violations() []string {
	p.t.Helper()
	p.Eval(axe+";0", nil)
	var findings []struct {
		ID, Impact, Help string
		Nodes            []struct {
			HTML    string `json:"html"`
			Summary string `json:"failureSummary"`
		}
	}
	p.Eval(`axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations)`, &findings)
	var found []string
	for _, f := range findings {
		if f.Impact == "serious" || f.Impact == "critical" {
			text := fmt.Sprintf("%s (%s): %s; %d elements", f.ID, f.Impact, f.Help, len(f.Nodes))
			for _, n := range f.Nodes[:min(len(f.Nodes), mostNodes)] {
				text += fmt.Sprintf("\n  %s\n    %s", n.HTML, strings.ReplaceAll(n.Summary, "\n", "\n    "))
			}
			found = append(found, text)
		}
	}
	return found
}
