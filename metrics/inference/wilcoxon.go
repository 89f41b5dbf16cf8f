package inference

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat/distuv"
)

// mostExact is the largest number of differences for which Wilcoxon counts all choices of signs.
const mostExact = 50

// Wilcoxon returns the two-sided p value of the signed-rank test (Wilcoxon 1945) that differences are symmetric about 0.
// Zeros and NaNs are left out; equal sizes share their mean rank. Up to 50 differences the distribution is exact, given
// the ranks; above that it is normal with corrections for ties and continuity, as in R's wilcox.test. NaN without a
// difference other than 0.
func Wilcoxon(differences []float64) float64 {
	nonzero := slices.DeleteFunc(slices.Clone(differences), func(d float64) bool { return d == 0 || math.IsNaN(d) })
	if len(nonzero) == 0 {
		return math.NaN()
	}
	ranks := doubledRanks(nonzero)
	positive := 0
	for i, d := range nonzero {
		if d > 0 {
			positive += ranks[i]
		}
	}
	if len(nonzero) <= mostExact {
		return exactSignedRank(ranks, positive)
	}
	return normalSignedRank(ranks, positive)
}

// doubledRanks returns twice the ranks of the differences by size, which makes mean ranks whole numbers.
func doubledRanks(differences []float64) []int {
	sizes := make([]float64, len(differences))
	for i, d := range differences {
		sizes[i] = math.Abs(d)
	}
	order := make([]int, len(sizes)) // order[i] is the index of the i-th smallest difference
	floats.ArgsortStable(sizes, order)
	ranks := make([]int, len(order))
	for start := 0; start < len(order); {
		end := start + 1
		for end < len(order) && sizes[end] == sizes[start] {
			end++
		}
		for _, i := range order[start:end] {
			ranks[i] = start + 1 + end // twice the mean of start+1 ... end
		}
		start = end
	}
	return ranks
}

// exactSignedRank returns the share of all choices of signs whose rank sum is at least as far from its mean. The counts
// are exact in float64 up to 2^53.
func exactSignedRank(ranks []int, positive int) float64 {
	total := 0
	for _, r := range ranks {
		total += r
	}
	ways := make([]float64, total+1) // of reaching each rank sum
	ways[0] = 1
	for _, r := range ranks {
		for sum := total; sum >= r; sum-- {
			ways[sum] += ways[sum-r]
		}
	}
	tail := min(positive, total-positive)
	return min(1, 2*floats.Sum(ways[:tail+1])/floats.Sum(ways))
}

// normalSignedRank returns the p value by the normal distribution. The variance sum r^2 / 4 holds with ties as well.
func normalSignedRank(ranks []int, positive int) float64 {
	var total, squares float64
	for _, r := range ranks {
		rank := float64(r) / 2
		total += rank
		squares += rank * rank
	}
	gap := max(math.Abs(float64(positive)/2-total/2)-0.5, 0)
	return min(1, 2*distuv.UnitNormal.Survival(gap/math.Sqrt(squares/4)))
}
