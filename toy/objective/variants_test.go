package objective

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"windtunnel/toy/logspace"
	"windtunnel/toy/registry"
)

// variant is a registered kind with its words and its lambda filled in.
type variant struct {
	name      string
	lambda    float64
	objective *Objective
}

// variants returns every kind at a lambda, once for each allowed word of its parameters, so that a new kind is tested
// as soon as it is registered.
func variants(t *testing.T, lambda float64) []variant {
	t.Helper()
	var all []variant
	for _, kind := range Kinds() {
		choices := []func(reflect.Value){func(reflect.Value) {}}
		typ := reflect.TypeOf(kind.New()).Elem()
		for i := range typ.NumField() {
			for _, word := range registry.Words(typ.Field(i).Tag.Get("oneof")) {
				choices = append(choices, func(v reflect.Value) { v.Field(i).SetString(word) })
			}
		}
		for i, choose := range choices {
			params := kind.New()
			v := reflect.ValueOf(params).Elem()
			choose(v)
			if f := v.FieldByName("Lambda"); f.IsValid() {
				f.SetFloat(lambda)
			}
			if sum, ok := params.(*Sum); ok {
				sum.Terms = []Part{{Times(0.5), &BradleyTerry{}}, {TimesLambda(), &KLRefPi{}}, {Weight{}, &FDPO{Lambda: 2, Divergence: "js"}}}
			}
			all = append(all, variant{fmt.Sprintf("%s %d", kind.Name, i), lambda, params.Objective()})
		}
	}
	if len(all) < 20 {
		t.Fatalf("only %d variants", len(all))
	}
	return all
}

func newGrad(n int) *Grad { return &Grad{make([]float64, n), make([]float64, n)} }

func newHess(n int) *Hess {
	return &Hess{make([]float64, n), make([]float64, n), make([]float64, n)}
}

// single returns a batch of one comparison.
func single(in [4]float64) *Batch {
	return &Batch{[]float64{in[0]}, []float64{in[1]}, []float64{in[2]}, []float64{in[3]}, []float64{1}}
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
	d := &Dist{make([]float64, k), make([]float64, k), make([]float64, k), make([]float64, k), make([]float64, k)}
	logspace.Softmax(d.LogPi, d.Pi, logPi)
	logspace.Softmax(d.LogRef, d.Ref, logRef)
	logspace.LogSoftmax(d.LogStar, logStar)
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
