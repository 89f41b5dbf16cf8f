package objective

import (
	"math"
	"math/rand/v2"
	"testing"
)

// valueOf returns the value of an objective's pair terms on a batch.
func valueOf(o *Objective, b *Batch) float64 { return o.Comparisons().Loss(b) }

// logistic is -log sigmoid(z), by its definition.
func logistic(z float64) float64 { return math.Log(1 + math.Exp(-z)) }

// TestBeyondTRL compares the losses that have no published values with their papers' formulas, written out for one
// comparison: log-ratios x_w = 0.4 and x_l = -0.3, tokens 4 and 2, tails, reward gap 1.5.
func TestBeyondTRL(t *testing.T) {
	const c, r, rc, rr = -1.6, -2.0, -2.0, -1.7
	xw, xl, u, half, log34 := c-rc, r-rr, (c-rc)-(r-rr), 0.5, math.Log(0.34)
	b := &Batch{Chosen: []float64{c}, Rejected: []float64{r}, RefChosen: []float64{rc}, RefRejected: []float64{rr}, Weight: []float64{1},
		ChosenTokens: []float64{4}, RejectedTokens: []float64{2}, ChosenTail: []float64{-0.9}, RejectedTail: []float64{0},
		Gap: []float64{1.5}, Dispersion: []float64{0.7}, Collision: []float64{log34}, Peak: []float64{-0.6}}
	lower := *b
	lower.Chosen = []float64{-2.5}
	sigma := func(z float64) float64 { return 1 / (1 + math.Exp(-z)) }
	for _, tt := range []struct {
		name   string
		params Params
		batch  *Batch
		want   float64
	}{
		{"rpo", &RPO{Lambda: 0.5, Alpha: 3}, b, logistic(0.5*u) + 3*1.6/4},
		{"odpo", &ODPO{Lambda: 0.5, Alpha: 0.2, Scaling: "identity"}, b, logistic(0.5*u - 0.2*1.5)},
		{"odpo log", &ODPO{Lambda: 0.5, Alpha: 0.2, Scaling: "log"}, b, logistic(0.5*u - 0.2*math.Log(1.5))},
		{"r-dpo", &RDPO{Lambda: 0.5, Alpha: 0.1}, b, logistic(0.5*u + 0.1*(4-2))},
		{"ld-dpo", &LDDPO{Lambda: 0.5, Alpha: 0.25}, b, logistic(0.5 * (-0.7 + 0.25*-0.9 - rc - xl))},
		{"chi-po", &ChiPO{Lambda: 0.5}, b, logistic(0.5 * (xw + math.Exp(xw) - xl - math.Exp(xl)))},
		{"cal-dpo", &CalDPO{Lambda: 0.5, Calibration: 1}, b, logistic(u) + math.Pow(xw-1, 2) + math.Pow(xl+1, 2)},
		{"cal-dpo by half", &CalDPO{Lambda: 0.5, Calibration: 0.5}, b, logistic(u) + (math.Pow(xw-1, 2)+math.Pow(xl+1, 2))/2},
		{"dpo-positive above", &DPOPositive{Lambda: 0.5, Penalty: 50}, b, logistic(0.5 * u)},
		{"dpo-positive below", &DPOPositive{Lambda: 0.5, Penalty: 50}, &lower, logistic(0.5 * (-0.5 - xl - 50*0.5))},
		{"tr-dpo", &TRDPO{Lambda: 0.5, Alpha: 0.6, Every: 5}, b, logistic(0.5 * u)},
		{"wpo", &WPO{Lambda: 0.5, Alignment: "none"}, b, math.Exp(c/4+r/2) * logistic(0.5*u)},
		{"wpo sampled", &WPO{Lambda: 0.5, Alignment: "sampled"}, b, math.Exp((c-log34)/4+(r-log34)/2) * logistic(0.5*u)},
		{"wpo greedy", &WPO{Lambda: 0.5, Alignment: "greedy"}, b, math.Exp((c+0.6)/4+(r+0.6)/2) * logistic(0.5*u)},
		{"mallows", &Mallows{Lambda: 0.5, Scale: 2}, b, logistic(0.5 * 2 * 0.7 * u)},
		{"mallows at phi", &Mallows{Lambda: 0.5, Phi: &half, Scale: 2}, b, logistic(-2 * math.Log(0.5) * 0.5 * u)},
		{"gpo logistic", &GPO{Lambda: 0.5, Function: "logistic"}, b, logistic(0.5 * u)},
		{"gpo hinge", &GPO{Lambda: 0.5, Function: "hinge"}, b, 1 - 0.5*u},
		{"gpo square", &GPO{Lambda: 0.5, Function: "square"}, b, math.Pow(0.5*u-1, 2)},
		{"gpo exponential", &GPO{Lambda: 0.5, Function: "exponential"}, b, math.Exp(-0.5 * u)},
		{"gpo truncated", &GPO{Lambda: 0.5, Function: "truncated-square"}, b, math.Pow(1-0.5*u, 2)},
		{"gpo truncated beyond", &GPO{Lambda: 50, Function: "truncated-square"}, b, 0},
		{"gpo savage", &GPO{Lambda: 0.5, Function: "savage"}, b, math.Pow(1/(1+math.Exp(0.5*u)), 2)},
		{"cpo", &CPO{Lambda: 0.5, Loss: "sigmoid", Alpha: 2}, b, logistic(0.5*(c-r)) + 2*1.6/4},
		{"simpo", &SimPO{Lambda: 2, Gamma: 0.5}, b, logistic(2*(c/4-r/2) - 0.5)},
		{"alphapo", &AlphaPO{Lambda: 2, Gamma: 0.5, Alpha: 0.25}, b,
			logistic(2*((1-math.Exp(-0.25*c/4))/0.25-(1-math.Exp(-0.25*r/2))/0.25) - 0.5)},
		{"orpo", &ORPO{Lambda: 0.5}, b, 1.6/4 + 0.5*logistic(math.Log(math.Exp(c/4)/(1-math.Exp(c/4)))-math.Log(math.Exp(r/2)/(1-math.Exp(r/2))))},
		{"sppo", &SPPO{Lambda: 0.5}, b, math.Pow(xw-1, 2) + math.Pow(xl+1, 2)},
		{"bco-pair", &BCOPair{Lambda: 0.5, Delta: 0.1}, b, logistic(0.5*xw-0.1) + logistic(-(0.5*xl - 0.1))},
		{"kto", &KTO{Lambda: 0.5, Desirable: 1, Undesirable: 2}, b,
			(1 - sigma(0.5*(xw-0.05)) + 2*(1-sigma(0.5*(0.05-xl)))) / 2}, // KL = (0.4-0.3)/2
		{"kto below the reference", &KTO{Lambda: 0.5, Desirable: 1, Undesirable: 1}, &lower,
			(1 - sigma(0.5*-0.5) + 1 - sigma(0.5*0.3)) / 2}, // KL would be (-0.5-0.3)/2 < 0
		{"bco", &BCO{Lambda: 0.5}, b, (logistic(0.5*xw-0.025) + logistic(-(0.5*xl - 0.025))) / 2},
	} {
		if got := valueOf(tt.params.Objective(), tt.batch); math.Abs(got-tt.want) > 1e-14*max(1, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestReductions: at its neutral setting a variant is the loss that it varies.
func TestReductions(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	b := randomBatch(rng, 6)
	b.ChosenTokens, b.RejectedTokens = []float64{1, 2, 3, 4, 5, 6}, []float64{3, 1, 4, 1, 5, 9}
	b.ChosenTail, b.RejectedTail, b.Gap = gaussian(rng, 6, 1), gaussian(rng, 6, 1), gaussian(rng, 6, 1)
	phi := math.Exp(-0.5)
	for _, tt := range []struct {
		name       string
		got, plain Params
	}{
		{"rpo", &RPO{Lambda: 0.5}, &DPO{Lambda: 0.5}}, {"odpo", &ODPO{Lambda: 0.5}, &DPO{Lambda: 0.5}},
		{"r-dpo", &RDPO{Lambda: 0.5}, &DPO{Lambda: 0.5}}, {"ld-dpo", &LDDPO{Lambda: 0.5, Alpha: 1}, &DPO{Lambda: 0.5}},
		{"dpo-positive", &DPOPositive{Lambda: 0.5}, &DPO{Lambda: 0.5}}, {"mallows", &Mallows{Lambda: 0.5, Phi: &phi}, &DPO{Lambda: 0.5}},
		{"robust", &Robust{Lambda: 0.5}, &DPO{Lambda: 0.5}}, {"cpo", &CPO{Lambda: 1, Loss: "sigmoid"}, &BradleyTerry{}},
		{"alphapo", &AlphaPO{Lambda: 2, Gamma: 0.3}, &SimPO{Lambda: 2, Gamma: 0.3}},
		{"gpo", &GPO{Lambda: 0.5, Function: "hinge"}, &Hinge{Lambda: 0.5}},
	} {
		if got, want := valueOf(tt.got.Objective(), b), valueOf(tt.plain.Objective(), b); math.Abs(got-want) > 1e-14 {
			t.Errorf("%s: %v, want %v", tt.name, got, want)
		}
	}
	small := valueOf((&AlphaPO{Lambda: 2, Gamma: 0.3, Alpha: 1e-7}).Objective(), b)
	if want := valueOf((&SimPO{Lambda: 2, Gamma: 0.3}).Objective(), b); math.Abs(small-want) > 1e-6 {
		t.Errorf("alphapo near 0: %v, want %v", small, want)
	}
}

// TestTails: the derivative by a tail, the rest of the sequence's log-probability held, is that of the shortened margin.
func TestTails(t *testing.T) {
	b := single([4]float64{-3, -2, -2.5, -2.5})
	b.ChosenTail, b.RejectedTail = []float64{-1}, []float64{-0.5}
	term := (&LDDPO{Lambda: 0.7, Alpha: 0.3}).Objective().pair[0].Term
	g := newGrad(1)
	g.ChosenTail, g.RejectedTail = make([]float64, 1), make([]float64, 1)
	term.Grad(b, 2, g)
	const h = 1e-6
	for i, column := range []struct{ x, d []float64 }{{b.Chosen, g.Chosen}, {b.Rejected, g.Rejected}, {b.ChosenTail, g.ChosenTail},
		{b.RejectedTail, g.RejectedTail}} {
		column.x[0] += h
		up := term.Loss(b)
		column.x[0] -= 2 * h
		down := term.Loss(b)
		column.x[0] += h
		if want := 2 * (up - down) / (2 * h); math.Abs(column.d[0]-want) > 1e-8 {
			t.Errorf("derivative %d is %v, want %v", i, column.d[0], want)
		}
	}
}

// TestTokenCurvature compares second derivatives of losses per token with differences of the first.
func TestTokenCurvature(t *testing.T) {
	for _, params := range []Params{&SimPO{Lambda: 2, Gamma: 0.5}, &AlphaPO{Lambda: 2, Gamma: 0.5, Alpha: 0.5}, &ORPO{Lambda: 2},
		&IPO{Lambda: 0.7, Divergence: Divergence{Divergence: "js"}}, &DPONorm{Lambda: 3, Divergence: Divergence{Divergence: "forward_kl"}}} {
		in := [4]float64{-3, -2.2, -2.9, -2.4}
		gradient := func(in [4]float64) [2]float64 {
			b, g := single(in), newGrad(1)
			b.ChosenTokens, b.RejectedTokens = []float64{4}, []float64{3}
			params.Objective().pair[0].Term.Grad(b, 1, g)
			return [2]float64{g.Chosen[0], g.Rejected[0]}
		}
		b, h := single(in), newHess(1)
		b.ChosenTokens, b.RejectedTokens = []float64{4}, []float64{3}
		params.Objective().pair[0].Term.(Curved).Derivatives(b, 1, newGrad(1), h)
		for i, got := range [2][2]float64{{h.ChosenChosen[0], h.ChosenRejected[0]}, {h.ChosenRejected[0], h.RejectedRejected[0]}} {
			for j := range 2 {
				const step = 1e-5
				up, down := in, in
				up[j] += step
				down[j] -= step
				want := (gradient(up)[i] - gradient(down)[i]) / (2 * step)
				if math.Abs(got[j]-want) > 1e-8 {
					t.Errorf("%T: second derivative %d,%d is %v, want %v", params, i, j, got[j], want)
				}
			}
		}
	}
}

// TestTransportTies: comparisons whose margins are equal under the policy but not under the reference have gradients that
// do not depend on their order.
func TestTransportTies(t *testing.T) {
	for _, params := range []Params{&AOT{Lambda: 2}, &AOTUnpaired{Lambda: 2}} {
		b := &Batch{Chosen: []float64{-1, -1, -1}, Rejected: []float64{-2, -2, -2}, RefChosen: []float64{-1, -1, -1},
			RefRejected: []float64{-4, -1, -2}, Weight: []float64{0.5, 0.25, 0.25}}
		term, g := params.Objective().pair[0].Term, newGrad(3)
		term.Grad(b, 1, g)
		order, turned := []int{2, 0, 1}, newGrad(3)
		term.Grad(permuted(b, order), 1, turned)
		for i, j := range order {
			if !close(turned.Chosen[i], g.Chosen[j]) || !close(turned.Rejected[i], g.Rejected[j]) {
				t.Errorf("%T: gradients %v become %v", params, *g, *turned)
			}
		}
	}
}

// TestTransportWeights: a comparison of weight 3/5 is one that is there three times.
func TestTransportWeights(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	b := randomBatch(rng, 3)
	b.Weight = []float64{0.6, 0.2, 0.2}
	repeated := permuted(b, []int{0, 1, 0, 2, 0})
	repeated.Weight = []float64{0.2, 0.2, 0.2, 0.2, 0.2}
	for _, params := range []Params{&AOT{Lambda: 2}, &AOTUnpaired{Lambda: 2}} {
		if got, want := valueOf(params.Objective(), b), valueOf(params.Objective(), repeated); !close(got, want) {
			t.Errorf("%T: %v, want %v", params, got, want)
		}
	}
}
