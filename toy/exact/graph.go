package exact

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/simple"
	"gonum.org/v1/gonum/graph/topo"
	"gonum.org/v1/gonum/mat"

	"windtunnel/toy/objective"
)

// groups returns the sets of responses that comparisons connect, directly or through others, each sorted, in the order
// of their first responses. A response that was never compared is a group by itself.
func (t *task) groups() [][]int {
	if t.connected != nil {
		return t.connected
	}
	g := simple.NewUndirectedMatrix(t.responses(), 0, 0, 0)
	for i, c := range t.chosen {
		g.SetEdge(simple.Edge{F: simple.Node(c), T: simple.Node(t.rejected[i])})
	}
	t.connected = sorted(topo.ConnectedComponents(g))
	return t.connected
}

// unbeaten returns responses that never lose to the others of their group although comparisons lead from them to the
// others, or nil if there are none: in the graph with an edge from each loser to its winner, the strongly connected
// component that no edge leaves, of several the one with the first response. It is nil exactly if the group is
// strongly connected.
func (t *task) unbeaten(group []int) []int {
	g := simple.NewDirectedMatrix(t.responses(), 0, 0, 0)
	for i, c := range t.chosen {
		g.SetEdge(simple.Edge{F: simple.Node(t.rejected[i]), T: simple.Node(c)})
	}
	parts := slices.DeleteFunc(sorted(topo.TarjanSCC(g)), func(part []int) bool { return !slices.Contains(group, part[0]) })
	if len(parts) == 1 {
		return nil
	}
	loses := func(part []int) bool { // to a response outside it
		for i, r := range t.rejected {
			if slices.Contains(part, r) && !slices.Contains(part, t.chosen[i]) {
				return true
			}
		}
		return false
	}
	return parts[slices.IndexFunc(parts, func(part []int) bool { return !loses(part) })]
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
	for i, k := range group {
		position[k] = i
	}
	part := t.only(func(i int) bool { return position[t.chosen[i]] >= 0 })
	part.logRef, part.ref, part.logStar, part.scale, part.wins = nil, nil, nil, 0, nil
	for _, k := range group {
		part.logRef, part.ref, part.logStar = append(part.logRef, t.logRef[k]), append(part.ref, t.ref[k]), append(part.logStar, t.logStar[k])
	}
	for i, c := range part.chosen {
		part.chosen[i], part.rejected[i] = position[c], position[part.rejected[i]]
	}
	return part
}

// only returns the task with some of its comparisons.
func (t *task) only(some func(i int) bool) *task {
	part := *t
	part.chosen, part.rejected, part.weight, part.gap, part.dispersion, part.packed, part.connected = nil, nil, nil, nil, nil, packed{}, nil
	for i, c := range t.chosen {
		if !some(i) {
			continue
		}
		part.chosen, part.rejected, part.weight = append(part.chosen, c), append(part.rejected, t.rejected[i]), append(part.weight, t.weight[i])
		if t.gap != nil {
			part.gap, part.dispersion = append(part.gap, t.gap[i]), append(part.dispersion, t.dispersion[i])
		}
	}
	return &part
}

// others returns the members of a group that are not among the given ones.
func others(group, some []int) []int {
	return slices.DeleteFunc(slices.Clone(group), func(k int) bool { return slices.Contains(some, k) })
}

// netTolerance is what rounding may leave of counts that cancel, relative to what was subtracted.
const netTolerance = 1e-12

// falls says in a sentence why a convex psi's loss falls for ever in a group, "" if it does not. Its slope along a
// direction d is linear wherever d orders the responses in the same way, and every such cone of directions is spanned by
// the indicators of its upper sets; so there is a unique minimizer in the margins exactly if the slope is positive across
// every cut of the group in two. Where psi only rises or levels out at 0 slope, that is the question whether somebody is
// unbeaten.
func (t *task) falls(psi objective.Outer, shape objective.Shape, group []int) (string, error) {
	if shape.Attained() {
		return "", nil
	}
	sloped, ok := psi.(interface{ EndSlopes() (low, high float64) })
	if plunges := shape.Low == objective.Plunges || shape.High == objective.Plunges; !plunges || !ok {
		winners := t.unbeaten(group)
		if plunges {
			return "", undecided("a margin loss that falls without bound at an unknown slope")
		}
		if winners == nil {
			return "", nil
		}
		return fmt.Sprintf("the loss falls for ever because %s never lost to %s", list(winners), list(others(group, winners))), nil
	}
	low, high := sloped.EndSlopes()
	net := t.net(-low, high)
	winners := net.unbeaten(group)
	if winners == nil && slices.Min(append(net.weight, 0)) < 0 {
		for _, k := range net.within(group).cheapCut() {
			winners = append(winners, group[k])
		}
	}
	if winners == nil {
		return "", nil
	}
	return fmt.Sprintf("the loss falls for ever because %s lost to %s no more often than the loss takes labels to be wrong",
		list(winners), list(others(group, winners))), nil
}

// net returns the comparisons with the weights that the loss grows at when the chosen response falls below the rejected
// one: lost times their own weight and won times that of the opposite comparison. Those that cancel are left out.
func (t *task) net(lost, won float64) *task {
	n := &task{name: t.name, logRef: t.logRef, ref: t.ref, logStar: t.logStar}
	between := map[[2]int]float64{}
	for i, c := range t.chosen {
		between[[2]int{c, t.rejected[i]}] += t.weight[i]
	}
	for c := range t.responses() {
		for r := range t.responses() {
			a, b := lost*between[[2]int{c, r}], won*between[[2]int{r, c}]
			if sum := a + b; math.Abs(sum) > netTolerance*(math.Abs(a)+math.Abs(b)) {
				n.chosen, n.rejected, n.weight = append(n.chosen, c), append(n.rejected, r), append(n.weight, sum)
			}
		}
	}
	return n
}

// cheapCut returns a part of the responses whose rise over the rest costs nothing by the net weights, nil if there is none.
// The cost of a part is the weight of what it loses to the rest; with negative weights it is still submodular, since the two
// directions of a pair add up to more than 0, so that minimum cuts find the cheapest part with one given response and
// without another.
func (t *task) cheapCut() []int {
	n, total := t.responses(), 0.0
	lost := mat.NewDense(n, n, nil) // by the row to the column
	for i, c := range t.chosen {
		lost.Set(t.rejected[i], c, lost.At(t.rejected[i], c)+t.weight[i])
		total += math.Abs(t.weight[i])
	}
	for k := 1; k < n; k++ {
		for _, ends := range [][2]int{{0, k}, {k, 0}} {
			if part, cost := cheapest(lost, ends[0], ends[1]); cost <= netTolerance*total {
				return part
			}
		}
	}
	return nil
}

// cheapest returns the part of least cost with one response and without another, and its cost. A negative weight from a to b
// is a gain of a's being in the part, taken back if b is in it too; where b is in it alone, that leaves the opposite weight.
func cheapest(lost *mat.Dense, with, without int) (part []int, cost float64) {
	n, _ := lost.Dims()
	source, sink := n, n+1
	room, gain := mat.NewDense(n+2, n+2, nil), make([]float64, n)
	for a := range n {
		for b := range n {
			if there := lost.At(a, b); there < 0 {
				gain[a], gain[b] = gain[a]-there, gain[b]+there
				room.Set(b, a, lost.At(b, a)+there)
			} else if lost.At(b, a) >= 0 {
				room.Set(a, b, there)
			}
		}
	}
	for k, v := range gain {
		room.Set(source, k, max(0, v))
		room.Set(k, sink, max(0, -v))
	}
	room.Set(source, with, math.Inf(1))
	room.Set(without, sink, math.Inf(1))
	for _, k := range saturate(room, source, sink) {
		if k < n {
			part = append(part, k)
		}
	}
	for _, a := range part {
		for b := range n {
			if !slices.Contains(part, b) {
				cost += lost.At(a, b)
			}
		}
	}
	return part, cost
}

// saturate sends as much flow as it can through a network of capacities, along shortest paths (Edmonds and Karp), and
// returns the nodes that the source still reaches: the source's side of a minimum cut. gonum's network.MaxFlowDinic tells
// the size of the flow only.
func saturate(room *mat.Dense, source, sink int) []int {
	for {
		n, _ := room.Dims()
		from := slices.Repeat([]int{-1}, n)
		from[source] = source
		queue := []int{source}
		for at := 0; at < len(queue); at++ {
			for next, free := range room.RawRowView(queue[at]) {
				if free > 0 && from[next] < 0 {
					from[next] = queue[at]
					queue = append(queue, next)
				}
			}
		}
		if from[sink] < 0 {
			slices.Sort(queue)
			return queue
		}
		least := math.Inf(1)
		for at := sink; at != source; at = from[at] {
			least = min(least, room.At(from[at], at))
		}
		for at := sink; at != source; at = from[at] {
			room.Set(from[at], at, room.At(from[at], at)-least)
			room.Set(at, from[at], room.At(at, from[at])+least)
		}
	}
}
