// Package scorecard measures what losses do to a policy: every loss through every test, on the paper's environments and
// on random ones, with exact minimizers where toy/exact can and local minima found by search where it cannot. A loss that
// falls for ever has no minimizer, and an environment in which a search does not converge is left out and counted. Each cell
// is the worst case over the environments, and has what a certificate needs: where it happened, which policy was reached, what
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
	"sync"

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
	common := newShared(ctx, settings)
	card := &Card{Tests: selected(settings.Tests)}
	tables := spec.Tables()
	group, working := errgroup.WithContext(ctx)
	group.SetLimit(jobs)
	for i := range objectives {
		label := objectives[i].Label(tables)
		row := common.subject(label, objectives[i].Loss).row(card.Tests, settings)
		card.Losses, card.Cells = append(card.Losses, label), append(card.Cells, row.cells)
		for position := range row.visits {
			group.Go(func() error {
				if working.Err() == nil {
					row.visit(position)
				}
				return working.Err()
			})
		}
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, row := range card.Cells {
		for j := range row {
			row[j].decide()
		}
	}
	return card, ctx.Err()
}

// Check returns the first name in the settings that is no test, with its key and the tests there are.
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

// row is a loss that is being measured. Its unit of work is the visit to one environment, whose tests share
// minimizers.
type row struct {
	subject *Subject
	visits  []visit

	mu    sync.Mutex
	cells []Cell
	worst []int // by test, the position of the environment that the worst reading is from
}

// visit is an environment and the indices of the tests that are measured in it.
type visit struct {
	environment *Environment
	tests       []int
}

// row lists the environments of the tests, in order.
func (s *Subject) row(tests []*Test, settings spec.ScorecardSettings) *row {
	r := &row{subject: s, cells: make([]Cell, len(tests)), worst: make([]int, len(tests))}
	known := map[*Environment]int{}
	for j, t := range tests {
		c := &r.cells[j]
		*c = Cell{Loss: s.Label, Test: t, Bound: t.Bound, Verdict: None, subject: s}
		if b, ok := settings.Bounds[t.Name]; ok {
			c.Bound = b
		}
		c.Reading = Reading{None: "there is no environment for it", Value: math.NaN()}
		where := t.Where(s)
		c.evidence.random, c.evidence.of = random(where), random(s.shared.environments)
		for _, p := range where {
			if settings.Only != "" && p.Name != settings.Only {
				continue
			}
			at, ok := known[p]
			if !ok {
				at = len(r.visits)
				known[p] = at
				r.visits = append(r.visits, visit{environment: p})
			}
			r.visits[at].tests = append(r.visits[at].tests, j)
		}
	}
	return r
}

// visit takes the readings in an environment; those that are worse than what a cell has replace it.
func (r *row) visit(position int) {
	v := r.visits[position]
	subject := *r.subject
	subject.cache = map[minimumKey]*outcome{}
	for _, j := range v.tests {
		var seen evidence
		subject.evidence = &seen
		reading := subject.measure(r.cells[j].Test, v.environment)
		reading.Environment = v.environment
		r.fold(j, position, reading, &seen)
	}
}

// fold takes a reading into a cell: the worst one, of equal ones that of the first environment. One that is based on a
// search that did not converge is left out.
func (r *row) fold(j, position int, reading Reading, seen *evidence) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := &r.cells[j]
	c.evidence.fold(seen, position)
	if seen.unconverged > 0 {
		return
	}
	first := c.Reading.Environment == nil || position < r.worst[j]
	replaces := false
	switch measured := reading.None == ""; {
	case measured != (c.Verdict == Pass):
		replaces = measured || c.Reading.Environment == nil
	case !measured || reading.Value == c.Reading.Value:
		replaces = first
	default:
		replaces = reading.Value > c.Reading.Value
	}
	if !replaces {
		return
	}
	c.Reading, r.worst[j] = reading, position
	if reading.None == "" {
		c.Verdict = Pass
	}
}

// decide turns the worst reading into a verdict, once all are there.
func (c *Cell) decide() {
	switch {
	case c.Verdict == None && c.evidence.left > 0 && c.evidence.left == c.evidence.measured:
		c.Reading = Reading{Value: math.NaN(), Environment: c.Reading.Environment, None: fmt.Sprintf(
			"nothing could be measured: the search for a minimizer did not arrive in %d of %d environments, the first on %s",
			c.evidence.left, c.evidence.measured, c.evidence.example)}
	case c.Verdict == Pass:
		c.Verdict = VerdictOf(c.Reading.Value, c.Bound)
	}
}

// VerdictOf returns the verdict on a value, in the test's unit: Pass up to the bound, else Fail, as for NaN.
func VerdictOf(value, bound float64) Verdict {
	if value <= bound {
		return Pass
	}
	return Fail
}

// measure takes a reading. A loss that panics or gives no number fails at infinity, so that one broken loss does not
// lose the others.
func (s *Subject) measure(t *Test, p *Environment) (r Reading) {
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
