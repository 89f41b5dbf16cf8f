package expression

import (
	"math"
	"slices"
)

// block is the number of rows that a tape works on at a time: few enough for its registers to stay in the cache.
const block = 256

// tape is a straight-line program over columns. Scalars are worked out when the caller's have changed, columns a block
// at a time, one loop an instruction. Registers are columns of length block; a scalar lives in the first entry of its own.
type tape struct {
	registers  [][]float64
	columns    []binding     // columns that the caller hands over
	scalars    []binding     // scalars that the caller hands over
	scalarCode []instruction // run on one row
	spread     []int         // registers of scalars that columns need: their first entry is copied to all
	columnCode []instruction // run on every block
	updated    bool          // whether the scalars have been worked out
	outputs    []int         // registers that stand for the caller's destinations
}

// binding ties a register to a place in the caller's list.
type binding struct{ register, slot int }

// instruction applies a kernel to registers; register 0 is the empty one, for arguments that a kernel does not take.
type instruction struct {
	kernel       kernel
	dst, a, b, c int
}

// run writes the outputs to dst, columns of equal length that overlap neither one another nor cols.
func (t *tape) run(cols [][]float64, scalars []float64, dst [][]float64) {
	n := len(dst[0])
	if n == 0 {
		return
	}
	t.update(scalars)
	for low := 0; low < n; low += block {
		high := min(low+block, n)
		for _, c := range t.columns {
			t.registers[c.register] = cols[c.slot][low:high]
		}
		for i, r := range t.outputs {
			t.registers[r] = dst[i][low:high]
		}
		t.execute(t.columnCode, high-low)
	}
}

// update works the scalars out anew if the caller's are not those of the last run.
func (t *tape) update(scalars []float64) {
	stale := !t.updated
	for _, s := range t.scalars {
		stale = stale || math.Float64bits(t.registers[s.register][0]) != math.Float64bits(scalars[s.slot])
	}
	if !stale {
		return
	}
	for _, s := range t.scalars {
		t.registers[s.register][0] = scalars[s.slot]
	}
	t.execute(t.scalarCode, 1)
	for _, r := range t.spread {
		column := t.registers[r]
		for i := range column {
			column[i] = column[0]
		}
	}
	t.updated = true
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
	outputs = g.lower(outputs)
	needed := g.live(outputs)
	rec := &recorder{g: g, tape: &tape{registers: [][]float64{nil}}, registerOf: make([]int, len(needed)),
		uses: make([]int, len(needed)), spread: make([]bool, len(needed)), owned: make([]bool, len(needed))}
	rec.count(needed, outputs)
	for range outputs {
		rec.tape.outputs = append(rec.tape.outputs, rec.register(nil))
	}
	for r := range needed {
		if needed[r] {
			rec.registerOf[r] = rec.emit(ref(r), outputs)
		}
	}
	for i, r := range outputs {
		if rec.registerOf[r] != rec.tape.outputs[i] {
			rec.tape.columnCode = append(rec.tape.columnCode, instruction{kernel: same, dst: rec.tape.outputs[i], a: rec.registerOf[r]})
		}
	}
	return rec.tape
}

// recorder is the state of a compilation.
type recorder struct {
	g          *graph
	tape       *tape
	registerOf []int  // by node
	uses       []int  // uses of each node that are still to come
	spread     []bool // whether a scalar node is needed as a column
	owned      []bool // whether a node's register may be used again after its last use
	free       []int  // registers to use again
}

// count fills uses and spread. An output is used once more, at the end.
func (rec *recorder) count(needed []bool, outputs []ref) {
	for r := range needed {
		if !needed[r] {
			continue
		}
		for _, x := range rec.g.arguments(ref(r)) {
			rec.uses[x]++
			rec.spread[x] = rec.spread[x] || rec.g.column[r]
		}
	}
	for _, r := range outputs {
		rec.uses[r]++
		rec.spread[r] = true
	}
}

// register adds a register.
func (rec *recorder) register(column []float64) int {
	rec.tape.registers = append(rec.tape.registers, column)
	return len(rec.tape.registers) - 1
}

// emit places a node in a register, with the code that fills it.
func (rec *recorder) emit(r ref, outputs []ref) int {
	n, t := rec.g.nodes[r], rec.tape
	switch {
	case n.leaf == constantLeaf:
		return rec.constant(r)
	case n.leaf == columnLeaf:
		register := rec.register(nil)
		t.columns = append(t.columns, binding{register, n.slot})
		return register
	case rec.g.column[r]:
		in := rec.operands(r)
		in.dst = rec.destination(r, outputs)
		t.columnCode = append(t.columnCode, in)
		return in.dst
	}
	register := rec.register(make([]float64, block))
	if rec.spread[r] {
		t.spread = append(t.spread, register)
	}
	if n.leaf == scalarLeaf {
		t.scalars = append(t.scalars, binding{register, n.slot})
		return register
	}
	in := rec.operands(r)
	in.dst = register
	t.scalarCode = append(t.scalarCode, in)
	return register
}

// constant fills a register once and for all.
func (rec *recorder) constant(r ref) int {
	column := make([]float64, block)
	for i := range column {
		column[i], _ = rec.g.constantValue(r)
	}
	return rec.register(column)
}

// operands looks up the arguments' registers and gives back those that are used for the last time.
func (rec *recorder) operands(r ref) instruction {
	var registers [3]int
	for i, x := range rec.g.arguments(r) {
		registers[i] = rec.registerOf[x]
		rec.uses[x]--
		if rec.uses[x] == 0 && rec.owned[x] {
			rec.free = append(rec.free, rec.registerOf[x])
		}
	}
	return instruction{kernel: rec.g.nodes[r].fn.kernel, a: registers[0], b: registers[1], c: registers[2]}
}

// destination is the register of a computed column: that of the output it is, or one that is free.
func (rec *recorder) destination(r ref, outputs []ref) int {
	for i, out := range outputs {
		if out == r {
			return rec.tape.outputs[i]
		}
	}
	rec.owned[r] = true
	if last := len(rec.free) - 1; last >= 0 {
		register := rec.free[last]
		rec.free = rec.free[:last]
		return register
	}
	return rec.register(make([]float64, block))
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
