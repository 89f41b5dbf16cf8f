package scorecard

import "fmt"

// evidence counts what a cell is based on over all environments.
type evidence struct {
	policies    int    // minimizers that were asked for
	unconverged int    // those whose search did not converge
	first       string // where the first of the latter is
	random, of  int    // random environments that were measured, of how many

	measured, left int    // environments, and those left out since a search did not converge
	example        string // where the first of the latter is
	at             int    // its position among the environments
}

// add takes note of an outcome; a nil evidence takes none.
func (e *evidence) add(where string, lambda float64, o *outcome) {
	if e == nil || o.convergence == byDesign {
		return
	}
	e.policies++
	if o.convergence == converged {
		return
	}
	if e.unconverged++; e.unconverged == 1 {
		e.first = where + atText(lambda)
	}
}

// fold takes in the evidence of one visit, the one with the given position among the environments.
func (e *evidence) fold(visit *evidence, position int) {
	e.measured++
	e.policies += visit.policies
	if visit.unconverged == 0 {
		return
	}
	if e.left++; e.left == 1 || position < e.at {
		e.example, e.at = visit.first, position
	}
}

// converged is the column of that name.
func (c *Cell) converged() string {
	e := &c.evidence
	switch {
	case e.left > 0:
		return "no"
	case e.policies == 0 || c.Verdict == None:
		return ""
	}
	return "yes"
}

// caveat is what a detail has to add: "" where all searches converged and all environments were measured.
func (e *evidence) caveat() string {
	text := ""
	if e.random > 0 && e.random < e.of {
		text = fmt.Sprintf("; measured on %d of the %d random environments", e.random, e.of)
	}
	if e.left > 0 {
		text += fmt.Sprintf("; %d of %d environments are left out, where the search for a minimizer did not arrive, the first on %s",
			e.left, e.measured, e.example)
	}
	return text
}

// random counts the random ones among some environments.
func random(all []*Environment) int {
	n := 0
	for _, p := range all {
		if p.Random {
			n++
		}
	}
	return n
}
