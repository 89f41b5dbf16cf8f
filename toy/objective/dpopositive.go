package objective

import (
	"math"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/logspace"
)

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

// Rounded returns the objective with its kinks rounded over so many nats, those of functions of the margin and of the chosen responses' link, and
// false where none is known. Up to (jump of the slope) (scale) log 2 it is the same.
func (o *Objective) Rounded(scale float64) (smooth *Objective, ok bool) {
	smooth = &Objective{dist: o.dist, Moving: o.Moving, Sampled: o.Sampled}
	for _, t := range o.pair {
		if m, is := t.Term.(*Margin); is {
			c := *m
			c.margin, c.chosen, c.rejected = nil, linked{}, linked{} // scratch of its own
			if link, kink := m.ChosenLink.(kinked); kink {
				c.ChosenLink = rounded(link.penalty, scale)
				t.Term, ok = &c, true
			}
			if at, jump := kinksOf(m.Outer); at != nil {
				c.Outer = &roundedOuter{m.Outer, at, jump, m.Lambda * scale}
				t.Term, ok = &c, true
			}
		}
		smooth.pair = append(smooth.pair, t)
	}
	return smooth, ok
}

// kinksOf returns where the slope of psi jumps, and by how much, as far as it is known.
func kinksOf(psi Outer) (at, jump []float64) {
	if shape, _ := ShapeOf(psi); shape.Hinge {
		return []float64{1}, []float64{1}
	}
	if f, ok := psi.(*proven); ok {
		at, jump = f.Kinks()
		floats.Scale(1/f.scale, at)
		floats.Scale(f.scale, jump)
	}
	return at, jump
}

// roundedOuter is psi plus (jump scale log(1 + exp(-|z-at|/scale))) for each kink, which goes to psi as scale goes to 0.
type roundedOuter struct {
	Outer
	at, jump []float64
	scale    float64
}

// Value writes psi(z), rounded.
func (r *roundedOuter) Value(z, dst []float64) {
	r.Outer.Value(z, dst)
	for i, v := range z {
		for k, at := range r.at {
			dst[i] -= r.jump[k] * r.scale * logspace.LogSigmoid(math.Abs(v-at)/r.scale)
		}
	}
}

// Slope writes its derivative.
func (r *roundedOuter) Slope(z, dst []float64) {
	r.Outer.Slope(z, dst)
	for i, v := range z {
		for k, at := range r.at {
			dst[i] -= r.jump[k] * math.Copysign(logspace.Sigmoid(-math.Abs(v-at)/r.scale), v-at)
		}
	}
}

// Curve writes its second derivative.
func (r *roundedOuter) Curve(z, dst []float64) {
	r.Outer.Curve(z, dst)
	for i, v := range z {
		for k, at := range r.at {
			s, rest := logspace.Sigmoids((v - at) / r.scale)
			dst[i] += r.jump[k] * s * rest / r.scale
		}
	}
}

// rounded is the link x - penalty scale log(1 + exp(-x/scale)), which goes to kinked as scale goes to 0.
func rounded(penalty, scale float64) Link {
	return Pointwise{At: func(x float64) (value, slope, curve float64) {
		s, r := logspace.Sigmoids(x / scale)
		return x + penalty*scale*logspace.LogSigmoid(x/scale), 1 + penalty*r, -penalty / scale * s * r
	}}
}
