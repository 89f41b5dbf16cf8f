package spec

import (
	"strings"

	"windtunnel/toy/objective"
)

// reviewUnpaired refuses an objective that compares responses where the run's data file holds single responses with
// labels.
func (l *loader) reviewUnpaired(run *Run, from *origin) {
	if f := run.preferenceFile(); f != nil && f.unpaired && !run.Loss.Objective().AcceptsUnpaired() {
		l.fail(from.mistake("objective.kind", run.Label+" compares two responses, but "+f.name+" holds single responses with labels",
			"a loss on unpaired data: "+strings.Join(unpairedLosses(), ", ")+"; or a file of pairs"))
	}
}

// unpairedLosses names the losses that read comparisons and are defined on single responses as well.
func unpairedLosses() []string {
	var names []string
	for _, kind := range objective.Kinds() {
		if kind.Name == "sum" || kind.Name == "custom" {
			continue // what they hold is the user's
		}
		if o := kind.New().Objective(); o.Compares() && o.AcceptsUnpaired() {
			names = append(names, kind.Name)
		}
	}
	return names
}
