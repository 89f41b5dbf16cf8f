package scorecard

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"windtunnel/experiments/engine"
	"windtunnel/experiments/spec"
	"windtunnel/experiments/spec/decode"
	"windtunnel/metrics/tables"
)

// place is where the cell's value is from.
func (c *Cell) place() spec.Place {
	p := spec.Place{Prompt: c.Prompt, Bound: &c.Bound}
	if c.Site != nil {
		p.Also = c.Site.also
		if e := c.Site.Environment; e != nil {
			p.Environment, p.Seed = e.Params, e.Seed
		}
	}
	return p
}

// Document returns the experiment that gives the cell again, as YAML of the given name, and its data files by the path that it
// names them by: the value of its claim is the cell's, with the sign turned where less is not better in the claim. It is "" where the
// test cannot be had with the loss.
func (c *Cell) Document(name string) (text string, files map[string][]byte) {
	at := c.place()
	config, err := c.Test.Config(c.objective, at)
	if err != nil {
		return "", nil
	}
	describe := fmt.Sprintf("The cell %s of %s in the scorecard: %s, value %s, bound %s.", c.Test.Name, c.Loss, c.Verdict, tables.FormatFloat(c.Value),
		tables.FormatFloat(c.Bound))
	return c.Test.Document(c.objective, at, name, describe, c.Verdict == Pass), config.Plan.Inputs
}

// SearchedDocument is Document for the environment that a search found, "" where there is none.
func (c *Cell) SearchedDocument(name string) string {
	if c.Searched == nil {
		return ""
	}
	at := c.place()
	at.Environment, at.Seed, at.Also = c.Searched.params, 0, 0
	if at.Prompt != "" {
		at.Prompt = c.Searched.prompt
	}
	return c.Test.Document(c.objective, at, name, fmt.Sprintf("The environment that breaks %s worst in %s of %d that a search tried: value %s, bound %s.",
		c.Loss, c.Test.Name, c.Searched.Tries, tables.FormatFloat(c.Searched.Value), tables.FormatFloat(c.Bound)), c.Searched.Value <= c.Bound)
}

// Certificate says in words what a cell's verdict is based on: the question, the environment, the policy reached, what it was held
// against, the theory, and what to try. others are the same test of other losses.
func (c *Cell) Certificate(ctx context.Context, others []Cell) (string, error) {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		if text := fmt.Sprintf(format, args...); text != "" {
			fmt.Fprintf(&b, "%-12s %s\n", name, text)
		}
	}
	fmt.Fprintf(&b, "%s, %s: %s\n", c.Loss, c.Test.Name, c.Verdict)
	line("question", "%s", c.Test.Asks)
	line("value", "%s: %s", tables.FormatFloat(c.Value), c.Test.Value)
	line("bound", "%s", tables.FormatFloat(c.Bound))
	if c.Of > 1 {
		line("measured", "in %d of %d environments", c.Measured, c.Of)
	}
	if c.Verdict == None {
		line("why none", "%s", c.Detail)
	} else {
		line("environment", "%s", c.where())
		line("found", "%s", c.Detail)
		if err := c.policies(ctx, line); err != nil {
			return "", err
		}
	}
	line("theory", "%s", c.Test.Theory)
	line("source", "%s", c.Test.Source)
	if c.Verdict == Fail {
		try := passing(others)
		if c.Test.Try != "" {
			try = c.Test.Try + "; " + try
		}
		line("what to try", "%s", try)
	}
	return b.String(), nil
}

// where names the environment, with its seed where it is random.
func (c *Cell) where() string {
	if e := c.Site.Environment; e != nil && e.Random {
		return fmt.Sprintf("%s, seed %d", e.Name, e.Seed)
	}
	return c.Site.Name
}

// policies writes the environment of the run that the value is from, its policy, and how that was found.
func (c *Cell) policies(ctx context.Context, line func(name, format string, args ...any)) error {
	config, err := c.Test.Config(c.objective, c.place())
	if err != nil {
		return err
	}
	plan := config.Plan
	run := plan.Runs[max(0, slices.IndexFunc(plan.Runs, func(r *spec.Run) bool { return r.ID == c.Run }))]
	env, err := run.BuildEnvironment()
	if err != nil {
		return err
	}
	for i := range env.Prompts {
		line("  pi_star", "%s on prompt %s", distribution(env.Prompts[i].PiStar), env.Prompts[i].Name)
		line("  pi_ref", "%s", distribution(env.Prompts[i].PiRef))
	}
	if !math.IsNaN(c.Lambda) {
		line("lambda", "%s", tables.FormatFloat(c.Lambda))
	}
	line("solver", "%s", c.Solver)
	line("status", "%s", c.Status)
	var memory engine.Memory
	src, err := memory.Tables(ctx, plan, []string{tables.Policies, tables.Traces, tables.Trajectories})
	if err != nil {
		return err
	}
	all, at := src[tables.Policies], tables.Where{"run": {run.ID}}
	if strength := c.strength(); !math.IsNaN(strength) { // the policy is that of a point of the path
		all = src[tables.Trajectories]
		points, nearest := src[tables.Traces], math.Inf(1)
		for _, row := range at.Select(points) {
			if far := math.Abs(points.Float(row, "strength") - strength); far < nearest {
				nearest, at["step"] = far, []string{points.Text(row, "step")}
			}
		}
	}
	for i := range env.Prompts {
		prompt := env.Prompts[i].Name
		if c.Prompt != "" && c.Prompt != prompt {
			continue
		}
		var reached []float64
		at["prompt"] = []string{prompt}
		for _, row := range at.Select(all) {
			if v := all.Float(row, "pi"); !math.IsNaN(v) {
				reached = append(reached, v)
			}
		}
		if reached != nil {
			line("reached", "%s on prompt %s by %s", distribution(reached), prompt, run.ID)
		}
	}
	line("held against", "%s", c.Test.Against)
	return nil
}

// passing names the losses that pass, with what they are.
func passing(others []Cell) string {
	kinds := spec.Tables()
	var names []string
	for i := range others {
		if o := &others[i]; o.Verdict == Pass && o.SameAs == "" {
			name := o.Loss
			if entry, ok := decode.KindOf(kinds, o.objective.Loss); ok {
				name += " (" + entry.Summary + ")"
			}
			names = append(names, name+" "+strconv.FormatFloat(o.Value, 'g', 2, 64))
		}
	}
	if len(names) == 0 {
		return "no registered loss passes"
	}
	return "losses that pass: " + strings.Join(names, "; ")
}

// distribution writes probabilities to four digits.
func distribution(p []float64) string {
	return "(" + listed(p, func(v float64) string { return fmt.Sprintf("%.4g", v) }) + ")"
}

// listed writes the entries of a list one after another.
func listed[T any](list []T, text func(T) string) string {
	parts := make([]string, len(list))
	for i, one := range list {
		parts[i] = text(one)
	}
	return strings.Join(parts, ", ")
}
