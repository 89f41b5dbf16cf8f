package model

import (
	"encoding/json"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"

	"windtunnel/experiments/spec/decode"
	"windtunnel/toy/objective"
	"windtunnel/toy/setup"
)

// configName names the results folder of the config that the page copies.
const configName = "explored"

// config writes the config whose runs give what the outcomes show: the minimizers by solver: exact, the trajectories by
// solver: train.
func (in *instance) config(subjects []*subject, outcomes []*Outcome) string {
	var b strings.Builder
	line := func(format string, values ...any) { fmt.Fprintf(&b, format+"\n", values...) }
	line("name: %s\ndescription: Copied from the explorer.", configName)
	line("environment:\n  kind: bandit\n  prompts:\n    - {name: %s, pi_star: %s, pi_ref: %s}", promptName, list(in.Star), list(in.Ref))
	if in.Draws > 0 {
		line("preferences: {kind: sample, n: %d}", in.Draws)
	} else {
		line("preferences: {kind: population}")
	}
	if in.Basis != nil {
		line("policy: {kind: low-rank, basis: [%s]}", list(in.Basis))
	} else {
		line("policy: {kind: tabular}")
	}
	line("train: {optimizer: {kind: adam, lr: %s}, batch_size: 0, epochs: %d, record_every: %d}", formatFloat(in.LearnRate), in.Steps, in.recordEvery())
	var constraint []string
	if in.L2 > 0 {
		constraint = append(constraint, "l2: "+formatFloat(in.L2))
	}
	if in.KLRadius > 0 {
		constraint = append(constraint, "kl_radius: "+formatFloat(in.KLRadius))
	}
	if constraint != nil {
		line("constraint: {%s}", strings.Join(constraint, ", "))
	}
	seeded, losses, exactly := in.Draws > 0, &decode.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}, []string{}
	for i, u := range subjects {
		seeded = seeded || objective.Random(u.Params)
		n, _ := in.Losses[i].node(sides[i], in.Lambda) // which has been decoded
		n.Style = yaml.FlowStyle
		o := outcomes[i]
		if o.Label != o.Kind {
			n.Content = append(n.Content, text("name"), text(o.Label))
		}
		losses.Content = append(losses.Content, n)
		if o.Solver == setup.SolverExact {
			exactly = append(exactly, o.Label)
		}
	}
	if seeded {
		line("seed: %d", in.Seed)
	}
	line("solver: %s", setup.SolverTrain)
	b.WriteString(decode.Text(&decode.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: []*decode.Node{text("objectives"), losses}}))
	if len(exactly) > 0 {
		line("sweep:\n  - {for: [%s], grid: {solver: [%s, %s]}}", strings.Join(exactly, ", "), setup.SolverExact, setup.SolverTrain)
	}
	line("figures:\n  - {name: simplex, kind: simplex}")
	return b.String()
}

// list is a list of numbers on one line.
func list(v []float64) []byte {
	text, _ := json.Marshal(v) // numbers, which a state has checked to be finite
	return text
}

// text is a scalar that reads as a string.
func text(value string) *decode.Node {
	return &decode.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}
}
