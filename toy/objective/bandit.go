package objective

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/integrate/quad"

	"windtunnel/toy/expression"
)

// Bandit returns the objective as it is in a bandit, where every response is one token, in the terms that are known best: token
// counts and tails are left out, and formulas are written as margin losses, losses of single responses and KL terms where their
// form allows it, with what is proven of their functions. It is the same loss there, up to a constant, with the same gradient.
func (o *Objective) Bandit() *Objective {
	plain := &Objective{Moving: o.Moving, Sampled: o.Sampled}
	for _, t := range o.pair {
		if b, ok := t.Term.(interface{ inBandit() []PairTerm }); ok {
			terms := b.inBandit()
			for _, term := range terms {
				plain.pair = append(plain.pair, Weighted[PairTerm]{t.Weight, term})
			}
			if len(terms) > 0 {
				continue
			}
		}
		plain.pair = append(plain.pair, t)
	}
	for _, t := range o.dist {
		if f, ok := t.Term.(*distFormula); ok {
			for _, part := range f.inBandit() {
				plain.dist = append(plain.dist, Weighted[DistTerm]{t.Weight * part.Weight, part.Term})
			}
			continue
		}
		plain.dist = append(plain.dist, t)
	}
	return plain
}

func (m *Margin) inBandit() []PairTerm {
	plain := *m
	plain.Length, plain.chosen, plain.rejected, plain.margin, plain.slope, plain.curve = Summed, linked{}, linked{}, nil, nil, nil
	if _, length := m.Offset.(lengthOffset); length {
		plain.Offset = nil
	}
	return []PairTerm{&plain}
}

func (s *shortened) inBandit() []PairTerm { return s.Margin.inBandit() }

func (s *Sides) inBandit() []PairTerm {
	plain := *s
	plain.Length, plain.chosen, plain.rejected, plain.z, plain.out, plain.bend = Summed, linked{}, linked{}, nil, nil, nil
	return []PairTerm{&plain}
}

// Resting is a term that holds a part of itself back from differentiation although its gradient is that of another term: where
// a comparison's gradient depends on one number alone it is always that of some function of it. Policies at which training
// rests are the stationary points of that term; the loss has no minimizer that training would seek.
type Resting interface {
	Structured
	// Potential returns the term whose gradient this one's is. Its values are others.
	Potential() Curved
}

// resting is a formula with stopgrad in it, taken apart.
type resting struct {
	PairTerm
	potential interface {
		Curved
		Structured
	}
}

var _ Resting = (*resting)(nil)

func (*resting) holds() bool { return true }

func (r *resting) Potential() Curved { return r.potential }

// Structure is that of the potential, held.
func (r *resting) Structure() (Structure, bool) {
	s, known := r.potential.Structure()
	s.Held = true
	return s, known
}

// The combinations of log-probabilities that pair terms know, by c, r, ref_c and ref_r: the margins and both responses, each
// with the reference and without.
var combinations = [][]float64{
	{1, -1, -1, 1}, {1, -1}, {1, 0, -1}, {1}, {0, 1, 0, -1}, {0, 1},
}

// inBandit writes a formula as a sum of margin losses and losses of single responses, where every response is one token. There are none
// where it is no such sum.
func (f *formula) inBandit() []PairTerm {
	parts := f.source.Split(f.scalars, map[string]float64{"n_c": 1, "n_r": 1}, slices.Clone(combinations), [2]int{2, 4}, [2]int{3, 5})
	var terms []PairTerm
	var sides [2][2]*expression.Part // by whether the reference is left out, and by the response
	for _, part := range parts {
		if part.Linked != nil {
			m := linkedMargin(&part)
			if m == nil {
				return nil
			}
			terms = append(terms, m)
			continue
		}
		if part.Along >= 2 {
			sides[part.Along%2][part.Along/4] = &part
			continue
		}
		m := marginOf(newProven(part.Function), part.Scale)
		m.ReferenceFree = part.Along == 1
		terms = append(terms, orRest(m))
	}
	for free, pair := range sides {
		if pair[0] != nil || pair[1] != nil {
			terms = append(terms, asSides(pair, free == 1))
		}
	}
	return terms
}

// marginOf returns the loss psi of a scaled margin, with a hinge known for one: Fall max(0, at - z) is Fall at max(0, 1 - z/at).
func marginOf(psi *proven, scale float64) *Margin {
	if at := psi.course.HingeAt; psi.course.Fall > 0 && at > 0 {
		return &Margin{Lambda: scale / at, Factor: psi.course.Fall * at, Outer: hinge}
	}
	return &Margin{Lambda: scale, Factor: 1, Outer: psi}
}

// linkedMargin is a margin loss of what a link makes of either response, or of what falls faster where the chosen response is below
// its reference; nil where nothing is proven of the link.
func linkedMargin(part *expression.Part) PairTerm {
	m := marginOf(newProven(part.Function), part.Scale)
	m.ReferenceFree = part.Along%2 == 1
	left, right := part.Linked.Left, part.Linked.Right
	if left.Held() || right.Held() {
		return nil
	}
	if left == right {
		link := newProven(left)
		if !link.course.Rising {
			return nil
		}
		m.Link = asLink(link)
		return orRest(m)
	}
	slope, at, straight := right.Line()
	below, above, kinks := left.Kink()
	if m.ReferenceFree || !straight || !kinks || at != 0 || slope != above || above <= 0 {
		return nil // what it makes of the chosen response is another thing
	}
	m.Lambda *= above
	m.ChosenLink = newKinked(below/above - 1)
	return orRest(m)
}

// orRest returns the margin loss, or where its function is held the term that rests as its potential does.
func orRest(m *Margin) PairTerm {
	psi, ok := m.Outer.(*proven)
	if !ok || !psi.Held() {
		return m
	}
	potential := *m
	potential.Outer = psi.potential()
	return &resting{m, &potential}
}

// asSides makes a loss of single responses. What both have in common, the scale, is that of z.
func asSides(pair [2]*expression.Part, referenceFree bool) PairTerm {
	s, held := &Sides{Factor: 1, ReferenceFree: referenceFree}, false
	var outers [2]*proven
	for i, part := range pair {
		if part != nil {
			outers[i] = newProven(part.Function)
			held = held || outers[i].Held()
			s.Lambda = part.Scale
		}
	}
	if left, right := outers[0], outers[1]; left != nil && right != nil {
		if pair[0].Scale != pair[1].Scale {
			s.Lambda = 1
			left.scale, right.scale = pair[0].Scale, pair[1].Scale
		}
		if left.course.SigmoidAt != right.course.SigmoidAt || left.scale != right.scale {
			left.course.Sigmoid, right.course.Sigmoid = 0, 0
		}
	}
	potential := *s
	if outers[0] != nil {
		s.Chosen, potential.Chosen = outers[0], outers[0].potential()
	}
	if outers[1] != nil {
		s.Rejected, potential.Rejected = outers[1], outers[1].potential()
	}
	if held {
		return &resting{s, &potential}
	}
	return s
}

// proven is a formula of one number, with what is proven of it.
type proven struct {
	*expression.Function
	course  expression.Course
	scale   float64 // of its argument
	scratch []float64
}

var _ Shaped = (*proven)(nil)

func newProven(f *expression.Function) *proven {
	return &proven{Function: f, course: f.Course(), scale: 1}
}

func (s *proven) Value(z, dst []float64) { s.Function.Value(s.scaled(z), dst) }

// Slope writes the derivative, what stopgrad holds put in.
func (s *proven) Slope(z, dst []float64) {
	s.Function.Slope(s.scaled(z), dst)
	floats.Scale(s.scale, dst)
}

func (s *proven) Curve(z, dst []float64) {
	s.Function.Curve(s.scaled(z), dst)
	floats.Scale(s.scale*s.scale, dst)
}

func (s *proven) scaled(z []float64) []float64 {
	if s.scale == 1 {
		return z
	}
	s.scratch = append(s.scratch[:0], z...)
	floats.Scale(s.scale, s.scratch)
	return s.scratch
}

func (s *proven) Shape() Shape {
	c := s.course
	shape := Shape{Low: endOf(c.Low), High: endOf(c.High), Monotone: c.Rising || c.Falling, Sigmoid: c.Sigmoid}
	switch {
	case c.Convex && math.IsInf(c.StrictBelow, 1):
		shape.Convexity = Strict
	case c.Convex && c.StrictBelow > 0:
		shape.Convexity = StrictAtLosses
	case c.Convex:
		shape.Convexity = Weak
	}
	return shape
}

func endOf(e expression.End) End {
	switch {
	case !e.Known:
	case math.IsInf(e.Limit, 1):
		return Rises
	case math.IsInf(e.Limit, -1):
		return Plunges
	case e.Side < 0:
		return Saturates
	case e.Infimum && e.Side > 0:
		return Falls
	case e.Infimum:
		return Level
	}
	return Unknown
}

// potential returns the function of which the slope is the derivative.
func (s *proven) potential() Outer {
	if !s.Held() {
		return s
	}
	return potential{s}
}

// potential is the integral of a slope from 0 on.
type potential struct{ *proven }

// Value writes the integral: by Gauss and Legendre's rule on intervals that double in length, for slopes bend near 0.
func (p potential) Value(z, dst []float64) {
	for i, end := range z {
		sum := 0.0
		for from, width := 0.0, 1.0; from < math.Abs(end); from, width = from+width, 2*width {
			to := min(from+width, math.Abs(end))
			sum += quad.Fixed(p.at(end), from, to, 30, quad.Legendre{}, 0)
		}
		dst[i] = sum
	}
}

// at returns the slope by the distance from 0 towards end.
func (p potential) at(end float64) func(float64) float64 {
	x, out := make([]float64, 1), make([]float64, 1)
	sign := math.Copysign(1, end)
	return func(t float64) float64 {
		x[0] = sign * t
		p.Slope(x, out)
		return sign * out[0]
	}
}

// alone reads a formula of one variable, as a function of z, and returns what z is of the variable.
func alone(e *expression.Expression, scalars []float64) (psi *proven, scale float64) {
	parts := e.Split(scalars, nil, [][]float64{{1}})
	if parts == nil {
		panic("objective: a formula of one variable: the formula has no value")
	}
	return newProven(parts[0].Function), parts[0].Scale
}

// qpo returns the term of the QPO form.
func (f *parsed) qpo() PairTerm {
	psi, scale := alone(f.psi, f.values)
	m := marginOf(psi, scale)
	if f.mu != nil {
		mu, scale := alone(f.mu, f.values)
		if slope, _, straight := mu.Line(); straight && slope > 0 {
			m.Lambda *= slope * scale
		} else if mu.scale = scale; mu.Held() {
			m.Link = mu
			return heldLink{m}
		} else {
			m.Link = asLink(mu)
		}
	}
	return orRest(m)
}

// heldLink is a margin loss of a link of which a part is held: its gradient is that of no potential.
type heldLink struct{ PairTerm }

func (heldLink) holds() bool { return true }

// asLink returns a formula as a link, which can be gone back through where it is proven to rise and its ends are known.
func asLink(mu *proven) Link {
	low, high := mu.course.Low, mu.course.High
	if !mu.course.Rising || !low.Known || !high.Known {
		return mu
	}
	return &inverted{proven: mu, low: low.Limit, high: high.Limit}
}

// inverted is a link of which the range and the inverse are found numerically.
type inverted struct {
	*proven
	low, high float64
	x, t      [1]float64
}

var _ Invertible = (*inverted)(nil)

func (l *inverted) Range() (low, high float64) { return l.low, l.high }

// Inverse halves a bracket until neighbouring numbers are left, where the link rises to the last digit.
func (l *inverted) Inverse(t float64) float64 {
	above := func(x float64) bool {
		l.x[0] = x
		l.Value(l.x[:], l.t[:])
		return l.t[0] >= t
	}
	low, high := -1.0, 1.0
	for above(low) && !math.IsInf(low, -1) {
		low, high = 2*low, low
	}
	for !above(high) && !math.IsInf(high, 1) {
		low, high = high, 2*high
	}
	if math.IsInf(low, 0) || math.IsInf(high, 0) {
		return low + high
	}
	for {
		middle := low + (high-low)/2
		switch {
		case middle <= low || middle >= high:
			return high
		case above(middle):
			high = middle
		default:
			low = middle
		}
	}
}
