package expression

import (
	"math"
	"math/big"
	"slices"
)

// polynomial is one in s, the sigmoid of a line in z: the sum of exact coefficients times s^i (1-s)^(n-i), of i from 0 to n.
type polynomial []*big.Rat

func polynomialOf(coefficients ...int64) polynomial {
	p := make(polynomial, len(coefficients))
	for i, v := range coefficients {
		p[i] = big.NewRat(v, 1)
	}
	return p
}

func (p polynomial) times(q polynomial) polynomial {
	product := polynomialOf(make([]int64, len(p)+len(q)-1)...)
	for i, v := range p {
		for j, w := range q {
			product[i+j].Add(product[i+j], new(big.Rat).Mul(v, w))
		}
	}
	return product
}

func (p polynomial) plus(q polynomial) polynomial {
	if len(p) < len(q) {
		p, q = q, p
	}
	for len(q) < len(p) {
		q = q.times(polynomialOf(1, 1)) // s + (1-s)
	}
	sum := make(polynomial, len(p))
	for i := range sum {
		sum[i] = new(big.Rat).Add(p[i], q[i])
	}
	return sum
}

// bernstein returns the coefficients in Bernstein's basis, between the least and the largest of which the values are.
func (p polynomial) bernstein() bernstein {
	b := make(bernstein, len(p))
	for i := range b {
		times := new(big.Int).Binomial(int64(len(p)-1), int64(i))
		b[i] = new(big.Rat).Quo(p[i], new(big.Rat).SetInt(times))
	}
	return b
}

// straight returns the value at 0 and the slope of a polynomial that is a line in s.
func (p polynomial) straight() (at, slope *big.Rat, is bool) {
	b := p.bernstein()
	slope = new(big.Rat).Sub(b[len(b)-1], b[0])
	for i, v := range b[1:] {
		rise := new(big.Rat).Mul(slope, big.NewRat(int64(i+1), int64(len(b)-1)))
		if rise.Add(rise, b[0]).Cmp(v) != 0 {
			return nil, nil, false
		}
	}
	return b[0], slope, true
}

// base returns the line whose sigmoid all of a node's sigmoids are, or those of its opposite; nil if there is no one.
func (g *graph) base(r ref) *line {
	lines := g.lines(r)
	for at, live := range g.live([]ref{r}) {
		n := g.nodes[at]
		if !live || n.fn == nil {
			continue
		}
		switch n.fn.name {
		case "sigmoid", "sigmoid'":
			return lines[n.args[0]]
		case "tanh":
			if l := lines[n.args[0]]; l != nil {
				return l.plus(1, l)
			}
			return nil
		}
	}
	return nil
}

// mostDegree bounds the polynomials whose sign is asked for.
const mostDegree = 40

// polynomial writes a node as a polynomial in the sigmoid of a line, nil where it is none.
func (g *graph) polynomial(out ref, base *line) polynomial {
	lines, all := g.lines(out), make([]polynomial, out+1)
	if base.constant() {
		return nil
	}
	for r, needed := range g.live([]ref{out}) {
		if needed {
			if p := g.polynomialAt(ref(r), base, lines, all); len(p) <= mostDegree {
				all[r] = p
			}
		}
	}
	return all[out]
}

// polynomialAt writes one node, given those before it.
func (g *graph) polynomialAt(r ref, base *line, lines []*line, all []polynomial) polynomial {
	if l := lines[r]; l != nil && l.constant() && l.at-l.at == 0 {
		return polynomial{new(big.Rat).SetFloat64(l.at)}
	} else if l != nil || g.nodes[r].fn == nil {
		return nil
	}
	args := g.arguments(r)
	// sigmoid is that of a multiple of the line that is the first argument: s or 1-s.
	sigmoid := func(factor float64) polynomial {
		l := lines[args[0]]
		if l == nil || l.constant() {
			return nil
		}
		switch l = (&line{}).plus(factor, l); {
		case l.by[0] == base.by[0] && l.at == base.at:
			return polynomialOf(0, 1)
		case l.by[0] == -base.by[0] && l.at == -base.at:
			return polynomialOf(1, 0)
		}
		return nil
	}
	a, b, minus := all[args[0]], all[args[len(args)-1]], polynomialOf(-1)
	switch name := g.nodes[r].fn.name; {
	case name == "sigmoid":
		return sigmoid(1)
	case name == "sigmoid'" && sigmoid(1) != nil:
		return polynomialOf(0, 1, 0)
	case name == "tanh" && sigmoid(2) != nil:
		return minus.plus(sigmoid(2).times(polynomialOf(2)))
	case a == nil || b == nil:
	case name == "+":
		return a.plus(b)
	case name == "-":
		return a.plus(b.times(minus))
	case name == "-x":
		return a.times(minus)
	case name == "stopgrad":
		return a
	case name == "*" || name == "mask'" || name == "square":
		return a.times(b)
	case name == "/":
		if at, slope, is := b.straight(); is && slope.Sign() == 0 && at.Sign() != 0 { // by a constant alone
			return a.times(polynomial{new(big.Rat).Inv(at)})
		}
	}
	return nil
}

// sign returns the sign of the polynomial if it is the same on all of (0, 1), NaN otherwise. Factors s and 1-s are taken out, and of
// what is left the coefficients in Bernstein's basis are asked on halves of halves.
func (p polynomial) sign() float64 {
	other := func(v *big.Rat) bool { return v.Sign() != 0 }
	first := slices.IndexFunc(p, other)
	if first < 0 {
		return math.NaN()
	}
	p = p[first:]
	for !other(p[len(p)-1]) {
		p = p[:len(p)-1]
	}
	return p.bernstein().sign(6)
}

type bernstein []*big.Rat

// sign asks the halves where the coefficients differ, so often at most.
func (b bernstein) sign(halvings int) float64 {
	least, most := 1, -1
	for _, v := range b {
		least, most = min(least, v.Sign()), max(most, v.Sign())
	}
	switch {
	case least > 0:
		return 1
	case most < 0:
		return -1
	case halvings == 0:
		return math.NaN()
	}
	// De Casteljau's scheme at 1/2 gives the coefficients of both halves.
	half, work := big.NewRat(1, 2), append(bernstein(nil), b...)
	left, right := bernstein{}, make(bernstein, len(b))
	for n := len(b); n > 0; n-- {
		left = append(left, work[0])
		right[n-1] = work[n-1]
		for i := range n - 1 {
			work[i] = new(big.Rat).Add(work[i], work[i+1])
			work[i].Mul(work[i], half)
		}
	}
	if sign := left.sign(halvings - 1); sign == right.sign(halvings-1) {
		return sign
	}
	return math.NaN()
}
