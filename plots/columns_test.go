package plots_test

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"windtunnel/metrics/tables"
	"windtunnel/plots"
)

// without is a table less one column.
func without(t *tables.Table, column string) *tables.Table {
	kept := slices.DeleteFunc(slices.Clone(t.Header), func(c string) bool { return c == column })
	out := tables.NewTable(t.Name, kept...)
	for row := range t.Len() {
		cells := make([]string, len(kept))
		for i, name := range kept {
			cells[i] = t.Text(row, name)
		}
		out.Append(cells...)
	}
	return out
}

// optional are columns, as figure: table.column, that a figure shows where there are any, and does without where not.
var optional = map[string]bool{
	"frontier: traces.kl_pi_ref": true, "frontier: traces.reward": true, "frontier: traces.win_rate": true, "frontier: traces.step": true, "frontier: traces.run": true,
	"frontier_evaluations: evaluations.win_low": true, "frontier_evaluations: evaluations.win_high": true,
	"scorecard: scorecard.measured": true, "scorecard: scorecard.of": true,
}

// A figure needs each column that it draws: without one it is an error that names the column, never another figure.
func TestMissingColumns(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped by -short: takes long under the race detector, of which a single goroutine has no need")
	}
	t.Parallel()
	experiments := experiments(t)
	for _, fig := range figures() {
		t.Run(fig.Name, func(t *testing.T) {
			t.Parallel()
			want := inline(t, fig, experiments)
			for from, source := range experiments {
				if from != cmp.Or(fig.From, "constraint") {
					continue
				}
				for name, table := range source {
					for _, column := range table.Header {
						less := maps.Clone(source)
						less[name] = without(table, column)
						changed := maps.Clone(experiments)
						changed[from] = less
						drawings, err := plots.Draw(fig, sourcesOf(changed))
						switch place := fmt.Sprintf("%s: %s.%s", fig.Name, name, column); {
						case err != nil && !strings.Contains(err.Error(), column) && !strings.Contains(err.Error(), "tells them apart"):
							t.Errorf("%s is missing: %v", place, err)
						case err == nil && !optional[place] && !bytes.Equal(svg(t, drawings), want):
							t.Errorf("%s is missing, and another figure is drawn", place)
						}
					}
				}
			}
		})
	}
}

func inline(t *testing.T, fig plots.Figure, experiments map[string]tables.Memory) []byte {
	t.Helper()
	drawings, err := plots.Draw(fig, sourcesOf(experiments))
	if err != nil {
		t.Fatal(err)
	}
	return svg(t, drawings)
}

func svg(t *testing.T, drawings []*plots.Drawing) []byte {
	t.Helper()
	var all []byte
	for _, d := range drawings {
		one, err := d.SVG()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, one...)
	}
	return all
}
