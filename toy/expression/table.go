package expression

// kernel is one loop over a batch: it writes a function's values at the arguments a, b, c to dst, all of dst's length;
// what a function does not take is nil. dst may be one of the arguments.
type kernel func(dst, a, b, c []float64)

// function is an entry of the table: all that the rest of the package knows about it. To add a function is to add an
// entry. Its second derivative needs no mention, being that of the derivative.
type function struct {
	name        string
	least, most int    // number of arguments; most 0 means no limit
	usage       string // how it is called, with the convention for its derivative where it has a kink
	commutes    bool   // f(a, b) = f(b, a) to the bit
	kernel      kernel // its values; nil for what build expresses through other entries
	// build may express a call through other entries; it returns none to keep the call.
	build func(g *graph, args []ref) ref
	// pull returns what the adjoint of y = f(x...) adds to the adjoint of x[i]; nil means that no derivative passes.
	pull func(g *graph, adjoint ref, x []ref, y ref, i int) ref
}

// table is the functions by name. It is made afresh for each graph, so that its entries can build on one another.
type table struct{ byName map[string]*function }

func newTable() *table {
	t := &table{map[string]*function{}}
	for _, entries := range [][]function{functions(), operators(), branches(), shared()} {
		for i := range entries {
			t.byName[entries[i].name] = &entries[i]
		}
	}
	return t
}

// find returns the entry of that name, or nil.
func (t *table) find(name string) *function { return t.byName[name] }

// names returns the functions that a source may call.
func (t *table) names() []string {
	entries := functions()
	public := make([]string, 0, len(entries))
	for _, f := range entries {
		if f.public() {
			public = append(public, f.name)
		}
	}
	return public
}

// public says whether a source may call the function; the name of an inner one ends in a prime.
func (f *function) public() bool { return f.name[len(f.name)-1] != '\'' }

// reserved says whether a word names a function or a functional and so cannot name a variable.
func (t *table) reserved(word string) bool {
	for _, f := range functionals() {
		if f.name == word {
			return true
		}
	}
	return t.find(word) != nil
}

// unary is the pull of a function of one argument with the given derivative at x, where y = f(x).
func unary(slope func(g *graph, x, y ref) ref) func(*graph, ref, []ref, ref, int) ref {
	return func(g *graph, adjoint ref, x []ref, y ref, _ int) ref { return g.chain(adjoint, slope(g, x[0], y)) }
}
