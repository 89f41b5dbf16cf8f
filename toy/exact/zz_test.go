package exact

import (
	"fmt"
	"testing"

	"windtunnel/toy/objective"
)

func TestZZ(t *testing.T) {
	e := env([][]float64{star3}, [][]float64{ref3})
	s := solve(t, Problem{Env: e, Pairs: comparisons["never compared"]}, &objective.DPOPositive{Lambda: 1, Penalty: 50})
	fmt.Println(s)
	s = solve(t, Problem{Env: e, Pairs: comparisons["one pair"]}, &objective.APODown{Lambda: 1})
	fmt.Println(s)
}
