package exact

import (
	"context"
	"math"
	"strings"
	"testing"

	"windtunnel/toy/bandit"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
)

// Where training's gradient, which shares no code with this package's, vanishes for every loss that has second
// derivatives; those that read reward gaps and dispersions among them.
func TestStationaryGradientVanishes(t *testing.T) {
	env, err := (&bandit.Declared{Prompts: []bandit.DeclaredPrompt{
		{Name: "x", PiStar: []float64{0.6, 0.3, 0.1}, PiRef: []float64{0.4, 0.4, 0.2}}}}).Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	pairs, err := (&preference.Population{}).Build(preference.Input{Env: env})
	if err != nil {
		t.Fatal(err)
	}
	for name, loss := range map[string]objective.Params{
		"dpo": &objective.DPO{Lambda: 0.5}, "odpo": &objective.ODPO{Lambda: 0.5, Alpha: 1, Scaling: "identity"}, "mallows": &objective.Mallows{Lambda: 0.5, Scale: 1},
		"sppo": &objective.SPPO{Lambda: 1, Divergence: objective.Divergence{Divergence: "reverse_kl"}},
		"nca":  &objective.NCA{Lambda: 1, Divergence: objective.Divergence{Divergence: "reverse_kl"}},
	} {
		pol, _ := (&policy.TabularParams{}).Build(env, nil)
		s, err := Stationary(context.Background(), &Problem{Env: env, Policy: pol.(policy.Affine), Objective: loss.Objective(), Pairs: pairs})
		if err != nil || s.Status != train.Converged {
			t.Errorf("%s: %v %v", name, s, err)
			continue
		}
		problem := train.NewProblem(env, pol, loss.Objective(), 0)
		grad := make([]float64, 3)
		problem.AddGrad(train.Full(pairs, problem), grad)
		for _, g := range grad {
			if math.Abs(g) > 1e-10 {
				t.Errorf("%s: gradient %v", name, grad)
			}
		}
	}
}

// Losses that a search would miss a part of are refused: couplings without second derivatives, and responses that were
// drawn from the reference, which no solver is given.
func TestStationaryRefuses(t *testing.T) {
	env, _ := (&bandit.Declared{Prompts: []bandit.DeclaredPrompt{{Name: "x", PiStar: []float64{0.6, 0.4}, PiRef: []float64{0.5, 0.5}}}}).Build(nil)
	pol, _ := (&policy.TabularParams{}).Build(env, nil)
	sampled := &objective.TYPO{Lambda: 1, ReferenceSamples: objective.DrawnFromReference(8)}
	for want, loss := range map[string]objective.Params{"*objective.transport": &objective.AOT{Lambda: 1}, "sampled reference responses": sampled} {
		_, err := Stationary(context.Background(), &Problem{Env: env, Policy: pol.(policy.Affine), Objective: loss.Objective()})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%T: %v, want %s", loss, err, want)
		}
	}
	p := &Problem{Env: env, Policy: pol.(policy.Affine), Objective: sampled.Objective()}
	_, newton := Stationary(context.Background(), p)
	if _, err := Solve(context.Background(), p); err == nil || err.Error() != newton.Error() {
		t.Errorf("Solve says %v, Stationary %v", err, newton)
	}
}
