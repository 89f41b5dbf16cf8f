package setup

import (
	"context"
	"fmt"
	"slices"

	"windtunnel/toy/bandit"
	"windtunnel/toy/exact"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
)

// SolveRounds iterates preference optimization (arXiv 2602.12180): each round solves the loss on the pairs that the policy of the
// round before draws, of which those of two different responses count, with the reference that preference.Online asks for. record
// is called after every round, counted from 1, with its pairs and its solution; of the last one that may have no policy. Rounds
// end as train.Orbit finds where they are watched. Of a policy that draws hardly anything but one response comparisons may be lost to
// rounding, and then nothing is found any more.
func (s *Setup) SolveRounds(ctx context.Context, record func(round int, pairs *preference.Pairs, found *exact.Solution)) (train.Outcome, error) {
	o := s.Run.Online()
	draws, current, pairs := s.Run.Source("preferences", o), s.Problem.Policies(), &preference.Pairs{}
	problem, err := s.Exact()
	if err != nil {
		return train.Outcome{}, err
	}
	var orbit train.Orbit
	most := 0 // comparisons of a round
	orbit.Add(slices.Concat(current...))
	for round := range o.Rounds {
		fresh := o.Draw(draws, s.Env, s.Rewards, func(prompt int, dst []float64) { copy(dst, current[prompt]) }).Differing()
		if o.Accumulate {
			pairs.Append(fresh)
		} else {
			pairs = fresh
		}
		switch {
		case pairs.Len() > 0:
		case round == 0:
			return train.Outcome{}, preference.ErrNoPairs
		case o.Pairs == 0:
			return train.Outcome{Status: train.Done, Steps: round, Reason: fmt.Sprintf("the policy of round %d draws no two different responses", round)}, nil
		default:
			continue // another draw may differ
		}
		if o.Reference == "previous" {
			problem.Env = startingAt(problem.Env, current)
		}
		pol, err := s.Run.BuildPolicy(problem.Env)
		if err != nil {
			return train.Outcome{}, err
		}
		problem.Policy, problem.Pairs = pol.(policy.Affine), pairs
		found, err := exact.Solve(ctx, problem)
		if err != nil {
			return train.Outcome{}, err
		}
		record(round+1, pairs, found)
		if slices.ContainsFunc(found.Policy, func(row []float64) bool { return row == nil }) {
			return train.Outcome{Status: found.Status, Steps: round + 1, Reason: found.Reason}, nil
		}
		if most = max(most, pairs.Len()); o.Pairs == 0 && pairs.Len() < most {
			orbit = train.Orbit{}
		}
		current = found.Policy
		if end, ended := orbit.Add(slices.Concat(current...)); ended && o.Watch {
			end.Steps = round + 1
			return end, nil
		}
	}
	return train.Outcome{Status: train.Done, Steps: o.Rounds}, nil
}

func startingAt(env *bandit.Env, logPi [][]float64) *bandit.Env {
	moved := *env
	moved.Prompts = slices.Clone(env.Prompts)
	for i := range moved.Prompts {
		moved.Prompts[i].Init = logPi[i]
	}
	return &moved
}
