//go:build browser

package explore

import (
	"context"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
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
func open(t testing.TB, fragment string, look browser.Look, results ...*Results) *view {
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
	v.Page = browser.Open(t, v.url+fragment, look)
	v.settle()
	return v
}

// settle waits until the last question is answered.
func (v *view) settle() {
	v.t.Helper()
	v.Do(chromedp.WaitReady(chromedp.CSS("html[data-asked]")))
	v.Eval(`new Promise((done) => { const look = () => { const {asked, answered} = document.documentElement.dataset;
		if (asked === answered) done(0); else setTimeout(look, 5); }; look(); })`, nil)
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
	v.settle()
	answer := new(model.Explorer).Explore(v.state())
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

// hostile are results whose names would be scripts, were they not text.
func hostile() *Results {
	evil := `<img src=x onerror=alert(1)>`
	return &Results{Name: `"><script>alert(2)</script>`, Policies: []Policy{
		{Run: evil, Objective: evil, Lambda: "0.1", Prompt: evil, Pi: []float64{0.2, 0.3, 0.5}, Ref: []float64{0.1, 0.1, 0.8}, Star: []float64{0.5, 0.3, 0.2}},
	}}
}

// In every look the page opens without a complaint of the browser's, of axe-core's, or wider than the window.
func TestLooks(t *testing.T) {
	for name, look := range map[string]browser.Look{"desktop": browser.Desktop, "night": browser.Night, "phone": browser.Phone} {
		for state, fragment := range map[string]string{
			"default": "", "mistake": "#a=custom&a.pair=softplus(-lambda*w)&b=dpo", "everything": "#n=80&basis=1,0,-1&l2=0.01&a=custom&a.pair=softplus(-u)&b=kto",
		} {
			t.Run(name+"/"+state, func(t *testing.T) {
				v := open(t, fragment, look, hostile())
				v.Eval(`document.querySelector("details").open = true`, nil)
				for _, broken := range v.Violations() {
					t.Error(broken)
				}
				if wide := v.Text("document.documentElement.scrollWidth > innerWidth"); wide != "false" {
					t.Error("the page is wider than the window")
				}
				v.Shot("explore-" + name + "-" + state)
				v.sound()
			})
		}
	}
}

// The files of --build work on any web server, which sends none of this server's headers.
func TestStaticFiles(t *testing.T) {
	c, err := compute()
	if err != nil {
		t.Fatal(err)
	}
	page, err := NewPage(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, content := range page {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	asked := map[string]bool{}
	files := http.FileServer(http.Dir(dir))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked[strings.TrimPrefix(r.URL.Path, "/explorer/")] = true
		mu.Unlock()
		http.StripPrefix("/explorer", files).ServeHTTP(w, r)
	}))
	defer server.Close()
	v := &view{t: t, url: server.URL + "/explorer/"}
	v.Page = browser.Open(t, v.url, browser.Desktop)
	v.agrees("at the start")
	v.sound()
	mu.Lock()
	defer mu.Unlock()
	asked[indexName] = asked[""]
	delete(asked, "")
	if got, want := slices.Sorted(maps.Keys(asked)), slices.Sorted(maps.Keys(page)); !slices.Equal(got, want) {
		t.Errorf("the browser asked for %v, the page is %v", got, want)
	}
}

// press focuses an element and presses keys.
func (v *view) press(selector, keys string, modifiers ...chromedp.Modifier) {
	v.t.Helper()
	v.Eval(fmt.Sprintf("document.querySelector(%q).focus(), 0", selector), nil)
	v.Do(chromedp.KeyEvent(keys, chromedp.KeyModifiers(modifiers...)))
}

// enter replaces what stands in an input by typing.
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

// Every input moves the state as it says, and the minimizers to where the Go API has them.
func TestInputs(t *testing.T) {
	v := open(t, "", browser.Desktop)
	v.agrees("at the start")
	for _, step := range []struct {
		name string
		do   func()
		want func(s *model.State) bool
	}{
		{"slide lambda by keys", func() { v.press("#lambda-slide", strings.Repeat(kb.ArrowRight, 6)) }, func(s *model.State) bool { return s.Lambda == 0.2 }},
		{"type lambda", func() { v.enter("#lambda", "0.35") }, func(s *model.State) bool { return s.Lambda == 0.35 }},
		{"move pi_star by keys", func() { v.press("#panel-a [data-handle=star]", kb.ArrowUp+kb.ArrowUp) },
			func(s *model.State) bool { return slices.Equal(s.Star, []float64{0.59, 0.29, 0.12}) }},
		{"move pi_ref far", func() { v.press("#panel-b [data-handle=ref]", kb.ArrowLeft, chromedp.ModifierShift) },
			func(s *model.State) bool { return slices.Equal(s.Ref, []float64{0.5, 0.3, 0.2}) }},
		{"type a probability", func() { v.enter("#ref-c", "0.4") }, func(s *model.State) bool { return slices.Equal(s.Ref, []float64{0.375, 0.225, 0.4}) }},
		{"drag pi_ref", func() { v.drag("#panel-a [data-handle=ref]", 60, 20) }, func(s *model.State) bool { return s.Ref[1] > 0.3 && s.Ref[2] < 0.4 }},
		{"drag pi_star out of the triangle", func() { v.drag("#panel-b [data-handle=star]", -500, 200) },
			func(s *model.State) bool { return s.Star[2] == 0.001 && s.Star[0] > 0.9 }},
		{"choose a loss", func() { v.choose("#a-kind", "f-dpo") }, func(s *model.State) bool { return s.Losses[0].Kind == "f-dpo" }},
		{"choose a word", func() { v.choose("#a-param-divergence", "forward_kl") },
			func(s *model.State) bool {
				return slices.Equal(s.Losses[0].Params, []model.Param{{Key: "divergence", Value: "forward_kl"}})
			}},
		{"write a formula", func() { v.choose("#b-kind", "custom"); v.enter("#b-param-pair", "exp(-lambda*u)") },
			func(s *model.State) bool {
				return slices.Equal(s.Losses[1].Params, []model.Param{{Key: "pair", Value: "exp(-lambda*u)"}})
			}},
		{"draw pairs", func() { v.click("[name=data][value=sample]") }, func(s *model.State) bool { return s.Draws == 100 }},
		{"draw more", func() { v.press("#n-slide", kb.ArrowRight) }, func(s *model.State) bool { return s.Draws > 100 }},
		{"draw again", func() { v.click("#redraw") }, func(s *model.State) bool { return s.Seed == 1 }},
		{"take the population", func() { v.click("[name=data][value=population]") }, func(s *model.State) bool { return s.Draws == 0 }},
		{"penalize", func() { v.enter("#l2", "0.02") }, func(s *model.State) bool { return s.L2 == 0.02 }},
		{"bound the KL", func() { v.enter("#kl", "0.1") }, func(s *model.State) bool { return s.KLRadius == 0.1 }},
		{"limit the class", func() { v.enter("#kl", "0"); v.click("#limited"); v.enter("#basis-b", "-1") },
			func(s *model.State) bool { return slices.Equal(s.Basis, []float64{1, -1, -1}) }},
		{"train longer", func() { v.enter("#steps", "500") }, func(s *model.State) bool { return s.Steps == 500 }},
		{"look at one loss", func() { v.choose("#b-kind", "") }, func(s *model.State) bool { return len(s.Losses) == 1 }},
	} {
		step.do()
		v.agrees(step.name)
		if s := v.state(); !step.want(&s) {
			t.Errorf("%s: the state is %s", step.name, s.Fragment())
		}
	}
	v.sound()
}

// The address alone brings the page back, also when it changes under the page.
func TestAddress(t *testing.T) {
	want := "star=0.2,0.3,0.5&ref=0.1,0.8,0.1&lambda=0.7&n=50&seed=3&l2=0.001&kl=0&basis=1,0,2&lr=0.1&steps=60&a=ipo&b=f-dpo&b.divergence=js"
	v := open(t, "#"+want, browser.Desktop)
	v.agrees("opened")
	if got := v.state().Fragment(); got != want {
		t.Errorf("the address is %s, want %s", got, want)
	}
	for selector, value := range map[string]string{"#star-c": "0.5", "#lambda": "0.7", "#n": "50", "#basis-c": "2", "#b-param-divergence": "js", "#a-kind": "ipo"} {
		if got := v.Text(fmt.Sprintf("document.querySelector(%q).value", selector)); got != value {
			t.Errorf("%s holds %q, want %q", selector, got, value)
		}
	}
	v.Eval(`location.hash = "lambda=3&a=hinge", new Promise((done) => setTimeout(done, 50))`, nil)
	v.agrees("changed")
	if s := v.state(); s.Lambda != 3 || len(s.Losses) != 1 || s.Losses[0].Kind != "hinge" {
		t.Errorf("the address is %s", s.Fragment())
	}
	v.sound()
}

// A mistake stands beside its input with its place, and goes when it is mended.
func TestMistakes(t *testing.T) {
	v := open(t, "#a=custom&a.pair=softplus(-u)&b=dpo", browser.Desktop)
	v.enter("#a-param-pair", "softplus(-w)")
	v.settle()
	problem := `document.getElementById("problem-a.pair")`
	if got := v.Text(problem + ".textContent"); !strings.Contains(got, "at character 11") {
		t.Errorf("the page says %q", got)
	}
	if got := v.Text(problem + `.querySelector("mark").textContent`); got != "w" {
		t.Errorf("it marks %q, want w", got)
	}
	if got := v.Text(`document.getElementById("a-param-pair").ariaInvalid`); got != "true" {
		t.Errorf("aria-invalid is %q", got)
	}
	if got := v.Text(`document.getElementById("copy").disabled`); got != "true" {
		t.Error("there is a config to copy")
	}
	v.enter("#a-param-pair", "softplus(-2*u)")
	v.agrees("mended")
	if got := v.Text(problem + ".hidden"); got != "true" {
		t.Error("the problem stays")
	}
	v.enter("#lambda", "-1")
	v.settle()
	if got := v.Text(`document.getElementById("problem-lambda").textContent`); !strings.Contains(got, "want a number in") {
		t.Errorf("of lambda the page says %q", got)
	}
	v.sound()
}

// Names from results and addresses stay text.
func TestHostileNames(t *testing.T) {
	v := open(t, `#a=%3Cimg%20src%3Dx%20onerror%3Dalert(3)%3E&a.%3Cb%3E=1&%3Cscript%3E=alert(4)`, browser.Desktop, hostile())
	for _, text := range []string{"<img src=x onerror=alert(1)>", `"><script>alert(2)</script>`, "<script>"} {
		if got := v.Text(fmt.Sprintf("document.body.textContent.includes(%q)", text)); got != "true" {
			t.Errorf("the page does not show %s", text)
		}
	}
	if got := v.Text("document.querySelectorAll('img, main script, b').length"); got != "0" {
		t.Errorf("%s elements come from names", got)
	}
	v.click("#results-use")
	v.settle()
	if got := v.Text("document.getElementById('star-a').value"); got != "0.5" {
		t.Errorf("pi_star of the results is taken as %s, want 0.5", got)
	}
	v.sound()
}

// Copying gives the config that is shown.
func TestCopy(t *testing.T) {
	v := open(t, "#lambda=0.5&a=ipo", browser.Desktop)
	v.Eval("window.copied = '', navigator.clipboard.writeText = async (text) => { window.copied = text; }, 0", nil)
	v.click("#copy")
	v.Do(chromedp.WaitReady(chromedp.CSS("#copied:not(:empty)")))
	want := new(model.Explorer).Explore(v.state()).Config
	if got := v.Text("window.copied"); got != want || want == "" {
		t.Errorf("copied is\n%s\nwant\n%s", got, want)
	}
	v.sound()
}

// The button turns the colours, whatever the system prefers.
func TestTheme(t *testing.T) {
	for _, look := range []browser.Look{browser.Desktop, browser.Night} {
		v := open(t, "", look)
		background := func() string { return v.Text("getComputedStyle(document.body).backgroundColor") }
		before := background()
		v.click("#theme")
		if after := background(); (before == "rgb(255, 255, 255)") == (after == "rgb(255, 255, 255)") {
			t.Errorf("%+v: the background is %s, and after a click %s", look, before, after)
		}
		v.sound()
	}
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
				var glances, wholes []float64
				for i := 0; b.Loop(); i++ {
					var took [2]float64
					v.Eval(fmt.Sprintf(`(async () => { const began = performance.now(); %s;
						const turn = () => new Promise((done) => setTimeout(done, 0)), now = () => performance.now() - began;
						const {asked} = document.documentElement.dataset;
						while (document.documentElement.dataset.glanced !== asked) await turn();
						const glance = now();
						while (document.documentElement.dataset.answered !== asked) await turn();
						return [glance, now()]; })()`, fmt.Sprintf(change, i%100)), &took)
					glances, wholes = append(glances, took[0]), append(wholes, took[1])
				}
				slices.Sort(glances)
				slices.Sort(wholes)
				b.ReportMetric(glances[len(glances)/2], "ms/glance")
				b.ReportMetric(glances[len(glances)*9/10], "ms/glance-p90")
				b.ReportMetric(wholes[len(wholes)/2], "ms/whole")
			})
		}
	}
}
