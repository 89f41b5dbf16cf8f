package model

import (
	"windtunnel/experiments/spec/decode"
	"windtunnel/toy/setup"
)

// configName names the results folder of the config that the page copies.
const configName = "explored"

// config writes the config whose runs give what the outcomes show: the minimizers by solver: exact, the trajectories by
// solver: train.
func (w *world) config(subjects []*subject, outcomes []*Outcome) string {
	doc := mapping(
		"name", text(configName),
		"description", text("Copied from the explorer."),
		"environment", mapping("kind", text("bandit"), "prompts", sequence(flow(mapping(
			"name", text(promptName), "pi_star", list(w.Star), "pi_ref", list(w.Ref))))),
		"preferences", w.preferencesNode(),
		"policy", w.policyNode(),
	)
	add := func(key string, value *decode.Node) { doc.Content = append(doc.Content, text(key), value) }
	add("train", w.trainNode())
	if constraint := w.constraintNode(); len(constraint.Content) > 0 {
		add("constraint", flow(constraint))
	}
	if w.Draws > 0 || samples(subjects) {
		add("seed", plain(formatFloat(float64(w.Seed))))
	}
	losses := sequence()
	for i, u := range subjects {
		losses.Content = append(losses.Content, w.lossNode(u, i))
	}
	add("solver", text(setup.SolverTrain))
	add("objectives", losses)
	if exact := exactly(outcomes); len(exact.Content) > 0 {
		add("sweep", sequence(flow(mapping("for", exact, "grid", mapping("solver", sequence(text(setup.SolverExact), text(setup.SolverTrain)))))))
	}
	add("figures", sequence(flow(mapping("name", text("simplex"), "kind", text("simplex")))))
	return decode.Text(doc)
}

// exactly lists the losses whose policy is the exact solver's.
func exactly(outcomes []*Outcome) *decode.Node {
	labels := flow(sequence())
	for _, o := range outcomes {
		if o.Solver == setup.SolverExact {
			labels.Content = append(labels.Content, text(o.Label))
		}
	}
	return labels
}

// samples says whether some loss draws from the reference.
func samples(subjects []*subject) bool {
	for _, u := range subjects {
		if u.Params.Objective().Sampled != nil {
			return true
		}
	}
	return false
}

func (w *world) lossNode(u *subject, i int) *decode.Node {
	n, _ := w.Losses[i].node(sides[i], w.Lambda) // which has been decoded
	if u.label != u.kind {
		n.Content = append(n.Content, text("name"), text(u.label))
	}
	return flow(n)
}

func (w *world) preferencesNode() *decode.Node {
	if w.Draws == 0 {
		return flow(mapping("kind", text("population")))
	}
	return flow(mapping("kind", text("sample"), "n", plain(formatFloat(float64(w.Draws)))))
}

func (w *world) policyNode() *decode.Node {
	if w.Basis == nil {
		return flow(mapping("kind", text("tabular")))
	}
	return flow(mapping("kind", text("low-rank"), "basis", flow(sequence(list(w.Basis)))))
}

func (w *world) trainNode() *decode.Node {
	whole := func(v int) *decode.Node { return plain(formatFloat(float64(v))) }
	return flow(mapping("optimizer", mapping("kind", text("adam"), "lr", plain(formatFloat(w.LearnRate))),
		"batch_size", whole(0), "epochs", whole(w.Steps), "record_every", whole(w.recordEvery())))
}

func (w *world) constraintNode() *decode.Node {
	n := mapping()
	if w.L2 > 0 {
		n.Content = append(n.Content, text("l2"), plain(formatFloat(w.L2)))
	}
	if w.KLRadius > 0 {
		n.Content = append(n.Content, text("kl_radius"), plain(formatFloat(w.KLRadius)))
	}
	return n
}
