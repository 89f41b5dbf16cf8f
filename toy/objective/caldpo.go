package objective

// CalDPO holds the parameters of calibrated DPO, with x the log-ratio,
//
//	-log sigmoid(x_w - x_l) + calibration ((x_w - 1/(2 lambda))^2 + (x_l + 1/(2 lambda))^2)
//
// (Xiao et al., arXiv 2412.14516, algorithm 1): rewards lambda x are tied to +-1/2 as well as compared, and lambda enters
// through that alone. The paper has calibration 1, the code published with it 1/2.
type CalDPO struct {
	Lambda      float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength: log-ratios are tied to +-1/(2 lambda)"`
	Calibration float64 `yaml:"calibration" range:"[0,1e6]" doc:"weight of the two squares; 1 in the paper, 0.5 in the code published with it"`
}

// Objective returns DPO at scale 1 plus SPPO's two squares.
func (p *CalDPO) Objective() *Objective {
	return (&DPO{Lambda: 1}).Objective().And(p.Calibration, (&SPPO{Lambda: p.Lambda}).Objective())
}
