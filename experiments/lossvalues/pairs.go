package lossvalues

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

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

// CheckPairs compares a loss of the registry, a custom one or an external one among them, with what the user computed: a JSON object
// a line, {"in": [c, r, ref_c, ref_r], "out": [loss, d/dc, d/dr]} and, if the loss reads them, len, rewards and dispersion. The lines
// are one batch of equal weights; derivatives are those of the sum of its losses, as losses.sum().backward() gives them. Where
// comparisons meet in a statistic, the mean of the losses is compared and not each.
func CheckPairs(kind string, sets []string, in io.Reader) ([]*Comparison, error) {
	params, err := parameters(kind, sets)
	if err != nil {
		return nil, err
	}
	o := params.Objective()
	if !o.Compares() || o.WholePolicy() || o.Sampled != nil {
		return nil, fmt.Errorf("loss %s: it reads the policy over all responses to a prompt, which lines do not have", kind)
	}
	file, err := lines.NewReader(in, "loss: standard input")
	if err != nil {
		return nil, err
	}
	file.Longest = longestLine
	b, want, at := &objective.Batch{}, [3][]float64{}, []int{}
	for {
		line, err := file.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = readPair(line, b, &want)
		}
		if err != nil {
			return nil, fmt.Errorf("loss: standard input: line %d: %w", file.Line, err)
		}
		at = append(at, file.Line)
	}
	if len(at) == 0 {
		return nil, errors.New("loss: standard input: there are no lines to check; a JSON object a line is needed")
	}
	return []*Comparison{compare(o, kind, b, want, at)}, nil
}

// readPair adds a line to a batch and to what is given of each pair.
func readPair(line []byte, b *objective.Batch, want *[3][]float64) error {
	object, err := lines.Parse(line)
	if err != nil {
		return err
	}
	known := []string{"out"}
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
		if worst > tolerance {
			c.Off++
		}
		if c.At == 0 || worst > c.Worst {
			c.Worst, c.At = worst, line
		}
	}
	return c
}
