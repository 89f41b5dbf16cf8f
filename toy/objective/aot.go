package objective

import (
	"cmp"
	"slices"
)

// AOT holds the parameters of alignment by optimal transport on pairs: the policy's margins log pi(y_w) - log pi(y_l) of
// a batch are asked to dominate the reference's, quantile by quantile,
//
//	mean of -(1-e) log sigmoid(lambda q) - e log sigmoid(-lambda q),  q_i = a_(i) - b_(i),
//
// with a_(1) <= a_(2) <= ... the policy's sorted margins and b the reference's (Melnyk et al., arXiv 2406.05882). Weighted
// comparisons are coupled by weight, as a comparison repeated so many times would be.
type AOT struct {
	Lambda         float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, AOT's beta"`
	LabelSmoothing float64 `yaml:"label_smoothing" alias:"epsilon" range:"[0,0.5]" doc:"share of labels taken to be wrong"`
}

// Objective returns the loss.
func (p *AOT) Objective() *Objective {
	return OnPairs(&transport{lambda: p.Lambda, outer: smoothed(p.LabelSmoothing)})
}

// AOTUnpaired holds the parameters of alignment by optimal transport between the log-ratios x of the chosen and of the
// rejected responses of a batch, whichever belong together: AOT with q_i = x_w(i) - x_l(i), each sorted by itself
// (Melnyk et al., arXiv 2406.05882).
type AOTUnpaired AOT

// Objective returns the loss.
func (p *AOTUnpaired) Objective() *Objective {
	return OnPairs(&transport{lambda: p.Lambda, outer: smoothed(p.LabelSmoothing), unpaired: true})
}

// transport is a loss of two distributions over the batch, coupled along their quantiles: the mean of
// psi(lambda (high - low)) over the mass that the one-dimensional optimal coupling moves from low to high. On pairs, high
// is the policy's margin and low the reference's; else high is the log-ratio of the chosen and low that of the rejected.
type transport struct {
	lambda   float64
	outer    Outer
	unpaired bool

	high, low             quantiles
	margin, slope, weight []float64 // scratch, one entry a coupled mass
	from, to              []int32   // positions in the sorted order that it couples
}

var _, _ = Structured(new(transport)), Coupled(new(transport))

// DifferenceOnly is true on pairs. Otherwise comparisons of several prompts, each with its own normalizer, meet.
func (t *transport) DifferenceOnly() bool { return !t.unpaired }

// Structure on pairs is that of a margin loss of sorted margins, less the reference's sorted ones. Otherwise a decreasing
// psi moves every chosen response up and every rejected one down, by how much depends on the coupling: that much is
// stated, as of sides that are held.
func (t *transport) Structure() (Structure, bool) {
	shape, known := ShapeOf(t.outer)
	if !t.unpaired {
		return Structure{Margin: &shape, ReferenceFree: true, Coupled: true}, known
	}
	up, down := Shape{Low: Rises, High: Falls, Monotone: true}, Shape{Low: Falls, High: Rises, Monotone: true}
	return Structure{Chosen: &up, Rejected: &down, Held: true, Invariant: true, Coupled: true}, known && shape.Decreasing()
}

// Loss returns the mean over the coupling times the batch's weight.
func (t *transport) Loss(b *Batch) float64 {
	t.couple(b)
	t.outer.Value(t.margin, t.slope)
	return weighed(t.weight, t.slope)
}

// Grad adds scale times the gradient. Comparisons of equal value share the slopes of their quantiles by weight, so that
// their order in the batch does not matter.
func (t *transport) Grad(b *Batch, scale float64, g *Grad) {
	t.couple(b)
	t.outer.Slope(t.margin, t.slope)
	clear(t.high.slope)
	clear(t.low.slope)
	for i, v := range t.slope {
		d := scale * t.lambda * t.weight[i] * v
		t.high.slope[t.to[i]] += d
		t.low.slope[t.from[i]] -= d
	}
	t.high.share()
	if !t.unpaired {
		for i, at := range t.high.order {
			g.Chosen[at] += t.high.slope[i]
			g.Rejected[at] -= t.high.slope[i]
		}
		return
	}
	t.low.share()
	for i, at := range t.high.order {
		g.Chosen[at] += t.high.slope[i]
	}
	for i, at := range t.low.order {
		g.Rejected[at] += t.low.slope[i]
	}
}

func (t *transport) Steepness() float64 { return t.lambda }

func (t *transport) Couples(b *Batch) (chosen, rejected []int, curve []float64) {
	t.couple(b)
	n := len(t.margin)
	chosen, rejected, curve = make([]int, n), make([]int, n), make([]float64, n)
	t.outer.Curve(t.margin, curve)
	for i := range curve {
		curve[i] *= t.lambda * t.lambda * t.weight[i]
		chosen[i] = t.high.order[t.to[i]]
		rejected[i] = chosen[i]
		if t.unpaired {
			rejected[i] = t.low.order[t.from[i]]
		}
	}
	return chosen, rejected, curve
}

// couple sorts both distributions and walks along their quantiles. Where they are those of the call before, as for a gradient after
// the loss, all is known.
func (t *transport) couple(b *Batch) {
	n := len(b.Chosen)
	won, refused := b.Weight, b.Weight
	if t.unpaired {
		won, refused = b.sides()
	}
	high, low := t.high.weigh(won), t.low.weigh(refused)
	for i := range n {
		to, from := b.Chosen[i]-b.Rejected[i], b.RefChosen[i]-b.RefRejected[i]
		if t.unpaired {
			to, from = b.Chosen[i]-b.RefChosen[i], b.Rejected[i]-b.RefRejected[i]
		}
		high, low = high || to != t.high.value[i], low || from != t.low.value[i]
		t.high.value[i], t.low.value[i] = to, from
	}
	if !high && !low {
		return
	}
	t.high.sort(high)
	t.low.sort(low)
	t.margin, t.weight, t.to, t.from = t.margin[:0], t.weight[:0], t.to[:0], t.from[:0]
	for i, j := 0, 0; i < n && j < n; {
		mass := min(t.high.mass[i], t.low.mass[j])
		t.margin = append(t.margin, t.lambda*(t.high.at(i)-t.low.at(j)))
		t.weight, t.to, t.from = append(t.weight, mass), append(t.to, int32(i)), append(t.from, int32(j))
		t.high.mass[i] -= mass
		t.low.mass[j] -= mass
		// What rounding leaves over is no mass: whole comparisons stay whole.
		highDone, lowDone := t.high.spent(i), t.low.spent(j)
		if highDone {
			i++
		}
		if lowDone {
			j++
		}
	}
	t.slope = sized(t.slope, len(t.margin))
}

// quantiles is a weighted distribution over the batch, sorted.
type quantiles struct {
	value, weight, mass, slope []float64 // value and weight by comparison, mass and slope by rank
	order                      []int     // comparisons by rank
}

// weigh takes the weights of the comparisons, and says whether they are others than before.
func (q *quantiles) weigh(weight []float64) (changed bool) {
	if n := len(weight); len(q.order) != n {
		q.order = q.order[:0]
		for i := range n {
			q.order = append(q.order, i)
		}
		q.value, q.mass, q.slope = sized(q.value, n), sized(q.mass, n), sized(q.slope, n)
		changed = true
	}
	changed = changed || !slices.Equal(weight, q.weight)
	q.weight = append(q.weight[:0], weight...)
	return changed
}

// sort ranks the comparisons, equal ones in the batch's order, unless nothing has changed. It begins with the ranks of the batch
// before: in a search they change little.
func (q *quantiles) sort(changed bool) {
	if changed {
		slices.SortFunc(q.order, func(i, j int) int {
			return cmp.Or(cmp.Compare(q.value[i], q.value[j]), i-j)
		})
	}
	for i, at := range q.order {
		q.mass[i] = q.weight[at]
	}
}

// at returns the value of a rank.
func (q *quantiles) at(rank int) float64 { return q.value[q.order[rank]] }

// spent says whether a rank's mass is used up but for rounding.
func (q *quantiles) spent(rank int) bool { return q.mass[rank] <= 1e-12*q.weight[q.order[rank]] }

// share spreads the slopes of equal values over them by weight.
func (q *quantiles) share() {
	for start := 0; start < len(q.order); {
		end, slope, weight := start, 0.0, 0.0
		for ; end < len(q.order) && q.at(end) == q.at(start); end++ {
			slope += q.slope[end]
			weight += q.weight[q.order[end]]
		}
		if end > start+1 && weight > 0 {
			for i := start; i < end; i++ {
				q.slope[i] = slope * (q.weight[q.order[i]] / weight)
			}
		}
		start = end
	}
}
