package objective

import "math"

// Margin is the family of pair losses that see a comparison through one number,
//
//	loss = Factor * psi(Lambda * (t_w - t_l) + offset),  t = link(log pi - log pi_ref),
//
// the QPO family of the paper (arXiv 2407.09072): DPO, IPO, SLiC, EXO and f-DPO differ in psi (Outer) and link alone.
// Without a reference, t = link(log pi), which makes it Bradley-Terry's likelihood.
type Margin struct {
	Lambda        float64 // scale of the margin, (0, inf)
	Factor        float64 // scale of the loss, (0, inf)
	Outer         Outer   // psi
	Link          Link    // nil is the identity
	ReferenceFree bool    // leave log pi_ref out
	Length        Length  // how token counts enter
	ChosenLink    Link    // the chosen response's link where it is another one; nil is Link
	Offset        Offset  // added to the scaled margin; nil is 0

	margin, value, slope, curve []float64 // scratch, one entry a comparison
	chosen, rejected            linked
}

var _, _, _ = Curved(new(Margin)), Structured(new(Margin)), perToken(new(Margin))

// Offset is a part of the margin that does not depend on the policy.
type Offset interface {
	// Add adds the offset of each comparison to z.
	Add(b *Batch, z []float64)
}

// DifferenceOnly is true for the identity link, where a normalizer cancels.
func (m *Margin) DifferenceOnly() bool { return m.Link == nil && m.ChosenLink == nil }

// PerToken says whether the loss reads token counts.
func (m *Margin) PerToken() bool { return m.Length != Summed }

// Plain says whether the loss is psi of a scaled margin and nothing else: one link, no offset.
func (m *Margin) Plain() bool { return m.ChosenLink == nil && m.Offset == nil }

// Structure returns psi's shape and the link.
func (m *Margin) Structure() (Structure, bool) {
	shape, known := ShapeOf(m.Outer)
	if _, ok := m.ChosenLink.(kinked); m.ChosenLink != nil && !(ok && m.Link == nil) {
		return Structure{}, false
	}
	if link, ok := m.Link.(*proven); ok && !link.course.Rising {
		return Structure{}, false
	}
	shape.Hinge = shape.Hinge && m.Offset == nil
	return Structure{Margin: &shape, Link: m.Link, ReferenceFree: m.ReferenceFree, Raised: m.ChosenLink != nil}, known
}

// Loss returns the weighted sum of the pairs' losses.
func (m *Margin) Loss(b *Batch) float64 {
	m.margins(b, valueOnly)
	m.Outer.Value(m.margin, m.slope)
	return m.Factor * weighed(b.Weight, m.slope)
}

// Grad adds scale times the gradient. With z the scaled margin, d loss/d Chosen = Factor Lambda psi'(z) t_w'.
func (m *Margin) Grad(b *Batch, scale float64, g *Grad) {
	direct := m.margins(b, withSlope)
	m.Outer.Slope(m.margin, m.slope)
	m.addGrad(b, direct, scale, g)
}

// Derivatives returns the loss and adds scale times its derivatives, the second those of psi by the margin's square and those of the
// link by psi'.
func (m *Margin) Derivatives(b *Batch, scale float64, g *Grad, h *Hess) float64 {
	direct := m.margins(b, withCurve)
	allOf(m.Outer, m.margin, m.value, m.slope, m.curve)
	m.addGrad(b, direct, scale, g)
	m.addHess(b, direct, scale, h)
	return m.Factor * weighed(b.Weight, m.value)
}

// addGrad adds the gradient, given the margins and psi's slopes there.
func (m *Margin) addGrad(b *Batch, direct bool, scale float64, g *Grad) {
	scale *= m.Factor * m.Lambda
	slope, weight := m.slope, b.Weight[:len(m.slope)]
	gc, gr := g.Chosen[:len(slope)], g.Rejected[:len(slope)]
	if direct {
		for i, s := range slope {
			d := scale * weight[i] * s
			gc[i] += d
			gr[i] -= d
		}
		return
	}
	dc, dr := m.chosen.d[:len(slope)], m.rejected.d[:len(slope)]
	for i, s := range slope {
		d := scale * weight[i] * s
		if d == 0 {
			continue // a link's slope may be infinite where the loss is flat
		}
		gc[i] += d * dc[i]
		gr[i] -= d * dr[i]
	}
}

// addHess adds the second derivatives, given the margins, psi's slopes there and its second derivatives.
func (m *Margin) addHess(b *Batch, direct bool, scale float64, h *Hess) {
	scale *= m.Factor * m.Lambda
	for i, s := range m.slope {
		second := scale * m.Lambda * b.Weight[i] * m.curve[i]
		if direct {
			h.ofMargin(i, second)
			continue
		}
		first, dc, dr := scale*b.Weight[i]*s, m.chosen.d[i], m.rejected.d[i]
		h.ChosenChosen[i] += bent(second, dc, dc, first*m.chosen.dd[i])
		h.ChosenRejected[i] -= bent(second, dc, dr, 0)
		h.RejectedRejected[i] += bent(second, dr, dr, -first*m.rejected.dd[i])
	}
}

// bent returns curve*a*b + linear where an exponential link may make a, b and linear infinite: nothing times infinity is
// nothing, and the square outgrows the linear part.
func bent(curve, a, b, linear float64) float64 {
	square := 0.0
	if curve != 0 && a != 0 && b != 0 {
		square = curve * a * b
	}
	if math.IsNaN(linear) || math.IsInf(square, 0) {
		return square
	}
	return square + linear
}

// margins fills the scaled margins, and the two sides unless these are the log-ratios as they stand (direct).
func (m *Margin) margins(b *Batch, upTo order) (direct bool) {
	n := len(b.Chosen)
	m.margin, m.value, m.slope, m.curve = sized(m.margin, n), sized(m.value, n), sized(m.slope, n), sized(m.curve, n)
	direct = m.DifferenceOnly() && (m.Length == Summed || b.ChosenTokens == nil)
	if direct {
		m.directMargins(b, n)
	} else {
		m.linkedMargins(b, upTo)
	}
	if m.Offset != nil {
		m.Offset.Add(b, m.margin)
	}
	return direct
}

func (m *Margin) directMargins(b *Batch, n int) {
	margin, lambda := m.margin, m.Lambda
	chosen, rejected := b.Chosen[:n], b.Rejected[:n]
	if m.ReferenceFree {
		for i := range margin {
			margin[i] = lambda * (chosen[i] - rejected[i])
		}
		return
	}
	refChosen, refRejected := b.RefChosen[:n], b.RefRejected[:n]
	for i := range margin {
		margin[i] = lambda * ((chosen[i] - refChosen[i]) - (rejected[i] - refRejected[i]))
	}
}

func (m *Margin) linkedMargins(b *Batch, upTo order) {
	v := view{m.Link, m.ReferenceFree, m.Length}
	m.rejected.fill(v, b.Rejected, b.RefRejected, b.RejectedTokens, upTo)
	if m.ChosenLink != nil {
		v.link = m.ChosenLink
	}
	m.chosen.fill(v, b.Chosen, b.RefChosen, b.ChosenTokens, upTo)
	for i := range m.margin {
		difference := m.chosen.t[i] - m.rejected.t[i]
		if difference != difference {
			difference = overflown(m.chosen.x[i], m.rejected.x[i])
		}
		m.margin[i] = m.Lambda * difference
	}
}

// overflown is the difference of an increasing function's values where both are the same infinity in 64 bits.
func overflown(chosen, rejected float64) float64 {
	switch {
	case chosen > rejected:
		return math.Inf(1)
	case chosen < rejected:
		return math.Inf(-1)
	case chosen == rejected:
		return 0
	}
	return math.NaN()
}
