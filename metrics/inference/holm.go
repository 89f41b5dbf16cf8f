package inference

import (
	"cmp"
	"math"
	"slices"
)

// Holm returns the p values corrected by Holm's step-down procedure (Holm 1979): rejecting those up to 0.05 keeps the
// chance of any false rejection in the family at 5 %, however the tests depend on one another. NaN stands for a test
// that could not be made; it stays NaN and does not belong to the family. It does not change p.
func Holm(p []float64) []float64 {
	var order []int
	adjusted := make([]float64, len(p))
	for i, v := range p {
		adjusted[i] = v
		if !math.IsNaN(v) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	highest := 0.0
	for rank, i := range order {
		highest = max(highest, min(1, float64(len(order)-rank)*p[i]))
		adjusted[i] = highest
	}
	return adjusted
}
