package exact

import (
	"errors"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize/convex/lp"

	"windtunnel/toy/train"
)

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
		return nil, undecidable(t.say("the linear program that finds the minimum: %v", err))
	}
	right[n] = least * (1 + slackLoss)
	for who := 1; who < k; who++ {
		width := 0.0
		for _, sign := range []float64{1, -1} {
			clear(cost)
			cost[who-1], cost[k-1+who-1] = sign, -sign
			end, _, err := lp.Simplex(cost, rows, right, 1e-12, nil)
			if err != nil && !errors.Is(err, lp.ErrUnbounded) {
				return nil, undecidable(t.say("the linear program that tells minimizers apart: %v", err))
			}
			width -= end
		}
		if width > oneVertex {
			return &Verdict{NotUnique, t.say("the loss is piecewise linear, and least on an edge")}, nil
		}
	}
	return &Verdict{train.Converged, ""}, nil
}
