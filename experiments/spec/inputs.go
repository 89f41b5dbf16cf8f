package spec

import (
	"fmt"
	"path"
	"slices"

	"windtunnel/toy/lines"
	"windtunnel/toy/preference"
)

// Input is what became of the records of a data file.
type Input struct {
	lines.Account
	Text string `json:"text"` // the account in words
	run  *Run   // the first that reads the file so
}

// Run returns the name of the first run that reads the file so.
func (in *Input) Run() string { return in.run.ID }

// account notes what became of a file in a run. The same file may lie in another folder beside results.
func (p *Plan) account(r *Run, a lines.Account) {
	a.File = path.Base(a.File)
	if !slices.ContainsFunc(p.Read, func(in Input) bool { return in.Account == a }) {
		p.Read = append(p.Read, Input{a, a.String(), r})
	}
}

// mostDrawn is how many draws of pairs are done again to tell how many fall out.
const mostDrawn = 1_000_000

// Draws says how many pairs the first run has of how many draws, "" where none fall out or pairs are not drawn.
func (p *Plan) Draws() string {
	r := p.Runs[0]
	s, drawn := r.Preferences.(*preference.Sample)
	if !drawn || s.N > mostDrawn {
		return ""
	}
	env, err := r.BuildEnvironment()
	if err != nil {
		return ""
	}
	pairs, err := r.BuildPreferences(env)
	n := len(env.Training()) * s.N
	if err != nil || pairs.Len() == n {
		return ""
	}
	return fmt.Sprintf("preferences: %d draws gave %d pairs in %s: equal draws fall out", n, pairs.Len(), r)
}
