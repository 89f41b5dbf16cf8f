package objective

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"windtunnel/toy/logspace"
)

// TestBatchLosses follows losses with statistics over some steps of training, written out here by hand: value and gradient of each
// step, with what is held back a constant.
func TestBatchLosses(t *testing.T) {
	const n, steps, beta = 6, 5, 0.7
	for name, tt := range map[string]struct {
		params Params
		// of returns what a pair's margin (per token where alpha-dpo asks for it) is multiplied by and taken off from.
		of func(margins []float64) (scale, off []float64)
	}{
		"beta-dpo": {&BetaDPO{Lambda: beta, A: 0.6, Momentum: 0.9}, func() func([]float64) ([]float64, []float64) {
			average := 0.0
			return func(u []float64) (scale, off []float64) {
				mean := 0.0
				for _, v := range u {
					mean += v / n
				}
				average = 0.9*average + 0.1*mean
				for range u {
					scale, off = append(scale, max(beta*(1+0.6*(mean-average)), 1e-3)), append(off, 0)
				}
				return scale, off
			}
		}()},
		"alpha-dpo": {&AlphaDPO{Lambda: beta, Gamma: 0.25, Alpha: 0.4, Momentum: 0.9}, func() func([]float64) ([]float64, []float64) {
			average, deviation := 0.0, 0.0
			return func(u []float64) (scale, off []float64) {
				mean, square := 0.0, 0.0
				for _, v := range u {
					mean += v / n
				}
				for _, v := range u {
					square += (v - mean) * (v - mean) / n
				}
				average, deviation = 0.9*average+0.1*mean, 0.9*deviation+0.1*math.Sqrt(square)
				for _, v := range u {
					scale, off = append(scale, beta), append(off, 0.25+0.4*(v-average)/deviation)
				}
				return scale, off
			}
		}()},
	} {
		rng := rand.New(rand.NewPCG(5, 5))
		o, resumed := tt.params.Objective(), tt.params.Objective()
		for step := range steps {
			b := customBatch(rng, n)
			margins, rewards := make([]float64, n), make([]float64, n)
			for i := range margins {
				rewards[i] = b.Chosen[i] - b.Rejected[i]
				margins[i] = rewards[i] - (b.RefChosen[i] - b.RefRejected[i])
			}
			scale, off := tt.of(margins)
			if name == "beta-dpo" {
				rewards = margins
			}
			for i, state := range o.State() {
				copy(resumed.State()[i], state)
			}
			for _, o := range []*Objective{o, resumed} { // and after a checkpoint
				o.Advance(b)
				g, want := newGrad(n), 0.0
				o.Grad(b, g)
				for i, d := range rewards {
					z := scale[i] * (d - off[i])
					want -= logspace.LogSigmoid(z) / n
					if slope := -scale[i] * logspace.Sigmoid(-z) / n; !close(g.Chosen[i], slope) || !close(g.Rejected[i], -slope) {
						t.Errorf("%s, step %d, pair %d: derivative %v, by hand %v", name, step, i, g.Chosen[i], slope)
					}
				}
				if got := valueOf(o, b); !close(got, want) {
					t.Errorf("%s, step %d: %v, by hand %v", name, step, got, want)
				}
			}
		}
	}
}

// TestShiftSchedule: DPO-Shift's factor goes from one end to the other in so many steps, and stays.
func TestShiftSchedule(t *testing.T) {
	up := (&DPOShift{Lambda: 0.3, Strategy: "increase_linear", Min: 0.5, Max: 0.9, Steps: 4}).Objective()
	down := (&DPOShift{Lambda: 0.3, Strategy: "decrease_linear", Min: 0.5, Max: 0.9, Steps: 4}).Objective()
	b := customBatch(rand.New(rand.NewPCG(3, 1)), 4)
	for _, factor := range []float64{0.5, 0.6, 0.7, 0.8, 0.9, 0.9, 0.9} {
		up.Advance(b)
		down.Advance(b)
		for o, f := range map[*Objective]float64{up: factor, down: 1.4 - factor} {
			if got, want := valueOf(o, b), valueOf((&DPOShift{Lambda: 0.3, Factor: f}).Objective(), b); !close(got, want) {
				t.Errorf("at factor %v: %v, want %v", f, got, want)
			}
		}
	}
}

// TestDrDPO: -b log of the weighted mean of sigmoid(beta u)^(1/b), and DPO where b is large.
func TestDrDPO(t *testing.T) {
	b := customBatch(rand.New(rand.NewPCG(3, 2)), 8)
	for _, prime := range []float64{0.5, 1, 3} {
		sum := 0.0
		for i, w := range b.Weight {
			sum += w * math.Pow(logspace.Sigmoid(0.3*(b.Chosen[i]-b.RefChosen[i]-b.Rejected[i]+b.RefRejected[i])), 1/prime)
		}
		if got, want := valueOf((&DrDPO{Lambda: 0.3, Prime: prime}).Objective(), b), -prime*math.Log(sum); !close(got, want) {
			t.Errorf("b %v: %v, by hand %v", prime, got, want)
		}
	}
	if got, want := valueOf((&DrDPO{Lambda: 0.3, Prime: 1e9}).Objective(), b), valueOf((&DPO{Lambda: 0.3}).Objective(), b); math.Abs(got-want) > 1e-6*want {
		t.Errorf("at b 1e9: %v, DPO %v", got, want)
	}
}

// A custom formula costs at most twice what its built-in twin costs a step.
func BenchmarkFormula(b *testing.B) {
	for _, twin := range []struct {
		name    string
		builtin Params
		pair    string
	}{
		{"dpo", &DPO{Lambda: 0.1}, "-logsigmoid(beta*logits)"},
		{"ipo", &IPO{Lambda: 0.1}, "square(u - 1/(2*beta))"},
		{"simpo", &SimPO{Lambda: 0.1, Gamma: 0.5}, "softplus(0.5 - beta*(cbar - rbar))"},
		{"bco-pair", &BCOPair{Lambda: 0.1}, "softplus(-beta*chosen_logratios) + softplus(beta*rejected_logratios)"},
	} {
		for _, n := range []int{6, 20, 1000} {
			batch := customBatch(rand.New(rand.NewPCG(1, 1)), n)
			for kind, params := range map[string]Params{"builtin": twin.builtin, "formula": &Custom{Lambda: 0.1, Pair: twin.pair}} {
				o, g := params.Objective(), newGrad(n)
				b.Run(fmt.Sprintf("%s/%d/%s", twin.name, n, kind), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						o.Grad(batch, g)
					}
				})
			}
		}
	}
}
