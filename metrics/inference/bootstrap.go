package inference

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// fewForBootstrap is the sample size below which bootstrap intervals are known to be too narrow.
const fewForBootstrap = 10

// Bootstrap draws resamples. The same values give the same intervals everywhere.
type Bootstrap struct {
	Resamples int    // number of resamples, at least 1; BCa wants 1000 or more
	Seed      uint64 // of ChaCha8
}

// BCa returns the bias-corrected and accelerated bootstrap interval of the mean (Efron 1987, Better bootstrap
// confidence intervals; Efron and Tibshirani 1993, An introduction to the bootstrap, eq. 14.9, 14.10, 14.14 and 14.15).
// The acceleration is the jackknife's. Resampled means that equal the sample's count half as below it. Ends are type 7
// quantiles of the resampled means. Equal values give an interval of no width.
func (b Bootstrap) BCa(x []float64) Interval {
	values := present(x)
	slices.Sort(values)
	d := Describe(values)
	if why := d.refusal(); why != "" {
		return none(BCaMean, why)
	}
	if d.SD == 0 {
		return Interval{Low: d.Mean, High: d.Mean, Method: BCaMean}
	}
	deviations := slices.Clone(values)
	floats.AddConst(-d.Mean, deviations)
	scale := floats.Norm(deviations, math.Inf(1))
	floats.Scale(1/scale, deviations) // the largest is 1, so that nothing overflows or vanishes below
	means := b.means(deviations)
	z0 := bias(means)
	accel := acceleration(deviations)
	low, lowOK := shifted(z0, accel, (1-Level)/2)
	high, highOK := shifted(z0, accel, 1-(1-Level)/2)
	if !lowOK || !highOK {
		return none(BCaMean, fmt.Sprintf("%d resamples are too few, or the values too odd, for a bootstrap interval", b.Resamples))
	}
	interval := Interval{Low: d.Mean + scale*Quantile(means, low), High: d.Mean + scale*Quantile(means, high), Method: BCaMean}
	if d.N < fewForBootstrap {
		interval.Warning = fmt.Sprintf("a bootstrap interval of fewer than %d values is too narrow, there %s", fewForBootstrap, amount(d.N))
	}
	return interval
}

// means returns the means of the resamples in ascending order.
func (b Bootstrap) means(values []float64) []float64 {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], b.Seed)
	random := rand.New(rand.NewChaCha8(key))
	means, resample := make([]float64, b.Resamples), make([]float64, len(values))
	for i := range means {
		for k := range resample {
			resample[k] = values[random.IntN(len(values))]
		}
		means[i] = stat.Mean(resample, nil)
	}
	slices.Sort(means)
	return means
}

// sameMean is how far from the sample's mean a resampled one may be by rounding alone.
const sameMean = 1e-12

// bias returns z0, the normal quantile of the share of sorted resampled means below 0, the sample's.
func bias(means []float64) float64 {
	below, _ := slices.BinarySearch(means, -sameMean)
	upTo, _ := slices.BinarySearch(means, sameMean)
	return distuv.UnitNormal.Quantile(float64(below+upTo) / float64(2*len(means)))
}

// acceleration returns the jackknife's a = sum d^3 / (6 (sum d^2)^1.5), where d is the mean of the means that leave one
// value out less one of these. For the mean, d is in proportion to the deviation, and a does not depend on the factor.
func acceleration(deviations []float64) float64 {
	var squares, cubes float64
	for _, d := range deviations {
		squares += d * d
		cubes += d * d * d
	}
	return cubes / (6 * math.Pow(squares, 1.5))
}

// shifted returns the probability whose quantile of the resampled means is the end of the interval for p, and whether
// there is one.
func shifted(z0, accel, p float64) (float64, bool) {
	z := z0 + distuv.UnitNormal.Quantile(p)
	stretch := 1 - accel*z
	if math.IsInf(z, 0) || stretch <= 0 {
		return 0, false
	}
	return distuv.UnitNormal.CDF(z0 + z/stretch), true
}
