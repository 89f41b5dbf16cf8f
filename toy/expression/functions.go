package expression

import (
	"math"
	"strings"
	"sync"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/logspace"
)

// kernel is one loop over a batch: it writes a function's values at the arguments a, b, c to dst, all of dst's length;
// what a function does not take is nil. dst may be one of the arguments.
type kernel func(dst, a, b, c []float64)

// function is an entry of the table: all that the rest of the package knows about it. To add a function is to add an
// entry. Its second derivative needs no mention, being that of the derivative.
type function struct {
	name        string
	least, most int    // number of arguments; most 0 means no limit
	usage       string // how it is called, with the convention for its derivative where it has a kink
	batch       bool   // a statistic of the batch, or of its steps
	commutes    bool   // f(a, b) = f(b, a) to the bit
	kernel      kernel // its values; nil for what build expresses through other entries
	// build may express a call through other entries; it returns none to keep the call.
	build func(g *graph, args []ref) ref
	// pull returns what the adjoint of y = f(x...) adds to the adjoint of x[i]; nil means that no derivative passes.
	pull func(g *graph, adjoint ref, x []ref, y ref, i int) ref
}

// at returns the value at numbers.
func (f *function) at(x [3]float64) float64 {
	var result [1]float64
	f.kernel(result[:], x[0:1], x[1:2], x[2:3])
	return result[0]
}

// table is the functions by name.
type table map[string]*function

// standard is the table of all of them, which nothing changes. It is no variable's value, since its entries build on one another.
var standard = sync.OnceValue(func() table {
	t := table{}
	for _, entries := range [][]function{functions(), operators(), branches(), shared()} {
		for i := range entries {
			t[entries[i].name] = &entries[i]
		}
	}
	return t
})

// callable returns the names of the functions that a source may call.
var callable = sync.OnceValue(func() (public []string) {
	for _, f := range Functions() {
		public = append(public, f.Name)
	}
	return public
})

// Documented is a word of the language, with how it is called and what it means.
type Documented struct{ Name, Usage string }

// Functions lists what formulas may call, sorted by name; that of an inner function ends in a prime.
func Functions() (public []Documented) {
	for _, f := range functions() {
		if !strings.HasSuffix(f.name, "'") {
			public = append(public, Documented{f.name, f.usage})
		}
	}
	return public
}

// Functionals lists what formulas of distributions may call besides.
func Functionals() (all []Documented) {
	for _, f := range functionals() {
		all = append(all, Documented{f.name, f.usage})
	}
	return all
}

// unary is the pull of a function of one argument with the given derivative at x, where y = f(x).
func unary(slope func(g *graph, x, y ref) ref) func(*graph, ref, []ref, ref, int) ref {
	return func(g *graph, adjoint ref, x []ref, y ref, _ int) ref { return g.chain(adjoint, slope(g, x[0], y)) }
}

// functions is what a source may call, sorted by name, and after each function the inner ones that its derivatives
// need. Where a derivative does not exist it is a convention, stated in usage and the same as PyTorch's for one argument.
func functions() []function {
	return []function{
		{name: "abs", least: 1, most: 1, usage: "abs(x), with slope 0 at 0", kernel: elementwise(math.Abs),
			pull: unary(func(g *graph, x, _ ref) ref { return g.call("sign'", x) })},
		{name: "sign'", kernel: elementwise(sign)},

		{name: "atan", least: 1, most: 1, usage: "atan(x)", kernel: elementwise(math.Atan),
			pull: unary(func(g *graph, x, _ ref) ref {
				return g.call("/", g.constant(1), g.call("+", g.constant(1), g.call("square", x)))
			})},

		{name: "clamp", least: 3, most: 3, usage: "clamp(x, low, high), with slope 1 at both bounds",
			build: func(g *graph, x []ref) ref { return g.call("min", g.call("max", x[0], x[1]), x[2]) }},

		{name: "cos", least: 1, most: 1, usage: "cos(x)", kernel: elementwise(math.Cos),
			pull: unary(func(g *graph, x, _ ref) ref { return g.call("-x", g.call("sin", x)) })},

		{name: "ema", least: 2, most: 3, batch: true,
			usage: "ema(x, decay) or ema(x, decay, start), the moving average of mean(x) over training steps, with slope 0: decay times the last plus " +
				"(1 - decay) times the present, from start, or from the first",
			build: func(g *graph, x []ref) ref {
				start := none
				if len(x) > 2 {
					start = x[2]
				}
				return g.statistic(statistic{name: "ema", of: g.call("mean", x[0]), decay: g.call("mean", x[1]), start: start})
			}},

		{name: "exp", least: 1, most: 1, usage: "exp(x)", kernel: elementwise(math.Exp),
			pull: unary(func(_ *graph, _, y ref) ref { return y })},

		{name: "expm1", least: 1, most: 1, usage: "expm1(x), which is exp(x) - 1", kernel: elementwise(math.Expm1),
			pull: unary(func(g *graph, x, _ ref) ref { return g.call("exp", x) })},

		{name: "log", least: 1, most: 1, usage: "log(x)", kernel: elementwise(math.Log),
			build: func(g *graph, x []ref) ref { // the log of what is defined as exp(x) is x
				if exponent, ratio := g.ratios[x[0]]; ratio {
					return exponent
				}
				return none
			},
			pull: unary(func(g *graph, x, _ ref) ref { return g.call("/", g.constant(1), x) })},

		{name: "log1mexp", least: 1, most: 1, usage: "log1mexp(x), which is log(1 - exp(x)), for x below 0", kernel: elementwise(logspace.Log1mExp),
			pull: unary(func(g *graph, x, _ ref) ref { return g.call("log1mexp'", x) })},
		{name: "log1mexp'", kernel: elementwise(log1mexpSlope), pull: unary(func(g *graph, _, y ref) ref {
			return g.call("*", y, g.call("-", g.constant(1), y))
		})},

		{name: "log1p", least: 1, most: 1, usage: "log1p(x), which is log(1 + x)", kernel: elementwise(math.Log1p),
			pull: unary(func(g *graph, x, _ ref) ref {
				return g.call("/", g.constant(1), g.call("+", g.constant(1), x))
			})},

		{name: "logmeanexp", least: 1, most: 1, batch: true, usage: "logmeanexp(x), which is log(mean(exp(x)))",
			build: func(g *graph, x []ref) ref {
				most := g.call("stopgrad", g.call("max", x[0]))
				return g.call("+", most, g.call("log", g.call("mean", g.call("exp", g.call("-", x[0], most)))))
			}},

		{name: "logsigmoid", least: 1, most: 1, usage: "logsigmoid(x), which is -softplus(-x)",
			build: func(g *graph, x []ref) ref { return g.call("-x", g.call("softplus", g.call("-x", x[0]))) }},

		{name: "max", least: 1, usage: "max(x, y, ...), with the slope of the first where several are largest; max(x) over the batch, where the largest share it",
			build: func(g *graph, x []ref) ref {
				if len(x) == 1 {
					return g.statistic(statistic{name: "max", of: x[0]})
				}
				return g.leftToRight("max'", x)
			}},

		{name: "mean", least: 1, most: 1, batch: true, usage: "mean(x), the mean over the batch by the comparisons' weights",
			build: func(g *graph, x []ref) ref { return g.statistic(statistic{name: "mean", of: x[0]}) }},

		{name: "min", least: 1, usage: "min(x, y, ...), with the slope of the first where several are smallest; min(x) over the batch, where the smallest share it",
			build: func(g *graph, x []ref) ref {
				if len(x) == 1 {
					return g.call("-x", g.call("max", g.call("-x", x[0])))
				}
				return g.leftToRight("min'", x)
			}},

		{name: "relu", least: 1, most: 1, usage: "relu(x), with slope 0 at 0",
			build: func(g *graph, x []ref) ref { return g.call("max", g.constant(0), x[0]) }},

		{name: "sigmoid", least: 1, most: 1, usage: "sigmoid(x)", kernel: elementwise(sigmoid),
			pull: unary(func(g *graph, x, _ ref) ref { return g.call("sigmoid'", x) })},
		{name: "sigmoid'", kernel: elementwise(func(x float64) float64 { return sigmoidSlope(decay(x)) }), pull: unary(func(g *graph, x, y ref) ref {
			// sigmoid(-x) - sigmoid(x) = -tanh(x/2), without the cancellation near 0.
			return g.call("-x", g.call("*", y, g.call("tanh", g.call("*", g.constant(0.5), x))))
		})},

		{name: "sin", least: 1, most: 1, usage: "sin(x)", kernel: elementwise(math.Sin),
			pull: unary(func(g *graph, x, _ ref) ref { return g.call("cos", x) })},

		{name: "softplus", least: 1, most: 1, usage: "softplus(x), which is log(1 + exp(x))", kernel: elementwise(softplus),
			pull: unary(func(g *graph, x, _ ref) ref { return g.call("sigmoid", x) })},

		{name: "sqrt", least: 1, most: 1, usage: "sqrt(x)", kernel: elementwise(math.Sqrt),
			pull: unary(func(g *graph, _, y ref) ref { return g.call("/", g.constant(0.5), y) })},

		{name: "square", least: 1, most: 1, usage: "square(x)", kernel: square,
			pull: unary(func(g *graph, x, _ ref) ref { return g.call("*", g.constant(2), x) })},

		{name: "std", least: 1, most: 1, batch: true, usage: "std(x), the root of mean(square(x - mean(x))), with slope 0 where it is 0",
			build: func(g *graph, x []ref) ref {
				return g.call("root'", g.call("mean", g.call("square", g.call("-", x[0], g.call("mean", x[0])))))
			}},
		{name: "root'", kernel: elementwise(math.Sqrt), pull: func(g *graph, adjoint ref, _ []ref, y ref, _ int) ref {
			return g.call("less'", g.call("/", adjoint, g.call("*", g.constant(2), y)), g.constant(0), y)
		}},

		{name: "step", least: 0, most: 0, batch: true, usage: "step(), the training steps before the present one",
			build: func(g *graph, _ []ref) ref { return g.statistic(statistic{name: "step"}) }},

		{name: "stopgrad", least: 1, most: 1, usage: "stopgrad(x), which is x with slope 0", kernel: same},

		{name: "tanh", least: 1, most: 1, usage: "tanh(x)", kernel: elementwise(math.Tanh),
			pull: unary(func(g *graph, x, _ ref) ref {
				// 1 - tanh(x)^2 = 4 sigmoid'(2x), without the cancellation far from 0.
				return g.call("*", g.constant(4), g.call("sigmoid'", g.call("*", g.constant(2), x)))
			})},
	}
}

// leftToRight applies a function of two arguments to the first two, then to the result and the third, and so on.
func (g *graph) leftToRight(name string, args []ref) ref {
	y := args[0]
	for _, x := range args[1:] {
		y = g.call(name, y, x)
	}
	return y
}

// operators are the arithmetic. Their names are the operators themselves, which no source can call.
func operators() []function {
	return []function{
		{name: "+", commutes: true, kernel: pairwise(floats.AddTo),
			pull: func(_ *graph, adjoint ref, _ []ref, _ ref, _ int) ref { return adjoint }},

		{name: "-", kernel: pairwise(floats.SubTo),
			pull: func(g *graph, adjoint ref, _ []ref, _ ref, i int) ref {
				if i == 0 {
					return adjoint
				}
				return g.call("-x", adjoint)
			}},

		{name: "*", commutes: true, kernel: pairwise(floats.MulTo),
			pull: func(g *graph, adjoint ref, x []ref, _ ref, i int) ref { return g.chain(adjoint, x[1-i]) }},

		{name: "/", kernel: pairwise(floats.DivTo), pull: pullQuotient},

		{name: "-x", kernel: negate,
			build: func(g *graph, x []ref) ref { // -(-x) is x
				if n := g.nodes[x[0]]; n.fn != nil && n.fn.name == "-x" {
					return n.args[0]
				}
				return none
			},
			pull: func(g *graph, adjoint ref, _ []ref, _ ref, _ int) ref { return g.call("-x", adjoint) }},

		{name: "^", build: buildPower},
		{name: "pow'", kernel: elementwise2(math.Pow), pull: pullPower},

		// powm1' is (exp(a x) - 1)/a of x and a, and x at a = 0; a is never differentiated by.
		{name: "powm1'", kernel: elementwise2(powm1), pull: func(g *graph, adjoint ref, x []ref, _ ref, _ int) ref {
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
		{name: "less'", kernel: where(true), pull: choose("less'")},
		{name: "notless'", kernel: where(false), pull: choose("notless'")},

		// mask' is a*b, but 0 wherever a is, even if b is infinite or NaN.
		{name: "mask'", kernel: elementwise2(masked), pull: func(g *graph, adjoint ref, x []ref, _ ref, i int) ref {
			if i == 0 {
				return g.chain(adjoint, x[1])
			}
			if g.is(adjoint, 1) {
				return x[0]
			}
			return g.call("mask'", x[0], adjoint)
		}},

		// The first argument wins a tie, so its slope is 1 unless the other is truly beyond it.
		{name: "max'", kernel: elementwise2(func(a, b float64) float64 { return max(a, b) }), pull: func(g *graph, adjoint ref, x []ref, _ ref, i int) ref {
			if i == 0 {
				return g.call("notless'", adjoint, x[0], x[1])
			}
			return g.call("less'", adjoint, x[0], x[1])
		}},
		{name: "min'", kernel: elementwise2(func(a, b float64) float64 { return min(a, b) }), pull: func(g *graph, adjoint ref, x []ref, _ ref, i int) ref {
			if i == 0 {
				return g.call("notless'", adjoint, x[1], x[0])
			}
			return g.call("less'", adjoint, x[1], x[0])
		}},
	}
}
