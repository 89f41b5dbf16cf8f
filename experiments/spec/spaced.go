package spec

import (
	"fmt"
	"math"
	"strconv"
)

// spaced is a computed list of values.
type spaced struct {
	Logspace *Logspace `yaml:"logspace" doc:"num values from base^from to base^to, evenly spaced in the exponent, ends included"`
	Linspace *Linspace `yaml:"linspace" doc:"num values from from to to, evenly spaced, ends included"`
}

// OrList lets a plain list stand in place of a computed one.
func (spaced) OrList() {}

// Logspace describes values that are evenly spaced in the exponent, as numpy.logspace does.
type Logspace struct {
	From float64 `yaml:"from" required:"true" range:"[-300,300]" doc:"exponent of the first value"`
	To   float64 `yaml:"to" required:"true" range:"[-300,300]" doc:"exponent of the last value"`
	Num  int     `yaml:"num" required:"true" range:"[1,1e6]" doc:"number of values"`
	Base Base    `yaml:"base" doc:"a number above 0, or e; default 10"`
}

// Linspace describes evenly spaced values, as numpy.linspace does.
type Linspace struct {
	From float64 `yaml:"from" required:"true" doc:"the first value"`
	To   float64 `yaml:"to" required:"true" doc:"the last value"`
	Num  int     `yaml:"num" required:"true" range:"[1,1e6]" doc:"number of values"`
}

// Base is the base of a Logspace; the zero Base is 10.
type Base struct{ text string }

// UnmarshalText reads a number above 0 and other than 1, or e.
func (b *Base) UnmarshalText(text []byte) error {
	b.text = string(text)
	if v, err := strconv.ParseFloat(b.text, 64); b.text != "e" && (err != nil || !(v > 0) || v == 1 || math.IsInf(v, 0)) {
		return fmt.Errorf("a number above 0 other than 1, or e")
	}
	return nil
}

// MarshalText writes what UnmarshalText reads.
func (b Base) MarshalText() ([]byte, error) {
	if b.text == "" {
		return []byte("10"), nil
	}
	return []byte(b.text), nil
}

// power returns base^exponent. Whole powers of ten are the decimal numbers themselves, which math.Pow may miss by a
// rounding.
func (b Base) power(exponent float64) float64 {
	switch {
	case b.text == "e":
		return math.Exp(exponent)
	case b.text == "" || b.text == "10":
		if exponent == math.Trunc(exponent) {
			v, _ := strconv.ParseFloat(fmt.Sprintf("1e%d", int(exponent)), 64)
			return v
		}
		return math.Pow(10, exponent)
	}
	base, _ := strconv.ParseFloat(b.text, 64)
	return math.Pow(base, exponent)
}

// at returns the i-th of num values between from and to; the ends are exact.
func at(from, to float64, i, num int) float64 {
	if i == num-1 && i > 0 {
		return to
	}
	return from + float64(i)*(to-from)/float64(max(1, num-1))
}

func (s *spaced) values() []float64 {
	var out []float64
	if s.Logspace != nil {
		for i := range s.Logspace.Num {
			out = append(out, s.Logspace.Base.power(at(s.Logspace.From, s.Logspace.To, i, s.Logspace.Num)))
		}
	}
	if s.Linspace != nil {
		for i := range s.Linspace.Num {
			out = append(out, at(s.Linspace.From, s.Linspace.To, i, s.Linspace.Num))
		}
	}
	return out
}
