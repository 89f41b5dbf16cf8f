package metrics

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat"
	"pgregory.net/rapid"

	_ "windtunnel/toy/fixedseed"
	"windtunnel/toy/logspace"
)

func onRequest(v *View) (paramDiff, valueDiff float64) {
	all := OnRequest()
	return all[0].Value(v), all[1].Value(v)
}

// The measures by their definitions; at RLHF's optimum both are 0.
func TestDistanceToOptimum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k, lambda := rapid.IntRange(2, 8).Draw(t, "k"), math.Exp(rapid.Float64Range(-2, 3).Draw(t, "log lambda"))
		draw := func(name string) []float64 {
			logs := rapid.SliceOfN(rapid.Float64Range(-3, 3), k, k).Draw(t, name)
			logspace.LogSoftmax(logs, logs)
			return logs
		}
		star, ref, pi, best := draw("star"), draw("ref"), draw("pi"), make([]float64, k)
		for i := range best {
			best[i] = ref[i] + star[i]/lambda
		}
		logspace.LogSoftmax(best, best)
		v := NewView(ref, star, ref)
		if a, b := onRequest(v); !math.IsNaN(a) || !math.IsNaN(b) {
			t.Errorf("without a lambda: %v and %v", a, b)
		}
		v.Lambda = lambda
		v.Set(best)
		if a, b := onRequest(v); !(math.Abs(a) <= 1e-12*(1+lambda)) || !(math.Abs(b) <= 1e-12*(1+lambda)) {
			t.Errorf("at the optimum: %v and %v", a, b)
		}
		v.Set(pi)
		apart, p, q := 0.0, make([]float64, k), make([]float64, k)
		for i := range k {
			p[i], q[i] = math.Exp(pi[i]), math.Exp(best[i])
			for j := range k {
				apart += math.Abs((star[i]-lambda*(pi[i]-ref[i]))-(star[j]-lambda*(pi[j]-ref[j]))) / float64(k*k)
			}
		}
		a, b := onRequest(v)
		if want := lambda * stat.KullbackLeibler(p, q); !(math.Abs(a-apart) <= 1e-11*(1+apart)) || !(math.Abs(b-want) <= 1e-11*(1+lambda)) {
			t.Errorf("%v and %v, want %v and %v", a, b, apart, want)
		}
	})
}

// A response that neither has counts nothing, and pairs are compared up to 4096 responses.
func TestDistanceToOptimumAtItsLimits(t *testing.T) {
	v := NewView([]float64{-math.Ln2, -math.Ln2}, []float64{0, math.Inf(-1)}, []float64{-math.Ln2, -math.Ln2})
	v.Lambda = 1
	v.Set([]float64{0, math.Inf(-1)})
	if _, b := onRequest(v); b != 0 {
		t.Errorf("at the optimum on the boundary: %v", b)
	}
	for k, known := range map[int]bool{MaxWinRate: true, MaxWinRate + 1: false} {
		uniform := slices.Repeat([]float64{-math.Log(float64(k))}, k)
		v := NewView(uniform, uniform, uniform)
		v.Lambda = 1
		if a, _ := onRequest(v); known && a != 0 || !known && !math.IsNaN(a) {
			t.Errorf("%d responses: %v", k, a)
		}
	}
}

// They are finite at the extremes.
func TestDistanceToOptimumAtExtremes(t *testing.T) {
	for _, lambda := range []float64{1e-8, 1, 1e8} {
		v := NewView([]float64{math.Log(0.5), math.Log(0.5)}, []float64{0, -800}, []float64{math.Log(0.5), math.Log(0.5)})
		v.Lambda = lambda
		v.Set([]float64{-1e5, 0})
		if a, b := onRequest(v); !(a >= 0 && b >= 0) || math.IsInf(a, 0) || math.IsInf(b, 0) {
			t.Errorf("lambda %v: %v and %v", lambda, a, b)
		}
	}
}
