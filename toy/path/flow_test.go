package path

import (
	"context"
	"math"
	"testing"

	"windtunnel/toy/logspace"
	"windtunnel/toy/train"
)

// softmax is gradient flow on a loss of the logits of one prompt.
func softmax(start []float64, gradient func(theta, dst []float64)) *Descent {
	theta := start
	d := &Descent{Theta: theta, Loss: func() float64 { return 0 }, Start: [][]float64{make([]float64, len(theta))}}
	d.Gradient = func(dst []float64) { gradient(theta, dst) }
	d.Policy = func(dst [][]float64) { logspace.LogSoftmax(dst[0], theta) }
	d.Policy(d.Start)
	return d
}

// A flow comes to rest where the policy does, also where parameters run off for ever at a constant speed, where a jump of the
// gradient is met from both sides by steps that are hardly short enough, and where parameters are so large that rounding holds
// steps back.
func TestFlowComesToRest(t *testing.T) {
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	for _, c := range []struct {
		name     string
		start    []float64
		gradient func(theta, dst []float64)
		want     []float64
	}{
		{"a response runs off", []float64{0, 0, 0}, func(theta, dst []float64) {
			u := theta[0] - theta[1]
			dst[0] = 0.6*-sigmoid(-u) + 0.4*sigmoid(u)
			dst[1], dst[2] = -dst[0], 0.05*sigmoid(theta[0]-theta[2])
		}, []float64{0.6, 0.4, 0}},
		{"all run off, two at one speed", []float64{0, 0, 0}, func(theta, dst []float64) {
			u := theta[0] - theta[1]
			dst[0] = 0.6*-sigmoid(-u) + 0.4*sigmoid(u)
			dst[1] = -dst[0] - 1
			dst[0], dst[2] = dst[0]-1, 2
		}, []float64{0.6, 0.4, 0}},
		{"a kink", []float64{0, 0}, func(theta, dst []float64) {
			if dst[0] = -0.9; theta[0]-theta[1] > 1 {
				dst[0] = 0.3
			}
			dst[1] = -dst[0]
		}, []float64{sigmoid(1), sigmoid(-1)}},
	} {
		points, err := softmax(c.start, c.gradient).Flow(context.Background(), &Params{Along: Time})
		if err != nil {
			t.Fatal(err)
		}
		last := points[len(points)-1]
		if last.Status != train.Done || Variation(last.Policy, [][]float64{logs(c.want)}) > 2e-3 {
			t.Errorf("%s: %s (%s) at %v after %d points; want %v", c.name, last.Status, last.Reason, last.Policy, len(points), c.want)
		}
	}
}

func logs(pi []float64) []float64 {
	out := make([]float64, len(pi))
	for k, v := range pi {
		out[k] = math.Log(v)
	}
	return out
}
