package scorecard

import (
	"context"
	"math"
	"testing"

	"windtunnel/toy/objective"
	"windtunnel/toy/setup"
	"windtunnel/toy/train"
	"windtunnel/toy/variants"
)

// Every loss that the scorecard minimizes is the loss of a run of the same settings, samples of the reference included.
func TestOneLoss(t *testing.T) {
	p := newEnvironment("interpolation", interpolationBandit, 0)
	for _, v := range variants.Of(objective.Kinds(), func(objective.Params) {}) {
		if _, direct := v.Params.(objective.Direct); direct {
			continue
		}
		task := p.task()
		task.loss = v.Params
		s, err := setup.New(&setup.Run{Settings: task.Settings, Loss: v.Params}, setup.Given{})
		if err != nil {
			t.Fatal(err)
		}
		_, made := task.build()
		searched := newSearcher(made, 1)
		if want := s.Problem.Loss(train.Full(s.Pairs, s.Problem)); math.Abs(searched.first-want) > 1e-12*(1+math.Abs(want)) {
			t.Errorf("%s: a search begins at a loss of %v, a run at %v", v.Name, searched.first, want)
		}
		o := task.exact(context.Background())
		found, err := s.Solve(context.Background())
		if (err == nil) != (o.err == nil) {
			t.Errorf("%s: the error is %v, want %v", v.Name, o.err, err)
		}
		if err == nil && found.Status == train.Converged && o.reached != found.Loss {
			t.Errorf("%s: the minimum is %v, want %v", v.Name, o.reached, found.Loss)
		}
		if s.Objective.Sampled != nil {
			if at := task.stationary(context.Background()); at.err == nil {
				t.Errorf("%s: a stationary point without the samples of the reference", v.Name)
			}
		}
	}
}
