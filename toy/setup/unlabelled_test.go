package setup

import (
	"context"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/bandit"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
)

// states is a bandit of one coordinate, of which the states are listed.
func states(labelled, unlabelled string) *Run {
	r := runOf(&objective.RLHF{Lambda: 0.3})
	env := &bandit.LinearReward{Responses: 3, Dimension: 1, Features: bandit.Features{"a*cos(pi*s)", "sin(pi*s)/(a + 1)"}, Reward: [][]float64{{1, 2}},
		States: &bandit.FileStates{Path: "labelled"}}
	if unlabelled != "" {
		env.Unlabelled = &bandit.FileStates{Path: "unlabelled"}
	}
	r.Train.Optimizer = &train.AdaGradNorm{LR: 1}
	r.Environment, r.Preferences = env, &preference.File{Path: "pairs"}
	r.Policy = &policy.LogLinearParams{Features: bandit.Features{"a*sin(pi*s)", "cos(pi*s)/(a + 1)"}, Start: []float64{0.3, -0.2}}
	files := map[string]string{"labelled": labelled, "unlabelled": unlabelled, "pairs": labelled}
	r.File = func(path string) ([]byte, string) { return []byte(files[path]), path }
	return r
}

const (
	two  = `{"prompt": 0, "state": 0.1, "chosen": 2, "rejected": 0}` + "\n" + `{"prompt": 1, "state": 0.6, "chosen": 0, "rejected": 1}` + "\n"
	more = `{"prompt": 2, "state": 0.3, "chosen": 1, "rejected": 0}` + "\n" + `{"prompt": 3, "state": 0.9, "chosen": 1, "rejected": 2}` + "\n"
)

// A loss that reads no comparisons is the same where states have one and where they have none, trained and solved; a loss of
// comparisons does not see states without.
func TestUnlabelled(t *testing.T) {
	trained := func(r *Run) (loss float64, theta, exact []float64) {
		s, err := New(r, Given{})
		if err != nil {
			t.Fatal(err)
		}
		loop := s.Loop()
		if _, err := loop.Run(context.Background(), func(train.Record) { loss = s.Problem.Loss(train.Full(s.Pairs, s.Problem)) }); err != nil {
			t.Fatal(err)
		}
		theta = slices.Clone(s.Policy.Params())
		if _, err := s.Solve(context.Background()); err != nil {
			t.Fatal(err)
		}
		return loss, theta, s.Policy.Params()
	}
	lossA, thetaA, exactA := trained(states(two+more, ""))
	lossB, thetaB, exactB := trained(states(two, more))
	lossC, thetaC, exactC := trained(states(two, ""))
	if !near(lossA, lossB) || !floats.EqualApprox(thetaA, thetaB, 1e-12) || !floats.EqualApprox(exactA, exactB, 1e-9) {
		t.Errorf("with comparisons %v, %v, %v; without %v, %v, %v", lossA, thetaA, exactA, lossB, thetaB, exactB)
	}
	if near(lossA, lossC) || floats.EqualApprox(thetaA, thetaC, 1e-6) || floats.EqualApprox(exactA, exactC, 1e-6) {
		t.Error("the states without preferences do not count")
	}
	one, other := states(two, more), states(two, "")
	one.Loss, other.Loss = &objective.IPO{Lambda: 1}, &objective.IPO{Lambda: 1}
	lossA, thetaA, exactA = trained(one)
	lossB, thetaB, exactB = trained(other)
	if lossA != lossB || !slices.Equal(thetaA, thetaB) || !floats.EqualApprox(exactA, exactB, 1e-12) {
		t.Error("a loss of comparisons sees states without")
	}
}

// Of two responses with one feature the likeliest reward has a closed form: with features 0 and x, of which the second wins a share p
// of comparisons, it is w = log(p/(1-p))/x. RLHF with it ends at pi_ref exp(w f/lambda).
func TestRewardModel(t *testing.T) {
	line := `{"prompt": 0, "state": 0.7, "chosen": 1, "rejected": 0}` + "\n"
	r := states(line+line+line+`{"prompt": 0, "state": 0.7, "chosen": 0, "rejected": 1}`, "")
	env := r.Environment.(*bandit.LinearReward)
	env.Responses, env.Features, env.Reward = 2, bandit.Features{"a*s"}, [][]float64{{-5}}
	once := *env
	r.Environment, r.Policy = &once, &policy.TabularParams{}
	file := r.File
	r.File = func(path string) ([]byte, string) {
		if path == "labelled" {
			return []byte(line), path
		}
		return file(path)
	}
	r.RewardModel = &RewardModel{Class: &policy.LogLinearParams{}}
	s, err := New(r, Given{})
	if err != nil {
		t.Fatal(err)
	}
	found, err := s.Solve(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := found.Policy[0][1]-found.Policy[0][0], math.Log(3)/0.3; math.Abs(got-want) > 1e-12 {
		t.Errorf("log-odds %v, want %v", got, want)
	}
	r = states(line, "") // the reward of one comparison grows for ever
	r.RewardModel = &RewardModel{Class: &policy.LogLinearParams{}}
	if _, err := New(r, Given{}); err == nil {
		t.Error("a reward model of separable comparisons")
	}
}
