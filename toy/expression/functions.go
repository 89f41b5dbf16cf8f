package expression

// functions is what a source may call, sorted by name, and after each function the inner ones that its derivatives
// need. Where a derivative does not exist it is a convention, stated in usage and the same as PyTorch's for one argument.
func functions() []function {
	return []function{
		{name: "abs", least: 1, most: 1, usage: "abs(x), with slope 0 at 0", kernel: absolute,
			pull: unary(func(g *graph, x, _ ref) ref { return g.call("sign'", x) })},
		{name: "sign'", kernel: sign},

		{name: "clamp", least: 3, most: 3, usage: "clamp(x, low, high), with slope 1 at both bounds",
			build: func(g *graph, x []ref) ref { return g.call("min", g.call("max", x[0], x[1]), x[2]) }},

		{name: "exp", least: 1, most: 1, usage: "exp(x)", kernel: exponential,
			pull: unary(func(_ *graph, _, y ref) ref { return y })},

		{name: "expm1", least: 1, most: 1, usage: "expm1(x), which is exp(x) - 1", kernel: expm1,
			pull: unary(func(g *graph, x, _ ref) ref { return g.call("exp", x) })},

		{name: "log", least: 1, most: 1, usage: "log(x)", kernel: logarithm, build: logOfRatio,
			pull: unary(func(g *graph, x, _ ref) ref { return g.call("/", g.constant(1), x) })},

		{name: "log1mexp", least: 1, most: 1, usage: "log1mexp(x), which is log(1 - exp(x)), for x below 0", kernel: log1mexp,
			pull: unary(func(g *graph, x, _ ref) ref { return g.call("log1mexp'", x) })},
		{name: "log1mexp'", kernel: log1mexpSlope, pull: unary(func(g *graph, _, y ref) ref {
			return g.call("*", y, g.call("-", g.constant(1), y))
		})},

		{name: "log1p", least: 1, most: 1, usage: "log1p(x), which is log(1 + x)", kernel: log1p,
			pull: unary(func(g *graph, x, _ ref) ref {
				return g.call("/", g.constant(1), g.call("+", g.constant(1), x))
			})},

		{name: "logsigmoid", least: 1, most: 1, usage: "logsigmoid(x), which is -softplus(-x)",
			build: func(g *graph, x []ref) ref { return g.call("-x", g.call("softplus", g.call("-x", x[0]))) }},

		{name: "max", least: 2, usage: "max(x, y, ...), with the slope of the first where several are largest",
			build: func(g *graph, x []ref) ref { return g.leftToRight("max'", x) }},

		{name: "min", least: 2, usage: "min(x, y, ...), with the slope of the first where several are smallest",
			build: func(g *graph, x []ref) ref { return g.leftToRight("min'", x) }},

		{name: "relu", least: 1, most: 1, usage: "relu(x), with slope 0 at 0",
			build: func(g *graph, x []ref) ref { return g.call("max", g.constant(0), x[0]) }},

		{name: "sigmoid", least: 1, most: 1, usage: "sigmoid(x)", kernel: sigmoid,
			pull: unary(func(g *graph, x, _ ref) ref { return g.call("sigmoid'", x) })},
		{name: "sigmoid'", kernel: sigmoidSlope, pull: unary(func(g *graph, x, y ref) ref {
			// sigmoid(-x) - sigmoid(x) = -tanh(x/2), without the cancellation near 0.
			return g.call("-x", g.call("*", y, g.call("tanh", g.call("*", g.constant(0.5), x))))
		})},

		{name: "softplus", least: 1, most: 1, usage: "softplus(x), which is log(1 + exp(x))", kernel: softplus,
			pull: unary(func(g *graph, x, _ ref) ref { return g.call("sigmoid", x) })},

		{name: "sqrt", least: 1, most: 1, usage: "sqrt(x)", kernel: squareRoot,
			pull: unary(func(g *graph, _, y ref) ref { return g.call("/", g.constant(0.5), y) })},

		{name: "square", least: 1, most: 1, usage: "square(x)", kernel: square,
			pull: unary(func(g *graph, x, _ ref) ref { return g.call("*", g.constant(2), x) })},

		{name: "stopgrad", least: 1, most: 1, usage: "stopgrad(x), which is x with slope 0", kernel: same},

		{name: "tanh", least: 1, most: 1, usage: "tanh(x)", kernel: tanh,
			pull: unary(func(g *graph, x, _ ref) ref {
				// 1 - tanh(x)^2 = 4 sigmoid'(2x), without the cancellation far from 0.
				return g.call("*", g.constant(4), g.call("sigmoid'", g.call("*", g.constant(2), x)))
			})},
	}
}

// logOfRatio is log's build: the log of what is defined as exp(x) is x.
func logOfRatio(g *graph, args []ref) ref {
	if x, ratio := g.ratios[args[0]]; ratio {
		return x
	}
	return none
}

// leftToRight applies a function of two arguments to the first two, then to the result and the third, and so on.
func (g *graph) leftToRight(name string, args []ref) ref {
	y := args[0]
	for _, x := range args[1:] {
		y = g.call(name, y, x)
	}
	return y
}
