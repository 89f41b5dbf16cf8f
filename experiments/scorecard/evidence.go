package scorecard

import "fmt"

// evidence counts the policies that a cell rests on, over all environments and lambdas, and those whose search did not
// arrive.
type evidence struct {
	policies, underway int
	first              string // where the first of the latter is
	random, of         int    // random environments that were looked at, of how many
}

// add takes note of an outcome; a nil evidence takes none.
func (e *evidence) add(where string, lambda float64, o *outcome) {
	if e == nil || o.settled == byDesign || !o.whole() {
		return
	}
	e.policies++
	if o.settled == arrived {
		return
	}
	if e.underway++; e.underway == 1 {
		e.first = where + atText(lambda)
	}
}

// converged is the column of that name.
func (c *Cell) converged() string {
	e := &c.evidence
	switch {
	case e.policies == 0 || c.Verdict == None:
		return ""
	case e.underway > 0:
		return "no"
	}
	return "yes"
}

// caveat is what a detail has to add: "" where all searches arrived and all environments were looked at.
func (e *evidence) caveat() string {
	text := ""
	if e.random > 0 && e.random < e.of {
		text = fmt.Sprintf("; measured on %d of the %d random environments", e.random, e.of)
	}
	if e.underway > 0 {
		text += fmt.Sprintf("; %d of the %d policies behind this cell did not converge, the first on %s", e.underway, e.policies, e.first)
	}
	return text
}

// random counts the random environments among places.
func random(places []*Place) int {
	n := 0
	for _, p := range places {
		if p.Random {
			n++
		}
	}
	return n
}
