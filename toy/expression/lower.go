package expression

import "slices"

// live says which nodes the outputs need, up to the last of them.
func (g *graph) live(outputs []ref) []bool {
	needed := make([]bool, slices.Max(outputs)+1)
	for _, r := range outputs {
		needed[r] = true
	}
	for r := len(needed) - 1; r >= 0; r-- {
		if needed[r] {
			for _, x := range g.arguments(ref(r)) {
				needed[x] = true
			}
		}
	}
	return needed
}

// rewrite rebuilds what the outputs need with some nodes replaced. replace is given a node and its rebuilt arguments
// and returns what to put in its place, or none to keep it.
func (g *graph) rewrite(outputs []ref, replace func(r ref, args []ref) ref) []ref {
	needed := g.live(outputs)
	rebuilt := make([]ref, len(needed))
	for r := range needed {
		if !needed[r] {
			continue
		}
		args := g.arguments(ref(r))
		for i, x := range args {
			args[i] = rebuilt[x]
		}
		rebuilt[r] = replace(ref(r), args)
		if rebuilt[r] != none {
			continue
		}
		rebuilt[r] = ref(r)
		if fn := g.nodes[r].fn; fn != nil {
			rebuilt[r] = g.apply(fn, args)
		}
	}
	out := make([]ref, len(outputs))
	for i, r := range outputs {
		out[i] = rebuilt[r]
	}
	return out
}

// lower makes outputs ready to be run: what does not vary is 0, stopgrad has done its work, columns that the caller has
// at hand are read rather than computed, and exponentials are shared.
func (g *graph) lower(outputs []ref) []ref {
	outputs = slices.Clone(outputs)
	for i, r := range outputs {
		if r == none {
			outputs[i] = g.constant(0)
		}
	}
	outputs = g.rewrite(outputs, func(r ref, args []ref) ref {
		if column, given := g.given[r]; given {
			return column
		}
		if fn := g.nodes[r].fn; fn != nil && fn.name == "stopgrad" {
			return args[0]
		}
		return none
	})
	return g.moveSigns(g.shareExponentials(outputs))
}

// moveSigns lets scalar factors carry the minus signs of columns, which is exact: -(s x) is (-s) x and s (-x) is too.
func (g *graph) moveSigns(outputs []ref) []ref {
	return g.rewrite(outputs, func(r ref, args []ref) ref {
		n := g.nodes[r]
		if n.fn == nil || !g.column[r] {
			return none
		}
		switch n.fn.name {
		case "-x":
			if scalar, column, ok := g.scaled(args[0]); ok {
				return g.call("*", g.call("-x", scalar), column)
			}
		case "*":
			if scalar, column, ok := g.scaled(g.apply(n.fn, args)); ok && g.unsigned(column) != column {
				return g.call("*", g.call("-x", scalar), g.unsigned(column))
			}
		}
		return none
	})
}

// scaled splits a product of a scalar and a column.
func (g *graph) scaled(r ref) (scalar, column ref, ok bool) {
	n := g.nodes[r]
	if n.fn == nil || n.fn.name != "*" || g.column[n.args[0]] == g.column[n.args[1]] {
		return none, none, false
	}
	if g.column[n.args[0]] {
		return n.args[1], n.args[0], true
	}
	return n.args[0], n.args[1], true
}

// shareExponentials lets softplus, sigmoid and sigmoid' of x or -x take exp(-|x|) from one place where at least two of
// them are needed.
func (g *graph) shareExponentials(outputs []ref) []ref {
	uses := map[ref]int{}
	for r, needed := range g.live(outputs) {
		if needed && g.hasDecay(ref(r)) {
			uses[g.unsigned(g.nodes[r].args[0])]++
		}
	}
	return g.rewrite(outputs, func(r ref, args []ref) ref {
		if !g.hasDecay(r) || uses[g.unsigned(g.nodes[r].args[0])] < 2 {
			return none
		}
		e := g.call("decay'", g.unsigned(args[0]))
		if name := g.nodes[r].fn.name; name != "sigmoid'" {
			return g.call(name+"-shared'", args[0], e)
		}
		return g.call("sigmoid'-shared'", e)
	})
}

// hasDecay says whether a node is a function of exp(-|x|).
func (g *graph) hasDecay(r ref) bool {
	fn := g.nodes[r].fn
	return fn != nil && (fn.name == "softplus" || fn.name == "sigmoid" || fn.name == "sigmoid'")
}

// unsigned strips a node of its minus sign.
func (g *graph) unsigned(r ref) ref {
	if n := g.nodes[r]; n.fn != nil && n.fn.name == "-x" {
		return n.args[0]
	}
	return r
}
