package objective

import (
	"math"
	"testing"
)

func TestReferenceSamplesText(t *testing.T) {
	for _, c := range []struct {
		text, written string
		want          ReferenceSamples
	}{
		{"exact", "exact", ReferenceSamples{}}, {"pair", "pair", PairAsSamples()}, {"64", "64", DrawnFromReference(64)}, {"1e3", "1000", DrawnFromReference(1000)},
	} {
		var got ReferenceSamples
		if err := got.UnmarshalText([]byte(c.text)); err != nil || got != c.want {
			t.Errorf("%s: %+v, %v", c.text, got, err)
		}
		if text, err := got.MarshalText(); err != nil || string(text) != c.written {
			t.Errorf("%s is written %s, %v", c.text, text, err)
		}
	}
	for _, wrong := range []string{"", "0", "-1", "1.5", "1e7", "NaN", "inf", "Exact", "pairs"} {
		if err := new(ReferenceSamples).UnmarshalText([]byte(wrong)); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
}

func FuzzReferenceSamples(f *testing.F) {
	f.Add("exact")
	f.Add("1e3")
	f.Fuzz(func(t *testing.T, text string) {
		var r, again ReferenceSamples
		if r.UnmarshalText([]byte(text)) != nil {
			return
		}
		written, err := r.MarshalText()
		if err != nil || again.UnmarshalText(written) != nil || again != r {
			t.Errorf("%q is read as %+v, written %s and read as %+v", text, r, written, again)
		}
	})
}

// With the pair as samples: log(1 + exp(-(c - r))) - lambda (c + r)/2.
func TestTYPOWithPairs(t *testing.T) {
	b := &Batch{Chosen: []float64{-1, -3}, Rejected: []float64{-2.5, -0.5}, RefChosen: []float64{9, 9}, RefRejected: []float64{-9, 9}, Weight: []float64{0.25, 0.75}}
	o := (&TYPO{Lambda: 0.1, ReferenceSamples: PairAsSamples()}).Objective()
	got, want := o.Loss(b), 0.0
	for i, w := range b.Weight {
		c, r := b.Chosen[i], b.Rejected[i]
		want += w * (math.Log(1+math.Exp(-(c-r))) - 0.1*(c+r)/2)
	}
	if math.Abs(got-want) > 1e-15 || o.DifferenceOnly() || len(o.dist) > 0 || o.Sampled != nil {
		t.Errorf("loss %v, want %v; %+v", got, want, o)
	}
}

func TestTYPOSamples(t *testing.T) {
	drawn := &TYPO{Lambda: 0.1, KLReduction: "sum", ReferenceSamples: DrawnFromReference(16)}
	sum := &Sum{Lambda: 1, Terms: []Part{{Loss: &DPO{Lambda: 1}}, {Weight: Times(3), Loss: drawn}}}
	if !Random(drawn) || !Random(sum) || Random(&TYPO{Lambda: 1}) || Random(&Sum{Terms: sum.Terms[:1]}) {
		t.Error("which losses draw from the reference is not told")
	}
	o := sum.Objective()
	if o.DifferenceOnly() || o.Sampled == nil || o.Sampled.N != 16 || math.Abs(o.Sampled.Weight-0.3) > 1e-15 {
		t.Errorf("sampled term %+v", o.Sampled)
	}
	sum.Terms = append(sum.Terms, Part{Weight: TimesLambda(), Loss: &TYPO{Lambda: 0.4, ReferenceSamples: DrawnFromReference(4)}})
	if o := sum.Objective(); o.Sampled.N != 16 || math.Abs(o.Sampled.Weight-0.7) > 1e-15 {
		t.Errorf("two sampled terms add up to %+v", o.Sampled)
	}
	drawn.KLReduction = "mean"
	if problems := drawn.Check(); len(problems) != 1 || problems[0].Key != "kl_reduction" {
		t.Errorf("a mean over the responses beside samples: %v", problems)
	}
}
