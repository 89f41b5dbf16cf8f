package model

import (
	"context"
	"math"
	"testing"

	"windtunnel/toy/bandit"
	"windtunnel/toy/objective"
	"windtunnel/toy/preference"
	"windtunnel/toy/setup"
	"windtunnel/toy/train"
	"windtunnel/toy/variants"
)

// Every loss ends where a run of the same settings ends, trained and solved.
func TestOneLoss(t *testing.T) {
	state := Default()
	state.Draws, state.Seed, state.Steps = 12, 3, 20
	w := &instance{State: state, env: environment(state.Star, state.Ref)}
	var err error
	if w.pairs, err = state.run(nil).BuildPreferences(w.env); err != nil {
		t.Fatal(err)
	}
	for _, v := range variants.Of(objective.Kinds(), func(objective.Params) {}) {
		u := &subject{instance: w, Params: v.Params}
		run := state.run(v.Params)
		run.Environment = &bandit.Declared{Prompts: []bandit.DeclaredPrompt{{Name: "x", PiStar: state.Star, PiRef: state.Ref}}}
		s, err := setup.New(run, setup.Given{})
		if err != nil {
			t.Fatal(err)
		}
		if sample := run.Preferences.(*preference.Sample); sample.N != state.Draws {
			t.Fatalf("%d draws", sample.N)
		}
		if _, direct := v.Params.(objective.Direct); direct {
			continue
		}
		found, solveErr := s.Solve(context.Background())
		got := u.minimizer()
		if solveErr == nil && found.Status == train.Converged && (got.status != string(found.Status) || math.Abs(got.loss-found.Loss) > 1e-12*(1+math.Abs(found.Loss))) {
			t.Errorf("%s: %s with loss %v, want %s with %v", v.Name, got.status, got.loss, found.Status, found.Loss)
		}
		if solveErr != nil && got.logPi != nil {
			t.Errorf("%s: a policy where the solver says %v", v.Name, solveErr)
		}
		if s, err = setup.New(run, setup.Given{}); err != nil {
			t.Fatal(err)
		}
		loop := s.Loop()
		end, err := loop.Run(context.Background(), func(train.Record) {})
		if err != nil {
			t.Fatal(err)
		}
		trained := u.trajectory(&Outcome{})
		want := s.Problem.Loss(train.Full(s.Pairs, s.Problem))
		if trained.status != string(end.Status) || end.Status != train.Diverged && math.Abs(trained.loss-want) > 1e-12*(1+math.Abs(want)) {
			t.Errorf("%s: %s with loss %v, want %s with %v", v.Name, trained.status, trained.loss, end.Status, want)
		}
	}
}
