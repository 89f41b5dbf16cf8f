package scorecard

import (
	"fmt"
	"math"
	"strings"

	"windtunnel/experiments/spec"
	"windtunnel/metrics/tables"
	"windtunnel/toy/setup"
)

// Certificate says in words what a cell's verdict is based on: the question, the environment, the policy reached, what was
// expected, and why.
func (c *Cell) Certificate() string {
	var b strings.Builder
	r := &c.Reading
	line := func(name, format string, args ...any) {
		if text := fmt.Sprintf(format, args...); text != "" {
			fmt.Fprintf(&b, "%-12s %s\n", name, text)
		}
	}
	fmt.Fprintf(&b, "%s, %s: %s\n", c.Loss, c.Test.Name, c.Verdict)
	line("question", "%s", c.Test.Asks)
	line("value", "%s: %s", tables.FormatFloat(r.Value), c.Test.Value)
	line("bound", "%s", tables.FormatFloat(c.Bound))
	if c.Verdict == None {
		line("why none", "%s", r.None)
		line("theory", "%s", c.Test.Theory)
		return b.String()
	}
	c.environment(line)
	line("found", "%s", c.detail())
	if r.Reached != nil {
		line("reached", "%s", distribution(r.Reached))
	}
	if r.Expected != nil {
		line("held against", "%s: %s", distribution(r.Expected), r.Against)
	}
	line("theory", "%s", c.Test.Theory)
	if c.subject.isQPO() {
		line("", "This loss is of the family psi(mu(r_w) - mu(r_l)), QPO, that the paper's theorems speak of.")
	}
	return b.String()
}

// environment writes where the worst case is.
func (c *Cell) environment(line func(name, format string, args ...any)) {
	r := &c.Reading
	where := r.Environment.Name
	if r.Environment.Random {
		where = fmt.Sprintf("%s, seed %d", where, r.Environment.Seed)
	}
	line("environment", "%s", where)
	for _, x := range r.Environment.Env.Prompts {
		line("  pi_star", "%s on prompt %s", distribution(x.PiStar), x.Name)
		line("  pi_ref", "%s", distribution(x.PiRef))
	}
	if !math.IsNaN(r.Lambda) && c.subject.hasLambda() {
		line("lambda", "%s", tables.FormatFloat(r.Lambda))
	}
	switch r.Solver {
	case setup.SolverExact:
		line("policy", "the exact minimizer")
	case SolverNewton:
		line("policy", "a stationary point found by Newton's method from pi_ref; whether it is a minimum is not decided")
	case SolverSearch:
		line("policy", "a local minimum found by quasi-Newton search from pi_ref, or the limit that it runs to")
	case setup.SolverTrain:
		line("policy", "trained, as the test asks")
	}
}

// distribution writes probabilities to four digits.
func distribution(p []float64) string {
	parts := make([]string, len(p))
	for i, v := range p {
		parts[i] = fmt.Sprintf("%.4g", v)
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// Reproduction is a config that gives one cell again.
type Reproduction struct {
	Document any               // *spec.Experiment or, where only the scorecard measures the value, *spec.Scorecard
	Files    map[string][]byte // data files, by their path relative to the config
}

// Reproduce returns the config that reproduces the cell, under the given name. Run as an experiment, its claim's value is
// the cell's (up to sign where the claim says so); run as a scorecard, its one cell is.
func (c *Cell) Reproduce(name string, settings spec.ScorecardSettings) *Reproduction {
	describe := fmt.Sprintf("The cell %s of %s in the scorecard: %s, value %s, bound %s.", c.Test.Name, c.Loss, c.Verdict,
		tables.FormatFloat(c.Reading.Value), tables.FormatFloat(c.Bound))
	if c.Verdict != None && c.Reading.Again != nil {
		if recipe := c.Reading.Again(c.Bound); !recipe.unrunnable {
			recipe.Name, recipe.Description = name, describe
			return &Reproduction{&recipe.Experiment, recipe.Files}
		}
	}
	card := &spec.Scorecard{Head: spec.Head{Name: name, Description: describe}, Settings: settings,
		Objectives: []spec.Objective{{Name: c.Loss, Loss: c.subject.Loss}}}
	card.Settings.Tests = []string{c.Test.Name}
	card.Settings.Bounds = map[string]float64{c.Test.Name: c.Bound}
	if c.Reading.Environment != nil && c.Verdict != None {
		card.Settings.Only = c.Reading.Environment.Name
	}
	return &Reproduction{card, nil}
}
