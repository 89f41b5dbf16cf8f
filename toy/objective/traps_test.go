package objective

import (
	"math"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"windtunnel/toy/registry"
)

// The tests here are of mistakes that users of other libraries have met.

// TestFarMargins: log-sigmoid at margins of +-1e4 is the margin itself or nothing, not an infinity.
func TestFarMargins(t *testing.T) {
	for _, tt := range []struct {
		params    Params
		good, bad float64 // loss at a margin of 2e4 and of -2e4
	}{
		{&DPO{Lambda: 1}, 0, 2e4}, {&DPO{Lambda: 1, LabelSmoothing: 0.1}, 2e3, 1.8e4},
		{&Robust{Lambda: 1, LabelSmoothing: 0.1}, -2.5e3, 2.25e4}, {&EXO{Lambda: 1, LabelSmoothing: 0.1}, -math.Log(0.9), -math.Log(0.1)},
		{&NCA{Lambda: 1}, 5e3, 1.5e4}, {&BCOPair{Lambda: 1}, 0, 2e4}, {&DiscoPOP{Lambda: 1, Tau: 0.05}, 0, 2e4},
		{&DPONorm{Lambda: 1}, 0, 2e4}, {&CPO{Lambda: 1, Loss: "sigmoid"}, 0, 1e4},
	} {
		good := valueOf(tt.params.Objective(), single([4]float64{0, -1e4, -1e4, 0}))
		bad := valueOf(tt.params.Objective(), single([4]float64{-1e4, 0, 0, -1e4}))
		if math.Abs(good-tt.good) > 1e-12*max(1, math.Abs(good)) || math.Abs(bad-tt.bad) > 1e-12*max(1, bad) {
			t.Errorf("%T: %v and %v, want %v and %v", tt.params, good, bad, tt.good, tt.bad)
		}
	}
}

// TestInfinite: what is infinite in 64 bits is so here, with the sign of the mathematics, and nothing is capped.
func TestInfinite(t *testing.T) {
	forward := Divergence{Divergence: "forward_kl"}
	for _, tt := range []struct {
		in   [4]float64
		loss float64
	}{
		{[4]float64{-1e4, 0, 0, -1e4}, math.Inf(1)},
		{[4]float64{0, -1e4, -1e4, 0}, 0},
		{[4]float64{-1e4, -9e3, 0, 0}, math.Inf(1)},
		{[4]float64{-9e3, -1e4, 0, 0}, 0},
		{[4]float64{-1e4, -1e4, 0, 0}, math.Ln2},
	} {
		if got := valueOf((&DPO{Lambda: 1, Divergence: forward}).Objective(), single(tt.in)); got != tt.loss {
			t.Errorf("forward KL at %v: %v, want %v", tt.in, got, tt.loss)
		}
	}
}

// TestSmallBeta: IPO's target 1/(2 beta) is 5e99 at the smallest beta, its square 2.5e199: large, not NaN.
func TestSmallBeta(t *testing.T) {
	for _, params := range []Params{&IPO{Lambda: 1e-100}, &CPO{Lambda: 1e-100, Loss: "ipo"}} {
		b, g := single([4]float64{-1, -2, -1.5, -1.5}), newGrad(1)
		term := params.Objective().pair[0].Term
		term.Grad(b, 1, g)
		if got := term.Loss(b); math.Abs(got-2.5e199) > 1e185 || math.Abs(g.Chosen[0]+1e100) > 1e86 {
			t.Errorf("%T: loss %v, gradient %v; want 2.5e199 and -1e100", params, got, g.Chosen[0])
		}
	}
}

// TestTokenSumOrMean: losses that average over tokens say so and read counts, the others are sums and do not. What each
// should do is told by its formula, of which all but a few have one.
func TestTokenSumOrMean(t *testing.T) {
	for _, kind := range pairKinds() {
		o := kind.New().Objective()
		b := randomBatch(rand.New(rand.NewPCG(1, 1)), 3)
		before := valueOf(o, b)
		b.ChosenTokens, b.RejectedTokens = []float64{2, 2, 2}, []float64{3, 3, 3}
		want := mentions(kind, `n_c`)
		if reads := valueOf(o, b) != before; reads != want {
			t.Errorf("%s: token counts matter: %v", kind.Name, reads)
		}
		// r-dpo is a sum with a penalty on the counts.
		if o.PerToken() != (want && kind.Name != "r-dpo") {
			t.Errorf("%s: PerToken is %v", kind.Name, o.PerToken())
		}
	}
}

// mentions says whether a formula of a loss has one of the variables, a regular expression, psi being of m. Losses without
// a formula have none.
func mentions(kind registry.Kind[Params], variables string) bool {
	word := regexp.MustCompile(`\b(` + variables + `)\b`)
	return slices.ContainsFunc(ownFormulas, func(f ownFormula) bool {
		return reflect.TypeOf(f.builtin) == reflect.TypeOf(kind.New()) && word.MatchString(f.custom.Pair+" "+f.custom.Psi)
	})
}

// pairKinds lists the losses that look at comparisons, but for those that need a formula or terms to be one.
func pairKinds() []registry.Kind[Params] {
	return slices.DeleteFunc(slices.Clone([]registry.Kind[Params](Kinds())), func(kind registry.Kind[Params]) bool {
		return kind.Name == "custom" || len(kind.New().Objective().pair) == 0
	})
}

// TestReferenceFree: exactly the losses whose formula has no reference ignore it.
func TestReferenceFree(t *testing.T) {
	known := map[string]bool{}
	for _, kind := range pairKinds() {
		o := kind.New().Objective()
		b := randomBatch(rand.New(rand.NewPCG(1, 1)), 3)
		before := valueOf(o, b)
		b.RefChosen[0], b.RefRejected[1] = b.RefChosen[0]-1, b.RefRejected[1]-2
		_, other := noFormula[kind.Name]
		known[kind.Name] = valueOf(o, b) == before
		if kind.Name == "alpha-dpo" {
			continue // at its default it is simpo
		}
		if ignores, want := known[kind.Name], !other && !mentions(kind, `ref_c|ref_r|u|m`); ignores != want {
			t.Errorf("%s: the reference is ignored: %v", kind.Name, ignores)
		}
	}
	for _, name := range []string{"alphapo", "bradley-terry", "cpo", "orpo", "simpo", "typo"} {
		if !known[name] {
			t.Errorf("%s: the reference matters", name)
		}
	}
}

// TestBatchIsMean: the loss that is logged for a batch is the mean of its comparisons' losses, not the last one's, a sum or
// a mean of means. Losses that look at the whole batch are the exception, and claim no second derivatives.
func TestBatchIsMean(t *testing.T) {
	whole := map[string]bool{}
	for _, kind := range pairKinds() {
		o, b := kind.New().Objective(), randomBatch(rand.New(rand.NewPCG(6, 6)), 6)
		if got, mean := valueOf(o, b), oneByOne(o, b); !close(got, mean) {
			whole[kind.Name] = true
			if _, curved := o.pair[0].Term.(Curved); curved {
				t.Errorf("%s: the batch has %v, its comparisons %v on average", kind.Name, got, mean)
			}
		}
	}
	for _, name := range []string{"aot", "aot-unpaired", "bco", "kto"} {
		if !whole[name] {
			t.Errorf("%s: the batch has no more to it than its comparisons", name)
		}
	}
}

// TestUnknownWords: no loss stands in for one whose name is misspelt, in Go as in a config.
func TestUnknownWords(t *testing.T) {
	for _, params := range []Params{
		&CPO{Lambda: 1, Loss: "sigmod"}, &DPO{Lambda: 1, Divergence: Divergence{Divergence: "jsd"}},
		&FDPO{Lambda: 1, Divergence: "kl"}, &ODPO{Lambda: 1, Alpha: 1, Scaling: "sqrt"}, &WPO{Lambda: 1, Alignment: "greed"},
		&TYPO{Lambda: 1, KLReduction: "average"},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%T %+v is taken for another loss", params, params)
				}
			}()
			params.Objective()
		}()
	}
}

// TestBounds: the values that make a loss undefined lie outside its range tags, so that a config with them is an error.
func TestBounds(t *testing.T) {
	for _, tt := range []struct {
		params any
		field  string
		bounds string
	}{
		{EXO{}, "LabelSmoothing", "(0,0.5]"}, {Robust{}, "LabelSmoothing", "[0,0.5)"}, {TRDPO{}, "Alpha", "(0,1]"},
		{TRDPO{}, "Every", "[1,1e9]"}, {Mallows{}, "Phi", "(0,1)"}, {ChiPO{}, "RMax", "(0,1e6]"}, {LDDPO{}, "Alpha", "[0,1]"},
	} {
		f, _ := reflect.TypeOf(tt.params).FieldByName(tt.field)
		if got := f.Tag.Get("range"); got != tt.bounds {
			t.Errorf("%T: %s in %s, want %s", tt.params, tt.field, got, tt.bounds)
		}
	}
	for _, kind := range Kinds() {
		if f, ok := reflect.TypeOf(kind.New()).Elem().FieldByName("Lambda"); ok && kind.Name != "custom" {
			if got := f.Tag.Get("range"); got != "[1e-100,1e100]" {
				t.Errorf("%s: lambda in %s, which may hold 0", kind.Name, got)
			}
		}
	}
	if problems := (&CPO{Loss: "hinge", LabelSmoothing: 0.1}).Check(); len(problems) != 1 || problems[0].Key != "label_smoothing" {
		t.Errorf("cpo: hinge with label smoothing: %v", problems)
	}
	for _, params := range []Params{&DPO{}, &Hinge{}, &IPO{}} {
		field := reflect.ValueOf(params).Elem().FieldByName("Divergence").Addr().Interface().(registry.Checker)
		field.(*Divergence).Divergence, field.(*Divergence).Alpha = "alpha", 1
		if len(field.Check()) != 1 {
			t.Errorf("%T takes the alpha divergence of order 1", params)
		}
	}
}

// TestNames: each kind is found by its own names, exo and expo by theirs.
func TestNames(t *testing.T) {
	for alias, name := range map[string]string{
		"expo": "typo", "exo": "exo", "exo_pair": "exo", "expo-regression": "expo-regression", "sigmoid": "dpo", "slic": "hinge",
		"nca_pair": "nca", "bco_pair": "bco-pair", "sppo_hard": "sppo", "aot_unpaired": "aot-unpaired", "apo_zero": "apo-zero",
		"apo_down": "apo-down", "sigmoid_norm": "dpo-norm", "apo_zero_unpaired": "apo-zero-unpaired", "dpop": "dpo-positive",
	} {
		if kind, ok := Kinds().Find(alias); !ok || kind.Name != name {
			t.Errorf("%s is %q, want %q", alias, kind.Name, name)
		}
	}
	for _, kind := range Kinds() {
		for _, name := range strings.Split(kind.TRL, ",") {
			if trainer, lossType, ok := strings.Cut(name, "/"); ok && trainer != "cpo" { // CPO's sigmoid, hinge and ipo are a parameter
				if found, ok := Kinds().Find(lossType); !ok || found.Name != kind.Name {
					t.Errorf("TRL's %s is %q, want %q", name, found.Name, kind.Name)
				}
			}
		}
	}
	for _, name := range []string{"sigmod", "exo-pair", "simpo2", ""} {
		if kind, ok := Kinds().Find(name); ok {
			t.Errorf("%q stands for %s", name, kind.Name)
		}
	}
}

// TestAcceptsUnpaired: a loss that compares responses has no value on one.
func TestAcceptsUnpaired(t *testing.T) {
	for name, want := range map[string]bool{"apo-zero-unpaired": true, "bco": true, "kto": true, "dpo": false, "nca": false,
		"sppo": false, "apo-zero": false, "aot-unpaired": false, "wpo": false} {
		kind, _ := Kinds().Find(name)
		if got := kind.New().Objective().AcceptsUnpaired(); got != want {
			t.Errorf("%s accepts unpaired data: %v", name, got)
		}
	}
}
