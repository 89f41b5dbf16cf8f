package summaries_test

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"windtunnel/metrics/summaries"
	"windtunnel/metrics/tables"
	_ "windtunnel/toy/fixedseed"
)

// runs parses a table runs written with blanks between cells and - for an empty cell.
func runs(t testing.TB, text string) tables.Memory {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(text), "\n")
	out := tables.NewTable(tables.Runs, strings.Fields(lines[0])...)
	for _, line := range lines[1:] {
		row := strings.Fields(line)
		if len(row) != len(out.Header) {
			t.Fatalf("%q has %d cells", line, len(row))
		}
		for i, cell := range row {
			if cell == "-" {
				row[i] = ""
			}
		}
		out.Append(row...)
	}
	return tables.Memory{tables.Runs: out}
}

// summarize returns the tables Summary and Paired, which is nil if there is nothing to compare, with the warnings.
func summarize(src tables.Source, s summaries.Settings) (summary, paired *tables.Table, warnings []string, err error) {
	g, err := summaries.Open(src, s)
	if err != nil {
		return nil, nil, nil, err
	}
	summary = tables.NewTable(summaries.Summary, g.SummarySchema(nil).Names()...)
	if err = g.Summarize(func(cells []string) error { summary.Append(cells...); return nil }); err != nil {
		return nil, nil, nil, err
	}
	paired = tables.NewTable(summaries.Paired, g.PairedSchema(nil).Names()...)
	if err = g.Compare(func(cells []string) error { paired.Append(cells...); return nil }); err != nil {
		return nil, nil, nil, err
	}
	if paired.Len() == 0 {
		paired = nil
	}
	return summary, paired, g.Warnings(), nil
}

// rowsOf returns the rows of a table.
func rowsOf(t *tables.Table) [][]string {
	var rows [][]string
	for row := range t.Len() {
		rows = append(rows, t.Row(row))
	}
	return rows
}

// defaults returns the default settings, changed by set.
func defaults(set func(s *summaries.Settings)) summaries.Settings {
	var s summaries.Settings
	s.SetDefaults()
	set(&s)
	return s
}

func keep(*summaries.Settings) {}

// sleep is Student's sleep data (1908): hours of extra sleep of ten patients under two drugs, here two losses on ten seeds.
func sleep(t testing.TB) tables.Memory {
	var text strings.Builder
	text.WriteString("run objective seed status steps reason extra\n")
	for drug, hours := range [][]float64{
		{0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0, 2}, {1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4},
	} {
		for seed, h := range hours {
			fmt.Fprintf(&text, "drug%d/%d drug%d %d done 9 - %g\n", drug+1, seed, drug+1, seed, h)
		}
	}
	return runs(t, text.String())
}

// broken has failed runs, one of them with a value that must not count, a minimizer that does not exist, an infinite value and a lone loss.
func broken(t testing.TB) tables.Memory {
	return runs(t, `
run objective lambda seed status    steps reason kl   mode mixed
a1  dpo       1      1    done      9     -      0.25 1 0
a2  dpo       1      2    done      9     -      0.75 0 1
a3  dpo       1      3    failed    3     norm   9    - -
b1  ipo       1      1    done      9     -      0.5  1 0.5
b2  ipo       1      2    diverged  9     -      -    - -
b3  ipo       1      3    done      9     -      inf  0 -
c1  dpo       2      1    failed    3     norm   -    - -
`)
}

// column returns the cells of the rows of a table that fit `where`.
func column(t *tables.Table, name string, where tables.Where) []string {
	var cells []string
	for _, row := range where.Select(t) {
		cells = append(cells, t.Text(row, name))
	}
	return cells
}

// Group means and deviations of Student's data as R prints them, and what its t.test says of the pairs.
func TestSleep(t *testing.T) {
	summary, paired, warnings, err := summarize(sleep(t), defaults(func(s *summaries.Settings) { s.Metrics = []string{"extra"} }))
	if err != nil || len(warnings) > 0 {
		t.Fatalf("%v, warnings %q", err, warnings)
	}
	for row, want := range []map[string]float64{
		{"n": 10, "failed": 0, "mean": 0.75, "sd": 1.78901, "se": 0.5657345, "median": 0.35, "q25": -0.175, "q75": 1.7, "mean_ci95_low": -0.5297804, "mean_ci95_high": 2.0297804},
		{"n": 10, "mean": 2.33, "sd": 2.002249, "median": 1.75, "q25": 0.875, "q75": 4.15, "mean_ci95_low": 0.8976775, "mean_ci95_high": 3.7623225, "min": -0.1, "max": 5.5},
	} {
		checkRow(t, summary, row, want)
	}
	checkRow(t, paired, 0, map[string]float64{"n": 10, "unmatched": 0, "mean_difference": -1.58, "sd_difference": 1.229995, "difference_ci95_low": -2.4598858,
		"difference_ci95_high": -0.7001142, "t": -4.0621277, "p": 0.002832890, "p_holm": 0.002832890, "tests": 1, "cohen_dz": -1.2845576})
	if got := column(paired, "left_is", nil); !slices.Equal(got, []string{"lower"}) {
		t.Errorf("left_is %q", got)
	}
	if got := column(summary, "interval", nil); got[0] != "student-t 95% of the mean" {
		t.Errorf("interval %q", got)
	}
}

func checkRow(t *testing.T, table *tables.Table, row int, want map[string]float64) {
	t.Helper()
	for name, v := range want {
		if got := table.Float(row, name); !(math.Abs(got-v) <= 2e-6*max(1, math.Abs(v))) {
			t.Errorf("%s, row %d: %s = %g, want %g", table.Name, row, name, got, v)
		}
	}
}

// What has no value is in no mean and is counted.
func TestBroken(t *testing.T) {
	summary, paired, warnings, err := summarize(broken(t), defaults(func(s *summaries.Settings) { s.Metrics = []string{"kl", "mode", "mixed"} }))
	if err != nil {
		t.Fatal(err)
	}
	kl := tables.Where{"metric": {"kl"}}
	for name, want := range map[string][]string{
		"objective": {"dpo", "ipo", "dpo"}, "lambda": {"1", "1", "2"}, "n": {"2", "2", "0"}, "failed": {"1", "0", "1"}, "missing": {"0", "1", "0"},
		"infinite": {"0", "1", "0"}, "mean": {"0.5", "inf", ""}, "sd": {"0.3535533905932738", "", ""}, "median": {"0.5", "inf", ""}, "max": {"0.75", "inf", ""},
	} {
		if got := column(summary, name, kl); !slices.Equal(got, want) {
			t.Errorf("%s of kl: %q, want %q", name, got, want)
		}
	}
	if got := column(summary, "interval", tables.Where{"metric": {"mode"}}); got[0] != "wilson 95% of the share" {
		t.Errorf("interval of a rate: %q", got)
	}
	if got := column(summary, "interval", tables.Where{"metric": {"mixed"}}); got[0] != "student-t 95% of the mean" {
		t.Errorf("interval of a metric that is not only 0 or 1: %q", got)
	}
	for name, want := range map[string][]string{"left": {"dpo"}, "right": {"ipo"}, "n": {"1"}, "unmatched": {"2"}, "left_is": {"unclear"}, "p_holm": {""}, "tests": {"0"}} {
		if got := column(paired, name, kl); !slices.Equal(got, want) {
			t.Errorf("%s of pairs: %q, want %q", name, got, want)
		}
	}
	for _, want := range []string{
		"2 of 7 runs failed; they are in no mean, and in the column failed",
		"objective=ipo, lambda=1, kl: summary: 1 of 2 values are infinite, so that there is no interval of the mean",
		"objective=dpo, lambda=2, kl: summary: an interval needs at least 2 values, there are 0 (and 1 more like it)",
		"objective=dpo, lambda=2: paired: there is no other objective to compare with",
	} {
		if !slices.Contains(warnings, want) {
			t.Errorf("no warning %q in %q", want, warnings)
		}
	}
}

// Runs that differ in more than the seed are not averaged unsaid.
func TestMixedGroups(t *testing.T) {
	for name, c := range map[string]struct {
		by   []string
		want string
	}{
		"two lambdas": {[]string{"objective"}, "runs that are averaged differ in lambda (1, 2) in 1 of 2 groups, as in objective=dpo; name lambda in by to keep them apart"},
		"two losses":  {[]string{"lambda"}, "runs that are averaged differ in objective (dpo, ipo) in 1 of 2 groups, as in lambda=1; name objective in by to keep them apart"},
		"nothing":     {nil, ""},
	} {
		g, err := summaries.Open(broken(t), defaults(func(s *summaries.Settings) { s.By = c.by }))
		if err != nil {
			t.Fatal(err)
		}
		mixed := slices.DeleteFunc(g.Warnings(), func(w string) bool { return strings.Contains(w, "failed") })
		if c.want == "" && len(mixed) > 0 || c.want != "" && !slices.Equal(mixed, []string{c.want}) {
			t.Errorf("%s: warnings %q, want %q", name, mixed, c.want)
		}
	}
	twins := runs(t, "run objective seed status kl\na dpo 1 done 1\nb dpo 1 done 2\nc ipo 1 done 2")
	g, err := summaries.Open(twins, defaults(keep))
	if err != nil || !slices.Equal(g.Warnings(), []string{"objective=dpo: runs a and b differ in nothing"}) {
		t.Errorf("%v, warnings %q", err, g.Warnings())
	}
	if err := g.Compare(func([]string) error { return nil }); err == nil || !strings.Contains(err.Error(), "runs a and b differ in nothing") {
		t.Errorf("twins are compared: %v", err)
	}
}

func TestIntervals(t *testing.T) {
	for _, c := range []struct {
		interval string
		rates    []string
		want     string
	}{
		{"student-t", nil, "student-t 95% of the mean"},
		{"bca", nil, "bca 95% of the mean"},
		{"auto", nil, "student-t 95% of the mean"},
	} {
		s := defaults(func(s *summaries.Settings) { s.Metrics, s.Interval, s.Rates = []string{"extra"}, c.interval, c.rates })
		first, _, _, err := summarize(sleep(t), s)
		if err != nil || first.Text(0, "interval") != c.want || first.Float(0, "mean_ci95_low") >= 0.75 || first.Float(0, "mean_ci95_high") <= 0.75 {
			t.Errorf("%s: %v, %v", c.interval, rowsOf(first), err)
		}
		if again, _, _, _ := summarize(sleep(t), s); !slices.EqualFunc(rowsOf(first), rowsOf(again), slices.Equal) {
			t.Errorf("%s: other rows when made again", c.interval)
		}
	}
}

func TestErrors(t *testing.T) {
	nothing := func([]string) error { return nil }
	for name, c := range map[string]struct {
		src  tables.Source
		set  func(s *summaries.Settings)
		want string
	}{
		"no table":       {tables.Memory{}, keep, `no table "runs"`},
		"unknown by":     {broken(t), func(s *summaries.Settings) { s.By = []string{"objective", "lamda"} }, `by.1: table runs has no column "lamda"`},
		"unknown metric": {broken(t), func(s *summaries.Settings) { s.Metrics = []string{"k1"} }, `metrics.0: table runs has no column "k1"`},
		"no number":      {broken(t), func(s *summaries.Settings) { s.Metrics = []string{"objective"} }, `objective of run a1 is "dpo", not a number`},
		"no rate":        {broken(t), func(s *summaries.Settings) { s.Rates = []string{"kl"} }, "kl of run a1 is 0.25; a rate is 0 or 1 in every run"},
		"all wilson":     {broken(t), func(s *summaries.Settings) { s.Interval = "wilson" }, "steps of run a1 is 9; a rate is 0 or 1 in every run"},
		"no baseline":    {broken(t), func(s *summaries.Settings) { s.Pairs.Baseline = "kto" }, `pairs.baseline: no run has objective = "kto"`},
	} {
		g, err := summaries.Open(c.src, defaults(c.set))
		if err == nil {
			err = g.Summarize(nothing)
		}
		if err == nil {
			err = g.Compare(nothing)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestCheck(t *testing.T) {
	for key, set := range map[string]func(s *summaries.Settings){
		"":               keep,
		"pairs.column":   func(s *summaries.Settings) { s.By = []string{"lambda"} },
		"pairs.baseline": func(s *summaries.Settings) { s.Pairs = summaries.Pairs{Baseline: "dpo"} },
	} {
		s := defaults(set)
		problems := s.Check()
		if key == "" && problems != nil || key != "" && (len(problems) != 1 || problems[0].Key != key) {
			t.Errorf("%q: %v", key, problems)
		}
	}
}

// threeLosses are three losses over seeds and two lambdas; ipo lacks a lambda and dpo a seed.
func threeLosses() tables.Memory {
	t := tables.NewTable(tables.Runs, "run", "objective", "lambda", "seed", "status", "kl", "tv")
	for _, objective := range []string{"dpo", "ipo", "typo"} {
		for _, lambda := range []string{"1", "10"} {
			for seed := range 5 {
				if objective == "ipo" && lambda == "10" || objective == "dpo" && seed == 4 {
					continue
				}
				kl := float64(len(objective)) + math.Sin(float64(seed)) + 0.1*math.Cos(float64(3*seed+len(objective)))
				t.Append(objective+lambda+strconv.Itoa(seed), objective, lambda, strconv.Itoa(seed), "done",
					tables.FormatFloat(kl), tables.FormatFloat(1/kl))
			}
		}
	}
	return tables.Memory{tables.Runs: t}
}

// Every pair within a lambda, or each loss against the baseline; the family of Holm's correction is a metric's.
func TestPairs(t *testing.T) {
	for name, c := range map[string]struct {
		baseline string
		want     []string
	}{
		"every pair": {"", []string{"1 dpo ipo 4 1 4", "1 dpo typo 4 1 4", "1 ipo typo 5 0 4", "10 dpo typo 4 1 4"}},
		"baseline":   {"dpo", []string{"1 ipo dpo 4 1 3", "1 typo dpo 4 1 3", "10 typo dpo 4 1 3"}},
	} {
		_, paired, _, err := summarize(threeLosses(), defaults(func(s *summaries.Settings) { s.Pairs.Baseline = c.baseline }))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, row := range (tables.Where{"metric": {"kl"}}).Select(paired) {
			cells := []string{}
			for _, column := range []string{"lambda", "left", "right", "n", "unmatched", "tests"} {
				cells = append(cells, paired.Text(row, column))
			}
			got = append(got, strings.Join(cells, " "))
			if p, holm := paired.Float(row, "p"), paired.Float(row, "p_holm"); holm < p || holm > p*float64(len(c.want)) {
				t.Errorf("p %g, p_holm %g", p, holm)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// The order of runs changes the order of rows at most.
func TestOrderOfRuns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := threeLosses()
		before := lines(t, src)
		table := src[tables.Runs]
		shuffled := tables.NewTable(tables.Runs, table.Header...)
		for _, row := range rapid.Permutation(rowsOf(table)).Draw(t, "rows") {
			shuffled.Append(row...)
		}
		src[tables.Runs] = shuffled
		if after := lines(t, src); !slices.Equal(before, after) {
			t.Fatalf("%q became %q", before, after)
		}
	})
}

// lines returns the rows of both tables, sorted; pairs with the baseline stand on one side whatever the order.
func lines(t *rapid.T, src tables.Source) []string {
	summary, paired, _, err := summarize(src, defaults(func(s *summaries.Settings) { s.Pairs.Baseline = "typo" }))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, row := range slices.Concat(rowsOf(summary), rowsOf(paired)) {
		all = append(all, strings.Join(row, " "))
	}
	slices.Sort(all)
	return all
}

func Example() {
	src := threeLosses()
	var s summaries.Settings
	s.SetDefaults()
	s.Metrics = []string{"kl"}
	s.Pairs.Baseline = "dpo"
	summary, paired, _, err := summarize(src, s)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s: n=%s, mean %.2f (%.2f to %.2f: %s)\n", summary.Text(0, "objective"), summary.Text(0, "n"), summary.Float(0, "mean"),
		summary.Float(0, "mean_ci95_low"), summary.Float(0, "mean_ci95_high"), summary.Text(0, "interval"))
	fmt.Printf("%s - %s: %.2f, %s\n", paired.Text(1, "left"), paired.Text(1, "right"), paired.Float(1, "mean_difference"), paired.Text(1, "left_is"))
	// Output:
	// dpo: n=4, mean 3.47 (2.69 to 4.25: student-t 95% of the mean)
	// typo - dpo: 1.01, higher
}
