package objective

import (
	"math"
	"testing"
)

// gradientOf returns an objective's derivatives on one comparison, by chosen and by rejected.
func gradientOf(o *Objective, b *Batch) [2]float64 {
	g := newGrad(1)
	for _, t := range o.pair {
		t.Term.Grad(b, t.Weight, g)
	}
	return [2]float64{g.Chosen[0], g.Rejected[0]}
}

// TestChiPOClip works the clipped loss out by hand: at x_w = 0 and x_l = -log 2 the margin of g(x) = x + exp(x) is
// 1 - (1/2 - log 2), 1.1931.
func TestChiPOClip(t *testing.T) {
	margin := 0.5 + math.Ln2
	for _, tt := range []struct {
		name         string
		lambda, r    float64
		x            [2]float64
		loss, slopes float64 // slopes by the chosen; the rejected's is -3/4 of it: g' is 2 and 3/2
	}{
		{"inside", 1, 1, [2]float64{0, -math.Ln2}, math.Log1p(math.Exp(-margin)), -2 / (1 + math.Exp(margin))},
		{"above", 1, 0.25, [2]float64{0, -math.Ln2}, math.Log1p(math.Exp(-0.5)), 0},
		{"above by lambda", 4, 2, [2]float64{0, -math.Ln2}, math.Log1p(math.Exp(-4)), 0},
		{"below", 1, 0.25, [2]float64{-math.Ln2, 0}, math.Log1p(math.Exp(0.5)), 0},
		{"far out", 1, 3, [2]float64{800, -800}, math.Log1p(math.Exp(-6)), 0},
		{"far down", 1, 3, [2]float64{-800, 800}, math.Log1p(math.Exp(6)), 0},
	} {
		o := (&ChiPO{Lambda: tt.lambda, RMax: &tt.r}).Objective()
		b := single([4]float64{tt.x[0], tt.x[1], 0, 0})
		if got := valueOf(o, b); !close(got, tt.loss) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.loss)
		}
		if got := gradientOf(o, b); !close(got[0], tt.slopes) || !close(got[1], -0.75*tt.slopes) {
			t.Errorf("%s: gradient %v, want %v and %v", tt.name, got, tt.slopes, -0.75*tt.slopes)
		}
	}
	far := 1e6
	b := single([4]float64{-1, -2, -1.5, -1.2})
	if got, want := valueOf((&ChiPO{Lambda: 3, RMax: &far}).Objective(), b), valueOf((&ChiPO{Lambda: 3}).Objective(), b); got != want {
		t.Errorf("a clip that nothing reaches: %v, want %v", got, want)
	}
}

// TestODPOLog: the logarithm of a gap of 1 is no offset, of e it is alpha; gaps that are not positive leave a comparison
// out, and small ones nearly do.
func TestODPOLog(t *testing.T) {
	o := (&ODPO{Lambda: 0.5, Alpha: 2, Scaling: "log"}).Objective()
	b := single([4]float64{-1, -2, -1.2, -1.5})
	for _, tt := range []struct{ gap, want float64 }{
		{1, logistic(0.5 * 0.7)}, {math.E, logistic(0.5*0.7 - 2)}, {0, 0}, {-3, 0}, {1e-200, 0}, {1e300, 2*300*math.Ln10 - 0.35},
	} {
		b.Gap = []float64{tt.gap}
		if got := valueOf(o, b); !close(got, tt.want) {
			t.Errorf("gap %v: %v, want %v", tt.gap, got, tt.want)
		}
		if g := gradientOf(o, b); !finite(g[:]...) || tt.want == 0 && math.Abs(g[0]) > 1e-200 {
			t.Errorf("gap %v: gradient %v", tt.gap, g)
		}
	}
}

// TestWPOAlignment: a uniform policy's own responses weigh 1 under both alignments, whatever their number, and less the
// more there are without one; a sampled weight is at most 1.
func TestWPOAlignment(t *testing.T) {
	for _, k := range []int{2, 5, 100} {
		logPi := make([]float64, k)
		for i := range logPi {
			logPi[i] = -math.Log(float64(k))
		}
		collision, peak := Concentration(logPi)
		if !close(collision, logPi[0]) || peak != logPi[0] {
			t.Errorf("%d responses: %v and %v, want %v", k, collision, peak, logPi[0])
		}
		b := single([4]float64{logPi[0], logPi[1], -1, -1})
		b.Collision, b.Peak = []float64{collision}, []float64{peak}
		for alignment, weight := range map[string]float64{"none": 1 / float64(k*k), "sampled": 1, "greedy": 1} {
			if got := valueOf((&WPO{Lambda: 1, Alignment: alignment}).Objective(), b); !close(got, weight*math.Ln2) {
				t.Errorf("%d responses, %s: %v, want %v", k, alignment, got, weight*math.Ln2)
			}
		}
	}
	// pi = 1/2, 3/10, 2/10: the sum of squares is 0.38, so the two likelier responses would weigh 0.15/0.1444.
	collision, peak := Concentration([]float64{math.Log(0.5), math.Log(0.3), math.Log(0.2)})
	if !close(collision, math.Log(0.38)) || peak != math.Log(0.5) {
		t.Errorf("%v and %v, want the logs of 0.38 and 0.5", collision, peak)
	}
	for _, tt := range []struct {
		alignment string
		l         float64 // pi of the rejected
		want      float64
	}{{"sampled", 0.3, 1}, {"sampled", 0.2, 0.1 / 0.1444}, {"greedy", 0.3, 0.6}, {"none", 0.3, 0.15}} {
		b := single([4]float64{math.Log(0.5), math.Log(tt.l), math.Log(0.5), math.Log(tt.l)})
		b.Collision, b.Peak = []float64{collision}, []float64{peak}
		o := (&WPO{Lambda: 1, Alignment: tt.alignment}).Objective()
		if got := valueOf(o, b); !close(got, tt.want*math.Ln2) {
			t.Errorf("%s: weight %v, want %v", tt.alignment, got/math.Ln2, tt.want)
		}
		// Held back: at margin 0 the derivative is half the weight, with nothing from the weight's own.
		if g := gradientOf(o, b); !close(g[0], -tt.want/2) || !close(g[1], tt.want/2) {
			t.Errorf("%s: gradient %v, want %v", tt.alignment, g, tt.want/2)
		}
	}
	if collision, peak := Concentration([]float64{0, -1e4, -800}); collision != 0 || peak != 0 {
		t.Errorf("a sure policy: %v and %v", collision, peak)
	}
}

// TestRDPOOptimum: where labels follow rewards 0.7 and 0.2, the gradient vanishes at pi proportional to
// pi_ref exp((reward - alpha n)/lambda), the policy that is best for the penalized reward.
func TestRDPOOptimum(t *testing.T) {
	const lambda, alpha, rewardA, rewardB, tokensA, tokensB = 0.4, 0.05, 0.7, 0.2, 9.0, 2.0
	star := 1 / (1 + math.Exp(rewardB-rewardA))
	refA, refB := math.Log(0.3), math.Log(0.7)
	a, b := refA+(rewardA-alpha*tokensA)/lambda, refB+(rewardB-alpha*tokensB)/lambda
	batch := &Batch{Chosen: []float64{a, b}, Rejected: []float64{b, a}, RefChosen: []float64{refA, refB}, RefRejected: []float64{refB, refA},
		Weight: []float64{star, 1 - star}, ChosenTokens: []float64{tokensA, tokensB}, RejectedTokens: []float64{tokensB, tokensA}}
	g := newGrad(2)
	(&RDPO{Lambda: lambda, Alpha: alpha}).Objective().pair[0].Term.Grad(batch, 1, g)
	if slope := g.Chosen[0] + g.Rejected[1]; math.Abs(slope) > 1e-15 || g.Chosen[0] == 0 {
		t.Errorf("the gradient at the best policy is %v", slope)
	}
}

// TestLDDPOReference: at alpha 0 the policy's tails drop out, and the reference's stay.
func TestLDDPOReference(t *testing.T) {
	b := single([4]float64{-5, -3, -4, -2.5})
	b.ChosenTail, b.RejectedTail = []float64{-2}, []float64{0}
	o := (&LDDPO{Lambda: 0.5}).Objective()
	if got, want := valueOf(o, b), logistic(0.5*((-3.0 - -4.0)-(-3.0 - -2.5))); !close(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestCalDPOPull: with DPO's part at rest far out, each side is pulled to its own +-1/(2 lambda).
func TestCalDPOPull(t *testing.T) {
	const lambda = 0.01 // targets 50 and -50, where -log sigmoid(100) is flat
	o := (&CalDPO{Lambda: lambda, Calibration: 1}).Objective()
	if g := gradientOf(o, single([4]float64{50, -50, 0, 0})); math.Abs(g[0]) > 1e-40 || math.Abs(g[1]) > 1e-40 {
		t.Errorf("gradient %v at the targets", g)
	}
	if g := gradientOf(o, single([4]float64{51, -52, 0, 0})); !close(g[0], 2) || !close(g[1], -4) {
		t.Errorf("gradient %v, want 2 and -4", g)
	}
	b := single([4]float64{-1, -2, -1.5, -1.7})
	if got, want := valueOf((&CalDPO{Lambda: 0.3}).Objective(), b), valueOf((&DPO{Lambda: 1}).Objective(), b); got != want {
		t.Errorf("without calibration %v, want DPO's %v at lambda 1", got, want)
	}
}

// TestMallowsPublished: values and derivatives of the code published with MallowsPO (mallowsPO_trainer.py, mallows_dpo without
// label smoothing), whose config has 0.29 for dispersion_mean, the default here.
func TestMallowsPublished(t *testing.T) {
	kind, _ := Kinds().Find("mallows")
	for _, tt := range []struct {
		in               [4]float64
		normalized, loss float64 // the entropy of pi_ref over log K
		slope            float64 // by the chosen response
	}{
		{[4]float64{-8.757273706525897, -1.440364984081471, -2.432825661105721, -13.276592796307394}, 0.032512417484205865, 0.7874318188964021, -0.005414885772915062},
		{[4]float64{-6.055508210466708, -4.225330505401598, -0.7194679050810604, -1.9367706904924344}, 0.6187877248033833, 0.6952704453903342, -0.0006974660495127384},
	} {
		params := kind.New().(*Mallows)
		params.Lambda = 0.01
		b := single(tt.in)
		b.Dispersion = []float64{-math.Log(tt.normalized)}
		o := params.Objective()
		if got, g := valueOf(o, b), gradientOf(o, b); !close(got, tt.loss) || !close(g[0], tt.slope) || !close(g[1], -tt.slope) {
			t.Errorf("loss %v, derivatives %v; want %v, %v", got, g[:2], tt.loss, tt.slope)
		}
	}
}

// TestPublishedDefaults: a loss without parameters is that of its authors.
func TestPublishedDefaults(t *testing.T) {
	b := single([4]float64{-1, -2, -1.2, -1.5})
	b.Gap, b.Collision, b.Dispersion = []float64{math.E}, []float64{-0.4}, []float64{2}
	for name, want := range map[string]Params{
		"odpo": &ODPO{Lambda: 0.1, Alpha: 1, Scaling: "log"}, "wpo": &WPO{Lambda: 0.1, Alignment: "sampled"},
		"mallows": &Mallows{Lambda: 0.1, Scale: 0.29},
	} {
		kind, _ := Kinds().Find(name)
		if got, want := valueOf(kind.New().Objective(), b), valueOf(want.Objective(), b); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}
