package tune

import (
	"windtunnel/toy/kernel"
	"windtunnel/toy/llama"
	"windtunnel/toy/objective"
)

// columns are what a step knows of its batch, one entry a pair, of which Drawn is the mean log-probability of the pair's
// samples. They are sized for the largest batch once.
type columns struct {
	objective.Batch
	grad          objective.Grad
	start, tokens logps
	d             [][]float64 // derivatives of the loss by the log-probabilities of the example's responses
}

// newColumns makes room for size pairs with so many responses each at most.
func newColumns(size, responses int) *columns {
	column := func() []float64 { return make([]float64, size) }
	c := &columns{start: newLogps(size), tokens: newLogps(size)}
	for _, v := range []*[]float64{&c.Chosen, &c.Rejected, &c.RefChosen, &c.RefRejected, &c.Weight, &c.ChosenTail, &c.RejectedTail, &c.Gap, &c.Drawn,
		&c.grad.Chosen, &c.grad.Rejected, &c.grad.ChosenTail, &c.grad.RejectedTail, &c.grad.Drawn} {
		*v = column()
	}
	for range size {
		c.d = append(c.d, make([]float64, responses))
	}
	return c
}

// resize returns the columns cut to n pairs, of equal weights.
func (c *columns) resize(n int) {
	for _, v := range []*[]float64{&c.Chosen, &c.Rejected, &c.RefChosen, &c.RefRejected, &c.Weight, &c.ChosenTail, &c.RejectedTail, &c.Gap, &c.Drawn,
		&c.grad.Chosen, &c.grad.Rejected, &c.grad.ChosenTail, &c.grad.RejectedTail, &c.grad.Drawn,
		&c.start.chosen, &c.start.rejected, &c.tokens.chosen, &c.tokens.rejected} {
		*v = (*v)[:n]
	}
	c.ChosenTokens, c.RejectedTokens, c.DrawnWeight = c.tokens.chosen, c.tokens.rejected, c.Weight
	for i := range c.Weight {
		c.Weight[i] = 1 / float64(n)
	}
}

// read takes pair k's log-probabilities from the tape that computed it.
func read[T kernel.Float](c *columns, k int, e *example, tape *llama.Tape[T]) {
	c.Chosen[k], c.Rejected[k] = tape.Logp(0), tape.Logp(1)
	c.ChosenTail[k], c.RejectedTail[k], c.Drawn[k] = 0, 0, 0
	if e.head == 1 {
		c.ChosenTail[k], c.RejectedTail[k] = tail(tape, 0, e.shared()), tail(tape, 1, e.shared())
	}
	for i := range e.samples {
		c.Drawn[k] += tape.Logp(2+i) / float64(e.samples)
	}
}

// loss returns the batch's loss.
func (c *columns) loss(o *objective.Objective) float64 { return o.Loss(&c.Batch) }

// derive fills the derivatives of the loss by every response's log-probability.
func (c *columns) derive(o *objective.Objective, examples []example, indices []int) {
	for _, g := range [][]float64{c.grad.Chosen, c.grad.Rejected, c.grad.ChosenTail, c.grad.RejectedTail, c.grad.Drawn} {
		clear(g)
	}
	o.Grad(&c.Batch, &c.grad)
	for k, i := range indices {
		e, d := &examples[i], c.d[k]
		d[0], d[1] = c.grad.Chosen[k], c.grad.Rejected[k]
		for j := range e.samples {
			d[2+j] = c.grad.Drawn[k] / float64(e.samples)
		}
		if e.head == 1 {
			longer, byTail := 0, c.grad.ChosenTail[k]
			if len(e.Rejected) > len(e.Chosen) {
				longer, byTail = 1, c.grad.RejectedTail[k]
			}
			d[longer] += byTail
			d[2+e.samples] = -byTail
		}
	}
}
