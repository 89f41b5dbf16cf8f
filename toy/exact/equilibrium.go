package exact

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"windtunnel/toy/logspace"
)

// Limits of the continuation to an equilibrium.
const (
	newtonSteps    = 30      // at one lambda
	settled        = 1e-9    // change of a log-probability, relative to it where that is above 1, by a step that may be rounding
	shortestFactor = 1.00001 // factor between two lambdas
	probableRest   = 1e-12   // of win rates, by which the equation of a policy at rest may be missed
)

// game returns the parameters of the game of win rates over all policies that all of the loss is, and false where it is none, see
// objective.Objective.Game. Other losses of win rates are followed along their gradient, as those are that hold a part back.
func (s *solver) game() (lambda, mixture float64, ok bool) {
	lambda, mixture, ok = s.problem.Objective.Game()
	tied := func(t *task) bool { return lambda == 0 && t.total > 0 && newRegularized(t).winner(mixture) < 0 }
	return lambda, mixture, ok && s.problem.L2 == 0 && s.problem.Policy.Jacobian(0) == nil && !slices.ContainsFunc(s.tasks, tied)
}

// equilibrium finds the policy pi in proportion to pi_ref exp(P q/lambda) against the opponent q = pi^(1-mixture) pi_ref^mixture. The
// opponent is in proportion to pi_ref exp(P q/(lambda/(1-mixture))), so that it is the equilibrium of a game in which the KL costs
// more. That exists and is unique, since the payoff is strictly concave in one player and convex in the other.
//
// How far an approximate opponent is from it is known: it is the equilibrium of the game to whose payoffs is added by how much r it
// misses its equation, strength (log q - log pi_ref) = P q + constant. The payoffs are monotone, so that strength times the
// symmetric KL between both, which is at least 4 TV^2 (Pinsker), is at most TV (max r - min r).
//
// Where the KL costs nothing, the response that is best against the opponent which it makes takes all.
func (s *solver) equilibrium(t *task, lambda, mixture float64) (*result, error) {
	if t.total == 0 {
		return s.unseen(t), nil
	}
	g := newRegularized(t)
	if lambda == 0 {
		best := []int{g.winner(mixture)}
		return s.vertex(t, best, t.reasonf("against the opponent that it makes no response does as well as %s, and nothing holds the policy back "+
			"from it", list(best))), nil
	}
	if mixture < 1 {
		if arrived, err := g.descend(s, lambda/(1-mixture)); !arrived || err != nil {
			return &result{status: Stalled, iterations: g.steps, change: g.change, logps: [][]float64{nil},
				reason: t.reasonf("Newton's method gave up at lambda = %.3g after %d steps", g.strength*(1-mixture), g.steps)}, err
		}
	}
	spread := g.miss() // of the equation, and of rounding in it
	within := spread / (4 * g.strength)
	r := &result{status: Stationary, iterations: g.steps, change: g.change}
	what := "the equilibrium of the regularized game"
	logp := g.logp
	if mixture > 0 {
		what = "the best response to the opponent that it makes"
		g.pay()
		logp = make([]float64, len(g.logp))
		for k, ref := range t.logRef {
			logp[k] = ref + g.payoff[k]/lambda
		}
		logspace.LogSoftmax(logp, logp)
		within /= 2 * lambda // what moves payoffs by no more than TV moves logits by no more than 2 TV/lambda
	}
	r.logps, r.theta = [][]float64{logp}, logp
	known := fmt.Sprintf("within %.2g of it in total variation, as its equation holds up to %.2g", within, spread)
	if !(within < 1) {
		known = fmt.Sprintf("whose equation holds up to %.2g, which at this lambda bounds no distance to it", spread)
	}
	r.reason = t.reasonf("the only policy at which training rests, %s, %s", what, known)
	if spread > probableRest*max(1, g.strength) {
		r.status, r.logps = Stalled, [][]float64{nil}
		r.reason = t.reasonf("Newton's method settled where the equation of the equilibrium holds up to %.2g only", spread)
	}
	return r, nil
}

// regularized is the search for an equilibrium at one prompt, from a strength at which it is the reference to lower ones.
type regularized struct {
	*task
	gain           *mat.Dense // win rates less 1/2, exact in sign
	strength       float64
	logp, pi       []float64
	payoff         []float64
	system         *mat.Dense
	right, step    *mat.VecDense
	next, previous []float64
	steps          int
	change         float64 // of a probability in the last step
}

func newRegularized(t *task) *regularized {
	k := t.responses()
	g := &regularized{task: t, gain: mat.NewDense(k, k, nil), strength: math.Inf(1), logp: append([]float64(nil), t.logRef...), pi: make([]float64, k),
		payoff: make([]float64, k), system: mat.NewDense(k+1, k+1, nil), right: mat.NewVecDense(k+1, nil), step: mat.NewVecDense(k+1, nil),
		next: make([]float64, k)}
	for i := range k {
		for j := range k {
			g.gain.Set(i, j, (t.wins[i*k+j]-t.wins[j*k+i])/2)
		}
	}
	return g
}

// winner returns the response that is best against the opponent which a policy makes that gives it all probability; -1 if there is none,
// or others are as good.
func (g *regularized) winner(mixture float64) int {
	for k := range g.pi {
		copy(g.pi, g.ref)
		if mixture < 1 {
			clear(g.pi)
			g.pi[k] = 1
		}
		best := true
		for j := range g.pi {
			best = best && (j == k || floats.Dot(g.gain.RawRowView(k), g.pi) > floats.Dot(g.gain.RawRowView(j), g.pi))
		}
		if best {
			return k
		}
	}
	return -1
}

// descend goes to the equilibrium at a strength by way of higher ones, as far apart as Newton's method takes.
func (g *regularized) descend(s *solver, strength float64) (arrived bool, err error) {
	g.strength = max(1, strength)
	arrived = g.solve()
	for factor := 4.0; arrived && g.strength > strength; {
		if err := s.ctx.Err(); err != nil {
			return false, err
		}
		before := g.strength
		g.previous = append(g.previous[:0], g.logp...)
		if g.strength = max(strength, before/factor); g.solve() {
			factor = min(factor*factor, 1e6)
			continue
		}
		copy(g.logp, g.previous)
		g.strength, factor = before, math.Sqrt(factor)
		arrived = factor > shortestFactor
	}
	return arrived, nil
}

// pay computes the payoffs against the policy as it is.
func (g *regularized) pay() {
	logspace.Exp(g.pi, g.logp)
	for i := range g.payoff {
		g.payoff[i] = floats.Dot(g.gain.RawRowView(i), g.pi)
	}
}

// miss returns by how much the equation is missed, up to a constant, and by how much more it may be for rounding.
func (g *regularized) miss() float64 {
	if math.IsInf(g.strength, 1) {
		return 0
	}
	g.pay()
	low, high, size := math.Inf(1), math.Inf(-1), 0.0
	for k, v := range g.payoff {
		paid := g.strength * (g.logp[k] - g.logRef[k])
		low, high, size = min(low, paid-v), max(high, paid-v), max(size, math.Abs(paid))
	}
	return high - low + 2e-16*(float64(len(g.pi))+8*size)
}

// solve takes Newton steps at one strength for the log-probabilities and the constant c of strength (log pi - log pi_ref) - A pi = c,
// with A the win rates less 1/2. A being antisymmetric, the steps' equations have a solution.
func (g *regularized) solve() bool {
	k, last := len(g.pi), math.Inf(1)
	var lu mat.LU
	for range newtonSteps {
		g.pay()
		for i := range k {
			row := g.system.RawRowView(i)
			for j, a := range g.gain.RawRowView(i) {
				row[j] = -a * g.pi[j]
			}
			row[i] += g.strength
			row[k] = -1
			g.right.SetVec(i, g.payoff[i]-g.strength*(g.logp[i]-g.logRef[i]))
			g.system.Set(k, i, g.pi[i])
		}
		g.steps++
		lu.Factorize(g.system)
		_ = lu.SolveVecTo(g.step, false, g.right) // the error reports a large condition number
		relative := 0.0
		for i, l := range g.logp {
			g.next[i] = l + g.step.AtVec(i)
		}
		logspace.LogSoftmax(g.next, g.next)
		g.change = 0
		for i, l := range g.next {
			g.change = max(g.change, math.Abs(math.Exp(l)-g.pi[i]))
			relative = max(relative, math.Abs(l-g.logp[i])/max(1, math.Abs(l)))
		}
		if math.IsNaN(relative) {
			return false
		}
		copy(g.logp, g.next)
		if relative < settled && relative >= last/2 || relative == 0 {
			return true
		}
		last = relative
	}
	return false
}
