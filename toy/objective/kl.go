package objective

import "gonum.org/v1/gonum/floats"

// KLRefPi is KL(pi_ref to pi) = sum_y pi_ref(y) log(pi_ref(y)/pi(y)): TYPO's unsupervised term.
type KLRefPi struct {
	Reduction string `yaml:"reduction" oneof:"sum,mean" doc:"sum is the true KL over the K responses; mean divides it by K"`
}

// Objective returns the term. An empty Reduction is sum.
func (p *KLRefPi) Objective() *Objective {
	return OnDist(klRefPi{mean: oneOf("reduction", p.Reduction, "sum", "mean") == "mean"})
}

type klRefPi struct{ mean bool }

var _ DistTerm = klRefPi{}

// factor is 1, or 1/K for the mean over responses.
func (t klRefPi) factor(k int) float64 {
	if t.mean {
		return 1 / float64(k)
	}
	return 1
}

func (t klRefPi) Loss(d *Dist) float64 {
	sum := 0.0
	for k, ref := range d.Ref {
		sum += ref * (d.LogRef[k] - d.LogPi[k])
	}
	return t.factor(len(d.Ref)) * sum
}

func (t klRefPi) Grad(d *Dist, scale float64, g []float64) {
	floats.AddScaled(g, -scale*t.factor(len(d.Ref)), d.Ref)
}

// Hess adds nothing: the term is linear in log pi.
func (klRefPi) Hess(*Dist, float64, []float64) {}

// KLPiRef is KL(pi to pi_ref) = sum_y pi(y) log(pi(y)/pi_ref(y)): RLHF's penalty.
type KLPiRef struct{}

// Objective returns the term.
func (*KLPiRef) Objective() *Objective { return OnDist(klPiRef{}) }

type klPiRef struct{}

var _ DistTerm = klPiRef{}

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
		h[k*len(d.Pi)+k] += scale * pi * (d.LogPi[k] - d.LogRef[k] + 2)
	}
}
