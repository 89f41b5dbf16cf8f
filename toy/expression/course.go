package expression

import (
	"math"

	"windtunnel/toy/logspace"
)

// Course is what can be proven of a function of one number from its form: by the rules of disciplined convex programming
// (Grant, Boyd, Ye 2006), by intervals, by the leading terms at both ends, and where the first and second derivatives are
// polynomials in one sigmoid, by the signs of their Bernstein coefficients. What is false or nil is not proven. Of a function
// of which stopgrad holds a part it is the course of what has the same slope everywhere.
type Course struct {
	Low, High     End
	Convex        bool    // the slope never falls
	StrictBelow   float64 // and is strictly growing below this: -Inf nowhere, +Inf everywhere
	Rising        bool    // the slope is above 0 everywhere
	Falling       bool    // the slope is below 0 everywhere
	Sigmoid       float64 // the function is this multiple of sigmoid(z - SigmoidAt) and a constant; 0 where it is not
	SigmoidAt     float64
	HingeAt, Fall float64 // the function is Fall max(0, HingeAt - z); Fall is 0 where it is not
}

// End is what a function does towards an infinity.
type End struct {
	Known   bool
	Limit   float64 // possibly infinite
	Side    float64 // 1 where it comes to a finite limit from above in the end, -1 from below, 0 where it is constant from somewhere on
	Infimum bool    // the finite limit is the infimum, and where Side is 1 it is not taken anywhere
}

// fact is what is proven of a node.
type fact struct {
	low, high       float64 // the range is within
	aboveLow        bool    // low itself is not taken
	belowHigh       bool    // nor is high
	rises, falls    bool    // nowhere the other way
	steep           bool    // the slope is nowhere 0
	convex, concave bool
	until           float64 // of what is convex: strictly so below; of what is concave, +Inf where strictly so
}

func (f fact) sign() float64 {
	switch {
	case f.low > 0 || f.low == 0 && f.aboveLow:
		return 1
	case f.high < 0 || f.high == 0 && f.belowHigh:
		return -1
	}
	return math.NaN()
}

var nothing = fact{low: math.Inf(-1), high: math.Inf(1), until: math.Inf(-1)}

// Course reads the function's course.
func (f *Function) Course() Course {
	g := f.graph
	c := Course{StrictBelow: math.Inf(-1)}
	facts := g.facts(max(f.value, f.slope, f.curve))
	base := g.base(f.slope)
	slope, curve := facts[f.slope].sign(), facts[f.curve].sign()
	smooth := !g.reads(f.value, "max'", "min'", "abs")
	if base != nil {
		if p := g.polynomial(f.slope, base); p != nil {
			slope = p.sign()
		}
		if p := g.polynomial(f.curve, base); p != nil && smooth {
			curve = p.sign()
		}
	}
	if !f.held {
		whole := facts[f.value]
		if whole.steep && whole.falls {
			slope = -1
		} else if whole.steep && whole.rises {
			slope = 1
		}
		c.Convex, c.StrictBelow = whole.convex, whole.until
		f.catalogue(&c)
	}
	if curve == 1 && smooth {
		c.Convex, c.StrictBelow = true, math.Inf(1)
	} else if v, constant := g.constantValue(f.curve); constant && v == 0 && smooth {
		c.Convex = true
	}
	c.Falling, c.Rising = slope == -1, slope == 1
	c.Low, c.High = f.end(-1, &c, facts[f.value]), f.end(1, &c, facts[f.value])
	return c
}

// catalogue recognizes a multiple of a sigmoid and a hinge.
func (f *Function) catalogue(c *Course) {
	g := f.graph
	if base := g.base(f.value); base != nil && math.Abs(base.by[0]) == 1 {
		if p := g.polynomial(f.value, base); p != nil {
			if _, slope, is := p.straight(); is {
				times, _ := slope.Float64()
				c.Sigmoid, c.SigmoidAt = base.by[0]*times, -base.at*base.by[0]
			}
		}
	}
	factor, r := 1.0, f.value
	for {
		n := g.nodes[r]
		if n.fn == nil || n.fn.name != "*" {
			break
		}
		v, constant := g.constantValue(n.args[0])
		if !constant {
			break
		}
		factor, r = factor*v, n.args[1]
	}
	if at, fall := g.ramp(r, g.lines(r)); factor > 0 && fall > 0 {
		c.HingeAt, c.Fall = at, factor*fall
	}
}

// end reads an end from the leading terms there: of the function, or of its slope where a part is held.
func (f *Function) end(infinity float64, c *Course, whole fact) End {
	towards := c.Rising && infinity < 0 || c.Falling && infinity > 0 // the whole function falls towards this end
	if f.held {
		lead, known := f.graph.toward(f.slope, infinity).lead()
		if !known {
			return End{}
		}
		side := -infinity * math.Copysign(1, lead.factor) // of the function at its limit, where it has one
		switch {
		case lead.factor == 0:
			return End{Known: true, Infimum: c.Convex}
		case lead.rate < 0 || lead.rate == 0 && lead.power < -1:
			return End{Known: true, Side: side, Infimum: side > 0 && (towards || c.Convex)}
		}
		return End{Known: true, Limit: math.Inf(-int(side))}
	}
	s := f.graph.toward(f.value, infinity)
	lead, known := s.lead()
	switch {
	case !known:
		return End{}
	case lead.size() > 0:
		return End{Known: true, Limit: math.Inf(int(math.Copysign(1, lead.factor)))}
	}
	limit := 0.0
	if lead.size() == 0 {
		limit = lead.factor
	}
	side := s.plus(-1, level(limit)).sign()
	e := End{Known: !math.IsNaN(side), Limit: limit, Side: side}
	// A convex function that does not grow towards an end falls towards it or is constant there in the end.
	e.Infimum = side >= 0 && (towards || c.Convex || limit == whole.low && (side == 0 || whole.aboveLow))
	return e
}

// reads says whether one of the functions is called in a node.
func (g *graph) reads(r ref, names ...string) bool {
	needed := g.live([]ref{r})
	for at, live := range needed {
		for _, name := range names {
			if fn := g.nodes[at].fn; live && fn != nil && fn.name == name {
				return true
			}
		}
	}
	return false
}

// facts proves what it can of every node up to out.
func (g *graph) facts(out ref) []fact {
	lines, all := g.lines(out), make([]fact, out+1)
	for r := range all {
		n := g.nodes[r]
		if l := lines[r]; l != nil {
			all[r] = straight(l)
			continue
		}
		var args [3]fact
		for i, a := range g.arguments(ref(r)) {
			args[i] = all[a]
		}
		all[r] = factOf(n.fn.name, args[0], args[1])
		if n.fn.name == "square" { // of a ramp, which is strictly convex on the ramp
			at, _ := g.ramp(n.args[0], lines)
			all[r].until = max(all[r].until, at)
		}
	}
	return all
}

func straight(l *line) fact {
	f := nothing
	f.convex, f.concave = true, true
	if l.constant() {
		f.low, f.high, f.rises, f.falls = l.at, l.at, true, true
		return f
	}
	f.rises, f.falls, f.steep = l.by[0] > 0, l.by[0] < 0, true
	return f
}

// ramp returns where a node that is max(0, a z + b) with a below 0 is 0 from, and -a; -Inf and 0 for others.
func (g *graph) ramp(r ref, lines []*line) (at, fall float64) {
	if n := g.nodes[r]; n.fn != nil && n.fn.name == "max'" {
		for i := range 2 {
			a, b := lines[n.args[i]], lines[n.args[1-i]]
			if a != nil && b != nil && a.constant() && a.at == 0 && !b.constant() && b.by[0] < 0 {
				return b.at / -b.by[0], -b.by[0]
			}
		}
	}
	return math.Inf(-1), 0
}

// factOf applies a function of the table to what is known of its arguments.
func factOf(name string, a, b fact) fact {
	switch name {
	case "+":
		return sumOf(a, b)
	case "-":
		return sumOf(a, a.negative(b))
	case "-x":
		return a.negative(a)
	case "*", "mask'":
		return productOf(a, b)
	case "/":
		return productOf(a, through("1/x", b))
	case "max'":
		m := fact{low: max(a.low, b.low), high: max(a.high, b.high), rises: a.rises && b.rises, falls: a.falls && b.falls,
			steep: a.steep && b.steep, convex: a.convex && b.convex, until: min(a.until, b.until)}
		m.steep = m.steep && (m.rises || m.falls)
		return m
	case "min'":
		return nothing.negative(factOf("max'", a.negative(a), b.negative(b)))
	case "abs":
		return factOf("max'", a, a.negative(a))
	case "pow'":
		if b.low == b.high {
			return powerOf(a, b.low)
		}
		return nothing
	case "stopgrad":
		return fact{low: a.low, high: a.high, aboveLow: a.aboveLow, until: math.Inf(-1)}
	case "less'", "notless'":
		return fact{low: min(0, a.low), high: max(0, a.high), until: math.Inf(-1)}
	case "sign'":
		return fact{low: -1, high: 1, rises: a.rises, falls: a.falls, until: math.Inf(-1)}
	}
	return through(name, a)
}

// negative returns what is known of -b.
func (fact) negative(b fact) fact {
	n := fact{low: -b.high, high: -b.low, aboveLow: b.belowHigh, belowHigh: b.aboveLow, rises: b.falls, falls: b.rises, steep: b.steep, convex: b.concave, concave: b.convex, until: math.Inf(-1)}
	if math.IsInf(b.until, 1) {
		n.until = b.until
	}
	return n
}

func sumOf(a, b fact) fact {
	s := fact{low: a.low + b.low, high: a.high + b.high, aboveLow: a.aboveLow || b.aboveLow, belowHigh: a.belowHigh || b.belowHigh, rises: a.rises && b.rises, falls: a.falls && b.falls,
		convex: a.convex && b.convex, concave: a.concave && b.concave, until: math.Inf(-1)}
	s.steep = (a.steep || b.steep) && (s.rises || s.falls)
	if s.convex || s.concave && math.IsInf(max(a.until, b.until), 1) {
		s.until = max(a.until, b.until)
	}
	return s
}

func productOf(a, b fact) fact {
	if b.low == b.high {
		a, b = b, a
	}
	p := nothing
	corners := [4]float64{mass0(a.low, b.low), mass0(a.low, b.high), mass0(a.high, b.low), mass0(a.high, b.high)}
	p.low, p.high = min(corners[0], corners[1], corners[2], corners[3]), max(corners[0], corners[1], corners[2], corners[3])
	p.aboveLow, p.belowHigh = p.low == 0 && a.sign()*b.sign() == 1, p.high == 0 && a.sign()*b.sign() == -1
	if a.low == a.high { // a constant factor
		if a.low == 0 {
			return straight(&line{})
		}
		if a.low < 0 {
			b = b.negative(b)
		}
		p.rises, p.falls, p.steep, p.convex, p.concave, p.until = b.rises, b.falls, b.steep && a.low != 0, b.convex, b.concave, b.until
		p.aboveLow, p.belowHigh = b.aboveLow && a.low != 0, b.belowHigh && a.low != 0
		return p
	}
	if a.low >= 0 && b.low >= 0 {
		p.rises, p.falls = a.rises && b.rises, a.falls && b.falls
		p.steep = (p.rises || p.falls) && (a.steep && b.sign() == 1 || b.steep && a.sign() == 1)
	}
	return p
}

// mass0 is a product in which nothing times infinity is nothing.
func mass0(a, b float64) float64 {
	if a == 0 || b == 0 {
		return 0
	}
	return a * b
}

// atom is what is known of a function of one argument on a range: where it rises and where it is convex.
type atom struct {
	at              func(float64) float64
	rises, falls    bool
	convex, concave bool // strictly so
}

// atomOf returns the atom of a function on a range.
func atomOf(name string, low, high float64) (atom, bool) {
	switch name {
	case "exp":
		return atom{at: math.Exp, rises: true, convex: true}, true
	case "expm1":
		return atom{at: math.Expm1, rises: true, convex: true}, true
	case "softplus":
		return atom{at: func(x float64) float64 { return -logspace.LogSigmoid(-x) }, rises: true, convex: true}, true
	case "sigmoid":
		return atom{at: logspace.Sigmoid, rises: true, convex: high <= 0, concave: low >= 0}, true
	case "tanh":
		return atom{at: math.Tanh, rises: true, convex: high <= 0, concave: low >= 0}, true
	case "log":
		return atom{at: math.Log, rises: true, concave: true}, low >= 0
	case "log1p":
		return atom{at: math.Log1p, rises: true, concave: true}, low >= -1
	case "sqrt":
		return atom{at: math.Sqrt, rises: true, concave: true}, low >= 0
	case "log1mexp":
		return atom{at: logspace.Log1mExp, falls: true, concave: true}, high <= 0
	case "square":
		return atom{at: func(x float64) float64 { return x * x }, rises: low >= 0, falls: high <= 0, convex: true}, true
	case "1/x":
		return atom{at: func(x float64) float64 { return 1 / x }, falls: low >= 0 || high < 0, convex: low >= 0, concave: high < 0}, low >= 0 || high < 0
	}
	return atom{}, false
}

// through applies a function of one argument.
func through(name string, x fact) fact {
	f := nothing
	switch name {
	case "sigmoid'":
		f.low, f.high, f.aboveLow = 0, 0.25, true
		return f
	case "log1mexp'":
		f.high, f.belowHigh = 0, true
		return f
	}
	a, known := atomOf(name, x.low, x.high)
	if !known {
		return f
	}
	f = a.through(x)
	if name == "square" {
		f.steep = f.steep && !math.IsNaN(x.sign()) // at 0 the slope is 0
		if !a.rises && !a.falls {
			f.low, f.high = 0, max(x.low*x.low, x.high*x.high)
		}
	}
	if name == "exp" || name == "softplus" || name == "sigmoid" { // nowhere 0
		f.aboveLow = f.aboveLow || f.low == 0
	}
	return f
}

// through composes: a convex function that rises with a convex one, and so on; any with a straight line.
func (a atom) through(x fact) fact {
	f := nothing
	if a.rises {
		f.low, f.high, f.aboveLow, f.belowHigh = a.at(x.low), a.at(x.high), x.aboveLow, x.belowHigh
	} else if a.falls {
		f.low, f.high, f.aboveLow, f.belowHigh = a.at(x.high), a.at(x.low), x.belowHigh, x.aboveLow
	}
	line := x.convex && x.concave
	f.rises = a.rises && x.rises || a.falls && x.falls
	f.falls = a.rises && x.falls || a.falls && x.rises
	f.steep = x.steep && (f.rises || f.falls)
	f.convex = a.convex && (line || a.rises && x.convex || a.falls && x.concave)
	f.concave = a.concave && (line || a.rises && x.concave || a.falls && x.convex)
	switch {
	case (f.convex || f.concave) && (x.steep || math.IsInf(x.until, 1)):
		f.until = math.Inf(1)
	case f.convex && x.convex && a.rises:
		f.until = x.until
	}
	return f
}

// powerOf is x^p of an x that is nowhere negative.
func powerOf(x fact, p float64) fact {
	if x.low < 0 || p == 0 {
		return nothing
	}
	f := atom{at: func(x float64) float64 { return math.Pow(x, p) }, rises: p > 0, falls: p < 0, convex: p > 1 || p < 0, concave: p > 0 && p < 1}.through(x)
	f.aboveLow, f.belowHigh = f.low == 0 && x.sign() == 1, false
	f.steep = f.steep && x.sign() == 1
	return f
}
