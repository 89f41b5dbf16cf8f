package objective

// IPO holds the parameters of identity preference optimization, (u - 1/(2 lambda))^2 with u = g(x_w)/n_w - g(x_l)/n_l the
// margin of the log-ratios x per token (Azar et al., arXiv 2310.12036, equation 17; TRL averages over tokens), or the margin
// of whole responses, n = 1, as in the paper.
type IPO struct {
	Lambda     float64    `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, IPO's tau"`
	Length     string     `yaml:"length" oneof:"averaged,summed" doc:"averaged divides each response's log-ratio by its tokens, as TRL does; summed does not"`
	Divergence Divergence `yaml:",inline"`
}

// Objective returns the loss, written as (lambda u - 1/2)^2 / lambda^2: its minimizer in lambda u does not move with
// lambda. An empty Length is averaged.
func (p *IPO) Objective() *Objective {
	length := AveragedRewards
	if oneOf("length", p.Length, "averaged", "summed") == "summed" {
		length = Summed
	}
	return OnPairs(&Margin{Lambda: p.Lambda, Factor: 1 / (p.Lambda * p.Lambda), Outer: Square{Target: 0.5},
		Link: p.Divergence.link(), Length: length})
}
