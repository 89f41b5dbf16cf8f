package lossvalues

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"windtunnel/experiments/bridge"
	"windtunnel/experiments/kinds"
	"windtunnel/experiments/spec"
	"windtunnel/experiments/spec/decode"
	"windtunnel/toy/lines"
	"windtunnel/toy/objective"
	"windtunnel/toy/objective/trl"
)

// pairKeys are what a pair may have: the columns of a batch, each by the keys of one number of it or two.
var pairKeys = []struct {
	key  string
	want string
	into func(b *objective.Batch) []*[]float64
}{
	{"in", "the 4 log-probabilities of chosen, rejected, reference's chosen and rejected", func(b *objective.Batch) []*[]float64 {
		return []*[]float64{&b.Chosen, &b.Rejected, &b.RefChosen, &b.RefRejected}
	}},
	{"len", "the token counts of chosen and rejected", func(b *objective.Batch) []*[]float64 {
		return []*[]float64{&b.ChosenTokens, &b.RejectedTokens}
	}},
	{"rewards", "the rewards of chosen and rejected", func(b *objective.Batch) []*[]float64 {
		return []*[]float64{&b.ChosenReward, &b.RejectedReward}
	}},
	{"dispersion", "1 number, MallowsPO's index of the prompt", func(b *objective.Batch) []*[]float64 { return []*[]float64{&b.Dispersion} }},
}

// Loss returns the loss of a kind with settings KEY=VALUE, under the kind's name.
func Loss(kind string, sets []string) ([]spec.Objective, error) {
	params, err := parameters(kind, sets)
	return []spec.Objective{{Name: kind, Loss: params}}, err
}

// pairs are the lines of one loss.
type pairs struct {
	label string
	loss  objective.Params
	batch objective.Batch
	want  [3][]float64
	at    []int // line numbers
}

// CheckPairs compares losses, custom ones and external ones among them, with what the user computed: a JSON object a line,
// {"in": [c, r, ref_c, ref_r], "out": [loss, d/dc, d/dr]} and, if the loss reads them, len, rewards and dispersion; of several losses
// its label, and beta where it is another. The lines of a loss are one batch of equal weights; derivatives are those of the sum of its
// losses, as losses.sum().backward() gives them. Where comparisons meet in a statistic, the mean of the losses is compared and not each.
func CheckPairs(ctx context.Context, losses []spec.Objective, in io.Reader) (found []*Comparison, err error) {
	file, err := lines.NewReader(in, "loss: standard input")
	if err != nil {
		return nil, err
	}
	file.Longest = longestLine
	var all []*pairs
	for {
		line, err := file.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		var p *pairs
		if all, p, err = pairsOf(all, losses, line); err == nil {
			err = readPair(line, &p.batch, &p.want)
		}
		if err != nil {
			return nil, fmt.Errorf("loss: standard input: line %d: %w", file.Line, err)
		}
		p.at = append(p.at, file.Line)
	}
	if len(all) == 0 {
		return nil, errors.New("loss: standard input: there are no lines to check; a JSON object a line is needed")
	}
	for _, p := range all {
		if err := bridge.With(ctx, p.loss, func(connected objective.Params) {
			found = append(found, compare(connected.Objective(), p.label, &p.batch, p.want, p.at))
		}); err != nil {
			return nil, fmt.Errorf("loss %s: %w", p.label, err)
		}
	}
	return found, nil
}

// pairsOf returns the pairs of the loss that a line is of, which may be the first.
func pairsOf(all []*pairs, losses []spec.Objective, line *lines.Object) ([]*pairs, *pairs, error) {
	p, beta, labels := &pairs{}, trl.Number(math.NaN()), []string{}
	if _, err := line.Read("loss", &p.label, "a label"); err != nil {
		return nil, nil, err
	}
	if _, err := line.Read("beta", &beta, "a number"); err != nil {
		return nil, nil, err
	}
	for i := range losses {
		label := losses[i].Label(kinds.Tables())
		if labels = append(labels, label); label == p.label || p.label == "" && len(losses) == 1 {
			p.label, p.loss = label, losses[i].Loss
		}
	}
	if p.loss == nil {
		return nil, nil, decode.Suggest(fmt.Errorf("loss: there is no %q; want one of %s", p.label, strings.Join(labels, ", ")), p.label, labels)
	}
	switch _, low, high, has := objective.Lambda(p.loss); {
	case math.IsNaN(float64(beta)):
	case !has || !(float64(beta) >= low && float64(beta) <= high):
		return nil, nil, fmt.Errorf("beta: is %v; want a number in the loss's range, for a loss that has one", beta)
	default:
		p.label = fmt.Sprintf("%s at %v", p.label, beta)
		p.loss = objective.WithLambda(p.loss, float64(beta))
	}
	if i := slices.IndexFunc(all, func(q *pairs) bool { return q.label == p.label }); i >= 0 {
		return all, all[i], nil
	}
	o := p.loss.Objective()
	if o.Filters() {
		return nil, nil, fmt.Errorf("loss %s: it leaves pairs out of each batch at random, so that lines have no values of their own", p.label)
	}
	if !o.Compares() || o.WholePolicy() || o.Sampled != nil {
		return nil, nil, fmt.Errorf("loss %s: it reads the policy over all responses to a prompt, which lines do not have", p.label)
	}
	return append(all, p), p, nil
}

// readPair adds a line to a batch and to what is given of each pair.
func readPair(object *lines.Object, b *objective.Batch, want *[3][]float64) error {
	known := []string{"loss", "beta", "out"}
	var out []trl.Number
	if _, err := object.Read("out", &out, wantedOut); err != nil {
		return err
	}
	if len(out) != 3 {
		return fmt.Errorf("out: %d values; want %s", len(out), wantedOut)
	}
	for i, v := range out {
		want[i] = append(want[i], float64(v))
	}
	for _, k := range pairKeys {
		known = append(known, k.key)
		columns := k.into(b)
		var values []trl.Number
		given, err := object.Read(k.key, &values, k.want)
		asBefore := len(b.Weight) == 0 || given == (len(*columns[0]) > 0)
		switch {
		case err != nil:
			return err
		case given && len(values) != len(columns) || !given && k.key == "in":
			return fmt.Errorf("%s: %d values; want %s", k.key, len(values), k.want)
		case !asBefore:
			return fmt.Errorf("%s: is on some lines and not on others; want %s on each", k.key, k.want)
		}
		for i, v := range values {
			*columns[i] = append(*columns[i], float64(v))
		}
	}
	if last := len(b.Weight); len(b.ChosenReward) > last {
		b.Gap = append(b.Gap, b.ChosenReward[last]-b.RejectedReward[last])
	}
	b.Weight = append(b.Weight, 1)
	for _, key := range strings.Split(object.Keys(), ", ") {
		if !slices.Contains(known, key) {
			return fmt.Errorf("%s: is no key here; one of %s", key, strings.Join(known, ", "))
		}
	}
	return nil
}

const wantedOut = "3 numbers, the loss and its derivatives by chosen and rejected"

// rowOf returns one pair of a batch.
func rowOf(b *objective.Batch, i int) *objective.Batch {
	one := &objective.Batch{Weight: b.Weight[i : i+1]}
	for _, k := range pairKeys {
		to := k.into(one)
		for j, column := range k.into(b) {
			if len(*column) > 0 {
				*to[j] = (*column)[i : i+1]
			}
		}
	}
	if len(b.Gap) > 0 {
		one.Gap = b.Gap[i : i+1]
	}
	return one
}

// compare holds the batch's loss and gradient against what is given.
func compare(o *objective.Objective, kind string, b *objective.Batch, want [3][]float64, at []int) *Comparison {
	n := len(at)
	g := &objective.Grad{Chosen: make([]float64, n), Rejected: make([]float64, n)}
	o.Grad(b, g)
	meets := o.Uncurved() != nil
	whole := 0.0
	if meets {
		for _, v := range want[0] {
			whole += v / float64(n)
		}
		whole = relativeError(o.Loss(b)/float64(n), whole)
	}
	c := &Comparison{Loss: kind, Lines: n}
	for i, line := range at {
		worst := max(whole, relativeError(g.Chosen[i], want[1][i]), relativeError(g.Rejected[i], want[2][i]))
		if !meets {
			worst = max(worst, relativeError(o.Loss(rowOf(b, i)), want[0][i]))
		}
		c.add(worst, line)
	}
	return c
}
