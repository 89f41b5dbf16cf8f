package plots

import (
	"testing"

	"windtunnel/metrics/tables"
)

// Letters that no font of a figure has are told, each once; those that one has are not.
func TestLacks(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"基线 改进 基": "基线改进", "dpo": "", "λ ≤ π_ref → ∞ é ß Ж": "", "𠀀": "𠀀"} {
		runs := tables.NewTable(tables.Runs, "run", "objective", "lambda", "seed", "status", "tv_star")
		for _, lambda := range []string{"0.1", "1"} {
			runs.Append(text+lambda, text, lambda, "0", "done", "0.5")
		}
		kind, _ := Kinds().Find("lines")
		lines := kind.New().(*Lines)
		lines.X, lines.Y, lines.Twin = "lambda", "tv_star", false
		files, err := Render(Figure{Name: "f", Params: lines}, NewSources(func(string) (tables.Source, error) { return tables.Memory{tables.Runs: runs}, nil }))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if (f.Name == "f.png" || f.Name == "f.pdf") && f.Lacks != want || f.Name == "f.svg" && f.Lacks != "" {
				t.Errorf("%s: of %q %q is lacking, want %q", f.Name, text, f.Lacks, want)
			}
		}
	}
}
