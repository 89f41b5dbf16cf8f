package model

import (
	"gopkg.in/yaml.v3"

	"windtunnel/experiments/spec/decode"
	"windtunnel/toy/setup"
)

// configName names the results folder of the config that the page copies.
const configName = "explored"

// config writes the config whose runs give what the outcomes show: the minimizers by solver: exact, the trajectories by
// solver: train.
func (in *instance) config(subjects []*subject, outcomes []*Outcome) string {
	preferences, policy := mapping("kind", text("population")), mapping("kind", text("tabular"))
	if in.Draws > 0 {
		preferences = mapping("kind", text("sample"), "n", number(float64(in.Draws)))
	}
	if in.Basis != nil {
		policy = mapping("kind", text("low-rank"), "basis", flow(sequence(list(in.Basis))))
	}
	doc := mapping(
		"name", text(configName),
		"description", text("Copied from the explorer."),
		"environment", mapping("kind", text("bandit"), "prompts", sequence(flow(mapping(
			"name", text(promptName), "pi_star", list(in.Star), "pi_ref", list(in.Ref))))),
		"preferences", flow(preferences),
		"policy", flow(policy),
		"train", flow(mapping("optimizer", mapping("kind", text("adam"), "lr", number(in.LearnRate)),
			"batch_size", number(0), "epochs", number(float64(in.Steps)), "record_every", number(float64(in.recordEvery())))),
	)
	add := func(key string, value *decode.Node) { doc.Content = append(doc.Content, text(key), value) }
	constraint := mapping()
	if in.L2 > 0 {
		constraint.Content = append(constraint.Content, text("l2"), number(in.L2))
	}
	if in.KLRadius > 0 {
		constraint.Content = append(constraint.Content, text("kl_radius"), number(in.KLRadius))
	}
	if len(constraint.Content) > 0 {
		add("constraint", flow(constraint))
	}
	seeded, losses, exactly := in.Draws > 0, sequence(), flow(sequence())
	for i, u := range subjects {
		seeded = seeded || u.Params.Objective().Sampled != nil
		n, _ := in.Losses[i].node(sides[i], in.Lambda) // which has been decoded
		if o := outcomes[i]; o.Label != o.Kind {
			n.Content = append(n.Content, text("name"), text(o.Label))
		}
		losses.Content = append(losses.Content, flow(n))
		if outcomes[i].Solver == setup.SolverExact {
			exactly.Content = append(exactly.Content, text(outcomes[i].Label))
		}
	}
	if seeded {
		add("seed", number(float64(in.Seed)))
	}
	add("solver", text(setup.SolverTrain))
	add("objectives", losses)
	if len(exactly.Content) > 0 {
		add("sweep", sequence(flow(mapping("for", exactly, "grid", mapping("solver", sequence(text(setup.SolverExact), text(setup.SolverTrain)))))))
	}
	add("figures", sequence(flow(mapping("name", text("simplex"), "kind", text("simplex")))))
	return decode.Text(doc)
}

// text is a scalar that reads as a string.
func text(value string) *decode.Node {
	return &decode.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}
}

func number(v float64) *decode.Node {
	return &decode.Node{Kind: yaml.ScalarNode, Value: formatFloat(v)}
}

// mapping is a mapping of keys and nodes in turn.
func mapping(pairs ...any) *decode.Node {
	n := &decode.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for i := 0; i < len(pairs); i += 2 {
		n.Content = append(n.Content, text(pairs[i].(string)), pairs[i+1].(*decode.Node))
	}
	return n
}

func sequence(entries ...*decode.Node) *decode.Node {
	return &decode.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: entries}
}

// list is a list of numbers on one line.
func list(v []float64) *decode.Node {
	n := sequence()
	for _, x := range v {
		n.Content = append(n.Content, number(x))
	}
	return flow(n)
}

// flow puts a collection on one line.
func flow(n *decode.Node) *decode.Node {
	if n.Kind == yaml.MappingNode || n.Kind == yaml.SequenceNode {
		n.Style = yaml.FlowStyle
	}
	return n
}
