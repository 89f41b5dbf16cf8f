package objective

import (
	"math"
	"testing"

	"windtunnel/toy/fixedseed"
	"windtunnel/toy/internal/gradcheck"
	"windtunnel/toy/logspace"
)

// TestCurvature compares an objective's second derivatives by the logits with differences of its gradient, and that with
// differences of its value: of every kind with every word of its parameters, and of formulas, among them such whose second
// derivative by the log-probabilities is no diagonal matrix. Each is tried at one of two policies, with -tags soak at both.
func TestCurvature(t *testing.T) {
	all := variants(t, 0.7)
	for _, f := range ownFormulas {
		f.custom.Lambda = at
		all = append(all, variant{f.name + " as a formula", at, f.custom.Objective()})
	}
	for _, formula := range []string{"square(kl(pi, ref))", "kl(ref, pi)*entropy(pi)", "exp(-lambda*kl(pi, ref))*reward(pi)", "square(tv(pi, star))",
		"sqrt(kl(pi, star)) + softplus(kl(pi, ref)/lambda - 1)", "js(pi, ref)/(1 + chi2(pi, star))", "alpha(pi, ref, lambda)*hellinger(pi, star)"} {
		all = append(all, variant{formula, 0.7, (&Custom{Lambda: 0.7, Dist: formula}).Objective()})
	}
	curved := 0
	for _, v := range all {
		if v.objective.Uncurved() != nil || v.objective.Sampled != nil {
			continue
		}
		curved++
		at := probes()[2:4]
		if !fixedseed.Soak {
			at = at[curved%2:][:1]
		}
		for _, p := range at {
			checkCurvature(t, v, p)
		}
	}
	if curved < 200 {
		t.Errorf("%d objectives with second derivatives", curved)
	}
}

func checkCurvature(t *testing.T, v variant, p *Prompt) {
	t.Helper()
	n := len(p.Logits)
	c := v.objective.Curvature(n, len(p.Weight))
	value := func(logits []float64) float64 {
		moved := *p
		moved.Logits, moved.LogPi, moved.Pi = logits, make([]float64, n), make([]float64, n)
		logspace.Softmax(moved.LogPi, moved.Pi, logits)
		moved.LogHeld, moved.Held = p.LogPi, p.Pi
		return c.Loss(&moved)
	}
	loss := value(p.Logits)
	grad, hess := append([]float64(nil), c.Grad...), append([]float64(nil), c.Hess...)
	_, size := v.objective.FreeGrad(p)
	size = max(size, math.Abs(loss), 1)
	want := gradcheck.Gradient(value, p.Logits)
	for i := range n {
		if !gradcheck.Close(grad[i], want[i], size) {
			t.Errorf("%s: derivative %d is %v, want %v", v.name, i, grad[i], want[i])
		}
		for j := range n {
			slope := func(x float64) float64 {
				moved := append([]float64(nil), p.Logits...)
				moved[j] = x
				value(moved)
				return c.Grad[i]
			}
			if want := gradcheck.Derivative(slope, p.Logits[j]); !gradcheck.Close(hess[i*n+j], want, size) {
				t.Errorf("%s: second derivative %d,%d is %v, want %v", v.name, i, j, hess[i*n+j], want)
			}
		}
	}
}
