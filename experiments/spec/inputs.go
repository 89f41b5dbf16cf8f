package spec

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"windtunnel/toy/lines"
	"windtunnel/toy/preference"
)

// Input is what became of the lines of a data file in the runs that read it alike.
type Input struct {
	lines.Account
	Run  string `json:"run"`  // the first of them
	Runs int    `json:"runs"` // how many there are
	Text string `json:"text"` // the account in words
}

// readers are the settings that say what is read of a file.
type readers struct{ environment, preferences, policy any }

func readersOf(r *Run) readers {
	of := readers{environment: r.Environment, preferences: r.Preferences}
	if r.Language() {
		of.policy = r.Policy
	}
	return of
}

// account notes what became of a file in a run. The same file may lie in another folder beside results.
func (p *Plan) account(r *Run, a lines.Account) {
	a.File = path.Base(a.File)
	of := readersOf(r)
	for _, known := range p.accounts[of] {
		if known == a {
			return
		}
	}
	p.accounts[of] = append(p.accounts[of], a)
}

// Read returns what became of the data files that runs read line by line, in the order of the runs.
func (p *Plan) Read() []Input {
	var all []Input
	at := map[lines.Account]int{}
	for _, r := range p.Runs {
		for _, a := range p.accounts[readersOf(r)] {
			i, known := at[a]
			if !known {
				i = len(all)
				at[a] = i
				all = append(all, Input{Account: a, Run: r.ID, Text: a.String()})
			}
			all[i].Runs++
		}
	}
	return all
}

// mostTold is how many settings of draws, and how many draws of each, it is worth telling of.
const (
	mostTold  = 4
	mostDrawn = 1e6
)

// Draws says how many pairs the first run of each n has, where draws fall out: "preferences.n: 50 draws gave 33 pairs in the first
// run". It is "" where there are none, or too many to draw again.
func (p *Plan) Draws() string {
	var told []string
	var seen []preference.Params
	for _, r := range p.Runs {
		s, drawn := r.Preferences.(*preference.Sample)
		if !drawn || s.N > mostDrawn || len(told) == mostTold || slices.Contains(seen, r.Preferences) {
			continue
		}
		seen = append(seen, r.Preferences)
		env, err := r.BuildEnvironment()
		if err != nil {
			continue
		}
		pairs, err := r.BuildPreferences(env)
		if n := len(env.Training()); err == nil && pairs.Len() < n*s.N {
			told = append(told, fmt.Sprintf("%d draws gave %d pairs", n*s.N, pairs.Len()))
		}
	}
	if told == nil {
		return ""
	}
	return "preferences.n: " + strings.Join(told, ", ") + " in the first run: draws of equal responses fall out"
}
