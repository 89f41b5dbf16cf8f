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
