package expression

import (
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/diff/fd"
	"gonum.org/v1/gonum/stat"
	"pgregory.net/rapid"

	"windtunnel/toy/logspace"
)

// distributions are the softmaxes of three vectors of logits.
func distributions(pi, ref, star []float64) *Distributions {
	k := len(pi)
	d := &Distributions{make([]float64, k), make([]float64, k), make([]float64, k), make([]float64, k), make([]float64, k)}
	logspace.Softmax(d.LogPi, d.Pi, pi)
	logspace.Softmax(d.LogRef, d.Ref, ref)
	logspace.LogSoftmax(d.LogStar, star)
	return d
}

func mustParseDistributional(t interface{ Fatal(...any) }, source string) *Distributional {
	d, err := ParseDistributional(source, []string{"lambda", "order"})
	if err != nil {
		t.Fatal(source, err)
	}
	return d
}

func logits(k int) *rapid.Generator[[]float64] {
	return rapid.SliceOfN(rapid.Float64Range(-3, 3), k, k)
}

// plainly writes each functional as its definition reads.
func plainly(a, b []float64, order float64, term func(a, b, order float64) float64) float64 {
	sum := 0.0
	for i := range a {
		sum += term(a[i], b[i], order)
	}
	return sum
}

// Values are those of the definitions, and of gonum/stat where it has them.
func TestFunctionals(t *testing.T) {
	definitions := map[string]func(a, b []float64, order float64) float64{
		"kl(pi, star)":               func(a, b []float64, _ float64) float64 { return stat.KullbackLeibler(a, b) },
		"kl(star, pi)":               func(a, b []float64, _ float64) float64 { return stat.KullbackLeibler(b, a) },
		"js(pi, star)":               func(a, b []float64, _ float64) float64 { return stat.JensenShannon(a, b) },
		"square(hellinger(pi,star))": func(a, b []float64, _ float64) float64 { return math.Pow(stat.Hellinger(a, b), 4) },
		"entropy(pi)":                func(a, b []float64, _ float64) float64 { return stat.Entropy(a) },
		"cross_entropy(pi, star)":    func(a, b []float64, _ float64) float64 { return stat.CrossEntropy(a, b) },
		"-reward(pi)":                func(a, b []float64, _ float64) float64 { return stat.CrossEntropy(a, b) },
		"tv(pi, star)": func(a, b []float64, _ float64) float64 {
			return plainly(a, b, 0, func(a, b, _ float64) float64 { return math.Abs(a-b) / 2 })
		},
		"chi2(pi, star)": func(a, b []float64, _ float64) float64 {
			return plainly(a, b, 0, func(a, b, _ float64) float64 { return a*a/b - a })
		},
		"alpha(pi, star, order)": func(a, b []float64, order float64) float64 {
			return (plainly(a, b, order, func(a, b, order float64) float64 {
				return math.Pow(a, order) * math.Pow(b, 1-order)
			}) - 1) / (order * (order - 1))
		},
	}
	for source, definition := range definitions {
		p := mustParseDistributional(t, source).Compile()
		rapid.Check(t, func(t *rapid.T) {
			d := distributions(logits(5).Draw(t, "pi"), logits(5).Draw(t, "ref"), logits(5).Draw(t, "star"))
			order := float64(rapid.SampledFrom([]int{-30, -15, -5, 3, 5, 7, 15, 20, 30}).Draw(t, "tenths")) / 10
			star := make([]float64, 5)
			logspace.Exp(star, d.LogStar)
			want := definition(d.Pi, star, order)
			if got := p.Value(d, []float64{0, order}); !(math.Abs(got-want) <= 1e-12*max(1, math.Abs(want))) {
				t.Fatalf("%s of order %v is %v, want %v", source, order, got, want)
			}
		})
	}
}

var formulasOfDistributions = []string{
	"kl(ref, pi)", "kl(pi, ref)", "js(pi, star)", "js(star, pi)", "tv(pi, star)", "hellinger(pi, ref)", "hellinger(ref, pi)",
	"chi2(pi, ref)", "chi2(ref, pi)", "alpha(pi, ref, 2)", "alpha(ref, pi, order)", "alpha(pi, ref, 0.3)", "alpha(pi, ref, order)",
	"alpha(pi, ref, 1)", "alpha(pi, ref, 0)", "entropy(pi)", "cross_entropy(pi, star)", "cross_entropy(star, pi)", "reward(pi)",
	"kl(pi, pi)", "js(pi, pi)", "lambda*kl(ref, pi) + 0.1*square(tv(pi, star))", "exp(-lambda*kl(pi, ref))*reward(pi)",
	"kl(ref, star)*entropy(pi)", "softplus(kl(pi, ref)/lambda - 1)", "relu(kl(pi, ref) - 0.1)", "kl(ref, star)", "lambda",
	"stopgrad(kl(pi, ref))*entropy(pi)", "lambda*kl(pi, ref) - reward(pi)",
}

// Gradients are the differences of the value, second derivatives those of the gradient, taking log pi for free.
func TestDistributionDerivatives(t *testing.T) {
	for _, source := range formulasOfDistributions {
		p := mustParseDistributional(t, source).Compile()
		hidden := source == "stopgrad(kl(pi, ref))*entropy(pi)"
		rapid.Check(t, func(t *rapid.T) {
			d := distributions(logits(4).Draw(t, "pi"), logits(4).Draw(t, "ref"), logits(4).Draw(t, "star"))
			if nearTie(d) {
				return
			}
			scalars := []float64{rapid.Float64Range(0.1, 2).Draw(t, "lambda"), rapid.Float64Range(-1, 3).Draw(t, "order")}
			grad, hess := make([]float64, 4), make([]float64, 16)
			p.Grad(d, scalars, grad)
			p.Hess(d, scalars, hess)
			slopes := func(x []float64, g []float64) float64 {
				moved := *d
				moved.LogPi, moved.Pi = x, make([]float64, 4)
				logspace.Exp(moved.Pi, x)
				if g != nil {
					p.Grad(&moved, scalars, g)
				}
				return p.Value(&moved, scalars)
			}
			size := math.Abs(p.Value(d, scalars)) + 10
			for _, g := range grad {
				size += math.Abs(g)
			}
			settings := &fd.Settings{Formula: fd.Central, Step: 1e-5}
			want := fd.Gradient(nil, func(x []float64) float64 { return slopes(x, nil) }, d.LogPi, settings)
			for i := range want {
				if !hidden && !(math.Abs(grad[i]-want[i]) <= 1e-7*size) {
					t.Fatalf("%s at %v: gradient %v, by differences %v", source, d, grad, want)
				}
			}
			if hidden {
				return
			}
			checkHess(t, source, d, grad, hess, size, settings, slopes)
		})
	}
}

// nearTie says whether two distributions nearly give a response the same probability, where tv has a kink.
func nearTie(d *Distributions) bool {
	for k, l := range d.LogPi {
		if math.Abs(l-d.LogStar[k]) < 1e-3 || math.Abs(l-d.LogRef[k]) < 1e-3 {
			return true
		}
	}
	return false
}

func checkHess(t *rapid.T, source string, d *Distributions, grad, hess []float64, size float64, settings *fd.Settings, slopes func(x, g []float64) float64) {
	for k := range grad {
		for i := range grad {
			want := fd.Derivative(func(v float64) float64 {
				x, g := append([]float64(nil), d.LogPi...), make([]float64, len(grad))
				x[k] = v
				slopes(x, g)
				return g[i]
			}, d.LogPi[k], settings)
			got := hess[i*len(grad)+k]
			if !(math.Abs(got-want) <= 1e-6*size) {
				t.Fatalf("%s at %v: second derivative %d, %d is %v, by differences %v", source, d, i, k, got, want)
			}
		}
	}
}

// Probabilities that underflow, and exact zeros, give numbers, and infinities only where the definition has them.
func TestTinyProbabilities(t *testing.T) {
	inf := math.Inf(1)
	zero := &Distributions{LogPi: []float64{0, -inf}, Pi: []float64{1, 0}, LogRef: []float64{0, -inf}, Ref: []float64{1, 0},
		LogStar: []float64{0, -inf}}
	apart := distributions([]float64{0, -1000}, []float64{-1000, 0}, []float64{0, 0})
	tests := []struct {
		source      string
		zero, apart float64
	}{
		{"kl(pi, ref)", 0, 1000}, {"kl(ref, pi)", 0, 1000}, {"js(pi, ref)", 0, math.Ln2}, {"tv(pi, ref)", 0, 1},
		{"hellinger(pi, ref)", 0, 1}, {"chi2(pi, ref)", 0, inf}, {"alpha(pi, ref, 0.5)", 0, 4}, {"alpha(pi, ref, 2)", 0, inf},
		{"alpha(pi, ref, lambda)", 0, 1 / (0.3 * 0.7)}, {"entropy(pi)", 0, 0}, {"cross_entropy(pi, star)", 0, math.Ln2},
		{"reward(pi)", 0, -math.Ln2}, {"cross_entropy(pi, ref)", 0, 1000},
	}
	for _, tt := range tests {
		p := mustParseDistributional(t, tt.source).Compile()
		for d, want := range map[*Distributions]float64{zero: tt.zero, apart: tt.apart} {
			scalars, g, h := []float64{0.3, 0}, make([]float64, 2), make([]float64, 4)
			if got := p.Value(d, scalars); !(got == want || math.Abs(got-want) <= 1e-12*want) {
				t.Errorf("%s at %v is %v, want %v", tt.source, d, got, want)
			}
			p.Grad(d, scalars, g)
			p.Hess(d, scalars, h)
			for _, v := range append(g, h...) {
				if math.IsNaN(v) || math.IsInf(v, 0) && !math.IsInf(want, 0) {
					t.Errorf("%s at %v: gradient %v, second derivative %v", tt.source, d, g, h)
				}
			}
		}
	}
}

// Close to the limits of its order alpha tends to the two KLs without cancelling.
func TestAlphaNearItsLimits(t *testing.T) {
	d := distributions([]float64{1, 0, -1}, []float64{0.5, 0, 1}, []float64{0, 0, 0})
	forward := mustParseDistributional(t, "kl(pi, ref)").Compile().Value(d, []float64{0, 0})
	backward := mustParseDistributional(t, "kl(ref, pi)").Compile().Value(d, []float64{0, 0})
	p := mustParseDistributional(t, "alpha(pi, ref, order)").Compile()
	for _, e := range []float64{0, 1e-15, -1e-13, 1e-11, 1e-9} {
		for order, want := range map[float64]float64{1 + e: forward, e: backward} {
			if got := p.Value(d, []float64{0, order}); !(math.Abs(got-want) <= 1e-13+2*math.Abs(e)) {
				t.Errorf("order %v: %v, want %v", order, got, want)
			}
		}
	}
}

// More responses than a block holds change nothing.
func TestManyResponses(t *testing.T) {
	k := 2*block + 17
	pi, ref, star := make([]float64, k), make([]float64, k), make([]float64, k)
	for i := range pi {
		pi[i], ref[i], star[i] = math.Sin(float64(i)), math.Cos(float64(i)), float64(i%7)
	}
	d := distributions(pi, ref, star)
	p, g, scalars := mustParseDistributional(t, "kl(pi, ref)").Compile(), make([]float64, k), []float64{1, 1}
	square, h := mustParseDistributional(t, "square(kl(pi, ref))").Compile(), make([]float64, k*k)
	if got, want := p.Value(d, scalars), stat.KullbackLeibler(d.Pi, d.Ref); math.Abs(got-want) > 1e-14 {
		t.Errorf("kl is %v, want %v", got, want)
	}
	p.Grad(d, scalars, g)
	for i, got := range g {
		if want := d.Pi[i] * (d.LogPi[i] - d.LogRef[i] + 1); math.Abs(got-want) > 1e-16 {
			t.Fatalf("gradient %d is %v, want %v", i, got, want)
		}
	}
	allocations := testing.AllocsPerRun(10, func() {
		p.Value(d, scalars)
		p.Grad(d, scalars, g)
		square.Hess(d, scalars, h)
	})
	if allocations != 0 {
		t.Errorf("%v allocations a step", allocations)
	}
}

// The canonical form of what a distribution formula says.
func ExampleDistributional_String() {
	d, err := ParseDistributional("(lambda)*kl( ref,pi )+.1*square(tv(pi,star))", []string{"lambda"})
	fmt.Println(d, err)
	// Output: lambda * kl(ref, pi) + 0.1 * square(tv(pi, star)) <nil>
}
