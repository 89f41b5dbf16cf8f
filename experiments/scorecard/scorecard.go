// Package scorecard measures what losses do to a policy: every loss through every test, on the paper's environments and
// on random ones, with exact minimizers where toy/exact can and trained policies where it cannot. Each cell is the worst
// case over the environments, and keeps what a certificate needs: where it happened, which policy was reached, what
// was expected, and an experiment that does it again.
//
// A test is a file of its own and a line in Tests. Its values are such that less is better.
package scorecard

import (
	"context"
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"windtunnel/experiments/spec"
)

// Verdict says whether a cell's value is within its bound.
type Verdict string

// None: the test does not apply to the loss, and Cell.Reading.None says why.
const (
	Pass Verdict = "pass"
	Fail Verdict = "fail"
	None Verdict = "none"
)

// Cell is one loss in one test.
type Cell struct {
	Loss    string
	Test    *Test
	Bound   float64
	Verdict Verdict
	Reading Reading // of the environment with the worst value

	evidence evidence // over all environments
	subject  *Subject
}

// Card is the filled table: a row a loss, a column a test.
type Card struct {
	Losses []string
	Tests  []*Test
	Cells  [][]Cell // by loss, by test
}

// Run fills a scorecard on the given number of workers. Labels of objectives must differ, names of tests and bounds must
// have passed Check. The result does not depend on jobs. The error is the context's.
func Run(ctx context.Context, objectives []spec.Objective, settings spec.ScorecardSettings, jobs int) (*Card, error) {
	lab := newLab(ctx, settings)
	card := &Card{Tests: selected(settings.Tests)}
	tables := spec.Tables()
	for i := range objectives {
		card.Losses = append(card.Losses, objectives[i].Label(tables))
		card.Cells = append(card.Cells, make([]Cell, len(card.Tests)))
	}
	group, working := errgroup.WithContext(ctx)
	group.SetLimit(jobs)
	subjects := make([]*Subject, len(objectives))
	for i := range objectives {
		subjects[i] = lab.subject(card.Losses[i], objectives[i].Loss)
	}
	// Tests of one loss share minimizers: side by side, one would wait for the other's. So workers go from loss to loss.
	for j, test := range card.Tests {
		for i, subject := range subjects {
			group.Go(func() error {
				if working.Err() == nil {
					card.Cells[i][j] = subject.cell(test, settings)
				}
				return working.Err()
			})
		}
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return card, ctx.Err()
}

// Check returns the first name in the settings that is no test, with the key it stands at and the tests there are.
func Check(settings spec.ScorecardSettings) (key, name string, ok bool) {
	for i, name := range settings.Tests {
		if len(selected([]string{name})) == 0 {
			return fmt.Sprintf("scorecard.tests.%d", i), name, false
		}
	}
	var bounds []string
	for name := range settings.Bounds {
		bounds = append(bounds, name)
	}
	slices.Sort(bounds)
	for _, name := range bounds {
		if _, known := Find(name); !known {
			return "scorecard.bounds." + name, name, false
		}
	}
	return "", "", true
}

// Names returns the names of all tests.
func Names() []string {
	var names []string
	for _, t := range Tests() {
		names = append(names, t.Name)
	}
	return names
}

// Find returns the test of that name.
func Find(name string) (*Test, bool) {
	for _, t := range Tests() {
		if t.Name == name {
			return t, true
		}
	}
	return nil, false
}

// selected returns the tests of the given names or groups, all for none. A name that is both, as preservation, is the test
// alone, so that the config of one cell holds one cell.
func selected(names []string) []*Test {
	return slices.DeleteFunc(Tests(), func(t *Test) bool {
		return len(names) > 0 && !slices.ContainsFunc(names, func(name string) bool {
			_, single := Find(name)
			return t.Name == name || !single && strings.HasPrefix(t.Name, name+"/")
		})
	})
}

// roundingNoise is what counts as 0, so that rounding does not choose the worst case.
const roundingNoise = 1e-12

// cell measures one test at every place that it looks at, and keeps the worst.
func (s *Subject) cell(t *Test, settings spec.ScorecardSettings) Cell {
	c := Cell{Loss: s.Label, Test: t, Bound: t.Bound, Verdict: None, subject: s}
	if b, ok := settings.Bounds[t.Name]; ok {
		c.Bound = b
	}
	c.Reading = Reading{None: "there is no environment for it", Value: math.NaN()}
	where := t.Places(s)
	c.evidence.random, c.evidence.of = random(where), random(s.lab.places)
	for _, place := range where {
		if settings.Only != "" && place.Name != settings.Only {
			continue
		}
		witness := *s
		witness.evidence = &c.evidence
		r := witness.measure(t, place)
		r.Place = place
		switch {
		case r.None != "":
			if c.Verdict == None {
				c.Reading = r
			}
		case c.Verdict == None || r.Value > c.Reading.Value:
			c.Reading, c.Verdict = r, Pass
		}
	}
	if c.Verdict == Pass && !(c.Reading.Value <= c.Bound) {
		c.Verdict = Fail
	}
	return c
}

// measure takes a reading. A loss that panics or gives no number fails at infinity, so that one broken loss does not
// lose the others.
func (s *Subject) measure(t *Test, p *Place) (r Reading) {
	defer func() {
		if v := recover(); v != nil {
			r = Reading{Value: math.Inf(1), Detail: fmt.Sprintf("panic: %v", v), stack: string(debug.Stack())}
		}
	}()
	if r = t.Measure(s, p); r.None == "" && math.IsNaN(r.Value) {
		r.Value, r.Detail = math.Inf(1), "not a number; "+r.Detail
	}
	if math.Abs(r.Value) < roundingNoise {
		r.Value = 0
	}
	return r
}
