//go:build browser

package explore

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"windtunnel/experiments/explore/model"
	"windtunnel/experiments/internal/browser"
)

// compute is compiled once for all tests.
var compute = sync.OnceValues(func() (*Compute, error) { return Compile(context.Background(), "") })

// view is the explorer in a browser.
type view struct {
	*browser.Page
	t   testing.TB
	url string
}

// open serves the page and opens it with a fragment.
func open(t testing.TB, fragment string, window browser.Window, results ...*Results) *view {
	t.Helper()
	c, err := compute()
	if err != nil {
		t.Fatal(err)
	}
	page, err := NewPage(c, results)
	if err != nil {
		t.Fatal(err)
	}
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go Serve(t.Context(), l, page)
	v := &view{t: t, url: "http://" + l.Addr().String() + "/"}
	v.Page = browser.Open(t, v.url+fragment, window)
	v.wait()
	return v
}

// wait waits until the last question is answered.
func (v *view) wait() {
	v.t.Helper()
	v.Do(chromedp.WaitReady(chromedp.CSS("html[data-asked]")))
	v.Eval(`new Promise((done) => { const check = () => { const {asked, answered} = document.documentElement.dataset;
		if (asked === answered) done(0); else setTimeout(check, 5); }; check(); })`, nil)
}

// state reads the state from the page's address.
func (v *view) state() model.State {
	v.t.Helper()
	s, problems := model.ParseState(strings.TrimPrefix(v.Text("location.hash"), "#"))
	if len(problems) > 0 {
		v.t.Fatalf("the address has %v", problems)
	}
	return s
}

// agrees wants the page to show what the Go API gives for the state in its address. A browser's exponential function may
// differ from this machine's in the last digit.
func (v *view) agrees(what string) {
	v.t.Helper()
	v.wait()
	answer := new(model.Explorer).Explore(v.state(), true)
	if len(answer.Problems) > 0 {
		v.t.Fatalf("%s: %v", what, answer.Problems)
	}
	for i, side := range []string{"a", "b"}[:len(answer.Outcomes)] {
		shown := v.Text(fmt.Sprintf(`document.querySelector("#panel-%s .minimizer").dataset.policy`, side))
		if want := answer.Outcomes[i].Policy; !shownAt(shown, want) {
			v.t.Errorf("%s: loss %s is shown at %q, Go has %v", what, side, shown, want)
		}
	}
	if got := v.Text(`document.getElementById("config").textContent`); got != answer.Config {
		v.t.Errorf("%s: the config is\n%s\nGo has\n%s", what, got, answer.Config)
	}
}

// shownAt says whether a policy as the page holds it is the one wanted; none is "".
func shownAt(shown string, want []model.Number) bool {
	if want == nil {
		return shown == ""
	}
	return slices.EqualFunc(strings.Split(shown, ","), want, func(part string, w model.Number) bool {
		p, err := strconv.ParseFloat(part, 64)
		return err == nil && math.Abs(p-float64(w)) <= 1e-9
	})
}

// sound wants no errors and no requests beyond the page's own origin.
func (v *view) sound() {
	v.t.Helper()
	for _, e := range v.Errors() {
		v.t.Errorf("the browser says: %s", e)
	}
	for _, r := range v.Requests() {
		if !strings.HasPrefix(r, v.url) {
			v.t.Errorf("the page asks for %s", r)
		}
	}
}

// press focuses an element and presses keys.
func (v *view) press(selector, keys string, modifiers ...chromedp.Modifier) {
	v.t.Helper()
	v.Eval(fmt.Sprintf("document.querySelector(%q).focus(), 0", selector), nil)
	v.Do(chromedp.KeyEvent(keys, chromedp.KeyModifiers(modifiers...)))
}

// enter replaces the content of an input by typing.
func (v *view) enter(selector, text string) {
	v.t.Helper()
	v.Eval(fmt.Sprintf("document.querySelector(%q).select(), 0", selector), nil)
	v.press(selector, kb.Backspace+text)
	v.Eval("document.activeElement.blur(), 0", nil)
}

// choose selects an option by keyboard-like change.
func (v *view) choose(selector, value string) {
	v.t.Helper()
	v.Eval(fmt.Sprintf(`{ const s = document.querySelector(%q); s.value = %q; s.dispatchEvent(new Event("change", {bubbles: true}));
		s.dispatchEvent(new Event("input", {bubbles: true})); 0 }`, selector, value), nil)
}

// click clicks an element.
func (v *view) click(selector string) {
	v.t.Helper()
	v.Do(chromedp.Click(chromedp.CSS(selector)))
}

// drag moves a handle of a panel with the mouse, by pixels.
func (v *view) drag(selector string, dx, dy float64) {
	v.t.Helper()
	v.Eval(fmt.Sprintf("document.querySelector(%q).scrollIntoView({block: 'center'}), 0", selector), nil)
	var at [2]float64
	v.Eval(fmt.Sprintf("(() => { const r = document.querySelector(%q).getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()", selector), &at)
	v.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMousePressed, at[0], at[1], chromedp.ButtonLeft, chromedp.ClickCount(1)))
	for i := range 4 {
		share := float64(i+1) / 4
		v.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, at[0]+share*dx, at[1]+share*dy, chromedp.ButtonLeft))
	}
	v.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseReleased, at[0]+dx, at[1]+dy, chromedp.ButtonLeft, chromedp.ClickCount(1)))
}

// How long a change of lambda and a move of pi_star take in the browser until the minimizers are drawn.
func BenchmarkChange(b *testing.B) {
	for name, fragment := range map[string]string{"dpo typo": "", "custom f-dpo": "#a=custom&a.pair=softplus(-lambda*u)&b=f-dpo"} {
		for key, change := range map[string]string{
			"lambda": `{ const e = document.getElementById("lambda"); e.value = String(0.1 + 0.001 * %d); e.dispatchEvent(new Event("input")); 0 }`,
			"star":   `{ const e = document.getElementById("star-a"); e.value = String(0.4 + 0.002 * %d); e.dispatchEvent(new Event("change")); 0 }`,
		} {
			b.Run(name+"/"+key, func(b *testing.B) {
				v := open(b, fragment, browser.Desktop)
				var firsts, wholes []float64
				for i := 0; b.Loop(); i++ {
					var took [2]float64
					v.Eval(fmt.Sprintf(`(async () => { const began = performance.now(); %s;
						const turn = () => new Promise((done) => setTimeout(done, 0)), now = () => performance.now() - began;
						const {asked} = document.documentElement.dataset;
						while (document.documentElement.dataset.shown !== asked) await turn();
						const first = now();
						while (document.documentElement.dataset.answered !== asked) await turn();
						return [first, now()]; })()`, fmt.Sprintf(change, i%100)), &took)
					firsts, wholes = append(firsts, took[0]), append(wholes, took[1])
				}
				slices.Sort(firsts)
				slices.Sort(wholes)
				b.ReportMetric(firsts[len(firsts)/2], "ms/first")
				b.ReportMetric(firsts[len(firsts)*9/10], "ms/first-p90")
				b.ReportMetric(wholes[len(wholes)/2], "ms/whole")
			})
		}
	}
}
