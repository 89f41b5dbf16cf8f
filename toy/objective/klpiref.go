package objective

import "windtunnel/toy/registry"

// KLPiRef is KL(pi to pi_ref) = sum_y pi(y) log(pi(y)/pi_ref(y)): RLHF's penalty.
type KLPiRef struct{}

// Objective returns the term.
func (*KLPiRef) Objective() *Objective { return OnDist(klPiRef{}) }

type klPiRef struct{}

func (klPiRef) Loss(d *Dist) float64 {
	sum := 0.0
	for k, pi := range d.Pi {
		sum += pi * (d.LogPi[k] - d.LogRef[k])
	}
	return sum
}

func (klPiRef) Grad(d *Dist, scale float64, g []float64) {
	for k, pi := range d.Pi {
		g[k] += scale * pi * (d.LogPi[k] - d.LogRef[k] + 1)
	}
}

func (klPiRef) Hess(d *Dist, scale float64, h []float64) {
	for k, pi := range d.Pi {
		h[k] += scale * pi * (d.LogPi[k] - d.LogRef[k] + 2)
	}
}

var klPiRefKind = registry.Kind[Params]{
	Name:    "kl-pi-ref",
	Summary: "a term: KL(pi to pi_ref), over all responses of a prompt (RLHF's penalty)",
	Source:  "Ziegler et al. 2019, arXiv 1909.08593, eq. 2",
	New:     func() Params { return &KLPiRef{} },
}
