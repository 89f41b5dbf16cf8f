package exact

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"windtunnel/toy/objective"
)

func TestSurvey(t *testing.T) {
	for _, kind := range objective.Kinds() {
		if kind.Name == "custom" || kind.Name == "sum" || kind.Name == "best-of-n" {
			continue
		}
		for _, lambda := range []float64{0.01, 1, 100} {
			line := fmt.Sprintf("%-18s %-5g", kind.Name, lambda)
			for _, name := range []string{"never loses", "never compared", "one pair", "flipped"} {
				loss := with(kind.Name, lambda)
				b := newBench(t, loss, comparisons[name])
				begin := time.Now()
				v, err := Solve(context.Background(), &Problem{Env: b.env, Policy: b.affine(), Objective: loss.Objective(), Pairs: comparisons[name]})
				if err != nil {
					line += fmt.Sprintf(" | ERR %.40v", err)
					continue
				}
				p := ""
				if v.Policy[0] != nil {
					for _, x := range v.Policy[0] {
						p += fmt.Sprintf("%.4f ", math.Exp(x))
					}
				}
				line += fmt.Sprintf(" | %s %s %v", v.Status, p, time.Since(begin).Round(10*time.Microsecond))
			}
			fmt.Println(line)
		}
	}
}
