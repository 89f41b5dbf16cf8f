package expression

import (
	"cmp"
	"math"
	"slices"
)

// series is what a function does as y, the size of its argument, grows: a sum of terms from the largest on, exact but for a
// rest of at most the order of its last entry. Where a function has no such sum, there is none (nil).
type series struct {
	terms []growth
	rest  growth // times some constant, where not exact
	exact bool
}

// growth is factor y^power e^(rate y).
type growth struct{ factor, power, rate float64 }

// order compares how fast two terms grow.
func (a growth) order(b growth) int {
	return cmp.Or(cmp.Compare(a.rate, b.rate), cmp.Compare(a.power, b.power))
}

// size compares a term with a constant: 1 grows, 0 is constant, -1 vanishes.
func (a growth) size() int { return a.order(growth{}) }

// mostTerms is how many terms of a series are kept.
const mostTerms = 8

// level is the series of a constant.
func level(v float64) *series {
	if v == 0 {
		return &series{exact: true}
	}
	return &series{terms: []growth{{factor: v}}, exact: true}
}

// lead returns the largest term; none is known where the rest outgrows all. The zero series leads with 0.
func (s *series) lead() (growth, bool) {
	if s == nil || len(s.terms) == 0 {
		return growth{rate: math.Inf(-1)}, s != nil && s.exact
	}
	return s.terms[0], true
}

// plus returns s + factor*other. Terms that cancel but for rounding are not known to.
func (s *series) plus(factor float64, other *series) *series {
	if s == nil || other == nil {
		return nil
	}
	sum := &series{exact: s.exact && other.exact, rest: growth{rate: math.Inf(-1)}}
	for _, part := range []*series{s, other} {
		if !part.exact && part.rest.order(sum.rest) > 0 {
			sum.rest = part.rest
		}
	}
	terms := slices.Clone(s.terms)
	for _, t := range other.terms {
		t.factor *= factor
		at := slices.IndexFunc(terms, func(u growth) bool { return u.order(t) == 0 })
		if at < 0 {
			terms = append(terms, t)
			continue
		}
		size := math.Abs(t.factor)
		terms[at].factor += t.factor
		if left := math.Abs(terms[at].factor); left != 0 && left <= 1e-13*size {
			terms[at].factor = 0
			if sum.exact || t.order(sum.rest) > 0 {
				sum.exact, sum.rest = false, t
			}
		}
	}
	sum.terms = terms
	return sum.cut()
}

// cut sorts the terms and drops those that vanish, that the rest hides or that are too many.
func (s *series) cut() *series {
	s.terms = slices.DeleteFunc(s.terms, func(t growth) bool { return t.factor == 0 || !s.exact && t.order(s.rest) <= 0 })
	slices.SortFunc(s.terms, func(a, b growth) int { return b.order(a) })
	for _, t := range s.terms {
		if t.factor-t.factor != 0 {
			return nil
		}
	}
	if len(s.terms) > mostTerms {
		s.rest, s.exact = s.terms[mostTerms], false
		s.terms = s.terms[:mostTerms]
	}
	return s
}

// times returns the product.
func (s *series) times(other *series) *series {
	if s == nil || other == nil {
		return nil
	}
	product := level(0)
	for _, t := range other.terms {
		part := &series{exact: s.exact, rest: s.rest.times(t)}
		for _, u := range s.terms {
			part.terms = append(part.terms, u.times(t))
		}
		product = product.plus(1, part.cut())
	}
	if top, known := s.lead(); product != nil && !other.exact {
		if !known {
			top = s.rest
		}
		product = product.plus(1, &series{rest: other.rest.times(top)})
	}
	return product
}

func (a growth) times(b growth) growth {
	return growth{a.factor * b.factor, a.power + b.power, a.rate + b.rate}
}

// of returns f(s) for an s that tends to a number, from the values of f and its first derivatives over n! there; the rest is of
// the order after them.
func (s *series) of(derivatives func(at float64) []float64) *series {
	top, known := s.lead()
	if !known || top.size() > 0 {
		return nil
	}
	at, small := 0.0, s
	if top.size() == 0 {
		at = top.factor
		small = s.plus(-1, level(at))
	}
	sum, power := level(0), level(1)
	for _, d := range derivatives(at) {
		if d-d != 0 {
			return nil
		}
		sum, power = sum.plus(d, power), power.times(small)
	}
	if next, known := power.lead(); sum != nil && power != nil && !(known && next.factor == 0) {
		if !known {
			next = power.rest
		}
		sum = sum.plus(1, &series{rest: next})
	}
	return sum
}

// exp returns e^s.
func (s *series) exp() *series {
	top, known := s.lead()
	if !known || top.size() <= 0 {
		return s.of(func(at float64) []float64 {
			e := math.Exp(at)
			return []float64{e, e, e / 2, e / 6, e / 24}
		})
	}
	straight := top.rate == 0 && top.power == 1
	switch {
	case !straight && top.factor < 0:
		return &series{rest: growth{rate: math.Inf(-1)}}
	case !straight:
		return nil
	}
	return s.plus(-1, &series{terms: []growth{top}, exact: true}).exp().times(&series{terms: []growth{{1, 0, top.factor}}, exact: true})
}

// log1p returns log(1 + s).
func (s *series) log1p() *series {
	return s.of(func(at float64) []float64 {
		r := 1 / (1 + at)
		return []float64{math.Log1p(at), r, -r * r / 2, r * r * r / 3, -r * r * r * r / 4}
	})
}

// factored returns the largest term and s over it, less 1.
func (s *series) factored() (growth, *series) {
	top, known := s.lead()
	if !known || top.factor == 0 {
		return top, nil
	}
	return top, s.times(&series{terms: []growth{{1 / top.factor, -top.power, -top.rate}}, exact: true}).plus(-1, level(1))
}

// raised returns s^p, of an s that is positive in the end where p is not -1.
func (s *series) raised(p float64) *series {
	top, small := s.factored()
	if small == nil || top.factor < 0 && p != -1 {
		return nil
	}
	power := small.of(func(at float64) []float64 {
		return []float64{1, p, p * (p - 1) / 2, p * (p - 1) * (p - 2) / 6, p * (p - 1) * (p - 2) * (p - 3) / 24}
	})
	return power.times(&series{terms: []growth{{math.Pow(top.factor, p), p * top.power, p * top.rate}}, exact: true})
}

// softplus returns log(1 + e^s).
func (s *series) softplus() *series {
	if top, known := s.lead(); known && top.size() > 0 && top.factor > 0 {
		return s.plus(1, s.negated().softplus())
	}
	return s.exp().log1p()
}

// sigmoid returns 1/(1 + e^-s).
func (s *series) sigmoid() *series {
	if top, known := s.lead(); known && top.size() > 0 && top.factor > 0 {
		return level(1).plus(-1, s.negated().sigmoid())
	}
	e := s.exp()
	return e.times(level(1).plus(1, e).raised(-1))
}

func (s *series) negated() *series { return level(0).plus(-1, s) }

// sign returns the sign of s in the end, NaN if it is not known.
func (s *series) sign() float64 {
	top, known := s.lead()
	if !known {
		return math.NaN()
	}
	switch {
	case top.factor > 0:
		return 1
	case top.factor < 0:
		return -1
	}
	return 0
}

// toward returns what a node does as z goes to an infinity, plus or minus.
func (g *graph) toward(out ref, infinity float64) *series {
	all := make([]*series, out+1)
	for r := range all {
		n := g.nodes[r]
		if v, constant := g.constantValue(ref(r)); constant {
			if v-v == 0 {
				all[r] = level(v)
			}
		} else if n.fn == nil {
			all[r] = &series{terms: []growth{{infinity, 1, 0}}, exact: true}
		} else {
			args := make([]*series, 3)
			known := true
			for i, a := range g.arguments(ref(r)) {
				args[i] = all[a]
				known = known && all[a] != nil
			}
			if known {
				all[r] = tend(n.fn.name, args[0], args[1], args[2])
			}
		}
	}
	return all[out]
}

// tend applies a function of the table to series.
func tend(name string, a, b, c *series) *series {
	less := func(x, y *series) float64 { return y.plus(-1, x).sign() }
	pick := func(sign float64, below, otherwise *series) *series {
		switch {
		case math.IsNaN(sign):
			return nil
		case sign > 0:
			return below
		}
		return otherwise
	}
	switch name {
	case "+":
		return a.plus(1, b)
	case "-":
		return a.plus(-1, b)
	case "-x":
		return a.negated()
	case "*", "mask'":
		return a.times(b)
	case "/":
		return a.times(b.raised(-1))
	case "square":
		return a.times(a)
	case "sqrt":
		return a.raised(0.5)
	case "pow'":
		if p, known := b.lead(); known && p.size() == 0 && len(b.terms) == 1 && b.exact {
			return a.raised(p.factor)
		}
	case "exp":
		return a.exp()
	case "expm1":
		return a.exp().plus(-1, level(1))
	case "log1p":
		if top, known := a.lead(); known && top.size() > 0 {
			return tend("log", a.plus(1, level(1)), nil, nil)
		}
		return a.log1p()
	case "log":
		top, small := a.factored()
		if small == nil || top.factor < 0 || top.power != 0 {
			return nil
		}
		return small.log1p().plus(1, level(math.Log(top.factor))).plus(1, &series{terms: []growth{{top.rate, 1, 0}}, exact: true})
	case "log1mexp":
		return a.exp().negated().log1p()
	case "log1mexp'":
		e := a.exp()
		return e.times(e.plus(-1, level(1)).raised(-1))
	case "sigmoid":
		return a.sigmoid()
	case "sigmoid'":
		return a.sigmoid().times(a.negated().sigmoid())
	case "softplus":
		return a.softplus()
	case "tanh":
		return a.plus(1, a).sigmoid().times(level(2)).plus(-1, level(1))
	case "stopgrad":
		return a
	case "abs":
		return pick(a.sign(), a, a.negated())
	case "sign'":
		if sign := a.sign(); !math.IsNaN(sign) {
			return level(sign)
		}
	case "max'":
		return pick(less(a, b), b, a)
	case "min'":
		return pick(less(a, b), a, b)
	case "less'":
		return pick(less(b, c), a, level(0))
	case "notless'":
		return pick(less(b, c), level(0), a)
	}
	return nil
}
