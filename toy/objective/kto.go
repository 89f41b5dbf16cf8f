package objective

// KTO holds the parameters of Kahneman-Tversky optimization, the mean over responses of w_d (1 - sigmoid(lambda (x - KL)))
// for the desirable and w_u (1 - sigmoid(lambda (KL - x))) for the undesirable, x the log-ratio (Ethayarajh et al., arXiv
// 2402.01306, equation 8). A comparison is two responses.
//
// KL is held back from differentiation. By default it is max(0, the weighted mean of x over all responses of the batch,
// desirable and undesirable). TRL takes each prompt with the next example's response for it; with one prompt that is
// the same mean, with several ours takes each response with its own prompt.
type KTO struct {
	Lambda      float64  `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, KTO's beta"`
	KL          *float64 `yaml:"kl" range:"[0,1e6]" doc:"reference point in nats; default estimated from each batch"`
	Desirable   float64  `yaml:"desirable_weight" alias:"w_d" range:"[0,1e6]" doc:"weight of desirable responses"`
	Undesirable float64  `yaml:"undesirable_weight" alias:"w_u" range:"[0,1e6]" doc:"weight of undesirable responses"`
}

// Objective returns the loss.
func (p *KTO) Objective() *Objective {
	sides := anchored(p.Lambda, 0.5, p.Desirable, p.Undesirable)
	sides.Unpaired = true
	if p.KL != nil {
		sides.Shift = p.Lambda * *p.KL
		return OnPairs(sides)
	}
	return OnPairs(&Centered{Sides: sides})
}
