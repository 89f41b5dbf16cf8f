// Package logspace holds functions of log-probabilities that stay exact where exp and log alone would overflow, underflow
// or cancel. Everything is in nats.
package logspace

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// Sigmoid returns 1/(1+exp(-x)) without overflow for any x.
func Sigmoid(x float64) float64 {
	if x >= 0 {
		return 1 / (1 + math.Exp(-x))
	}
	e := math.Exp(x)
	return e / (1 + e)
}

// Sigmoids returns Sigmoid of x and of -x.
func Sigmoids(x float64) (of, opposite float64) {
	e := math.Exp(-math.Abs(x))
	of, opposite = 1/(1+e), e/(1+e)
	if x < 0 {
		of, opposite = opposite, of
	}
	return of, opposite
}

// LogSigmoid returns log(1/(1+exp(-x))), which is x for x far below 0 and -exp(-x) for x far above.
func LogSigmoid(x float64) float64 {
	if x >= 0 {
		return -math.Log1p(math.Exp(-x))
	}
	return x - math.Log1p(math.Exp(x))
}

// Log1mExp returns log(1-exp(x)) for x <= 0, choosing the branch that does not cancel (Maechler 2012).
func Log1mExp(x float64) float64 {
	if x > -math.Ln2 {
		return math.Log(-math.Expm1(x))
	}
	return math.Log1p(-math.Exp(x))
}

// LogSumExp returns log(sum(exp(x))). The empty sum is -Inf; a +Inf element gives +Inf.
func LogSumExp(x []float64) float64 {
	if len(x) == 0 {
		return math.Inf(-1)
	}
	return floats.LogSumExp(x)
}

// LogSoftmax writes logits - LogSumExp(logits) to dst, which may be logits itself, and returns the normalizer.
func LogSoftmax(dst, logits []float64) float64 {
	lse := LogSumExp(logits)
	for i, v := range logits {
		dst[i] = v - lse
	}
	return lse
}

// Softmax writes the log-probabilities and the probabilities of finite logits to logp and p, each exponential taken
// once. The three slices have the same length; logp may be logits itself.
func Softmax(logp, p, logits []float64) {
	top := math.Inf(-1)
	for _, v := range logits {
		if v > top {
			top = v
		}
	}
	sum := 0.0
	logp, p = logp[:len(logits)], p[:len(logits)]
	for k, v := range logits {
		logp[k] = v - top
		p[k] = math.Exp(v - top)
		sum += p[k]
	}
	scale, shift := 1/sum, math.Log(sum)
	for k := range p {
		p[k] *= scale
		logp[k] -= shift
	}
}

// Exp writes exp(x) to dst, which may be x itself.
func Exp(dst, x []float64) {
	for i, v := range x {
		dst[i] = math.Exp(v)
	}
}
