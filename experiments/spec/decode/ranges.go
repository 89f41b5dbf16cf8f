package decode

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Interval is a set of numbers between two ends, written as in a range tag: "(0,inf)", "[0,1)", "[1,inf)". An end of
// inf or -inf written with a square bracket admits the infinity itself.
type Interval struct {
	Low, High         float64
	LowOpen, HighOpen bool // the end itself is left out
}

// tidyExponents writes 1e+06 as people do, 1e6.
var tidyExponents = strings.NewReplacer("e+0", "e", "e+", "e", "e-0", "e-")

// ParseInterval reads the text of a range tag. It fails on anything that is not a non-empty interval.
func ParseInterval(text string) (Interval, error) {
	bad := fmt.Errorf("range %q is not an interval such as (0,inf) or [0,1)", text)
	if len(text) < 2 || !strings.ContainsRune("([", rune(text[0])) || !strings.ContainsRune(")]", rune(text[len(text)-1])) {
		return Interval{}, bad
	}
	low, high, ok := strings.Cut(text[1:len(text)-1], ",")
	if !ok {
		return Interval{}, bad
	}
	r := Interval{LowOpen: text[0] == '(', HighOpen: text[len(text)-1] == ')'}
	var errLow, errHigh error
	r.Low, errLow = strconv.ParseFloat(strings.TrimSpace(low), 64)
	r.High, errHigh = strconv.ParseFloat(strings.TrimSpace(high), 64)
	empty := r.Low > r.High || r.Low == r.High && (r.LowOpen || r.HighOpen)
	if errLow != nil || errHigh != nil || math.IsNaN(r.Low) || math.IsNaN(r.High) || empty {
		return Interval{}, bad
	}
	return r, nil
}

// Contains says whether v lies in the interval; NaN lies in none.
func (r Interval) Contains(v float64) bool {
	above := v > r.Low || v == r.Low && !r.LowOpen
	below := v < r.High || v == r.High && !r.HighOpen
	return above && below
}

// String returns the text of the tag.
func (r Interval) String() string {
	open, shut := "[", "]"
	if r.LowOpen {
		open = "("
	}
	if r.HighOpen {
		shut = ")"
	}
	return open + endText(r.Low) + "," + endText(r.High) + shut
}

func endText(v float64) string {
	return strings.TrimPrefix(tidyExponents.Replace(strings.ToLower(strconv.FormatFloat(v, 'g', -1, 64))), "+")
}
