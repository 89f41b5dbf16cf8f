package setup

import (
	"context"
	"fmt"
	"math"
	"slices"

	"windtunnel/toy/exact"
	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/train"
)

// Purposes that Settings.Purpose names; none is PurposeLoss.
const (
	PurposeLoss = "loss"
	PurposeRLHF = "rlhf"
)

// NoPurpose is the error of a run with PurposeRLHF whose loss has no unconstrained minimizer inside the simplex, to which no
// reward would lead.
type NoPurpose struct {
	Status train.Status // exact.Stalled where it is not known, exact.Boundary where it lies there, else train.Diverged
	Reason string
}

func (e *NoPurpose) Error() string { return e.Reason }

// aim turns the run's loss into the RLHF problem with the same unconstrained minimizer pi_free, that of the reward
// log(pi_free/pi_ref) at lambda = 1: to minimize KL(pi to pi_free). The reward takes the place of log pi_star in the
// environment.
func (s *Setup) aim(ctx context.Context) error {
	free, err := (&policy.TabularParams{}).Build(s.Env, nil)
	if err != nil {
		return err
	}
	found, err := exact.Solve(ctx, &exact.Problem{Env: s.Env, Policy: free.(policy.Affine), Objective: s.Objective, Pairs: s.Pairs, Known: s.Known})
	if err != nil {
		return err
	}
	rewards := make([][]float64, len(found.Policy))
	for i, logPi := range found.Policy {
		x := &s.Env.Prompts[i]
		reward := make([]float64, len(x.LogStar))
		for k, ref := range x.LogReference() {
			if len(logPi) == 0 || math.IsInf(logPi[k], 0) || math.IsNaN(logPi[k]) {
				status := train.Diverged
				if found.Status == exact.Stalled || found.Status == exact.Boundary {
					status = found.Status
				}
				return &NoPurpose{status, fmt.Sprintf("without a constraint the loss has no minimizer inside the simplex, and so no reward to stand for it (%s: %s)",
					found.Status, found.Reason)}
			}
			reward[k] = logPi[k] - ref
		}
		logspace.LogSoftmax(reward, reward)
		rewards[i] = reward
	}
	s.rewardBy(rewards)
	s.Objective = (&objective.RLHF{Lambda: 1}).Objective()
	return nil
}

// rewardBy puts rewards, prompts x K normalized log-probabilities, in the place of log pi_star.
func (s *Setup) rewardBy(rewards [][]float64) {
	env := *s.Env
	env.Prompts = slices.Clone(s.Env.Prompts)
	for i, reward := range rewards {
		env.Prompts[i].LogStar = reward
	}
	s.Env = &env
}
