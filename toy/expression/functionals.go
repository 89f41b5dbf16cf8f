package expression

// functional is an entry of the table of numbers that depend on whole distributions. Each is a sum over the responses,
// and its entry is the term of one response; derivatives follow from it. To add a functional is to add an entry.
type functional struct {
	name          string
	distributions int // how many it takes, first
	orders        int // how many numbers it takes after them
	usage         string
	term          func(g *graph, a, b mass, order ref) ref
}

// mass is one response's probability and its log. A probability of 0 makes any product with it 0.
type mass struct{ log, p ref }

// functionals are sorted by name. a and b stand for the arguments, the sums run over the responses, logs are natural.
func functionals() []functional {
	return []functional{
		{"alpha", 2, 1, "alpha(a, b, order), which is sum (a^order b^(1-order) - order a + (order-1) b) / (order (order-1)) " +
			"and at order 1 and 0 its limits kl(a, b) and kl(b, a)", alphaTerm},

		{"chi2", 2, 0, "chi2(a, b), which is sum (a - b)^2 / b", func(g *graph, a, b mass, _ ref) ref {
			return g.weigh(g.call("-", a.p, b.p), g.call("expm1", g.call("-", a.log, b.log)))
		}},

		{"cross_entropy", 2, 0, "cross_entropy(a, b), which is -sum a log b", func(g *graph, a, b mass, _ ref) ref {
			return g.call("-x", g.weigh(a.p, b.log))
		}},

		{"entropy", 1, 0, "entropy(a), which is -sum a log a", func(g *graph, a, _ mass, _ ref) ref {
			return g.call("-x", g.weigh(a.p, a.log))
		}},

		{"hellinger", 2, 0, "hellinger(a, b), which is sum (sqrt a - sqrt b)^2 / 2", func(g *graph, a, b mass, _ ref) ref {
			root := func(m mass) ref { return g.call("exp", g.call("*", g.constant(0.5), m.log)) }
			return g.call("*", g.constant(0.5), g.call("square", g.call("-", root(a), root(b))))
		}},

		{"js", 2, 0, "js(a, b), which is kl(a, m)/2 + kl(b, m)/2 with m = (a+b)/2", func(g *graph, a, b mass, _ ref) ref {
			ratio := g.call("-", a.log, b.log)
			half := g.call("+", jsHalf(g, a, g.call("-x", ratio)), jsHalf(g, b, ratio))
			return g.call("*", g.constant(0.5), half)
		}},

		{"kl", 2, 0, "kl(a, b), which is sum a log(a/b)", func(g *graph, a, b mass, _ ref) ref {
			return g.weigh(a.p, g.call("-", a.log, b.log))
		}},

		{"reward", 1, 0, "reward(a), which is sum a log star", func(g *graph, a, _ mass, _ ref) ref {
			return g.weigh(a.p, g.mass("star").log)
		}},

		{"tv", 2, 0, "tv(a, b), which is sum |a - b| / 2, with slope 0 where a = b", func(g *graph, a, b mass, _ ref) ref {
			return g.call("*", g.constant(0.5), g.call("abs", g.call("-", a.p, b.p)))
		}},
	}
}

// jsHalf is a log(a/m) with m = (a+b)/2 and ratio = log(b/a).
func jsHalf(g *graph, a mass, ratio ref) ref {
	return g.weigh(a.p, g.call("-", g.call("log", g.constant(2)), g.call("softplus", ratio)))
}

// alphaTerm writes the term in one of two ways, the first stable around order 1, the second around order 0:
//
//	(a ((a/b)^(order-1) - 1)/(order-1) - (a - b)) / order
//	(b ((a/b)^order - 1)/order - (a - b)) / (order-1)
func alphaTerm(g *graph, a, b mass, order ref) ref {
	below := g.call("-", order, g.constant(1))
	ratio, gap := g.call("-", a.log, b.log), g.call("-", a.p, b.p)
	first := g.call("/", g.call("-", g.weigh(a.p, g.call("powm1'", ratio, below)), gap), order)
	second := g.call("/", g.call("-", g.weigh(b.p, g.call("powm1'", ratio, order)), gap), below)
	half := g.constant(0.5)
	if v, constant := g.constantValue(order); constant {
		if v > 0.5 {
			return first
		}
		return second
	}
	return g.call("+", g.call("less'", first, half, order), g.call("notless'", second, half, order))
}

// weigh is p x, but 0 where p is.
func (g *graph) weigh(p, x ref) ref { return g.call("mask'", p, x) }

// The columns of a distribution program.
const (
	logPiColumn = iota
	piColumn
	logRefColumn
	refColumn
	logStarColumn
)

// distributionNames are the distributions that a source may name.
func distributionNames() []string { return []string{"pi", "ref", "star"} }

// mass is one response's probability under the distribution of that name. It is built as exp(log-probability), so that
// derivatives by the log-probability pass through it, and read from the caller's column where there is one.
func (g *graph) mass(name string) mass {
	m := mass{log: g.columnAt(map[string]int{"pi": logPiColumn, "ref": logRefColumn, "star": logStarColumn}[name])}
	m.p = g.call("exp", m.log)
	switch name {
	case "pi":
		g.given[m.p] = g.columnAt(piColumn)
	case "ref":
		g.given[m.p] = g.columnAt(refColumn)
	}
	g.masked[m.p] = true
	return m
}

// names are the functionals' names.
func names(entries []functional) []string {
	list := make([]string, len(entries))
	for i, f := range entries {
		list[i] = f.name
	}
	return list
}
