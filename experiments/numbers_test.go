package main

import (
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// Results that a document states are read from it and compared with the tables that they come from. A statement quotes the
// document, with {} for each number, and tells for each where it stands:
//
//	max kl_star_pi of preservation/prompts; objective=dpo; prompt=good
//
// is the largest cell of that column of results/preservation/prompts.csv among the rows with these values; a column that the
// table lacks is looked up by the run in runs.csv of the folder, and a value may be several, as dpo|ipo. Beside max there are
// min, mean, only (of a single row), same (of any number of rows that agree) and count (of rows, which needs no column).
// detail(mean difference) is the number that follows these words in a text. A factor may stand in
// front, as in "100 * max ...", and " minus " between two sources. And
//
//	in results/benchmarks/lm.md: two cores | {} ms a step
//	deviation of final from published interpolation
//
// are a number that another document states, and how far a folder is from the published runs. The document's number must be the other, rounded as the document rounds.
type statement struct {
	document string // from the root of the project
	quote    string // spaces stand for any white space, line breaks of a comment included
	sources  []string
}

// relation is what words say of tables: that one source is less than another source or a number.
type relation struct{ words, left, than, right string }

// numeral is how documents write numbers.
const numeral = `-?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?`

// Documents and tables agree.
func TestStatedNumbers(t *testing.T) {
	for _, s := range statements {
		text := documentText(t, s.document)
		places := locate(text, s.quote)
		if len(places) != 1 {
			t.Errorf("%s: %d times %q, want once; a sentence that changed is to be changed in statements_test.go too", s.document, len(places), s.quote)
			continue
		}
		if found := len(places[0])/2 - 1; found != len(s.sources) {
			t.Errorf("%s: %q has %d numbers and %d sources", s.document, s.quote, found, len(s.sources))
			continue
		}
		for i, source := range s.sources {
			written := text[places[0][2*i+2]:places[0][2*i+3]]
			value, err := sourceValue(t, source)
			if err != nil {
				t.Errorf("%s: %q: %s: %v", s.document, s.quote, source, err)
			} else if want := roundedLike(value, written); want != strings.ReplaceAll(written, ",", "") {
				t.Errorf("%s: %q: number %d is %s; write %s, for %s is %v", s.document, s.quote, i+1, written, want, source, value)
			}
		}
	}
}

// What words say of order holds in the tables.
func TestStatedRelations(t *testing.T) {
	for _, r := range relations {
		left, err := sourceValue(t, r.left)
		right, errRight := sourceValue(t, r.right)
		if err != nil || errRight != nil {
			t.Errorf("%s: %v, %v", r.words, err, errRight)
			continue
		}
		if holds := map[string]bool{"<": left < right, "=": left == right, "<=": left <= right}[r.than]; !holds {
			t.Errorf("not so: %s: %s is %v, want it %s %s, which is %v", r.words, r.left, left, r.than, r.right, right)
		}
	}
}

// No result is stated without a source: in the sections of pages on results, and in what the configs' claims say in
// parentheses of what was measured, every decimal and percentage lies within a statement.
func TestEveryResultHasASource(t *testing.T) {
	result := regexp.MustCompile(`\d+(?:\.\d+| %)`)
	uncovered := func(document, text string, from, to int) {
		var covered [][]int
		for _, s := range statements {
			if s.document == document {
				for _, place := range locate(text, s.quote) {
					covered = append(covered, place[:2])
				}
			}
		}
		for _, at := range result.FindAllStringIndex(text[from:to], -1) {
			start, end := from+at[0], from+at[1]
			if !slices.ContainsFunc(covered, func(c []int) bool { return c[0] <= start && end <= c[1] }) {
				t.Errorf("%s: no statement in statements_test.go covers %q in %q", document, text[start:end], text[max(from, start-60):min(to, end+40)])
			}
		}
	}
	for document, titles := range map[string][]string{
		readme:      {"## What is reproduced"},
		configsPage: {"## The ablations", "## Held-out prompts", "## Sequences", "## A wrong reward", "## A language model"},
	} {
		text := documentText(t, document)
		for _, title := range titles {
			from := strings.Index(text, title)
			if from < 0 {
				t.Fatalf("%s has no section %q", document, title)
			}
			to := len(text)
			if next := strings.Index(text[from+len(title):], " ## "); next >= 0 {
				to = from + len(title) + next
			}
			uncovered(document, text, from, to)
		}
	}
	configs, _ := filepath.Glob("../configs/*.yaml")
	ablations, _ := filepath.Glob("../configs/ablations/*.yaml")
	parentheses := regexp.MustCompile(`\([^()]*(?:\([^()]*\)[^()]*)*\)`)
	for _, path := range append(configs, ablations...) {
		var config struct {
			Claims []struct{ Text string }
		}
		if err := yaml.Unmarshal(readFile(t, path), &config); err != nil {
			t.Fatal(err)
		}
		document := strings.TrimPrefix(path, "../")
		text := documentText(t, document)
		for _, claim := range config.Claims {
			for _, measured := range parentheses.FindAllString(claim.Text, -1) {
				from := strings.Index(text, measured)
				if from < 0 {
					t.Fatalf("%s: %q is not in one piece", document, measured)
				}
				uncovered(document, text, from, from+len(measured))
			}
		}
	}
}

// Numbers are rounded as the document writes them, to its last digit.
func TestRoundedLike(t *testing.T) {
	for _, tt := range []struct {
		value         float64
		written, want string
	}{
		{2.2959, "2.24", "2.30"}, {0.0597, "0.06", "0.06"}, {59.4, "6", "59"}, {5.975e-5, "6e-5", "6e-5"}, {6.64e-15, "6.6e-15", "6.6e-15"},
		{126873, "126,873", "126873"}, {-0.04, "0.0", "0.0"}, {math.NaN(), "1", "NaN"}, {0.0004, "6e-5", "4e-4"},
	} {
		if got := roundedLike(tt.value, tt.written); got != tt.want {
			t.Errorf("%v like %s is %s, want %s", tt.value, tt.written, got, tt.want)
		}
	}
}

// roundedLike rounds a value to as many digits as a written number has.
func roundedLike(value float64, written string) string {
	mantissa, _, scientific := strings.Cut(written, "e")
	_, decimals, _ := strings.Cut(mantissa, ".")
	format := byte('f')
	if scientific {
		format = 'e'
	}
	text := strconv.FormatFloat(value, format, len(decimals), 64)
	if strings.Trim(text, "-0.") == "" {
		text = strings.TrimPrefix(text, "-")
	}
	return strings.Replace(text, "e-0", "e-", 1)
}

// documentText returns a document in one line, without the marks of comments.
func documentText(t *testing.T, document string) string {
	t.Helper()
	data := readFile(t, "../"+document)
	if filepath.Ext(document) == ".yaml" {
		data = regexp.MustCompile(`(?m)^ *#`).ReplaceAll(data, nil)
	}
	return strings.Join(strings.Fields(string(data)), " ")
}

// locate finds a quote: where it stands, and its numbers.
func locate(text, quote string) [][]int {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(quote), `\{\}`, "("+numeral+")")
	return regexp.MustCompile(pattern).FindAllStringSubmatchIndex(text, -1)
}

var (
	cellSource      = regexp.MustCompile(`^(?:(\S+) \* )?(\w+) ?(\w*)(?:\((.*)\))? of (\S+)/(\w+)((?:; \S+=.*)?)$`)
	publishedSource = regexp.MustCompile(`^deviation of (\w+) from published (\w+)$`)
	textSource      = regexp.MustCompile(`^(?:(\S+) \* )?in (\S+): (.*)$`)
)

// sourceValue reads the number that a source names.
func sourceValue(t *testing.T, source string) (float64, error) {
	t.Helper()
	if v, err := strconv.ParseFloat(source, 64); err == nil {
		return v, nil
	}
	if a, b, ok := strings.Cut(source, " minus "); ok {
		left, err := sourceValue(t, a)
		if err != nil {
			return 0, err
		}
		right, err := sourceValue(t, b)
		return left - right, err
	}
	if m := textSource.FindStringSubmatch(source); m != nil {
		data, err := os.ReadFile("../" + m[2])
		if err != nil {
			return 0, err
		}
		text := strings.Join(strings.Fields(string(data)), " ")
		places := locate(text, m[3])
		if len(places) != 1 || len(places[0]) != 4 {
			return 0, fmt.Errorf("stands there %d times, want once with one number", len(places))
		}
		v, err := strconv.ParseFloat(strings.ReplaceAll(text[places[0][2]:places[0][3]], ",", ""), 64)
		return scaled(m[1], v), err
	}
	if m := publishedSource.FindStringSubmatch(source); m != nil {
		return publishedDeviation(t, m[1], m[2]), nil
	}
	m := cellSource.FindStringSubmatch(source)
	if m == nil {
		return 0, fmt.Errorf("is no source")
	}
	rows, err := selectRows(filepath.Join(committed, m[5]), m[6], m[7])
	if err != nil {
		return 0, err
	}
	v, err := reduce(rows, m[2], m[3], m[4])
	return scaled(m[1], v), err
}

// publishedDeviation is the most that a committed folder is away from the published runs: in a final or recorded
// probability, or in the loss, relative.
func publishedDeviation(t *testing.T, what, name string) float64 {
	t.Helper()
	var f trainedFixture
	readFixture(t, filepath.Join("testdata", "published", name+".json"), &f)
	folder := "published_" + name
	switch name {
	case "preservation":
		f.Prompts = []string{"good", "bad"}
		fallthrough
	case "interpolation":
		folder = name
	}
	got := read(t, filepath.Join(committed, folder), f.prompts()...)
	worst := 0.0
	for _, r := range f.all() {
		id := got.find(t, &r)
		for p, final := range byPrompt(r.Final) {
			for k, want := range final {
				if what == "final" {
					worst = max(worst, far(got.final, fmt.Sprint(id, " ", got.prompts[p], " ", k), want))
				}
			}
		}
		for i, step := range r.TraceSteps {
			if what == "loss" {
				worst = max(worst, far(got.loss, fmt.Sprint(id, " ", step), r.TraceLoss[i])/math.Abs(r.TraceLoss[i]))
			}
			for p, policy := range byPrompt(r.TracePolicy[i]) {
				for k, want := range policy {
					if what == "along" {
						worst = max(worst, far(got.along, fmt.Sprint(id, " ", got.prompts[p], " ", k, " ", step), want))
					}
				}
			}
		}
	}
	return worst
}

func scaled(factor string, v float64) float64 {
	if f, err := strconv.ParseFloat(factor, 64); err == nil {
		return f * v
	}
	return v
}

// selectRows returns the rows of a table that have the values of all conditions.
func selectRows(dir, name, conditions string) ([]map[string]string, error) {
	rows, err := readRows(filepath.Join(dir, name+".csv"))
	if err != nil {
		return nil, err
	}
	for _, condition := range strings.Split(conditions, "; ")[1:] {
		column, value, _ := strings.Cut(condition, "=")
		of := func(row map[string]string) (string, bool) { v, ok := row[column]; return v, ok }
		if _, ok := of(rows[0]); !ok {
			runs, err := readRows(filepath.Join(dir, "runs.csv"))
			if err != nil {
				return nil, fmt.Errorf("there is no column %s", column)
			}
			byName := map[string]map[string]string{}
			for _, run := range runs {
				byName[run["run"]] = run
			}
			of = func(row map[string]string) (string, bool) { v, ok := byName[row["run"]][column]; return v, ok }
		}
		var kept []map[string]string
		for _, row := range rows {
			cell, ok := of(row)
			if !ok {
				return nil, fmt.Errorf("there is no column %s", column)
			}
			if slices.ContainsFunc(strings.Split(value, "|"), func(v string) bool { return sameText(cell, v) }) {
				kept = append(kept, row)
			}
		}
		if rows = kept; len(rows) == 0 {
			return nil, fmt.Errorf("no row has %s", condition)
		}
	}
	return rows, nil
}

// sameText compares cells as texts and as numbers.
func sameText(a, b string) bool {
	x, err := strconv.ParseFloat(a, 64)
	y, errB := strconv.ParseFloat(b, 64)
	return a == b || err == nil && errB == nil && math.Abs(x-y) <= 1e-9*math.Abs(x)
}

// tablesRead holds the tables that have been read.
var tablesRead = map[string][]map[string]string{}

// readRows reads a table, by nothing of what wrote it.
func readRows(path string) ([]map[string]string, error) {
	if rows := tablesRead[path]; rows != nil {
		return rows, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	cells, err := csv.NewReader(f).ReadAll()
	if err != nil || len(cells) < 2 {
		return nil, fmt.Errorf("%s: %d rows, %v", path, len(cells), err)
	}
	rows := make([]map[string]string, len(cells)-1)
	for i, row := range cells[1:] {
		rows[i] = map[string]string{}
		for j, name := range cells[0] {
			rows[i][name] = row[j]
		}
	}
	tablesRead[path] = rows
	return rows, nil
}

// reduce makes one number of the rows' cells, or of the number after some words in them.
func reduce(rows []map[string]string, how, column, after string) (float64, error) {
	if how == "count" {
		return float64(len(rows)), nil
	}
	values := make([]float64, len(rows))
	for i, row := range rows {
		cell, ok := row[column]
		if !ok {
			return 0, fmt.Errorf("there is no column %s", column)
		}
		if after != "" {
			m := regexp.MustCompile(regexp.QuoteMeta(after) + ` (` + numeral + `)`).FindStringSubmatch(cell)
			if m == nil {
				return 0, fmt.Errorf("%q has no number after %q", cell, after)
			}
			cell = m[1]
		}
		v, err := strconv.ParseFloat(cell, 64)
		if err != nil {
			return 0, err
		}
		values[i] = v
	}
	switch {
	case how == "max":
		return slices.Max(values), nil
	case how == "min":
		return slices.Min(values), nil
	case how == "mean":
		sum := 0.0
		for _, v := range values {
			sum += v
		}
		return sum / float64(len(values)), nil
	case how == "only" && len(values) == 1, how == "same" && slices.Min(values) == slices.Max(values):
		return values[0], nil
	}
	return 0, fmt.Errorf("%d rows, of which %s makes no number", len(rows), how)
}
