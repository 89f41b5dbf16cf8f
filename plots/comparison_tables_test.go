package plots_test

import (
	"math"
	"strconv"
	"testing"

	"windtunnel/experiments/aggregate"
	"windtunnel/experiments/record"
)

// pairedTables are those of seedsTables with the comparisons that a config's summary makes of them.
func pairedTables(tb testing.TB) record.Memory {
	src := seedsTables()
	_, paired, _, err := aggregate.Tables(src, aggregate.Settings{Metrics: []string{"tv_star", "kl_pi_ref"}, Pairs: aggregate.Pairs{Column: "objective"}})
	if err != nil {
		tb.Fatal(err)
	}
	src[aggregate.Paired] = paired
	return src
}

// landscapeTables are those of trainingTables with a loss that is the squared distance to pi_star plus one to pi_ref.
func landscapeTables() record.Memory {
	src := trainingTables()
	t := record.NewTable("landscape", "run", "prompt", "pi_0", "pi_1", "pi_2", "loss")
	const side = 20
	for _, run := range []string{"dpo/lambda=100", "typo/lambda=100"} {
		for j := range side + 1 {
			for i := range side + 1 - j {
				pi := []float64{float64(side-i-j) / side, float64(i) / side, float64(j) / side}
				loss := 0.0
				for k := range pi {
					loss += math.Pow(pi[k]-piStar[k], 2) + math.Pow(pi[k]-piRef[k], 2)
				}
				t.Append(run, "x", record.FormatFloat(pi[0]), record.FormatFloat(pi[1]), record.FormatFloat(pi[2]), strconv.FormatFloat(loss, 'g', -1, 64))
			}
		}
	}
	src["landscape"] = t
	return src
}
