package language

import (
	"cmp"
	"fmt"

	"windtunnel/toy/kernel"
	"windtunnel/toy/llama"
	"windtunnel/toy/objective"
)

// Pair is a comparison of two responses to a prompt, in tokens. A prompt begins with the model's BOS. A single response with a
// label is the chosen or, if it is undesirable, the rejected one, and the other has no tokens; a list is all of one form.
type Pair struct {
	Prompt, Chosen, Rejected []int32
	Weight                   float64   // above 0, of which only ratios matter; 0 stands for 1
	Gap                      float64   // gold reward of the chosen response less that of the rejected one; 0 where it is not known
	Samples                  [][]int32 // responses to the prompt drawn from the reference, for objective.Sampled; else not read
}

func (p *Pair) weight() float64 { return cmp.Or(p.Weight, 1) }

func (p *Pair) length() int { return len(p.Prompt) + max(len(p.Chosen), len(p.Rejected)) }

func (p *Pair) single() bool { return len(p.Chosen) == 0 || len(p.Rejected) == 0 }

// supports returns why a language model cannot be trained by an objective, or nil. What it cannot give is anything that
// needs the probability of every response to a prompt.
func supports(o *objective.Objective) error {
	switch {
	case !o.OnTokens():
		return fmt.Errorf("the loss has a term on the probabilities of all responses to a prompt, which a language model cannot " +
			"enumerate; allowed are losses of compared responses, typo with reference_samples: pair or a number of them, and rlhf " +
			"by REINFORCE")
	case o.Aligned():
		return fmt.Errorf("the loss weighs comparisons by how sure the policy is over all responses to a prompt, which a language " +
			"model cannot enumerate; allowed is alignment: none")
	case o.Dispersed():
		return fmt.Errorf("the loss estimates a prompt's dispersion from the reference's probabilities of all responses, which " +
			"a language model cannot enumerate; allowed is a given phi")
	case o.Rewarded():
		return fmt.Errorf("the loss reads the rewards of single responses, of which a language model's pairs have the difference " +
			"alone; allowed is gap")
	case !o.Compares() && o.Sampled == nil:
		return fmt.Errorf("the loss has no term on compared responses")
	}
	return nil
}

// example is what a tape computes of a pair: the responses in the order chosen, rejected, samples, head.
type example struct {
	*Pair
	responses [][]int32
	head      int // 0 or 1: whether the last response is the beginning of the longer one, as long as the shorter
}

// newExample lays out a pair. A loss of tails needs the derivative of a part of a response: that is the derivative of the
// whole less that of its beginning, which runs along as a further response.
func newExample(p *Pair, tailed bool) example {
	e := example{Pair: p, responses: append([][]int32{p.Chosen, p.Rejected}, p.Samples...)}
	if tailed && len(p.Chosen) != len(p.Rejected) {
		longer := p.Chosen
		if len(p.Rejected) > len(longer) {
			longer = p.Rejected
		}
		e.head = 1
		e.responses = append(e.responses, longer[:e.shared()])
	}
	return e
}

// shared is the length of the shorter response.
func (e *example) shared() int { return min(len(e.Chosen), len(e.Rejected)) }

// tail returns the log-probability, in nats, of the tokens of response r past the shared length.
func tail[T kernel.Float](t *llama.Tape[T], r, shared int) float64 {
	sum := 0.0
	for _, v := range t.TokenLogps(r)[shared:] {
		sum += float64(v)
	}
	return sum
}

// columns are what a step knows of its batch, one element a pair, of which Drawn is the mean log-probability of the pair's
// samples. They are sized for the largest batch once.
type columns struct {
	objective.Batch
	grad          objective.Grad
	start, tokens logps
	weight        []float64   // of the pairs, before they are made to sum to 1
	d             [][]float64 // derivatives of the loss by the log-probabilities of the example's responses
	kl            [][]float64 // and by their divergences from the reference
}

// newColumns makes room for size pairs with so many responses each at most.
func newColumns(size, responses int) *columns {
	c := &columns{}
	for _, v := range c.all() {
		*v = make([]float64, size)
	}
	for range size {
		c.d, c.kl = append(c.d, make([]float64, responses)), append(c.kl, make([]float64, responses))
	}
	return c
}

func (c *columns) all() [23]*[]float64 {
	return [...]*[]float64{&c.Chosen, &c.Rejected, &c.RefChosen, &c.RefRejected, &c.Weight, &c.ChosenTail, &c.RejectedTail, &c.Gap, &c.Drawn,
		&c.ChosenKL, &c.RejectedKL, &c.grad.ChosenKL, &c.grad.RejectedKL,
		&c.grad.Chosen, &c.grad.Rejected, &c.grad.ChosenTail, &c.grad.RejectedTail, &c.grad.Drawn,
		&c.start.chosen, &c.start.rejected, &c.tokens.chosen, &c.tokens.rejected, &c.weight}
}

func (c *columns) resize(n int) {
	for _, v := range c.all() {
		*v = (*v)[:n]
	}
	c.ChosenTokens, c.RejectedTokens, c.DrawnWeight = c.tokens.chosen, c.tokens.rejected, c.Weight
}

// read takes pair k's log-probabilities from the tape that computed it.
func read[T kernel.Float](c *columns, k int, e *example, tape *llama.Tape[T]) {
	c.Chosen[k], c.Rejected[k] = tape.Logp(0), tape.Logp(1)
	c.ChosenTail[k], c.RejectedTail[k], c.Drawn[k] = 0, 0, 0
	if e.head == 1 {
		c.ChosenTail[k], c.RejectedTail[k] = tail(tape, 0, e.shared()), tail(tape, 1, e.shared())
	}
	for i := range e.Samples {
		c.Drawn[k] += tape.Logp(2+i) / float64(len(e.Samples))
	}
}

// derive fills the derivatives of the loss by every response's log-probability.
func (c *columns) derive(o *objective.Objective, examples []example, indices []int) {
	for _, g := range [][]float64{c.grad.Chosen, c.grad.Rejected, c.grad.ChosenTail, c.grad.RejectedTail, c.grad.ChosenKL,
		c.grad.RejectedKL, c.grad.Drawn} {
		clear(g)
	}
	o.Grad(&c.Batch, &c.grad)
	for k, i := range indices {
		e, d := &examples[i], c.d[k]
		d[0], d[1] = c.grad.Chosen[k], c.grad.Rejected[k]
		c.kl[k][0], c.kl[k][1] = c.grad.ChosenKL[k], c.grad.RejectedKL[k]
		for j := range e.Samples {
			d[2+j] = c.grad.Drawn[k] / float64(len(e.Samples))
		}
		if e.head == 1 {
			longer, byTail := 0, c.grad.ChosenTail[k]
			if len(e.Rejected) > len(e.Chosen) {
				longer, byTail = 1, c.grad.RejectedTail[k]
			}
			d[longer] += byTail
			d[2+len(e.Samples)] = -byTail
		}
	}
}
