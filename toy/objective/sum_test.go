package objective

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/logspace"
)

// TestComposites writes typo and rlhf as the sums that they are.
func TestComposites(t *testing.T) {
	for _, tt := range []struct {
		name  string
		whole Params
		sum   *Sum
	}{
		{"typo", &TYPO{Lambda: 0.3, KLReduction: "sum"},
			&Sum{Lambda: 0.3, Terms: []Part{{Loss: &BradleyTerry{}}, {TimesLambda(), &KLRefPi{Reduction: "sum"}}}}},
		{"typo with a mean", &TYPO{Lambda: 0.3, KLReduction: "mean"},
			&Sum{Lambda: 0.3, Terms: []Part{{Times(1), &BradleyTerry{}}, {Times(0.3 / 4), &KLRefPi{}}}}},
		{"rlhf", &RLHF{Lambda: 0.3},
			&Sum{Lambda: 0.3, Terms: []Part{{TimesLambda(), &KLPiRef{}}, {Loss: &Reward{}}}}},
		{"nested", &DPO{Lambda: 0.3},
			&Sum{Terms: []Part{{Times(0.25), &DPO{Lambda: 0.3}}, {Times(3), &Sum{Terms: []Part{{Times(0.25), &DPO{Lambda: 0.3}}}}}}}},
		{"rpo", &RPO{Lambda: 0.3, Alpha: 2}, &Sum{Terms: []Part{{Loss: &DPO{Lambda: 0.3}}, {Times(2), &SFT{}}}}},
		{"cpo-simpo", &CPOSimPO{Lambda: 0.3, Gamma: 0.5, Alpha: 2}, &Sum{Terms: []Part{{Loss: &SimPO{Lambda: 0.3, Gamma: 0.5}}, {Times(2), &SFT{}}}}},
		{"mpo", &Custom{Lambda: 0.3, Pair: "-0.8*logsigmoid(beta*u) - 0.2*(logsigmoid(beta*(c - ref_c)) + logsigmoid(-beta*(r - ref_r))) - c/mean(n_c)"},
			&Sum{Terms: []Part{{Times(0.8), &DPO{Lambda: 0.3}}, {Times(0.2), &BCOPair{Lambda: 0.3}}, {Loss: &SFT{Mean: "token"}}}}},
		{"wpo", &WPO{Lambda: 0.3}, &Sum{UseWeighting: true, Terms: []Part{{Loss: &DPO{Lambda: 0.3}}}}},
		{"a weighted formula", &Custom{Lambda: 0.3, Pair: "stopgrad(min(1, exp(cbar + rbar)))*(0.5*relu(1 - lambda*u) + exp(-u))"},
			&Sum{Lambda: 0.3, UseWeighting: true, Terms: []Part{{Times(0.5), &Hinge{Lambda: 0.3}}, {Loss: &Custom{Pair: "exp(-u)"}}}}},
	} {
		a, b := tt.whole.Objective(), tt.sum.Objective()
		if a.DifferenceOnly() != b.DifferenceOnly() {
			t.Errorf("%s: DifferenceOnly %v, sum %v", tt.name, a.DifferenceOnly(), b.DifferenceOnly())
		}
		rng := rand.New(rand.NewPCG(7, 8))
		for range 10 {
			batch := randomBatch(rng, 5)
			d := dist(gaussian(rng, 4, 2), gaussian(rng, 4, 2), gaussian(rng, 4, 2))
			lossA, gradA := total(a, batch, d)
			lossB, gradB := total(b, batch, d)
			if !close(lossA, lossB) || !floats.EqualFunc(gradA, gradB, close) {
				t.Errorf("%s: %v %v, sum %v %v", tt.name, lossA, gradA, lossB, gradB)
			}
		}
	}
}

// TestSynchronized: any loss with its reference moving is at each step itself, and tr-dpo is such a loss.
func TestSynchronized(t *testing.T) {
	for _, params := range []Params{&Hinge{Lambda: 0.3}, &Custom{Lambda: 0.3, Pair: "square(u - 1)"}, &KTO{Lambda: 0.3, Desirable: 1, Undesirable: 1}} {
		s := &Sum{Terms: []Part{{Loss: params}}, SyncRefModel: true, MixupAlpha: 0.5, SyncSteps: 3}
		if problems := s.Check(); problems != nil {
			t.Error(problems)
		}
		o, b := s.Objective(), randomBatch(rand.New(rand.NewPCG(1, 4)), 5)
		if *o.Moving != (Moving{Alpha: 0.5, Every: 3}) || !close(valueOf(o, b), valueOf(params.Objective(), b)) || !o.Held() {
			t.Errorf("%T: moving %v, loss %v", params, o.Moving, valueOf(o, b))
		}
	}
	tr := Part{Loss: &TRDPO{Lambda: 1, Alpha: 0.5, Every: 3}}
	if factor, same := Same((&Sum{Terms: []Part{{Loss: &DPO{Lambda: 1}}}, SyncRefModel: true, MixupAlpha: 0.5, SyncSteps: 3}).Objective(), tr.Loss.Objective()); !same || factor != 1 {
		t.Error("DPO with a synchronized reference is not tr-dpo")
	}
	if problems := (&Sum{Terms: []Part{tr}, SyncRefModel: true, MixupAlpha: 0.5, SyncSteps: 4}).Check(); len(problems) != 1 || problems[0].Key != "terms.0" {
		t.Errorf("two ways to move give %v", problems)
	}
	if problems := (&Sum{Terms: []Part{{Loss: &BCO{Lambda: 1}}}, UseWeighting: true}).Check(); len(problems) != 1 || problems[0].Key != "use_weighting" {
		t.Errorf("a weighted running mean gives %v", problems)
	}
}

// total evaluates an objective: its loss and all of its derivatives.
func total(o *Objective, b *Batch, d *Dist) (float64, []float64) {
	whole := *b
	whole.Dists, whole.Prompts, whole.PromptWeight = []Dist{*d}, []int{0}, []float64{1}
	g, dist := newGrad(len(b.Chosen)), make([]float64, len(d.LogPi))
	o.Grad(&whole, g)
	o.DistGrad(d, 1, dist)
	return o.Loss(&whole), append(append(dist, g.Chosen...), g.Rejected...)
}

// TestTermsByHand: pi = (1/2, 1/4, 1/4), pi_ref = (1/4, 1/4, 1/2), pi_star = (1/2, 1/4, 1/4).
func TestTermsByHand(t *testing.T) {
	half, quarter := math.Log(0.5), math.Log(0.25)
	d := dist([]float64{half, quarter, quarter}, []float64{quarter, quarter, half}, []float64{half, quarter, quarter})
	for _, tt := range []struct {
		name string
		kind Params
		want float64
	}{
		{"KL(pi to pi_ref) = log(2)/2 - log(2)/4", &KLPiRef{}, math.Ln2 / 4},
		{"KL(pi_ref to pi) = -log(2)/4 + log(2)/2", &KLRefPi{Reduction: "sum"}, math.Ln2 / 4},
		{"its mean over responses", &KLRefPi{Reduction: "mean"}, math.Ln2 / 12},
		{"entropy of pi_star", &Reward{}, 1.5 * math.Ln2},
		{"rlhf at lambda 2", &RLHF{Lambda: 2}, 2 * math.Ln2},
	} {
		if got, _ := total(tt.kind.Objective(), &Batch{}, d); math.Abs(got-tt.want) > 1e-15 {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestWeightText(t *testing.T) {
	for text, want := range map[string]float64{"1": 1, "-2.5e-3": -2.5e-3, "lambda": 0.7, "beta": 0.7, "0": 0} {
		var w Weight
		if err := w.UnmarshalText([]byte(text)); err != nil || w.Value(0.7) != want {
			t.Errorf("%q: %v, error %v; want %v", text, w.Value(0.7), err, want)
		}
		written, err := w.MarshalText()
		var again Weight
		if err != nil || again.UnmarshalText(written) != nil || again.Value(0.7) != want {
			t.Errorf("%q is written as %q, error %v", text, written, err)
		}
	}
	for _, text := range []string{"", "nan", "inf", "-Inf", "1e999", "Lambda", "1 2", "two"} {
		w := Times(3)
		if err := w.UnmarshalText([]byte(text)); err == nil || err.Error() != "a finite number or the word lambda" {
			t.Errorf("%q: error %v", text, err)
		}
		if w.Value(0) != 3 {
			t.Errorf("%q changes the weight to %v", text, w.Value(0))
		}
	}
	if got := (Weight{}).Value(5); got != 1 {
		t.Errorf("zero weight is %v, want 1", got)
	}
}

func TestSumCheck(t *testing.T) {
	if problems := (&Sum{}).Check(); len(problems) != 1 || problems[0].Key != "terms" || problems[0].Wrong != "no terms" {
		t.Errorf("problems of an empty sum: %v", problems)
	}
	if problems := (&Sum{Terms: []Part{{Loss: &DPO{Lambda: 1}}}}).Check(); problems != nil {
		t.Errorf("problems of a sum: %v", problems)
	}
}

// TestSumMoves: a sum moves its reference as its terms of weight other than 0 do, in one way.
func TestSumMoves(t *testing.T) {
	slow, fast := &TRDPO{Lambda: 1, Alpha: 0.5, Every: 9}, &TRDPO{Lambda: 2, Alpha: 0.5, Every: 3}
	for _, tt := range []struct {
		terms []Part
		every int // 0: frozen
		wrong string
	}{
		{[]Part{{Loss: &DPO{Lambda: 1}}, {Loss: slow}}, 9, ""},
		{[]Part{{Loss: slow}, {Loss: &DPO{Lambda: 1}}}, 9, ""},
		{[]Part{{Times(0), slow}, {Loss: &DPO{Lambda: 1}}}, 0, ""},
		{[]Part{{Times(0), slow}, {Loss: fast}, {Loss: fast}}, 3, ""},
		{[]Part{{Loss: slow}, {Loss: &DPO{Lambda: 1}}, {Loss: fast}}, 3, "terms.2"},
	} {
		sum := &Sum{Lambda: 1, Terms: tt.terms}
		problems := sum.Check()
		if len(problems) > 1 || (len(problems) == 1) != (tt.wrong != "") || tt.wrong != "" && problems[0].Key != tt.wrong {
			t.Errorf("%+v: problems %v", tt.terms, problems)
		}
		o := sum.Objective()
		if m := o.Moving; (m == nil) != (tt.every == 0) || m != nil && m.Every != tt.every || o.Bandit().Moving != m {
			t.Errorf("%+v: moves as %+v", tt.terms, m)
		}
	}
}

// TestMovingGoesToTheMode: moves from DPO's minimizer, which is known in closed form, multiply the odds of the reference by
// pi_star^(alpha/lambda) each.
func TestMovingGoesToTheMode(t *testing.T) {
	m := &Moving{Alpha: 0.3, Every: 1}
	star := []float64{math.Log(0.5), math.Log(0.3), math.Log(0.2)}
	logRef, ref, logPi := []float64{math.Log(0.2), math.Log(0.3), math.Log(0.5)}, make([]float64, 3), make([]float64, 3)
	const lambda, moves = 0.7, 5
	want := append([]float64(nil), logRef...)
	for range moves {
		for k := range logPi {
			logPi[k] = logRef[k] + star[k]/lambda
		}
		logspace.LogSoftmax(logPi, logPi)
		m.Move(logRef, ref, logPi)
	}
	for k := range want {
		want[k] += moves * m.Alpha / lambda * star[k]
	}
	logspace.LogSoftmax(want, want)
	for k, v := range want {
		if !close(logRef[k], v) || !close(ref[k], math.Exp(v)) {
			t.Errorf("the reference is %v, %v; want logs %v", logRef, ref, want)
		}
	}
}

// TestNeedsDifferencesOnly: whatever looks at a whole distribution or through a link needs normalized log-probabilities.
func TestNeedsDifferencesOnly(t *testing.T) {
	for _, tt := range []struct {
		params Params
		want   bool
	}{
		{&DPO{Lambda: 1}, true},
		{&IPO{Lambda: 1}, true},
		{&BradleyTerry{}, true},
		{&FDPO{Lambda: 1, Divergence: "rkl"}, true},
		{&FDPO{Lambda: 1, Divergence: "js"}, false},
		{&TYPO{Lambda: 1}, false},
		{&RLHF{Lambda: 1}, false},
		{&Sum{Terms: []Part{{Loss: &DPO{Lambda: 1}}, {Loss: &IPO{Lambda: 1}}}}, true},
		{&Sum{Terms: []Part{{Loss: &DPO{Lambda: 1}}, {Loss: &Reward{}}}}, false},
	} {
		if got := tt.params.Objective().DifferenceOnly(); got != tt.want {
			t.Errorf("%T %+v: %v", tt.params, tt.params, got)
		}
	}
}

// TestIncompleteBatch: a batch without what a term is about has no value; that of the other terms would be another loss's.
func TestIncompleteBatch(t *testing.T) {
	b := randomBatch(rand.New(rand.NewPCG(1, 2)), 3)
	for name, params := range map[string]Params{
		"a whole policy":  &TYPO{Lambda: 1},
		"drawn responses": &TYPO{Lambda: 1, ReferenceSamples: DrawnFromReference(2)},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("the loss of a batch without %s is a number", name)
				}
			}()
			params.Objective().Loss(b)
		}()
	}
	drawn := *b
	drawn.Drawn, drawn.DrawnWeight = []float64{-1, -3}, []float64{0.5, 0.5}
	o := (&TYPO{Lambda: 0.5, ReferenceSamples: DrawnFromReference(2)}).Objective()
	g := newGrad(3)
	g.Drawn = make([]float64, 2)
	o.Grad(&drawn, g)
	if got, want := o.Loss(&drawn), o.Comparisons().Loss(b)+0.5*2; !close(got, want) || g.Drawn[0] != -0.25 || g.Drawn[1] != -0.25 {
		t.Errorf("loss %v, want %v; derivatives by drawn responses %v, want -0.25", got, want, g.Drawn)
	}
}
