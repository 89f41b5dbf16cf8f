package train

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/bandit"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
)

// TestKinkAtReference: a loss whose kink is at the reference has its slope there, whatever rounding makes of two
// normalizations of the same logits: dpo-positive and its formula that of dpo, whose penalty starts below, tv(pi, ref) none, and
// |u| none.
func TestKinkAtReference(t *testing.T) {
	gradient := func(env *bandit.Env, params objective.Params) []float64 {
		pol, err := (&policy.TabularParams{}).Build(env, nil)
		if err != nil {
			t.Fatal(err)
		}
		p := NewProblem(env, pol, params.Objective(), 0)
		g := make([]float64, 6)
		p.AddGrad(Full(somePairs(), p), g)
		return g
	}
	for i := range 200 {
		env := twoPrompts(nil, false)
		for x := range env.Prompts {
			init := env.Prompts[x].Init
			for k := range init {
				init[k] += 3*math.Sin(float64(i)+2*float64(k)) + float64(i%5)
			}
		}
		dpo := gradient(env, &objective.DPO{Lambda: 0.7})
		for name, params := range map[string]objective.Params{
			"dpo-positive": &objective.DPOPositive{Lambda: 0.7, Penalty: 50},
			"its formula":  &objective.Custom{Lambda: 0.7, Pair: "softplus(-lambda*(u - 50*relu(ref_c - c)))"},
			"beside tv":    &objective.Custom{Lambda: 0.7, Pair: "softplus(-lambda*u)", Dist: "30*tv(pi, ref)"},
			"beside |u|":   &objective.Custom{Lambda: 0.7, Pair: "softplus(-lambda*u) + 30*abs(u)"},
		} {
			if g := gradient(env, params); !floats.EqualApprox(g, dpo, 1e-12) {
				t.Fatalf("start %d: the gradient of %s is %v, want dpo's %v", i, name, g, dpo)
			}
		}
	}
}
