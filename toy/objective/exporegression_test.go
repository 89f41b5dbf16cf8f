package objective

import (
	"math"
	"testing"
)

// TestExpoRegression writes the formula out for one comparison, and its limits: lambda to 0 regresses on the label, lambda to
// infinity on the reference.
func TestExpoRegression(t *testing.T) {
	const c, r, rc, rr = -1.6, -2.0, -2.0, -1.7
	sigma := func(z float64) float64 { return 1 / (1 + math.Exp(-z)) }
	for _, tt := range []struct{ lambda, want float64 }{
		{0.5, math.Pow(sigma(c-r)-(1+0.5*sigma(rc-rr))/1.5, 2)},
		{1e-100, math.Pow(sigma(c-r)-1, 2)},
		{1e100, math.Pow(sigma(c-r)-sigma(rc-rr), 2)},
	} {
		if got := valueOf((&ExpoRegression{Lambda: tt.lambda}).Objective(), single([4]float64{c, r, rc, rr})); math.Abs(got-tt.want) > 1e-15 {
			t.Errorf("lambda %v: %v, want %v", tt.lambda, got, tt.want)
		}
	}
}

// TestExpoRegressionPopulation: where everybody is asked, the policy's preference is (p_star + lambda p_ref)/(1 + lambda)
// (paper.md, section 7).
func TestExpoRegressionPopulation(t *testing.T) {
	const star, ref, lambda = 0.8, 0.3, 0.6
	want := (star + lambda*ref) / (1 + lambda)
	logit := math.Log(want / (1 - want))
	gap := math.Log(ref / (1 - ref))
	b := &Batch{Chosen: []float64{logit, 0}, Rejected: []float64{0, logit}, RefChosen: []float64{gap, 0}, RefRejected: []float64{0, gap},
		Weight: []float64{star, 1 - star}}
	g := newGrad(2)
	(&ExpoRegression{Lambda: lambda}).Objective().pair[0].Term.Grad(b, 1, g)
	if slope := g.Chosen[0] + g.Rejected[1]; math.Abs(slope) > 1e-15 {
		t.Errorf("the gradient at the mixture is %v, want 0", slope)
	}
	if g.Chosen[0] == 0 {
		t.Error("each side alone has no gradient")
	}
}
