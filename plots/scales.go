package plots

import (
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
)

// sqrtScale is the scale of a figure's axis that is linear in the square root, on which the reward gained is nearly a line
// in KL(pi to pi_ref) (Gao, Schulman, Hilton 2022, arXiv 2210.10760).
const sqrtScale = "sqrt"

// roots is an axis linear in the square root; below 0 it goes on as a mirror image, so that there is room left of 0.
type roots struct{}

func signedRoot(v float64) float64 { return math.Copysign(math.Sqrt(math.Abs(v)), v) }

// Normalize implements plot.Normalizer.
func (roots) Normalize(low, high, v float64) float64 {
	from, to := signedRoot(low), signedRoot(high)
	return (signedRoot(v) - from) / (to - from)
}

// Ticks implements plot.Ticker: 0 and, from the top down, multiples of 1, 2 and 5 of powers of ten that stand apart.
func (r roots) Ticks(low, high float64) []plot.Tick {
	const apart = 0.13 // of the axis
	var ticks []plot.Tick
	last := math.Inf(1)
	for k := math.Floor(math.Log10(high)); k >= math.Log10(high)-4; k-- {
		for _, digit := range []float64{5, 2, 1} {
			v := roundTo(digit*math.Pow10(int(k)), 12)
			at := r.Normalize(low, high, v)
			if v > high || at > last-apart || at < r.Normalize(low, high, 0)+apart {
				continue
			}
			last = at
			ticks = append(ticks, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'f', -1, 64)})
		}
	}
	ticks = append(ticks, plot.Tick{Value: 0, Label: "0"})
	slices.Reverse(ticks)
	return ticks
}

// padRoots widens the range of such an axis by a share on both sides.
func padRoots(axis *plot.Axis, share float64) {
	from, to := signedRoot(axis.Min), signedRoot(axis.Max)
	by := share * (to - from)
	square := func(root float64) float64 { return math.Copysign(root*root, root) }
	axis.Min, axis.Max = square(from-by), square(to+by)
}

// symlog is an axis that is linear around zero and logarithmic far from it, on both sides: a value v stands at
// sign(v) log(1 + |v|/unit) (Webber 2013, A bi-symmetric log transformation for wide-range data).
type symlog struct{ unit float64 }

// symlogDecades is how far the logarithmic part reaches below the largest value.
const symlogDecades = 4

// setSymlog makes an axis bi-symmetric; its linear part ends at the power of ten below the smallest value other than
// zero, or a few decades below the largest.
func setSymlog(axis *plot.Axis, values []float64) {
	least, most := math.Inf(1), 0.0
	for _, v := range values {
		if a := math.Abs(v); a > 0 && finite(v) {
			least, most = min(least, a), max(most, a)
		}
	}
	if most == 0 {
		return
	}
	unit := math.Pow10(int(math.Floor(math.Log10(max(least, most/math.Pow10(symlogDecades))) + 1e-9)))
	axis.Scale, axis.Tick.Marker = symlog{unit}, symlog{unit}
}

// of maps a value to its place before the range of the axis is taken into account.
func (s symlog) of(v float64) float64 { return math.Copysign(math.Log1p(math.Abs(v)/s.unit), v) }

// from is the inverse of of.
func (s symlog) from(place float64) float64 {
	return math.Copysign(s.unit*math.Expm1(math.Abs(place)), place)
}

// Normalize implements plot.Normalizer.
func (s symlog) Normalize(lo, hi, v float64) float64 {
	return (s.of(v) - s.of(lo)) / (s.of(hi) - s.of(lo))
}

// Ticks labels zero and powers of ten on both sides, thinned to a few.
func (s symlog) Ticks(lo, hi float64) []plot.Tick {
	first := int(math.Round(math.Log10(s.unit)))
	last := first
	for math.Pow10(last+1) <= max(math.Abs(lo), math.Abs(hi))*(1+1e-9) {
		last++
	}
	stride := (last - first + 2) / 2 // at most two labels a side beside zero
	var ticks []plot.Tick
	add := func(v float64, label string) {
		if v >= lo && v <= hi {
			ticks = append(ticks, plot.Tick{Value: v, Label: label})
		}
	}
	label := func(k int, sign string) string {
		if (last-k)%stride != 0 {
			return ""
		}
		return sign + powerLabel(10, k)
	}
	for k := last; k >= first; k-- {
		add(-math.Pow10(k), label(k, "−"))
	}
	add(0, "0")
	for k := first; k <= last; k++ {
		add(math.Pow10(k), label(k, ""))
	}
	return ticks
}

// padSymlog widens the range by a share of its length on both sides.
func padSymlog(axis *plot.Axis, share float64) {
	s := axis.Scale.(symlog)
	low, high := s.of(axis.Min), s.of(axis.Max)
	by := share * (high - low)
	axis.Min, axis.Max = s.from(low-by), s.from(high+by)
}
