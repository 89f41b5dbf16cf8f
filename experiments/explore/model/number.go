package model

import (
	"math"
	"strconv"
)

// Number is a float64 that JSON can carry: NaN is null, infinities are the texts "inf" and "-inf".
type Number float64

// MarshalJSON writes the shortest text that reads back to the same float64.
func (n Number) MarshalJSON() ([]byte, error) {
	switch v := float64(n); {
	case math.IsNaN(v):
		return []byte("null"), nil
	case math.IsInf(v, 1):
		return []byte(`"inf"`), nil
	case math.IsInf(v, -1):
		return []byte(`"-inf"`), nil
	default:
		return strconv.AppendFloat(nil, v, 'g', -1, 64), nil
	}
}

// numbers copies a slice; nil stays nil.
func numbers(v []float64) []Number {
	if v == nil {
		return nil
	}
	out := make([]Number, len(v))
	for i, x := range v {
		out[i] = Number(x)
	}
	return out
}

// probabilities returns exp of log-probabilities; nil stays nil.
func probabilities(logPi []float64) []Number {
	if logPi == nil {
		return nil
	}
	out := make([]Number, len(logPi))
	for i, l := range logPi {
		out[i] = Number(math.Exp(l))
	}
	return out
}
