package results

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"windtunnel/experiments/internal/testfile"
	"windtunnel/experiments/results/publish"
	"windtunnel/experiments/spec"
	"windtunnel/experiments/spec/decode"
	"windtunnel/metrics/tables"
)

// small copies a small results folder to OUT/test, without its data files, which nothing here may need.
func small(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "test")
	if err := os.CopyFS(dir, os.DirFS("../report/testdata/small")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "data")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func open(t *testing.T, dir string) *Folder {
	t.Helper()
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// replace changes the first occurrence of a text in a file.
func replace(t *testing.T, path, old, fresh string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil || !bytes.Contains(data, []byte(old)) {
		t.Fatalf("%s does not hold %q, error %v", path, old, err)
	}
	testfile.Write(t, path, strings.Replace(string(data), old, fresh, 1))
}

// Claims and figures come from config.yaml and the tables, and those of a suite from its members' folders.
func TestFromTables(t *testing.T) {
	t.Parallel()
	dir := small(t)
	verdicts := open(t, dir).Check()
	if len(verdicts) != 2 || CountWell(verdicts) != 2 || verdicts[1].Name != "small-lambda" || verdicts[1].Holds {
		t.Errorf("the verdicts are %+v", verdicts)
	}
	suite := filepath.Join(dir, "../suite")
	testfile.Write(t, filepath.Join(suite, spec.ResolvedName), "name: suite\ntheme: dark\nsuite: [../test/config.yaml]\nfigures:\n  - {kind: simplex, name: both, from: test, along: none}\n")
	f := open(t, suite)
	if verdicts = f.Check(); len(verdicts) != 2 || verdicts[0].Name != "test/large-lambda" {
		t.Errorf("the suite's verdicts are %+v", verdicts)
	}
	drawn, err := f.Redraw(t.Context())
	if err != nil || len(drawn.Undrawn) != 0 || f.Figures[0].Theme != "dark" {
		t.Fatalf("%v, error %v", drawn.Undrawn, err)
	}
	want := []string{filepath.Join(suite, "figures/both.png")}
	if got := drawn.Pictures(suite); !reflect.DeepEqual(got, want) {
		t.Errorf("the pictures are %v, want %v", got, want)
	}
}

// Tables that cannot answer a claim are no verdict, whatever is expected.
func TestUnanswered(t *testing.T) {
	t.Parallel()
	dir := small(t)
	replace(t, filepath.Join(dir, "runs.csv"), ",tv_ref,", ",tv_reference,")
	verdicts := open(t, dir).Check()
	for _, v := range verdicts {
		if !v.Broken || v.Well() || !strings.HasPrefix(v.Detail, unanswered) {
			t.Errorf("%+v", v)
		}
	}
	if len(verdicts) != 2 {
		t.Errorf("%d verdicts", len(verdicts))
	}
}

// A figure whose column is gone is told of, the others are drawn, and the manifest knows them.
func TestRedraw(t *testing.T) {
	t.Parallel()
	dir := small(t)
	replace(t, filepath.Join(dir, spec.ResolvedName), "figures:\n", "figures:\n  - {kind: lines, name: tv, x: lambda, y: tv_star}\n  - {kind: landscape, name: loss, where: {objective: dpo}}\n")
	replace(t, filepath.Join(dir, "trajectories.csv"), ",pi\n", ",pie\n")
	f := open(t, dir)
	drawn, err := f.Redraw(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wants := []string{`figure loss: ` + dir + `: no table "landscape"`, `figure simplex: table trajectories has no column "pi"; near: pie`}
	for i, want := range wants {
		if len(drawn.Undrawn) != len(wants) || !strings.HasPrefix(drawn.Undrawn[i].Error(), want) {
			t.Errorf("not drawn are %v, want %s", drawn.Undrawn, want)
		}
	}
	if !strings.Contains(drawn.Undrawn[0].Error(), "run the experiment again") {
		t.Error(drawn.Undrawn[0])
	}
	m, err := publish.ReadManifest(dir)
	if err != nil || m.Files["figures/tv.svg"] == "" {
		t.Errorf("the manifest knows %v, error %v", m, err)
	}
}

// What is no results folder says what is missing.
func TestOpenMistakes(t *testing.T) {
	t.Parallel()
	dir := small(t)
	out := filepath.Dir(dir)
	testfile.Write(t, filepath.Join(out, "alone", spec.ResolvedName), "name: alone\nsuite: [../gone/config.yaml]\n")
	testfile.Write(t, filepath.Join(out, "card", spec.ResolvedName), "name: card\nscorecard: {seed: 1}\n")
	testfile.Write(t, filepath.Join(out, "bare", spec.ResolvedName), "name: bare\nenvironment: {}\n")
	testfile.Write(t, filepath.Join(out, "wrong", spec.ResolvedName), "name: wrong\nclaims: [{kind: bond}]\n")
	for name, want := range map[string]string{
		"":      ": not a results folder: there is no config.yaml; `experiments run CONFIG` makes one; there is " + dir,
		"alone": "/config.yaml:2:9: suite.0: cannot read " + out + "/gone/config.yaml: no such file or directory; want a config, its path relative to the suite's",
		"card":  ": not a results folder of a scorecard: it has no scorecard.csv",
		"bare":  ": not a results folder: it has no runs.csv or runs.parquet",
		"wrong": `did you mean "bound"?`,
	} {
		if _, err := Open(filepath.Join(out, name)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}

// A figure that no config names is held against the tables.
func TestFigure(t *testing.T) {
	t.Parallel()
	dir := small(t)
	f := open(t, dir)
	settings := func(text string) *decode.Node {
		n, err := decode.Parse("plot", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		n.Mark("plot")
		return n
	}
	if fig, err := f.Figure(settings("{name: a, kind: lines, x: lambda, y: tv_star}")); err != nil || fig.Name != "a" {
		t.Errorf("%+v, error %v", fig, err)
	}
	for text, want := range map[string]string{
		"{name: a, kind: lines, x: lambda, y: tv_str}":                            "plot: y: there is no column \"tv_str\" in the table runs; want a metric or a swept key (`experiments list metrics`); did you mean \"tv_star\"?",
		"{name: a, kind: lines, table: traces, x: step, y: reward, by: objectve}": `plot: by: there is no column "objectve" in the table traces; `,
		"{name: a, kind: lines, table: groups, x: lambda, y: reward}":             "plot: by: there is no table groups; want one of the tables claims, policies, prompts, runs, traces, trajectories",
		"{name: a, kind: lines, x: lambda, y: tv_star, bnad: se}":                 `plot: bnad: is not a key here; `,
	} {
		if _, err := f.Figure(settings(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	suite := &Folder{Dir: "a", document: document{Suite: []string{"b"}}}
	if _, err := suite.Figure(settings("{}")); err == nil || !strings.Contains(err.Error(), "a/config.yaml has no runs of its own; want the results of an experiment") {
		t.Errorf("of a suite: %v", err)
	}
}

// Without the table of runs a report has the verdicts and pictures that stand in the folder.
func TestReportedWithoutRuns(t *testing.T) {
	t.Parallel()
	dir := small(t)
	whole, err := OpenReported(dir)
	if err != nil || len(whole.Shown) != 1 || !reflect.DeepEqual(whole.Swept(), []string{}) {
		t.Fatalf("%+v, error %v", whole, err)
	}
	testfile.Write(t, filepath.Join(dir, "figures", "a.svg"), "<svg></svg>")
	if err := os.Remove(filepath.Join(dir, tables.Runs+".csv")); err != nil {
		t.Fatal(err)
	}
	f, err := OpenReported(dir)
	if err != nil || len(f.Pictures) != 1 || len(f.Shown) != 0 || f.Manifest == nil {
		t.Fatalf("%+v, error %v", f, err)
	}
	if !reflect.DeepEqual(f.Verdicts, whole.Verdicts) {
		t.Errorf("the verdicts are %+v, want %+v", f.Verdicts, whole.Verdicts)
	}
	if err := os.Remove(filepath.Join(dir, tables.Claims+".csv")); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenReported(dir); err == nil || !strings.Contains(err.Error(), "it has no runs.csv") {
		t.Errorf("without verdicts: %v", err)
	}
}
