package setup

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/exact"
	"windtunnel/toy/objective"
	"windtunnel/toy/path"
	"windtunnel/toy/train"
)

// mostFlowing bounds the parameters of a flow, whose steps solve a dense system.
const mostFlowing = 2000

// Trace returns the points of the run's path, by rising strength or time. excess returns by how much a policy (prompts x K
// log-probabilities) exceeds each of the levels that Run.Path names; it is not called where there are none. Along time the
// reference of a loss stays where it starts. An error says what run has no such path, or is the context's.
func (s *Setup) Trace(ctx context.Context, excess func(policy [][]float64) []float64) ([]path.Point, error) {
	p := s.Run.Path
	if p.Along == path.Time {
		if n := len(s.Policy.Params()); n > mostFlowing {
			return nil, fmt.Errorf("a path along time needs a policy of at most %d parameters, and this one has %d", mostFlowing, n)
		}
		return s.flow().Flow(ctx, p)
	}
	if _, err := s.Exact(); err != nil {
		return nil, err
	}
	start := slices.Clone(s.Policy.Params())
	family := path.Family{Solve: func(strength float64, near [][][]float64) (path.Point, error) {
		copy(s.Policy.Params(), start)
		return s.minimizer(ctx, strength, near)
	}}
	if len(p.Levels) > 0 {
		family.Excess = excess
	}
	if p.Along == path.L2 {
		if family.Whole = p.To == 0; family.Whole {
			family.Limit, family.Scale = s.penaltyLimit()
		}
		from, to, points := p.Strengths(0, math.Inf(1))
		return family.Trace(ctx, p, from, to, points)
	}
	_, low, high, ok := objective.Lambda(s.Run.Loss)
	if !ok { // a single policy is its path
		q, err := family.Solve(math.NaN(), nil)
		q.Strength = math.NaN()
		return []path.Point{q}, err
	}
	from, to, points := p.Strengths(low, high)
	return family.Trace(ctx, p, from, to, points)
}

// minimizer solves at a strength of what the run's path is along, NaN for the loss as it is.
func (s *Setup) minimizer(ctx context.Context, strength float64, near [][][]float64) (path.Point, error) {
	problem, err := s.Exact()
	if err != nil {
		return path.Point{}, err
	}
	problem.From = near
	switch {
	case math.IsNaN(strength):
	case s.Run.Path.Along == path.L2:
		problem.L2 = strength
	default:
		problem.Objective = objective.WithLambda(s.Run.Loss, strength).Objective()
	}
	found, err := exact.Solve(ctx, problem)
	if err != nil {
		return path.Point{}, err
	}
	q := path.Point{Status: found.Status, Reason: found.Reason, Policy: found.Policy, Loss: found.Loss, GradNorm: found.GradNorm,
		Steps: found.Iterations}
	if slices.ContainsFunc(found.Policy, func(row []float64) bool { return row == nil }) {
		q.Policy = nil
	}
	return q, nil
}

// penaltyLimit returns the policies whose parameters are 0, which an infinite penalty leaves, and the norm of the loss's
// gradient there, with which the penalty's strength is on one scale.
func (s *Setup) penaltyLimit() (limit [][]float64, scale float64) {
	params := s.Policy.Params()
	start := slices.Clone(params)
	clear(params)
	gradient := make([]float64, len(params))
	problem := s.problem(s.Policy, 0)
	problem.AddGrad(train.Full(s.Pairs, problem), gradient)
	limit = s.Problem.Policies()
	copy(params, start)
	if scale = floats.Norm(gradient, 2); !(scale > 0) || math.IsInf(scale, 1) {
		scale = 1
	}
	return limit, scale
}

// flow is the run's loss as gradient flow sees it. A statistic that a term carries from step to step is that of the policy at
// hand, as where steps are short.
func (s *Setup) flow() *path.Descent {
	whole := train.Full(s.Pairs, s.Problem)
	return &path.Descent{Theta: s.Policy.Params(), Start: s.Problem.Policies(),
		Loss: func() float64 { return s.Problem.Loss(whole) },
		Gradient: func(dst []float64) {
			clear(dst)
			s.Problem.AddGrad(whole, dst)
		},
		Policy: func(dst [][]float64) {
			for i, row := range dst {
				s.LogPolicy(i, row)
			}
		}}
}
