package exact

import (
	"fmt"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize/convex/lp"
)

// recession says in a sentence why the loss, restricted to directions that it sees, has no minimizer, and "" where it does not
// know of a reason. A sum of convex margin losses alone that none of them attains falls for ever where some direction lowers no
// compared margin and raises one, see separates.
func (s *solver) recession(l *lossFunction) (string, error) {
	k := &s.terms
	if k.other != "" || len(k.margins) == 0 || k.plunges() || k.linked() || k.attained() || k.barrier > 0 || k.entropy > 0 || k.reward != 0 {
		return "", nil
	}
	return l.separates()
}

// separates looks for a direction that lowers no compared margin and raises one, along which a loss without attained
// minimum falls for ever, and names a comparison whose margin grows. Margins compared in both orders must not move;
// among the directions left, with one-way margins A d, it solves the dual of
//
//	maximize 1^T A d  subject to  0 <= A d <= 1,
//
// which is to minimize 1^T v subject to A^T v - A^T u = A^T 1, u, v >= 0. The optimum is 0 or at least 1, so that
// rounding cannot blur the decision; where v > 0 the margin grows.
func (l *lossFunction) separates() (string, error) {
	level, names := l.oneWay()
	if level == nil {
		return "", nil
	}
	m, n := level.Dims()
	constraint, right := mat.NewDense(n, 2*m, nil), make([]float64, n)
	cost := make([]float64, 2*m)
	for i := range m {
		cost[i] = 1
		for j := range n {
			a := level.At(i, j)
			constraint.Set(j, i, a)
			constraint.Set(j, m+i, -a)
			right[j] += a
		}
	}
	best, v, err := lp.Simplex(cost, constraint, right, 1e-10, nil)
	if err != nil {
		return "", fmt.Errorf("the linear program that decides whether a minimizer exists: %w", err)
	}
	if best < 0.5 {
		return "", nil
	}
	top := 0
	for i := range m {
		if v[i] > v[top] {
			top = i
		}
	}
	return names[top], nil
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
