package summaries_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat"

	"windtunnel/metrics/inference"
	"windtunnel/metrics/summaries"
	"windtunnel/metrics/tables"
)

// emitted collects rows.
func emitted(t *testing.T, rows func(emit func([]string) error) error) (all [][]string) {
	t.Helper()
	if err := rows(func(cells []string) error { all = append(all, append([]string(nil), cells...)); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

// spaced writes CSV as runs reads it.
func spaced(text string) string { return strings.NewReplacer(",\n", " -\n", ",", " ").Replace(text) }

// TestSelect compares with the definition, value by value, on random tables: each loss at the value whose mean over the choosing seeds is
// best, measured on the others.
func TestSelect(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 15))
	losses, lambdas := []string{"dpo", "ipo", "typo"}, []string{"0.1", "1", "10"}
	for range 50 {
		for _, better := range []string{"lower", "higher"} {
			var text strings.Builder
			text.WriteString("run,objective,lambda,seed,status,reward\n")
			value := map[string]float64{}
			for _, loss := range losses {
				for _, lambda := range lambdas {
					for seed := range 9 {
						key := fmt.Sprint(loss, lambda, seed)
						value[key] = rng.NormFloat64()
						fmt.Fprintf(&text, "%s,%s,%s,%d,done,%v\n", key, loss, lambda, seed, value[key])
					}
				}
			}
			mean := func(loss, lambda string, from, to int) float64 {
				var all []float64
				for seed := from; seed < to; seed++ {
					all = append(all, value[fmt.Sprint(loss, lambda, seed)])
				}
				return stat.Mean(all, nil)
			}
			c, err := summaries.Select(runs(t, spaced(text.String())), summaries.Selection{By: "lambda", Metric: "reward", Better: better, Seeds: []int{0, 1, 2, 3}})
			if err != nil {
				t.Fatal(err)
			}
			best := map[string]string{}
			for i, row := range c.Rows() {
				loss := losses[i]
				for _, lambda := range lambdas {
					if d := mean(loss, lambda, 0, 4) - mean(loss, best[loss], 0, 4); best[loss] == "" || (better == "lower") == (d < 0) {
						best[loss] = lambda
					}
				}
				end := map[string]string{"0.1": "lowest", "10": "highest"}[best[loss]]
				if row[0] != loss || row[1] != best[loss] || row[4] != end || row[7] != "5" ||
					!(math.Abs(tables.ParseFloat(row[8])-mean(loss, best[loss], 4, 9)) <= 1e-12) || !(math.Abs(tables.ParseFloat(row[6])-mean(loss, best[loss], 0, 4)) <= 1e-12) {
					t.Fatalf("%s: %v; want lambda %s, mean %v", better, row, best[loss], mean(loss, best[loss], 4, 9))
				}
			}
			g, err := c.Groups()
			if err != nil {
				t.Fatal(err)
			}
			pairs := emitted(t, g.Compare)
			if len(pairs) != 3 {
				t.Fatalf("%d comparisons", len(pairs))
			}
			for _, row := range pairs {
				var left, right []float64
				for seed := 4; seed < 9; seed++ {
					left = append(left, value[fmt.Sprint(row[1], best[row[1]], seed)])
					right = append(right, value[fmt.Sprint(row[2], best[row[2]], seed)])
				}
				want := inference.Compare(left, right)
				if row[3] != "5" || !(math.Abs(tables.ParseFloat(row[5])-want.Mean) <= 1e-12) || !(math.Abs(tables.ParseFloat(row[7])-want.Interval.Low) <= 1e-9) {
					t.Fatalf("%v; want %+v", row, want)
				}
			}
		}
	}
}

// TestSelectLacking chooses among the values at which a loss has the metric on the most seeds, and leaves out a loss that never has it.
func TestSelectLacking(t *testing.T) {
	src := runs(t, spaced(`run,objective,lambda,seed,status,tv_star
a0,dpo,1,0,failed,
a1,dpo,1,1,done,0.1
a2,dpo,1,2,done,0.1
b0,dpo,2,0,done,0.3
b1,dpo,2,1,done,0.3
b2,dpo,2,2,done,0.4
c0,ipo,1,0,diverged,
c1,ipo,1,1,diverged,
c2,ipo,1,2,done,0.5
e0,kto,2,0,done,0.3
e1,kto,2,1,done,0.3
e2,kto,2,2,done,0.6
f0,kto,3,0,done,0.3
f1,kto,3,1,done,0.3
f2,kto,3,2,done,0.5
d0,kto,1,0,done,inf
d1,kto,1,1,done,0.1
d2,kto,1,2,done,0.7
g0,odpo,1,0,done,inf
g1,odpo,1,1,done,inf
g2,odpo,1,2,done,0.5
`))
	c, err := summaries.Select(src, summaries.Selection{By: "lambda", Metric: "tv_star", Seeds: []int{0, 1}})
	if err != nil {
		t.Fatal(err)
	}
	rows := c.Rows()
	if len(rows) != 2 || rows[0][1] != "2" || rows[0][8] != "0.4" || rows[1][1] != "2" || rows[1][8] != "0.6" { // of kto 3 is as good, and 1 infinite once
		t.Errorf("chosen %v", rows)
	}
	if w := strings.Join(c.Warnings(), "\n"); !strings.HasSuffix(w, "objective=ipo; objective=odpo\ncompare: the best lambda is at an end of those tried, so that a better one may lie beyond: dpo (highest)") {
		t.Errorf("warnings %q", w)
	}
}

// A best value between others needs no warning.
func TestSelectWithin(t *testing.T) {
	c, err := summaries.Select(runs(t, "run objective lambda seed status tv_star\na1 dpo 1 0 done 0.2\na2 dpo 2 0 done 0.1\na3 dpo 3 0 done 0.3\nb2 dpo 2 1 done 0.2"),
		summaries.Selection{By: "lambda", Metric: "tv_star", Seeds: []int{0}})
	if err != nil || len(c.Rows()) != 1 || c.Rows()[0][1] != "2" || len(c.Warnings()) > 0 {
		t.Errorf("%v, %v, warnings %q", err, c.Rows(), c.Warnings())
	}
}

// TestSelectOnNoise: of losses that are all noise, the choosing seeds make the best value look better than it is, and the others do not.
func TestSelectOnNoise(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	chosen, measured := 0.0, 0.0
	const trials = 200
	for range trials {
		var text strings.Builder
		text.WriteString("run,objective,lambda,seed,status,tv_star\n")
		for lambda := 1; lambda <= 20; lambda++ {
			for seed := range 8 {
				fmt.Fprintf(&text, "r%d-%d,dpo,%d,%d,done,%v\n", lambda, seed, lambda, seed, rng.NormFloat64())
			}
		}
		c, err := summaries.Select(runs(t, spaced(text.String())), summaries.Selection{By: "lambda", Metric: "tv_star", Seeds: []int{0, 1, 2, 3}})
		if err != nil {
			t.Fatal(err)
		}
		row := c.Rows()[0]
		chosen, measured = chosen+tables.ParseFloat(row[6])/trials, measured+tables.ParseFloat(row[8])/trials
	}
	// The expected least of 20 standard normal numbers is -1.867, and a mean of four has half the deviation.
	if !(math.Abs(chosen+1.867/2) <= 0.06) || !(math.Abs(measured) <= 0.12) {
		t.Errorf("the mean is %.3f where it was chosen, want -0.934, and %.3f on the other seeds, want 0", chosen, measured)
	}
}
