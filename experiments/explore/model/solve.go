package model

import (
	"fmt"
	"math"
	"strings"

	"windtunnel/toy/bandit"
	"windtunnel/toy/exact"
	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/setup"
	"windtunnel/toy/train"
)

// subject is a loss in its world.
type subject struct {
	*world
	objective.Params
	kind  string
	label string
}

// preferences returns the parameters of the comparisons.
func (s State) preferences() preference.Params {
	if s.Draws == 0 {
		return &preference.Population{}
	}
	kind, _ := preference.Kinds().Find("sample")
	p := kind.New().(*preference.Sample)
	p.N = s.Draws
	return p
}

// policyParams returns the parameters of the policy class.
func (s State) policyParams() policy.Params {
	if s.Basis == nil {
		return &policy.TabularParams{}
	}
	return &policy.LowRankParams{Basis: [][]float64{s.Basis}}
}

// run is a run of a loss on the state.
func (s State) run(loss objective.Params) *setup.Run {
	return &setup.Run{Loss: loss, Settings: setup.Settings{Seed: s.Seed, Preferences: s.preferences(), Policy: s.policyParams(),
		Solver: setup.SolverTrain, Train: s.trainParams(), Constraint: train.Constraint{L2: s.L2, KLRadius: s.KLRadius}}}
}

// setup makes the run of a loss concrete. It panics on a state that Check refuses.
func (s State) setup(loss objective.Params, env *bandit.Env, pairs *preference.Pairs) *setup.Setup {
	made, err := setup.New(s.run(loss), setup.Given{Env: env, Pairs: pairs})
	if err != nil {
		panic(fmt.Sprintf("model: %v", err))
	}
	return made
}

// classReach is how far, in nats between two responses, the curve of a policy class is drawn from pi_ref.
const classReach = 16

// classPoints is the number of policies along it.
const classPoints = 97

// class returns the policies of a class that is a curve, nil for all policies.
func (w *world) class() [][]Number {
	if w.Basis == nil {
		return nil
	}
	low, high := math.Inf(1), math.Inf(-1)
	for _, b := range w.Basis {
		low, high = min(low, b), max(high, b)
	}
	pol, err := w.run(nil).BuildPolicy(w.env)
	if err != nil {
		panic(fmt.Sprintf("model: policy: %v", err)) // Check refuses such a state
	}
	var all [][]Number
	for i := range classPoints {
		t := 2*float64(i)/(classPoints-1) - 1
		pol.Params()[0] = t * math.Abs(t) * classReach / (high - low) // denser around pi_ref
		all = append(all, probabilities(logPolicy(pol)))
	}
	return all
}

// logPolicy returns the policy's log-probabilities.
func logPolicy(pol policy.Policy) []float64 {
	logPi := make([]float64, responses)
	pol.Logits(0, logPi)
	logspace.LogSoftmax(logPi, logPi)
	return logPi
}

// trainParams are the settings of the trajectory.
func (s State) trainParams() train.Params {
	p := train.DefaultParams()
	p.Optimizer.(*train.Adam).LR = s.LearnRate
	p.BatchSize, p.Epochs, p.RecordEvery = 0, s.Steps, s.recordEvery()
	return p
}

// recordEvery is how many steps pass between the policies of a trajectory: about 100 are drawn.
func (s State) recordEvery() int { return max(1, s.Steps/100) }

// solution is a policy that a solver ended at.
type solution struct {
	solver string
	status string
	reason string
	logPi  []float64 // nil where there is none
	loss   float64
}

// outcome computes all about a loss but path and criteria.
func (u *subject) outcome() *Outcome {
	o := &Outcome{Label: u.label, Kind: u.kind}
	found, trained := u.minimizer(), solution{}
	if _, direct := u.Params.(objective.Direct); !direct {
		trained = u.trajectory(o)
	}
	if found.logPi == nil && found.status != string(train.Diverged) {
		trained.reason = strings.TrimSpace(trained.reason + " " + found.reason)
		found = trained
		o.Rest = u.rested()
	}
	o.Solver, o.Status, o.Reason = found.solver, found.status, found.reason
	o.Policy, o.Loss = probabilities(found.logPi), Number(found.loss)
	if found.logPi != nil {
		o.Measures = u.measures(found.logPi)
	}
	o.Landscape = u.landscape()
	return o
}

// minimizer finds the exact minimizer. A status other than a solver's is why it cannot be had.
func (u *subject) minimizer() solution {
	if direct, ok := u.Params.(objective.Direct); ok {
		x := &u.env.Prompts[0]
		return solution{solver: setup.SolverExact, status: "given", loss: math.NaN(), logPi: direct.Policy(x.LogReference(), x.LogStar)}
	}
	if u.KLRadius > 0 {
		return solution{reason: "A KL radius is a projection between training steps, which the exact solver has not."}
	}
	found, err := u.setup(u.Params, u.env, u.pairs).Solve(background)
	if err != nil {
		return solution{reason: capitalized(err.Error())}
	}
	out := solution{solver: setup.SolverExact, status: string(found.Status), reason: capitalized(found.Reason), loss: found.Loss, logPi: found.Policy[0]}
	if found.Status == exact.Stalled {
		out.logPi = nil
	}
	return out
}

// rested is where Newton's method rests without a KL radius, which it has not.
func (u *subject) rested() []Number {
	if u.KLRadius > 0 {
		return nil
	}
	return probabilities(u.stationary(u.Params, u.env, u.pairs))
}

// trajectory trains from pi_ref and keeps the policies on the way.
func (u *subject) trajectory(o *Outcome) solution {
	made := u.setup(u.Params, u.env, u.pairs)
	loop := made.Loop()
	var last []float64
	loss := math.NaN()
	end, err := loop.Run(background, func(r train.Record) {
		last, loss = logPolicy(made.Policy), r.Loss
		o.Trajectory = append(o.Trajectory, probabilities(last))
	})
	if err != nil {
		return solution{solver: setup.SolverTrain, status: string(train.Failed), reason: capitalized(err.Error()), loss: math.NaN()}
	}
	o.Trained = trainedText(end)
	out := solution{solver: setup.SolverTrain, status: string(end.Status), reason: capitalized(end.Reason), loss: loss, logPi: last}
	if end.Status == train.Diverged {
		out.logPi, o.Trajectory = nil, finite(o.Trajectory)
	} else {
		out.loss = made.Problem.Loss(train.Full(u.pairs, made.Problem))
	}
	return out
}

// trainedText says how training ended.
func trainedText(end train.Outcome) string {
	text := fmt.Sprintf("%s after %d steps", end.Status, end.Steps)
	if end.Reason != "" {
		text += ": " + end.Reason
	}
	return text
}

// finite keeps the policies before the first that is none.
func finite(policies [][]Number) [][]Number {
	for i, p := range policies {
		for _, v := range p {
			if math.IsNaN(float64(v)) {
				return policies[:i]
			}
		}
	}
	return policies
}

// capitalized makes a sentence of a reason.
func capitalized(reason string) string {
	if reason == "" {
		return ""
	}
	return strings.ToUpper(reason[:1]) + strings.TrimSuffix(reason[1:], ".") + "."
}
