package expression

import (
	"math"
	"math/big"
)

// polynomial is one in s, the sigmoid of a line in z, with exact coefficients from the constant on.
type polynomial []*big.Rat

func (p polynomial) coefficient(i int) *big.Rat {
	if i < len(p) {
		return p[i]
	}
	return new(big.Rat)
}

// plus returns p + factor*q.
func (p polynomial) plus(factor *big.Rat, q polynomial) polynomial {
	sum := make(polynomial, max(len(p), len(q)))
	for i := range sum {
		sum[i] = new(big.Rat).Mul(factor, q.coefficient(i))
		sum[i].Add(sum[i], p.coefficient(i))
	}
	for len(sum) > 0 && sum[len(sum)-1].Sign() == 0 {
		sum = sum[:len(sum)-1]
	}
	return sum
}

func (p polynomial) times(q polynomial) polynomial {
	product := polynomial{}
	for i, v := range p {
		product = product.plus(v, append(zeroes(i), q...))
	}
	return product
}

func zeroes(n int) polynomial {
	p := polynomial{}
	for range n {
		p = append(p, new(big.Rat))
	}
	return p
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
			if p := g.polynomialOf(ref(r), base, lines, all); len(p) <= mostDegree {
				all[r] = p
			}
		}
	}
	return all[out]
}

// polynomialOf writes one node, given those before it.
func (g *graph) polynomialOf(r ref, base *line, lines []*line, all []polynomial) polynomial {
	one, minus := big.NewRat(1, 1), big.NewRat(-1, 1)
	if l := lines[r]; l != nil && l.constant() && l.at-l.at == 0 {
		return polynomial{}.plus(one, polynomial{new(big.Rat).SetFloat64(l.at)})
	} else if l != nil || g.nodes[r].fn == nil {
		return nil
	}
	// sigmoid is that of a multiple of the line that is the first argument: s or 1-s.
	sigmoid := func(factor float64) polynomial {
		l := lines[g.nodes[r].args[0]]
		if l == nil || l.constant() {
			return nil
		}
		switch l = (&line{}).plus(factor, l); {
		case l.by[0] == base.by[0] && l.at == base.at:
			return polynomial{new(big.Rat), one}
		case l.by[0] == -base.by[0] && l.at == -base.at:
			return polynomial{one, minus}
		}
		return nil
	}
	switch name := g.nodes[r].fn.name; name {
	case "sigmoid":
		return sigmoid(1)
	case "sigmoid'":
		if p := sigmoid(1); p != nil {
			return p.plus(minus, p.times(p))
		}
		return nil
	case "tanh":
		if p := sigmoid(2); p != nil {
			return polynomial{minus}.plus(big.NewRat(2, 1), p)
		}
		return nil
	case "+", "-", "*", "mask'", "/", "-x", "square", "stopgrad":
		args := g.arguments(r)
		a, b := all[args[0]], all[args[len(args)-1]]
		if a == nil || b == nil {
			return nil
		}
		switch name {
		case "+":
			return a.plus(one, b)
		case "-":
			return a.plus(minus, b)
		case "-x":
			return polynomial{}.plus(minus, a)
		case "stopgrad":
			return a
		case "/":
			if len(b) != 1 { // by a constant other than 0 alone
				return nil
			}
			return polynomial{}.plus(new(big.Rat).Inv(b[0]), a)
		}
		return a.times(b)
	}
	return nil
}

// sign returns the sign of the polynomial if it is the same on all of (0, 1), NaN otherwise. Factors s and 1-s are taken out, and of
// what is left the coefficients in Bernstein's basis, which bound it, are asked on halves of halves.
func (p polynomial) sign() float64 {
	if len(p) == 0 {
		return math.NaN()
	}
	for p[0].Sign() == 0 {
		p = p[1:]
	}
	for {
		at1 := new(big.Rat)
		for _, v := range p {
			at1.Add(at1, v)
		}
		if at1.Sign() != 0 {
			break
		}
		// Synthetic division by 1-s: the quotient's coefficients are the partial sums.
		quotient, sum := polynomial{}, new(big.Rat)
		for _, v := range p[:len(p)-1] {
			sum = new(big.Rat).Add(sum, v)
			quotient = append(quotient, sum)
		}
		p = quotient
	}
	return p.bernstein().sign(6)
}

// bernstein returns the coefficients in Bernstein's basis of the same degree.
func (p polynomial) bernstein() bernstein {
	n := int64(len(p) - 1)
	b := make(bernstein, len(p))
	for i := range b {
		b[i] = new(big.Rat)
		for j := 0; j <= i; j++ {
			share := new(big.Rat).SetFrac(new(big.Int).Binomial(int64(i), int64(j)), new(big.Int).Binomial(n, int64(j)))
			b[i].Add(b[i], share.Mul(share, p[j]))
		}
	}
	return b
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
