package objective

import (
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
)

// TestSame finds every pair of registered losses that are one in a bandit, and by what factor.
func TestSame(t *testing.T) {
	want := map[[2]string]float64{{"apo-zero-unpaired", "apo-zero"}: 0.5, {"dpo-norm", "dpo"}: 1, {"ld-dpo", "dpo"}: 1, {"r-dpo", "dpo"}: 1,
		{"ld-dpo", "dpo-norm"}: 1, {"r-dpo", "dpo-norm"}: 1, {"r-dpo", "ld-dpo"}: 1,
		{"dpo-shift", "dpo"}: 1, {"dpo-shift", "dpo-norm"}: 1, {"ld-dpo", "dpo-shift"}: 1, {"r-dpo", "dpo-shift"}: 1,
		// where labels are drawn by the rewards themselves
		{"rpo-nemo", "dpo"}: 1, {"rpo-nemo", "dpo-norm"}: 1, {"rpo-nemo", "dpo-shift"}: 1, {"rpo-nemo", "ld-dpo"}: 1, {"rpo-nemo", "r-dpo"}: 1,
		{"tdpo1", "dpo"}: 1, {"tdpo1", "dpo-norm"}: 1, {"tdpo1", "dpo-shift"}: 1, {"tdpo1", "ld-dpo"}: 1, {"tdpo1", "r-dpo"}: 1, {"tdpo1", "rpo-nemo"}: 1}
	got, all := map[[2]string]float64{}, Kinds()
	for i, a := range all {
		for _, b := range all[:i] {
			if a.Name == "custom" || b.Name == "custom" || a.Name == "sum" || b.Name == "sum" {
				continue
			}
			if factor, same := Same(a.New().Objective(), b.New().Objective()); same {
				got[[2]string{a.Name, b.Name}] = math.Round(1e8*factor) / 1e8
			}
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("the same in a bandit: %v, want %v", got, want)
	}
}

// TestSameAsWritten: a loss is the same as its formula, and as itself written in other parts, but not as itself at another
// lambda or with another statistic.
func TestSameAsWritten(t *testing.T) {
	for _, f := range ownFormulas {
		f.custom.Lambda = at
		if strings.Contains(f.name, "without memory") || strings.HasPrefix(f.name, "dpo-shift at") || strings.HasPrefix(f.name, "dpo-shift from") {
			continue // the same in one step, not in the next
		}
		if factor, same := Same(f.custom.Objective(), f.builtin.Objective()); !same || math.Abs(factor-1) > 1e-8 {
			t.Errorf("%s: factor %v, same %v", f.name, factor, same)
		}
	}
	tr := func(every int) Params { return &TRDPO{Lambda: 1, Alpha: 0.5, Every: every} }
	for _, tt := range []struct {
		name   string
		a, b   Params
		factor float64 // 0: not the same
	}{
		{"lambda", &DPO{Lambda: 1}, &DPO{Lambda: 1 + 1e-6}, 0},
		{"the sign", &Custom{Lambda: 1, Pair: "softplus(u)"}, &Custom{Lambda: 1, Pair: "-softplus(u)"}, 0},
		{"a constant", &Custom{Lambda: 1, Pair: "7 - 3*logsigmoid(u)"}, &DPO{Lambda: 1}, 3},
		{"cross entropy", &Custom{Lambda: 1, Dist: "cross_entropy(ref, pi)"}, &KLRefPi{Reduction: "sum"}, 1},
		{"the mean of four", &KLRefPi{Reduction: "mean"}, &KLRefPi{Reduction: "sum"}, 0.25},
		{"nothing", &Custom{Lambda: 1, Pair: "1"}, &DPO{Lambda: 1}, 0},
		{"nothing twice", &Custom{Lambda: 1, Pair: "1"}, &Custom{Lambda: 1, Pair: "ref_c"}, 1},
		{"alignment", &WPO{Lambda: 1, Alignment: "greedy"}, &WPO{Lambda: 1, Alignment: "none"}, 0},
		{"the gap", &ODPO{Lambda: 1, Alpha: 1, Scaling: "identity"}, &ODPO{Lambda: 1, Alpha: 1, Scaling: "log"}, 0},
		{"a frozen reference", tr(2), &DPO{Lambda: 1}, 0},
		{"the pace of a reference", tr(2), tr(3), 0},
		{"a moving reference", tr(2), tr(2), 1},
		{"held and not", &Custom{Lambda: 1, Pair: "-stopgrad(sigmoid(-lambda*u))*logsigmoid(lambda*u)"},
			&Custom{Lambda: 1, Pair: "softplus(-lambda*u) - sigmoid(-lambda*u)"}, 1},
	} {
		if factor, same := Same(tt.a.Objective(), tt.b.Objective()); same != (tt.factor > 0) || same && math.Abs(factor-tt.factor) > 1e-8 {
			t.Errorf("%s: factor %v, same %v; want %v", tt.name, factor, same, tt.factor)
		}
	}
}

// TestHeld: training descends the gradient of a loss unless a statistic, a part of a formula or the reference is held.
func TestHeld(t *testing.T) {
	for _, kind := range Kinds() {
		if kind.Name == "custom" || kind.Name == "sum" {
			continue
		}
		want := slices.Contains([]string{"alpha-dpo", "bco", "beta-dpo", "kto", "nash-md-pg", "online-ipo", "tdpo2", "tr-dpo", "win-rate", "wpo"}, kind.Name)
		if got := kind.New().Objective().Held(); got != want {
			t.Errorf("%s: held %v", kind.Name, got)
		}
	}
	for _, tt := range []struct {
		params Params
		want   bool
	}{
		{&Custom{Lambda: 1, Pair: "softplus(-u)"}, false}, {&Custom{Lambda: 1, Pair: "stopgrad(u)*u"}, true},
		{&Custom{Lambda: 1, Pair: "stopgrad(c)*r"}, true}, {&Custom{Lambda: 1, Psi: "stopgrad(m)*m"}, true},
		{&Custom{Lambda: 1, Psi: "m^2", Mu: "stopgrad(r)*x"}, true}, {&Custom{Lambda: 1, Psi: "m^2", Mu: "r"}, false},
		{&Custom{Lambda: 1, Dist: "stopgrad(kl(pi, ref))*entropy(pi)"}, true}, {&Custom{Lambda: 1, Dist: "kl(pi, ref)"}, false},
		{&KTO{Lambda: 1, KL: &fixed}, false}, {&BCO{Lambda: 1, Delta: &fixed}, false},
		{&Sum{Lambda: 1, Terms: []Part{{Times(0), &KTO{Lambda: 1}}, {Loss: &DPO{Lambda: 1}}}}, false},
		{&Sum{Lambda: 1, Terms: []Part{{Times(2), &KTO{Lambda: 1}}, {Loss: &DPO{Lambda: 1}}}}, true},
	} {
		if o := tt.params.Objective(); o.Held() != tt.want || o.Bandit().Held() != tt.want {
			t.Errorf("%+v: held %v, in a bandit %v", tt.params, o.Held(), o.Bandit().Held())
		}
	}
}
