package objective

import "math"

// Mallows holds the parameters of MallowsPO-theta, -log sigmoid(s lambda u) with u the logratio margin and s = -2 log phi the
// dispersion index of the prompt: near 0 where people disagree, large where they agree (Chen et al., arXiv 2405.14953).
// Unless phi is given, s is estimated as in the paper from entropy, -scale log(H/log K), with H the entropy of the
// prompt's frozen pi_ref over its K responses: 0, and so no learning at all, where pi_ref is uniform.
type Mallows struct {
	Lambda float64  `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, DPO's beta"`
	Phi    *float64 `yaml:"phi" range:"(0,1)" doc:"dispersion of every prompt; default estimated from the entropy of pi_ref"`
	Scale  float64  `yaml:"scale" alias:"dispersion_mean" range:"(0,1e6]" doc:"of the estimate, the paper's phi*; published with 0.29"`

	LabelSmoothing float64 `yaml:"label_smoothing" alias:"epsilon" range:"[0,0.5]" doc:"share of labels taken to be wrong"`
}

// publishedScale is the default of the code published with the paper, dispersion_mean.
const publishedScale = 0.29

// Objective returns the loss.
func (p *Mallows) Objective() *Objective {
	if p.Phi != nil {
		return (&DPO{Lambda: -2 * math.Log(*p.Phi) * p.Lambda, LabelSmoothing: p.LabelSmoothing}).Objective()
	}
	return OnPairs(&dispersed{lambda: p.Lambda * p.Scale, factor: 1, outer: smoothed(p.LabelSmoothing)})
}

// Dispersion returns MallowsPO's index -log(H/log K) of a prompt, with H the entropy of the reference over its K >= 2
// responses (arXiv 2405.14953): 0 where it is uniform, hundreds where it is certain.
func Dispersion(ref, logRef []float64) float64 {
	entropy := math.SmallestNonzeroFloat64
	for k, p := range ref {
		entropy -= p * logRef[k]
	}
	return max(0, -math.Log(entropy/math.Log(float64(len(ref)))))
}

// dispersed is a loss of margins scaled by each prompt's dispersion index.
type dispersed struct {
	lambda   float64
	factor   float64 // of the loss
	outer    Outer
	z, slope []float64
}

var _, _ = Curved(new(dispersed)), Structured(new(dispersed))

func (*dispersed) DifferenceOnly() bool { return true }

// Structure is that of a margin loss with a scale for each prompt.
func (t *dispersed) Structure() (Structure, bool) {
	shape, known := ShapeOf(t.outer)
	return Structure{Margin: &shape, Dispersed: true}, known
}

// scale returns d z/d u of one comparison.
func (t *dispersed) scale(b *Batch, i int) float64 {
	if b.Dispersion == nil {
		return t.lambda
	}
	return t.lambda * b.Dispersion[i]
}

func (t *dispersed) margins(b *Batch) {
	n := len(b.Chosen)
	t.z, t.slope = sized(t.z, n), sized(t.slope, n)
	for i := range t.z {
		t.z[i] = t.scale(b, i) * ((b.Chosen[i] - b.RefChosen[i]) - (b.Rejected[i] - b.RefRejected[i]))
	}
}

func (t *dispersed) Loss(b *Batch) float64 {
	t.margins(b)
	t.outer.Value(t.z, t.slope)
	return t.factor * weighed(b.Weight, t.slope)
}

func (t *dispersed) Grad(b *Batch, scale float64, g *Grad) {
	t.margins(b)
	t.outer.Slope(t.z, t.slope)
	for i, v := range t.slope {
		g.ofMargin(i, t.factor*scale*b.Weight[i]*v*t.scale(b, i))
	}
}

func (t *dispersed) Derivatives(b *Batch, scale float64, g *Grad, h *Hess) float64 {
	t.Grad(b, scale, g)
	t.outer.Curve(t.z, t.slope)
	for i, v := range t.slope {
		s := t.scale(b, i)
		h.ofMargin(i, t.factor*scale*b.Weight[i]*v*s*s)
	}
	return t.Loss(b)
}
