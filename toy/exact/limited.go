package exact

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/train"
)

// rankTolerance separates dependent from independent directions, relative to the largest singular value.
const rankTolerance = 1e-10

// penalized minimizes with the penalty, under which every loss here has a minimizer. Directions of the parameters that
// change no policy are 0 there, and left out: beside a large lambda, rounding would drown the penalty's curvature.
func (s *solver) penalized(l *lossFunction) (*result, error) {
	l.jacobian[0] = l.dense(0)
	moving, _ := split(l.contrasts(func(*task) bool { return true }, false))
	if moving == nil {
		origin := make([]float64, l.dim)
		return &result{status: train.Converged, theta: origin, logps: l.policies(origin)}, nil
	}
	center := image(mat.DenseCopyOf(moving.T()), l.start, nil)
	from := image(moving, center, nil)
	inClass := l.compose(moving, from)
	inClass.l2, inClass.center = l.l2, center
	r, err := s.search(inClass)
	if err != nil {
		return nil, err
	}
	r.theta = image(moving, r.theta, from)
	r.logps = l.policies(r.theta)
	return r, nil
}

// limited minimizes without penalty over a policy class with a Jacobian. Directions of the parameters fall into three
// orthogonal sets: those that change no policy are left alone; those that change policies but not the loss (unseen)
// make the minimizer not unique; the search runs in the rest, unless the loss is known to fall for ever there, or to be flat in
// the end.
func (s *solver) limited(l *lossFunction) (*result, error) {
	moving, _ := split(l.contrasts(func(*task) bool { return true }, false))
	if moving == nil {
		return &result{status: train.Converged, theta: slices.Clone(l.start), logps: l.policies(l.start)}, nil
	}
	inClass := s.seeing(l).compose(moving, l.start)
	seenBasis, unseenBasis := split(inClass.contrasts(func(t *task) bool { return t.total > 0 && s.terms.wholePolicy() },
		len(s.terms.margins) > 0 || s.terms.other != ""))
	verdict, flat, err := s.recession(inClass)
	if err != nil {
		return nil, err
	}
	if verdict != "" {
		return &result{status: train.Diverged, reason: verdict, logps: make([][]float64, len(l.tasks))}, nil
	}
	r := &result{status: train.Converged, theta: make([]float64, inClass.dim)}
	switch {
	case flat:
		_, err = s.nearestFlat(inClass.equally(), r)
	case seenBasis != nil:
		seen := inClass.compose(seenBasis, r.theta)
		if r, err = s.search(seen); err == nil && r.theta != nil {
			r, err = s.onlyOne(seen, r)
			r.theta = image(seenBasis, r.theta, nil)
		}
	}
	if err == nil && unseenBasis != nil && r.status == train.Converged {
		err = s.nearest(inClass.equally(), unseenBasis, r)
	}
	switch {
	case err != nil:
		return nil, err
	case r.theta == nil:
		r.logps = make([][]float64, len(l.tasks))
		return r, nil
	}
	r.theta = image(moving, r.theta, l.start)
	r.logps = l.policies(r.theta)
	return r, nil
}

// onlyOne returns a minimizer that is one by convexity, or of those of a loss that is level between its kinks the one nearest to pi_ref: where
// minimizers fill a set, a little that pulls one way and the other finds two of them.
func (s *solver) onlyOne(l *lossFunction, r *result) (*result, error) {
	level := s.terms.barrier == 0 && !s.terms.hasSingles() && s.terms.everyMargin(func(p objective.Shape) bool {
		return p.Convexity == objective.Weak || p.Convexity == objective.StrictAtLosses
	})
	if r.status != train.Converged || !level {
		return r, nil
	}
	at, unit := l.newPoint(r.theta), s.unit(l)
	least := l.value(at)
	aside, size := []float64{-10 * unit, 10 * unit}, 0.0
	for _, to := range aside {
		l.slope(l.newPoint(slices.Repeat([]float64{to}, l.dim)))
		size = max(size, floats.Norm(l.slopes.Chosen, 1))
	}
	var ends [][]float64
	for _, to := range aside {
		pulled := *l
		pulled.l2, pulled.center = 1e-5*size/unit, slices.Repeat([]float64{to}, l.dim)
		pulled.prepare()
		d, err := s.arrive(&pulled, r.theta, unit, idleLimit)
		if err != nil {
			return nil, err
		}
		if there := l.newPoint(d.at.theta); d.converged && l.value(there) <= least+1e-9*math.Abs(least) {
			ends = append(ends, d.at.theta)
		}
	}
	if len(ends) < 2 || floats.Distance(ends[0], ends[1], math.Inf(1)) < 0.1*unit {
		return r, nil
	}
	return s.nearestFlat(l.equally(), &result{iterations: r.iterations})
}

// seeing returns the loss function without the comparisons on which no pair term depends.
func (s *solver) seeing(l *lossFunction) *lossFunction {
	c := *l
	c.tasks = nil
	for _, t := range l.tasks {
		if s.terms.only != nil {
			t = t.asking(s.terms.only)
		}
		if s.terms.strange == "" && len(s.terms.parts) > 0 && len(s.terms.on(t).parts) == 0 {
			t = t.only(func(int) bool { return false })
		}
		c.tasks = append(c.tasks, t)
	}
	return &c
}

// unlimited says whether a class that is written with Jacobians contains all policies.
func (s *solver) unlimited() bool {
	for _, b := range s.problem.Policy.Blocks() {
		l := s.lossOn(b)
		if l.jacobian[0] == nil || b.Dim < len(l.tasks)*(l.tasks[0].responses()-1) {
			return false
		}
		moving, _ := split(l.contrasts(func(*task) bool { return true }, false))
		if moving == nil || moving.RawMatrix().Cols < len(l.tasks)*(l.tasks[0].responses()-1) {
			return false
		}
	}
	return true
}

// freely solves the problem of a class that contains all policies with a tabular policy that starts where it does, and fits the parameters,
// nearest to the start. Where a probability is 0 no parameters do.
func (s *solver) freely(p *Problem) (*Solution, error) {
	free, err := (&policy.TabularParams{}).Build(p.Env, nil)
	if err != nil {
		return nil, err
	}
	for x, logits := range s.base {
		copy(free.Params()[x*len(logits):], logits)
	}
	q := *p
	q.Policy = free.(policy.Affine)
	total, err := Solve(s.ctx, &q)
	if err != nil {
		return nil, err
	}
	fitted := true
	for _, b := range p.Policy.Blocks() {
		var rows [][]float64
		for _, x := range b.Prompts {
			if total.Policy[x] != nil && !slices.Contains(total.Policy[x], math.Inf(-1)) {
				rows = append(rows, total.Policy[x])
			}
		}
		if len(rows) < len(b.Prompts) {
			fitted = false
			continue
		}
		copy(p.Policy.Params()[b.Offset:b.Offset+b.Dim], s.lossOn(b).fit(rows))
	}
	if fitted {
		s.measure(total)
	}
	return total, nil
}

// search minimizes over the coordinates of a composed loss function from 0, where the search starts. A single margin loss with the identity link is
// solved for lambda times the parameters, in which the loss does not depend on lambda and steps mean the same at
// every lambda. Under a penalty the parameters themselves may be the larger, at lambda below 1, and are kept.
func (s *solver) search(l *lossFunction) (*result, error) {
	begin := append(s.near(l), make([]float64, l.dim))[0]
	if m := s.terms.only; m != nil && m.Link == nil && m.strictly() && (l.l2 == 0 && !s.terms.plunges() || m.Lambda > 1 && l.l2 > 0) {
		floats.Scale(m.Lambda, begin)
		r, err := s.descend(s.scaled(l, m), begin)
		if err == nil {
			for i := range r.theta {
				r.theta[i] /= m.Lambda
			}
		}
		return r, err
	}
	if s.terms.convex() && s.terms.other == "" && (l.l2 > 0 || !s.terms.plunges()) {
		return s.descend(l, begin)
	}
	return s.searchClass(l)
}

// searchClass searches a class, or under a penalty, for the minimum of a loss that is not known to be convex in the parameters.
func (s *solver) searchClass(l *lossFunction) (*result, error) {
	convex, unit := s.terms.convex(), s.unit(l)
	starts := s.near(l)
	switch {
	case starts != nil:
	case convex:
		starts = [][]float64{make([]float64, l.dim)}
	case l.center != nil:
		starts = l.starts(unit, [][]float64{floats.ScaleTo(make([]float64, l.dim), -1, l.center)})
	default:
		starts = l.starts(unit, nil)
	}
	found, err := s.among(l, starts, unit, func(from []float64) (*end, error) {
		if s.terms.other != "" {
			d, err := s.arrive(l, from, unit, idleLimit)
			return &end{descent: d}, err
		}
		d, err := s.minimize(l, from) // where all is known of the loss, as long as it takes
		return &end{descent: d}, err
	})
	if err != nil {
		return nil, err
	}
	t := l.tasks[0]
	r := &result{status: Local, reason: t.reasonf("%s", found.describe()), iterations: found.iterations, change: found.change,
		theta: found.at.theta, logps: found.at.logp}
	switch {
	case s.away(l, found.at, far/2*max(1, unit)):
		r.status, r.reason, r.theta = train.Diverged, t.reasonf("the loss falls for ever in a direction of the policy class: %s", found.describe()), nil
	case !found.converged || math.IsNaN(found.at.loss):
		r.status, r.reason = Stalled, t.reasonf("no search came to rest, of %d, of which the lowest took %d steps", found.starts, found.descent.iterations)
	case convex:
		r.status, r.reason = train.Converged, inLogits
	case found.unresolved:
		r.reason += fmt.Sprintf("; the log-probabilities of the rarest responses, below %.3g, are not resolved", math.Log(probabilityStep))
	}
	return r, nil
}

// away says whether a search from 0 has moved two logits apart by more than twice a distance and the loss does not rise beyond, but for
// rounding. KL(pi to pi_ref) holds every policy back, however small its derivatives far out, and so does a penalty.
func (s *solver) away(l *lossFunction, at *point, distance float64) bool {
	twice, gone := l.newPoint(floats.ScaleTo(make([]float64, l.dim), 2, at.theta)), 0.0
	for i, logits := range at.logits {
		moved := floats.SubTo(make([]float64, len(logits)), logits, l.offset[i])
		gone = max(gone, (floats.Max(moved)-floats.Min(moved))/2)
	}
	return l.l2 == 0 && s.terms.entropy == 0 && gone > distance && !(l.value(twice) > at.loss+1e-12*math.Abs(at.loss))
}

// near returns where a composed loss function has the policies of the caller's starts.
func (s *solver) near(l *lossFunction) (all [][]float64) {
	for n := range s.problem.From {
		goal := make([][]float64, len(l.tasks))
		for i, t := range l.tasks {
			given := s.from(t)
			if n >= len(given) {
				return all
			}
			goal[i] = given[n]
			for k, v := range goal[i] {
				goal[i][k] = max(v, -100)
			}
		}
		all = append(all, l.fit(goal))
	}
	return all
}

// scaled returns the loss as a function of lambda times the parameters, whose logits are the scaled margins' z, divided by the
// coefficient of the margin loss.
func (s *solver) scaled(l *lossFunction, m *marginTerm) *lossFunction {
	c := &lossFunction{objective: m.scaled(), tasks: l.tasks, jacobian: l.jacobian, dim: l.dim,
		l2: l.l2 / m.Lambda / m.Lambda / (m.Factor * s.terms.weight)}
	for _, v := range l.center {
		c.center = append(c.center, m.Lambda*v)
	}
	for i, t := range l.tasks {
		// Measured from the first response, for a common offset times a large lambda would cost digits.
		offset, base := make([]float64, t.responses()), t.base(m)
		for k := range offset {
			offset[k] = m.Lambda * ((l.offset[i][k] - base[k]) - (l.offset[i][0] - base[0]))
		}
		c.offset = append(c.offset, offset)
	}
	c.prepare()
	return c
}

// equally returns the loss function with terms of distributions that have the same weight at every prompt, compared or not, and a start
// at pi_ref.
func (l *lossFunction) equally() *lossFunction {
	c, refs := *l, [][]float64(nil)
	c.tasks = nil
	for _, t := range l.tasks {
		one := *t
		one.total = 1
		c.tasks, refs = append(c.tasks, &one), append(refs, t.logRef)
	}
	c.start = l.fit(refs)
	return &c
}

// nearest moves along unseen directions, which do not change the loss, to the policies nearest to pi_ref: the smallest
// sum over the prompts of KL(pi_ref to pi). It is convex and grows in every direction that changes a policy.
func (s *solver) nearest(l *lossFunction, unseen *mat.Dense, r *result) error {
	towards := l.compose(unseen, r.theta)
	towards.objective = (&objective.KLRefPi{Reduction: "sum"}).Objective()
	towards.prepare()
	found, err := s.descend(towards, make([]float64, towards.dim))
	if err != nil {
		return err
	}
	r.iterations += found.iterations
	r.change = max(r.change, found.change)
	r.theta = image(unseen, found.theta, r.theta)
	r.status, r.reason = found.status, found.reason
	if found.status == train.Converged {
		r.status = NotUnique
		r.reason = l.tasks[0].reasonf("within the policy class some directions change policies but no compared margin; the minimizer " +
			"nearest to pi_ref is reported")
	}
	return nil
}

// contrasts returns the derivative by the parameters of what a loss may see: the differences of all logits of the
// chosen prompts, and of compared logits if asked for. One row a difference.
func (l *lossFunction) contrasts(whole func(*task) bool, compared bool) *mat.Dense {
	var rows [][]float64
	difference := func(i, a, b int) {
		row := make([]float64, l.dim)
		for j := range row {
			row[j] = l.jacobian[i].At(a, j) - l.jacobian[i].At(b, j)
		}
		rows = append(rows, row)
	}
	for i, t := range l.tasks {
		if whole(t) {
			for k := 1; k < t.responses(); k++ {
				difference(i, k, 0)
			}
		} else if compared {
			for j, c := range t.chosen {
				difference(i, c, t.rejected[j])
			}
		}
	}
	// At least as many rows as columns, so that the thin decomposition has all right singular vectors.
	m := mat.NewDense(max(len(rows), l.dim), l.dim, nil)
	for i, row := range rows {
		m.SetRow(i, row)
	}
	return m
}

// split returns orthonormal bases of a matrix's row space and of its null space, as columns; nil where empty.
func split(m *mat.Dense) (rows, null *mat.Dense) {
	var svd mat.SVD
	_, n := m.Dims()
	if !svd.Factorize(m, mat.SVDThin) {
		panic("exact: singular values of a finite matrix do not converge")
	}
	var v mat.Dense
	svd.VTo(&v)
	rank := svd.Rank(rankTolerance)
	if rank > 0 {
		rows = mat.DenseCopyOf(v.Slice(0, n, 0, rank))
	}
	if rank < n {
		null = mat.DenseCopyOf(v.Slice(0, n, rank, n))
	}
	return rows, null
}

// compose returns the loss function in coordinates phi, theta = from + basis phi.
func (l *lossFunction) compose(basis *mat.Dense, from []float64) *lossFunction {
	_, dim := basis.Dims()
	c := &lossFunction{objective: l.objective, tasks: l.tasks, dim: dim}
	for i := range l.tasks {
		var j mat.Dense
		j.Mul(l.jacobian[i], basis)
		c.jacobian, c.offset = append(c.jacobian, &j), append(c.offset, image(l.jacobian[i], from, l.offset[i]))
	}
	c.prepare()
	return c
}

// image returns from + m v; a nil from is zero.
func image(m *mat.Dense, v, from []float64) []float64 {
	n, _ := m.Dims()
	out := make([]float64, n)
	copy(out, from)
	for i := range out {
		for j, b := range m.RawRowView(i) {
			out[i] += b * v[j]
		}
	}
	return out
}

// fit returns the parameters, nearest to the start, whose policies come nearest to the given log-probabilities in the
// least-squares sense over centred logits; a nil row asks for the logits at the start.
func (l *lossFunction) fit(logps [][]float64) []float64 {
	k := l.tasks[0].responses()
	matrix, rhs := mat.NewDense(len(l.tasks)*k, l.dim, nil), mat.NewVecDense(len(l.tasks)*k, nil)
	begin := make([]float64, l.dim)
	copy(begin, l.start)
	for i, row := range logps {
		jacobian := l.dense(i)
		at := image(jacobian, begin, l.offset[i])
		for j := range l.dim {
			column := mat.Col(nil, j, jacobian)
			center(column)
			for a, v := range column {
				matrix.Set(i*k+a, j, v)
			}
		}
		if row == nil {
			continue
		}
		for a := range at {
			at[a] = row[a] - at[a]
		}
		center(at)
		for a, v := range at {
			rhs.SetVec(i*k+a, v)
		}
	}
	var svd mat.SVD
	var x mat.VecDense
	if !svd.Factorize(matrix, mat.SVDThin) {
		panic("exact: singular values of a finite matrix do not converge")
	}
	svd.SolveVecTo(&x, rhs, svd.Rank(rankTolerance))
	for j := range begin {
		begin[j] += x.AtVec(j)
	}
	return begin
}

// dense returns a prompt's Jacobian, the identity written out.
func (l *lossFunction) dense(i int) *mat.Dense {
	if l.jacobian[i] != nil {
		return l.jacobian[i]
	}
	identity := mat.NewDense(l.dim, l.dim, nil)
	for j := range l.dim {
		identity.Set(j, j, 1)
	}
	return identity
}

// center subtracts the mean.
func center(v []float64) {
	mean := 0.0
	for _, x := range v {
		mean += x / float64(len(v))
	}
	for i := range v {
		v[i] -= mean
	}
}
