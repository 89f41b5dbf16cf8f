package inference

import (
	"cmp"
	"fmt"
	"math"
	"slices"
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
