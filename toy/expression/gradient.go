package expression

// gradient returns the derivatives of out by each of the nodes in wrt, none where out does not depend on it. It is
// reverse-mode differentiation carried out on the graph: each node hands its adjoint on to its arguments, times its
// local derivative. The result is nodes of the same graph, so it can be differentiated again.
func (g *graph) gradient(out ref, wrt []ref) []ref {
	depends := g.dependents(out, wrt)
	adjoint := make([]ref, out+1)
	for i := range adjoint {
		adjoint[i] = none
	}
	adjoint[out] = g.constant(1)
	for y := out; y >= 0; y-- {
		if adjoint[y] == none || !depends[y] {
			continue
		}
		fn, args := g.nodes[y].fn, g.arguments(y)
		for i, x := range args {
			if depends[x] {
				adjoint[x] = g.sum(adjoint[x], fn.pull(g, adjoint[y], args, y, i))
			}
		}
	}
	slopes := make([]ref, len(wrt))
	for i, x := range wrt {
		slopes[i] = none
		if x <= out {
			slopes[i] = adjoint[x]
		}
	}
	return slopes
}

// dependents says which nodes up to out change when one of those in wrt does. What stands in stopgrad does not count.
func (g *graph) dependents(out ref, wrt []ref) []bool {
	depends := make([]bool, out+1)
	for _, x := range wrt {
		if x <= out {
			depends[x] = true
		}
	}
	for y := range depends {
		fn := g.nodes[y].fn
		if fn == nil || fn.pull == nil {
			continue
		}
		for _, x := range g.arguments(ref(y)) {
			depends[y] = depends[y] || depends[x]
		}
	}
	return depends
}

// curvature returns the second derivatives of a value whose first derivatives by wrt are slopes: the upper triangle row
// by row, none where they vanish identically.
func (g *graph) curvature(slopes, wrt []ref) []ref {
	var upper []ref
	for i, slope := range slopes {
		row := make([]ref, len(wrt))
		for j := range row {
			row[j] = none
		}
		if slope != none {
			row = g.gradient(slope, wrt)
		}
		upper = append(upper, row[i:]...)
	}
	return upper
}
