package train

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/internal/gradcheck"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
)

// annotated has comparisons of two groups of annotators, of uneven size.
func annotated() *preference.Pairs {
	p := somePairs()
	p.Weight, p.Group = nil, []string{"b", "a", "b", "b", "a", "b", "b"}
	return p
}

// after returns the parameters, the weights and the losses of groups after training a tabular policy.
func after(t *testing.T, params Params, obj objective.Params, data *preference.Pairs) (theta, weights, losses []float64) {
	t.Helper()
	env := twoPrompts(nil, false)
	pol, err := (&policy.TabularParams{}).Build(env, nil)
	if err != nil {
		t.Fatal(err)
	}
	l := &Loop{Problem: NewProblem(env, pol, obj.Objective(), 0.01), Data: data, Params: params, Order: rand.New(rand.NewPCG(1, 2))}
	if _, err := l.Run(context.Background(), func(Record) {}); err != nil {
		t.Fatal(err)
	}
	_, losses, weights = l.Groups()
	return pol.Params(), weights, losses
}

// Every loss trained by groups that count by their share is the loss without groups, where it is a sum over comparisons; and with equal
// groups so are even weights.
func TestProportional(t *testing.T) {
	for _, params := range []objective.Params{&objective.DPO{Lambda: 0.5}, &objective.IPO{Lambda: 1}, &objective.TYPO{Lambda: 0.3}} {
		for _, size := range []int{0, 3} {
			plain := Params{Optimizer: &Adam{LR: 0.1, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}, Schedule: &Constant{}, Epochs: 5, BatchSize: size, Shuffle: true}
			grouped := plain
			grouped.Groups = &Proportional{}
			want, _, _ := after(t, plain, params, annotated())
			got, weights, _ := after(t, grouped, params, annotated())
			if !floats.EqualApprox(got, want, 1e-12) || !floats.EqualApprox(weights, []float64{2. / 7, 5. / 7}, 1e-15) {
				t.Errorf("%T, batches of %d: %v with weights %v, want %v", params, size, got, weights, want)
			}
		}
	}
}

// A step of robust and of importance weights is a step down the loss of comparisons that weigh as the papers have it.
func TestGroupWeights(t *testing.T) {
	dpo := &objective.DPO{Lambda: 0.7}
	train := Params{Optimizer: &SGD{LR: 0.3}, Schedule: &Constant{}, Epochs: 1}
	_, _, start := after(t, Params{Optimizer: &SGD{LR: 1e-300}, Schedule: &Constant{}, Epochs: 1, Groups: &Proportional{}}, dpo, annotated())
	even := math.Exp(2*0.5*start[0]) / (math.Exp(2*0.5*start[0]) + math.Exp(2*0.5*start[1])) // q of group a
	for _, tt := range []struct {
		name  string
		kind  GroupParams
		a, b  float64 // weights of single comparisons
		share []float64
	}{
		// w = 1/N_g over their sum: 5/7 and 2/7; a comparison counts w_g/n.
		{"importance", &Importance{}, 5. / 7 / 7, 2. / 7 / 7, []float64{5. / 7, 2. / 7}},
		{"robust", &Robust{Rate: 2, Mix: 0.5}, (0.25 + 0.5*even) / 2, (0.25 + 0.5*(1-even)) / 5, []float64{even, 1 - even}},
	} {
		train.Groups = tt.kind
		got, weights, _ := after(t, train, dpo, annotated())
		// The same step: weights are normalized in a list, so that the learning rate takes their sum.
		data := annotated()
		sum := 0.0
		for _, g := range data.Group {
			w := map[string]float64{"a": tt.a, "b": tt.b}[g]
			data.Weight, sum = append(data.Weight, w), sum+w
		}
		floats.Scale(1/sum, data.Weight)
		env := twoPrompts(nil, false)
		pol, _ := (&policy.TabularParams{}).Build(env, nil)
		p, grad := NewProblem(env, pol, dpo.Objective(), 0), make([]float64, 6)
		p.AddGrad(Full(data, p), grad)
		for i, v := range pol.Params() {
			if want := v - 0.3*(sum*grad[i]+2*0.01*v); math.Abs(got[i]-want) > 1e-14 {
				t.Errorf("%s: parameter %d is %v, want %v", tt.name, i, got[i], want)
			}
		}
		if !floats.EqualApprox(weights, tt.share, 1e-14) {
			t.Errorf("%s: weights %v, want %v", tt.name, weights, tt.share)
		}
	}
}

// Robust training ends nearer to equal losses than plain training, and weights stay finite after losses without bound.
func TestRobust(t *testing.T) {
	params := Params{Optimizer: &SGD{LR: 0.05}, Schedule: &Constant{}, Epochs: 3000, Groups: &Proportional{}}
	ipo := &objective.IPO{Lambda: 1}
	_, _, plain := after(t, params, ipo, annotated())
	params.Groups = &Robust{Rate: 0.1, Mix: 1}
	_, _, robust := after(t, params, ipo, annotated())
	if !(slices.Max(robust) < slices.Max(plain) && math.Abs(robust[0]-robust[1]) < 0.1*math.Abs(plain[0]-plain[1])) {
		t.Errorf("worst group: %v with robust weights, %v without", robust, plain)
	}
	w, factor := (&Robust{Rate: 1e6, Mix: 1}).Weights([]float64{1, 2}), make([]float64, 2)
	for range 10 {
		w.Weigh([]float64{1e300, 1}, []float64{0.5, 0.5}, factor)
	}
	if !slices.Equal(w.Now(), []float64{1, 0}) || !slices.Equal(factor, []float64{1, 0}) {
		t.Errorf("weights %v, factors %v", w.Now(), factor)
	}
}

// Hessians of losses of every family are differences of gradients, and Newton's method finds IPO's minimum in one step.
func TestHessian(t *testing.T) {
	env := twoPrompts([][]float64{{0.5, -1}, {1.5, 0.25}}, false)
	for _, params := range []objective.Params{&objective.DPO{Lambda: 0.5}, &objective.NCA{Lambda: 0.4}, &objective.TYPO{Lambda: 0.3}, &objective.RLHF{Lambda: 0.2}} {
		for _, kind := range []policy.Params{&policy.TabularParams{}, &policy.LinearParams{}, &policy.LogLinearParams{Features: []string{"a*x1", "cos(a)*x2"}, Start: []float64{0.3, 0.1}}} {
			pol, err := kind.Build(env, nil)
			if err != nil {
				t.Fatal(err)
			}
			l := &Loop{Problem: NewProblem(env, pol, params.Objective(), 0.1), Params: Params{Optimizer: &Newton{LR: 1}, Groups: &Importance{}}}
			task := newComparisons(l, annotated())
			b := Batch{Items: upTo(7)}
			gradient := func(theta []float64) []float64 {
				copy(pol.Params(), theta)
				g, _, _ := task.Gradient(b)
				return slices.Clone(g)
			}
			theta := slices.Clone(pol.Params())
			gradient(theta)
			hess := task.Hessian()
			for i := range theta {
				want := gradcheck.Gradient(func(x []float64) float64 { return gradient(x)[i] }, theta)
				for j, v := range want {
					if got := hess.At(i, j); math.Abs(got-v) > 1e-7 {
						t.Errorf("%T of %T: second derivative %d, %d is %v, want %v", params, kind, i, j, got, v)
					}
				}
			}
		}
	}
	newton := Params{Optimizer: &Newton{LR: 1}, Schedule: &Constant{}, Epochs: 1}
	one, _, _ := after(t, newton, &objective.IPO{Lambda: 1}, annotated())
	newton.Epochs = 2
	if two, _, _ := after(t, newton, &objective.IPO{Lambda: 1}, annotated()); !floats.EqualApprox(one, two, 1e-12) {
		t.Errorf("%v after one step, %v after two", one, two)
	}
}

// A step of groups allocates nothing once batches have been seen.
func TestGroupsAllocateNothing(t *testing.T) {
	env := twoPrompts(nil, false)
	pol, _ := (&policy.TabularParams{}).Build(env, nil)
	o := &SGD{LR: 0.1}
	l := &Loop{Problem: NewProblem(env, pol, (&objective.DPO{Lambda: 1}).Objective(), 0.1), Params: Params{Optimizer: o, Groups: &Robust{Rate: 0.1, Mix: 1}}}
	task, optimizer, items := newComparisons(l, annotated()), o.Optimizer(6), upTo(7)
	step := func() {
		g, _, _ := task.Gradient(Batch{Items: items, Number: -1})
		optimizer.Step(task.Params(), g, 1)
	}
	step()
	if n := testing.AllocsPerRun(20, step); n > 0 {
		t.Errorf("%v allocations a step", n)
	}
}
