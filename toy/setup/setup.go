package setup

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"windtunnel/toy/bandit"
	"windtunnel/toy/exact"
	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
)

// Setup is a run made concrete, at its start.
type Setup struct {
	Run       *Run
	Env       *bandit.Env
	Pairs     *preference.Pairs // where they are online, those of the first round
	Rewards   [][]float64       // see Run.Rewards
	Policy    policy.Policy
	Objective *objective.Objective
	Problem   *train.Problem // the loss of Policy
	Known     *exact.Known
}

// Given is what a caller has of a run already, made from the same settings; nil parts are built.
type Given struct {
	Env   *bandit.Env
	Pairs *preference.Pairs
	Known *exact.Known // minimizers that earlier runs have found
}

// New makes a run concrete. Errors are those of its environment, preferences and policy, and NoPurpose.
func New(r *Run, have Given) (*Setup, error) {
	s := &Setup{Run: r, Env: have.Env, Pairs: have.Pairs, Objective: r.Loss.Objective(), Known: have.Known}
	var err error
	if s.Env == nil {
		if s.Env, err = r.BuildEnvironment(); err != nil {
			return nil, err
		}
	}
	if s.Pairs == nil {
		if s.Pairs, err = r.BuildPreferences(s.Env); err != nil {
			return nil, err
		}
	}
	if s.Policy, err = r.BuildPolicy(s.Env); err != nil {
		return nil, err
	}
	s.Objective.Seed(r.Source("filter", nil).Uint64())
	s.Rewards = r.Rewards(s.Env)
	if r.RewardModel != nil {
		reward, err := bradleyTerry(context.Background(), s.Env, r.RewardModel.Class, s.Pairs)
		if err != nil {
			return nil, fmt.Errorf("reward_model: the comparisons have no one likeliest reward of the class: %w", err)
		}
		s.rewardBy(reward)
	}
	if r.Purpose == PurposeRLHF {
		if err := s.aim(context.Background()); err != nil {
			return nil, err
		}
	}
	s.Problem = s.problem(s.Policy, r.Constraint.L2)
	return s, nil
}

// problem is the loss of a policy of the run's environment.
func (s *Setup) problem(pol policy.Policy, l2 float64) *train.Problem {
	p := train.NewProblem(s.Env, pol, s.Objective, l2)
	if s.Objective.Sampled != nil {
		p.DrawReference(s.Run.Source("reference-samples", nil))
	}
	return p
}

// Loop trains the run's policy.
func (s *Setup) Loop() train.Loop {
	l := train.Loop{Problem: s.Problem, Data: s.Pairs, Params: s.Run.Train, KLRadius: s.Run.Constraint.KLRadius,
		Order: s.Run.Source("batches", nil)}
	if o := s.Run.Online(); o != nil {
		l.Online = &train.Online{Settings: o, Rewards: s.Rewards, Draws: s.Run.Source("preferences", o)}
	}
	return l
}

// Exact is the minimization of the run's loss over all its comparisons. A policy that is not affine is an error.
func (s *Setup) Exact() (*exact.Problem, error) {
	affine, ok := s.Policy.(policy.Affine)
	if !ok {
		return nil, errors.New("solver: exact needs a policy whose logits are affine in its parameters")
	}
	return &exact.Problem{Env: s.Env, Policy: affine, Objective: s.Objective, Pairs: s.Pairs, L2: s.Run.Constraint.L2, Known: s.Known}, nil
}

// Solve finds the minimizer of the run's loss, see exact.Solve.
func (s *Setup) Solve(ctx context.Context) (*exact.Solution, error) {
	p, err := s.Exact()
	if err != nil {
		return nil, err
	}
	return exact.Solve(ctx, p)
}

// LogPolicy writes the policy's K log-probabilities at a prompt (nats) to dst.
func (s *Setup) LogPolicy(prompt int, dst []float64) {
	s.Policy.Logits(prompt, dst)
	logspace.LogSoftmax(dst, dst)
}

// Surface returns the run's loss over all its comparisons (in the loss's unit) as a function of one prompt's K log-probabilities,
// the other prompts staying at their reference. Whatever the run's own policy class, these policies are tabular with logits of
// mean zero, which is what an L2 penalty is of; in another class, whose parameters a policy does not tell, the penalty is left
// out. The error says what run has no such loss: one that needs no comparisons, or draws them from the policy in training.
func (s *Setup) Surface(prompt int) (func(logPi []float64) float64, error) {
	if _, direct := s.Run.Loss.(objective.Direct); direct {
		return nil, errors.New("gives its policy directly and has no loss to draw")
	}
	if s.Run.Online() != nil {
		return nil, errors.New("compares pairs that are drawn from the policy in training, so that its loss changes along the way")
	}
	free, err := (&policy.TabularParams{}).Build(s.Env, nil)
	if err != nil {
		return nil, fmt.Errorf("has no tabular policies: %w", err)
	}
	k := s.Env.Responses()
	at := func(p int) []float64 { return free.Params()[k*p : k*p+k] }
	center := func(logits []float64) { floats.AddConst(-stat.Mean(logits, nil), logits) }
	for p := range s.Env.Prompts {
		copy(at(p), s.Env.Prompts[p].LogReference())
		center(at(p))
	}
	l2 := 0.0
	if _, tabular := s.Run.Policy.(*policy.TabularParams); tabular {
		l2 = s.Run.Constraint.L2
	}
	problem := s.problem(free, l2)
	whole, logits := train.Full(s.Pairs, problem), at(prompt)
	return func(logPi []float64) float64 {
		copy(logits, logPi)
		center(logits)
		return problem.Loss(whole)
	}, nil
}

// Grid returns the policies over three responses at which a loss is drawn: a triangular grid with some steps along an edge, in
// rows of falling length, with the probability of response 1 rising along a row and that of response 2 from row to row. Its border
// lies 0.004 inside the simplex, since losses are infinite on the edge; with 52 steps every probability is a whole number of
// thousandths.
func Grid(steps int) iter.Seq[[3]float64] {
	const inset, span = 4, 988 // thousandths: 3*4 + 988 = 1000
	at := func(i int) float64 { return (inset + float64(span*i)/float64(steps)) / 1000 }
	return func(yield func(pi [3]float64) bool) {
		for j := range steps + 1 {
			for i := range steps + 1 - j {
				if !yield([3]float64{at(steps - i - j), at(i), at(j)}) {
					return
				}
			}
		}
	}
}
