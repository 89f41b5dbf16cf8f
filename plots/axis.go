package plots

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"windtunnel/toy/registry"
)

// Scales of an axis, as configurations write them.
const (
	linearScale = "linear"
	symlogScale = "symlog"
	logScale    = "log"
	autoScale   = "auto"
)

// logDecades is how far a logarithmic axis reaches below its largest value: rounding noise of an exact zero must not
// stretch the axis. What lies below is marked at the edge.
const logDecades = 9

// numberTicks places ticks at multiples of 1, 2 or 5 times a power of ten and writes them with no more decimals than
// they need and a real minus sign. gonum's default asks for three ticks, too few to read a value off.
type numberTicks struct{}

// About this many steps between the ends of a linear axis.
const wantedSteps = 4.5

func (numberTicks) Ticks(lo, hi float64) []plot.Tick {
	step, decimals := niceStep((hi - lo) / wantedSteps)
	var ticks []plot.Tick
	for k := math.Ceil(lo/step - 1e-9); k*step <= hi+1e-9*step; k++ {
		v := roundTo(k*step, 12)
		ticks = append(ticks, plot.Tick{Value: v, Label: minusSign(strconv.FormatFloat(v, 'f', decimals, 64))})
	}
	return ticks
}

// niceStep is the nearest, in ratio, of 1, 2, 5 times a power of ten, and the decimals it needs.
func niceStep(step float64) (nice float64, decimals int) {
	power := math.Pow(10, math.Floor(math.Log10(step)))
	best := math.Inf(1)
	for _, factor := range []float64{1, 2, 5, 10} {
		if off := math.Abs(math.Log(factor * power / step)); off < best {
			nice, best = factor*power, off
		}
	}
	return nice, max(0, -int(math.Floor(math.Log10(nice)+1e-9)))
}

// roundTo rounds away the noise of a sum of steps, keeping the given number of decimals.
func roundTo(v float64, decimals int) float64 {
	unit := math.Pow10(decimals)
	return math.Round(v*unit)/unit + 0 // + 0 makes -0 a 0
}

// powerTicks labels the powers of a base, thinned to a few; powers of ten also have the small ticks that tell a
// logarithmic axis.
type powerTicks struct {
	base float64 // 10 or e
}

// The labels that an axis of one panel has room for.
const maxPowerLabels = 5

func (t powerTicks) Ticks(lo, hi float64) []plot.Tick {
	unit := math.Log(t.base)
	first := int(math.Ceil(math.Log(lo)/unit - 1e-9))
	last := int(math.Floor(math.Log(hi)/unit + 1e-9))
	if last <= first && t.base == 10 {
		return numberTicks{}.Ticks(lo, hi)
	}
	stride := max(1, (last-first+maxPowerLabels-1)/maxPowerLabels)
	var ticks []plot.Tick
	for k := first - 1; k <= last; k++ {
		power := math.Exp(float64(k) * unit)
		if t.base == 10 {
			power = math.Pow10(k)
		}
		label := ""
		if k%stride == 0 {
			label = powerLabel(t.base, k)
		}
		if k >= first {
			ticks = append(ticks, plot.Tick{Value: power, Label: label})
		}
		if t.base != 10 || stride > 1 {
			continue
		}
		for m := 2.0; m < 10; m++ {
			if v := m * power; v > lo && v < hi {
				ticks = append(ticks, plot.Tick{Value: v})
			}
		}
	}
	return ticks
}

func powerLabel(base float64, k int) string {
	name := "10"
	if base == math.E {
		name = "e"
	}
	return "$" + name + "^{" + minusSign(strconv.Itoa(k)) + "}$"
}

// naturalPowers says whether all values are integer powers of e, as a natural logarithmic sweep makes.
func naturalPowers(values []float64) bool {
	for _, v := range values {
		k := math.Log(v)
		if v <= 0 || math.Abs(k-math.Round(k)) > 1e-9 {
			return false
		}
	}
	return len(values) > 1
}

// zeroLog is a logarithmic axis with a place for zero behind a break: left of the positive values, which reach from
// least to most, or right of them where zero means that there is no limit.
type zeroLog struct {
	least, most float64
	noLimit     bool
}

// Normalize implements plot.Normalizer. The places do not depend on the range of the axis.
func (z zeroLog) Normalize(_, _, v float64) float64 {
	const margin, zeroShare = 0.04, 0.17
	low, high, zero := margin+zeroShare, 1-margin, margin
	if z.noLimit {
		low, high, zero = margin, 1-margin-zeroShare, 1-margin
	}
	switch {
	case v < z.least:
		return zero
	case z.most == z.least:
		return (low + high) / 2
	}
	return low + (high-low)*math.Log(v/z.least)/math.Log(z.most/z.least)
}

// Ticks labels zero and the powers of ten, from left to right.
func (z zeroLog) Ticks(_, _ float64) []plot.Tick {
	ticks := powerTicks{10}.Ticks(z.least, z.most)
	if z.noLimit {
		return append(ticks, plot.Tick{Value: 0, Label: "none"})
	}
	return append([]plot.Tick{{Value: 0, Label: "0"}}, ticks...)
}

// axisBreak draws two strokes in the middle between the zero of a zeroLog axis and the nearest positive value.
func axisBreak(c draw.Canvas, p *plot.Plot) {
	const half, apart = 2.2, 1.6
	z := p.X.Scale.(zeroLog)
	near := z.least
	if z.noLimit {
		near = z.most
	}
	x := c.X((z.Normalize(0, 0, 0) + z.Normalize(0, 0, near)) / 2)
	c.StrokeLine2(draw.LineStyle{Color: white, Width: 1.5}, x-apart/2, c.Min.Y, x+apart/2, c.Min.Y)
	for _, at := range []vg.Length{x - apart/2, x + apart/2} {
		c.StrokeLine2(spineStyle(), at-half/2, c.Min.Y-half, at+half/2, c.Min.Y+half)
	}
}

// spaced keeps every n-th label of an axis; the other ticks stay without one.
func spaced(ticker plot.Ticker, every int) plot.Ticker {
	return plot.TickerFunc(func(lo, hi float64) []plot.Tick {
		ticks := ticker.Ticks(lo, hi)
		n := 0
		for i := range ticks {
			if ticks[i].IsMinor() {
				continue
			}
			if n%every != 0 {
				ticks[i].Label = ""
			}
			n++
		}
		return ticks
	})
}

// spaceLabels thins the labels of a horizontal axis of the given length until they stand clear of one another.
func spaceLabels(axis *plot.Axis, length vg.Length) {
	const gap = 3
	full := axis.Tick.Marker
	for every := 1; every < 10; every++ {
		if every > 1 {
			axis.Tick.Marker = spaced(full, every)
		}
		right, clear := math.Inf(-1), true
		for _, tick := range axis.Tick.Marker.Ticks(axis.Min, axis.Max) {
			if tick.IsMinor() || tick.Value < axis.Min || tick.Value > axis.Max {
				continue
			}
			at := axis.Norm(tick.Value) * float64(length)
			half := float64(axis.Tick.Label.Width(tick.Label)) / 2
			clear = clear && at-half >= right+gap
			right = at + half
		}
		if clear {
			return
		}
	}
}

// setLog makes an axis over a positive quantity logarithmic; its values choose the base of the ticks.
func setLog(axis *plot.Axis, values []float64) {
	axis.Scale, axis.Tick.Marker = plot.LogScale{}, powerTicks{10}
	if naturalPowers(values) {
		axis.Tick.Marker = powerTicks{math.E}
	}
}

// setScale gives an axis over a column the scale that a configuration asks for; auto is log where the values span two decades or more. Where
// one of the values is zero a logarithmic axis has a break, and so has any axis over a limit, on which zero stands for no limit at all.
func setScale(axis *plot.Axis, column, scale string, values []float64) {
	noLimit := slices.Contains(limitColumns, column)
	positive := slices.DeleteFunc(slices.Clone(values), func(v float64) bool { return v <= 0 })
	zero := slices.Contains(values, 0)
	if scale == autoScale && len(positive) > 0 && slices.Min(values) >= 0 && slices.Max(positive) >= 100*slices.Min(positive) {
		scale = logScale
	}
	switch {
	case scale == symlogScale || scale == sqrtScale:
		scaleMetric(axis, scale, values)
	case len(positive) == 0:
	case zero && (noLimit || scale == logScale):
		z := zeroLog{slices.Min(positive), slices.Max(positive), noLimit}
		axis.Scale, axis.Tick.Marker = z, z
	case scale == logScale:
		setLog(axis, values)
	}
}

// scaleMetric gives an axis over a metric, of which a symlog scale needs the values, its scale.
func scaleMetric(axis *plot.Axis, scale string, values []float64) {
	switch scale {
	case logScale:
		setLog(axis, nil)
	case symlogScale:
		setSymlog(axis, values)
	case sqrtScale:
		axis.Scale, axis.Tick.Marker = roots{}, roots{}
	}
}

// checkLimits refuses ends of an axis that are not two, in order and finite, and on a logarithmic one positive.
func checkLimits(key, scale string, limits []float64) []registry.Problem {
	wrong := ""
	switch {
	case limits == nil:
	case len(limits) != 2:
		wrong = fmt.Sprintf("has %d numbers", len(limits))
	case !finite(limits[0]) || !finite(limits[1]) || limits[0] >= limits[1]:
		wrong = "is not in ascending order"
	case scale == logScale && limits[0] <= 0:
		wrong = "starts at or below zero, and the scale is logarithmic"
	}
	return registry.If(wrong != "", key, wrong, "[lowest, highest], in the units of the axis")
}

// limitColumns are the settings that limit something unless they are zero.
var limitColumns = []string{"constraint.kl_radius", "train.clip_norm", "train.max_steps"}

// isLog says whether an axis must not see values at or below zero.
func isLog(axis *plot.Axis) bool {
	_, ok := axis.Scale.(plot.LogScale)
	return ok
}

// pad widens the range of an axis by shares of it below and above, so that no marker sits on a corner.
func pad(axis *plot.Axis, below, above float64) {
	switch scale := axis.Scale.(type) {
	case warp:
		low, high := scale.of(axis.Min), scale.of(axis.Max)
		axis.Min, axis.Max = scale.from(low-below*(high-low)), scale.from(high+above*(high-low))
	case plot.LinearScale:
		length := axis.Max - axis.Min
		axis.Min, axis.Max = axis.Min-below*length, axis.Max+above*length
	case plot.LogScale:
		ratio := axis.Max / axis.Min
		axis.Min, axis.Max = axis.Min/math.Pow(ratio, below), axis.Max*math.Pow(ratio, above)
	}
}

// scaleNote says of an axis that is neither linear nor logarithmic what it is.
func scaleNote(axis *plot.Axis) string {
	switch scale := axis.Scale.(type) {
	case roots:
		return ", square-root scale"
	case symlog:
		return ", log beyond ±" + cellLabel(strconv.FormatFloat(scale.unit, 'g', -1, 64))
	}
	return ""
}

// warp is an axis that is linear in a function of the value.
type warp interface {
	of(v float64) float64
	from(place float64) float64 // the inverse of of
}

func normalize(w warp, lo, hi, v float64) float64 {
	return (w.of(v) - w.of(lo)) / (w.of(hi) - w.of(lo))
}

// sqrtScale is the scale of a figure's axis that is linear in the square root, on which the reward gained is nearly a line
// in KL(pi to pi_ref) (Gao, Schulman, Hilton 2022, arXiv 2210.10760).
const sqrtScale = "sqrt"

// roots is an axis linear in the square root; below 0 it goes on as a mirror image, so that there is room left of 0.
type roots struct{}

func (roots) of(v float64) float64      { return math.Copysign(math.Sqrt(math.Abs(v)), v) }
func (roots) from(root float64) float64 { return math.Copysign(root*root, root) }

func (r roots) Normalize(low, high, v float64) float64 { return normalize(r, low, high, v) }

// Ticks implements plot.Ticker: 0 and, from the top down, multiples of 1, 2 and 5 of powers of ten that stand apart; even
// steps where these are too few.
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
	if inside := slices.DeleteFunc(slices.Clone(ticks), func(t plot.Tick) bool { return t.Value < low }); len(inside) < 3 {
		return numberTicks{}.Ticks(low, high)
	}
	return ticks
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

func (s symlog) of(v float64) float64 { return math.Copysign(math.Log1p(math.Abs(v)/s.unit), v) }

func (s symlog) from(place float64) float64 {
	return math.Copysign(s.unit*math.Expm1(math.Abs(place)), place)
}

func (s symlog) Normalize(lo, hi, v float64) float64 { return normalize(s, lo, hi, v) }

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
