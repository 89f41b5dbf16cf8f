package exact

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"windtunnel/toy/objective"
	"windtunnel/toy/train"
)

// Where a loss that is not convex is searched.
const (
	// randomStarts directions are drawn from a fixed seed, beside those towards vertices and in the order of wins; more where there
	// are few responses.
	randomStarts = 8
	// mostStarts bounds the searches, to those with the lowest losses at their start, pi_ref and the caller's aside; as well.
	mostStarts = 8
	// firstSteps is how many steps every search is given, and finalists how many of them go on.
	firstSteps, finalists = 12, 3
	// meeting is the difference of probabilities at which two searches go on as one, where log-probabilities differ by no more
	// than that, relative to themselves, or the loss by less than the other.
	meeting, sameLoss = 1e-3, 1e-7
	// far is how many nats, and units of the loss, a response is pushed to find out whether the loss holds it, and farther
	// what it is left at if not.
	far, farther = 60.0, 1e6
	// holds is the least rise of the loss, as a share of it here or at the start, that counts as holding.
	holds = 1e-13
	// vanishing is the probability below which a response that the loss does not hold is taken to be driven out by it.
	vanishing = 1e-8
	// samePoint is the relative difference of log-probabilities up to which two searches ended at one policy.
	samePoint = 1e-4
	// clearly is the share of its parts that a sum must exceed to count as positive or negative, far above what a search leaves.
	clearly = 1e-6
)

// What proves a minimum.
const (
	inMargins = "convex in the margins"
	inLogits  = "convex in the logits"
)

// starts scale directions by these many units.
var strides = []float64{0.3, 1, 3, 10, 30, 100}

// unit returns how far, in nats, the loss function's parameters move policies before its derivatives change: what a term says
// of itself, or else the ratio of the first derivative to the second.
func (s *solver) unit(l *lossFunction) float64 {
	pair, _ := l.objective.Terms()
	scale := 0.0
	if s.terms.grounded() {
		scale = 1 // within a nat such a link bends, whatever lambda is
	}
	for _, w := range pair {
		switch term := w.Term.(type) {
		case *objective.Margin:
			scale = max(scale, term.Lambda)
		case *objective.Sides:
			scale = max(scale, term.Lambda)
		case *objective.Centered:
			scale = max(scale, term.Sides.Lambda)
		case objective.Coupled:
			scale = max(scale, term.Steepness())
		}
	}
	if scale > 0 {
		return 1 / scale
	}
	at := l.newPoint(l.begin())
	l.slope(at)
	norm := floats.Norm(at.grad, 2)
	if norm == 0 || math.IsNaN(norm) || math.IsInf(norm, 0) {
		return 1
	}
	step := 1e-6
	next := l.newPoint(at.theta)
	for range 40 {
		floats.AddScaledTo(next.theta, at.theta, -step/norm, at.grad)
		l.slope(next)
		if turn := floats.Distance(next.grad, at.grad, 2); turn > 1e-6*norm {
			return min(1e8, max(1e-8, step*norm/turn))
		}
		step *= 10
	}
	return 1
}

// begin returns where searches start.
func (l *lossFunction) begin() []float64 {
	if l.start != nil {
		return l.start
	}
	return make([]float64, l.dim)
}

// directions lists where a loss that is not convex may have its minimum, as seen from the start: in the order in which responses
// win, towards each response, and anywhere.
func (l *lossFunction) directions() [][]float64 {
	var all [][]float64
	add := func(i int, by []float64) {
		dir := by
		if j := l.jacobian[i]; j != nil {
			moved := mat.NewVecDense(l.dim, nil)
			moved.MulVec(j.T(), mat.NewVecDense(len(by), by))
			dir = moved.RawVector().Data
		}
		if size := floats.Norm(dir, math.Inf(1)); size > 0 && !math.IsInf(size, 0) {
			floats.Scale(1/size, dir)
			all = append(all, dir)
		}
	}
	for i, t := range l.tasks {
		net, _ := t.lead()
		rank := make([]float64, len(net))
		for a := range net {
			for b := range net {
				if net[b] < net[a] {
					rank[a]++
				}
			}
		}
		add(i, rank)
		add(i, t.odds())
		for k := range net {
			vertex := make([]float64, len(net))
			vertex[k] = 1
			add(i, vertex)
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range max(randomStarts, 80/l.dim) {
		dir := make([]float64, l.dim)
		for j := range dir {
			dir[j] = rng.NormFloat64()
		}
		all = append(all, dir)
	}
	return all
}

// starts lists where to search: given places, and along every direction, and more, the place of lowest loss, of these the lowest.
func (l *lossFunction) starts(unit float64, given [][]float64, more ...[]float64) [][]float64 {
	type start struct {
		at   []float64
		loss float64
	}
	var found []start
	p, begin := l.newPoint(l.begin()), l.begin()
	for _, dir := range append(l.directions(), more...) {
		best := start{loss: math.Inf(1)}
		for _, stride := range strides {
			floats.AddScaledTo(p.theta, begin, stride*unit, dir)
			if v := l.value(p); v < best.loss {
				best = start{slices.Clone(p.theta), v}
			}
		}
		if best.at != nil {
			found = append(found, best)
		}
	}
	sort.SliceStable(found, func(i, j int) bool { return found[i].loss < found[j].loss })
	all := append([][]float64{begin}, given...)
	for _, f := range found[:min(len(found), max(mostStarts, 40/l.dim))] {
		all = append(all, f.at)
	}
	return all
}

// arrive descends from a point by Newton's method, and where that does not come to rest, as at a kink, by BFGS.
func (s *solver) arrive(l *lossFunction, from []float64, unit float64, idle int) (*descent, error) {
	if d, err := s.overKink(l, from, unit); err != nil || d.converged {
		return d, err
	}
	d := &descent{at: l.newPoint(from)}
	if l.bends() {
		var err error
		if d, err = s.stationaryFrom(l, from, unit, idle); err != nil || d.converged {
			return d, err
		}
	} else {
		l.slope(d.at)
	}
	if !d.at.finite() {
		return d, nil
	}
	q, err := s.quasiNewton(l, d.at.theta, unit)
	if err != nil {
		return nil, err
	}
	if !q.converged && l.objective.Itemized() { // beside a large lambda, values are rounded away before slopes are
		end, err := s.follow(l, from, unit)
		if err != nil {
			return nil, err
		}
		if (end.converged || end.unresolved) && end.at.loss <= q.at.loss+1e-9*math.Abs(q.at.loss) {
			end.iterations += q.iterations
			q, end.converged = end, true
		}
	}
	q.iterations += d.iterations
	return q, nil
}

// sharpest is over how many nats, or of units the other, a kink is rounded at last.
const sharpest, sharpestUnits = 1e-7, 1e-6

// overKink descends over kinks that are rounded less and less, from each minimum to the next. It serves convex losses that have some. The minimum
// goes to that of the loss itself in proportion to the rounding, so that two of them tell the next and the limit to second order.
func (s *solver) overKink(l *lossFunction, from []float64, unit float64) (*descent, error) {
	total, before := &descent{at: l.newPoint(from)}, []float64(nil)
	if !s.terms.convex() {
		return total, nil
	}
	if _, kink := l.objective.Rounded(unit); !kink {
		return total, nil
	}
	last := min(sharpest, max(sharpestUnits*unit, 1e-5*sharpest))
	for scale := max(unit, 100*last); ; scale /= 10 {
		smooth := *l
		smooth.small = scale / 100
		smooth.objective, _ = l.objective.Rounded(scale)
		smooth.prepare()
		stop, start := stopper{convex: true, last: math.Inf(1)}, smooth.newPoint(total.at.theta)
		smooth.evaluate(start)
		d, _, err := s.newton(&smooth, start, unit, maxSteps, func(d *descent, relative float64, full, shifted bool) bool {
			if d.converged = stop.after(d.change, relative, full && !shifted); full && !d.converged {
				smooth.gradient(d.at)
				d.converged = smooth.drowned(d.at)
			}
			return d.converged || stop.idle >= idleSteps
		})
		if err != nil {
			return nil, err
		}
		total.iterations += d.iterations
		total.change, total.converged = d.change, d.converged
		share, end := 10.0, scale < 5*last || !total.converged
		if end {
			share = 9 // to the limit, and not to the next
		}
		for i, v := range d.at.theta {
			total.at.theta[i] = v
			if before != nil {
				total.at.theta[i] += (v - before[i]) / share
			}
		}
		if end {
			break
		}
		before = slices.Clone(d.at.theta)
	}
	l.slope(total.at)
	return total, nil
}

// end is where a search ended.
type end struct {
	*descent
	gone []bool // responses that the search has driven to probability 0, nil for none
	away bool   // margins run off
	flat bool   // the loss does not change in some direction
}

// ends are those of several searches.
type ends struct {
	end
	starts, iterations int
	others             []float64 // how much higher the loss is at ends elsewhere
	scale              float64   // of the loss in its unit
}

// shorten runs a few steps of Newton's method from every start and keeps the lowest. A search that comes to where another has passed
// goes where that does.
func (s *solver) shorten(l *lossFunction, starts [][]float64, unit float64) ([][]float64, error) {
	if !l.bends() || len(starts) <= finalists {
		return starts, nil
	}
	var all []*descent
	met := func(d *descent) bool {
		return slices.ContainsFunc(all, func(other *descent) bool {
			change, relative := compare(other.at, d.at)
			return change <= meeting && (relative <= meeting || math.Abs(other.at.loss-d.at.loss) <= sameLoss*math.Abs(d.at.loss))
		})
	}
	for _, from := range starts {
		at := l.newPoint(from)
		l.evaluate(at)
		d, _, err := s.newton(l, at, unit, firstSteps, func(d *descent, _ float64, _, _ bool) bool { return met(d) })
		if err != nil {
			return nil, err
		}
		// Of minima as low as one another, as mirror images are, the first is kept.
		same := func(other *descent) bool { return math.Abs(other.at.loss-d.at.loss) <= 1e-10*math.Abs(other.at.loss) }
		if d.at.finite() && !met(d) && !slices.ContainsFunc(all, same) {
			all = append(all, d)
		}
	}
	slices.SortStableFunc(all, func(a, b *descent) int { return cmp.Compare(a.at.loss, b.at.loss) })
	var kept [][]float64
	for _, d := range all[:min(len(all), finalists)] {
		kept = append(kept, d.at.theta)
	}
	return kept, nil
}

// among searches from several starts and returns the lowest end.
func (s *solver) among(l *lossFunction, starts [][]float64, unit float64, settle func(from []float64) (*end, error)) (*ends, error) {
	var found []*end
	all := &ends{starts: len(starts), scale: l.tasks[0].unit()}
	first := l.newPoint(starts[0])
	l.slope(first)
	level := holds * math.Abs(first.loss) // what this rounds away is no lower
	if s.flows {
		starts = starts[:1]
	}
	starts, err := s.shorten(l, starts, unit)
	if err != nil {
		return nil, err
	}
	for _, from := range starts {
		e, err := settle(from)
		if err != nil {
			return nil, err
		}
		all.iterations += e.iterations
		if !e.at.finite() {
			continue
		}
		found = append(found, e)
		if best := all.end.descent; best == nil || e.at.loss < best.at.loss-1e-12*math.Abs(best.at.loss) && (e.converged || !best.converged || e.at.loss < best.at.loss-level) ||
			!best.converged && e.converged && e.at.loss <= best.at.loss+level {
			all.end = *e
		}
	}
	if all.end.descent == nil {
		all.end = end{descent: &descent{at: first}}
		return all, nil
	}
	for _, e := range found {
		if change, relative := compare(all.at, e.at); change > probabilityStep && relative > samePoint {
			all.others = append(all.others, e.at.loss-all.at.loss)
		}
	}
	return all, nil
}

// describe says in words how searches ended.
func (e *ends) describe() string {
	if len(e.others) == 0 {
		return fmt.Sprintf("the lowest of %d searches, which all ended there", e.starts)
	}
	return fmt.Sprintf("the lowest of %d searches; %d ended elsewhere, at losses higher by %.3g to %.3g", e.starts, len(e.others),
		e.scale*slices.Min(e.others), e.scale*slices.Max(e.others))
}

// settle descends over the free logits of one prompt, without those that are gone, and drops responses that the loss does not
// hold, until it holds all.
func (s *solver) settle(l *lossFunction, from []float64, gone []bool, unit float64) (*end, error) {
	e := &end{gone: slices.Clone(gone)}
	at, iterations := slices.Clone(from), 0
	l.push(at, gone, nil, farther*max(1, unit))
	first := l.newPoint(l.begin())
	size := math.Abs(l.value(first))
	var flat *end // where losing responses changes nothing: the end, unless the loss is lower without them
	for {
		face := l.onFace(at, e.gone)
		d, err := s.arrive(face, face.start, unit, idleAtVertex)
		if err != nil {
			return nil, err
		}
		iterations += d.iterations
		d.iterations = iterations
		e.descent = d
		if !d.at.finite() {
			return e, nil
		}
		at = slices.Clone(d.at.logits[0])
		least := d.at.loss + holds*max(size, math.Abs(d.at.loss))
		drop, strictly := l.open(d.at, e.gone, s.kept(l.tasks[0]), least, far*max(1, unit))
		left := 0.0
		for _, k := range drop {
			left = max(left, d.at.pi[0][k])
		}
		switch {
		case drop == nil && flat != nil && !(least < flat.at.loss):
			return flat, nil
		case drop == nil:
			return e, nil
		case l.objective.DifferenceOnly():
			e.away = strictly || !s.terms.convexInLogs()
			e.flat = !e.away
			return e, nil
		case d.converged && !strictly && left > vanishing && s.terms.convexInLogs() && flat == nil:
			flat = &end{descent: d, gone: slices.Clone(e.gone), flat: true}
		}
		if e.gone == nil {
			e.gone = make([]bool, len(at))
		}
		l.push(at, e.gone, drop, farther*max(1, unit))
		for _, k := range drop {
			e.gone[k] = true
		}
	}
}

// kept says which responses the loss is known to hold.
func (s *solver) kept(t *task) []bool {
	held := make([]bool, t.responses())
	if s.terms.strange == "" && !s.terms.held {
		held = s.terms.holds(t)
	}
	rises := !s.terms.grounded() && s.terms.everyMargin(func(p objective.Shape) bool { return p.Low == objective.Rises && p.High != objective.Plunges })
	if groups := t.groups(); s.terms.strange == "" && rises && !s.terms.hasSingles() && len(groups) == 1 && t.unbeaten(groups[0]) == nil {
		for k := range held {
			held[k] = true // every response that falls loses a margin without bound
		}
	}
	return held
}

// open lists responses that the loss does not hold: pushed away and farther, alone or with all below them, it does not rise, and
// says whether it falls.
func (l *lossFunction) open(at *point, gone, kept []bool, least, push float64) (drop []int, strictly bool) {
	order, difference := make([]int, 0, len(at.logits[0])), l.objective.DifferenceOnly()
	for k := range at.logits[0] {
		if gone == nil || !gone[k] {
			order = append(order, k)
		}
	}
	sort.SliceStable(order, func(i, j int) bool { return at.logits[0][order[i]] < at.logits[0][order[j]] })
	free := newLossFunction(l.objective, l.tasks[0])
	p := free.newPoint(at.logits[0])
	pushed := func(set []int) float64 {
		worst := math.Inf(-1)
		for _, times := range []float64{1, farther / far} {
			copy(p.theta, at.logits[0])
			l.push(p.theta, gone, set, times*push)
			worst = max(worst, free.value(p))
		}
		if math.IsNaN(worst) {
			return math.Inf(1)
		}
		return worst
	}
	strict := at.loss - (least - at.loss)
	groups := l.tasks[0].groups()
	for i, k := range order {
		if len(order) == 1 || !slices.Contains(kept, false) {
			break
		}
		if difference && union(groups, order[:i+1]) && union(groups, []int{k}) {
			continue // nothing compares these with others
		}
		if kept[k] {
			continue
		}
		// With those below it, from which it may be held apart.
		if v := pushed(append(slices.Clone(drop), k)); v <= least && len(drop) < len(order)-1 && !(difference && union(groups, []int{k})) {
			drop, strictly = append(drop, k), strictly || v < strict
		} else if i < len(order)-1 && drop == nil && difference && !union(groups, order[:i+1]) {
			if v := pushed(order[:i+1]); v <= least {
				return order[:i+1], v < strict
			}
		}
	}
	return drop, strictly
}

// push moves some logits down, and those that are gone twice as far.
func (l *lossFunction) push(logits []float64, gone []bool, some []int, by float64) {
	for k, out := range gone {
		if out {
			logits[k] -= 2 * by
		}
	}
	for _, k := range some {
		logits[k] -= by
	}
}

// union says whether a set is one of whole groups.
func union(groups [][]int, set []int) bool {
	return !slices.ContainsFunc(groups, func(group []int) bool {
		in := 0
		for _, k := range group {
			if slices.Contains(set, k) {
				in++
			}
		}
		return in > 0 && in < len(group)
	})
}

// onFace returns a loss function of one prompt's free logits with those of some responses held far below.
func (l *lossFunction) onFace(at []float64, gone []bool) *lossFunction {
	if !slices.Contains(gone, true) {
		c := *l
		c.start = at
		return &c
	}
	offset, free := make([]float64, len(at)), []int(nil)
	top := math.Inf(-1)
	for k, v := range at {
		if !gone[k] {
			free = append(free, k)
			top = max(top, v)
		}
	}
	c := &lossFunction{objective: l.objective, tasks: l.tasks, dim: len(free), floating: true}
	j := mat.NewDense(len(at), len(free), nil)
	for i, k := range free {
		j.Set(k, i, 1)
		c.start = append(c.start, at[k]-top)
	}
	for k := range at {
		if gone[k] {
			offset[k] = at[k] - top
		}
	}
	c.offset, c.jacobian = [][]float64{offset}, []*mat.Dense{j}
	c.prepare()
	return c
}

// general minimizes a loss of which not all is known over all policies of a prompt. What a search from its own starts finds is kept.
func (s *solver) general(t *task) (*result, error) {
	t = t.scaled()
	l := newLossFunction(s.problem.Objective, t)
	l.start = t.logRef
	return s.once(l, func() (*result, error) { return s.anew(t, l) })
}

// anew is general without what was found before.
func (s *solver) anew(t *task, l *lossFunction) (*result, error) {
	here := s.terms.on(t)
	if here.strange == "" && len(here.parts) == 0 && s.terms.other != "" && here.barrier == 0 && here.entropy == 0 && here.reward == 0 {
		return s.unseen(t), nil
	}
	none, gone := t.none(here)
	if none != "" && !here.extends() {
		return &result{status: train.Diverged, reason: t.reasonf("%s", none), logps: [][]float64{nil}}, nil
	}
	outer := *s
	outer.terms = *here
	if none != "" && here.held {
		// A statistic of the whole batch is at its limit where responses have probability 0.
		p := l.newPoint(t.logRef)
		l.push(p.theta, gone, nil, farther*max(1, s.unit(l)))
		l.whole(p)
		l = newLossFunction(s.problem.Objective.Comparisons().Frozen(&l.batch), t)
		l.start = t.logRef
	}
	return outer.decideBySearch(t, l, none, gone)
}

// decideBySearch searches and says what its end is: proved, or the best of some.
func (s *solver) decideBySearch(t *task, l *lossFunction, none string, gone []bool) (*result, error) {
	unit := s.unit(l)
	convex := s.terms.convexInLogs()
	settle := func(from []float64) (*end, error) { return s.settle(l, from, gone, unit) }
	found, err := &ends{}, error(nil)
	if convex {
		if found, err = s.among(l, append(s.from(t), l.start)[:1], unit, settle); err != nil {
			return nil, err
		}
	}
	if convex && !found.converged && !found.away && gone == nil {
		if at := s.oneByOne(l, unit); at != nil {
			found.end = end{descent: &descent{at: at, iterations: found.iterations, converged: true}}
		}
	}
	if !convex || !found.away && s.certificate(t, l, found) == "" {
		starts := append(s.from(t), l.start)
		if len(starts) == 1 {
			starts = s.startsAt(t, l, unit)
		}
		if found, err = s.among(l, starts, unit, settle); err != nil {
			return nil, err
		}
	}
	if none != "" && s.terms.hasSingles() && !convex && s.problem.From == nil {
		if err := s.exchange(t, found, gone, settle); err != nil {
			return nil, err
		}
	}
	r := &result{iterations: found.iterations, change: found.change, logps: [][]float64{slices.Clone(found.at.logp[0])}}
	if !found.converged && !found.away {
		r.status, r.reason = Stalled, t.reasonf("no search came to rest, of %d", found.starts)
		return r, nil
	}
	var out []int
	for k, is := range found.gone {
		if is {
			out = append(out, k)
			r.logps[0][k] = math.Inf(-1)
		}
	}
	if found.away || s.runsOff(t, found.gone) {
		r.status, r.logps = train.Diverged, [][]float64{nil}
		if r.reason = t.reasonf("the loss falls for ever as margins run off: %s", found.describe()); convex {
			r.reason = t.reasonf("the loss is convex and falls for ever as margins run off")
		}
		return r, nil
	}
	proof := s.certificate(t, l, found)
	if groups := t.groups(); l.objective.DifferenceOnly() && len(groups) > 1 {
		base := &marginTerm{Margin: &objective.Margin{Lambda: 1, ReferenceFree: true}}
		r.status, r.logps[0] = NotUnique, withShares(t, base, groups, found.at.logits[0])
		r.reason = neverCompared(t, groups)
		if proof == "" {
			r.reason += "; " + found.describe()
		}
		return r, nil
	}
	switch {
	case len(out) > 0:
		loss := found.at.loss * found.scale
		r.loss = &loss
		r.status, r.reason = Boundary, t.reasonf("the minimizer lies on the boundary of the simplex: %s at probability 0", list(out))
		if none != "" {
			r.reason = t.reasonf("%s; it is least with %s at probability 0", none, list(out))
		}
		switch {
		case proof != "":
			r.reason += "; " + proof
		case len(out) < t.responses()-1 || none == "" || s.terms.grounded():
			r.reason += "; " + found.describe()
		}
	case proof != "" && (found.flat || !s.alone(t, l, found)):
		return s.nearestFlat(l, r)
	case proof != "":
		r.status, r.reason = train.Converged, proof
	default:
		r.status, r.reason = Local, t.reasonf("%s", found.describe())
	}
	return r, nil
}

// exchange goes on from the end of a search where bounded functions of single responses have a minimum on many faces of the simplex: with
// one response more, as far above pi_ref as the least of those that are held, as long as that is lower.
func (s *solver) exchange(t *task, found *ends, gone []bool, settle func(from []float64) (*end, error)) error {
	for improved := true; improved; {
		improved = false
		for k := range t.logRef {
			if gone != nil && gone[k] || found.gone == nil || !found.gone[k] {
				continue
			}
			from, least := slices.Clone(found.at.logits[0]), math.Inf(1)
			for j, v := range from {
				if !found.gone[j] {
					least = min(least, v-t.logRef[j])
				}
			}
			from[k] = t.logRef[k] + least
			e, err := settle(from)
			if err != nil {
				return err
			}
			found.iterations += e.iterations
			if e.converged && e.at.loss < found.at.loss-sameLoss*math.Abs(found.at.loss) {
				found.end, improved = *e, true
			}
		}
	}
	return nil
}

// certificate says why the end of a search is a global minimizer, "" where it cannot. Where the loss is convex in the
// log-probabilities as free variables and the sum of its derivatives by them is negative, the policy minimizes it over all
// policies that leave mass over as well, a convex problem: that sum is -nu, nu the multiplier of the constraint that
// probabilities sum to 1. Where the loss does not see a common shift of log-probabilities there is no such constraint.
func (s *solver) certificate(t *task, l *lossFunction, found *ends) string {
	switch {
	case !s.terms.convexInLogs() || s.terms.held || s.terms.entropy > 0 || s.terms.reward != 0:
		return ""
	case s.terms.invariant():
		return inMargins
	case s.terms.everySingle(objective.Shape.Decreasing):
		return inLogits
	}
	begin := l.newPoint(t.logRef)
	l.value(begin)
	_, first := l.objective.FreeGrad(l.prompt(begin, 0))
	g, size := l.objective.FreeGrad(l.prompt(found.at, 0))
	size = max(size, first)
	if floats.Sum(g) < clearly*max(size, math.SmallestNonzeroFloat64) {
		return "convex in the log-probabilities, and more mass would lower it"
	}
	return ""
}

// alone says whether a minimizer that is one by convexity is the only one.
func (s *solver) alone(t *task, l *lossFunction, found *ends) bool {
	strict := false
	for _, p := range s.terms.parts {
		strict = strict || p.Margin != nil && p.Margin.Convexity == objective.Strict && !p.Coupled
	}
	whole := len(t.groups()) == 1 || !s.terms.invariant()
	if strict && whole && s.terms.invariant() || s.terms.raised != nil && whole {
		return true
	}
	if s.terms.everySingle(objective.Shape.Decreasing) && s.terms.hasSingles() {
		return true
	}
	if l.byLogits == nil {
		return whole
	}
	at := l.newPoint(found.at.logits[0])
	l.evaluate(at)
	w := newWorkspace(l, 1)
	w.choose(at)
	matrix := mat.NewSymDense(len(w.moved), nil)
	for a, i := range w.moved {
		for b, j := range w.moved[a:] {
			matrix.SetSym(a, a+b, at.hess[i*l.dim+j]/math.Sqrt(math.Abs(at.hess[i*l.dim+i]*at.hess[j*l.dim+j])))
		}
	}
	var cholesky mat.Cholesky
	return cholesky.Factorize(matrix) && cholesky.Cond() < 1e12
}

// runsOff says whether a margin that an unbounded function reads has no limit where some responses are gone.
func (s *solver) runsOff(t *task, gone []bool) bool {
	if gone == nil || s.terms.grounded() {
		return false
	}
	if s.terms.everyMargin(objective.Shape.Bounded) {
		return false
	}
	for i, c := range t.chosen {
		if gone[c] || gone[t.rejected[i]] {
			return true
		}
	}
	return false
}

// startsAt lists where to search a prompt's policies: also next to the vertex of lowest loss, where the loss extends there, and towards
// any two responses under a link that is bounded, as local minima lie on many faces of the simplex then.
func (s *solver) startsAt(t *task, l *lossFunction, unit float64) [][]float64 {
	var given [][]float64
	if s.terms.extends() {
		net, _ := t.lead()
		// Near a vertex, where derivatives still tell where to, and far out.
		for _, depth := range []float64{3, far} {
			best, least, p := []float64(nil), math.Inf(1), l.newPoint(l.start)
			for k := range net {
				for i := range net {
					rank := 0.0
					for _, v := range net {
						if v > net[i] {
							rank++
						}
					}
					p.theta[i] = -depth * max(1, unit) * (1 + rank)
				}
				p.theta[k] = 0
				if v := l.value(p); v < least {
					best, least = slices.Clone(p.theta), v
				}
			}
			if best != nil {
				given = append(given, best)
			}
		}
	}
	var edges [][]float64
	if s.terms.grounded() {
		for a := range t.responses() {
			for b := range a {
				dir := make([]float64, t.responses())
				dir[a], dir[b] = 1, 1
				edges = append(edges, dir)
			}
		}
	}
	return l.starts(unit, given, edges...)
}

// from returns the caller's starts for a prompt, as logits.
func (s *solver) from(t *task) (all [][]float64) {
	x := slices.IndexFunc(s.tasks, func(other *task) bool { return other.name == t.name })
	for _, policy := range s.problem.From {
		if x >= 0 && x < len(policy) && len(policy[x]) == t.responses() {
			at := slices.Clone(policy[x])
			for k, v := range at {
				at[k] = max(v, -1e6)
			}
			all = append(all, at)
		}
	}
	return all
}

// unseen reports pi_ref for a loss that does not see the prompt.
func (s *solver) unseen(t *task) *result {
	return &result{status: NotUnique, reason: t.reasonf("the loss does not see this prompt, so every policy minimizes it; " +
		"pi_ref is reported"), logps: [][]float64{t.logRef}}
}

// neverCompared says why minimizers form a line.
func neverCompared(t *task, groups [][]int) string {
	return t.reasonf("%s and %s were never compared, not even through others; the minimizer nearest to pi_ref is reported",
		list(groups[0]), list(groups[1]))
}

// nearestFlat finds, of the minimizers of a loss with flat directions, the one nearest to pi_ref, from where the loss function starts: those
// of the loss plus a little of KL(pi_ref to pi) go there as that goes to nothing, which two of them tell to second order.
func (s *solver) nearestFlat(l *lossFunction, r *result) (*result, error) {
	t := l.tasks[0]
	r.status = NotUnique
	r.reason = t.reasonf("some directions do not change the loss; the minimizer nearest to pi_ref is reported")
	const little = 1e-5
	from := l.begin()
	size := l.newPoint(from)
	l.slope(size)
	scale, added := floats.Norm(size.grad, 2), floats.Norm(l.slopes.Chosen, 1)+floats.Norm(l.slopes.Rejected, 1)
	if scale <= 1e-9*added { // slopes cancel where it starts
		scale = added
	}
	scale = max(scale, 1e-300) / max(t.total, 1e-300)
	var ends [2]*point
	for i, share := range []float64{little, little / 2} {
		pulled := *l
		pulled.objective = (&objective.Objective{}).And(1, l.objective).And(share*scale, (&objective.KLRefPi{Reduction: "sum"}).Objective())
		pulled.prepare()
		d, err := s.arrive(&pulled, from, s.unit(l), idleLimit)
		if err != nil {
			return nil, err
		}
		from, ends[i] = d.at.theta, d.at
		if r.iterations += d.iterations; !d.converged {
			r.status, r.reason = Stalled, t.reasonf("the search for the minimizer nearest to pi_ref did not come to rest")
		}
	}
	at := l.newPoint(ends[1].theta)
	for k, v := range ends[0].theta {
		at.theta[k] = 2*ends[1].theta[k] - v
	}
	l.value(at)
	r.theta, r.logps = at.theta, at.logp
	return r, nil
}
