package objective

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/floats/scalar"
)

// customBatch draws log-probabilities with margins of all sizes.
func customBatch(rng *rand.Rand, n int) *Batch {
	b := &Batch{}
	for range n {
		scale := math.Exp(4 * rng.Float64())
		b.Chosen = append(b.Chosen, -scale*rng.Float64())
		b.Rejected = append(b.Rejected, -scale*rng.Float64())
		b.RefChosen = append(b.RefChosen, -scale*rng.Float64())
		b.RefRejected = append(b.RefRejected, -scale*rng.Float64())
		b.Weight = append(b.Weight, 1/float64(n))
	}
	return b
}

func customDist(rng *rand.Rand, k int) *Dist {
	draw := func() (logs, p []float64) {
		for range k {
			logs = append(logs, 3*rng.NormFloat64())
		}
		sum := 0.0
		for _, v := range logs {
			sum += math.Exp(v)
		}
		for i := range logs {
			logs[i] -= math.Log(sum)
			p = append(p, math.Exp(logs[i]))
		}
		return logs, p
	}
	d := &Dist{}
	d.LogPi, d.Pi = draw()
	d.LogRef, d.Ref = draw()
	d.LogStar, _ = draw()
	return d
}

func comparePairs(t *testing.T, a, b *Objective, batch *Batch) {
	t.Helper()
	n := len(batch.Chosen)
	grad := func(o *Objective) (loss float64, g Grad) {
		g = Grad{Chosen: make([]float64, n), Rejected: make([]float64, n)}
		o.Comparisons().Grad(batch, &g)
		return valueOf(o, batch), g
	}
	lossA, gradA := grad(a)
	lossB, gradB := grad(b)
	if !scalar.EqualWithinAbsOrRel(lossA, lossB, 1e-12, 1e-12) {
		t.Fatalf("loss %v, as a formula %v", lossA, lossB)
	}
	for i := range n {
		if !scalar.EqualWithinAbsOrRel(gradA.Chosen[i], gradB.Chosen[i], 1e-14, 1e-11) ||
			!scalar.EqualWithinAbsOrRel(gradA.Rejected[i], gradB.Rejected[i], 1e-14, 1e-11) {
			t.Fatalf("pair %d: gradient %v %v, as a formula %v %v", i, gradA.Chosen[i], gradA.Rejected[i], gradB.Chosen[i], gradB.Rejected[i])
		}
	}
}

func compareDists(t *testing.T, a, b *Objective, d *Dist) {
	t.Helper()
	k := len(d.Pi)
	grad := func(o *Objective) (loss float64, g, h []float64) {
		g, h = make([]float64, k), make([]float64, k*k)
		for _, term := range o.dist {
			loss += term.Weight * term.Term.Loss(d)
			term.Term.Grad(d, term.Weight, g)
			term.Term.Hess(d, term.Weight, h)
		}
		return loss, g, h
	}
	lossA, gradA, hessA := grad(a)
	lossB, gradB, hessB := grad(b)
	if !scalar.EqualWithinAbsOrRel(lossA, lossB, 1e-12, 1e-12) {
		t.Fatalf("loss %v, as a formula %v", lossA, lossB)
	}
	for i := range k {
		if !scalar.EqualWithinAbsOrRel(gradA[i], gradB[i], 1e-12, 1e-12) {
			t.Fatalf("response %d: gradient %v; as a formula %v", i, gradA[i], gradB[i])
		}
	}
	for i := range hessA {
		if !scalar.EqualWithinAbsOrRel(hessA[i], hessB[i], 1e-12, 1e-12) {
			t.Fatalf("second derivatives %v; as a formula %v", hessA, hessB)
		}
	}
}

func TestCustomMistakes(t *testing.T) {
	tests := []struct {
		name   string
		custom Custom
		key    string
		text   string
	}{
		{"nothing", Custom{}, "pair", "there is no formula; pair, dist, both, or psi"},
		{"unknown name", Custom{Pair: "softplus(-(c - rr))"}, "pair", ""},
		{"unknown function", Custom{Pair: "sofplus(c)"}, "pair", ""},
		{"unbalanced", Custom{Pair: "softplus(c"}, "pair", ""},
		{"both forms", Custom{Pair: "c", Psi: "m"}, "psi", "is given beside pair; one of the two"},
		{"mu alone", Custom{Pair: "c", Mu: "x"}, "mu", "is given without psi; psi with it"},
		{"bad distribution", Custom{Dist: "kl(ref, po)"}, "dist", ""},
		{"taken constant", Custom{Pair: "c", Constants: map[string]float64{"u": 1}}, "constants.u", ""},
	}
	for _, test := range tests {
		problems := test.custom.Check()
		if len(problems) != 1 || problems[0].Key != test.key {
			t.Errorf("%s: problems %+v, want one at %s", test.name, problems, test.key)
			continue
		}
		if got := problems[0].Wrong + "; " + problems[0].Allowed; test.text != "" && got != test.text {
			t.Errorf("%s: %q, want %q", test.name, got, test.text)
		}
		t.Logf("%s: %s; %s", test.name, problems[0].Wrong, problems[0].Allowed)
	}
}
