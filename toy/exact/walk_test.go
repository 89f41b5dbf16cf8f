package exact

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
)

// TestPowersOfTwo checks that a loss, and its penalty, times a power of two, which no digit notices, is solved in the same steps to the same
// bits: every bound that the solver sets is relative to the loss.
func TestPowersOfTwo(t *testing.T) {
	e := random(rand.New(rand.NewPCG(21, 4)), 4, 1)
	losses := everyLoss(0.7)
	losses["formula"] = &objective.Custom{Lambda: 0.7, Pair: "softplus(-lambda*u) + 0.1*square(c)"}
	losses["held"] = &objective.Custom{Lambda: 0.7, Pair: "-stopgrad(sigmoid(-lambda*u))*logsigmoid(lambda*u) + 0.01*square(c)"}
	check := func(what string, factor float64, p Problem, kind policy.Params, loss objective.Params) {
		t.Helper()
		p.Policy = build(t, p.Env, kind)
		once := solve(t, p, loss)
		p.Policy, p.L2 = build(t, p.Env, kind), factor*p.L2
		s := solve(t, p, weigh(factor, loss))
		// How long a loss that falls for ever is searched depends on where its derivatives underflow.
		if s.Status != once.Status || s.Iterations != once.Iterations && s.Status != train.Diverged || !slices.Equal(s.Policy[0], once.Policy[0]) ||
			s.Loss != factor*once.Loss && !math.IsNaN(s.Loss) {
			t.Errorf("%s: %s after %d steps at %v, loss %v; times %g %s after %d at %v, loss %v", what, once.Status, once.Iterations, once.Policy[0],
				once.Loss, factor, s.Status, s.Iterations, s.Policy[0], s.Loss)
		}
	}
	lowRank := &policy.LowRankParams{Basis: [][]float64{{0, 1, -1, 1}, {1, 0, 0, 2}}}
	for name, loss := range losses {
		for i, l2 := range []float64{0, 0.125} {
			if loss.Objective().Moving == nil || l2 == 0 {
				check(fmt.Sprintf("%s, l2 %g", name, l2), []float64{0x1p-20, 0x1p20}[i], Problem{Env: e, Pairs: population(e), L2: l2}, &policy.TabularParams{}, loss)
			}
			if loss.Objective().Moving == nil {
				check(fmt.Sprintf("%s, low rank, l2 %g", name, l2), []float64{0x1p20, 0x1p-20}[i], Problem{Env: e, Pairs: population(e), L2: l2}, lowRank, loss)
			}
		}
		for of, data := range comparisons {
			// The weights of the comparisons, as where another prompt has most of them.
			three := newBench(t, loss, data).env
			few := *data
			few.Weight = floats.ScaleTo(make([]float64, data.Len()), 0x1p-40, data.Weight)
			once, s := solve(t, Problem{Env: three, Pairs: data}, loss), solve(t, Problem{Env: three, Pairs: &few}, loss)
			if s.Status != once.Status || (s.Policy[0] == nil) != (once.Policy[0] == nil) ||
				s.Policy[0] != nil && distance(s.Policy[0], once.Policy[0]) > 1e-9 {
				t.Errorf("%s, %s: %s at %v, with little weight %s at %v", name, of, once.Status, once.Policy[0], s.Status, s.Policy[0])
			}
		}
	}
}

// TestQuasiNewton checks BFGS on a quadratic loss, IPO's, on which it takes hardly more steps than there are parameters, and at a kink, where no
// gradient is small: there it knows a minimum, of the points beside it that they are none.
func TestQuasiNewton(t *testing.T) {
	// A chain of comparisons both ways, each link a third as heavy as the one before: the margins are (won - lost)/(won + lost)/(2 lambda).
	e, data := env([][]float64{{1, 1, 1, 1, 1, 1}}, [][]float64{{1, 1, 1, 1, 1, 1}}), &preference.Pairs{}
	for k := range 5 {
		data.Prompt, data.Chosen, data.Rejected = append(data.Prompt, 0, 0), append(data.Chosen, k, k+1), append(data.Rejected, k+1, k)
		data.Weight = append(data.Weight, 0.75*math.Pow(3, -float64(k)), 0.25*math.Pow(3, -float64(k)))
	}
	p := Problem{Env: e, Pairs: data}
	s := taken(t, &p, &objective.IPO{Lambda: 0.1})
	l := newLossFunction(s.problem.Objective, s.tasks[0])
	d, err := s.quasiNewton(l, make([]float64, 6), 10)
	if err != nil || !d.converged || d.iterations < 1 || d.iterations > 25 {
		t.Errorf("%d steps to a gradient of %g: %v", d.iterations, floats.Norm(d.at.grad, 2), err)
	}
	for k := range 5 {
		if margin := d.at.theta[k] - d.at.theta[k+1]; math.Abs(margin-2.5) > 1e-8 {
			t.Errorf("margin %d is %v, want 2.5", k, margin)
		}
	}
	q := &bfgs{l: l, at: l.newPoint(make([]float64, 6)), next: l.newPoint(make([]float64, 6)), inverse: mat.NewDense(6, 6, nil), unit: 1}
	l.slope(q.at)
	for i := range 6 {
		q.inverse.Set(i, i, 1e-3) // so that it takes long
	}
	for i := range 40 {
		// Once a step no longer falls rounding is left.
		before := q.at
		if loss := before.loss; !q.step() || q.at.loss > loss {
			break
		}
		if n := len(q.seen); n != min(i+1, 14) || !slices.Equal(q.seen[n-1][0], before.theta) {
			t.Errorf("after %d steps %d points are kept, want the last 14", i+1, n)
		}
	}
	// A hinge loss of the chain is least where every link's margin is 1, on five kinks at once.
	hinge := newLossFunction((&objective.Hinge{Lambda: 1}).Objective(), s.tasks[0])
	for margin, want := range map[float64]bool{1: true, 0.9: false} {
		q := &bfgs{l: hinge, at: hinge.newPoint([]float64{4 + margin, 4, 3, 2, 1, 0}), next: hinge.newPoint(make([]float64, 6)), unit: 1}
		if hinge.slope(q.at); q.hull(hullShare) != want {
			t.Errorf("a chain whose first margin is %g: least %v", margin, !want)
		}
	}
	one := &task{logRef: []float64{0, 0}, chosen: []int{0}, rejected: []int{1}, weight: []float64{1}}
	beyond := newLossFunction((&objective.Hinge{Lambda: 1}).Objective(), one)
	level := &bfgs{l: beyond, at: beyond.newPoint([]float64{2, 0}), next: beyond.newPoint([]float64{2, 0}), unit: 1}
	if beyond.slope(level.at); !level.hull(0) {
		t.Error("where the loss is level it is not least")
	}
	two := env([][]float64{{0.7, 0.3}}, [][]float64{{0.5, 0.5}})
	for _, lambda := range []float64{0.1, 1, 10} {
		p := Problem{Env: two, Pairs: population(two)}
		s := taken(t, &p, &objective.Custom{Lambda: lambda, Pair: "relu(1 - lambda*u)"})
		l := newLossFunction(s.problem.Objective, s.tasks[0])
		for margin, want := range map[float64]bool{1: true, 0.999: false, 1.001: false, -1: false, 0: false, // 0.7 max(0, 1-z) + 0.3 max(0, 1+z)
			1 - near/2: true, 1 + near/2: true, 1 - 1.2*near: false, 1 + 1.3*near: false, 1 - 3*near: false, 1 + 3*near: false} {
			at := []float64{margin / lambda, 0}
			q := &bfgs{l: l, at: l.newPoint(at), next: l.newPoint(at), unit: 1 / lambda}
			l.slope(q.at)
			// Across the kink a gradient was met that is taken together with this one only if it is near.
			across := l.newPoint([]float64{(2 - margin) / lambda, 0})
			l.slope(across)
			for _, seen := range [][][2][]float64{nil, {{across.theta, across.grad}}} {
				if q.seen = seen; q.hull(hullShare*lambda) != want {
					t.Errorf("lambda %g, at a margin of %g, %d seen: least %v", lambda, margin, len(seen), !want)
				}
			}
		}
		d, err := s.quasiNewton(l, make([]float64, 2), 1/lambda)
		if margin := lambda * (d.at.theta[0] - d.at.theta[1]); err != nil || !d.converged || math.Abs(margin-1) > 1e-6 || d.iterations > 80 {
			t.Errorf("lambda %g: a margin of %v after %d steps, %v", lambda, margin, d.iterations, err)
		}
	}
}

// TestLineSearch checks the weak Wolfe conditions that a step meets, from points near and far along directions short and long.
func TestLineSearch(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	e := random(rng, 4, 1)
	p := Problem{Env: e, Pairs: population(e)}
	for _, loss := range []objective.Params{&objective.DPO{Lambda: 1}, &objective.IPO{Lambda: 1}, &objective.TYPO{Lambda: 1},
		&objective.DPOPositive{Lambda: 1, Penalty: 50}} {
		s := taken(t, &p, loss)
		l := newLossFunction(s.problem.Objective, s.tasks[0])
		for i := range 60 {
			at := normal(rng, 4, 2)
			q := &bfgs{l: l, at: l.newPoint(at), next: l.newPoint(at)}
			l.slope(q.at)
			dir := floats.ScaleTo(make([]float64, 4), -math.Pow(10, float64(i%9-4)), q.at.grad)
			along := floats.Dot(dir, q.at.grad)
			if !q.search(dir, along) {
				t.Fatalf("%T: no step from %v", loss, at)
			}
			size := (q.next.theta[0] - at[0]) / dir[0]
			if fall := q.next.loss - q.at.loss; !(fall < sufficientFall*size*along*(1-1e-9)) {
				t.Errorf("%T: a step of %g lowers the loss by %g, at a slope of %g", loss, size, -fall, along)
			}
			if slope := floats.Dot(q.next.grad, dir); slope < weakCurvature*along {
				t.Errorf("%T: after a step of %g the slope is %g of %g", loss, size, slope, along)
			}
		}
	}
}

// TestLineSearchEnds checks a line search on which the conditions hold with equality, which it takes, and on which they hold nowhere: a loss that
// falls for ever is followed as long as there are steps, and along one that rises there is none.
func TestLineSearchEnds(t *testing.T) {
	p := Problem{Env: env([][]float64{{1, 1}}, [][]float64{{1, 1}}), Pairs: pairs([3]int{0, 1, 1})}
	for _, c := range []struct {
		name string
		loss objective.Params
		dir  []float64
		size float64 // 0 is none
	}{
		{"half the slope is left", &objective.IPO{Lambda: 1}, []float64{0.125, -0.125}, 1}, // (z - 1/2)^2, from z = 0 to 1/4
		{"more than half is left", &objective.IPO{Lambda: 1}, []float64{0.0625, -0.0625}, 2},
		{"the minimum", &objective.IPO{Lambda: 1}, []float64{0.25, -0.25}, 1},
		{"to where the loss is as before", &objective.IPO{Lambda: 1}, []float64{0.5, -0.5}, 0.5},
		{"for ever", &objective.Custom{Lambda: 1, Pair: "-lambda*u"}, []float64{1, -1}, 0x1p39},
		{"up", &objective.Custom{Lambda: 1, Pair: "-lambda*u"}, []float64{-1, 1}, 0},
	} {
		s := taken(t, &p, c.loss)
		l := newLossFunction(s.problem.Objective, s.tasks[0])
		q := &bfgs{l: l, at: l.newPoint([]float64{0, 0}), next: l.newPoint([]float64{0, 0})}
		l.slope(q.at)
		found := q.search(c.dir, -math.Abs(floats.Dot(c.dir, q.at.grad)))
		if size := q.next.theta[0] / c.dir[0]; found != (c.size > 0) || size != c.size {
			t.Errorf("%s: found %v, a step of %v, want %v", c.name, found, size, c.size)
		}
	}
	s := taken(t, &p, &objective.Custom{Lambda: 1e-6, Pair: "-lambda*u"})
	d, err := s.quasiNewton(newLossFunction(s.problem.Objective, s.tasks[0]), []float64{0, 0}, 1)
	if err != nil || d.converged || d.iterations != searchSteps {
		t.Errorf("where the loss falls for ever a search of %d steps comes to rest %v: %v", d.iterations, d.converged, err)
	}
}

// TestStep checks a step of Newton's: no logit goes farther than the radius against another, which doubles where it binds, the loss falls by
// Armijo's rule, and the full step is taken where that is so.
func TestStep(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	e := random(rng, 4, 1)
	p := Problem{Env: e, Pairs: population(e)}
	s := taken(t, &p, &objective.IPO{Lambda: 1})
	l := newLossFunction(s.problem.Objective, s.tasks[0])
	for i := range 60 {
		cur := l.newPoint(normal(rng, 4, 2))
		l.evaluate(cur)
		next, w := l.newPoint(cur.theta), newWorkspace(l, []float64{0.5, 1e3}[i%2])
		if _, ok := w.direction(cur); !ok {
			t.Fatal("no direction")
		}
		// Of the step to the minimum of the quadratic, which twice as far is as high as here: Armijo's rule ends before.
		size := []float64{0.1, 1, 1.9995, 1.9999, 3}[i/2%5]
		floats.Scale(size, w.dir)
		span, radius, slope := slices.Max(w.dir)-slices.Min(w.dir), w.radius, floats.Dot(w.dir, cur.grad)
		full, ok := w.step(cur, next)
		taken := (next.theta[0] - next.theta[1] - cur.theta[0] + cur.theta[1]) / (w.dir[0] - w.dir[1])
		if want := span <= radius && size < 1.9998; !ok || full != want || math.Abs(taken-1) < 1e-9 != want {
			t.Errorf("%g of the step, which spans %g, within %g: full %v, a share of %g", size, span, radius, full, taken)
		}
		if taken*span > radius*(1+1e-9) || next.loss > cur.loss+1e-4*taken*slope+1e-12 {
			t.Errorf("a share of %g spans %g, within %g, and the loss goes from %v to %v", taken, taken*span, radius, cur.loss, next.loss)
		}
		if span > radius && taken*size < 1.9998 && math.Abs(taken*span-radius) < 1e-9 && w.radius != 2*radius {
			t.Errorf("the radius %g binds and becomes %g", radius, w.radius)
		}
		if full && w.radius != radius {
			t.Errorf("after a full step the radius %g becomes %g", radius, w.radius)
		}
	}
}

// TestCrawls checks that Newton's method is soon given up where the minimum lies at a kink, before which ever shorter steps lower the loss.
func TestCrawls(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for _, k := range []int{2, 3, 5} {
		p := Problem{Env: random(rng, k, 1)}
		p.Pairs = population(p.Env)
		for _, lambda := range []float64{0.01, 1, 100} {
			s := taken(t, &p, &objective.Custom{Lambda: lambda, Pair: "relu(1-lambda*u)+0.1*(lambda*u)^2"})
			l := newLossFunction(s.problem.Objective, s.tasks[0])
			if d, err := s.stationaryFrom(l, make([]float64, k), s.unit(l), idleLimit); err != nil || d.converged || d.iterations > 60 {
				t.Errorf("%d responses, lambda %g: converged %v after %d steps, %v", k, lambda, d.converged, d.iterations, err)
			}
		}
	}
}

// TestFollow checks a walk along the gradient at several lambdas: to the minimizer in few steps, as Newton's method in the end; and off, where
// a response never lost, by many units and without coming to rest.
func TestFollow(t *testing.T) {
	e := env([][]float64{star3}, [][]float64{ref3})
	for _, lambda := range []float64{0.01, 1, 100} {
		for name, loss := range map[string]objective.Params{"dpo": &objective.DPO{Lambda: lambda}, "ipo": &objective.IPO{Lambda: lambda}} {
			for off, data := range map[bool]*preference.Pairs{false: population(e), true: pairs([3]int{0, 1, 3}, [3]int{1, 2, 1}, [3]int{2, 1, 1})} {
				p := Problem{Env: e, Pairs: data}
				s := taken(t, &p, loss)
				whole := s.over(p.Policy.Blocks()[0])
				moving, _ := split(whole.contrasts(func(*task) bool { return true }, false))
				l := whole.compose(moving, whole.start)
				unit := s.unit(l)
				if off && name == "ipo" {
					continue
				}
				d, err := s.follow(l, make([]float64, l.dim), unit)
				if err != nil {
					t.Fatal(err)
				}
				gone := floats.Norm(d.at.theta, math.Inf(1)) / unit
				if off {
					if d.converged || !d.unresolved || gone < 10 {
						t.Errorf("%s at %g runs off: converged %v, unresolved %v, %g units away", name, lambda, d.converged, d.unresolved, gone)
					}
					continue
				}
				want := solve(t, Problem{Env: e, Pairs: data}, loss)
				if !d.converged || d.unresolved || d.iterations < 1 || d.iterations > 10 || distance(d.at.logp[0], want.Policy[0]) > 1e-9 {
					t.Errorf("%s at %g: converged %v, unresolved %v after %d steps, off by %g", name, lambda, d.converged, d.unresolved, d.iterations,
						distance(d.at.logp[0], want.Policy[0]))
				}
			}
		}
	}
}

// TestPulled checks where slopes that are next to nothing still pull, at any lambda and in any unit of the loss: far out where the loss levels out,
// by one response or by a group whose own slopes cancel, and at the second of two prompts; not at a minimum, where a slope does not get less, or
// where the loss or a penalty sees more than differences.
func TestPulled(t *testing.T) {
	four := []float64{1, 1, 1, 1}
	log3, one, both := math.Log(3), pairs([3]int{0, 1, 1}), pairs([3]int{0, 1, 3}, [3]int{1, 0, 1}, [3]int{2, 3, 3}, [3]int{3, 2, 1})
	groups := pairs([3]int{0, 2, 1}, [3]int{0, 1, 3}, [3]int{1, 0, 1}, [3]int{2, 3, 3}, [3]int{3, 2, 1})
	free, far := &policy.TabularParams{}, []float64{40, 0, 0, 0}
	second := pairs([3]int{0, 1, 3}, [3]int{1, 0, 1}, [3]int{0, 1, 1})
	second.Prompt[4] = 1
	for _, lambda := range []float64{0.01, 1, 100} {
		dpo := &objective.DPO{Lambda: lambda}
		for _, c := range []struct {
			name  string
			data  *preference.Pairs
			loss  objective.Params
			class policy.Params
			at    []float64 // times lambda
			l2    float64
			want  bool
		}{
			{"far out", one, dpo, free, far, 0, true},
			{"far out in a class", one, dpo, &policy.LowRankParams{Basis: [][]float64{{0, 0, 1, 0}, {1, -1, 0, 0}}}, []float64{0, 20}, 0, true},
			{"far out beside a penalty", one, dpo, free, far, 0.1, false},
			{"at the minimum", both, dpo, free, []float64{log3, 0, log3, 0}, 0, false},
			{"at the minimum of a class", both, dpo, &policy.LowRankParams{Basis: [][]float64{{0, 0, 1, -1}, {1, -1, 0, 0}}},
				[]float64{log3 / 2, log3 / 2}, 0, false},
			{"where half of the slopes cancel", pairs([3]int{0, 1, 29}, [3]int{1, 0, 10}), dpo, free, make([]float64, 4), 0, false},
			{"a group far out", groups, dpo, free, []float64{40 + log3, 40, log3, 0}, 0, true},
			{"the second prompt", second, dpo, free, []float64{log3, 0, 0, 0, 40, 0, 0, 0}, 0, true},
			{"a slope that stays", one, &objective.Custom{Lambda: lambda, Pair: "-lambda*u"}, free, far, 0, false},
			{"to where it is level", one, &objective.Hinge{Lambda: lambda}, free, []float64{0.5, 0, 0, 0}, 0, false},
			{"single responses", one, &objective.NCA{Lambda: lambda}, free, far, 0, false},
		} {
			for _, factor := range []float64{1e-12, 1, 1e12} {
				e := env([][]float64{four, four}[:1+slices.Max(c.data.Prompt)], [][]float64{four, four})
				p := Problem{Env: e, Pairs: c.data, Policy: build(t, e, c.class), L2: c.l2}
				s := taken(t, &p, weigh(factor, c.loss))
				l := s.over(policy.Block{Dim: len(s.start), Prompts: all(len(s.tasks))})
				at := l.newPoint(floats.ScaleTo(make([]float64, l.dim), 1/lambda, c.at))
				if got := l.pulled(at, 1/lambda, c.class == free); got != c.want {
					t.Errorf("%s, lambda %g, times %g: pulled %v", c.name, lambda, factor, got)
				}
			}
		}
	}
}

// TestFollowTimesFactor checks that a walk along the gradient of a loss times a power of two, which no digit notices, takes the same steps, to a
// minimum, off or to a kink, where it ends; of a hinge loss, at a kink of which no probability says that it has arrived, also at another lambda.
func TestFollowTimesFactor(t *testing.T) {
	e, ends := env([][]float64{star3}, [][]float64{ref3}), map[string]*descent{}
	for _, lambda := range []float64{0x1p-7, 1, 0x1p7} {
		for name, loss := range map[string]objective.Params{"dpo": &objective.DPO{Lambda: lambda}, "hinge": &objective.Hinge{Lambda: lambda},
			"dpo-positive": &objective.DPOPositive{Lambda: lambda, Penalty: 50}} {
			for of, data := range comparisons {
				for _, factor := range []float64{1, 0x1p-80, 0x1p80} {
					p := Problem{Env: e, Pairs: data}
					s := taken(t, &p, weigh(factor, loss))
					whole := s.over(p.Policy.Blocks()[0])
					moving, _ := split(whole.contrasts(func(*task) bool { return true }, false))
					l := whole.compose(moving, whole.start)
					d, err := s.follow(l, make([]float64, l.dim), 1/lambda)
					if err != nil {
						t.Fatal(err)
					}
					floats.Scale(lambda, d.at.theta)
					key := name + of
					if name != "hinge" {
						key += fmt.Sprint(lambda)
					}
					if ends[key] == nil {
						ends[key] = d
					}
					if one := ends[key]; d.iterations != one.iterations || d.converged != one.converged || !slices.Equal(d.at.theta, one.at.theta) {
						t.Errorf("%s at %g, %s, times %g: %d steps to %v, else %d to %v", name, lambda, of, factor, d.iterations, d.at.theta,
							one.iterations, one.at.theta)
					}
				}
			}
		}
	}
}

// TestNoComparisonOfOnePrompt checks, in a class that prompts share, a prompt without comparisons, which a loss of the whole policy does not see
// either: its policies are nearest to pi_ref.
func TestNoComparisonOfOnePrompt(t *testing.T) {
	e := threePrompts()
	data := pairs([3]int{0, 1, 3}, [3]int{1, 0, 1}, [3]int{2, 3, 1}, [3]int{3, 1, 1})
	pol := build(t, e, &policy.LinearParams{})
	s := solve(t, Problem{Env: e, Pairs: data, Policy: pol}, &objective.TYPO{Lambda: 0.5})
	if s.Status != NotUnique {
		t.Fatalf("%s: %s", s.Status, s.Reason)
	}
	one := *e
	one.Prompts = e.Prompts[:1]
	if alone := solve(t, Problem{Env: &one, Pairs: data}, &objective.TYPO{Lambda: 0.5}); distance(alone.Policy[0], s.Policy[0]) > 1e-9 {
		t.Errorf("the compared prompt is off by %g", distance(alone.Policy[0], s.Policy[0]))
	}
	// The second feature's weights alone move the others.
	spread := func(by []float64) (sum float64) { // KL(pi_ref to pi) over the two others, up to a constant
		for x := 1; x < 3; x++ {
			logits := make([]float64, 4)
			pol.Logits(x, logits)
			floats.AddScaled(logits, e.Prompts[x].Features[1], by)
			sum += logspace.LogSumExp(logits) - floats.Sum(logits)/4
		}
		return sum
	}
	rng, least := rand.New(rand.NewPCG(1, 1)), spread(make([]float64, 4))
	for range 50 {
		if v := spread(normal(rng, 4, 0.1)); v < least {
			t.Errorf("pi_ref is %g nearer elsewhere", least-v)
		}
	}
}

// TestCommonOffset checks that a constant on all logits at the start costs no digits of the parameters, which are in proportion to 1/lambda, however
// large lambda is.
func TestCommonOffset(t *testing.T) {
	e := env([][]float64{star3}, [][]float64{{1, 1, 1}})
	first := 0.0
	for i, c := range [][2]float64{{0, 1}, {0, 1e12}, {1 << 20, 1e6}} {
		for k := range e.Prompts[0].Init {
			e.Prompts[0].Init[k] = c[0]
		}
		p := build(t, e, &policy.LowRankParams{Basis: [][]float64{{0, 1, -1}}})
		if s := solve(t, Problem{Env: e, Pairs: population(e), Policy: p}, &objective.DPO{Lambda: c[1]}); s.Status != train.Converged {
			t.Fatalf("%s: %s", s.Status, s.Reason)
		}
		scaled := c[1] * p.Params()[0]
		if i == 0 {
			first = scaled
		}
		if math.Abs(scaled-first) > 1e-9*math.Abs(first) {
			t.Errorf("offset %g, lambda %g: lambda times the parameter is %v, want %v", c[0], c[1], scaled, first)
		}
	}
}

// TestCoupledRunsOff checks losses that couple comparisons where each prompt's responses never lose: at any lambda margins run off, in a class as well.
func TestCoupledRunsOff(t *testing.T) {
	e := env([][]float64{{1, 1, 1}, {1, 1, 1}}, [][]float64{ref3, {1, 2, 3}})
	data := &preference.Pairs{Prompt: []int{0, 0, 1}, Chosen: []int{0, 1, 2}, Rejected: []int{1, 2, 0}}
	for _, lambda := range []float64{0.01, 1, 100} {
		for _, loss := range []objective.Params{&objective.AOT{Lambda: lambda}, &objective.AOTUnpaired{Lambda: lambda}} {
			for _, kind := range []policy.Params{&policy.TabularParams{}, &policy.LowRankParams{Basis: [][]float64{{1, 0, -1}}}} {
				d := data
				if _, tabular := kind.(*policy.TabularParams); !tabular {
					d = &preference.Pairs{Prompt: []int{0, 0, 1}, Chosen: []int{0, 1, 0}, Rejected: []int{1, 2, 2}}
				}
				if s := solve(t, Problem{Env: e, Pairs: d, Policy: build(t, e, kind)}, loss); s.Status != train.Diverged {
					t.Errorf("%T at %g, %T: %s, %s", loss, lambda, kind, s.Status, s.Reason)
				}
			}
		}
	}
}

// TestFrom checks which of the caller's policies are starts for a prompt: those that have it, with its number of responses, and probability 0 as a
// number.
func TestFrom(t *testing.T) {
	e := env([][]float64{star3, star3}, [][]float64{ref3, ref3})
	p := Problem{Env: e, Pairs: population(e), From: [][][]float64{
		{{1, 2, 3}, {4, 5, 6}}, {{7, 8, 9}}, {{1, 2}, {3, 4}}, {{1, 1, 1}, {math.Inf(-1), 0, -2e6}},
	}}
	s := taken(t, &p, &objective.DPO{Lambda: 1})
	for x, want := range [][][]float64{{{1, 2, 3}, {7, 8, 9}, {1, 1, 1}}, {{4, 5, 6}, {-1e6, 0, -1e6}}} {
		if got := s.from(s.tasks[x]); !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("prompt %d: %v, want %v", x, got, want)
		}
	}
}

// TestSharedLink checks which margins share a link: the identity, whatever their reference, and one link under one reference.
func TestSharedLink(t *testing.T) {
	p := Problem{Env: env([][]float64{star3}, [][]float64{ref3})}
	js := taken(t, &p, &objective.FDPO{Lambda: 1, Divergence: "js"}).terms.parts[0]
	forward := taken(t, &p, &objective.FDPO{Lambda: 1, Divergence: "forward_kl"}).terms.parts[0]
	plain := taken(t, &p, &objective.DPO{Lambda: 1}).terms.parts[0]
	bare, freeJS := plain, js
	bare.ReferenceFree, freeJS.ReferenceFree = true, true
	for _, c := range []struct {
		parts  []part
		shared bool
	}{{nil, true}, {[]part{js}, true}, {[]part{js, js}, true}, {[]part{plain, plain}, true}, {[]part{plain, bare}, true}, {[]part{bare, plain}, true},
		{[]part{js, forward}, false}, {[]part{plain, js}, false}, {[]part{js, plain}, false}, {[]part{js, freeJS}, false}, {[]part{freeJS, freeJS}, true}} {
		if _, shared := (&terms{parts: c.parts}).link(); shared != c.shared {
			t.Errorf("%+v: shared %v", c.parts, shared)
		}
	}
}
