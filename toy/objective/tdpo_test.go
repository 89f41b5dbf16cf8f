package objective

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"windtunnel/toy/logspace"
)

// The values and the gradients by every logit are PyTorch's, of a version written from the paper.
func TestTokenLevel(t *testing.T) {
	type response struct {
		Logits, Grad [][]float64
		Ref          [][]float64 `json:"ref_logits"`
		Labels       []int
	}
	var cases []struct {
		Loss               string
		Alpha, Beta, Value float64
		Pairs              []struct{ Chosen, Rejected response }
	}
	text, err := os.ReadFile("testdata/tdpo.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	normalized := func(logits []float64) []float64 {
		out := make([]float64, len(logits))
		for k, v := range logits {
			out[k] = v - logspace.LogSumExp(logits)
		}
		return out
	}
	read := func(r *response) (logp, ref, kl float64) {
		for j, y := range r.Labels {
			p, q := normalized(r.Logits[j]), normalized(r.Ref[j])
			logp, ref = logp+p[y], ref+q[y]
			for k := range p {
				kl += math.Exp(q[k]) * (q[k] - p[k])
			}
		}
		return logp, ref, kl
	}
	for _, c := range cases {
		var loss Params = &TDPO1{Lambda: c.Beta}
		if c.Loss == "tdpo2" {
			loss = &TDPO2{Lambda: c.Beta, Alpha: c.Alpha}
		}
		n := len(c.Pairs)
		column := func() []float64 { return make([]float64, n) }
		b := &Batch{Chosen: column(), Rejected: column(), RefChosen: column(), RefRejected: column(), Weight: column(), ChosenKL: column(), RejectedKL: column()}
		for i := range c.Pairs {
			b.Weight[i] = 1 / float64(n)
			b.Chosen[i], b.RefChosen[i], b.ChosenKL[i] = read(&c.Pairs[i].Chosen)
			b.Rejected[i], b.RefRejected[i], b.RejectedKL[i] = read(&c.Pairs[i].Rejected)
		}
		o := loss.Objective()
		if v := o.Comparisons().Loss(b); math.Abs(v-c.Value) > 1e-14 {
			t.Errorf("%s, alpha %g: loss %v, want %v", c.Loss, c.Alpha, v, c.Value)
		}
		g := &Grad{Chosen: column(), Rejected: column(), ChosenKL: column(), RejectedKL: column()}
		o.Grad(b, g)
		check := func(r *response, byLogp, byKL float64) {
			for j, y := range r.Labels {
				p, q := normalized(r.Logits[j]), normalized(r.Ref[j])
				for k, want := range r.Grad[j] {
					got := byKL*(math.Exp(p[k])-math.Exp(q[k])) - byLogp*math.Exp(p[k])
					if k == y {
						got += byLogp
					}
					if math.Abs(got-want) > 1e-14 {
						t.Errorf("%s, alpha %g: derivative by a logit %v, want %v", c.Loss, c.Alpha, got, want)
					}
				}
			}
		}
		for i := range c.Pairs {
			check(&c.Pairs[i].Chosen, g.Chosen[i], g.ChosenKL[i])
			check(&c.Pairs[i].Rejected, g.Rejected[i], g.RejectedKL[i])
		}
	}
}
