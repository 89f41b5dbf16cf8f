package model_test

import (
	"fmt"

	"windtunnel/experiments/explore/model"
)

// Where DPO and TYPO go as lambda falls, for the paper's three responses.
func ExampleExplorer() {
	s, problems := model.ParseState("lambda=0.001&a=dpo&b=typo")
	if len(problems) > 0 {
		fmt.Println(problems)
		return
	}
	var e model.Explorer
	for _, o := range e.Explore(s, true).Outcomes {
		fmt.Println(o.Answer)
		fmt.Printf("%s by %s: %.2f; strong interpolation %s\n", o.Label, o.Solver, o.Policy, o.Criteria[0].Verdict)
	}
	// Output:
	// DPO collapses to y_a, 0 from all mass on it and 0.4 from π*.
	// dpo by exact: [1.00 0.00 0.00]; strong interpolation fails
	// TYPO lands 0.00041 from π*.
	// typo by exact: [0.60 0.30 0.10]; strong interpolation holds
}
