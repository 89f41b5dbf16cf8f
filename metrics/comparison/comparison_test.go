package comparison_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"windtunnel/metrics/comparison"
	"windtunnel/metrics/tables"
	_ "windtunnel/toy/fixedseed"
)

// runs parses a table runs written with blanks between cells and - for an empty cell.
func runs(text string) tables.Memory {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	out := tables.NewTable(tables.Runs, strings.Fields(lines[0])...)
	for _, line := range lines[1:] {
		row := strings.Fields(line)
		for i, cell := range row {
			if cell == "-" {
				row[i] = ""
			}
		}
		out.Append(row...)
	}
	return tables.Memory{tables.Runs: out}
}

// sleep is one drug of Student's sleep data (1908), hours of extra sleep of ten patients, here ten seeds, beside a
// metric that every seed shares and one that nothing changes.
func sleep(drug int) tables.Memory {
	hours := [][]float64{{0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0, 2}, {1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4}}[drug]
	var text strings.Builder
	text.WriteString("run objective seed status steps extra same\n")
	for seed, h := range hours {
		fmt.Fprintf(&text, "dpo/%d dpo %d done %d %g 0.5\n", seed, seed, 9+drug, h)
	}
	return runs(text.String())
}

// change returns the change of a column.
func change(t *testing.T, r *comparison.Report, column string) comparison.Change {
	t.Helper()
	i := slices.IndexFunc(r.Changes, func(c comparison.Change) bool { return c.Column == column })
	if i < 0 {
		t.Fatalf("no change of %s in %+v", column, r.Changes)
	}
	return r.Changes[i]
}

// R's t.test(paired = TRUE) of the sleep data: 1.58 hours, 0.7001 to 2.4599, p = 0.002833. It is one of two tests.
func TestCompareSeeds(t *testing.T) {
	r, err := comparison.Compare(sleep(0), sleep(1), comparison.Options{})
	if err != nil || r.Matched != 10 || r.Settings != 1 || r.Measured != 3 || len(r.Changes) != 2 || r.Same() {
		t.Fatalf("%+v, %v", r, err)
	}
	c := change(t, r, "extra")
	if c.Setting != "objective=dpo" || c.Compared != 10 || c.Differ != 9 || c.Noise != comparison.BeyondNoise || c.Largest < 1 {
		t.Errorf("%+v", c)
	}
	for what, pair := range map[string][2]float64{"A": {c.MeanA, 0.75}, "B": {c.MeanB, 2.33}, "change": {c.Paired.Mean, 1.58},
		"low": {c.Paired.Interval.Low, 0.70011423672301754}, "p": {c.Paired.P, 0.0028328901973842702}, "p_holm": {c.Holm, 0.0028328901973842702}} {
		if !(math.Abs(pair[0]-pair[1]) <= 1e-9) {
			t.Errorf("%s is %.12g, want %.12g", what, pair[0], pair[1])
		}
	}
	// Ten equal changes leave no room for chance.
	if s := change(t, r, "steps"); s.Paired.P != 0 || s.Noise != comparison.BeyondNoise || s.Paired.SD != 0 {
		t.Errorf("%+v", s)
	}
}

// b differs from a in a status, a lost and a gained value, a text, two columns and a run on each side.
const (
	before = `
run objective lambda seed status steps reason kl   old
a   dpo       1      0    done   9     -      0.5  1
b   dpo       2      0    done   9     -      0.25 1
c   ipo       1      0    failed 2     norm   -    1
d   ipo       2      0    done   9     -      1    1
e   ipo       4      0    done   9     -      inf  1
x   ipo       3      0    done   9     -      1    1
`
	after = `
run objective lambda seed status steps reason kl   new
a   dpo       1      0    done   9     -      0.4  1
b   dpo       2      0    failed 3     norm   -    1
c   ipo       1      0    done   9     -      0.5  1
d   ipo       2      0    done   9     -      1    1
e   ipo       4      0    done   9     -      2    1
y   ipo       3      0    done   9     -      1    1
`
)

func TestCompareFolders(t *testing.T) {
	r, err := comparison.Compare(runs(before), runs(after), comparison.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Runs != [2]int{6, 6} || r.Matched != 5 || !slices.Equal(r.Only[0], []string{"x"}) || !slices.Equal(r.Only[1], []string{"y"}) ||
		!slices.Equal(r.OnlyColumns[0], []string{"old"}) || !slices.Equal(r.OnlyColumns[1], []string{"new"}) {
		t.Errorf("%+v", r)
	}
	if want := []comparison.StatusChange{{Run: "b", A: "done", B: "failed"}, {Run: "c", A: "failed", B: "done"}}; !slices.Equal(r.Statuses, want) {
		t.Errorf("statuses %v, want %v", r.Statuses, want)
	}
	var got []string
	for _, c := range r.Changes {
		got = append(got, fmt.Sprintf("%s %s %d %d %.3g %s", c.Column, c.Setting, c.Gained, c.Lost, c.Largest, c.Noise))
	}
	want := []string{
		"reason objective=dpo, lambda=2 1 0 +Inf no test", "reason objective=ipo, lambda=1 0 1 +Inf no test",
		"kl objective=dpo, lambda=2 0 1 +Inf no test", "kl objective=ipo, lambda=1 1 0 +Inf no test", "kl objective=ipo, lambda=4 0 0 +Inf no test",
		"steps objective=ipo, lambda=1 0 0 0.778 one run cannot tell", "steps objective=dpo, lambda=2 0 0 0.667 one run cannot tell",
		"kl objective=dpo, lambda=1 0 0 0.2 one run cannot tell",
	}
	if !slices.Equal(got, want) {
		t.Errorf("changes\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The tolerance is relative to the larger of both numbers, and itself still allowed.
func TestTolerance(t *testing.T) {
	table := func(kl string) tables.Memory { return runs("run status kl\na done " + kl) }
	for _, c := range []struct {
		a, b      string
		tolerance float64
		same      bool
	}{
		{"0.5", "0.5", 0, true}, {"0.5", "0.50", 0, true}, {"0.5", "0.5000000001", 0, false}, {"0.5", "0.5000000001", 1e-9, true},
		{"4", "3", 0.25, true}, {"4", "2.9", 0.25, false}, {"-1", "1", 1.9, false}, {"-1", "1", 2, true}, {"0", "1e-300", 0.5, false},
		{"inf", "inf", 0, true}, {"inf", "1", 1e9, false}, {"-", "-", 0, true}, {"-", "0", 1e9, false}, {"1e308", "-1e308", 2, true},
	} {
		r, err := comparison.Compare(table(c.a), table(c.b), comparison.Options{Tolerance: c.tolerance})
		if err != nil || r.Same() != c.same {
			t.Errorf("%s and %s at %g: same %v (%v), want %v", c.a, c.b, c.tolerance, r.Same(), err, c.same)
		}
	}
}

// Each kind of difference makes folders differ, alone and beside any other.
func TestSame(t *testing.T) {
	if !new(comparison.Report).Same() {
		t.Error("without a difference they are not the same")
	}
	kinds := []func(*comparison.Report){
		func(r *comparison.Report) { r.Only[0] = []string{"a"} },
		func(r *comparison.Report) { r.Only[1] = []string{"b"} },
		func(r *comparison.Report) { r.OnlyColumns[0] = []string{"kl"} },
		func(r *comparison.Report) { r.OnlyColumns[1] = []string{"tv"} },
		func(r *comparison.Report) { r.Statuses = make([]comparison.StatusChange, 1) },
		func(r *comparison.Report) { r.Changes = make([]comparison.Change, 1) },
	}
	for i, one := range kinds {
		for j, other := range kinds {
			var r comparison.Report
			one(&r)
			other(&r)
			if r.Same() {
				t.Errorf("with differences of the kinds %d and %d they are the same", i, j)
			}
		}
	}
}

// Runs that are called otherwise are matched by columns.
func TestBy(t *testing.T) {
	a := runs("run objective seed status kl\na dpo 1 done 1\nb dpo 2 done 2\nc ipo 1 done 5")
	b := runs("run objective seed lr status kl\nd dpo 2 0.1 done 2.5\ne dpo 1 0.1 done 1.25\nf kto 1 0.1 done 5")
	r, err := comparison.Compare(a, b, comparison.Options{By: []string{"objective", "seed"}})
	if err != nil || r.Matched != 2 || !slices.Equal(r.Only[0], []string{"c"}) || !slices.Equal(r.Only[1], []string{"f"}) {
		t.Fatalf("%+v, %v", r, err)
	}
	if c := change(t, r, "kl"); c.Compared != 2 || c.Paired.Mean != 0.375 || c.Noise != comparison.WithinNoise {
		t.Errorf("%+v", c)
	}
	names := [2]string{"old", "new"}
	_, err = comparison.Compare(a, b, comparison.Options{By: []string{"objective"}, Names: names})
	if err == nil || err.Error() != "old: runs a and b are both objective=dpo; match by a column that tells them apart" {
		t.Errorf("ambiguous key: %v", err)
	}
	_, err = comparison.Compare(a, b, comparison.Options{By: []string{"lr", "seed"}, Names: names})
	if missing, ok := errors.AsType[*comparison.MissingColumn](err); !ok || missing.Folder != "old" || missing.Column != "lr" || !slices.Contains(missing.Have, "seed") {
		t.Errorf("unknown column: %v", err)
	}
	if _, err := comparison.Compare(a, tables.Memory{}, comparison.Options{}); err == nil {
		t.Error("a folder without runs is compared")
	}
}

// A folder does not differ from itself, whatever the order of its runs; two folders turned round change alike.
func TestInvariants(t *testing.T) {
	cell := rapid.SampledFrom([]string{"", "0", "-1", "0.25", "3", "inf", "1e-300"})
	rapid.Check(t, func(t *rapid.T) {
		table := func(name string) tables.Memory {
			out := tables.NewTable(tables.Runs, "run", "objective", "seed", "status", "kl")
			for i := range rapid.IntRange(0, 6).Draw(t, name) {
				out.Append(fmt.Sprint(i), "dpo", fmt.Sprint(i), "done", cell.Draw(t, name))
			}
			return tables.Memory{tables.Runs: out}
		}
		a, b := table("a"), table("b")
		shuffled := tables.NewTable(tables.Runs, a[tables.Runs].Header...)
		order := make([]int, a[tables.Runs].Len())
		for i := range order {
			order[i] = i
		}
		for _, row := range rapid.Permutation(order).Draw(t, "order") {
			shuffled.Append(a[tables.Runs].Row(row)...)
		}
		if r, err := comparison.Compare(a, tables.Memory{tables.Runs: shuffled}, comparison.Options{}); err != nil || !r.Same() {
			t.Fatalf("%+v, %v", r, err)
		}
		there, _ := comparison.Compare(a, b, comparison.Options{})
		back, _ := comparison.Compare(b, a, comparison.Options{})
		if there.Same() != back.Same() || len(there.Changes) != len(back.Changes) {
			t.Fatalf("%+v and back %+v", there, back)
		}
		for i, c := range there.Changes {
			d := back.Changes[i]
			if c.Differ != d.Differ || c.Largest != d.Largest || c.Gained != d.Lost || c.Noise != d.Noise {
				t.Fatalf("%+v and back %+v", c, d)
			}
		}
	})
}

func ExampleCompare() {
	r, err := comparison.Compare(sleep(0), sleep(1), comparison.Options{Tolerance: 0.2})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range r.Changes {
		fmt.Printf("%s at %s: %.2f, %s\n", c.Column, c.Setting, c.Paired.Mean, c.Noise)
	}
	// Output: extra at objective=dpo: 1.58, beyond noise
}
