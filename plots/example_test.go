package plots_test

import (
	"fmt"

	"windtunnel/metrics/tables"
	"windtunnel/plots"
)

// A figure is drawn from tables alone, here from two runs held in memory.
func ExampleRender() {
	runs := tables.NewTable(tables.Runs, "run", "objective", "lambda", "seed", "status", "tv_star", "kl_pi_ref")
	for _, row := range [][]string{
		{"typo/lambda=0.1", "typo", "0.1", "0", "converged", "0.02", "0.09"},
		{"typo/lambda=10", "typo", "10", "0", "converged", "0.19", "0.01"},
	} {
		runs.Append(row...)
	}
	src := plots.NewSources(func(string) (tables.Source, error) { return tables.Memory{tables.Runs: runs}, nil })

	kind, _ := plots.Kinds().Find("lines")
	lines := kind.New().(*plots.Lines)
	lines.X, lines.Y = "lambda", "tv_star"
	files, err := plots.Render(plots.Figure{Name: "distance", Params: lines}, src)
	for _, file := range files {
		fmt.Println(file.Name)
	}
	fmt.Println(err)
	// Output:
	// distance.svg
	// distance.png
	// distance.pdf
	// distance.csv
	// <nil>
}
