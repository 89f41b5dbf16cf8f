package objective

// Sides is the family of losses that score the two responses of a comparison each by itself,
//
//	loss = Factor * (a(Lambda t_w - Shift) + b(Lambda t_l - Shift)),  t = link(log pi - log pi_ref),
//
// and so make sense of a single response with a verdict. Without a reference, t = link(log pi).
type Sides struct {
	Lambda        float64 // scale of t, (0, inf)
	Factor        float64 // scale of the loss, (0, inf)
	Chosen        Outer   // a; nil is 0
	Rejected      Outer   // b; nil is 0
	Shift         float64 // what good and bad are measured from
	Link          Link    // nil is the identity
	ReferenceFree bool    // leave log pi_ref out
	Length        Length  // how token counts enter
	Unpaired      bool    // the loss is defined on unpaired data as well

	chosen, rejected linked
	z, out, bend     []float64 // scratch
	value            []float64
}

var _, _, _, _ = Curved(new(Sides)), Structured(new(Sides)), perToken(new(Sides)), unpaired(new(Sides))

// DifferenceOnly is false: in the log-probability of one response a normalizer does not cancel.
func (*Sides) DifferenceOnly() bool { return false }

// PerToken says whether the loss reads token counts.
func (s *Sides) PerToken() bool { return s.Length != Summed }

// AcceptsUnpaired says whether the loss is defined on unpaired data.
func (s *Sides) AcceptsUnpaired() bool { return s.Unpaired }

// Structure returns the shapes of both sides.
func (s *Sides) Structure() (Structure, bool) {
	out := Structure{Link: s.Link, ReferenceFree: s.ReferenceFree}
	for _, side := range []struct {
		outer Outer
		shape **Shape
	}{{s.Chosen, &out.Chosen}, {s.Rejected, &out.Rejected}} {
		if side.outer == nil {
			continue
		}
		shape, known := ShapeOf(side.outer)
		if !known {
			return Structure{}, false
		}
		*side.shape = &shape
	}
	return out, true
}

// Loss returns the weighted sum of both sides' losses.
func (s *Sides) Loss(b *Batch) float64 { return s.both(b, valueOnly, 0, &Grad{}, &Hess{}) }

// Grad adds scale times the gradient.
func (s *Sides) Grad(b *Batch, scale float64, g *Grad) { s.both(b, withSlope, scale, g, &Hess{}) }

// Derivatives returns the loss and adds scale times its derivatives; there are no second ones across the sides.
func (s *Sides) Derivatives(b *Batch, scale float64, g *Grad, h *Hess) float64 {
	return s.both(b, withCurve, scale, g, h)
}

// both returns the loss or adds its derivatives, as wanted.
func (s *Sides) both(b *Batch, upTo order, scale float64, g *Grad, h *Hess) float64 {
	s.fill(b, upTo)
	chosen, rejected := b.sides()
	return s.Factor * (s.one(s.Chosen, &s.chosen, chosen, upTo, scale, g.Chosen, h.ChosenChosen) +
		s.one(s.Rejected, &s.rejected, rejected, upTo, scale, g.Rejected, h.RejectedRejected))
}

// fill fills both sides.
func (s *Sides) fill(b *Batch, upTo order) {
	n := len(b.Chosen)
	s.z, s.out, s.bend, s.value = sized(s.z, n), sized(s.out, n), sized(s.bend, n), sized(s.value, n)
	v := view{s.Link, s.ReferenceFree, s.Length}
	if s.Chosen != nil {
		s.chosen.fill(v, b.Chosen, b.RefChosen, b.ChosenTokens, upTo)
	}
	if s.Rejected != nil {
		s.rejected.fill(v, b.Rejected, b.RefRejected, b.RejectedTokens, upTo)
	}
}

// one is both's part of one side.
func (s *Sides) one(outer Outer, side *linked, weight []float64, upTo order, scale float64, g, h []float64) float64 {
	if outer == nil {
		return 0
	}
	for i, t := range side.t {
		s.z[i] = s.Lambda*t - s.Shift
	}
	switch upTo {
	case valueOnly:
		outer.Value(s.z, s.value)
		return weighed(weight, s.value)
	case withSlope:
		outer.Slope(s.z, s.out)
	case withCurve:
		allOf(outer, s.z, s.value, s.out, s.bend)
	}
	scale *= s.Factor * s.Lambda
	for i, v := range s.out {
		if d := scale * weight[i] * v; d != 0 { // a link's slope may be infinite where the loss is flat
			g[i] += d * side.d[i]
		}
	}
	if upTo == withSlope {
		return 0
	}
	for i, v := range s.out {
		d, w := side.d[i], scale*weight[i]
		h[i] += bent(w*s.Lambda*s.bend[i], d, d, w*v*side.dd[i])
	}
	return weighed(weight, s.value)
}

// mean returns the weighted mean of Lambda t over all responses of the batch, chosen and rejected.
func (s *Sides) mean(b *Batch) float64 {
	s.fill(b, valueOnly)
	chosen, rejected := b.sides()
	sum, total := 0.0, 0.0
	for i, w := range chosen {
		sum += w*s.chosen.t[i] + rejected[i]*s.rejected.t[i]
		total += w + rejected[i]
	}
	return s.Lambda * sum / total
}

// Centered is a Sides whose shift is a statistic of the data, held back from differentiation: the mean reward (Lambda t) over all
// responses of the batch, at least 0; or of all steps so far, each batch counting the same (TRL's RunningMoments, which counts
// responses), where before the first step it is that of the batch at hand.
type Centered struct {
	Sides   *Sides // both outers present; its Shift is overwritten
	Running bool   // over all steps

	state [2]float64 // steps and mean
}

var _, _, _, _, _ = Detached(new(Centered)), Advancing(new(Centered)), Structured(new(Centered)), perToken(new(Centered)), unpaired(new(Centered))

// DifferenceOnly is false: in the log-probability of one response a normalizer does not cancel.
func (*Centered) DifferenceOnly() bool { return false }

// PerToken says whether the loss reads token counts.
func (c *Centered) PerToken() bool { return c.Sides.PerToken() }

// AcceptsUnpaired says whether the loss is defined on unpaired data.
func (c *Centered) AcceptsUnpaired() bool { return c.Sides.Unpaired }

// Structure is that of the sides, with the shift held.
func (c *Centered) Structure() (Structure, bool) {
	s, known := c.Sides.Structure()
	s.Held = true
	return s, known
}

// Loss returns the weighted sum of both sides' losses.
func (c *Centered) Loss(b *Batch) float64 { return c.at(b).Loss(b) }

// Grad adds scale times the gradient with the shift held.
func (c *Centered) Grad(b *Batch, scale float64, g *Grad) { c.at(b).Grad(b, scale, g) }

// Advance updates the statistic.
func (c *Centered) Advance(b *Batch) {
	if c.Running {
		c.state[0]++
		c.state[1] += (c.Sides.mean(b) - c.state[1]) / c.state[0]
	}
}

// State returns the steps taken in and the mean, nil for that of the batch.
func (c *Centered) State() []float64 {
	if !c.Running {
		return nil
	}
	return c.state[:]
}

// Freeze returns the loss with the shift that it has on b.
func (c *Centered) Freeze(b *Batch) PairTerm {
	held := *c.at(b)
	held.chosen, held.rejected, held.z, held.out, held.bend = linked{}, linked{}, nil, nil, nil
	return &held
}

func (c *Centered) at(b *Batch) *Sides {
	switch {
	case !c.Running:
		c.Sides.Shift = max(0, c.Sides.mean(b))
	case c.state[0] == 0:
		c.Sides.Shift = c.Sides.mean(b)
	default:
		c.Sides.Shift = c.state[1]
	}
	return c.Sides
}
