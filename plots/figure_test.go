package plots_test

import (
	"bytes"
	"encoding/xml"
	"flag"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"windtunnel/metrics/tables"
	"windtunnel/plots"
)

var update = flag.Bool("update", false, "rewrite the golden figures under testdata")

// params returns the parameters of a kind with its defaults, changed by set.
func params[T plots.Params](kind string, set func(p T)) plots.Params {
	k, ok := plots.Kinds().Find(kind)
	if !ok {
		panic("no kind " + kind)
	}
	p := k.New().(T)
	set(p)
	return p
}

func defaults(kind string) plots.Params { return params(kind, func(plots.Params) {}) }

func atLambda(cell string) tables.Where { return tables.Where{"lambda": {cell}} }

func penalty() plots.Params {
	return params("constraint", func(f *plots.Constraint) { f.Strength, f.Title = "constraint.l2", "penalty" })
}

// suiteFiles are the files of every figure, by its name.
var suiteFiles struct {
	sync.Once
	files map[string][]plots.File
}

// filesOf returns the files of a figure, drawn once for all tests.
func filesOf(t *testing.T, fig plots.Figure) []plots.File {
	t.Helper()
	suiteFiles.Do(func() {
		src, all := suite(t), map[string][]plots.File{}
		for _, fig := range figures() {
			files, err := plots.Render(fig, src)
			if err != nil {
				t.Errorf("%s: %v", fig.Name, err)
			}
			all[fig.Name] = files
		}
		suiteFiles.files = all
	})
	return suiteFiles.files[fig.Name]
}

// Every kind draws what it drew before, the same bytes twice, also at the same time; its PNG has the size of its SVG.
func TestRenderGolden(t *testing.T) {
	src := suite(t)
	for _, fig := range figures() {
		t.Run(fig.Name, func(t *testing.T) {
			t.Parallel()
			again, err := plots.Render(fig, src)
			if err != nil {
				t.Fatal(err)
			}
			if testing.Short() {
				return // the race detector takes long to draw once more, and has seen figures drawn at the same time
			}
			files := filesOf(t, fig)
			if len(files) == 0 || len(files) != len(again) {
				t.Fatalf("%d files, drawn again %d", len(files), len(again))
			}
			for i, file := range files {
				if !bytes.Equal(file.Data, again[i].Data) {
					t.Errorf("%s has other bytes when drawn again", file.Name)
				}
				if filepath.Ext(file.Name) == ".svg" {
					checkGolden(t, file)
					checkPNG(t, file, files[i+1])
					checkPixels(t, files[i+1])
				}
			}
		})
	}
}

func checkGolden(t *testing.T, file plots.File) {
	t.Helper()
	path := filepath.Join("testdata", file.Name)
	if *update {
		if err := os.WriteFile(path, file.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(file.Data, want) {
		t.Errorf("%s differs from testdata; look at it and run with -update if it should", file.Name)
	}
}

// shrink is how many pixels of a figure, each way, make one of its golden image.
const shrink = 5

// checkPixels compares a figure with its golden image, a fifth of its size, within a tolerance: another machine may smooth
// an edge differently, but no line or letter may move.
func checkPixels(t *testing.T, raster plots.File) {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(raster.Data))
	if err != nil {
		t.Fatal(err)
	}
	got := smaller(img)
	path := filepath.Join("testdata", raster.Name)
	if *update {
		var out bytes.Buffer
		if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, got); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	want, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	if got.Bounds() != want.Bounds() {
		t.Fatalf("%s is %v, want %v", raster.Name, got.Bounds(), want.Bounds())
	}
	far := 0
	for i := range got.Pix {
		x, y := i%got.Stride, i/got.Stride
		shade := color.GrayModel.Convert(want.At(x, y)).(color.Gray).Y
		if math.Abs(float64(got.Pix[i])-float64(shade)) > 24 {
			far++
		}
	}
	if far > len(got.Pix)/2000 {
		t.Errorf("%s: %d of %d pixels are far from those of testdata; look at it and run with -update if they should", raster.Name, far, len(got.Pix))
	}
}

// smaller averages squares of pixels to shades of gray.
func smaller(img image.Image) *image.Gray {
	size := img.Bounds().Size().Div(shrink)
	small := image.NewGray(image.Rectangle{Max: size})
	for i := range small.Pix {
		sum := 0
		for k := range shrink * shrink {
			sum += int(color.GrayModel.Convert(img.At(i%small.Stride*shrink+k%shrink, i/small.Stride*shrink+k/shrink)).(color.Gray).Y)
		}
		small.Pix[i] = uint8(sum / (shrink * shrink))
	}
	return small
}

func checkPNG(t *testing.T, svg, raster plots.File) {
	t.Helper()
	var root struct {
		Width  string `xml:"width,attr"`
		Height string `xml:"height,attr"`
	}
	if err := xml.Unmarshal(svg.Data, &root); err != nil {
		t.Fatalf("%s: %v", svg.Name, err)
	}
	width, errWidth := strconv.ParseFloat(strings.TrimSuffix(root.Width, "pt"), 64)
	height, errHeight := strconv.ParseFloat(strings.TrimSuffix(root.Height, "pt"), 64)
	if errWidth != nil || errHeight != nil {
		t.Fatal(errWidth, errHeight)
	}
	img, err := png.DecodeConfig(bytes.NewReader(raster.Data))
	if err != nil {
		t.Fatal(err)
	}
	for _, side := range []struct {
		pixels int
		points float64
	}{{img.Width, width}, {img.Height, height}} {
		if want := side.points * 300 / 72; float64(side.pixels) < want-1 || float64(side.pixels) > want+1 {
			t.Errorf("%s: %d pixels for %g pt, want about %g", raster.Name, side.pixels, side.points, want)
		}
	}
	if columns := []float64{218.27, 453.54, 170.08}; !slices.Contains(columns, width) {
		t.Errorf("%s is %g pt wide, want a column, the page or 60 mm: %v", svg.Name, width, columns)
	}
}

// Figures over lambda are drawn over the KL reached too where that says something, unless it is switched off.
func TestKLVersions(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped by -short: takes long under the race detector, to which TestRenderGolden shows as much")
	}
	for name, source := range map[string]tables.Memory{"few points": klTables(5, 1), "a loop": klTables(8, -3)} {
		fig := plots.Figure{Name: name, Params: params("lines", func(f *plots.Lines) { f.X, f.Y = "lambda", "tv_star" })}
		drawings, err := plots.Draw(fig, plots.NewSources(func(string) (tables.Source, error) { return source, nil }))
		if err != nil || len(drawings) != 1 {
			t.Errorf("%s: %d drawings, %v", name, len(drawings), err)
		}
	}
	overLambda := []string{"lines_kl"}
	src := suite(t)
	for _, fig := range figures() {
		files := filesOf(t, fig)
		want := []string{fig.Name + ".svg", fig.Name + ".png", fig.Name + ".pdf", fig.Name + ".csv"}
		if slices.Contains(overLambda, fig.Name) {
			want = append(want, fig.Name+"_by_kl.svg", fig.Name+"_by_kl.png", fig.Name+"_by_kl.pdf", fig.Name+"_by_kl.csv")
			if text := label(files[4]); !strings.Contains(text, "reached[nats]") {
				t.Errorf("the KL version of %s has no axis over the KL reached", fig.Name)
			}
		}
		var names []string
		for _, file := range files {
			names = append(names, file.Name)
		}
		if !slices.Equal(names, want) {
			t.Errorf("%s makes %v, want %v", fig.Name, names, want)
		}
	}
	for from, off := range map[string]plots.Params{
		"preservation": params("preservation", func(f *plots.Preservation) { f.Twin = false }),
		"existence":    params("lines", func(f *plots.Lines) { f.X, f.Y, f.Twin = "lambda", "tv_star", false }),
		"": params("composite", func(f *plots.Composite) {
			f.Parts, f.Twin = []plots.Part{{From: "preservation", Figure: defaults("preservation")}}, false
		}),
	} {
		if files, err := plots.Render(plots.Figure{Name: "off", From: from, Params: off}, src); err != nil || len(files) != 4 {
			t.Errorf("%T with twin: false makes %d files, %v", off, len(files), err)
		}
	}
}

// label returns all text of an SVG in drawing order, without blanks, which are places and no letters in it.
func label(svg plots.File) string {
	var text strings.Builder
	for _, part := range strings.Split(string(svg.Data), "</text>") {
		text.WriteString(part[strings.LastIndex(part, ">")+1:])
	}
	return blankless(text.String())
}

func blankless(text string) string { return strings.ReplaceAll(text, " ", "") }

// What is drawn says what it must.
func TestWords(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped by -short: takes long under the race detector, to which TestRenderGolden shows as much")
	}
	want := map[string][]string{
		"interpolation": {"DPO, λ = 10−5", "TYPO, λ = 10−5", "πθ(ya)", "Training steps [103]", "Probability πθ(y)"},
		"preservation":  {"good prompt", "bad prompt", "KL(π* ‖ πθ) [nats]", "KL(π* ‖ πref)", "e−4", "Regularization strength λ"},
		"constraint":    {"TV(πRLHF, πDPO)", "λ = 0.5", "λ = 2", "diverged", "penalty"},
		"lines_lambda":  {"diverged", "TV(πθ, π*)"},
		"existence":     {"diverged", "not-unique", "boundary", "converged", "0.600", "10−2", "πθ(ya)"},
		"forest":        {"πθ, π*), DPO − TYPO", "← DPO better", "λ = 0.01", "all 4 comparisons of the metric", "Student t; n = 3"},
		"strip":         {"one run", "median, quartiles", "TYPO"},
		"landscape":     {"DPO, λ = 100", "training", "final policies over λ", "minimizers over λ", "π*"},
		"composite":     {"(a)good prompt", "(b)bad prompt", "(c)penalty", "(a, b)"},
	}
	for _, fig := range figures() {
		text := label(filesOf(t, fig)[0])
		for _, words := range want[fig.Name] {
			if !strings.Contains(text, blankless(words)) {
				t.Errorf("%s does not say %q; it says %q", fig.Name, words, text)
			}
		}
	}
}

// Mistakes are told with the figure, what is missing and what there is.
func TestErrors(t *testing.T) {
	cases := []struct {
		name   string
		from   string
		params plots.Params
		want   string
	}{
		{"metric", "preservation", params("preservation", func(f *plots.Preservation) { f.Metric = "kl_star_p" }),
			`figure metric: table prompts has no column "kl_star_p"; near: kl_star_pi, `},
		{"prompt", "preservation", params("preservation", func(f *plots.Preservation) { f.PromptNames = []string{"god"} }),
			`figure prompt: no prompt "god" in the selected rows of prompts; near: good, bad`},
		{"value", "preservation", params("preservation", func(f *plots.Preservation) { f.Where = tables.Where{"objective": {"dop"}} }),
			`figure value: where: no row of runs has objective = dop; it is one of dpo, ipo, f-dpo, typo`},
		{"column", "preservation", params("preservation", func(f *plots.Preservation) { f.Where = tables.Where{"lamda": {"1"}} }),
			`figure column: where: table prompts has no column "lamda"; near: lambda, `},
		{"experiment", "preservatoin", defaults("preservation"), `figure experiment: no experiment "preservatoin"`},
		{"table", "preservation", params("interpolation", func(*plots.Interpolation) {}), `figure table: no table "trajectories"`},
		{"lambdas", "training", defaults("interpolation"),
			"figure lambdas: one curve has two values at step = 0: lambda is 1e-05 and 100; select one with `where: {lambda: ...}`"},
		{"objective", "constraint", params("constraint", func(f *plots.Constraint) { f.Strength, f.Left = "constraint.l2", "rlfh" }),
			`figure objective: no selected run of objective "rlfh"; near: rlhf, dpo`},
		{"strength", "constraint", params("constraint", func(f *plots.Constraint) { f.Strength = "constraint.l1" }),
			`figure strength: table policies has no column "constraint.l1"; near: constraint.l2, `},
		{"response", "existence", params("existence", func(f *plots.Existence) { f.Response = 3 }),
			"figure response: no response 3; the rows have 3 responses, counted from 0"},
		{"prompts", "preservation", params("existence", func(f *plots.Existence) { f.Where = tables.Where{"objective": {"dpo"}} }),
			"figure prompts: table policies has the prompts good, bad; name one as `prompt`"},
		{"part", "", params("composite", func(f *plots.Composite) { f.Parts = []plots.Part{{From: "nowhere", Figure: penalty()}} }),
			`figure part: panels.0: no experiment "nowhere"`},
		{"counterparts", "preservation", params("distance", func(f *plots.Distance) { f.X, f.To = "lambda", tables.Where{"objective": {"typo"}} }),
			"figure counterparts: match: dpo/lambda="},
		{"counterpart", "preservation", params("distance", func(f *plots.Distance) {
			f.X, f.To, f.Match = "lambda", tables.Where{"objective": {"typo"}}, []string{"objective"}
		}), "figure counterpart: match: dpo/lambda="},
		{"comparisons", "seeds", params("forest", func(f *plots.Forest) { f.Metric = "tv_star" }),
			`figure comparisons: no table "paired"; a config with`},
		{"compared", "paired", params("forest", func(f *plots.Forest) { f.Metric = "tv_sta" }),
			"figure compared: where: no row of paired has metric = tv_sta; it is one of tv_star, kl_pi_ref"},
		{"side", "paired", params("forest", func(f *plots.Forest) { f.Metric, f.Left = "tv_star", []string{"typo"} }),
			"figure side: where: no row of paired has left = typo; it is one of dpo"},
		{"sample", "seeds", params("strip", func(f *plots.Strip) { f.Metric = "tv_star" }),
			"figure sample: one row has runs of two settings: lambda is 0.01 and 0.1; select one with `where: {lambda: ...}`"},
		{"strip", "seeds", params("strip", func(f *plots.Strip) { f.Metric = "tv_sta" }),
			`figure strip: metric: table runs has no column "tv_sta"; near: tv_star, `},
		{"heights", "training", defaults("landscape"), `figure heights: no table "landscape"; run the experiment again: `},
		{"corners", "preservation", defaults("landscape"), "figure corners: table policies has the prompts good, bad; name one as `prompt`"},
		{"y", "training", params("lines", func(f *plots.Lines) { f.X, f.Y = "lambda", "tv_sta" }),
			`figure y: y: table runs has no column "tv_sta"; near: tv_star, `},
	}
	src := suite(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			files, err := plots.Render(plots.Figure{Name: c.name, From: c.from, Params: c.params}, src)
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("error %v, want %s", err, c.want)
			}
			if files != nil {
				t.Errorf("%d files in spite of the error", len(files))
			}
		})
	}
}

// lonely is a Source that, like a results folder, may be asked by one goroutine at a time.
type lonely struct {
	tables tables.Memory
	asking atomic.Int32
	t      *testing.T
}

func (l *lonely) Table(name string) (*tables.Table, error) {
	if l.asking.Add(1) > 1 {
		l.t.Error("two figures ask for tables at once")
	}
	defer l.asking.Add(-1)
	time.Sleep(time.Millisecond)
	return l.tables.Table(name)
}

// Figures drawn at once ask for their tables one after the other.
func TestConcurrentSources(t *testing.T) {
	source := &lonely{tables: preservationTables(t), t: t}
	src := plots.NewSources(func(string) (tables.Source, error) { return source, nil })
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if _, err := plots.Render(plots.Figure{Name: "p", Params: defaults("preservation")}, src); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func BenchmarkRender(b *testing.B) {
	src := suite(b)
	for _, fig := range figures() {
		b.Run(fig.Name, func(b *testing.B) {
			for b.Loop() {
				if _, err := plots.Render(fig, src); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
