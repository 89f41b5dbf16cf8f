package summaries

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"windtunnel/metrics/tables"
)

// Metrics that do not fit into memory together are read in several passes, with the same rows.
func TestHeld(t *testing.T) {
	header := []string{"run", "objective", "seed", "status", "steps", "reason", "a", "b", "c"}
	table, schema := tables.NewTable(tables.Runs, header...), tables.Schema{}
	for i := range 20 {
		row := []string{fmt.Sprint("r", i), []string{"dpo", "ipo"}[i%2], fmt.Sprint(i / 2), "done", "7", ""}
		for j := range 3 {
			row = append(row, tables.FormatFloat(math.Sin(float64(3*i+j))))
		}
		table.Append(row...)
	}
	for _, name := range header {
		schema = append(schema, tables.Column{Name: name})
	}
	dir := t.TempDir()
	if err := tables.WriteTable(dir, table, schema, tables.CSV); err != nil {
		t.Fatal(err)
	}
	rows := func(held int) string {
		folder, err := tables.OpenFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		var s Settings
		s.SetDefaults()
		g, err := Open(folder, s)
		if err != nil {
			t.Fatal(err)
		}
		g.held = held
		var all strings.Builder
		emit := func(cells []string) error { fmt.Fprintln(&all, cells); return nil }
		if err := g.Summarize(emit); err != nil {
			t.Fatal(err)
		}
		if err := g.Compare(emit); err != nil {
			t.Fatal(err)
		}
		return all.String()
	}
	want := rows(heldCells)
	if n := strings.Count(want, "\n"); n != 4*2+4 { // steps, a, b, c: a row a loss, and one to compare them
		t.Fatalf("%d rows:\n%s", n, want)
	}
	for _, held := range []int{0, 20, 40} {
		if got := rows(held); got != want {
			t.Errorf("with %d cells held:\n%s\nwant\n%s", held, got, want)
		}
	}
}
