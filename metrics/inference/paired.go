package inference

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat/distuv"
)

// StudentTDifference is the method of the interval of a [Paired].
const StudentTDifference = "student-t 95% of the mean difference"

// Paired compares two measurements of the same units, such as two losses trained on the same seeds. Numbers that the
// sample cannot give are NaN.
type Paired struct {
	Description          // of the differences, left less right; Missing counts pairs that lack a value
	Interval    Interval // of the mean difference
	CohenDz     float64  // mean/SD of the differences (Cohen 1988, eq. 2.3.5; Lakens 2013, eq. 6); infinite for equal ones
	HedgesGz    float64  // CohenDz times Hedges' correction for small samples
	T           float64  // Student's statistic with N-1 degrees of freedom
	P           float64  // its two-sided p value
	PWilcoxon   float64  // two-sided p value of Wilcoxon's signed-rank test, see [Wilcoxon]
}

// Compare compares left[i] with right[i]. Equal infinities differ by 0. Where all differences are equal the spread is 0
// and the numbers are the limits: p is 0, and 1 for no difference at all; the interval's warning then says that the
// units show no noise. It panics if the lengths differ.
func Compare(left, right []float64) Paired {
	if len(left) != len(right) {
		panic(fmt.Sprintf("inference: %d left and %d right values", len(left), len(right)))
	}
	differences := make([]float64, len(left))
	for i := range left {
		if left[i] != right[i] {
			differences[i] = left[i] - right[i]
		}
	}
	p := Paired{Description: Describe(differences)}
	p.Interval = p.MeanInterval()
	p.Interval.Method = StudentTDifference
	p.PWilcoxon = Wilcoxon(differences)
	p.test()
	return p
}

// test fills in effect size and p value.
func (p *Paired) test() {
	p.CohenDz, p.HedgesGz, p.T, p.P = math.NaN(), math.NaN(), math.NaN(), math.NaN()
	switch {
	case !p.Interval.Known():
		return
	case p.SD == 0 && p.Mean == 0:
		p.CohenDz, p.HedgesGz, p.T, p.P = 0, 0, 0, 1
		return
	case p.SD == 0:
		p.Interval.Warning = fmt.Sprintf("all %d differences are equal, so that there is no noise to hold them against", p.N)
	}
	p.CohenDz = p.Mean / p.SD
	p.HedgesGz = p.CohenDz * hedges(p.N-1)
	p.T = p.Mean / p.SE
	p.P = 2 * student(p.N-1).Survival(math.Abs(p.T))
}

// hedges returns the factor that takes the bias out of a standardized mean with m degrees of freedom,
// Gamma(m/2) / (sqrt(m/2) Gamma((m-1)/2)) (Hedges 1981, eq. 6e). It is 0 for one degree of freedom.
func hedges(m int) float64 {
	half := float64(m) / 2
	upper, _ := math.Lgamma(half)
	lower, _ := math.Lgamma(half - 0.5)
	return math.Exp(upper-lower) / math.Sqrt(half)
}

// Holm returns the p values corrected by Holm's step-down procedure (Holm 1979): rejecting those up to 0.05 bounds the
// chance of any false rejection in the family by 5 %, however the tests depend on one another. NaN stands for a test
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
