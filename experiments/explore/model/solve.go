package model

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/floats"

	"windtunnel/metrics"
	"windtunnel/toy/bandit"
	"windtunnel/toy/exact"
	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/setup"
	"windtunnel/toy/train"
)

// subject is a loss of an instance.
type subject struct {
	*instance
	objective.Params
	index int // in State.Losses
}

// run is a run of a loss on the state.
func (s State) run(loss objective.Params) *setup.Run {
	r := &setup.Run{Loss: loss, Settings: setup.Settings{Seed: s.Seed, Preferences: &preference.Population{}, Policy: &policy.TabularParams{},
		Solver: setup.SolverTrain, Train: train.DefaultParams(), Constraint: train.Constraint{L2: s.L2, KLRadius: s.KLRadius}}}
	if s.Draws > 0 {
		kind, _ := preference.Kinds().Find("sample")
		sample := kind.New().(*preference.Sample)
		sample.N = s.Draws
		r.Preferences = sample
	}
	if s.Basis != nil {
		r.Policy = &policy.LowRankParams{Basis: [][]float64{s.Basis}}
	}
	r.Train.Optimizer.(*train.Adam).LR = s.LearnRate
	r.Train.BatchSize, r.Train.Epochs, r.Train.RecordEvery = 0, s.Steps, s.recordEvery()
	return r
}

// recordEvery is how many steps pass between the policies of a trajectory: about 100 are drawn.
func (s State) recordEvery() int { return max(1, s.Steps/100) }

// setup makes the run of a loss concrete. It panics on a state that ParseState refuses.
func (in *instance) setup(loss objective.Params, env *bandit.Env, pairs *preference.Pairs) *setup.Setup {
	made, err := setup.New(in.run(loss), setup.Given{Env: env, Pairs: pairs, Known: &in.known})
	if err != nil {
		panic(fmt.Sprintf("model: %v", err))
	}
	return made
}

// The curve of a policy class has classPoints policies and reaches classReach nats between two responses from pi_ref.
const (
	classReach  = 16
	classPoints = 97
)

// class returns the policies of a class that is a curve, nil for all policies.
func (in *instance) class() [][]Number {
	if in.Basis == nil {
		return nil
	}
	pol, err := in.run(nil).BuildPolicy(in.env)
	if err != nil {
		panic(fmt.Sprintf("model: policy: %v", err)) // ParseState refuses such a state
	}
	var all [][]Number
	for i := range classPoints {
		t := 2*float64(i)/(classPoints-1) - 1
		pol.Params()[0] = t * math.Abs(t) * classReach / (floats.Max(in.Basis) - floats.Min(in.Basis)) // denser around pi_ref
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

// solution is a policy that a solver ended at.
type solution struct {
	solver string
	status string
	reason string
	logPi  []float64 // nil where there is none
	loss   float64
}

// missing says whether it is known that there is none.
func (s *solution) missing() bool {
	return s.solver != "" && s.status != string(exact.Stalled) && s.logPi == nil
}

// outcome computes all about a loss but path and criteria.
func (u *subject) outcome() *Outcome {
	o := &Outcome{Label: u.label(u.index), Kind: canonical(u.Losses[u.index].Kind)}
	found, trained := u.minimizer(), solution{}
	if _, direct := u.Params.(objective.Direct); !direct {
		trained = u.trajectory(o)
	}
	if found.logPi == nil && found.status != string(train.Diverged) {
		trained.reason = strings.TrimSpace(trained.reason + " " + found.reason)
		found = trained
	}
	o.Solver, o.Status, o.Reason = found.solver, found.status, found.reason
	o.Policy, o.Loss = probabilities(found.logPi), Number(found.loss)
	if found.logPi != nil {
		v := u.view(found.logPi)
		for _, m := range metrics.All() {
			o.Measures = append(o.Measures, Measure{m.Name, Number(m.Value(v))})
		}
	}
	kind, _ := objective.Kinds().Find(o.Kind)
	printed := strings.ReplaceAll(cmp.Or(kind.Label, o.Kind), "$", "")
	o.Answer = strings.Replace(o.Label, o.Kind, printed, 1) + " " + o.answer(floats.MaxIdx(u.env.Prompts[0].LogStar))
	o.Landscape = u.landscape()
	return o
}

// arrived is the total variation within which a policy is said to be at pi_star, the mode or pi_ref.
const arrived = 0.05

// answer says where the policy is by its measures; best is the mode's response.
func (o *Outcome) answer(best int) string {
	if o.Policy == nil {
		return "ends at no policy."
	}
	tv := map[string]float64{}
	for _, m := range o.Measures {
		if tv[m.Name] = float64(m.Value); tv[m.Name] < 1e-9 {
			tv[m.Name] = 0
		}
	}
	star, mode, ref := tv["tv_star"], tv["tv_mode"], tv["tv_ref"]
	switch least := min(star, mode, ref); {
	case !(least <= arrived):
		return fmt.Sprintf("lands %.2g from π*, %.2g from π_ref and %.2g from the mode.", star, ref, mode)
	case least == star:
		return fmt.Sprintf("lands %.2g from π*.", star)
	case least == mode:
		return fmt.Sprintf("collapses to y_%c, %.2g from all mass on it and %.2g from π*.", 'a'+best, mode, star)
	}
	return fmt.Sprintf("stays at π_ref, %.2g from it and %.2g from π*.", ref, star)
}

// minimizer finds the exact minimizer. Where the solver is "", the reason says why it cannot be had.
func (u *subject) minimizer() solution {
	if direct, ok := u.Params.(objective.Direct); ok {
		x := &u.env.Prompts[0]
		return solution{solver: setup.SolverExact, status: "given", loss: math.NaN(), logPi: direct.Policy(x.LogReference(), x.LogStar)}
	}
	if u.KLRadius > 0 {
		return solution{reason: "A KL radius is a projection between training steps, which the exact solver has not."}
	}
	return u.solved(u.Params, u.env, u.pairs)
}

// solved is what the exact solver says of a loss. Where it takes none, the solver is "".
func (u *subject) solved(loss objective.Params, env *bandit.Env, pairs *preference.Pairs) solution {
	found, err := u.setup(loss, env, pairs).Solve(context.Background())
	if err != nil {
		return solution{reason: capitalized(err.Error())}
	}
	out := solution{solver: setup.SolverExact, status: string(found.Status), reason: capitalized(found.Reason), loss: found.Loss, logPi: found.Policy[0]}
	if found.Status == exact.Stalled {
		out.logPi = nil
	}
	return out
}

// trajectory trains from pi_ref and writes the policies on the way into the outcome.
func (u *subject) trajectory(o *Outcome) solution {
	made := u.setup(u.Params, u.env, u.pairs)
	loop := made.Loop()
	var last []float64
	loss := math.NaN()
	end, err := loop.Run(context.Background(), func(r train.Record) {
		last, loss = logPolicy(made.Policy), r.Loss
		o.Trajectory = append(o.Trajectory, probabilities(last))
	})
	if err != nil {
		return solution{solver: setup.SolverTrain, status: string(train.Failed), reason: capitalized(err.Error()), loss: math.NaN()}
	}
	o.Trained = fmt.Sprintf("%s after %d steps", end.Status, end.Steps)
	if end.Reason != "" {
		o.Trained += ": " + end.Reason
	}
	out := solution{solver: setup.SolverTrain, status: string(end.Status), reason: capitalized(end.Reason), loss: loss, logPi: last}
	if end.Status != train.Diverged {
		out.loss = made.Problem.Loss(train.Full(u.pairs, made.Problem))
		return out
	}
	out.logPi = nil
	isNaN := func(v Number) bool { return math.IsNaN(float64(v)) }
	if i := slices.IndexFunc(o.Trajectory, func(pi []Number) bool { return slices.ContainsFunc(pi, isNaN) }); i >= 0 {
		o.Trajectory = o.Trajectory[:i]
	}
	return out
}

// capitalized makes a sentence of a reason.
func capitalized(reason string) string {
	if reason == "" {
		return ""
	}
	return strings.ToUpper(reason[:1]) + strings.TrimSuffix(reason[1:], ".") + "."
}
