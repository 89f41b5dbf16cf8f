package exact

import (
	"fmt"
	"math"

	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
)

// family is the line of distributions on a group of responses that share the margins of t = link(log r), r =
// pi/pi_ref: t_k = link(x) + tau_k, where x is the log-ratio of the anchor, the response with tau = 0.
type family struct {
	link      objective.Invertible
	low       float64   // infimum of the link
	anchor    int       // index in the group
	logRef    []float64 // of pi_ref
	base      []float64 // what x is measured from: logRef, or 0 without a reference
	tau       []float64
	x, t, out []float64 // scratch: log-ratios of the last call, and room for one value
}

// newFamily builds a group's family from its scaled margins z = lambda t. Rounding decides the anchor. A link bounded
// above (at 0) resolves large ratios finely only measured from the top, so the anchor is the response with the largest
// z. One bounded below resolves small ratios finely, so it is the response with the most mass under pi_ref, whose
// ratio is the smaller the more others' exceed it.
func newFamily(t *task, m *marginTerm, group []int, z []float64) *family {
	f := &family{link: m.inverse, x: make([]float64, len(group)), t: make([]float64, 1), out: make([]float64, 1)}
	f.low, _ = m.inverse.Range()
	base := t.base(m)
	for i, k := range group {
		f.logRef, f.base = append(f.logRef, t.logRef[k]), append(f.base, base[k])
		a := group[f.anchor]
		if math.IsInf(f.low, -1) && z[k] > z[a] || !math.IsInf(f.low, -1) && base[k] > base[a] {
			f.anchor = i
		}
	}
	for _, k := range group {
		f.tau = append(f.tau, (z[k]-z[group[f.anchor]])/m.Lambda)
	}
	return f
}

// value returns link(x).
func (f *family) value(x float64) float64 {
	f.t[0] = x
	f.link.Value(f.t, f.out)
	return f.out[0]
}

// slope returns link'(x).
func (f *family) slope(x float64) float64 {
	f.t[0] = x
	f.link.Slope(f.t, f.out)
	return f.out[0]
}

// ratios fills f.x with the log-ratios at t_anchor = level.
func (f *family) ratios(level float64) {
	for k, tau := range f.tau {
		f.x[k] = f.link.Inverse(max(f.low, level+tau))
	}
}

// at fills f.x with the log-ratios of the member whose anchor has log-ratio x.
func (f *family) at(x float64) {
	f.ratios(f.value(x))
	f.x[f.anchor] = x
}

// logMass returns the logarithm of the probability of the group at the last log-ratios.
func (f *family) logMass() float64 {
	total := make([]float64, len(f.x))
	for k, x := range f.x {
		total[k] = f.base[k] + x
	}
	return logspace.LogSumExp(total)
}

// logMean returns the logarithm of the mean ratio pi/pi_ref under weights proportional to pi_ref dx/dt, at the last
// log-ratios. It grows along the family. On a line of minimizers over several groups KL(pi_ref to pi) is smallest where
// it is the same for all: setting the derivative of -sum pi_ref x + nu sum pi by every group's level to zero gives
// sum pi_ref dx/dt = nu sum pi dx/dt.
func (f *family) logMean() float64 {
	above, below := make([]float64, len(f.x)), make([]float64, len(f.x))
	for k, x := range f.x {
		if math.IsInf(x, -1) {
			return x // a ratio of 0, where a link bounded below has dx/dt infinite, takes all the weight
		}
		steep := math.Log(f.slope(x))
		below[k] = f.logRef[k] - steep
		above[k] = f.base[k] - steep + x
	}
	return logspace.LogSumExp(above) - logspace.LogSumExp(below)
}

// least returns the logarithm of the infimum of the group's probability along the family, which is positive where the
// link is bounded below.
func (f *family) least() float64 {
	if math.IsInf(f.low, -1) {
		return math.Inf(-1)
	}
	bottom := 0.0
	for _, tau := range f.tau {
		bottom = min(bottom, tau)
	}
	f.ratios(f.low - bottom)
	return f.logMass()
}

// seek moves to the member where the growing function takes the given value.
func (f *family) seek(growing func() float64, value float64) error {
	_, err := root(func(x float64) float64 {
		f.at(x)
		return growing() - value
	})
	return err
}

// root returns the zero of an increasing function on the real line, by doubling a bracket around 0 and halving it
// until neighbouring floats (or 1e-17) are left. The function's last call is at the root.
func root(f func(float64) float64) (float64, error) {
	low, high := -1.0, 1.0
	for f(low) > 0 {
		if low *= 2; math.IsInf(low, -1) {
			return 0, fmt.Errorf("no bracket below for the normalization")
		}
	}
	for f(high) < 0 {
		if high *= 2; math.IsInf(high, 1) {
			return 0, fmt.Errorf("no bracket above for the normalization")
		}
	}
	for {
		middle := low + (high-low)/2
		v := f(middle)
		if high-low <= 1e-17 || middle <= low || middle >= high || v == 0 {
			return middle, nil
		}
		if v < 0 {
			low = middle
		} else {
			high = middle
		}
	}
}

// linked finds the policy with the given scaled margins under a link other than the identity.
func (s *solver) linked(t *task, m *marginTerm, groups [][]int, z []float64, r *result) (*result, error) {
	families, least := make([]*family, len(groups)), make([]float64, len(groups))
	for i, group := range groups {
		families[i] = newFamily(t, m, group, z)
		least[i] = families[i].least()
	}
	if m.ReferenceFree && !math.IsInf(families[0].low, -1) { // the margins alone do not say where mass goes
		return s.general(t)
	}
	if logspace.LogSumExp(least) >= 0 {
		return s.simplexEdge(t, m, groups, r)
	}
	err := families[0].seek(families[0].logMass, 0)
	if len(groups) > 1 {
		err = shares(families)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	logp := make([]float64, t.responses())
	for i, group := range groups {
		for j, k := range group {
			logp[k] = families[i].base[j] + families[i].x[j]
		}
	}
	logspace.LogSoftmax(logp, logp)
	r.logps = [][]float64{logp}
	return r, nil
}

// shares divides the probability among the groups as KL(pi_ref to pi) wants it.
func shares(families []*family) error {
	var failed error
	_, err := root(func(mean float64) float64 {
		mass := make([]float64, len(families))
		for i, f := range families {
			if err := f.seek(f.logMean, mean); err != nil {
				failed = err
			}
			mass[i] = f.logMass()
		}
		return logspace.LogSumExp(mass)
	})
	if failed != nil {
		return failed
	}
	return err
}
