package policy

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"windtunnel/toy/internal/gradcheck"
)

// perceptrons builds an MLP of every activation and of several depths, moved away from its start.
func perceptrons(t *testing.T) []built {
	t.Helper()
	var list []built
	for name := range activations {
		for _, hidden := range [][]int{{5}, {4, 3}, {3, 1, 2}} {
			env := environment(real3)
			pol, err := (&MLPParams{Hidden: hidden, Activation: name, InitScale: 1}).Build(env, rand.New(rand.NewPCG(5, 6)))
			if err != nil {
				t.Fatal(err)
			}
			b := built{name, env, pol}
			b.scatter()
			list = append(list, b)
		}
	}
	return list
}

// Both gradients are those of differences, and are added.
func TestMLPGradients(t *testing.T) {
	items := append(everything(), Item{1, 2}, Item{0, 1}) // prompts come back
	d := []float64{0.3, -1, 2, 0.7, -0.2, 1.1, 0.9, -2, 0.4, 1.7}
	for _, b := range perceptrons(t) {
		theta := slices.Clone(b.Params())
		check := func(what string, add func(grad []float64), value func() float64) {
			got := make([]float64, len(theta))
			floats.AddConst(10, got)
			add(got)
			floats.AddConst(-10, got)
			want := gradcheck.Gradient(func(x []float64) float64 {
				copy(b.Params(), x)
				return value()
			}, theta)
			copy(b.Params(), theta)
			for i := range want {
				if !gradcheck.Close(got[i], want[i], 100) {
					t.Errorf("%s, %d parameters: %s gives %v for parameter %d, want %v", b.name, len(theta), what, got[i], i, want[i])
				}
			}
		}
		scores, logits := make([]float64, len(items)), make([]float64, responses)
		check("AddScoreGrad", func(grad []float64) { b.AddScoreGrad(items, d, grad) }, func() float64 {
			b.Scores(items, scores)
			return floats.Dot(d, scores)
		})
		for p := range 2 {
			check("AddLogitGrad", func(grad []float64) { b.AddLogitGrad(p, d[:responses], grad) }, func() float64 {
				b.Logits(p, logits)
				return floats.Dot(d[:responses], logits)
			})
		}
	}
}

// The logits are those of the matrices written out, in the documented order of parameters.
func TestMLPFormula(t *testing.T) {
	env := environment(real3)
	pol, err := (&MLPParams{Hidden: []int{2}, Activation: "tanh", InitScale: 1}).Build(env, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	b := built{"tanh", env, pol}
	b.scatter()
	theta := b.Params()
	var h, z mat.VecDense
	h.MulVec(mat.NewDense(3, 2, theta[:6]).T(), mat.NewVecDense(3, real3[1]))
	for j := range 2 {
		h.SetVec(j, math.Tanh(h.AtVec(j)+theta[6+j]))
	}
	z.MulVec(mat.NewDense(2, responses, theta[8:16]).T(), &h)
	logits := make([]float64, responses)
	b.Logits(1, logits)
	for k, got := range logits {
		if want := env.Prompts[1].Init[k] + z.AtVec(k) + theta[16+k]; math.Abs(got-want) > 1e-13 {
			t.Errorf("logit %d is %v, want %v", k, got, want)
		}
	}
	if len(theta) != 20 {
		t.Errorf("%d parameters, want 20", len(theta))
	}
}

// The values are those of other formulas: gelu's by gonum's normal distribution, silu's by the logistic one.
func TestActivations(t *testing.T) {
	want := map[string]func(x float64) float64{
		"tanh": func(x float64) float64 { return 1 - 2/(math.Exp(2*x)+1) },
		"relu": func(x float64) float64 { return (x + math.Abs(x)) / 2 },
		"gelu": distuv.UnitNormal.CDF, // times x
		"silu": distuv.Logistic{S: 1}.CDF,
	}
	for name, f := range activations {
		for _, x := range []float64{-30, -2, -0.5, 0.3, 1, 4, 30} {
			w := want[name](x)
			if name == "gelu" || name == "silu" {
				w *= x
			}
			if v, _ := f(x); math.Abs(v-w) > 1e-14*max(1, math.Abs(w)) {
				t.Errorf("%s(%v) = %v, want %v", name, x, v, w)
			}
			_, slope := f(x)
			if d := gradcheck.Derivative(func(x float64) float64 { v, _ := f(x); return v }, x); !gradcheck.Close(slope, d, 30) {
				t.Errorf("%s has slope %v at %v, want %v", name, slope, x, d)
			}
		}
		for _, x := range []float64{-1e8, 1e8} {
			if v, slope := f(x); math.IsNaN(v) || math.IsNaN(slope) {
				t.Errorf("%s(%v) = %v with slope %v", name, x, v, slope)
			}
		}
	}
}

// Hidden weights have standard deviation init_scale over the root of their inputs; all else is 0.
func TestMLPInit(t *testing.T) {
	pol, err := (&MLPParams{Hidden: []int{1000, 100}, Activation: "relu", InitScale: 2}).Build(environment(real3), rand.New(rand.NewPCG(7, 8)))
	if err != nil {
		t.Fatal(err)
	}
	theta := pol.Params()
	for name, part := range map[string]struct {
		weights []float64
		sd      float64
	}{
		"first":   {theta[:3000], 2 / math.Sqrt(3)},
		"biases":  {theta[3000:4000], 0},
		"second":  {theta[4000:104000], 2 / math.Sqrt(1000)},
		"the end": {theta[104000:], 0},
	} {
		if sd := stat.StdDev(part.weights, nil); math.Abs(sd-part.sd) > 0.05*part.sd {
			t.Errorf("%s: standard deviation %v, want %v", name, sd, part.sd)
		}
	}
}

func TestMLPCheck(t *testing.T) {
	for _, tt := range []struct {
		layers int
		wrong  string
	}{{0, "has 0 layers"}, {1, ""}, {8, ""}, {9, "has 9 layers"}} {
		problems := (&MLPParams{Hidden: make([]int, tt.layers)}).Check()
		if (len(problems) > 0) != (tt.wrong != "") || len(problems) > 0 && (problems[0].Wrong != tt.wrong || problems[0].Key != "hidden") {
			t.Errorf("%d layers: problems %v, want %q", tt.layers, problems, tt.wrong)
		}
	}
}
