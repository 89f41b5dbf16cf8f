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
	"windtunnel/toy/setup"
)

// landscapeSteps is how many steps the grid of a landscape has along an edge.
const landscapeSteps = 52

// Landscape evaluates a run's loss over all its comparisons (in the loss's unit) at the policies of setup.Grid for one prompt, see
// setup.Setup.Surface, and emits the policies with their losses. The error says what has no landscape: a run without such a loss,
// or policies over other than three responses.
func Landscape(run *spec.Run, prompt string, emit func(pi [3]float64, loss float64)) (err error) {
	broken := bridge.With(context.Background(), run.Loss, func(loss objective.Params) {
		connected := *run
		connected.Loss = loss
		err = landscape(&connected, prompt, emit)
	})
	if broken != nil {
		return fmt.Errorf("%s: %w", run.Label, broken)
	}
	return err
}

func landscape(run *spec.Run, prompt string, emit func(pi [3]float64, loss float64)) error {
	s, err := setup.New(&run.Run, setup.Given{})
	if err != nil {
		return err
	}
	at := slices.IndexFunc(s.Env.Prompts, func(p bandit.Prompt) bool { return p.Name == prompt })
	if k := s.Env.Responses(); at < 0 || k != 3 {
		return fmt.Errorf("a landscape is over 3 responses to one prompt; run %s has %d, and its prompt %s is number %d", run.ID, k, prompt, at)
	}
	loss, err := s.Surface(at)
	if err != nil {
		return fmt.Errorf("%s %w", run.Label, err)
	}
	logPi := make([]float64, 3)
	for pi := range setup.Grid(landscapeSteps) {
		for k, v := range pi {
			logPi[k] = math.Log(v)
		}
		emit(pi, loss(logPi))
	}
	return nil
}
