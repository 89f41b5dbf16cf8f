package objective

// Margin is the family of pair losses that see a comparison through one number,
//
//	loss = Factor * psi(Lambda * (t_w - t_l)),  t = link(log pi - log pi_ref),
//
// the QPO family of the paper (arXiv 2407.09072): DPO, IPO and f-DPO differ in psi (Outer) and link alone. Without a
// reference, t = link(log pi), which makes it Bradley-Terry's likelihood.
type Margin struct {
	Lambda        float64 // scale of the margin, (0, inf)
	Factor        float64 // scale of the loss, (0, inf)
	Outer         Outer   // psi
	Link          Link    // nil is the identity
	ReferenceFree bool    // leave log pi_ref out

	margin, slope, curve []float64 // scratch, one entry a comparison
	chosen, rejected     linked
}

// Outer is psi, a convex function of the scaled margin, applied to whole columns.
type Outer interface {
	// Value writes psi(z) to dst.
	Value(z, dst []float64)
	// Slope writes psi'(z) to dst.
	Slope(z, dst []float64)
	// Curve writes the second derivative of psi at z to dst.
	Curve(z, dst []float64)
	// Attained says whether psi reaches its infimum at a finite margin. Where it does not (logistic loss), a response
	// that never loses has no finite minimizer.
	Attained() bool
}

// Link is an increasing function of the log-ratio x = log pi - log pi_ref, applied to whole columns.
type Link interface {
	// Value writes link(x) to dst.
	Value(x, dst []float64)
	// Slope writes link'(x), positive, to dst.
	Slope(x, dst []float64)
	// Curve writes the second derivative of link at x to dst.
	Curve(x, dst []float64)
	// Inverse returns x with link(x) = t, for t inside Range.
	Inverse(t float64) float64
	// Range returns the open interval of link's values, ends possibly infinite.
	Range() (low, high float64)
}

// linked is one side of the comparisons after the link: x the log-ratio, t the link's value, d and dd its derivatives.
type linked struct{ x, t, d, dd []float64 }

func (l *linked) grow(n int) {
	if cap(l.x) < n {
		*l = linked{make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)}
	}
	l.x, l.t, l.d, l.dd = l.x[:n], l.t[:n], l.d[:n], l.dd[:n]
}

// DifferenceOnly is true for the identity link, where a normalizer cancels.
func (m *Margin) DifferenceOnly() bool { return m.Link == nil }

// Loss returns the weighted sum of the pairs' losses.
func (m *Margin) Loss(b *Batch) float64 {
	m.margins(b)
	m.Outer.Value(m.margin, m.slope)
	sum := 0.0
	for i, v := range m.slope {
		sum += b.Weight[i] * v
	}
	return m.Factor * sum
}

// Grad adds scale times the gradient. With z the scaled margin, d loss/d Chosen = Factor Lambda psi'(z) link'(x_w).
func (m *Margin) Grad(b *Batch, scale float64, g *Grad) {
	m.margins(b)
	m.Outer.Slope(m.margin, m.slope)
	scale *= m.Factor * m.Lambda
	slope, weight := m.slope, b.Weight[:len(m.slope)]
	gc, gr := g.Chosen[:len(slope)], g.Rejected[:len(slope)]
	if m.Link == nil {
		for i, s := range slope {
			d := scale * weight[i] * s
			gc[i] += d
			gr[i] -= d
		}
		return
	}
	m.Link.Slope(m.chosen.x, m.chosen.d)
	m.Link.Slope(m.rejected.x, m.rejected.d)
	for i, s := range slope {
		d := scale * weight[i] * s
		gc[i] += d * m.chosen.d[i]
		gr[i] -= d * m.rejected.d[i]
	}
}

// Hess adds scale times the second derivatives, those of psi by the margin's square and those of the link by psi'.
func (m *Margin) Hess(b *Batch, scale float64, h *Hess) {
	m.margins(b)
	m.Outer.Slope(m.margin, m.slope)
	m.Outer.Curve(m.margin, m.curve)
	scale *= m.Factor * m.Lambda
	if m.Link != nil {
		for _, side := range []*linked{&m.chosen, &m.rejected} {
			m.Link.Slope(side.x, side.d)
			m.Link.Curve(side.x, side.dd)
		}
	}
	for i, s := range m.slope {
		first, second := scale*b.Weight[i]*s, scale*m.Lambda*b.Weight[i]*m.curve[i]
		dc, dr, bendC, bendR := 1.0, 1.0, 0.0, 0.0
		if m.Link != nil {
			dc, dr, bendC, bendR = m.chosen.d[i], m.rejected.d[i], m.chosen.dd[i], m.rejected.dd[i]
		}
		h.ChosenChosen[i] += second*dc*dc + first*bendC
		h.ChosenRejected[i] -= second * dc * dr
		h.RejectedRejected[i] += second*dr*dr - first*bendR
	}
}

// margins fills the scaled margins, and the two sides where there is a link.
func (m *Margin) margins(b *Batch) {
	n := len(b.Chosen)
	if cap(m.margin) < n {
		m.margin, m.slope, m.curve = make([]float64, n), make([]float64, n), make([]float64, n)
	}
	m.margin, m.slope, m.curve = m.margin[:n], m.slope[:n], m.curve[:n]
	if m.Link != nil {
		m.linkedMargins(b, n)
		return
	}
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

func (m *Margin) linkedMargins(b *Batch, n int) {
	m.chosen.grow(n)
	m.rejected.grow(n)
	m.logRatio(m.chosen.x, b.Chosen, b.RefChosen)
	m.logRatio(m.rejected.x, b.Rejected, b.RefRejected)
	m.Link.Value(m.chosen.x, m.chosen.t)
	m.Link.Value(m.rejected.x, m.rejected.t)
	for i := range m.margin {
		m.margin[i] = m.Lambda * (m.chosen.t[i] - m.rejected.t[i])
	}
}

// logRatio writes log pi - log pi_ref, or log pi alone without a reference.
func (m *Margin) logRatio(dst, logPi, logRef []float64) {
	if m.ReferenceFree {
		copy(dst, logPi)
		return
	}
	for i := range dst {
		dst[i] = logPi[i] - logRef[i]
	}
}
