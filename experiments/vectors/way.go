package vectors

import (
	"cmp"
	"maps"

	"windtunnel/toy/objective"
)

// way is a way to work out a loss from tokens: the right one, until mistakes change it.
type way struct {
	loss      loss
	params    Params
	mask      func(*Side) []int // positions that count
	length    string            // right, mean: sums are divided, sum: averages are not, row: by the row's length
	sft       string            // mean of the SFT term: tokens, pairs, sum or none
	sftPrompt bool              // it is over the prompt too
	anchor    string            // of which rewards: all, chosen, rejected or none
	unclamped bool              // a KL estimate may be below 0

	swapped, summed, noReference          bool // labels swapped; summed over the batch; the reference is left out
	referenceAttached, statisticsAttached bool // not detached
}

func newWay(l *loss, p Params) *way {
	w := &way{loss: *l, params: maps.Clone(p), mask: func(s *Side) []int { return s.Mask }, length: "right", sft: "none", anchor: "all"}
	if l.sft != "" {
		w.sft = p["sft_mean"].(string)
	}
	if l.name == "wpo" {
		w.params["alignment"] = "none"
	}
	return w
}

// response is what is read of a row.
type response struct {
	side          *Side
	mask          []int
	policy, ref   float64 // sums of log-probabilities
	tokens, scale float64 // their number as the loss has it; the derivative of policy by a token that counts
	reward        float64
	gradient      []float64
}

// sum adds up what counts, and count says how many do.
func sum(mask []int, x []float64) (total, count float64) {
	for i, m := range mask {
		if m != 0 {
			total, count = total+x[i], count+1
		}
	}
	return total, count
}

func (w *way) read(s *Side) response {
	r := response{side: s, mask: w.mask(s), scale: 1, gradient: make([]float64, positions)}
	r.policy, r.tokens = sum(r.mask, s.PolicyLogps)
	r.ref, _ = sum(r.mask, s.RefLogps)
	r.tokens = max(1, r.tokens)
	switch w.length {
	case "mean":
		r.scale = 1 / r.tokens
		r.policy, r.ref = r.policy/r.tokens, r.ref/r.tokens
		if w.loss.tokens != counts {
			r.tokens = 1
		}
	case "sum":
		r.tokens = 1
	case "row":
		r.tokens = positions
	}
	if w.noReference {
		r.ref = 0
	}
	r.reward = r.policy - r.ref
	if w.loss.referenceFree {
		r.reward = r.policy
		if w.loss.tokens == averages {
			r.reward /= r.tokens
		}
	}
	r.reward *= w.params.number("beta")
	return r
}

// numbers works out a batch.
func (w *way) numbers(pairs []Pair, batch bool) Numbers {
	n := float64(len(pairs))
	b, out, sides, grads := &objective.Batch{}, Numbers{}, [2][]response{}, [2][][]float64{}
	columns := [2]struct {
		policy, ref, tokens *[]float64
		reward              *float64
	}{{&b.Chosen, &b.RefChosen, &b.ChosenTokens, &out.RewardsChosen}, {&b.Rejected, &b.RefRejected, &b.RejectedTokens, &out.RewardsRejected}}
	for i, p := range pairs {
		if w.swapped {
			p.Chosen, p.Rejected = p.Rejected, p.Chosen
		}
		for k, s := range []*Side{p.Chosen, p.Rejected} {
			r, to := w.read(s), columns[k]
			*to.policy, *to.ref, *to.tokens = append(*to.policy, r.policy), append(*to.ref, r.ref), append(*to.tokens, r.tokens)
			*to.reward += r.reward / n
			sides[k], grads[k] = append(sides[k], r), append(grads[k], r.gradient)
		}
		if sides[0][i].reward > sides[1][i].reward {
			out.Accuracy += 1 / n
		}
		b.Weight = append(b.Weight, 1/n)
	}
	out.Margin = out.RewardsChosen - out.RewardsRejected
	loss, g := w.contrast(b)
	for k, by := range [][]float64{g.Chosen, g.Rejected} {
		for i, r := range sides[k] {
			for at, m := range r.mask {
				r.gradient[at] += float64(m) * by[i] * r.scale
			}
		}
	}
	out.Loss = loss + w.likelihood(sides[0])
	if w.swapped {
		grads[0], grads[1] = grads[1], grads[0]
	}
	out.GradChosen, out.GradRejected = rows{grads[0], batch}, rows{grads[1], batch}
	return out
}

// contrast returns the loss without the SFT term, and its gradient.
func (w *way) contrast(b *objective.Batch) (loss float64, g *objective.Grad) {
	n, pull := float64(len(b.Weight)), 0.0
	g = &objective.Grad{Chosen: make([]float64, len(b.Weight)), Rejected: make([]float64, len(b.Weight))}
	anchor, byChosen, byRejected := w.measure(b)
	if w.loss.anchor == "delta" {
		anchor *= w.params.number("beta") // of rewards
	}
	if w.loss.anchor != "" {
		w.params[w.loss.anchor] = anchor
	}
	o := build(cmp.Or(w.loss.kind, w.loss.name), w.params)
	if w.loss.referenceFree {
		o = o.First() // without the SFT term
	}
	loss = o.Loss(b)
	o.Grad(b, g)
	for i := range b.Weight {
		pull -= g.Chosen[i] + g.Rejected[i] // the derivative by the anchor
	}
	for i := range b.Weight {
		switch {
		case w.referenceAttached && !w.loss.referenceFree && !w.noReference && w.loss.name != "aot": // whose references are sorted apart
			g.Chosen[i], g.Rejected[i] = 0, 0 // a log-ratio to itself
		case w.statisticsAttached && w.loss.anchor != "":
			g.Chosen[i] += pull * byChosen
			g.Rejected[i] += pull * byRejected
		case w.statisticsAttached && w.loss.tokens == weighs: // the weight's derivative by an average is the weight
			g.Chosen[i] += loss / b.ChosenTokens[i]
			g.Rejected[i] += loss / b.RejectedTokens[i]
		}
		if w.summed {
			g.Chosen[i] *= n
			g.Rejected[i] *= n
		}
	}
	if w.summed {
		loss *= n
	}
	return loss, g
}

// measure returns the mean log-ratio that rewards are measured from, and its derivatives by the log-probabilities.
func (w *way) measure(b *objective.Batch) (mean, byChosen, byRejected float64) {
	share := map[string][2]float64{"all": {0.5, 0.5}, "chosen": {1, 0}, "rejected": {0, 1}}[w.anchor] // of none 0
	byChosen, byRejected = share[0]/float64(len(b.Weight)), share[1]/float64(len(b.Weight))
	for i := range b.Weight {
		mean += byChosen*(b.Chosen[i]-b.RefChosen[i]) + byRejected*(b.Rejected[i]-b.RefRejected[i])
	}
	if w.loss.anchor == "kl" && !w.unclamped && mean <= 0 {
		return 0, 0, 0
	}
	return mean, byChosen, byRejected
}

// likelihood returns the SFT term and adds its gradient.
func (w *way) likelihood(chosen []response) (loss float64) {
	if w.sft == "none" {
		return 0
	}
	weight := 1.0
	if w.loss.sft != "1" {
		weight = w.params.number(w.loss.sft)
	}
	logps, counted, all := make([]float64, len(chosen)), make([]float64, len(chosen)), 0.0
	for i, r := range chosen {
		if w.sftPrompt {
			chosen[i].mask = r.side.AttentionMask
		}
		logps[i], counted[i] = sum(chosen[i].mask, r.side.PolicyLogps)
		all += counted[i]
	}
	for i, r := range chosen {
		by := weight / float64(len(chosen))
		switch w.sft {
		case "tokens":
			by = weight / max(1, all)
		case "pairs":
			by /= max(1, counted[i])
		}
		loss -= by * logps[i]
		for at, m := range r.mask {
			r.gradient[at] -= by * float64(m)
		}
	}
	return loss
}
