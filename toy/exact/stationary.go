package exact

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/objective"
	"windtunnel/toy/train"
)

// When a search for a stationary point stops.
const (
	// stationarySteps bounds the Newton steps of one block: searches that arrive need some ten, and forty more where
	// lambda is 1e-6 and the policy lies a million nats away.
	stationarySteps = 80
	// gradientFall is the share of its norm at the start that the gradient may keep where a step cannot say how near the
	// point is: where the Hessian is singular, or the loss does not fall any more.
	gradientFall = 1e-9
	// restStep is the relative change of log-probabilities in a full step that counts as rest there.
	restStep = 1e-9
	// localRadius is how far, in nats, the first step may move logits against each other: little, so that a search stays
	// where training from the same start would.
	localRadius = 1.0
	// idleLimit is how many steps in a row may move no probability by more than probabilityStep.
	idleLimit = 25
	// crawl is the relative change of log-probabilities below which a step that had to be shortened crawls, as at a kink of
	// the loss, where Newton's method gets nowhere; after crawlLimit such steps in a row it is given up.
	crawl, crawlLimit = 1e-5, 4
)

// Stationary descends by Newton's method from where the policy starts to a stationary point of the problem's loss, block
// by block. Unlike Solve it takes every loss whose pair terms are objective.Curved, and says nothing of other stationary
// points, nor of whether the loss has a minimum: Converged is a point where the gradient vanishes to rounding (GradNorm)
// or all mass has come to rest (which Reason then says), reached along a falling loss, Stalled is a search that did not arrive, with the policy
// where it stopped. A moving reference is taken as it stands at the start. The parameters end where the search does. An
// error means that the problem is malformed, that ctx was cancelled, that some
// pair term has no second derivatives, or that the objective samples responses of the reference.
func Stationary(ctx context.Context, p *Problem) (*Solution, error) {
	if p.Objective.Sampled != nil {
		return nil, errSampled
	}
	if term := p.Objective.Uncurved(); term != nil {
		return nil, fmt.Errorf("the pair term %T has no second derivatives for Newton's method", term)
	}
	s, err := newSolver(ctx, p, terms{})
	if err != nil {
		return nil, err
	}
	total := &Solution{Status: train.Converged, Policy: make([][]float64, len(s.tasks))}
	for _, t := range s.tasks {
		t.annotate()
	}
	for _, b := range p.Policy.Blocks() {
		l := s.lossOn(b)
		l.floating = l.l2 == 0 && l.jacobian[0] == nil
		d, err := s.stationaryFrom(l)
		if err != nil {
			return nil, err
		}
		total.Iterations += d.iterations
		total.Change = max(total.Change, d.change)
		copy(p.Policy.Params()[b.Offset:b.Offset+b.Dim], d.at.theta)
		for i, x := range b.Prompts {
			total.Policy[x] = d.at.logp[i]
		}
		if !d.converged && total.Status == train.Converged {
			total.Status = Stalled
			total.Reason = l.tasks[0].reasonf("Newton's method did not arrive in %d steps, the last of which moved a probability by %.3g",
				d.iterations, d.change)
		}
		if d.converged && d.unresolved && total.Reason == "" {
			total.Reason = l.tasks[0].reasonf("converged in probability alone")
		}
	}
	s.measure(total)
	return total, nil
}

// annotate fills in what pair terms may read of a comparison beside log-probabilities: the reward gap, and MallowsPO's
// dispersion index, as training has them.
func (t *task) annotate() {
	index := objective.Dispersion(t.ref, t.logRef)
	for j, c := range t.chosen {
		t.gap = append(t.gap, t.logStar[c]-t.logStar[t.rejected[j]])
		t.dispersion = append(t.dispersion, index)
	}
}

// stationaryFrom descends from the loss function's start.
func (s *solver) stationaryFrom(l *lossFunction) (*descent, error) {
	start := l.newPoint(l.start)
	l.evaluate(start)
	begin := floats.Norm(start.grad, 2)
	if begin == 0 || !start.finite() {
		return &descent{at: start, converged: begin == 0}, nil
	}
	flat := func(p *point) bool { return floats.Norm(p.grad, 2) <= gradientFall*begin }
	stop, crawling := stopper{last: math.Inf(1)}, 0
	d, lost, err := s.newton(l, start, localRadius, stationarySteps, func(d *descent, relative float64, full, shifted bool) bool {
		if crawling++; full || relative > crawl {
			crawling = 0
		}
		arrived := stop.after(d.change, relative, full && !shifted) || full && relative <= restStep && flat(d.at)
		d.unresolved = !arrived && full && stop.idle >= idleLimit
		d.converged = arrived || d.unresolved
		return d.converged || crawling >= crawlLimit
	})
	if lost {
		d.converged = flat(d.at)
	}
	return d, err
}
