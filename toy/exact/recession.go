package exact

import (
	"fmt"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize/convex/lp"

	"windtunnel/toy/objective"
)

// recession looks for a direction of the policy class along which compared margins only grow. Where psi falls for ever with the margin
// there is no minimizer then, convex or not, since the direction leads lower from every policy, and a sentence says so. Where it levels
// out, a minimizer of a convex loss is not the only one, and is flat. Of a sum of strictly convex margin losses none of which is attained,
// no direction means that there is a minimizer.
//
// Under a link a margin that the logits leave alone moves with the normalizer, so that all margins have to grow; the loss then goes to
// what it is above of everywhere.
func (s *solver) recession(l *lossFunction) (verdict string, flat bool, err error) {
	k := &s.terms
	link, shared := k.link()
	if k.strange != "" || len(k.parts) == 0 || !shared || k.hasSingles() || k.barrier > 0 || k.entropy > 0 || k.reward != 0 {
		return "", false, nil
	}
	flat = true
	for _, p := range k.parts {
		if p.Held || p.Coupled || p.Raised || p.Margin.High != objective.Level && !p.Margin.High.Unattained() {
			return "", false, nil
		}
		flat = flat && p.Margin.High == objective.Level
	}
	moves, _ := split(l.contrasts(func(*task) bool { return false }, true))
	if moves == nil {
		return "", false, nil
	}
	why, all, err := l.compose(moves, make([]float64, l.dim)).separates()
	if err != nil || why == "" || link != nil && !(all && unbounded(link)) {
		return "", false, err
	}
	if flat {
		return "", link == nil && k.convex(), nil
	}
	return why, false, nil
}

// unbounded says whether a link falls fast enough, towards probability 0, that margins grow without bound as log-probabilities part in
// proportion, which under a logarithm of them they do not.
func unbounded(link objective.Link) bool {
	inverse, ok := link.(objective.Invertible)
	return ok && inverse.Inverse(-2e100) > 100*inverse.Inverse(-1e100)
}

// separates looks for a direction that lowers no compared margin and raises one, names a comparison whose margin grows, and says whether
// all do. Margins compared in both orders must not move; among the directions left, with one-way margins A d, it solves the dual of
//
//	maximize 1^T s  subject to  s <= A d, 0 <= s <= 1,
//
// which is to minimize 1^T v subject to A^T u = 0, u + v - w = 1, u, v, w >= 0. The optimum is the number of margins that can grow, all
// of them in one direction, so that rounding cannot blur the decision; where v > 0 the margin grows.
func (l *lossFunction) separates() (why string, all bool, err error) {
	level, names := l.oneWay()
	if level == nil {
		return "", false, nil
	}
	m, n := level.Dims()
	constraint, right, cost := mat.NewDense(m+n, 3*m, nil), make([]float64, m+n), make([]float64, 3*m)
	for i := range m {
		cost[i], right[i] = 1, 1
		constraint.Set(i, i, 1)
		constraint.Set(i, m+i, -1)
		constraint.Set(i, 2*m+i, 1)
		for j := range n {
			constraint.Set(m+j, 2*m+i, level.At(i, j))
		}
	}
	grow, v, err := lp.Simplex(cost, constraint, right, 1e-10, nil)
	if err != nil {
		return "", false, fmt.Errorf("the linear program that decides whether a minimizer exists: %w", err)
	}
	if grow < 0.5 {
		return "", false, nil
	}
	compared := 0
	for _, t := range l.tasks {
		compared += len(t.chosen)
	}
	return names[floats.MaxIdx(v[:m])], grow > float64(compared)-0.5, nil
}

// oneWay returns the margins compared in one order only, one row each, as functions of the directions that leave all
// margins compared in both orders alone; rows that such directions do not move are left out. The names say what a
// growing margin means. nil if none is left.
func (l *lossFunction) oneWay() (*mat.Dense, []string) {
	var rows, fixed [][]float64
	var names []string
	for i, t := range l.tasks {
		both := map[[2]int]bool{}
		for j, c := range t.chosen {
			both[[2]int{c, t.rejected[j]}] = true
		}
		for j, c := range t.chosen {
			row, r := make([]float64, l.dim), t.rejected[j]
			for a := range row {
				row[a] = l.jacobian[i].At(c, a) - l.jacobian[i].At(r, a)
			}
			if both[[2]int{r, c}] {
				fixed = append(fixed, row)
				continue
			}
			rows, names = append(rows, row), append(names, t.reasonf("the loss falls for ever in a direction of the policy class that "+
				"raises response %d over response %d, which it never lost to, and lowers no compared margin", c, r))
		}
	}
	return confine(rows, fixed, names, l.dim)
}

// confine expresses rows in the null space of the fixed rows, normalized, and drops those that vanish there.
func confine(rows, fixed [][]float64, names []string, dim int) (*mat.Dense, []string) {
	held := mat.NewDense(max(len(fixed), dim), dim, nil)
	for i, row := range fixed {
		held.SetRow(i, row)
	}
	_, null := split(held)
	if null == nil {
		return nil, nil
	}
	_, n := null.Dims()
	var kept []float64
	var who []string
	for i, row := range rows {
		moved := mat.NewVecDense(n, nil)
		moved.MulVec(null.T(), mat.NewVecDense(dim, row))
		size := mat.Norm(moved, 2)
		if size <= rankTolerance*mat.Norm(mat.NewVecDense(dim, row), 2) {
			continue
		}
		moved.ScaleVec(1/size, moved)
		kept, who = append(kept, moved.RawVector().Data...), append(who, names[i])
	}
	if len(kept) == 0 {
		return nil, nil
	}
	return mat.NewDense(len(kept)/n, n, kept), who
}
