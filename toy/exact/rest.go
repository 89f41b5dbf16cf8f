package exact

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/train"
)

// Limits of a walk to a point at rest.
const (
	restSteps = 150
	// elsewhere is how many searches a loss that couples comparisons is given at random, beside those of every loss; with many responses
	// half of them alone, each of which is long.
	elsewhere = 12
	// chord is the share of its norm that a gradient may keep in a step of Newton's before the derivatives are taken anew: many steps cost
	// less than these.
	chord = 0.2
	// runaway is how many units a policy may go from where it started.
	runaway = 1e5
)

// uncurved solves losses whose gradient is that of no function of one comparison: those that hold a statistic back from
// differentiation are followed to where they come to rest, those that couple comparisons are searched.
func (s *solver) uncurved() (*Solution, error) {
	total := &Solution{Status: train.Converged, Policy: make([][]float64, len(s.tasks))}
	var blocks []policy.Block
	whole := policy.Block{Dim: len(s.start)}
	for _, b := range s.problem.Policy.Blocks() {
		l := s.lossOn(b)
		if l.jacobian[0] != nil || s.problem.L2 > 0 {
			blocks, whole.Prompts = append(blocks, b), append(whole.Prompts, b.Prompts...)
			continue
		}
		t := l.tasks[0]
		here := s.terms.on(t)
		none, _ := t.none(here)
		if none == "" && len(s.tasks) == 1 {
			none = t.apart(here)
		}
		switch {
		case t.total == 0 || len(t.weight) == 0 && s.problem.Objective.Compares():
			total.add(b, s.unseen(t))
		case none != "" && here.extends():
			r, err := s.general(t)
			if err != nil {
				return nil, err
			}
			r.theta = r.logps[0]
			total.add(b, r)
			s.keep(b, r)
		case none != "":
			total.add(b, &result{status: train.Diverged, logps: [][]float64{nil}, reason: t.reasonf("%s, and training does not rest at any policy", none)})
		default:
			blocks, whole.Prompts = append(blocks, b), append(whole.Prompts, b.Prompts...)
		}
	}
	if s.terms.together && len(whole.Prompts) > 0 {
		blocks = []policy.Block{whole}
	}
	for _, b := range blocks {
		l := s.over(b)
		r, err := s.once(l, func() (*result, error) { return s.resting(l) })
		if err != nil {
			return nil, err
		}
		total.add(b, r)
		s.keep(b, r)
	}
	s.measure(total)
	return total, nil
}

// keep leaves a block's result in the policy's parameters.
func (s *solver) keep(b policy.Block, r *result) {
	if r.loss != nil && s.terms.together { // measured as one, where either all prompts have a limit or none
		s.reached[0] += *r.loss
	} else if r.loss != nil {
		s.reached[b.Offset] = *r.loss
	}
	if r.theta != nil {
		copy(s.problem.Policy.Params()[b.Offset:b.Offset+b.Dim], r.theta)
	}
}

// over returns the loss over a block of parameters, or over several blocks at once, with every Jacobian written out.
func (s *solver) over(whole policy.Block) *lossFunction {
	c := &lossFunction{objective: s.problem.Objective, dim: whole.Dim, l2: s.problem.L2, start: s.start[whole.Offset : whole.Offset+whole.Dim]}
	for _, b := range s.problem.Policy.Blocks() {
		l := s.lossOn(b)
		for i, x := range b.Prompts {
			if !slices.Contains(whole.Prompts, x) {
				continue
			}
			j := mat.NewDense(s.tasks[x].responses(), whole.Dim, nil)
			j.Slice(0, s.tasks[x].responses(), b.Offset-whole.Offset, b.Offset-whole.Offset+b.Dim).(*mat.Dense).Copy(l.dense(i))
			c.tasks, c.offset, c.jacobian = append(c.tasks, s.tasks[x]), append(c.offset, l.offset[i]), append(c.jacobian, j)
		}
	}
	c.prepare()
	return c
}

// resting finds where a loss without second derivatives comes to rest over a block.
func (s *solver) resting(whole *lossFunction) (*result, error) {
	moving, _ := split(whole.contrasts(func(*task) bool { return true }, false))
	r := &result{status: train.Converged, theta: whole.start}
	if moving != nil {
		base, center := whole.start, []float64(nil)
		if whole.l2 > 0 { // under which directions that change no policy are 0
			center = image(mat.DenseCopyOf(moving.T()), whole.start, nil)
			base = image(moving, center, nil)
		}
		l := whole.compose(moving, base)
		l.l2, l.center = whole.l2, center
		unit := s.unit(l)
		if at, err := s.balance(whole, l); at != nil || err != nil {
			if err != nil {
				return nil, err
			}
			there := image(moving, at, base)
			return &result{status: Stationary, theta: there, logps: whole.policies(there), reason: whole.tasks[0].reasonf("training rests there: opposite " +
				"comparisons balance pair by pair, whatever the factor that they share")}, nil
		}
		starts, alone := [][]float64{make([]float64, l.dim)}, len(whole.tasks) == 1 && whole.tasks[0].balanced(s.terms.on(whole.tasks[0]))
		if !s.terms.held {
			if starts = s.near(l); starts == nil {
				// Where comparisons are coupled in another order the loss has another minimum, nats away at any lambda.
				rng := rand.New(rand.NewPCG(3, 4))
				given := make([][]float64, max(elsewhere, 60/l.dim))
				for i := range given {
					given[i] = make([]float64, l.dim)
					for j := range given[i] {
						given[i][j] = []float64{1, 2, 5, 10}[i%4] * rng.NormFloat64()
					}
				}
				if starts = l.starts(unit, given); l.dim > 12 {
					starts = append(starts[:elsewhere/3], starts[1+len(given):][:elsewhere/6]...)
				}
			}
		} else if !alone && s.problem.From == nil { // of a path's many points, the one that training from pi_ref reaches is enough
			for i, dir := range l.directions() {
				if i < 2 {
					starts = append(starts, floats.ScaleTo(make([]float64, l.dim), 3*unit, dir))
				}
			}
		}
		first := (*descent)(nil)
		found, err := s.among(l, starts, unit, func(from []float64) (*end, error) {
			var d *descent
			var err error
			if s.terms.held {
				if d, err = s.follow(l, from, unit); err == nil && !d.converged && !d.unresolved && !l.objective.Plays() {
					d, err = s.alternate(l, d, unit)
				}
			} else {
				d, err = s.arrive(l, from, unit, idleLimit)
			}
			if first == nil {
				first = d
			}
			return &end{descent: d}, err
		})
		if err != nil {
			return nil, err
		}
		if s.terms.held && first.converged && l.pulled(first.at, unit, s.problem.Policy.Jacobian(0) == nil) {
			first.converged, first.unresolved = false, true
		}
		r.iterations = found.iterations
		at := found.at
		switch t := whole.tasks[0]; {
		case s.terms.held && !first.converged:
			r.status, r.reason = Stalled, t.reasonf("the policy did not come to rest in %d steps along the gradient", first.iterations)
			if first.unresolved {
				r.status, r.reason = train.Diverged, t.reasonf("along the gradient, from pi_ref, the policy runs off without coming to rest")
			}
			at = first.at
		case s.terms.held:
			r.status, r.reason = Stationary, t.reasonf("where training from pi_ref comes to rest")
			switch {
			case alone:
				r.reason = t.reasonf("the only policy at which training rests")
			case slices.ContainsFunc(found.others, func(v float64) bool { return !math.IsNaN(v) }):
				r.reason += ", one of several such policies"
			case len(starts) > 1:
				r.reason += fmt.Sprintf("; so do %d other starts", len(starts)-1)
			}
			at = first.at
		case l.bends() && (found.unresolved || s.away(l, at, far/2*unit)):
			r.status, r.reason = train.Diverged, t.reasonf("the loss falls for ever as margins run off: %s", found.describe())
		case !found.converged:
			r.status, r.reason = Stalled, t.reasonf("no search came to rest, of %d", found.starts)
		default:
			r.status, r.reason = Local, t.reasonf("%s", found.describe())
			if found.unresolved {
				r.reason += "; its margins still grew, for how long is not known"
			}
		}
		r.change, r.theta = found.change, image(moving, at.theta, base)
	}
	r.logps = whole.policies(r.theta)
	if r.status == train.Diverged {
		r.theta, r.logps = nil, make([][]float64, len(whole.tasks))
	}
	return r, nil
}

// balance returns the point at which opposite comparisons balance pair by pair, nil if there is none: then a factor that they share
// and that is held back does not matter. It is the minimizer without the factor.
func (s *solver) balance(whole, l *lossFunction) ([]float64, error) {
	pair, _ := l.objective.Terms()
	if len(pair) != 1 {
		return nil, nil
	}
	d, ok := pair[0].Term.(objective.Detached)
	if !ok || len(whole.tasks) > 1 || len(s.terms.parts) != 1 || !s.terms.parts[0].Symmetric || s.terms.barrier > 0 || l.l2 > 0 {
		return nil, nil
	}
	t := whole.tasks[0]
	n := len(t.weight)
	bare := *l
	bare.objective = objective.OnPairs(d.Freeze(&objective.Batch{Chosen: make([]float64, n), Rejected: make([]float64, n), Weight: t.weight,
		Collision: make([]float64, n), Peak: make([]float64, n)}))
	bare.prepare()
	end, err := s.follow(&bare, make([]float64, l.dim), s.unit(&bare))
	if err != nil || !end.converged {
		return nil, err
	}
	bare.slope(end.at)
	net, most := map[[2]int]float64{}, floats.Norm(bare.slopes.Chosen, math.Inf(1))
	for i, c := range t.chosen {
		net[[2]int{c, t.rejected[i]}] += bare.slopes.Chosen[i]
	}
	for at, v := range net {
		if other := net[[2]int{at[1], at[0]}]; math.Abs(v-other) > 1e-9*math.Abs(v)+1e-12*most {
			return nil, nil
		}
	}
	return end.at.theta, nil
}

// follow goes from a point along the gradient until it vanishes: by implicit steps in time, which grow as the gradient falls and
// so become Newton's (pseudo-transient continuation: Kelley and Keyes, SIAM Journal on Numerical Analysis 35, 1998). The
// derivatives of the gradient are differences. A walk that runs off is unresolved.
func (s *solver) follow(l *lossFunction, from []float64, unit float64) (*descent, error) {
	cur, next := l.newPoint(from), l.newPoint(from)
	l.gradient(cur)
	norm := floats.Norm(cur.grad, 2)
	first, size := norm, unit/max(norm, 1e-300)
	d := &descent{at: cur, converged: norm <= l.rounding()}
	stop, stale := stopper{convex: true, last: math.Inf(1)}, true
	n := l.dim
	turn, matrix := mat.NewDense(n, n, nil), mat.NewDense(n, n, nil)
	var lu mat.LU
	for !d.converged && d.iterations < restSteps && !math.IsNaN(norm) {
		if err := s.ctx.Err(); err != nil {
			return nil, err
		}
		if stale {
			// Differences of the gradient, one parameter at a time.
			l.turn(cur, next, 1e-6*unit, turn)
			stale = false
		}
		matrix.Copy(turn)
		for i := range n {
			matrix.Set(i, i, turn.At(i, i)+1/size)
		}
		lu.Factorize(matrix)
		var dir mat.VecDense
		_ = lu.SolveVecTo(&dir, false, mat.NewVecDense(n, cur.grad)) // the error reports a large condition number
		step := dir.RawVector().Data
		if step == nil {
			break
		}
		d.iterations++
		floats.AddScaledTo(next.theta, cur.theta, -1, step)
		l.gradient(next)
		after, newton := floats.Norm(next.grad, 2), size > 1e4*unit/first
		if !(floats.Norm(step, math.Inf(1)) <= 3*unit) && size > 1e-9*unit/first || math.IsNaN(after) || after > 2*norm {
			if _, relative := compare(cur, next); newton && relative <= logStep { // nothing but rounding is left
				d.converged = true
				break
			}
			if size /= 8; size < 1e-12*unit/first {
				break
			}
			stale = after < math.Inf(1) && stale
			continue
		}
		var relative float64
		d.change, relative = compare(cur, next)
		d.converged = stop.after(d.change, relative, newton) || after <= l.rounding()
		stale = after > chord*norm || after > 1e-3*norm && !newton
		size *= min(10, max(0.5, norm/max(after, 1e-300))) * 1.5
		cur, next, norm = next, cur, after
		d.at = cur
		if gone := floats.Distance(cur.theta, from, math.Inf(1)); gone > runaway*unit || gone > far*unit && norm < gradientFall*first {
			d.unresolved = true
			break
		}
	}
	if !d.converged && norm < 1e-6*first && floats.Distance(d.at.theta, from, math.Inf(1)) > 10*unit {
		d.unresolved = true
	}
	l.whole(d.at)
	return d, nil
}

// alternate goes on from where a walk crawls, as where the loss is almost flat: it minimizes the loss with what is held back at its value
// there, and so on, until no probability changes. There both gradients vanish. Otherwise the walk's end is returned. It does not serve games,
// whose opponent is no statistic of the comparisons.
func (s *solver) alternate(l *lossFunction, d *descent, unit float64) (*descent, error) {
	last := d
	for range restSteps {
		l.whole(last.at)
		held := *l
		held.objective = l.objective.Frozen(&l.batch)
		if held.prepare(); !held.bends() {
			break
		}
		next, err := s.stationaryFrom(&held, last.at.theta, unit, idleAtVertex)
		if err != nil || !next.converged {
			return d, err
		}
		next.iterations += last.iterations
		if next.change, _ = compare(last.at, next.at); next.change <= probabilityStep {
			l.whole(next.at)
			return next, nil
		}
		last = next
	}
	return d, nil
}

// rounding is what may be left of a gradient that vanishes, given what was added up in the last one.
func (l *lossFunction) rounding() float64 {
	return 2e-16 * (floats.Norm(l.slopes.Chosen, 1) + floats.Norm(l.slopes.Rejected, 1) + l.won)
}

// pulled says whether what is left of a gradient that vanishes still pulls in some direction, and less and less: slopes that are next to
// nothing but do not cancel, and that a unit farther on are the same way and smaller. Directions are those of the parameters; of a free
// policy single responses, and groups between which slopes are next to nothing beside those of other comparisons.
func (l *lossFunction) pulled(p *point, unit float64, free bool) bool {
	if l.l2 > 0 || !l.objective.DifferenceOnly() {
		return false
	}
	pull := func(at *point, direction func(i, k int) float64) (net, size float64) {
		l.slope(at)
		j := 0
		for i, t := range l.tasks {
			for a, c := range t.chosen {
				v := l.slopes.Chosen[j] * (direction(i, c) - direction(i, t.rejected[a]))
				net, size, j = net+v, size+math.Abs(v), j+1
			}
		}
		return net, size
	}
	on := func(step []float64, direction func(i, k int) float64) bool {
		net, size := pull(p, direction)
		if math.Abs(net) <= size/2 {
			return false
		}
		next := l.newPoint(p.theta)
		floats.AddScaled(next.theta, -math.Copysign(unit, net), step)
		after, _ := pull(next, direction)
		return net*after > 0 && math.Abs(after) < math.Abs(net)
	}
	if !free {
		for j := range l.dim {
			step := make([]float64, l.dim)
			step[j] = 1
			if on(step, func(i, k int) float64 { return l.jacobian[i].At(k, j) }) {
				return true
			}
		}
		return false
	}
	l.slope(p)
	slopes, at := slices.Clone(l.slopes.Chosen), 0
	for x, t := range l.tasks {
		tied := &task{logRef: t.logRef}
		for i, c := range t.chosen {
			if math.Abs(slopes[at]) > 1e-9*floats.Norm(slopes, math.Inf(1)) {
				tied.chosen, tied.rejected = append(tied.chosen, c), append(tied.rejected, t.rejected[i])
			}
			at++
		}
		some := tied.groups()
		for k := range t.logRef {
			some = append(some, []int{k})
		}
		for _, group := range some {
			step := make([]float64, l.dim)
			for _, k := range group {
				floats.Add(step, l.jacobian[x].RawRowView(k))
			}
			if on(step, func(i, k int) float64 {
				if i == x && slices.Contains(group, k) {
					return 1
				}
				return 0
			}) {
				return true
			}
		}
	}
	return false
}

// turn writes the derivatives of the gradient at a point.
func (l *lossFunction) turn(at, scratch *point, step float64, dst *mat.Dense) {
	for j := range l.dim {
		copy(scratch.theta, at.theta)
		scratch.theta[j] += step
		h := scratch.theta[j] - at.theta[j]
		l.gradient(scratch)
		for i, g := range scratch.grad {
			dst.Set(i, j, (g-at.grad[i])/h)
		}
	}
}

// movingReference says where a policy goes whose reference follows it. Margins vanish under a reference that has come to rest, and a
// monotone psi then still pulls at every response that was not chosen as often as rejected; so the policy moves on for ever, each
// time by what the loss moves it from its reference: as the difference of a response's wins and losses where the reference is
// moved often, as the minimizer's margin where it is moved late. Where both are largest at the same responses, these take all.
func (s *solver) movingReference(b policy.Block) (*result, error) {
	if !s.terms.margin || len(s.terms.parts) != 1 || s.terms.strange != "" || s.problem.L2 > 0 || !s.terms.everyMargin(objective.Shape.Decreasing) {
		return nil, undecided("a reference that moves with the policy, for this loss")
	}
	if s.problem.Policy.Jacobian(b.Prompts[0]) != nil {
		return nil, undecided("a reference that moves with the policy, in a limited class")
	}
	t := s.tasks[b.Prompts[0]]
	net, weight := t.lead()
	best := leading(net, netTolerance*weight)
	if floats.Norm(net, math.Inf(1)) <= netTolerance*weight {
		return &result{status: Stationary, theta: t.logRef, logps: [][]float64{t.logRef},
			reason: t.reasonf("every response was chosen as often as rejected, so that pi_ref is at rest and its reference with it")}, nil
	}
	z := make([]float64, t.responses())
	for _, group := range t.groups() {
		winners := t.unbeaten(group)
		if winners != nil {
			for _, k := range winners {
				z[k] = math.Inf(1)
			}
			continue
		}
		if err := s.scaledMargins(t, &marginTerm{Margin: s.terms.only.Margin, shape: s.terms.only.shape}, group, z, &result{}); err != nil {
			return nil, err
		}
		mean := 0.0
		for _, k := range group {
			mean += z[k] / float64(len(group))
		}
		for _, k := range group {
			z[k] -= mean
		}
	}
	top := leading(z, 1e-9)
	for _, k := range best {
		if !slices.Contains(top, k) {
			return &result{status: train.Diverged, logps: [][]float64{nil}, reason: t.reasonf("the reference follows the policy for ever, and where to depends on how "+
				"often: %s won most, but %s would if the reference were moved late", list(best), list(top))}, nil
		}
	}
	return s.vertex(t, best, t.reasonf("the reference follows the policy, which moves on until %s has all probability", list(best))), nil
}

// leading lists the largest entries, up to a difference.
func leading(v []float64, within float64) (all []int) {
	most := floats.Max(v)
	for k, x := range v {
		if x == most || x >= most-within {
			all = append(all, k)
		}
	}
	return all
}
