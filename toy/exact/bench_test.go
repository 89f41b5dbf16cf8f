package exact

import (
	"fmt"
	"testing"

	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
)

func BenchmarkSolve(b *testing.B) {
	for _, k := range []int{3, 50} {
		star, ref := make([]float64, k), make([]float64, k)
		for i := range k {
			star[i], ref[i] = float64(1+i), float64(1+i*i%7)
		}
		e := env([][]float64{star}, [][]float64{ref})
		data := population(e)
		for _, c := range []struct {
			name string
			loss objective.Params
			l2   float64
		}{
			{"dpo", &objective.DPO{Lambda: 0.5}, 0},
			{"f-dpo", &objective.FDPO{Lambda: 0.5, Divergence: "js"}, 0},
			{"typo", &objective.TYPO{Lambda: 0.5}, 0},
			{"rlhf", &objective.RLHF{Lambda: 0.5}, 0},
			{"dpo-l2", &objective.DPO{Lambda: 0.5}, 0.1},
			{"rlhf-l2", &objective.RLHF{Lambda: 0.5}, 0.1},
			{"f-dpo-l2", &objective.FDPO{Lambda: 0.5, Divergence: "js"}, 0.1},
		} {
			b.Run(fmt.Sprintf("%s/K=%d", c.name, k), func(b *testing.B) {
				for b.Loop() {
					solve(b, Problem{Env: e, Pairs: data, L2: c.l2, Policy: build(b, e, &policy.TabularParams{})}, c.loss)
				}
			})
		}
	}
}
