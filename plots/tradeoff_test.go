package plots

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/stat"

	"windtunnel/metrics/tables"
)

// A trade-off of groups joins the means over seeds of two groups, and marks what the reference's divergence is.
func TestTradeoffOfGroups(t *testing.T) {
	runs := tables.NewTable(tables.Runs, "run", "objective", "lambda", "seed", "status")
	groups := tables.NewTable(tables.Groups, "run", "group", "kl_star_pi", "kl_star_ref")
	for _, r := range [][]string{{"a", "0.1", "1", "1", "4"}, {"b", "0.1", "2", "3", "6"}, {"c", "1", "1", "5", "8"}, {"d", "1", "2", "7", "10"}} {
		runs.Append(r[0], "dpo", r[1], r[2], "done")
		groups.Append(r[0], "heldout-good", r[3], "0")
		groups.Append(r[0], "heldout-bad", r[4], "2")
	}
	src := NewSources(func(string) (tables.Source, error) {
		return tables.Memory{tables.Runs: runs, tables.Groups: groups}, nil
	})
	f := &Tradeoff{Table: tables.Groups, PromptNames: []string{"heldout-good", "heldout-bad"}, Metric: "kl_star_pi", Scale: linearScale}
	panels, err := panelsOf("tradeoff", f, src)
	if err != nil {
		t.Fatal(err)
	}
	want := [][2]float64{{2, 5}, {6, 9}}
	for i, q := range panels[0].curves[0].points {
		if math.Abs(q.x-want[i][0])+math.Abs(q.y-want[i][1]) > 1e-12 || q.n != 2 {
			t.Errorf("point %d is (%v, %v) of %d, want %v of 2", i, q.x, q.y, q.n, want[i])
		}
	}
	all := selectRows(src, tables.Groups, tables.Where{"group": {"heldout-bad"}})
	if stat.Mean(all.column("kl_star_ref"), nil) != 2 || stat.Mean(all.column("kl_star_pi"), nil) != 7 {
		t.Errorf("the reference is %v away, the policies %v", stat.Mean(all.column("kl_star_ref"), nil), stat.Mean(all.column("kl_star_pi"), nil))
	}
	f.PromptNames[1] = "bad"
	if _, err := panelsOf("tradeoff", f, src); err == nil {
		t.Error("a group that is not there is drawn")
	}
}

// Rewards of texts have no unit, and need no divergence from pi_star beside them. The best of one is the reference.
func TestTradeoffOfTexts(t *testing.T) {
	runs := tables.NewTable(tables.Runs, "run", "objective", "lambda", "seed", "status", "kl_pi_ref")
	groups := tables.NewTable(tables.Groups, "run", "group", "reward", "ref_reward")
	for _, r := range [][]string{{"a", "dpo", "0.1", "0"}, {"b", "best-of-n", "", "4e-18"}, {"c", "sft", "", "0.3"}} {
		runs.Append(r[0], r[1], r[2], "1", "done", r[3])
		groups.Append(r[0], "heldout-good", "0.7", "0.4")
		groups.Append(r[0], "heldout-bad", "0.6", "0.2")
	}
	src := NewSources(func(string) (tables.Source, error) {
		return tables.Memory{tables.Runs: runs, tables.Groups: groups}, nil
	})
	f := &Tradeoff{Table: tables.Groups, PromptNames: []string{"heldout-good", "heldout-bad"}, Metric: "reward", Scale: linearScale}
	panels, err := panelsOf("tradeoff", f, src)
	if err != nil {
		t.Fatal(err)
	}
	if q := panels[0].curves[0].points[0]; q.x != 0.7 || q.y != 0.6 {
		t.Errorf("the point is (%v, %v)", q.x, q.y)
	}
	for i, want := range []string{"DPO", "reference $π_{ref}$", "SFT"} {
		if c := panels[0].curves[i]; c.label != want || c.apart != (i == 1) {
			t.Errorf("curve %d is %s, apart %t, want %s", i, c.label, c.apart, want)
		}
	}
	if got := panels[0].X.Label.Text; got != "Reward, held-out good prompts" {
		t.Errorf("the axis says %q", got)
	}
}
