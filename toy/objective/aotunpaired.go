package objective

import "windtunnel/toy/registry"

// AOTUnpaired holds the parameters of alignment by optimal transport between the log-ratios x of the chosen and of the
// rejected responses of a batch, whichever belong together: AOT with q_i = x_w(i) - x_l(i), each sorted by itself
// (Melnyk et al., arXiv 2406.05882).
type AOTUnpaired struct {
	Lambda         float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, AOT's beta"`
	LabelSmoothing float64 `yaml:"label_smoothing" alias:"epsilon" range:"[0,0.5]" doc:"share of labels taken to be wrong"`
}

// Objective returns the loss.
func (p *AOTUnpaired) Objective() *Objective {
	return OnPairs(&transport{lambda: p.Lambda, outer: smoothed(p.LabelSmoothing), unpaired: true})
}

var aotUnpairedKind = registry.Kind[Params]{
	Name:    "aot-unpaired",
	Aliases: []string{"aot_unpaired"},
	Summary: "optimal transport: the chosen responses' log-ratios dominate the rejected ones' over the batch",
	Source:  "Melnyk et al. 2024, arXiv 2406.05882",
	TRL:     "dpo/aot_unpaired",
	New:     func() Params { return &AOTUnpaired{Lambda: defaultLambda} },
}
