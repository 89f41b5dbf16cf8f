package policy

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"windtunnel/toy/logspace"
)

// A sequence's log-probability, one token at a time with matrices cut out of the parameters in their documented order.
func TestGRUByDefinition(t *testing.T) {
	const h, v, inputs = 4, 3, 2 + 3
	env := spoken(t)
	pol, err := (&GRUParams{Width: h}).Build(env, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	built{Policy: pol}.scatter()
	rest := pol.Params()
	cut := func(rows, columns int) *mat.Dense {
		m := mat.NewDense(rows, columns, rest[:rows*columns])
		rest = rest[rows*columns:]
		return m
	}
	input, bias, recurrent, inner := cut(inputs, 3*h), cut(3*h, 1), cut(3*h, h), cut(h, 1)
	out, outBias := cut(v, h), cut(v, 1)
	if len(rest) != 0 {
		t.Fatalf("%d parameters are nowhere", len(rest))
	}
	const prompt, response = 1, 1*27 + 0*9 + 2*3 + 1
	ref := env.Prompts[prompt].LogRef
	state, got, want := mat.NewDense(h, 1, nil), make([]float64, 1), 0.0
	x, begin, size := prompt, 0, 81
	for _, token := range []int{1, 0, 2, 1} {
		var wx, uh, logits mat.Dense
		wx.Add(input.RowView(x), bias)
		uh.Mul(recurrent, state)
		for i := range h {
			r := 1 / (1 + math.Exp(-wx.At(i, 0)-uh.At(i, 0)))
			z := 1 / (1 + math.Exp(-wx.At(h+i, 0)-uh.At(h+i, 0)))
			n := math.Tanh(wx.At(2*h+i, 0) + r*(uh.At(2*h+i, 0)+inner.At(i, 0)))
			state.Set(i, 0, (1-z)*n+z*state.At(i, 0))
		}
		logits.Mul(out, state)
		logits.Add(&logits, outBias)
		size /= v
		row := make([]float64, v)
		for k := range row { // log pi_ref of the prefix with each next token: its conditional up to a constant
			row[k] = logits.At(k, 0) + logspace.LogSumExp(ref[begin+k*size:begin+(k+1)*size])
		}
		logspace.LogSoftmax(row, row)
		want += row[token]
		begin, x = begin+token*size, 2+token
	}
	if pol.Scores([]Item{{prompt, response}}, got); math.Abs(got[0]-want) > 1e-12 {
		t.Errorf("log-probability %v, want %v", got[0], want)
	}
}
