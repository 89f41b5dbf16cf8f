package objective

import "windtunnel/toy/registry"

// BradleyTerry is the likelihood of comparisons under the policy's own preferences, -log sigmoid(log pi(y_w) - log
// pi(y_l)), without reference: TYPO's supervised term.
type BradleyTerry struct{}

// Objective returns the term.
func (*BradleyTerry) Objective() *Objective {
	return OnPairs(&Margin{Lambda: 1, Factor: 1, Outer: Logistic{}, ReferenceFree: true})
}

var bradleyTerryKind = registry.Kind[Params]{
	Name:    "bradley-terry",
	Summary: "a term: -log sigmoid(log pi(y_w) - log pi(y_l)), no reference (TYPO's supervised part)",
	Source:  "Bradley and Terry 1952; Hu, He, Wipf 2024, arXiv 2407.09072",
	New:     func() Params { return &BradleyTerry{} },
}
