package exact

import (
	"fmt"
	"math"

	"windtunnel/toy/objective"
)

const (
	// netTolerance is what rounding may leave of counts that cancel, relative to what was subtracted.
	netTolerance = 1e-12
	// cutLimit bounds the responses of a group whose cuts are tried one by one.
	cutLimit = 16
)

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
	if winners == nil && net.negative() {
		if len(group) > cutLimit {
			return "", undecided(fmt.Sprintf("a loss that falls without bound, of %d responses", len(group)))
		}
		winners = net.worstCut(group)
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
	n := &task{name: t.name, logRef: t.logRef}
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

// negative says whether some net weight is.
func (t *task) negative() bool {
	for _, w := range t.weight {
		if w < 0 {
			return true
		}
	}
	return false
}

// worstCut returns the part of the group that the loss falls for when it rises over the rest, nil if there is none. The
// group has at least two members.
func (t *task) worstCut(group []int) []int {
	inside := make([]bool, t.responses())
	for mask := 1; mask < 1<<len(group)-1; mask++ {
		var part []int
		for i, k := range group {
			inside[k] = mask>>i&1 == 1
			if inside[k] {
				part = append(part, k)
			}
		}
		slope, scale := 0.0, 0.0
		for i, c := range t.chosen {
			if !inside[c] && inside[t.rejected[i]] {
				slope += t.weight[i]
				scale += math.Abs(t.weight[i])
			}
		}
		if slope <= netTolerance*scale {
			return part
		}
	}
	return nil
}
