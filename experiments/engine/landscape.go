package engine

import (
	"context"
	"fmt"
	"math"
	"slices"

	"windtunnel/experiments/bridge"
	"windtunnel/experiments/spec"
	"windtunnel/toy/bandit"
	"windtunnel/toy/objective"
	"windtunnel/toy/path"
	"windtunnel/toy/setup"
	"windtunnel/toy/train"
)

// landscapeSteps is how many steps the grid of a landscape has along an edge.
const landscapeSteps = 52

// LandscapePolicy is a policy over three responses with the loss of a run there, in the loss's unit.
type LandscapePolicy struct {
	Pi     [3]float64
	Loss   float64
	Lambda float64      // at which the policy minimizes the loss; NaN on the grid
	Status train.Status // of that minimizer
}

// Landscape evaluates a run's loss over all its comparisons at the policies of setup.Grid for one prompt, see
// setup.Setup.Surface, and after them at its minimizers over lambda where the exact solver finds any. The error says what has no
// landscape: a run without such a loss, or policies over other than three responses.
func Landscape(run *spec.Run, prompt string) (policies []LandscapePolicy, err error) {
	broken := bridge.With(context.Background(), run.Loss, func(loss objective.Params) {
		connected := *run
		connected.Loss = loss
		connected.Path = &path.Params{Along: path.Lambda, Step: 0.02}
		policies, err = landscape(&connected, prompt)
	})
	if broken != nil {
		err = fmt.Errorf("%s: %w", run.Label, broken)
	}
	return policies, err
}

func landscape(run *spec.Run, prompt string) ([]LandscapePolicy, error) {
	s, err := setup.New(&run.Run, setup.Given{})
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(s.Env.Prompts, func(p bandit.Prompt) bool { return p.Name == prompt })
	if k := s.Env.Responses(); at < 0 || k != 3 {
		return nil, fmt.Errorf("a landscape is over 3 responses to one prompt; run %s has %d, and its prompt %s is number %d", run.ID, k, prompt, at)
	}
	loss, err := s.Surface(at)
	if err != nil {
		return nil, fmt.Errorf("%s %w", run.Label, err)
	}
	var policies []LandscapePolicy
	logPi := make([]float64, 3)
	for pi := range setup.Grid(landscapeSteps) {
		for k, v := range pi {
			logPi[k] = math.Log(v)
		}
		policies = append(policies, LandscapePolicy{pi, loss(logPi), math.NaN(), ""})
	}
	minimizers, err := s.Trace(context.Background(), nil)
	if err != nil {
		return policies, nil // the loss is drawn without them
	}
	for _, q := range minimizers {
		if q.Policy == nil || math.IsNaN(q.Strength) {
			continue
		}
		found := LandscapePolicy{Loss: loss(q.Policy[at]), Lambda: q.Strength, Status: q.Status}
		for k, v := range q.Policy[at] {
			found.Pi[k] = math.Exp(v)
		}
		policies = append(policies, found)
	}
	return policies, nil
}
