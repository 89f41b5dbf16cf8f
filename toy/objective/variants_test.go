package objective

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
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

// variants returns every kind at a lambda: with its defaults, once for each allowed word of its parameters, and once for
// some allowed values of every number, so that a new kind is tested as soon as it is registered.
func variants(t *testing.T, lambda float64) []variant {
	t.Helper()
	var all []variant
	for _, kind := range Kinds() {
		for i, choose := range choices(reflect.TypeOf(kind.New()).Elem(), nil) {
			params := kind.New()
			v := reflect.ValueOf(params).Elem()
			choose(v)
			if f := v.FieldByName("Lambda"); f.IsValid() {
				f.SetFloat(lambda)
			}
			if sum, ok := params.(*Sum); ok {
				sum.Terms = []Part{{Times(0.5), &BradleyTerry{}}, {TimesLambda(), &KLRefPi{}}, {Weight{}, &FDPO{Lambda: 2, Divergence: "js"}}}
			}
			if c, ok := params.(registry.Checker); ok && len(c.Check()) > 0 {
				continue
			}
			all = append(all, variant{fmt.Sprintf("%s %d", kind.Name, i), lambda, params.Objective()})
		}
	}
	if len(all) < 150 {
		t.Fatalf("only %d variants", len(all))
	}
	return all
}

// choices returns functions that each set one field of a parameter struct.
func choices(typ reflect.Type, index []int) []func(reflect.Value) {
	all := []func(reflect.Value){func(reflect.Value) {}}
	for i := range typ.NumField() {
		f, at := typ.Field(i), append(slices.Clone(index), i)
		if _, option, _ := strings.Cut(f.Tag.Get("yaml"), ","); option == "inline" {
			all = append(all, choices(f.Type, at)[1:]...)
		}
		for _, word := range registry.Words(f.Tag.Get("oneof")) {
			all = append(all, func(v reflect.Value) { v.FieldByIndex(at).SetString(word) })
		}
		if f.Name == "Lambda" || f.Tag.Get("range") == "" {
			continue
		}
		for _, number := range within(f.Tag.Get("range")) {
			switch f.Type.Kind() {
			case reflect.Float64:
				all = append(all, func(v reflect.Value) { v.FieldByIndex(at).SetFloat(number) })
			case reflect.Pointer:
				all = append(all, func(v reflect.Value) { v.FieldByIndex(at).Set(reflect.ValueOf(&number)) })
			}
		}
	}
	return all
}

// within returns numbers of ordinary size inside a range tag.
func within(tag string) []float64 {
	var low, high float64
	if _, err := fmt.Sscanf(strings.ReplaceAll(tag[1:len(tag)-1], ",", " "), "%g %g", &low, &high); err != nil {
		panic(tag)
	}
	numbers := []float64{min(0.8*high, max(low, 0.3)), min(0.8*high, max(low, 2))}
	if tag[0] == '[' {
		numbers = append(numbers, max(low, 1e-3))
		if low >= -10 && (low >= 1e-3 || low <= 0) {
			numbers = append(numbers, low)
		}
	}
	return slices.DeleteFunc(numbers, func(v float64) bool {
		return v == low && tag[0] == '(' || v == high && strings.HasSuffix(tag, ")")
	})
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
