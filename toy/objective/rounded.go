package objective

import (
	"math"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/logspace"
)

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
