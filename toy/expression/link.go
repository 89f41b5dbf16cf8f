package expression

import "slices"

// link writes a summand that reads two directions as a function of the difference of a function of each, nil if it is none: the first
// sum in it that reads both, taken for a variable of its own, must be all that it reads.
func (s *splitter) link(r ref, factor float64) *Part {
	needed := s.graph.live([]ref{r})
	for m := range r {
		n := s.graph.nodes[m]
		if along := -1; !needed[m] || s.lines[m] != nil || n.fn == nil || n.fn.name != "+" && n.fn.name != "-" || s.direction(m, &along) {
			continue
		}
		for _, pair := range s.pairs {
			if part := s.linkAt(r, m, factor, pair); part != nil {
				return part
			}
		}
	}
	return nil
}

// linkAt tries one sum and one pair of directions.
func (s *splitter) linkAt(r, m ref, factor float64, pair [2]int) *Part {
	inner := &splitter{graph: s.graph, lines: s.lines, directions: s.directions, along: make([][]summand, len(s.directions))}
	if !inner.add(m, 1) {
		return nil
	}
	var slopes [2]float64
	left := &inner.linear
	for i, at := range pair {
		first := slices.IndexFunc(s.directions[at], func(v float64) bool { return v != 0 })
		if !left.constant() {
			slopes[i] = left.by[first]
			left = left.plus(-slopes[i], &line{by: s.directions[at]})
		}
	}
	for at, summands := range inner.along {
		if len(summands) > 0 && at != pair[0] && at != pair[1] {
			return nil
		}
	}
	if !left.constant() {
		return nil
	}
	// One graph holds both functions, so that equal ones are one node.
	g := newGraph()
	x := g.columnAt(0)
	build := func(i int, sign float64) ref {
		var nodes []ref
		for _, one := range inner.along[pair[i]] {
			nodes = append(nodes, g.times(sign*one.factor, inner.rebuild(g, one.node, 1, map[ref]ref{})))
		}
		if slopes[i] != 0 {
			nodes = append(nodes, g.times(sign*slopes[i], x))
		}
		slices.Sort(nodes)
		sum := none
		for _, at := range nodes {
			sum = g.sum(sum, at)
		}
		if sum == none {
			return g.constant(0)
		}
		return sum
	}
	sign := 1.0 // of the first function, which is to rise
	if f := newFunction(g, build(0, 1), x); f.Course().Falling {
		sign = -1
	}
	first, second := build(0, sign), build(1, -sign)
	part := &Part{Along: pair[0], Linked: &Linked{Left: newFunction(g, first, x)}}
	if part.Linked.Right = part.Linked.Left; first != second {
		part.Linked.Right = newFunction(g, second, x)
	}
	// The sum is a variable from here on, and must be the only one.
	lines := make([]*line, r+1)
	for at := range lines {
		n, l := s.graph.nodes[at], s.lines[at]
		switch {
		case ref(at) == m:
			lines[at] = &line{by: []float64{sign}, at: left.at}
		case l != nil && l.constant():
			lines[at] = &line{by: []float64{0}, at: l.at}
		case n.fn != nil:
			if l := s.graph.lineOf(n, lines); l != nil && l.finite() {
				lines[at] = l
			}
		}
	}
	outer := &splitter{graph: s.graph, lines: lines, directions: [][]float64{{1}}, along: make([][]summand, 1)}
	if !outer.add(r, factor) {
		return nil
	}
	slope := 0.0
	if !outer.linear.constant() {
		slope = outer.linear.by[0]
	}
	part.Function, part.Scale = outer.function(outer.along[0], slope, outer.linear.at)
	return part
}
