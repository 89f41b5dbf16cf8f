package exact

import (
	"slices"

	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/simple"
	"gonum.org/v1/gonum/graph/topo"
)

// groups returns the sets of responses that comparisons connect, directly or through others, each sorted, in the order
// of their first responses. A response that was never compared is a group by itself.
func (t *task) groups() [][]int {
	g := simple.NewUndirectedGraph()
	for k := range t.responses() {
		g.AddNode(simple.Node(k))
	}
	for i, c := range t.chosen {
		g.SetEdge(g.NewEdge(simple.Node(c), simple.Node(t.rejected[i])))
	}
	return sorted(topo.ConnectedComponents(g))
}

// unbeaten returns responses that never lose to the others of their group although comparisons lead from them to the
// others, or nil if there are none: in the graph with an edge from each loser to its winner, the strongly connected
// component that no edge leaves, of several the one with the first response. It is nil exactly if the group is
// strongly connected.
func (t *task) unbeaten(group []int) []int {
	g := simple.NewDirectedGraph()
	for _, k := range group {
		g.AddNode(simple.Node(k))
	}
	for i, c := range t.chosen {
		if g.Node(int64(c)) != nil {
			g.SetEdge(g.NewEdge(simple.Node(t.rejected[i]), simple.Node(c)))
		}
	}
	parts := sorted(topo.TarjanSCC(g))
	if len(parts) == 1 {
		return nil
	}
	return parts[slices.IndexFunc(parts, func(part []int) bool { return !t.loses(part) })]
}

// loses says whether a member of the part ever lost to a response outside it.
func (t *task) loses(part []int) bool {
	for i, r := range t.rejected {
		if slices.Contains(part, r) && !slices.Contains(part, t.chosen[i]) {
			return true
		}
	}
	return false
}

// sorted turns sets of nodes into sorted responses.
func sorted(sets [][]graph.Node) [][]int {
	out := make([][]int, len(sets))
	for i, set := range sets {
		for _, n := range set {
			out[i] = append(out[i], int(n.ID()))
		}
		slices.Sort(out[i])
	}
	slices.SortFunc(out, func(a, b []int) int { return a[0] - b[0] })
	return out
}

// within returns the task restricted to a group of responses, renumbered in the group's order.
func (t *task) within(group []int) *task {
	position := make([]int, t.responses())
	for i := range position {
		position[i] = -1
	}
	part := &task{name: t.name, total: t.total}
	for i, k := range group {
		position[k] = i
		part.logRef, part.ref = append(part.logRef, t.logRef[k]), append(part.ref, t.ref[k])
		part.logStar = append(part.logStar, t.logStar[k])
	}
	for i, c := range t.chosen {
		if position[c] >= 0 {
			part.chosen, part.rejected = append(part.chosen, position[c]), append(part.rejected, position[t.rejected[i]])
			part.weight = append(part.weight, t.weight[i])
			if t.gap != nil {
				part.gap, part.dispersion = append(part.gap, t.gap[i]), append(part.dispersion, t.dispersion[i])
			}
		}
	}
	return part
}

// others returns the members of a group that are not among the given ones.
func others(group, some []int) []int {
	var rest []int
	for _, k := range group {
		if !slices.Contains(some, k) {
			rest = append(rest, k)
		}
	}
	return rest
}
