package expression

import "slices"

// block is the number of rows that a tape works on at a time: few enough for its registers to stay in the cache.
const block = 128

// tape is a straight-line program over columns: one loop an instruction, a block at a time. The register of node r is r + 1, a
// column of length block; register 0 is the empty one, for arguments that a kernel does not take. Scalars are worked out first,
// in the first entry of their registers, and then fill them.
type tape struct {
	registers  [][]float64
	columns    []binding     // columns that the caller hands over
	scalars    []binding     // scalars that the caller hands over
	scalarCode []instruction // run on one row
	filled     []int         // registers of scalars
	columnCode []instruction // run on every block
	outputs    []ref
}

// binding ties a register to a place in the caller's list.
type binding struct{ register, slot int }

// instruction applies a kernel to registers.
type instruction struct {
	kernel       kernel
	dst, a, b, c int
}

// run writes the outputs to dst, columns of equal length that overlap neither one another nor cols.
func (t *tape) run(cols [][]float64, scalars []float64, dst [][]float64) {
	n := len(dst[0])
	for _, s := range t.scalars {
		t.registers[s.register][0] = scalars[s.slot]
	}
	t.execute(t.scalarCode, 1)
	for _, r := range t.filled {
		column := t.registers[r]
		for i := range min(n, block) {
			column[i] = column[0]
		}
	}
	for low := 0; low < n; low += block {
		high := min(low+block, n)
		for _, c := range t.columns {
			t.registers[c.register] = cols[c.slot][low:high]
		}
		t.execute(t.columnCode, high-low)
		for i, r := range t.outputs {
			copy(dst[i][low:high], t.registers[r+1])
		}
	}
}

func (t *tape) execute(code []instruction, n int) {
	r := t.registers
	for i := range code {
		in := &code[i]
		in.kernel(r[in.dst][:n], r[in.a], r[in.b], r[in.c])
	}
}

// record compiles the nodes that the outputs need.
func (g *graph) record(outputs []ref) *tape {
	t := &tape{outputs: g.lower(outputs)}
	needed := g.live(t.outputs)
	t.registers = make([][]float64, len(needed)+1)
	for r, n := range g.nodes[:len(needed)] {
		register := r + 1
		switch {
		case !needed[r]:
			continue
		case n.leaf == columnLeaf:
			t.columns = append(t.columns, binding{register, n.slot})
			continue
		}
		column := make([]float64, block)
		t.registers[register] = column
		in := instruction{dst: register, a: int(n.args[0]) + 1, b: int(n.args[1]) + 1, c: int(n.args[2]) + 1}
		if n.fn != nil {
			in.kernel = n.fn.kernel
		}
		switch {
		case n.leaf == constantLeaf:
			for i := range column {
				column[i], _ = g.constantValue(ref(r))
			}
		case g.column[r]:
			t.columnCode = append(t.columnCode, in)
		case n.leaf == scalarLeaf:
			t.scalars, t.filled = append(t.scalars, binding{register, n.slot}), append(t.filled, register)
		default:
			t.scalarCode, t.filled = append(t.scalarCode, in), append(t.filled, register)
		}
	}
	return t
}

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
	known, out := map[ref]ref{}, make([]ref, len(outputs))
	keep := func(ref) ref { return none }
	for i, r := range outputs {
		out[i] = g.again(r, known, keep, func(r ref, args []ref) ref {
			if made := replace(r, args); made != none {
				return made
			}
			if fn := g.nodes[r].fn; fn != nil {
				return g.apply(fn, args)
			}
			return r
		})
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
