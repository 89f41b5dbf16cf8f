package expression

import (
	"math"
	"slices"
)

// Function is an expression as a function of one number z, all else given. It keeps scratch and serves one goroutine.
type Function struct {
	graph        *graph
	value, slope ref // the slope with what stopgrad holds put in
	curve        ref // of the slope
	held         bool
	tapes        [3]*tape
	in, out      [][]float64
}

// Held says whether a part is held back by stopgrad: Slope is then not the derivative of Value, and Curve that of Slope.
func (f *Function) Held() bool { return f.held }

// Value writes the function at each z to dst.
func (f *Function) Value(z, dst []float64) { f.run(0, z, dst) }

// Slope writes the derivative, through all but what stopgrad holds.
func (f *Function) Slope(z, dst []float64) { f.run(1, z, dst) }

// Curve writes the whole derivative of Slope.
func (f *Function) Curve(z, dst []float64) { f.run(2, z, dst) }

func (f *Function) run(order int, z, dst []float64) {
	if f.tapes[order] == nil {
		f.tapes[order] = f.graph.record([]ref{[]ref{f.value, f.slope, f.curve}[order]})
	}
	f.in[0], f.out[0] = z, dst
	f.tapes[order].run(f.in, nil, f.out)
}

// Line returns a and b where the function is a z + b.
func (f *Function) Line() (a, b float64, straight bool) {
	line := f.graph.lines(f.value)[f.value]
	if line == nil || f.held {
		return 0, 0, false
	}
	if line.constant() {
		return 0, line.at, true
	}
	return line.by[0], line.at, true
}

// Kink returns the slopes of a concave function that is a line from 0 on and another up to it, through 0.
func (f *Function) Kink() (below, above float64, kinked bool) {
	out := make([]float64, 1)
	f.Value([]float64{0}, out)
	if f.held || out[0] != 0 || !f.graph.facts(f.value)[f.value].concave {
		return 0, 0, false
	}
	slope := func(infinity float64) (float64, bool) {
		s := f.graph.toward(f.value, infinity)
		if s == nil || !s.exact || len(s.terms) != 1 || s.terms[0].power != 1 || s.terms[0].rate != 0 {
			return 0, false
		}
		return infinity * s.terms[0].factor, true
	}
	// A concave function with these ends has the slopes of its chords from 0 to them all the way.
	below, left := slope(-1)
	above, right := slope(1)
	return below, above, left && right
}

// Kinks returns where the slope of a function jumps, and by how much; nil where it does not, or where not all such places are known.
func (f *Function) Kinks() (at, jump []float64) {
	if f.held {
		return nil, nil
	}
	lines, needed := f.graph.lines(f.value), f.graph.live([]ref{f.value})
	var places []float64
	for r, n := range f.graph.nodes[:f.value+1] {
		if !needed[r] || n.fn == nil || n.fn.name != "max'" && n.fn.name != "min'" && n.fn.name != "abs" || lines[r] != nil {
			continue
		}
		slope, height := 0.0, 0.0 // of the difference of the arguments
		for i, a := range f.graph.arguments(ref(r)) {
			l := lines[a]
			if l == nil {
				return nil, nil
			}
			sign := float64(1 - 2*i)
			height += sign * l.at
			if !l.constant() {
				slope += sign * l.by[0]
			}
		}
		if slope != 0 {
			places = append(places, -height/slope)
		}
	}
	slices.Sort(places)
	for _, z := range slices.Compact(places) {
		beside, slopes := 1e-13*max(1, math.Abs(z)), make([]float64, 4)
		f.Slope([]float64{z - beside, z + beside, z - 1e3*beside, z + 1e3*beside}, slopes)
		by, wide := slopes[1]-slopes[0], slopes[3]-slopes[2] // where the slope is continuous, all of the difference vanishes between them
		if math.Abs(by) > max(math.Abs(wide)/2, 1e-9*(math.Abs(slopes[0])+math.Abs(slopes[1]))) {
			at, jump = append(at, z), append(jump, by)
		}
	}
	return at, jump
}

// Part is a summand of an expression that reads its columns through one combination of them.
type Part struct {
	Along    int     // which of the given directions z is along
	Scale    float64 // z is the direction's combination of columns times this, above 0
	Function *Function
	Linked   *Linked // nil: z is as said; else it is Scale times the difference of two functions
}

// Linked is the difference of functions along two directions of a pair: Left of the first, Along of Part, less Right of the second.
type Linked struct {
	Left, Right *Function // the same function is the same pointer
}

// Split writes an expression as a sum of functions, each of one combination of columns, given the scalars and some columns'
// values. The directions are the combinations that are looked for, as coefficients by the scope's columns, none a multiple of
// another; of each pair a summand may also read the difference of two functions. It is nil where there is no such sum.
func (e *Expression) Split(scalars []float64, fixed map[string]float64, directions [][]float64, pairs ...[2]int) []Part {
	g := newGraph()
	out := e.build(g)
	meet := false // in a statistic of the batch
	leaf := func(n node, before []*line) (line, bool) {
		l := line{by: make([]float64, len(e.scope.Columns))}
		if n.leaf == scalarLeaf && n.slot >= g.scalars {
			s := g.statistics[n.slot-g.scalars]
			if s.name != "mean" && s.name != "max" || before[s.of] == nil || !before[s.of].constant() {
				meet = true
				return l, false
			}
			l.at = before[s.of].at
		} else if n.leaf == scalarLeaf {
			l.at = scalars[n.slot]
		} else if v, is := fixed[e.scope.Columns[n.slot]]; is {
			l.at = v
		} else {
			l.by[n.slot] = 1
		}
		return l, true
	}
	for i, d := range directions {
		directions[i] = append(slices.Clone(d), make([]float64, len(e.scope.Columns)-len(d))...)
	}
	s := &splitter{graph: g, directions: directions, pairs: pairs, lines: g.linesAt(out, leaf), along: make([][]summand, len(directions))}
	if meet || !s.add(out, 1) {
		return nil
	}
	return s.parts()
}

// line is what a node is where it is linear in columns: a sum of multiples of them, plus a constant.
type line struct {
	by []float64
	at float64
}

func (l *line) constant() bool {
	return !slices.ContainsFunc(l.by, func(v float64) bool { return v != 0 })
}

// lines returns the nodes up to out that are linear in z, nil for others.
func (g *graph) lines(out ref) []*line {
	return g.linesAt(out, func(n node, _ []*line) (line, bool) { return line{by: []float64{1}}, n.leaf == columnLeaf })
}

// linesAt returns the nodes up to out that are linear in columns, given what leaves are; nil for others.
func (g *graph) linesAt(out ref, leafAt func(n node, before []*line) (line, bool)) []*line {
	all := make([]*line, out+1)
	for r := range all {
		n := g.nodes[r]
		if v, constant := g.constantValue(ref(r)); constant {
			all[r] = &line{at: v}
		} else if n.fn == nil {
			if l, known := leafAt(n, all); known {
				all[r] = &l
			}
		} else if l := g.lineOf(n, all); l != nil && l.finite() {
			all[r] = l
		}
	}
	for _, l := range all {
		if l != nil && l.by == nil {
			l.by = []float64{}
		}
	}
	return all
}

func (g *graph) lineOf(n node, all []*line) *line {
	var args []*line
	var values [3]float64
	constant := true
	for i, a := range n.args {
		if a == none {
			break
		}
		l := all[a]
		if l == nil {
			return nil
		}
		args, values[i], constant = append(args, l), l.at, constant && l.constant()
	}
	switch {
	case constant && n.fn.kernel != nil:
		return &line{at: n.fn.at(values)}
	case n.fn.name == "+":
		return args[0].plus(1, args[1])
	case n.fn.name == "-":
		return args[0].plus(-1, args[1])
	case n.fn.name == "-x":
		return (&line{}).plus(-1, args[0])
	case n.fn.name == "*" && args[0].constant():
		return (&line{}).plus(args[0].at, args[1])
	case n.fn.name == "*" && args[1].constant():
		return (&line{}).plus(args[1].at, args[0])
	case n.fn.name == "/" && args[1].constant():
		return (&line{}).plus(1/args[1].at, args[0])
	}
	return nil
}

// plus returns l + factor*other. A sum that is rounding only is 0.
func (l *line) plus(factor float64, other *line) *line {
	sum := &line{by: make([]float64, max(len(l.by), len(other.by))), at: l.at + factor*other.at}
	copy(sum.by, l.by)
	for i, v := range other.by {
		if v == 0 {
			continue
		}
		v *= factor
		if sum.by[i] += v; math.Abs(sum.by[i]) <= 1e-14*math.Abs(v) {
			sum.by[i] = 0
		}
	}
	return sum
}

// finite says whether no multiple is infinite or NaN.
func (l *line) finite() bool {
	return !slices.ContainsFunc(l.by, func(v float64) bool { return v-v != 0 })
}

// splitter takes a graph's value apart into summands.
type splitter struct {
	graph      *graph
	lines      []*line
	directions [][]float64
	linear     line        // the sum of what is linear
	along      [][]summand // by direction
	pairs      [][2]int    // of directions, for links
	linked     []Part
}

// summand is a node times a number.
type summand struct {
	node   ref
	factor float64
}

// add takes in a node times a factor, and says whether it can be.
func (s *splitter) add(r ref, factor float64) bool {
	n := s.graph.nodes[r]
	constant := func(i int) (float64, bool) {
		l := s.lines[n.args[i]]
		if l == nil || !l.constant() {
			return 0, false
		}
		return l.at, true
	}
	if l := s.lines[r]; l != nil {
		if sum := s.linear.plus(factor, l); sum.finite() {
			s.linear = *sum
			return true
		}
	}
	name := "" // of a column, times what is no number
	if n.fn != nil {
		name = n.fn.name
	}
	switch name {
	case "+", "-":
		sign := factor
		if name == "-" {
			sign = -factor
		}
		return s.add(n.args[0], factor) && s.add(n.args[1], sign)
	case "-x":
		return s.add(n.args[0], -factor)
	case "*":
		for i := range 2 {
			if v, is := constant(i); is {
				return s.add(n.args[1-i], factor*v)
			}
		}
	case "/":
		if v, is := constant(1); is {
			return s.add(n.args[0], factor/v)
		}
	}
	along := -1
	if !s.direction(r, &along) {
		part := s.link(r, factor)
		if part != nil {
			s.linked = append(s.linked, *part)
		}
		return part != nil
	}
	if along < 0 { // of no column after all, as 0*z
		along = 0
	}
	s.along[along] = append(s.along[along], summand{r, factor})
	return true
}

// direction finds the one direction that a node reads columns along, and says whether there is no other.
func (s *splitter) direction(r ref, along *int) bool {
	if l := s.lines[r]; l != nil {
		if l.constant() {
			return true
		}
		at, _ := s.parallel(l)
		if at < 0 || *along >= 0 && at != *along {
			return false
		}
		*along = at
		return true
	}
	args := s.graph.arguments(r) // none of a column that is no line
	return len(args) > 0 && !slices.ContainsFunc(args, func(a ref) bool { return !s.direction(a, along) })
}

// parallel returns the direction that a line is a multiple of, and the multiple.
func (s *splitter) parallel(l *line) (at int, multiple float64) {
	for at, d := range s.directions {
		first := slices.IndexFunc(d, func(v float64) bool { return v != 0 })
		multiple := l.by[first] / d[first]
		if multiple != 0 && slices.EqualFunc(d, l.by, func(a, b float64) bool { return math.Abs(a*multiple-b) <= 1e-14*math.Abs(multiple) }) {
			return at, multiple
		}
	}
	return -1, 0
}

// parts makes functions of what was found along each direction.
func (s *splitter) parts() []Part {
	slopes := make([]float64, len(s.directions)) // what is linear, by direction
	if !s.linear.constant() {
		at, multiple := s.parallel(&s.linear)
		if at < 0 {
			return nil
		}
		slopes[at] = multiple
	}
	all := s.linked
	constant := s.linear.at
	for at, summands := range s.along {
		if len(summands) == 0 && slopes[at] == 0 {
			continue
		}
		f, scale := s.function(summands, slopes[at], constant)
		if v, is := f.graph.constantValue(f.value); is && math.IsNaN(v) {
			return nil
		}
		all, constant = append(all, Part{at, scale, f, nil}), 0
	}
	if len(all) == 0 || constant != 0 {
		g := newGraph()
		all = append(all, Part{0, 1, newFunction(g, g.constant(constant), g.columnAt(0)), nil})
	}
	return all
}

// function builds the sum of summands along one direction, plus slope and constant, as a function of z.
func (s *splitter) function(summands []summand, slope, constant float64) (*Function, float64) {
	scale := math.Abs(slope)
	if len(summands) > 0 {
		scale = s.scale(summands[0].node)
	}
	g := newGraph()
	z := g.columnAt(0)
	known := map[ref]ref{}
	sum := none
	for _, one := range summands {
		sum = g.sum(sum, g.times(one.factor, s.rebuild(g, one.node, scale, known)))
	}
	if slope != 0 {
		sum = g.sum(sum, g.times(slope/scale, z))
	}
	if constant != 0 {
		sum = g.sum(sum, g.constant(constant))
	}
	return newFunction(g, sum, z), scale
}

func newFunction(g *graph, value, z ref) *Function {
	f := &Function{graph: g, value: value, in: make([][]float64, 1), out: make([][]float64, 1)}
	derivative := func(of ref) ref {
		if d := g.gradient(of, []ref{z})[0]; d != none {
			return d
		}
		return g.constant(0)
	}
	f.slope = derivative(value)
	released := g.release(f.slope)
	f.held = g.release(value) != value
	f.slope = released
	f.curve = derivative(released)
	return f
}

// release returns a node with everything that stopgrad holds put in.
func (g *graph) release(r ref) ref {
	return g.rewrite([]ref{r}, func(r ref, args []ref) ref {
		switch fn := g.nodes[r].fn; {
		case fn == nil:
			return none
		case fn.name == "stopgrad":
			return args[0]
		default:
			return g.call(fn.name, args...)
		}
	})[0]
}

// again makes a node anew, in this graph or another: leaf says what becomes of some nodes, none for others, and call of these.
func (g *graph) again(r ref, known map[ref]ref, leaf func(ref) ref, call func(r ref, args []ref) ref) ref {
	if done, is := known[r]; is {
		return done
	}
	made := leaf(r)
	if made == none {
		args := g.arguments(r)
		for i, a := range args {
			args[i] = g.again(a, known, leaf, call)
		}
		made = call(r, args)
	}
	known[r] = made
	return made
}

// canonical calls a function by the name under which most is known of it: log(1 + exp(x)) is softplus(x), 1/(1 + exp(x)) is
// sigmoid(-x), and a power that has become constant may be multiplied out.
func (g *graph) canonical(name string, args []ref) ref {
	exponent := func(r ref) ref {
		if n := g.nodes[r]; n.fn != nil && n.fn.name == "exp" {
			return n.args[0]
		}
		return none
	}
	afterOne := func(r ref) ref {
		if n := g.nodes[r]; n.fn != nil && n.fn.name == "+" {
			for i := range 2 {
				if x := exponent(n.args[1-i]); g.is(n.args[i], 1) && x != none {
					return x
				}
			}
		}
		return none
	}
	switch name {
	case "pow'":
		return g.call("^", args...)
	case "log1p":
		if x := exponent(args[0]); x != none {
			return g.call("softplus", x)
		}
	case "log":
		if x := afterOne(args[0]); x != none {
			return g.call("softplus", x)
		}
	case "/":
		if x := afterOne(args[1]); x != none && g.is(args[0], 1) {
			return g.call("sigmoid", g.call("-x", x))
		}
	}
	return g.call(name, args...)
}

// times multiplies a node by a number.
func (g *graph) times(factor float64, r ref) ref {
	switch factor {
	case 1:
		return r
	case -1:
		return g.call("-x", r)
	}
	return g.call("*", g.constant(factor), r)
}

// scale returns the size of the first multiple of the direction that a node reads.
func (s *splitter) scale(r ref) float64 {
	if l := s.lines[r]; l != nil {
		if l.constant() {
			return 0
		}
		_, multiple := s.parallel(l)
		return math.Abs(multiple)
	}
	for _, a := range s.graph.arguments(r) {
		if v := s.scale(a); v != 0 {
			return v
		}
	}
	return 0
}

// rebuild returns a node in another graph, as a function of its column z.
func (s *splitter) rebuild(g *graph, r ref, scale float64, known map[ref]ref) ref {
	leaf := func(r ref) ref {
		l := s.lines[r]
		if l == nil {
			return none
		}
		made := g.constant(l.at)
		if !l.constant() {
			_, multiple := s.parallel(l)
			made = g.times(multiple/scale, g.columnAt(0))
			if l.at != 0 {
				made = g.call("+", made, g.constant(l.at))
			}
		}
		return made
	}
	call := func(r ref, args []ref) ref { return g.canonical(s.graph.nodes[r].fn.name, args) }
	return s.graph.again(r, known, leaf, call)
}
