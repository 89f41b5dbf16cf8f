// Package inference holds the statistics of a sample of runs: descriptions, 95 % intervals, paired comparisons and the
// correction for many of them. It does not depend on tables or files.
//
// NaN stands for a missing value everywhere: it is left out and counted, never averaged. An infinite value is a value: it
// counts, it makes the mean infinite, and there is then no standard deviation and no interval. An interval that cannot be
// given is empty (both ends NaN) and carries a sentence that says why, or how many values are needed.
package inference

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Level is the confidence of every interval here: 95 %.
const Level = 0.95

// Description describes a sample. Numbers that it cannot give are NaN: all of an empty sample, SD and SE below two
// values, and SD and SE where a value is infinite.
type Description struct {
	N        int     // values, infinite ones included
	Missing  int     // NaNs, which are left out of everything else
	Infinite int     // how many of N are infinite
	Mean     float64 // arithmetic mean; infinite if a value is, NaN if values of both signs are
	SD       float64 // standard deviation with n-1 in the denominator
	SE       float64 // standard error of the mean, SD/sqrt(N)
	Min, Max float64
	Median   float64
	Q25, Q75 float64 // quartiles, see [Quantile]
}

// Describe describes a sample. It does not change x.
func Describe(x []float64) Description {
	sorted := present(x)
	slices.Sort(sorted)
	d := Description{N: len(sorted), Missing: len(x) - len(sorted)}
	for _, v := range sorted {
		if math.IsInf(v, 0) {
			d.Infinite++
		}
	}
	d.Mean, d.SD = meanSD(sorted)
	d.SE = stat.StdErr(d.SD, float64(d.N))
	d.Min, d.Q25, d.Median = Quantile(sorted, 0), Quantile(sorted, 0.25), Quantile(sorted, 0.5)
	d.Q75, d.Max = Quantile(sorted, 0.75), Quantile(sorted, 1)
	return d
}

// present returns the values that are not NaN, in order, in a new slice.
func present(x []float64) []float64 {
	return slices.DeleteFunc(slices.Clone(x), math.IsNaN)
}

// meanSD returns the mean and the standard deviation of values that are sorted and not NaN. Values are scaled by a power
// of two, so that no sum overflows and no square vanishes, and centred before gonum's corrected two-pass algorithm gets
// them, so that a large common offset costs no digits and equal values have no deviation.
func meanSD(sorted []float64) (mean, sd float64) {
	n := len(sorted)
	if n == 0 {
		return math.NaN(), math.NaN()
	}
	low, high := sorted[0], sorted[n-1]
	switch {
	case math.IsInf(low, 0) || math.IsInf(high, 0):
		return low + high, math.NaN() // the infinite one, or NaN of both
	case n == 1:
		return low, math.NaN()
	}
	_, exponent := math.Frexp(max(-low, high))
	scaled := make([]float64, n)
	for i, v := range sorted {
		scaled[i] = math.Ldexp(v, -exponent)
	}
	center := stat.Mean(scaled, nil)
	floats.AddConst(-center, scaled)
	rest, spread := stat.MeanStdDev(scaled, nil)
	return math.Ldexp(center+rest, exponent), math.Ldexp(spread, exponent)
}

// Quantile returns the p-quantile, p in [0,1], of values sorted in ascending order without NaN: type 7 of Hyndman and Fan
// (1996), the default of R and numpy, which interpolates linearly between the order statistics around 1+(n-1)p. (The
// interpolation of gonum's stat.Quantile is type 4, whose median of two values is the smaller.) NaN for no values, and
// between infinities of both signs.
func Quantile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	whole, part := math.Modf(p * float64(len(sorted)-1))
	low := sorted[int(whole)]
	if part == 0 {
		return low
	}
	high := sorted[int(whole)+1]
	if low == high {
		return low
	}
	return (1-part)*low + part*high
}

// Interval is a confidence interval.
type Interval struct {
	Low, High float64 // both NaN where the interval cannot be given
	Method    string  // "student-t 95% of the mean"
	Warning   string  // why there is no interval, or why to distrust it; "" otherwise
}

// Known says whether the interval could be given.
func (i Interval) Known() bool { return !math.IsNaN(i.Low) && !math.IsNaN(i.High) }

// Contains says whether v lies in the interval, ends included; false for an interval that could not be given.
func (i Interval) Contains(v float64) bool { return i.Low <= v && v <= i.High }

// none returns an interval that cannot be given.
func none(method, why string) Interval {
	return Interval{math.NaN(), math.NaN(), method, why}
}

// refusal says why a sample has no interval of the mean, "" if it has one.
func (d Description) refusal() string {
	switch {
	case d.N < 2:
		return fmt.Sprintf("an interval needs at least 2 values, there %s", amount(d.N))
	case d.Infinite > 0:
		return fmt.Sprintf("%d of %d values are infinite, so that there is no interval of the mean", d.Infinite, d.N)
	}
	return ""
}

func amount(n int) string {
	if n == 1 {
		return "is 1"
	}
	return fmt.Sprintf("are %d", n)
}

// Methods of intervals, as they stand in tables.
const (
	StudentT = "student-t 95% of the mean"
	BCaMean  = "bca 95% of the mean"
	Wilson   = "wilson 95% of the share"
)

// MeanInterval returns Student's interval of the mean, mean -+ t(0.975, n-1) se (Student 1908). It supposes values that
// are independent and nearly normal, as are means over seeds. Equal values give an interval of no width.
func MeanInterval(x []float64) Interval { return Describe(x).MeanInterval() }

// MeanInterval returns Student's interval of the mean of the sample described, as [MeanInterval] does.
func (d Description) MeanInterval() Interval {
	if why := d.refusal(); why != "" {
		return none(StudentT, why)
	}
	reach := d.SE * student(d.N-1).Quantile(1-(1-Level)/2)
	return Interval{Low: d.Mean - reach, High: d.Mean + reach, Method: StudentT}
}

// student returns Student's distribution with the given degrees of freedom.
func student(freedom int) distuv.StudentsT {
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(freedom)}
}

// WilsonInterval returns Wilson's score interval (1927) of the probability behind `successes` of n trials, without
// correction for continuity: the p for which |successes/n - p| <= z sqrt(p(1-p)/n). It stays inside [0,1] and has width
// at 0 and n successes too. It panics unless 0 <= successes <= n.
func WilsonInterval(successes, n int) Interval {
	if successes < 0 || successes > n {
		panic(fmt.Sprintf("inference: %d successes of %d", successes, n))
	}
	if n == 0 {
		return none(Wilson, "an interval needs at least 1 value, there are 0")
	}
	z := distuv.UnitNormal.Quantile(1 - (1-Level)/2)
	trials, share := float64(n), float64(successes)/float64(n)
	center := (share + z*z/(2*trials)) / (1 + z*z/trials)
	reach := z / (1 + z*z/trials) * math.Sqrt(share*(1-share)/trials+z*z/(4*trials*trials))
	interval := Interval{Low: max(center-reach, 0), High: min(center+reach, 1), Method: Wilson}
	// The ends are exact there, but rounding may miss them.
	if successes == 0 {
		interval.Low = 0
	}
	if successes == n {
		interval.High = 1
	}
	return interval
}
