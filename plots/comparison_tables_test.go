package plots_test

import (
	"math"
	"strconv"
	"testing"

	"windtunnel/metrics/summaries"
	"windtunnel/metrics/tables"
)

// pairedTables are those of seedsTables with the comparisons that a config's summary makes of them.
func pairedTables(tb testing.TB) tables.Memory {
	src := seedsTables()
	g, err := summaries.Open(src, summaries.Settings{Metrics: []string{"tv_star", "kl_pi_ref"}, Pairs: summaries.Pairs{Column: "objective"}})
	if err != nil {
		tb.Fatal(err)
	}
	paired := tables.NewTable(summaries.Paired, g.PairedSchema(nil).Names()...)
	if err := g.Compare(func(cells []string) error { paired.Append(cells...); return nil }); err != nil {
		tb.Fatal(err)
	}
	src[summaries.Paired] = paired
	return src
}

// landscapeTables are those of trainingTables with a loss that is the squared distance to pi_star plus one to pi_ref, and for one of
// its runs minimizers that go from one to the other over lambda.
func landscapeTables() tables.Memory {
	src := trainingTables()
	t := tables.NewTable("landscape", "run", "prompt", "pi_0", "pi_1", "pi_2", "loss", "lambda", "status")
	const side = 20
	for _, run := range []string{"dpo/lambda=100", "typo/lambda=100"} {
		for j := range side + 1 {
			for i := range side + 1 - j {
				pi := []float64{float64(side-i-j) / side, float64(i) / side, float64(j) / side}
				loss := 0.0
				for k := range pi {
					loss += math.Pow(pi[k]-piStar[k], 2) + math.Pow(pi[k]-piRef[k], 2)
				}
				t.Append(run, "x", tables.FormatFloat(pi[0]), tables.FormatFloat(pi[1]), tables.FormatFloat(pi[2]), strconv.FormatFloat(loss, 'g', -1, 64), "", "")
			}
		}
	}
	for lambda := 0.01; lambda < 1000; lambda *= 3 {
		cells := []string{"typo/lambda=100", "x"}
		for k := range piStar {
			cells = append(cells, tables.FormatFloat((piStar[k]+lambda*piRef[k])/(1+lambda)))
		}
		t.Append(append(cells, "0", tables.FormatFloat(lambda), "converged")...)
	}
	src["landscape"] = t
	return src
}
