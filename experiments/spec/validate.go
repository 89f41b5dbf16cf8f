package spec

import "windtunnel/toy/bandit"

// mostMistakes ends the validation of a plan: beyond it a sweep repeats itself.
const mostMistakes = 100

// check looks at every combination of the values of some sections, each once.
type check struct {
	facet    facet // of the dimensions that the sections depend on
	sections []int // that the run it is given has, beside the seed
	needs    []*check
	do       func(run *Run, from *origin)

	seen   *bitset
	broken map[int]bool // combinations with mistakes
}

func newCheck(f facet, do func(run *Run, from *origin)) *check {
	return &check{facet: f, do: do, seen: newBitset(f.size), broken: map[int]bool{}}
}

// validate decodes every section of every run and reviews how they go together, reading the data files.
func (l *loader) validate(p *Plan) {
	checks := l.checks(p)
	from := &origin{l: l, plan: p}
	for c := range p.combinations() {
		from.digits = p.product.digits(c, from.digits[:0])
		for _, check := range checks {
			l.visit(p, check, from)
		}
		if len(l.errs) > mostMistakes {
			return
		}
	}
}

// visit does a check at a combination, unless it has been done for the same values or what it needs is broken.
func (l *loader) visit(p *Plan, c *check, from *origin) {
	index := c.facet.index(from.digits)
	if !c.seen.add(index) {
		return
	}
	for _, need := range c.needs {
		if need.broken[need.facet.index(from.digits)] {
			c.broken[index] = true
			return
		}
	}
	before := len(l.errs)
	run := &Run{Label: p.labels[p.product.objective(from.digits)]}
	for _, i := range c.sections {
		p.fill(run, i, from.digits)
	}
	if c.do(run, from); len(l.errs) > before {
		c.broken[index] = true
	}
}

// checks lists what is checked of a plan: that every section can be decoded, and then how sections go together. No seed
// makes an environment or a policy right or wrong, so one is enough.
func (l *loader) checks(p *Plan) []*check {
	var all []*check
	for i := range sectionKinds {
		all = append(all, newCheck(p.sections[i].facet, func(_ *Run, from *origin) {
			if _, err := p.section(i, from.digits); err != nil {
				l.fail(from.renamed(err))
			}
		}))
	}
	decoded := all
	review := func(do func(*Run, *origin), needs []*check, sections ...int) *check {
		c := newCheck(p.facetOf(sections...), do)
		c.sections = append([]int{seedSection}, sections...)
		for _, i := range c.sections {
			c.needs = append(c.needs, decoded[i])
		}
		c.needs = append(c.needs, needs...)
		all = append(all, c)
		return c
	}
	here := &surroundings{l: l, plan: p, index: -1, prompts: map[string]bool{}}
	var files []*check
	for _, section := range []int{environmentSection, preferencesSection, policySection} {
		files = append(files, review(func(run *Run, from *origin) { here.readFiles(run, from, section) }, nil, section))
	}
	review(l.reviewSolver, nil, solverSection, constraintSection)
	family := review(here.reviewFamily, nil, environmentSection, preferencesSection, policySection, solverSection, constraintSection)
	environment := review(bandits(here.reviewEnvironment), nil, environmentSection)
	review(bandits(here.reviewPolicy), []*check{environment, family}, environmentSection, policySection)
	pairs := review(bandits(here.reviewPreferences), append(files, environment, family), environmentSection, preferencesSection)
	review(bandits(here.reviewBatches), []*check{environment, family}, environmentSection, preferencesSection, solverSection, trainSection)
	review(bandits(l.reviewOnline), nil, preferencesSection, solverSection, objectiveSection)
	review(bandits(l.reviewUnpaired), []*check{pairs}, environmentSection, preferencesSection, objectiveSection)
	review(l.reviewTask, append(files, family), environmentSection, preferencesSection, policySection, trainSection, objectiveSection)
	return all
}

// bandits keeps a review to the runs whose responses can be enumerated.
func bandits(do func(*Run, *origin)) func(*Run, *origin) {
	return func(run *Run, from *origin) {
		if !run.Language() {
			do(run, from)
		}
	}
}

// surroundings are the environments that reviews look at runs in, one at a time.
type surroundings struct {
	l       *loader
	plan    *Plan
	index   int // of env among the environments of the plan
	env     *bandit.Env
	prompts map[string]bool // of all environments
	warned  bool
	first   *Run // some run, whose kind of environment all share
}

// environment returns the environment of a run, which can be built.
func (s *surroundings) environment(run *Run, from *origin) *bandit.Env {
	if index := s.plan.sections[environmentSection].facet.index(from.digits); index != s.index {
		s.env, _ = run.BuildEnvironment()
		s.index = index
	}
	return s.env
}
