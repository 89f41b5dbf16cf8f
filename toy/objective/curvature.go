package objective

import (
	"math"
	"slices"
)

// Prompt is one prompt's policy and comparisons.
type Prompt struct {
	Dist
	Logits           []float64 // of the policy, K entries
	DistWeight       float64   // of the distribution terms
	Chosen, Rejected []int     // the responses of each comparison
	Weight           []float64 // of each comparison
	Gap, Dispersion  []float64 // as in Batch

	ChosenWeight, RejectedWeight []float64 // as in Batch: of the sides, where these are not Weight
}

// batch returns the prompt's comparisons with columns to be filled, cut from the scratch.
func (p *Prompt) batch(scratch *Batch) Batch {
	n := len(p.Weight)
	b := Batch{Chosen: scratch.Chosen[:n], Rejected: scratch.Rejected[:n], RefChosen: scratch.RefChosen[:n],
		RefRejected: scratch.RefRejected[:n], Weight: p.Weight, Gap: p.Gap, Dispersion: p.Dispersion,
		ChosenWeight: p.ChosenWeight, RejectedWeight: p.RejectedWeight}
	p.gather(p.LogRef, b.RefChosen, b.RefRejected)
	if scratch.ChosenReward != nil {
		b.ChosenReward, b.RejectedReward = scratch.ChosenReward[:n], scratch.RejectedReward[:n]
		p.gather(p.LogStar, b.ChosenReward, b.RejectedReward)
	}
	return b
}

// gather copies the responses' values to the columns of the comparisons.
func (p *Prompt) gather(values, chosen, rejected []float64) {
	for j, c := range p.Chosen {
		chosen[j], rejected[j] = values[c], values[p.Rejected[j]]
	}
}

// Curvature evaluates an objective on single prompts with its first and second derivatives by the logits. It keeps scratch
// and serves one goroutine.
type Curvature struct {
	Grad []float64 // K entries
	Hess []float64 // K x K, row by row

	objective *Objective
	byLog     derivatives // by the log-probabilities as free variables
	columns   Batch       // room for those of a prompt
	batch     Batch       // a prompt's comparisons, cut from it
	grad      Grad
	hess      Hess
}

// derivatives are the first and second derivatives of a loss by K log-probabilities or logits.
type derivatives struct {
	g, h []float64
	room []float64 // scratch, 3 K entries, of those that go through the softmax
}

// Curvature returns the evaluation of the objective on prompts of k responses and of at most so many comparisons. Every
// pair term of weight other than 0 must be Curved, see Uncurved. It panics for an objective with a Sampled term, whose
// value no prompt knows.
func (o *Objective) Curvature(k, comparisons int) *Curvature {
	if o.Sampled != nil {
		panic("objective: the curvature of a term of sampled reference responses")
	}
	columns, n := make([]float64, 9*comparisons), comparisons
	column := func(i int) []float64 { return columns[i*n : (i+1)*n : (i+1)*n] }
	c := &Curvature{
		Grad: make([]float64, k), Hess: make([]float64, k*k), objective: o,
		byLog:   derivatives{make([]float64, k), make([]float64, k*k), make([]float64, 3*k)},
		columns: Batch{Chosen: column(0), Rejected: column(1), RefChosen: column(2), RefRejected: column(3)},
		grad:    Grad{Chosen: column(4), Rejected: column(5)},
		hess:    Hess{ChosenChosen: column(6), ChosenRejected: column(7), RejectedRejected: column(8)},
	}
	if o.Rewarded() {
		c.columns.ChosenReward, c.columns.RejectedReward = make([]float64, n), make([]float64, n)
	}
	return c
}

// Uncurved returns a pair term of weight other than 0 that has no second derivatives, nil where all have.
func (o *Objective) Uncurved() PairTerm {
	for _, t := range o.pair {
		if _, curved := t.Term.(Curved); !curved && t.Weight != 0 {
			return t.Term
		}
	}
	return nil
}

// Loss returns the objective's value on a prompt and fills Grad and Hess.
func (c *Curvature) Loss(p *Prompt) float64 {
	clear(c.Grad)
	clear(c.Hess)
	return c.pairs(p, true) + c.dists(p, true)
}

// Value returns the objective's value on a prompt alone.
func (c *Curvature) Value(p *Prompt) float64 { return c.pairs(p, false) + c.dists(p, false) }

// pairs returns the loss of the pair terms and adds their derivatives. Terms that see differences only are given logits and differentiated
// by them: going over the normalizer would cost them the relative accuracy of small derivatives.
func (c *Curvature) pairs(p *Prompt, derive bool) (loss float64) {
	if len(p.Weight) == 0 {
		return 0
	}
	c.batch = p.batch(&c.columns)
	b, raw := &c.batch, derivatives{g: c.Grad, h: c.Hess}
	for _, t := range c.objective.pair {
		if t.Weight == 0 {
			continue
		}
		difference := t.Term.DifferenceOnly()
		if difference {
			p.gather(p.Logits, b.Chosen, b.Rejected)
		} else {
			p.gather(p.LogPi, b.Chosen, b.Rejected)
		}
		switch {
		case !derive:
			loss += t.Weight * t.Term.Loss(b)
		case difference:
			loss += t.Weight * c.scatter(p, b, t, raw)
		default:
			clear(c.byLog.g)
			clear(c.byLog.h)
			loss += t.Weight * c.scatter(p, b, t, c.byLog)
			c.byLog.throughSoftmax(p.Pi, raw)
		}
	}
	return loss
}

// scatter adds a pair term's derivatives to those by single responses and returns its loss.
func (c *Curvature) scatter(p *Prompt, b *Batch, t Weighted[PairTerm], d derivatives) (loss float64) {
	n, k := len(p.Weight), len(d.g)
	g, h := &c.grad, &c.hess
	for _, column := range [...]*[]float64{&g.Chosen, &g.Rejected, &h.ChosenChosen, &h.ChosenRejected, &h.RejectedRejected} {
		*column = (*column)[:n]
		clear(*column)
	}
	curved, ok := t.Term.(Curved)
	if !ok {
		panic("objective: a pair term without second derivatives; see Uncurved")
	}
	loss = curved.Derivatives(b, t.Weight, g, h)
	for j, w := range p.Chosen {
		l := p.Rejected[j]
		d.g[w] += g.Chosen[j]
		d.g[l] += g.Rejected[j]
		d.h[w*k+w] += h.ChosenChosen[j]
		d.h[l*k+l] += h.RejectedRejected[j]
		d.h[w*k+l] += h.ChosenRejected[j]
		d.h[l*k+w] += h.ChosenRejected[j]
	}
	return loss
}

// dists returns the loss of the distribution terms and adds their derivatives.
func (c *Curvature) dists(p *Prompt, derive bool) (loss float64) {
	if p.DistWeight == 0 || len(c.objective.dist) == 0 {
		return 0
	}
	clear(c.byLog.g)
	clear(c.byLog.h)
	for _, t := range c.objective.dist {
		if t.Weight == 0 {
			continue
		}
		loss += p.DistWeight * t.Weight * t.Term.Loss(&p.Dist)
		if derive {
			t.Term.Grad(&p.Dist, p.DistWeight*t.Weight, c.byLog.g)
			t.Term.Hess(&p.Dist, p.DistWeight*t.Weight, c.byLog.h)
		}
	}
	if derive {
		c.byLog.throughSoftmax(p.Pi, derivatives{g: c.Grad, h: c.Hess})
	}
	return loss
}

// whole returns a prompt's comparisons with the policy's log-probabilities.
func (o *Objective) whole(p *Prompt) *Batch {
	n := len(p.Weight)
	scratch := Batch{Chosen: make([]float64, n), Rejected: make([]float64, n), RefChosen: make([]float64, n), RefRejected: make([]float64, n)}
	if o.Rewarded() {
		scratch.ChosenReward, scratch.RejectedReward = make([]float64, n), make([]float64, n)
	}
	b := p.batch(&scratch)
	p.gather(p.LogPi, b.Chosen, b.Rejected)
	if o.Aligned() {
		collision, peak := Concentration(p.LogPi)
		b.Collision, b.Peak = slices.Repeat([]float64{collision}, n), slices.Repeat([]float64{peak}, n)
	}
	b.Dists, b.Prompts, b.PromptWeight = []Dist{p.Dist}, []int{0}, []float64{p.DistWeight}
	b.On = make([]int, n)
	return &b
}

// FreeGrad returns the derivatives of the objective on a prompt by the K log-probabilities as free variables, and the sum of
// the sizes of what is added up in them.
func (o *Objective) FreeGrad(p *Prompt) (g []float64, size float64) {
	n, b := len(p.Weight), o.whole(p)
	g = make([]float64, len(p.LogPi))
	for _, t := range o.pair {
		part := Grad{Chosen: make([]float64, n), Rejected: make([]float64, n)}
		t.Term.Grad(b, t.Weight, &part)
		for i, c := range p.Chosen {
			g[c] += part.Chosen[i]
			g[p.Rejected[i]] += part.Rejected[i]
			size += math.Abs(part.Chosen[i]) + math.Abs(part.Rejected[i])
		}
	}
	for _, t := range o.dist {
		part := make([]float64, len(g))
		t.Term.Grad(&p.Dist, p.DistWeight*t.Weight, part)
		for k, v := range part {
			g[k] += v
			size += math.Abs(v)
		}
	}
	return g, size
}

// throughSoftmax adds derivatives by log-probabilities to those by logits. With the softmax's J = I - 1 pi^T,
//
//	gradient = J^T g,   Hessian = J^T M J,   M = H - (sum g) diag(pi).
//
// Near a vertex all results are of the order of the small probabilities. To keep their relative accuracy, 1 - pi_i is
// never formed by subtraction, nor is the sum of a row without its diagonal.
func (d derivatives) throughSoftmax(pi []float64, raw derivatives) {
	k, sum := len(pi), 0.0
	for _, g := range d.g {
		sum += g
	}
	rest, others, column := d.room[:k], d.room[k:2*k], d.room[2*k:3*k]
	without(rest, pi)
	for i, p := range pi {
		d.h[i*k+i] -= sum * p
	}
	without(others, d.g)
	for i, g := range d.g {
		raw.g[i] += rest[i]*g - pi[i]*others[i]
	}
	// d.h becomes M J row by row, then J^T (M J) is formed column by column.
	for i := range k {
		row := d.h[i*k : (i+1)*k]
		without(others, row)
		for j, v := range row {
			row[j] = rest[j]*v - pi[j]*others[j]
		}
	}
	for j := range k {
		for i := range column {
			column[i] = d.h[i*k+j]
		}
		without(others, column)
		for i, v := range column {
			raw.h[i*k+j] += rest[i]*v - pi[i]*others[i]
		}
	}
}

// without writes for every entry the sum of the others: sums from the left and from the right, nothing subtracted.
func without(dst, v []float64) {
	sum := 0.0
	for i, x := range v {
		dst[i] = sum
		sum += x
	}
	sum = 0
	for i := len(v) - 1; i >= 0; i-- {
		dst[i] += sum
		sum += v[i]
	}
}
