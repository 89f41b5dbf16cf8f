// Package exact finds the minimizers that training only approaches: the policy at which a loss, taken over all its
// comparisons at once, is smallest. It works in variables in which the answer does not depend on the size of lambda, and
// decides by structure (which responses were compared, which never lose, what the loss is bounded by) whether a
// minimizer exists, and never by the size of a number, as far as the structure is known (terms.go, rules.go).
//
// A tabular policy with a loss of one margin is solved prompt by prompt in the scaled margins (margin.go, normalize.go,
// boundary.go), exact RLHF in closed form (gibbs), other convex losses by Newton's method in the parameters
// (lossfunction.go, newton.go), after the directions that the loss cannot see have been set aside (limited.go) and those in
// which it falls for ever have been ruled out (recession.go). Everything else is searched from many starts (search.go,
// kinks.go) and, where what it found is convex, proved afterwards. Losses that hold a statistic back from differentiation
// have no minimizer but policies at rest (rest.go, and equilibrium.go in the game of win rates).
package exact

import (
	"context"
	"errors"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/bandit"
	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
)

// Problem is what to minimize: over the parameters theta of Policy,
//
//	sum_i w_i pair_i + sum_x W_x dist(x) + L2 sum(theta^2),
//
// with w_i the weights of the comparisons (summing to 1) and W_x the total weight of prompt x's comparisons, or where there are unlabelled
// prompts as bandit.Env.Shares has it. Without
// any comparisons and without a term that needs them (exact RLHF), W_x = 1/P.
type Problem struct {
	Env       *bandit.Env
	Policy    policy.Affine // at its starting point; Solve leaves the minimizer in its parameters
	Objective *objective.Objective
	Pairs     *preference.Pairs // may be nil where the objective has no pair terms
	L2        float64           // alpha of alpha sum(theta^2), [0, inf)
	Known     *Known            // what was found of problems like this one, by prompt, and takes in what is found; may be nil
	From      [][][]float64     // policies, prompts x K log-probabilities: search from these (of all policies also from pi_ref) alone, for the minima that neighbouring ones become; may be nil
}

// Status says what kind of answer a Solution is. train.Converged is the unique global minimizer, by convexity or in closed form;
// train.Diverged is a loss that falls for ever, without minimizer.
type Status = train.Status

// The other answers of a solver.
const (
	// NotUnique is a flat direction; the policy reported is the minimizer nearest to pi_ref in KL(pi_ref to pi).
	NotUnique Status = "not-unique"
	// Boundary is a policy on the boundary of the simplex, where some responses have probability 0: there the loss, continued,
	// takes its infimum. Where which ones is not resolved, as the reason says, it is the best policy met.
	Boundary Status = "boundary"
	// Local is the best minimum found from many starts.
	Local Status = "local"
	// Stationary is a policy at which the gradient of a loss vanishes that holds a statistic back from differentiation, and so has
	// no minimizer.
	Stationary = train.Stationary
	// Stalled is a solver that gave up: no statement about the loss.
	Stalled Status = "stalled"
)

// Statuses lists all statuses in the order of their gravity. Those before train.Diverged carry a policy.
var Statuses = []Status{train.Converged, NotUnique, Boundary, Local, Stationary, train.Diverged, Stalled}

// graver says whether a status is worse than another: where prompts differ, a solution has the gravest.
func graver(a, b Status) bool { return slices.Index(Statuses, a) > slices.Index(Statuses, b) }

// Solution is the outcome of Solve.
type Solution struct {
	Status     Status
	Reason     string      // one sentence naming the prompt and the responses; when converged, why it is the minimizer
	Iterations int         // Newton steps, over all prompts and starts, without the first few that choose among starts
	Policy     [][]float64 // prompts x K log-probabilities (nats); a nil row where there is no minimizer
	Loss       float64     // the full loss at the solution; NaN where a row is nil
	GradNorm   float64     // Euclidean norm of its gradient by the parameters; NaN where a row is nil
	Change     float64     // largest change of a probability in the last Newton step, over all prompts
}

// Solve minimizes the problem's loss. The parameters of prompts (more exactly, of the policy's blocks) that have a
// policy end at it, at log-probabilities for a tabular policy without penalty, where -Inf stands for probability 0;
// the others stay at the start. An error means that the problem is malformed, that ctx was cancelled, that the objective samples
// responses of the reference, or that the combination of terms, class and penalty is one that Solve has no statement about.
func Solve(ctx context.Context, p *Problem) (*Solution, error) {
	if p.Objective.Filters() {
		return nil, errors.New("comparisons are left out of each batch at random, and a minimizer has no batches")
	}
	if mean := p.Objective.Averaged(); mean != nil && p.L2 == 0 {
		return byMean(ctx, p, mean)
	}
	inner := *p
	var held bool
	inner.Objective, held = potential(p.Objective)
	kinds, err := classify(inner.Objective)
	if err != nil {
		return nil, err
	}
	s, err := newSolver(ctx, &inner, kinds)
	if err != nil {
		return nil, err
	}
	s.flows = held
	if p.L2 == 0 && s.unlimited() {
		return s.freely(p)
	}
	each := s.block
	switch lambda, mixture, game := s.game(); {
	case kinds.moving:
		each = s.movingReference
	case game:
		each = func(b policy.Block) (*result, error) { return s.equilibrium(s.tasks[b.Prompts[0]], lambda, mixture) }
	case inner.Objective.Plays():
		s.terms.held, s.terms.curved = true, false
		return s.uncurved()
	case !kinds.curved:
		return s.uncurved()
	}
	total := &Solution{Status: train.Converged, Policy: make([][]float64, len(s.tasks))}
	for _, b := range p.Policy.Blocks() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r, err := each(b)
		if err != nil {
			return nil, err
		}
		total.add(b, r)
		s.keep(b, r)
	}
	if s.measure(total); kinds.moving { // whose loss is measured from where its reference is
		total.Loss, total.GradNorm = math.NaN(), math.NaN()
	}
	if held && (total.Status == train.Converged || total.Status == NotUnique || total.Status == Local) {
		total.rests()
	}
	return total, nil
}

// byMean solves a problem whose loss is least where a mean is, by that. The loss and the gradient reported are the problem's.
func byMean(ctx context.Context, p *Problem, mean *objective.Objective) (*Solution, error) {
	of := *p
	of.Objective = mean
	s, err := newSolver(ctx, p, terms{together: true})
	if err != nil {
		return nil, err
	}
	total, err := Solve(ctx, &of)
	if err == nil {
		s.measure(total)
	}
	return total, err
}

// potential returns the objective in the terms that are known best, and whether it holds a part back from differentiation: each term
// that does is replaced by the one whose gradient it has, if there is one.
func potential(o *objective.Objective) (plain *objective.Objective, held bool) {
	o = o.Bandit()
	plain = &objective.Objective{Moving: o.Moving, Sampled: o.Sampled}
	pair, dist := o.Terms()
	for _, w := range pair {
		if r, ok := w.Term.(objective.Resting); ok {
			held, w.Term = true, r.Potential()
		}
		plain.And(w.Weight, objective.OnPairs(w.Term))
	}
	for _, w := range dist {
		plain.And(w.Weight, objective.OnDist(w.Term))
	}
	return plain, held
}

// rests turns a minimizer of the function whose gradient a loss has into what it is of the loss.
func (s *Solution) rests() {
	switch s.Status {
	case train.Converged:
		s.Reason = "the only policy at which training rests, since the gradient is that of a function which is " + s.Reason
	case NotUnique:
		s.Reason = "training rests there, and at other policies: " + s.Reason
	default:
		s.Reason = "training from pi_ref comes to rest there: " + s.Reason
	}
	s.Status = Stationary
}

// result is the outcome for one block.
type result struct {
	status     Status
	reason     string
	iterations int
	change     float64
	logps      [][]float64 // one row a prompt of the block, nil where there is no minimizer
	theta      []float64   // the block's parameters; nil leaves them at the start
	loss       *float64    // where it is a limit that the parameters do not tell
}

// add merges a block's result, keeping the gravest status and the reason first given for it. A search
// that stopped early has no answer, so a stalled block has no policy.
func (s *Solution) add(b policy.Block, r *result) {
	if r.status == Stalled {
		r.theta, r.logps = nil, make([][]float64, len(b.Prompts))
	}
	if graver(r.status, s.Status) || s.Reason == "" && r.status == s.Status {
		s.Status, s.Reason = r.status, r.reason
	}
	s.Iterations += r.iterations
	s.Change = max(s.Change, r.change)
	for i, x := range b.Prompts {
		s.Policy[x] = r.logps[i]
	}
}

// block solves one block by the strategy that fits it.
func (s *solver) block(b policy.Block) (*result, error) {
	l := s.lossOn(b)
	switch {
	case s.problem.L2 > 0:
		return s.penalized(l)
	case l.jacobian[0] == nil:
		r, err := s.tabular(l.tasks[0])
		if err == nil && r.logps[0] != nil {
			r.theta = r.logps[0]
		}
		return r, err
	}
	return s.limited(l)
}

// tabular minimizes over all policies of one prompt, without penalty.
func (s *solver) tabular(t *task) (*result, error) {
	switch {
	case t.total == 0 || s.terms.constant():
		return s.unseen(t), nil
	case s.terms.only != nil:
		return s.margin(t, s.terms.only)
	case s.terms.other != "":
		return s.general(t)
	case len(s.terms.margins) == 0 && s.terms.barrier == 0:
		return s.gibbs(t), nil
	case s.terms.convex() && s.terms.barrier > 0 && !s.terms.plunges():
		return s.descend(newLossFunction(s.problem.Objective, t), t.logRef)
	}
	return s.limited(s.free(t))
}

// measure fills in the loss and the norm of its gradient.
func (s *solver) measure(total *Solution) {
	total.Loss, total.GradNorm = math.NaN(), math.NaN()
	for _, row := range total.Policy {
		if row == nil {
			return
		}
	}
	total.Loss, total.GradNorm = 0, 0
	sum, blocks := 0.0, s.problem.Policy.Blocks()
	if s.terms.together {
		whole := policy.Block{Dim: len(s.start)}
		for x := range s.tasks {
			whole.Prompts = append(whole.Prompts, x)
		}
		blocks = []policy.Block{whole}
	}
	for _, b := range blocks {
		var l *lossFunction
		if s.terms.together {
			l = s.over(b)
		} else {
			l = s.lossOn(b)
		}
		at := l.newPoint(s.problem.Policy.Params()[b.Offset : b.Offset+b.Dim])
		for i, v := range at.theta {
			at.theta[i] = max(v, -math.MaxFloat32) // probability 0, where differences of two are none
		}
		if l.byLogits != nil {
			l.evaluate(at)
		} else {
			l.slope(at)
		}
		if loss, known := s.reached[b.Offset]; known {
			at.loss = loss
		}
		total.Loss += at.loss
		for _, g := range at.grad {
			sum += g * g
		}
	}
	total.GradNorm = math.Sqrt(sum)
}

// gibbs minimizes entropy KL(pi to pi_ref) - reward sum pi log pi_star over all policies of a prompt: the minimizer is
// proportional to pi_ref pi_star^(reward/entropy) (Rafailov et al., arXiv 2305.18290, equation 4).
func (s *solver) gibbs(t *task) *result {
	if s.terms.entropy == 0 {
		return s.bareReward(t)
	}
	best := floats.MaxIdx(floats.ScaleTo(make([]float64, t.responses()), s.terms.reward, t.logStar))
	// Rewards are measured from the best one: divided by a small lambda, a common offset would round them.
	logp := make([]float64, t.responses())
	for k, v := range t.logStar {
		logp[k] = t.logRef[k] + (v-t.logStar[best])/s.terms.entropy*s.terms.reward
	}
	logspace.LogSoftmax(logp, logp)
	return &result{status: train.Converged, reason: "closed form", logps: [][]float64{logp}}
}

// bareReward is the expected reward without any regularizer, linear in the probabilities.
func (s *solver) bareReward(t *task) *result {
	best := leading(floats.ScaleTo(make([]float64, t.responses()), s.terms.reward, t.logStar), 0)
	if len(best) == t.responses() {
		return &result{status: NotUnique, reason: t.reasonf("all responses have the same reward; pi_ref is reported"),
			logps: [][]float64{t.logRef}}
	}
	return s.vertex(t, best, t.reasonf("nothing holds the policy back from %s, whose reward is the highest", list(best)))
}

// vertex is the policy of pi_ref confined to some responses.
func (s *solver) vertex(t *task, some []int, why string) *result {
	logp, share := slices.Repeat([]float64{math.Inf(-1)}, t.responses()), make([]float64, 0, len(some))
	for _, k := range some {
		share = append(share, t.logRef[k])
	}
	for _, k := range some {
		logp[k] = t.logRef[k] - logspace.LogSumExp(share)
	}
	return &result{status: Boundary, reason: why, logps: [][]float64{logp}, theta: logp}
}
