package inference

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

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
