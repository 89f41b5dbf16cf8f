//go:build browser

package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
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

// patience is how long a page may take for everything that a test does with it. It only ends tests that hang.
const patience = 2 * time.Minute

// Look is how a page is shown: the window in CSS pixels and the colours that the reader prefers.
type Look struct {
	Width, Height int64
	Dark          bool
}

// The looks in which every page must be sound.
var (
	Desktop = Look{Width: 1280, Height: 900}
	Night   = Look{Width: 1280, Height: 900, Dark: true}
	Phone   = Look{Width: 320, Height: 640}
)

// Page is an open tab. It keeps what the page logs and what it asks of the network.
type Page struct {
	t   testing.TB
	ctx context.Context

	mu       sync.Mutex
	errors   []string
	requests []string
}

// Open starts a Chromium of its own and opens a URL in it. The test fails where Chromium is missing or the page does not
// load; at its end the browser closes.
func Open(t testing.TB, url string, look Look) *Page {
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
	if err := chromedp.Do(tab); err != nil { // starts the browser, which must outlive the patience of single steps
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(tab, patience)
	t.Cleanup(cancel)
	p := &Page{t: t, ctx: ctx}
	if err := chromedp.Listen(tab, p.record); err != nil {
		t.Fatal(err)
	}
	p.Do(chromedp.EmulateViewport(look.Width, look.Height), prefer(look), enable, chromedp.Navigate(url))
	return p
}

// enable asks for the events that are recorded.
func enable(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
	_, err := cdp.Call(ctx, t, network.Enable, network.EnableParams{})
	return chromedp.Void{}, err
}

// prefer sets what the reader prefers: the colours, and no motion, which would make tests wait.
func prefer(look Look) chromedp.Action[chromedp.Void] {
	scheme := "light"
	if look.Dark {
		scheme = "dark"
	}
	return emulate(emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
}

// Print shows the page as it is printed.
func (p *Page) Print() {
	p.t.Helper()
	p.Do(emulate(emulation.SetEmulatedMediaParams{Media: "print"}))
}

func emulate(params emulation.SetEmulatedMediaParams) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, params)
		return err
	})
}

// record keeps errors, warnings and requests.
func (p *Page) record(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		p.requests = append(p.requests, e.Request.URL)
	case *runtime.EventExceptionThrown:
		p.errors = append(p.errors, "exception: "+describe(e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		switch e.Type {
		case runtime.ConsoleAPICalledTypeError, runtime.ConsoleAPICalledTypeWarning, runtime.ConsoleAPICalledTypeAssert:
			p.errors = append(p.errors, fmt.Sprintf("console %s: %s", e.Type, arguments(e.Args)))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			p.errors = append(p.errors, fmt.Sprintf("log %s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
		}
	case *page.EventJavascriptDialogOpening:
		p.errors = append(p.errors, "dialog: "+e.Message)
	}
}

// describe writes an exception that nothing caught.
func describe(e *runtime.ExceptionDetails) string {
	if e.Exception == nil {
		return e.Text
	}
	return e.Text + " " + e.Exception.Description
}

// arguments writes what was handed to the console.
func arguments(objects []*runtime.RemoteObject) string {
	var words []string
	for _, o := range objects {
		word := string(o.Value)
		if word == "" {
			word = o.Description
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
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

// Shot writes a picture of the whole page, as PNG, into the folder that the environment variable BROWSER_SHOTS names, for
// people to look at; without it nothing is written.
func (p *Page) Shot(name string) {
	p.t.Helper()
	dir := os.Getenv("BROWSER_SHOTS")
	if dir == "" {
		return
	}
	picture, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644); err != nil {
		p.t.Fatal(err)
	}
}
