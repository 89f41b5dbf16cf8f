// Package scorecard puts every loss through every desideratum (see spec.Desideratum): the runs are the engine's, the numbers
// those of claims about their tables, in the paper's environments and in random ones. A cell is the worst environment. An
// environment in which the solver did not arrive is left out and counted.
package scorecard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"windtunnel/experiments/engine"
	"windtunnel/experiments/spec"
	"windtunnel/experiments/spec/decode"
	"windtunnel/metrics/claims"
	"windtunnel/metrics/tables"
	"windtunnel/toy/exact"
	"windtunnel/toy/objective"
	"windtunnel/toy/path"
	"windtunnel/toy/train"
)

// Verdict says whether a cell's value is within its bound.
type Verdict string

// None: the test does not apply to the loss, or is not decided, and Cell.Detail says why.
const (
	Pass Verdict = "pass"
	Fail Verdict = "fail"
	None Verdict = "none"
)

// Cell is one loss in one test.
type Cell struct {
	Loss         string
	Test         *spec.Desideratum
	Bound        float64
	Verdict      Verdict
	Reading             // of the environment with the worst value
	Site         *Site  // that environment, nil where there is none
	Measured, Of int    // environments: in how many the solver arrived, of those in which the test applies
	SameAs       string // the loss whose row this one has, "" for its own
	Searched     *Searched

	objective spec.Objective
}

// Reading is what a test finds in one environment.
type Reading struct {
	Value  float64 // NaN where there is none
	Prompt string
	Run    string // that the value is from, "" where it is of several
	Lambda float64
	Solver string
	Status string // the gravest of the runs
	Detail string // the finding in words, or why there is none

	outcome outcome
}

// outcome says what became of a reading.
type outcome int

const (
	measured outcome = iota
	empty            // nothing there fulfils the conditions of the claim
	left             // the solver did not arrive
	inapplicable
)

// Site is where a test is asked: an environment of the card, one of a test's own, or one that its file adds.
type Site struct {
	Name        string
	Environment *Environment // of the card; nil for others
	also        int          // number of an environment that the file adds
}

// size says how much work a site is beside others: the responses of its environment, where this is of the card.
func (s *Site) size() int {
	if s.Environment == nil {
		return 0
	}
	return s.Environment.Env.Responses()
}

// Card is the filled table: a row a loss, a column a test.
type Card struct {
	Losses []string
	Tests  []*spec.Desideratum
	Cells  [][]Cell // by loss, by test
}

// subject is a loss with its tests, each planned once for all environments of the card and once for each that its file adds.
type subject struct {
	label     string
	objective spec.Objective
	lambda    float64             // NaN where it has none
	plans     [][]func() *planned // by test, then by Site.also
}

// planned is a desideratum of a loss as it is planned before its environment is known.
type planned struct {
	why   string // the test does not apply to the loss, "" where it does
	plan  *spec.Plan
	claim claims.Params
	wants []string // tables
	parts []int    // numbers of the first runs by which the claim may be known already, and of all
}

// Run fills a scorecard on the given number of workers. Labels of objectives must differ. The result does not depend on jobs.
// An error is the context's.
func Run(ctx context.Context, objectives []spec.Objective, tests []*spec.Desideratum, settings spec.ScorecardSettings, jobs int) (*Card, error) {
	card := &Card{Tests: tests}
	kinds := spec.Tables()
	var subjects []*subject
	for i := range objectives {
		label := objectives[i].Label(kinds)
		card.Losses = append(card.Losses, label)
		subjects = append(subjects, newSubject(label, objectives[i], tests, settings))
	}
	same := twins(subjects)
	sites, all := sitesOf(tests, environments(settings.Environments, settings.Seed))
	readings := make([][][]Reading, len(subjects)) // by loss, test and site
	for i := range subjects {
		readings[i] = make([][]Reading, len(tests))
		for j := range tests {
			readings[i][j] = make([]Reading, len(sites[j]))
		}
	}
	slices.SortStableFunc(all, func(a, b *Site) int { return cmp.Compare(b.size(), a.size()) }) // so that no worker is left with a long one
	group, working := errgroup.WithContext(ctx)
	group.SetLimit(jobs)
	for _, site := range all {
		group.Go(func() (err error) {
			var memory engine.Memory
			for i, s := range subjects {
				for j, t := range tests {
					k := slices.Index(sites[j], site)
					if k < 0 || same[i] != i {
						continue
					}
					if readings[i][j][k], err = s.read(working, &memory, t, j, site); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	searched, err := search(ctx, subjects, same, tests, settings, jobs)
	if err != nil {
		return nil, err
	}
	for i, s := range subjects {
		row := make([]Cell, len(tests))
		for j, t := range tests {
			row[j] = fold(readings[same[i]][j], sites[j])
			row[j].Loss, row[j].Test, row[j].objective = s.label, t, s.objective
			row[j].Bound = boundOf(t, settings)
			if searched != nil {
				row[j].Searched = searched[same[i]][j]
			}
			if row[j].decide(); same[i] != i {
				row[j].SameAs = card.Losses[same[i]]
				row[j].Detail = "the same as " + row[j].SameAs + " in a bandit: " + row[j].Detail
			}
		}
		card.Cells = append(card.Cells, row)
	}
	return card, ctx.Err()
}

// boundOf returns the largest value of a test that passes.
func boundOf(t *spec.Desideratum, settings spec.ScorecardSettings) float64 {
	if bound, ok := settings.Bounds[t.Name]; ok {
		return bound
	}
	return t.Bound
}

// sitesOf lists the sites of each test, the environments that its file adds, then its own or those of the card that it fits; and all of
// them once.
func sitesOf(tests []*spec.Desideratum, environments []*Environment) (sites [][]*Site, all []*Site) {
	for _, e := range environments {
		all = append(all, &Site{Name: e.Name, Environment: e})
	}
	card := slices.Clone(all)
	sites = make([][]*Site, len(tests))
	for j, t := range tests {
		for i, name := range t.Further() {
			sites[j] = append(sites[j], &Site{Name: name, also: i + 1})
		}
		if !t.OnCard {
			sites[j] = append(sites[j], &Site{Name: t.Name[strings.LastIndex(t.Name, "/")+1:]})
		}
		all = append(all, sites[j]...)
		for _, site := range card {
			if env := site.Environment.Env; t.OnCard && len(env.Prompts) >= t.Prompts && env.Responses() >= t.Responses {
				sites[j] = append(sites[j], site)
			}
		}
	}
	return sites, all
}

func newSubject(label string, loss spec.Objective, tests []*spec.Desideratum, settings spec.ScorecardSettings) *subject {
	s := &subject{label: label, objective: loss, lambda: math.NaN()}
	if lambda, _, _, ok := objective.Lambda(loss.Loss); ok {
		s.lambda = lambda
	}
	for _, t := range tests {
		bound := boundOf(t, settings)
		plans := make([]func() *planned, len(t.Further())+1)
		for also := range plans {
			plans[also] = sync.OnceValue(func() *planned { return s.plan(t, spec.Place{Also: also, Bound: &bound}) })
		}
		s.plans = append(s.plans, plans)
	}
	return s
}

// plan plans a test of the loss, or says why it does not apply: the loss lacks what the test needs, or the test's solver, comparisons
// or policy refuse it.
func (s *subject) plan(t *spec.Desideratum, at spec.Place) *planned {
	switch {
	case slices.Contains(t.Needs, "lambda") && math.IsNaN(s.lambda):
		return &planned{why: "the loss has no lambda"}
	case slices.Contains(t.Needs, "comparisons") && !s.objective.Loss.Objective().Compares():
		return &planned{why: "the loss reads no comparisons"}
	}
	c, err := t.Config(s.objective, at)
	if err != nil {
		return &planned{why: s.refused(err)}
	}
	p := &planned{plan: c.Plan, claim: c.Experiment.Claims[0].Test.(claims.Params), wants: []string{tables.Runs}}
	refs := p.claim.Refs()
	for _, column := range refs.Columns {
		p.wants = append(p.wants, column.Table)
	}
	if len(refs.Prompts) > 0 || t.Prompt != "" {
		p.wants = append(p.wants, tables.Prompts)
	}
	if slices.ContainsFunc(p.plan.Runs, func(r *spec.Run) bool { return r.Path != nil }) { // metrics are of the points' policies
		p.wants = append(p.wants, tables.Policies, tables.Traces, tables.Trajectories)
	}
	// Where a level is reached first does not depend on what lies beyond. The points of a path are all of one run.
	if c, ok := p.claim.(*claims.Crossing); ok && c.Along != tables.Strength {
		at, last := 0, math.Inf(-1)
		for row := range p.plan.Rows(c.Along) {
			x := tables.ParseFloat(row[0])
			if x > last && !math.IsInf(last, -1) {
				p.parts = append(p.parts, at)
			} else if x < last {
				p.parts = nil
				break
			}
			if at++; !math.IsNaN(x) {
				last = x
			}
		}
	}
	p.parts = append(p.parts, len(p.plan.Runs))
	return p
}

// refused puts into words why a test's config, which is right with other losses, cannot be had with this one.
func (s *subject) refused(err error) string {
	var mistakes decode.Errors
	errors.As(err, &mistakes)
	var all []string
	for _, one := range mistakes {
		wrong := strings.Replace(" "+one.Wrong, " "+spec.UnderTest+" ", " "+s.label+" ", 1)
		all = append(all, strings.TrimSpace(one.Key+wrong))
	}
	return "the test cannot be had with the loss: " + strings.Join(all, "; ")
}

// read takes the reading of test j at a site.
func (s *subject) read(ctx context.Context, memory *engine.Memory, t *spec.Desideratum, j int, site *Site) (Reading, error) {
	p := s.plans[j][site.also]()
	if p.why != "" {
		return without(inapplicable, p.why), nil
	}
	plan := p.plan
	if site.Environment != nil {
		plan = plan.In(site.Environment.Params, site.Environment.Seed, site.Name)
	} else if !t.Constant && constant(plan) {
		return without(inapplicable, "the loss is the same for every policy there"), nil
	}
	worst := Reading{}
	for _, n := range p.parts {
		part := *plan
		part.Runs = plan.Runs[:n]
		src, err := memory.Tables(ctx, &part, p.wants)
		if err != nil {
			return Reading{}, err
		}
		if worst = worstOf(t, p.claim, &part, src); worst.outcome == measured && !math.IsInf(worst.Value, 1) {
			break
		}
	}
	return worst, nil
}

// without is a reading without a value.
func without(o outcome, why string) Reading {
	return Reading{Value: math.NaN(), Lambda: math.NaN(), Detail: why, outcome: o}
}

// worstOf takes the worst of the readings of a claim at the prompts that the test asks about.
func worstOf(t *spec.Desideratum, claim claims.Params, plan *spec.Plan, src tables.Memory) Reading {
	prompts := []string{""}
	if t.Prompt != "" {
		if prompts = src[tables.Prompts].Distinct("prompt"); t.Prompt == "last" {
			prompts = prompts[len(prompts)-1:]
		}
	}
	var worst Reading
	for i, prompt := range prompts {
		if r := evaluate(t, onPrompt(claim, prompt), plan, src); i == 0 || r.outcome == worst.outcome && r.Value > worst.Value {
			r.Prompt = prompt
			worst = r
		}
	}
	return worst
}

// gravity orders the statuses of runs.
var gravity = []train.Status{train.Given, train.Done, train.Converged, exact.NotUnique, exact.Boundary, exact.Local, train.Stationary, train.Cycle,
	train.Collapse, train.Diverged, exact.Stalled, train.Failed}

// arrived says whether the solver of a run came to an answer, be it that there is none. So did training that runs off, and a loss
// that breaks: both fail.
func arrived(status, reason string) bool {
	return status != string(exact.Stalled) && (status != tables.Failed || strings.HasPrefix(reason, "training diverged") || strings.HasPrefix(reason, "panic"))
}

// onPrompt returns a claim about a prompt, the claim itself for "".
func onPrompt(claim claims.Params, prompt string) claims.Params {
	if prompt == "" {
		return claim
	}
	v := reflect.New(reflect.TypeOf(claim).Elem())
	v.Elem().Set(reflect.ValueOf(claim).Elem())
	v.Elem().FieldByName("Prompt").SetString(prompt)
	return v.Interface().(claims.Params)
}

// roundingNoise is what counts as 0, so that rounding does not choose the worst case.
const roundingNoise = 1e-12

// evaluate reads the number of a claim from tables.
func evaluate(t *spec.Desideratum, claim claims.Params, plan *spec.Plan, src tables.Memory) Reading {
	r := without(measured, "")
	runs := src[tables.Runs]
	for row := range runs.Len() {
		if runs.Text(row, "objective") != spec.UnderTest {
			continue
		}
		run, status, reason := plan.Runs[row], runs.Text(row, "status"), runs.Text(row, "reason")
		if slices.Index(gravity, train.Status(status)) >= slices.Index(gravity, train.Status(r.Status)) {
			r.Status, r.Solver = status, run.Solver
		}
		if r.outcome != left && !arrived(status, reason) {
			r.outcome, r.Run, r.Lambda, r.Detail = left, run.ID, run.Lambda, reason
		}
	}
	if r.outcome == left {
		return r
	}
	result, err := claims.Evaluate(claim, src)
	switch {
	case errors.Is(err, claims.ErrUndecided):
		r.outcome, r.Detail = left, err.Error()
		return r
	case err != nil:
		r.outcome, r.Detail = inapplicable, err.Error()
		for row := range runs.Len() {
			if reason := runs.Text(row, "reason"); reason != "" {
				r.Detail += ": " + reason
				break
			}
		}
		return r
	}
	r.Value, r.Detail = t.Turn(result.Value), result.Detail
	if math.IsNaN(result.Bound) || math.IsNaN(r.Value) { // a run broke or nothing counts, and the detail says how
		r.Value = math.Inf(1)
	}
	if math.IsInf(r.Value, 1) && strings.Contains(r.Detail, claims.NothingCounts) {
		r.outcome = empty
	}
	if math.Abs(r.Value) < roundingNoise {
		r.Value = 0
	}
	named := -1
	for row, run := range plan.Runs {
		if strings.HasPrefix(r.Detail, run.ID) && (named < 0 || len(run.ID) > len(r.Run)) {
			named, r.Run = row, run.ID
		}
	}
	if named < 0 {
		return r
	}
	run := plan.Runs[named]
	r.Lambda, r.Solver = run.Lambda, run.Solver
	if strength := r.strength(); !math.IsNaN(strength) && run.Path != nil && run.Path.Along == path.Lambda {
		r.Lambda = strength
	}
	if reason := runs.Text(named, "reason"); math.IsInf(r.Value, 1) && reason != "" && !strings.Contains(r.Detail, reason) {
		r.Detail += ": " + reason
	}
	return r
}

// strength is where on the path of its run the value is from, NaN where the detail names no such point.
func (r *Reading) strength() float64 {
	at, ok := strings.CutPrefix(r.Detail, r.Run+" at strength ")
	if !ok {
		return math.NaN()
	}
	return tables.ParseFloat(strings.TrimRight(strings.Fields(at)[0], ":,"))
}

// fold takes the worst of the readings, of equal ones the first.
func fold(readings []Reading, sites []*Site) Cell {
	c := Cell{Reading: without(inapplicable, "there is no environment for it")}
	first, nothing := -1, 0 // the first that is left out, and how many are empty
	for i, r := range readings {
		switch r.outcome {
		case inapplicable:
			if i == 0 {
				c.Reading = r
			}
			continue
		case left:
			if first < 0 {
				first = i
			}
		case empty, measured:
			c.Measured++
			if r.outcome == empty {
				nothing++
			}
			if c.Site == nil || r.outcome < c.outcome || r.outcome == c.outcome && r.Value > c.Value {
				c.Reading, c.Site = r, sites[i]
			}
		}
		c.Of++
	}
	if c.Site != nil && nothing > 0 && c.outcome == measured {
		c.Detail += fmt.Sprintf("; in %d of %d environments %s", nothing, c.Of, claims.NothingCounts)
	}
	if first < 0 {
		return c
	}
	why := readings[first].Detail
	if c.Of > 1 {
		why = fmt.Sprintf("%d of %d environments were measured; in the others the solver did not arrive, the first %s: %s",
			c.Measured, c.Of, sites[first].Name, why)
	}
	if 10*c.Measured < 9*c.Of {
		c.Reading, c.Site = without(left, why), sites[first]
		c.Status = readings[first].Status
		return c
	}
	c.Detail += "; " + why
	return c
}

// decide gives the verdict.
func (c *Cell) decide() {
	c.Verdict = None
	if c.outcome == measured || c.outcome == empty {
		c.Verdict = VerdictOf(c.Value, c.Bound)
	}
}

// VerdictOf returns the verdict on a value, in the test's unit: Pass up to the bound, else Fail, as for NaN.
func VerdictOf(value, bound float64) Verdict {
	if value <= bound {
		return Pass
	}
	return Fail
}
