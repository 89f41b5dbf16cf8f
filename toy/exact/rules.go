package exact

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize/convex/lp"

	"windtunnel/toy/objective"
	"windtunnel/toy/train"
)

// rule looks for one reason why a prompt's loss has or has not a minimizer. It returns nil where it does not apply.
type rule func(s *solver, t *task, a *assumptions) (*Verdict, error)

// rules are tried in order.
//
// A minimizing sequence of policies has a subsequence along which either all log-probabilities converge, or the responses
// fall apart into tiers: differences converge within a tier and grow without bound between tiers. Every margin and every
// log-probability then goes to a limit or to an infinity, and what the loss does there is the ends of its functions
// (objective.Shape). There is a minimizer if every such escape costs without bound, or can be called back at no cost.
// There is none if from every policy some move lowers the loss.
var rules = []rule{ruleConstant, ruleMoving, ruleSigns, ruleRaised, ruleUnbeaten, ruleForest, ruleHeld, ruleMargins, ruleShift, ruleCoercive, ruleFace}

// decide applies the rules to a prompt.
func (s *solver) decide(t *task, whole *assumptions) (*Verdict, error) {
	a := whole.on(t)
	for _, r := range rules {
		if v, err := r(s, t, a); v != nil || err != nil {
			return v, err
		}
	}
	return nil, undecidable(t.reasonf("no known argument applies to this loss and these comparisons"))
}

// ruleConstant: a loss that does not see the prompt is least everywhere.
func ruleConstant(_ *solver, t *task, a *assumptions) (*Verdict, error) {
	if len(t.weight) > 0 && len(a.margins)+len(a.singles) > 0 || a.barrier > 0 && t.total > 0 {
		return nil, nil
	}
	return &Verdict{NotUnique, t.reasonf("the loss does not see this prompt, so every policy minimizes it")}, nil
}

// ruleMoving: a reference that follows the policy rests only at the policy. All margins are 0 there, and a monotone psi
// pulls at every response that was not chosen exactly as often as rejected.
func ruleMoving(_ *solver, t *task, a *assumptions) (*Verdict, error) {
	if !a.moving {
		return nil, nil
	}
	if !a.plain || len(a.margins) == 0 || len(a.singles) > 0 || a.barrier > 0 || !a.everyMargin((*objective.Shape).Decreasing) {
		return nil, undecidable("a reference that moves with the policy, for this loss")
	}
	net, total := make([]float64, t.responses()), 0.0
	for i, c := range t.chosen {
		net[c] += t.weight[i]
		net[t.rejected[i]] -= t.weight[i]
		total += t.weight[i]
	}
	for k, v := range net {
		if math.Abs(v) > netTolerance*total {
			return &Verdict{train.Diverged, t.reasonf("the reference follows the policy and rests only where they agree, but there the loss still pulls at "+
				"response %d, which was not chosen as often as rejected; no policy is at rest", k)}, nil
		}
	}
	return nil, undecidable("a reference that moves with the policy, where every response was chosen as often as rejected")
}

// ruleSigns: at a minimizer in the interior of the simplex the derivatives by the log-probabilities, as free variables, are
// one multiple of the probabilities, so that all have the same sign or all are 0. Where the comparisons alone give two of
// them different signs, there is none. Where they add up to 0, all are 0, which one of known sign rules out.
func ruleSigns(_ *solver, t *task, a *assumptions) (*Verdict, error) {
	up, down, unseen := t.pulls(a)
	rest := "training does not rest at any policy"
	if !a.held {
		rest = "no policy is a minimizer"
	}
	switch {
	case len(down) > 0 && len(up) > 0:
		return &Verdict{train.Diverged, t.reasonf("the loss falls for ever: wherever the policy is, it pushes %s up and %s down, and %s", list(up), list(down), rest)}, nil
	case len(down) > 0 && len(unseen) > 0:
		return &Verdict{train.Diverged, t.reasonf("the loss falls for ever: wherever the policy is, it pushes %s down and leaves %s alone, and %s", list(down), list(unseen), rest)}, nil
	case a.invariant() && len(up) > 0:
		return &Verdict{train.Diverged, t.reasonf("the loss falls for ever: wherever the policy is, it pushes %s up at the others' expense, and %s", list(up), rest)}, nil
	}
	return nil, nil
}

// pulls lists the responses whose log-probability the loss wants higher or lower wherever the policy is, and those it does
// not see.
func (t *task) pulls(a *assumptions) (up, down, unseen []int) {
	k := t.responses()
	wants := make([]pull, k)
	for i, c := range t.chosen {
		for _, m := range a.margins {
			wants[c].add(m.Margin, 1)
			wants[t.rejected[i]].add(m.Margin, -1)
		}
	}
	for j, st := range a.singles {
		bends, size := make([]float64, k), make([]float64, k)
		side := func(who int, shape *objective.Shape, weight float64) {
			switch {
			case shape == nil:
			case shape.Sigmoid != 0:
				bends[who] += weight * shape.Sigmoid
				size[who] += weight * math.Abs(shape.Sigmoid)
			default:
				wants[who].add(shape, 1)
			}
		}
		for i, c := range t.chosen {
			side(c, st.Chosen, t.weight[i]*a.weights[j])
			side(t.rejected[i], st.Rejected, t.weight[i]*a.weights[j])
		}
		for who, v := range bends {
			wants[who].up = wants[who].up || v < -netTolerance*size[who]
			wants[who].down = wants[who].down || v > netTolerance*size[who]
		}
	}
	for who, w := range wants {
		w.up = w.up || a.barrier > 0
		switch {
		case w.unknown || w.up && w.down:
		case w.up:
			up = append(up, who)
		case w.down:
			down = append(down, who)
		default:
			unseen = append(unseen, who)
		}
	}
	return up, down, unseen
}

// pull is what a loss wants of one log-probability.
type pull struct{ up, down, unknown bool }

// add takes in a function of the log-probability times direction.
func (p *pull) add(shape *objective.Shape, direction int) {
	switch {
	case shape.Decreasing() == (direction > 0) && shape.Monotone:
		p.up = true
	case shape.Monotone:
		p.down = true
	default:
		p.unknown = true
	}
}

// ruleUnbeaten: where a group of responses never lost to others that it was compared with, raising it over them raises
// margins and lowers none. A psi that falls for ever with the margin is lower at the end of that move than anywhere
// before; held factors and sorting do not change that. Under a link the move is a short one, which is enough where psi
// falls everywhere.
func ruleUnbeaten(_ *solver, t *task, a *assumptions) (*Verdict, error) {
	link, shared := a.link()
	if len(a.singles) > 0 || a.barrier > 0 || !shared {
		return nil, nil
	}
	falls := false
	for _, m := range a.margins {
		if m.Margin.Low.Unattained() || m.Margin.High != objective.Level && m.Margin.High != objective.Falls ||
			(link != nil || m.Held || m.Coupled) && !m.Margin.Decreasing() {
			return nil, nil
		}
		falls = falls || m.Margin.High == objective.Falls
	}
	for _, group := range t.groups() {
		if winners := t.unbeaten(group); falls && winners != nil {
			return &Verdict{train.Diverged, t.reasonf("the loss falls for ever because %s never lost to %s", list(winners), list(others(group, winners)))}, nil
		}
	}
	return nil, nil
}

// ruleForest: where factors of comparisons are held and opposite comparisons share theirs, a rest point balances both sides
// of every cut. If the compared pairs form no cycle, every pair is a cut, and balanced where it is without the factor: a
// strictly convex psi that rises at both ends of a pair compared both ways does so at one margin.
func ruleForest(_ *solver, t *task, a *assumptions) (*Verdict, error) {
	if !a.held || len(a.margins) != 1 || len(a.singles) > 0 || a.barrier > 0 || a.moving {
		return nil, nil
	}
	m, groups := a.margins[0], t.groups()
	pairs := map[[2]int]bool{}
	for i, c := range t.chosen {
		r := t.rejected[i]
		pairs[[2]int{min(c, r), max(c, r)}] = true
	}
	if !m.Symmetric || m.Link != nil || m.Margin.Convexity != objective.Strict || m.Margin.Low != objective.Rises ||
		m.Margin.High == objective.Plunges || len(pairs) != t.responses()-len(groups) {
		return nil, nil
	}
	for _, group := range groups {
		if t.unbeaten(group) != nil {
			return nil, nil
		}
	}
	if len(groups) > 1 {
		return &Verdict{NotUnique, t.reasonf("%s and %s were never compared, not even through others, so that policies at rest form a line",
			list(groups[0]), list(groups[1]))}, nil
	}
	return &Verdict{train.Converged, t.reasonf("the only policy at which training rests")}, nil
}

// ruleHeld: of rest points no more is known.
func ruleHeld(_ *solver, t *task, a *assumptions) (*Verdict, error) {
	if a.held {
		return nil, undecidable(t.reasonf("the loss holds a statistic back from differentiation, so that training may rest where nothing is least"))
	}
	return nil, nil
}

// ruleMargins: a loss of margins alone has a minimizer if no psi falls for ever towards either end, for what an escape
// does not raise it leaves where it came from; or if every psi rises without bound as margins are lost and in each group
// comparisons lead from every response to every other, for then every escape loses a margin. Margins that a link makes are
// those of some policy where the link is unbounded below.
func ruleMargins(s *solver, t *task, a *assumptions) (*Verdict, error) {
	if len(a.singles) > 0 || a.barrier > 0 {
		return nil, nil
	}
	link, shared := a.link()
	inverse, ok := link.(objective.Invertible)
	if link != nil && ok {
		low, _ := inverse.Range()
		ok = math.IsInf(low, -1)
	}
	if !shared || link != nil && !ok {
		return nil, undecidable("margins of a link that is bounded at probability 0, or of several")
	}
	groups := t.groups()
	strong := a.everyMargin(func(p *objective.Shape) bool { return p.Low == objective.Rises && p.High != objective.Plunges })
	for _, group := range groups {
		strong = strong && t.unbeaten(group) == nil
	}
	if !strong && !a.everyMargin(func(p *objective.Shape) bool { return p.Attained() }) {
		return nil, nil
	}
	if len(groups) > 1 {
		return &Verdict{NotUnique, t.reasonf("%s and %s were never compared, not even through others, so that minimizers form a line",
			list(groups[0]), list(groups[1]))}, nil
	}
	return s.uniqueMargins(t, a, groups[0])
}

// uniqueMargins says whether a loss of margins alone, which has a minimizer, has only one. The group is all responses.
func (s *solver) uniqueMargins(t *task, a *assumptions, group []int) (*Verdict, error) {
	levels := a.everyMargin(func(p *objective.Shape) bool { return p.High == objective.Level && p.Convexity >= objective.Weak })
	if winners := t.unbeaten(group); levels && winners != nil {
		return &Verdict{NotUnique, t.reasonf("%s never lost to %s and may be raised over them at no cost, so that minimizers form a line",
			list(winners), list(others(group, winners)))}, nil
	}
	strict, losing, coupled := false, false, false
	for _, m := range a.margins {
		strict = strict || m.Margin.Convexity == objective.Strict && !m.Coupled
		losing = losing || m.Margin.Convexity >= objective.StrictAtLosses && !m.Coupled
		coupled = coupled || m.Coupled
	}
	convex := !coupled && a.everyMargin(func(p *objective.Shape) bool { return p.Convexity >= objective.Weak })
	switch {
	case convex && (strict || losing && len(t.bothWays().groups()) == 1):
		return &Verdict{train.Converged, ""}, nil
	case len(a.margins) == 1 && a.margins[0].Margin.Hinge:
		return t.onlyVertex()
	case convex:
		return nil, undecidable(t.reasonf("a minimizer exists, but the loss has flat parts that may hold several"))
	}
	return s.searched(t, a)
}

// bothWays returns the task with only the pairs that were compared in both orders: on one of the two, psi is not won.
func (t *task) bothWays() *task {
	seen := map[[2]int]bool{}
	for i, c := range t.chosen {
		seen[[2]int{c, t.rejected[i]}] = true
	}
	both := &task{name: t.name, logRef: t.logRef}
	for i, c := range t.chosen {
		if seen[[2]int{t.rejected[i], c}] {
			both.chosen, both.rejected = append(both.chosen, c), append(both.rejected, t.rejected[i])
		}
	}
	return both
}

const (
	// slackLoss is how far above its minimum, relatively, a loss may be that linear programs call least.
	slackLoss = 1e-12
	// oneVertex is how far apart in the scaled margins the minimizers may be that such slack makes of one.
	oneVertex = 1e-6
)

// onlyVertex decides whether a hinge loss sum w max(0, 1 - z_w + z_l) over the scaled margins of one group, all responses,
// has one minimizer: by linear programs that find its minimum and then how far each response can be from the first at that
// loss. The comparisons lead from every response to every other, so that all these are bounded.
func (t *task) onlyVertex() (*Verdict, error) {
	n, k := len(t.weight), t.responses()
	// The variables, none negative, are the parts of z_1, ..., z_(K-1) above and below 0, the losses of comparisons, what
	// these exceed 1 - z_w + z_l by, and in the last row what the total loss leaves to its minimum.
	columns := 2*(k-1) + 2*n + 1
	rows, right := mat.NewDense(n+1, columns, nil), make([]float64, n+1)
	cost := make([]float64, columns)
	for i, c := range t.chosen {
		for who, sign := range map[int]float64{c: 1, t.rejected[i]: -1} {
			if who > 0 {
				rows.Set(i, who-1, sign)
				rows.Set(i, k-1+who-1, -sign)
			}
		}
		rows.Set(i, 2*(k-1)+i, 1)
		rows.Set(i, 2*(k-1)+n+i, -1)
		right[i] = 1
		cost[2*(k-1)+i] = t.weight[i]
		rows.Set(n, 2*(k-1)+i, t.weight[i])
	}
	rows.Set(n, columns-1, 1)
	least, _, err := lp.Simplex(cost[:columns-1], rows.Slice(0, n, 0, columns-1), right[:n], 1e-12, nil)
	if err != nil {
		return nil, undecidable(t.reasonf("the linear program that finds the minimum: %v", err))
	}
	right[n] = least * (1 + slackLoss)
	for who := 1; who < k; who++ {
		width := 0.0
		for _, sign := range []float64{1, -1} {
			clear(cost)
			cost[who-1], cost[k-1+who-1] = sign, -sign
			end, _, err := lp.Simplex(cost, rows, right, 1e-12, nil)
			if err != nil && !errors.Is(err, lp.ErrUnbounded) {
				return nil, undecidable(t.reasonf("the linear program that tells minimizers apart: %v", err))
			}
			width -= end
		}
		if width > oneVertex {
			return &Verdict{NotUnique, t.reasonf("the loss is piecewise linear, and least on an edge")}, nil
		}
	}
	return &Verdict{train.Converged, ""}, nil
}
