package objective

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"windtunnel/toy/logspace"
	every "windtunnel/toy/variants"
)

// variant is a registered kind with its words and its lambda filled in.
type variant struct {
	name      string
	lambda    float64
	objective *Objective
}

// variants returns every kind at a lambda with every word of its parameters. Words that mean the same objective, such as js and
// js_divergence, are tried once.
func variants(t *testing.T, lambda float64) []variant {
	t.Helper()
	var all []variant
	for _, v := range every.Of(Kinds(), func(p Params) {
		if f := reflect.ValueOf(p).Elem().FieldByName("Lambda"); f.IsValid() {
			f.SetFloat(lambda)
		}
		if sum, ok := p.(*Sum); ok {
			sum.Terms = []Part{{Times(0.5), &BradleyTerry{}}, {TimesLambda(), &KLRefPi{}}, {Weight{}, &FDPO{Lambda: 2, Divergence: "js"}}}
		}
	}) {
		o := v.Params.Objective()
		if !slices.ContainsFunc(all, func(other variant) bool { return reflect.DeepEqual(other.objective, o) }) {
			all = append(all, variant{v.Name, lambda, o})
		}
	}
	if len(all) < 150 {
		t.Fatalf("only %d variants", len(all))
	}
	return all
}

func newGrad(n int) *Grad { return &Grad{Chosen: make([]float64, n), Rejected: make([]float64, n)} }

func newHess(n int) *Hess {
	return &Hess{make([]float64, n), make([]float64, n), make([]float64, n)}
}

// single returns a batch of one comparison.
func single(in [4]float64) *Batch {
	return &Batch{Chosen: in[:1], Rejected: in[1:2], RefChosen: in[2:3], RefRejected: in[3:], Weight: []float64{1}}
}

// randomBatch draws n comparisons of ordinary log-probabilities with weights that sum to 1.
func randomBatch(rng *rand.Rand, n int) *Batch {
	b := &Batch{Weight: make([]float64, n)}
	for _, column := range []*[]float64{&b.Chosen, &b.Rejected, &b.RefChosen, &b.RefRejected} {
		for range n {
			*column = append(*column, -rng.ExpFloat64())
		}
	}
	for i := range b.Weight {
		b.Weight[i] = rng.NormFloat64()
	}
	logspace.LogSoftmax(b.Weight, b.Weight)
	logspace.Exp(b.Weight, b.Weight)
	return b
}

// dist returns a prompt with the given log-probabilities of policy, reference and true policy, each normalized.
func dist(logPi, logRef, logStar []float64) *Dist {
	k := len(logPi)
	d := &Dist{LogPi: make([]float64, k), Pi: make([]float64, k), LogRef: make([]float64, k), Ref: make([]float64, k), LogStar: make([]float64, k)}
	logspace.Softmax(d.LogPi, d.Pi, logPi)
	logspace.Softmax(d.LogRef, d.Ref, logRef)
	logspace.LogSoftmax(d.LogStar, logStar)
	for i := range k * k {
		d.Wins = append(d.Wins, logspace.Sigmoid(math.Sin(float64(i/k-i%k))+2*math.Sin(float64(k*(i/k+i%k)))*float64(i/k-i%k)))
	}
	return d
}

func gaussian(rng *rand.Rand, k int, scale float64) []float64 {
	x := make([]float64, k)
	for i := range x {
		x[i] = scale * rng.NormFloat64()
	}
	return x
}

func finite(values ...float64) bool {
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}
