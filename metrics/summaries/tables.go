package summaries

import "windtunnel/metrics/tables"

// Tables returns the tables Summary and Paired in memory, with the warnings. Paired is nil if there is
// nothing to compare. The
// errors are those of [Open], [Groups.Summarize] and [Groups.Compare].
func Tables(src tables.Source, s Settings) (summary, paired *tables.Table, warnings []string, err error) {
	g, err := Open(src, s)
	if err != nil {
		return nil, nil, nil, err
	}
	if summary, err = collect(Summary, g.SummarySchema(nil).Names(), g.Summarize); err != nil {
		return nil, nil, nil, err
	}
	if paired, err = collect(Paired, g.PairedSchema(nil).Names(), g.Compare); err != nil {
		return nil, nil, nil, err
	}
	if paired.Len() == 0 {
		paired = nil
	}
	return summary, paired, g.Warnings(), nil
}

// collect puts emitted rows into a table.
func collect(name string, header []string, rows func(emit func(cells []string) error) error) (*tables.Table, error) {
	t := tables.NewTable(name, header...)
	err := rows(func(cells []string) error {
		t.Append(cells...)
		return nil
	})
	return t, err
}
