package expression

// operators are the arithmetic. Their names are the operators themselves, which no source can call.
func operators() []function {
	return []function{
		{name: "+", commutes: true, kernel: add,
			pull: func(_ *graph, adjoint ref, _ []ref, _ ref, _ int) ref { return adjoint }},

		{name: "-", kernel: subtract,
			pull: func(g *graph, adjoint ref, _ []ref, _ ref, i int) ref {
				if i == 0 {
					return adjoint
				}
				return g.call("-x", adjoint)
			}},

		{name: "*", commutes: true, kernel: multiply,
			pull: func(g *graph, adjoint ref, x []ref, _ ref, i int) ref { return g.chain(adjoint, x[1-i]) }},

		{name: "/", kernel: divide, pull: pullQuotient},

		{name: "-x", kernel: negate, build: doubleNegative,
			pull: func(g *graph, adjoint ref, _ []ref, _ ref, _ int) ref { return g.call("-x", adjoint) }},

		{name: "^", build: buildPower},
		{name: "pow'", kernel: power, pull: pullPower},

		// powm1' is (exp(a x) - 1)/a of x and a, and x at a = 0; a is never differentiated by.
		{name: "powm1'", kernel: powm1, pull: func(g *graph, adjoint ref, x []ref, _ ref, _ int) ref {
			return g.chain(adjoint, g.call("exp", g.call("*", x[1], x[0])))
		}},
	}
}

// pullQuotient is d(a/b) = da/b - (a/b) db/b, in the order that overflows last.
func pullQuotient(g *graph, adjoint ref, x []ref, y ref, i int) ref {
	var over ref
	if g.masked[adjoint] {
		over = g.chain(adjoint, g.call("/", g.constant(1), x[1]))
	} else {
		over = g.call("/", adjoint, x[1])
	}
	if i == 0 {
		return over
	}
	return g.call("-x", g.chain(over, y))
}

// doubleNegative is -x's build: -(-x) is x.
func doubleNegative(g *graph, args []ref) ref {
	if n := g.nodes[args[0]]; n.fn != nil && n.fn.name == "-x" {
		return n.args[0]
	}
	return none
}

// buildPower multiplies the powers 0 to 4 out: that is what they mean here, and it costs a tenth of the general power.
// A power of what is defined as exp(x) is an exponential.
func buildPower(g *graph, args []ref) ref {
	x, p := args[0], args[1]
	if exponent, ratio := g.ratios[x]; ratio {
		return g.call("exp", g.call("*", p, exponent))
	}
	switch v, _ := g.constantValue(p); {
	case g.is(p, 0):
		return g.constant(1)
	case v == 1:
		return x
	case v == 2:
		return g.call("square", x)
	case v == 3:
		return g.call("*", g.call("square", x), x)
	case v == 4:
		return g.call("square", g.call("square", x))
	}
	return g.call("pow'", x, p)
}

// pullPower is d(x^p) = p x^(p-1) dx + x^p log(x) dp, either term 0 where its first factor is.
func pullPower(g *graph, adjoint ref, x []ref, y ref, i int) ref {
	if i == 0 {
		lower := g.call("^", x[0], g.call("-", x[1], g.constant(1)))
		if _, constant := g.constantValue(x[1]); constant {
			return g.chain(adjoint, g.chain(x[1], lower))
		}
		return g.chain(adjoint, g.call("mask'", x[1], lower))
	}
	return g.chain(adjoint, g.call("mask'", y, g.call("log", x[0])))
}

// branches are the functions that choose between their arguments and those that carry the choice into derivatives.
func branches() []function {
	choose := func(name string) func(*graph, ref, []ref, ref, int) ref {
		return func(g *graph, adjoint ref, x []ref, _ ref, i int) ref {
			if i > 0 {
				return none
			}
			return g.call(name, adjoint, x[1], x[2])
		}
	}
	return []function{
		// less' is a where b < c and 0 elsewhere; notless' is the opposite, and a too where b or c is NaN.
		{name: "less'", kernel: whereLess, pull: choose("less'")},
		{name: "notless'", kernel: whereNotLess, pull: choose("notless'")},

		// mask' is a*b, but 0 wherever a is, even if b is infinite or NaN.
		{name: "mask'", kernel: masked, pull: func(g *graph, adjoint ref, x []ref, _ ref, i int) ref {
			if i == 0 {
				return g.chain(adjoint, x[1])
			}
			if g.is(adjoint, 1) {
				return x[0]
			}
			return g.call("mask'", x[0], adjoint)
		}},

		// The first argument wins a tie, so its slope is 1 unless the other is truly beyond it.
		{name: "max'", kernel: maximum, pull: func(g *graph, adjoint ref, x []ref, _ ref, i int) ref {
			if i == 0 {
				return g.call("notless'", adjoint, x[0], x[1])
			}
			return g.call("less'", adjoint, x[0], x[1])
		}},
		{name: "min'", kernel: minimum, pull: func(g *graph, adjoint ref, x []ref, _ ref, i int) ref {
			if i == 0 {
				return g.call("notless'", adjoint, x[1], x[0])
			}
			return g.call("less'", adjoint, x[1], x[0])
		}},
	}
}
