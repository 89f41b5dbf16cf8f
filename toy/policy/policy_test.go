package policy

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"gonum.org/v1/gonum/diff/fd"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"windtunnel/toy/bandit"
	"windtunnel/toy/logspace"
	"windtunnel/toy/registry"
)

const responses = 4

// environment returns two prompts of four responses with the given features (nil: one-hot) and uneven references.
func environment(features [][]float64) *bandit.Env {
	env := &bandit.Env{Sequences: &bandit.Sequences{Vocabulary: 2, Length: 2}}
	star := []float64{0.4, 0.3, 0.2, 0.1}
	refs := [][]float64{{0.1, 0.2, 0.3, 0.4}, {0.7, 0.1, 0.1, 0.1}}
	for p, ref := range refs {
		x := []float64{0, 0}
		x[p] = 1
		if features != nil {
			x = features[p]
		}
		env.Prompts = append(env.Prompts, bandit.NewPrompt(fmt.Sprint(p), star, ref, nil, x))
	}
	return env
}

var real3 = [][]float64{{0.5, -1, 2}, {1.5, 0.25, -0.5}}

// built is a policy under test.
type built struct {
	name string
	env  *bandit.Env
	Policy
}

// all builds every kind of policy, and the linear and low-rank ones in both of their forms.
func all(t *testing.T) []built {
	t.Helper()
	basis := [][]float64{{0, 1, -1, 0}, {1, 1, 0, -3}}
	var policies []built
	for _, c := range []struct {
		name     string
		params   Params
		features [][]float64
	}{
		{"tabular", &TabularParams{}, nil},
		{"linear one-hot", &LinearParams{}, nil},
		{"linear real", &LinearParams{}, real3},
		{"linear swapped", &LinearParams{}, [][]float64{{0, 1}, {1, 0}}},
		{"low-rank given", &LowRankParams{Basis: basis}, nil},
		{"log-linear", &LogLinearParams{Features: []string{"a*x1 - x2", "cos(a)*x3"}}, real3},
		{"low-rank random", &LowRankParams{Rank: 2}, nil},
	} {
		env := environment(c.features)
		pol, err := c.params.Build(env, rand.New(rand.NewPCG(1, 2)))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		policies = append(policies, built{c.name, env, pol})
	}
	for _, kind := range Kinds() {
		pol, err := featured(kind.New()).Build(environment(nil), rand.New(rand.NewPCG(1, 2)))
		if err != nil {
			t.Fatalf("%s: %v", kind.Name, err)
		}
		policies = append(policies, built{kind.Name + " by default", environment(nil), pol})
	}
	return policies
}

// featured gives a log-linear policy features, of which it has none by default here.
func featured(params Params) Params {
	if p, ok := params.(*LogLinearParams); ok {
		p.Features = []string{"a*x1", "x2/(1 + a)"}
	}
	return params
}

// scatter moves the parameters somewhere else.
func (b built) scatter() {
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range b.Params() {
		b.Params()[i] += rng.NormFloat64()
	}
}

// everything lists all items.
func everything() []Item {
	var items []Item
	for p := range 2 {
		for k := range responses {
			items = append(items, Item{p, k})
		}
	}
	return items
}

func TestShape(t *testing.T) {
	for _, b := range all(t) {
		if b.Prompts() != 2 || b.Responses() != responses {
			t.Errorf("%s: %d prompts, %d responses", b.name, b.Prompts(), b.Responses())
		}
		first, again := b.Params(), b.Params()
		if &first[0] != &again[0] {
			t.Errorf("%s: Params is a copy", b.name)
		}
	}
}

func TestStartsAtReference(t *testing.T) {
	init := []float64{3, -1, 0.5, 2} // not normalized, and not the declared reference
	for _, b := range all(t) {
		for p := range 2 {
			logits := make([]float64, responses)
			b.Logits(p, logits)
			logspace.LogSoftmax(logits, logits)
			if want := b.env.Prompts[p].LogReference(); !floats.EqualApprox(logits, want, 1e-12) {
				t.Errorf("%s: prompt %d starts at %v, want %v", b.name, p, logits, want)
			}
		}
	}
	for _, kind := range Kinds() {
		env := environment(nil)
		env.Prompts[1].Init = init
		pol, err := featured(kind.New()).Build(env, rand.New(rand.NewPCG(1, 2)))
		if err != nil {
			t.Fatal(err)
		}
		logits := make([]float64, responses)
		want := init
		if _, normalized := pol.(Normalized); normalized {
			want = env.Prompts[1].LogReference()
		}
		if pol.Logits(1, logits); !floats.EqualApprox(logits, want, 1e-12) {
			t.Errorf("%s: starts at the logits %v, want %v", kind.Name, logits, want)
		}
		floats.AddConst(1, pol.Params())
		if !slices.Equal(env.Prompts[1].Init, init) {
			t.Errorf("%s: training changes the environment", kind.Name)
		}
	}
}

func TestScoresAreLogits(t *testing.T) {
	for _, b := range all(t) {
		b.scatter()
		items := append(everything(), Item{1, 2}, Item{0, 0}, Item{1, 2})
		scores, logits := make([]float64, len(items)), make([]float64, responses)
		b.Scores(items, scores)
		for i, item := range items {
			if b.Logits(item.Prompt, logits); math.Abs(scores[i]-logits[item.Response]) > 1e-14 {
				t.Errorf("%s: score of %v is %v, logit %v", b.name, item, scores[i], logits[item.Response])
			}
		}
	}
}

// TestGradients: with d any derivatives by the logits, the parameter gradient is that of the inner product of d and
// the logits. Where that is affine, central differences are exact.
func TestGradients(t *testing.T) {
	for _, b := range all(t) {
		settings, tolerance := &fd.Settings{Formula: fd.Central, Step: 0.5}, 1e-12
		if _, affine := b.Policy.(Affine); !affine {
			settings.Step, tolerance = 1e-4, 1e-7
		}
		b.scatter()
		items := append(everything(), Item{1, 2}) // a repeated item adds up
		d := []float64{0.3, -1, 2, 0.7, -0.2, 1.1, 0.9, -2, 0.4}
		theta := slices.Clone(b.Params())
		check := func(what string, add func(grad []float64), value func() float64) {
			got := make([]float64, len(theta))
			floats.AddConst(10, got)
			add(got)
			floats.AddConst(-10, got)
			want := fd.Gradient(nil, func(x []float64) float64 {
				copy(b.Params(), x)
				return value()
			}, theta, settings)
			copy(b.Params(), theta)
			if !floats.EqualApprox(got, want, tolerance) {
				t.Errorf("%s: %s gives %v, want %v", b.name, what, got, want)
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

func TestBlocksPartition(t *testing.T) {
	for _, b := range all(t) {
		affine, ok := b.Policy.(Affine)
		if !ok {
			continue
		}
		var prompts []int
		params := 0
		for _, block := range affine.Blocks() {
			if block.Offset != params {
				t.Errorf("%s: a block begins at parameter %d, the one before ends at %d", b.name, block.Offset, params)
			}
			params += block.Dim
			prompts = append(prompts, block.Prompts...)
		}
		slices.Sort(prompts)
		if params != len(b.Params()) || !slices.Equal(prompts, []int{0, 1}) {
			t.Errorf("%s: blocks of prompts %v with %d parameters of %d", b.name, prompts, params, len(b.Params()))
		}
	}
}

func TestJacobian(t *testing.T) {
	for _, b := range all(t) {
		b.scatter()
		affine, ok := b.Policy.(Affine)
		if !ok {
			continue
		}
		for _, block := range affine.Blocks() {
			for _, p := range block.Prompts {
				theta := slices.Clone(b.Params())
				want := mat.NewDense(responses, len(theta), nil)
				fd.Jacobian(want, func(y, x []float64) {
					copy(b.Params(), x)
					b.Logits(p, y)
				}, theta, &fd.JacobianSettings{Formula: fd.Central, Step: 0.5})
				copy(b.Params(), theta)
				inside := want.Slice(0, responses, block.Offset, block.Offset+block.Dim)
				var got mat.Matrix = mat.NewDiagDense(responses, []float64{1, 1, 1, 1})
				if j := affine.Jacobian(p); j != nil {
					got = j
				}
				if !mat.EqualApprox(got, inside, 1e-12) {
					t.Errorf("%s: Jacobian of prompt %d\n%v\nwant\n%v", b.name, p, mat.Formatted(got), mat.Formatted(inside))
				}
				if math.Abs(sumAbs(want)-sumAbs(inside)) > 1e-12 {
					t.Errorf("%s: prompt %d depends on parameters outside of its block", b.name, p)
				}
			}
		}
	}
}

func sumAbs(m mat.Matrix) float64 {
	sum := 0.0
	r, c := m.Dims()
	for i := range r {
		for j := range c {
			sum += math.Abs(m.At(i, j))
		}
	}
	return sum
}

// TestSupport: a sparse policy's support is where the gradient of its items is not zero, each parameter once.
func TestSupport(t *testing.T) {
	sparse := 0
	for _, b := range all(t) {
		s, ok := b.Policy.(Sparse)
		if !ok {
			continue
		}
		sparse++
		b.scatter()
		for _, items := range [][]Item{{}, {{0, 2}}, {{1, 0}, {1, 3}, {0, 1}}, everything()} {
			d, grad := make([]float64, len(items)), make([]float64, len(b.Params()))
			floats.AddConst(1, d)
			b.AddScoreGrad(items, d, grad)
			var want []int
			for i, g := range grad {
				if g != 0 {
					want = append(want, i)
				}
			}
			got := s.Support(items, []int{-7})
			if got[0] != -7 {
				t.Errorf("%s: Support overwrites %v", b.name, got)
			}
			got = got[1:]
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("%s: support of %v is %v, want %v", b.name, items, got, want)
			}
		}
	}
	if sparse == 0 {
		t.Error("no sparse policy seen")
	}
}

func TestNoAllocations(t *testing.T) {
	items, d := everything(), make([]float64, 8)
	for _, b := range all(t) {
		grad, out := make([]float64, len(b.Params())), make([]float64, 8)
		allocs := testing.AllocsPerRun(10, func() {
			b.Scores(items, out)
			b.AddScoreGrad(items, d, grad)
			b.Logits(1, out)
			b.AddLogitGrad(1, d, grad)
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations", b.name, allocs)
		}
	}
}

func TestRandomFlag(t *testing.T) {
	for _, tt := range []struct {
		params Params
		random bool
	}{
		{&TabularParams{}, false}, {&LinearParams{}, false}, {&LowRankParams{Rank: 1}, true},
		{&LowRankParams{Rank: 1, Basis: [][]float64{{1, 0, 0, 0}}}, false}, {&PrefixTableParams{}, false}, {&GRUParams{Width: 2}, true},
	} {
		if got := registry.Random(tt.params); got != tt.random {
			t.Errorf("%+v: Random is %v", tt.params, got)
		}
		logits := func(seed uint64) []float64 {
			pol, err := tt.params.Build(environment(nil), rand.New(rand.NewPCG(seed, 0)))
			if err != nil {
				t.Fatal(err)
			}
			floats.AddConst(1, pol.Params())
			pol.Params()[0] += 1
			out := make([]float64, responses)
			pol.Logits(0, out)
			return out
		}
		if !reflect.DeepEqual(logits(1), logits(1)) || reflect.DeepEqual(logits(1), logits(2)) == tt.random {
			t.Errorf("%+v: logits by seed 1 %v, again %v, by seed 2 %v", tt.params, logits(1), logits(1), logits(2))
		}
	}
}

// A share of the rank is that of the degrees of freedom, and a start moves the policy from the reference, which stays.
func TestLowRankShareAndStart(t *testing.T) {
	env, err := (&bandit.Random{Prompts: 2, Responses: 8, Star: "dirichlet", Concentration: 1, Temperature: 1, Perturbation: 1}).Build(rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	for share, want := range map[float64]int{0.5: 3, 0.1: 1, 1: 7} {
		p, err := (&LowRankParams{Rank: 2, Share: share}).Build(env, rand.New(rand.NewPCG(1, 2)))
		if err != nil || len(p.Params()) != 2*want {
			t.Errorf("share %v: %d parameters, want %d, %v", share, len(p.Params()), 2*want, err)
		}
	}
	basis := [][]float64{{1, 0, 0, 0, 0, 0, 0, -1}}
	p, err := (&LowRankParams{Basis: basis, Start: []float64{3}}).Build(env, nil)
	if err != nil {
		t.Fatal(err)
	}
	logits := make([]float64, 8)
	for prompt := range env.Prompts {
		p.Logits(prompt, logits)
		if init := env.Prompts[prompt].Init; math.Abs(logits[0]-init[0]-3) > 1e-12 || math.Abs(logits[7]-init[7]+3) > 1e-12 || logits[1] != init[1] {
			t.Errorf("prompt %d: %v from %v", prompt, logits, init)
		}
	}
	if _, err := (&LowRankParams{Basis: basis, Start: []float64{3, 1}}).Build(env, nil); err == nil {
		t.Error("two coefficients for one vector")
	}
}
