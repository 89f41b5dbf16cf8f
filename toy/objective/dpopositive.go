package objective

import "windtunnel/toy/logspace"

// DPOPositive holds the parameters of DPO-Positive, -log sigmoid(lambda (u - penalty max(0, -x_w))) with u = x_w - x_l and x
// the log-ratio (Pal et al., arXiv 2402.13228): the margin shrinks when the chosen response falls below the reference.
type DPOPositive struct {
	Lambda  float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, DPO's beta"`
	Penalty float64 `yaml:"penalty" alias:"dpop_lambda" range:"[0,1e6]" doc:"the paper's lambda: weight of the chosen response's fall, relative to the margin; 0 is DPO"`
}

// Objective returns the loss.
func (p *DPOPositive) Objective() *Objective {
	m := &Margin{Lambda: p.Lambda, Factor: 1, Outer: Logistic{}}
	if p.Penalty > 0 {
		m.ChosenLink = newKinked(p.Penalty)
	}
	return OnPairs(m)
}

// kinked is the link x - penalty max(0, -x), with slope 1 at the kink, where the policy starts: a log-ratio that is 0 but for
// rounding is 0.
type kinked struct {
	Pointwise
	penalty float64
}

func newKinked(penalty float64) kinked {
	return kinked{Pointwise{At: func(x float64) (value, slope, curve float64) {
		if x < 0 {
			return x + penalty*x, 1 + penalty, 0
		}
		return x, 1, 0
	}}, penalty}
}

// Rounded returns the objective with its kinks rounded over so many nats, those of hinges and of the chosen responses' link, and false
// where there is none. Up to (jump of the slope) (scale) log 2 it is the same.
func (o *Objective) Rounded(scale float64) (smooth *Objective, ok bool) {
	smooth = &Objective{dist: o.dist, Moving: o.Moving, Sampled: o.Sampled}
	for _, t := range o.pair {
		if m, is := t.Term.(*Margin); is {
			c := *m
			c.margin, c.chosen, c.rejected = nil, linked{}, linked{} // scratch of its own
			link, kink := m.ChosenLink.(kinked)
			if kink {
				c.ChosenLink = rounded(link.penalty, scale)
			}
			shape, _ := ShapeOf(m.Outer)
			if shape.Hinge {
				c.Outer = roundedHinge(m.Lambda * scale)
			}
			if kink || shape.Hinge {
				t.Term, ok = &c, true
			}
		}
		smooth.pair = append(smooth.pair, t)
	}
	return smooth, ok
}

// roundedHinge is psi(z) = scale log(1 + exp((1-z)/scale)), which goes to the hinge as scale goes to 0.
func roundedHinge(scale float64) Outer {
	return Pointwise{At: func(z float64) (value, slope, curve float64) {
		s, r := logspace.Sigmoids((z - 1) / scale)
		return -scale * logspace.LogSigmoid((z-1)/scale), -r, s * r / scale
	}}
}

// rounded is the link x - penalty scale log(1 + exp(-x/scale)), which goes to kinked as scale goes to 0.
func rounded(penalty, scale float64) Link {
	return Pointwise{At: func(x float64) (value, slope, curve float64) {
		s, r := logspace.Sigmoids(x / scale)
		return x + penalty*scale*logspace.LogSigmoid(x/scale), 1 + penalty*r, -penalty / scale * s * r
	}}
}
