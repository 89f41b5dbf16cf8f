//go:build browser

package explore

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"windtunnel/experiments/explore/model"
	"windtunnel/experiments/internal/browser"
)

// hostile are results whose names would be scripts, were they not text.
func hostile() *Results {
	evil := `<img src=x onerror=alert(1)>`
	return &Results{Name: `"><script>alert(2)</script>`, Policies: []Policy{
		{Run: evil, Objective: evil, Lambda: "0.1", Prompt: evil, Pi: []float64{0.2, 0.3, 0.5}, Ref: []float64{0.1, 0.1, 0.8}, Star: []float64{0.5, 0.3, 0.2}},
	}}
}

// In every window the page opens without a complaint of the browser's, of axe-core's, or wider than the window.
func TestLooks(t *testing.T) {
	for name, window := range map[string]browser.Window{"desktop": browser.Desktop, "night": browser.Night, "phone": browser.Phone} {
		for state, fragment := range map[string]string{
			"default": "", "mistake": "#a=custom&a.pair=softplus(-lambda*w)&b=dpo", "everything": "#n=80&basis=1,0,-1&l2=0.01&a=custom&a.pair=softplus(-u)&b=kto",
		} {
			t.Run(name+"/"+state, func(t *testing.T) {
				v := open(t, fragment, window, hostile())
				v.Eval(`document.querySelector("details").open = true`, nil)
				for _, broken := range v.Violations() {
					t.Error(broken)
				}
				if wide := v.Text("document.documentElement.scrollWidth > innerWidth"); wide != "false" {
					t.Error("the page is wider than the window")
				}
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

// A mistake is shown beside its input with its position, and disappears when it is corrected.
func TestMistakes(t *testing.T) {
	v := open(t, "#a=custom&a.pair=softplus(-u)&b=dpo", browser.Desktop)
	v.enter("#a-param-pair", "softplus(-w)")
	v.wait()
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
	v.wait()
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
	v.wait()
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
	want := new(model.Explorer).Explore(v.state(), true).Config
	if got := v.Text("window.copied"); got != want || want == "" {
		t.Errorf("copied is\n%s\nwant\n%s", got, want)
	}
	v.sound()
}

// The button turns the colours, whatever the system prefers.
func TestTheme(t *testing.T) {
	for _, window := range []browser.Window{browser.Desktop, browser.Night} {
		v := open(t, "", window)
		background := func() string { return v.Text("getComputedStyle(document.body).backgroundColor") }
		before := background()
		v.click("#theme")
		if after := background(); (before == "rgb(255, 255, 255)") == (after == "rgb(255, 255, 255)") {
			t.Errorf("%+v: the background is %s, and after a click %s", window, before, after)
		}
		v.sound()
	}
}
