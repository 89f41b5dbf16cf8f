package objective

// RDPO holds the parameters of DPO with a length penalty, -log sigmoid(lambda u + alpha (n_w - n_l)), u the logratio margin
// and n the token counts (Park et al., arXiv 2403.19159). It is the likelihood of Bradley and Terry's model where the policy
// is optimal for reward - alpha n, proportional to pi_ref exp((reward - alpha n)/lambda): a chosen response that is longer
// needs less margin.
type RDPO struct {
	Lambda float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, DPO's beta"`
	Alpha  float64 `yaml:"alpha" range:"[-1e6,1e6]" doc:"reward taken off per token; 0 is DPO"`
}

// Objective returns the loss.
func (p *RDPO) Objective() *Objective {
	return OnPairs(&Margin{Lambda: p.Lambda, Factor: 1, Outer: Logistic{}, Offset: lengthOffset{p.Alpha}})
}

type lengthOffset struct{ alpha float64 }

func (o lengthOffset) Add(b *Batch, z []float64) {
	for i, n := range b.ChosenTokens {
		z[i] += o.alpha * (n - b.RejectedTokens[i])
	}
}
