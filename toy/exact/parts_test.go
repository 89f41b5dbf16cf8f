package exact

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
)

// taken returns a loss of a problem taken apart, as Solve does.
func taken(t testing.TB, p *Problem, loss objective.Params) *solver {
	t.Helper()
	p.Objective = loss.Objective()
	if p.Policy == nil {
		p.Policy = build(t, p.Env, &policy.TabularParams{})
	}
	inner := *p
	inner.Objective, _ = potential(p.Objective)
	kinds, err := classify(inner.Objective)
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSolver(t.Context(), &inner, kinds)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// normal returns n normal numbers.
func normal(rng *rand.Rand, n int, size float64) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = size * rng.NormFloat64()
	}
	return v
}

// TestDerivatives holds the loss, its gradient and its second derivatives, as the solver computes them over blocks of parameters, against
// those that training follows and against differences of the gradient, away from the start.
func TestDerivatives(t *testing.T) {
	rng := rand.New(rand.NewPCG(12, 8))
	two := env([][]float64{{5, 3, 2}, {1, 2, 4}}, [][]float64{{1, 2, 3}, {3, 1, 1}})
	losses := everyLoss(0.7)
	losses["formula"] = &objective.Custom{Lambda: 0.7, Pair: "softplus(-lambda*u) - 0.1*c"}
	for name, loss := range losses {
		for class, problemOf := range map[string]func() Problem{
			"tabular": func() Problem { return Problem{Env: two, Pairs: population(two)} },
			"linear": func() Problem {
				e := threePrompts()
				return Problem{Env: e, Policy: build(t, e, &policy.LinearParams{})}
			},
			"low rank": func() Problem {
				return Problem{Env: two, Policy: build(t, two, &policy.LowRankParams{Basis: [][]float64{{0, 1, -1}}})}
			},
		} {
			if o := loss.Objective(); o.Moving != nil || name == "beta-dpo" || name == "alpha-dpo" || name == "dr-dpo" {
				continue // what training follows depends on the steps before, or on the whole batch
			}
			p := problemOf()
			p.Pairs, p.L2 = population(p.Env), 0.3
			s := taken(t, &p, loss)
			problem := train.NewProblem(p.Env, p.Policy, loss.Objective(), p.L2)
			full, theta := train.Full(p.Pairs, problem), p.Policy.Params()
			floats.Add(theta, normal(rng, len(theta), 1))
			gradient, total := make([]float64, len(theta)), 0.0
			problem.AddGrad(full, gradient)
			blocks := p.Policy.Blocks()
			if s.terms.together {
				blocks = []policy.Block{{Dim: len(theta), Prompts: all(len(s.tasks))}}
			}
			_, held := potential(loss.Objective())
			for _, b := range blocks {
				ways := []*lossFunction{s.over(b)}
				if !s.terms.together {
					ways = append(ways, s.lossOn(b))
				}
				for _, l := range ways {
					at := l.newPoint(theta[b.Offset : b.Offset+b.Dim])
					value := l.value(at)
					total += value / float64(len(ways))
					l.slope(at)
					if d := floats.Distance(at.grad, gradient[b.Offset:b.Offset+b.Dim], math.Inf(1)); d > 1e-12 || math.Abs(at.loss-value) > 1e-13 {
						t.Errorf("%s, %s: the gradient is %g from training's, the loss %v or %v", name, class, d, value, at.loss)
					}
					if !l.bends() || l.objective.Plays() {
						continue // a game's gradient is that of no function
					}
					slope := slices.Clone(at.grad)
					l.evaluate(at)
					if d := floats.Distance(at.grad, slope, math.Inf(1)); d > 1e-12 || math.Abs(at.loss-value) > 1e-13 {
						t.Errorf("%s, %s: with second derivatives the gradient is %g away, the loss %v, not %v", name, class, d, at.loss, value)
					}
					beside, turn := l.newPoint(at.theta), mat.NewDense(l.dim, l.dim, nil)
					l.turn(at, beside, 1e-6, turn)
					if d := floats.Distance(at.hess, turn.RawMatrix().Data, math.Inf(1)); d > 1e-4 {
						t.Errorf("%s, %s: second derivatives %v, differences %v", name, class, at.hess, turn.RawMatrix().Data)
					}
				}
			}
			if want := problem.Loss(full); !held && math.Abs(total-want) > 1e-12*max(1, want) {
				t.Errorf("%s, %s: the loss is %v, training's %v", name, class, total, want)
			}
		}
	}
}

// TestSeveralPrompts checks that prompts that share no parameters are solved as each by itself, unless a statistic is of all of them.
func TestSeveralPrompts(t *testing.T) {
	e := env([][]float64{{5, 3, 2}, {1, 2, 4}}, [][]float64{{1, 2, 3}, {3, 1, 1}})
	losses := everyLoss(0.7)
	losses["held"] = &objective.Custom{Lambda: 0.7, Pair: "-stopgrad(sigmoid(-lambda*u))*logsigmoid(lambda*u) + 0.01*square(c)"}
	for name, loss := range losses {
		for _, l2 := range []float64{0, 0.2} {
			p := Problem{Env: e, Pairs: population(e), L2: l2}
			if loss.Objective().Moving != nil || taken(t, &p, loss).terms.together {
				continue
			}
			both := solve(t, Problem{Env: e, Pairs: population(e), L2: l2}, loss)
			loudest := train.Converged
			for x := range e.Prompts {
				one := *e
				one.Prompts = e.Prompts[x : x+1]
				alone := solve(t, Problem{Env: &one, Pairs: population(&one), L2: 2 * l2}, loss)
				if graver(alone.Status, loudest) {
					loudest = alone.Status
				}
				if (alone.Policy[0] == nil) != (both.Policy[x] == nil) || alone.Policy[0] != nil && distance(alone.Policy[0], both.Policy[x]) > 1e-6 {
					t.Errorf("%s, l2 %g, prompt %d: alone %s at %v, beside another %v", name, l2, x, alone.Status, alone.Policy[0], both.Policy[x])
				}
			}
			if both.Status != loudest {
				t.Errorf("%s, l2 %g: %s, prompts alone at worst %s", name, l2, both.Status, loudest)
			}
		}
	}
}

// TestStopper checks when a descent has arrived: at the first full step that is small by both measures, or at the third in a row that is
// small and does not shrink by more than half.
func TestStopper(t *testing.T) {
	type step struct {
		change, relative float64
		newton, arrived  bool
		idle             int
	}
	for name, steps := range map[string][]step{
		"small":             {{probabilityStep, logStep, true, true, 1}},
		"far in policy":     {{2 * probabilityStep, logStep, true, false, 0}},
		"far in logarithms": {{probabilityStep, 2 * logStep, true, false, 1}},
		"shortened":         {{0, 0, false, false, 1}, {0, 0, false, false, 2}, {1, 0, false, false, 0}},
		"rounding": {{1, roundingStep, true, false, 0}, {1, roundingStep / 2, true, false, 0}, {1, roundingStep / 4, true, false, 0},
			{1, roundingStep / 4, true, true, 0}},
		"shrinking": {{1, roundingStep, true, false, 0}, {1, roundingStep / 3, true, false, 0}, {1, roundingStep / 9, true, false, 0},
			{1, roundingStep / 27, true, false, 0}, {1, roundingStep / 81, true, false, 0}},
		"coarse": {{1, 3 * roundingStep, true, false, 0}, {1, 2 * roundingStep, true, false, 0}, {1, 2 * roundingStep, true, false, 0},
			{1, 2 * roundingStep, true, false, 0}},
		"interrupted": {{1, roundingStep, true, false, 0}, {1, roundingStep, true, false, 0}, {1, roundingStep, true, false, 0}, {1, roundingStep, false, false, 0},
			{1, roundingStep, true, false, 0}, {1, roundingStep, true, false, 0}, {1, roundingStep, true, false, 0}, {1, roundingStep, true, true, 0}},
	} {
		s := stopper{last: math.Inf(1)}
		for i, at := range steps {
			if got := s.after(at.change, at.relative, at.newton); got != at.arrived || s.idle != at.idle {
				t.Errorf("%s, step %d: arrived %v, %d idle; want %v, %d", name, i, got, s.idle, at.arrived, at.idle)
			}
		}
	}
}

// TestCompare checks that log-probabilities are compared relative to themselves, and beyond 1 nat.
func TestCompare(t *testing.T) {
	at := func(logps ...float64) *point {
		p := &point{logp: [][]float64{logps}, pi: [][]float64{make([]float64, len(logps))}}
		for i, v := range logps {
			p.pi[0][i] = math.Exp(v)
		}
		return p
	}
	for _, c := range []struct {
		a, b             *point
		change, relative float64
	}{
		{at(-0.5, -100), at(-0.5, -101), 0, 0.01},
		{at(-0.5, -100), at(-0.25, -100), math.Exp(-0.25) - math.Exp(-0.5), 0.25},
		{at(-0.25, -4), at(-0.5, -4), math.Exp(-0.25) - math.Exp(-0.5), 0.25},
		{at(-4), at(-5), math.Exp(-4) - math.Exp(-5), 0.25},
	} {
		if change, relative := compare(c.a, c.b); math.Abs(change-c.change) > 1e-15 || math.Abs(relative-c.relative) > 1e-15 {
			t.Errorf("%v, %v: %v and %v, want %v and %v", c.a.logp, c.b.logp, change, relative, c.change, c.relative)
		}
	}
}

// TestShortest checks the conditions that the shortest vector of a convex hull meets, and it alone: it lies in the hull, so that in no
// direction it goes beyond all members, and no member lies nearer to the origin along it (Wolfe, theorem 2.1).
func TestShortest(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 3))
	for trial := range 300 {
		n, dim := 1+rng.IntN(7), 1+rng.IntN(4)
		shift := normal(rng, dim, []float64{0, 1, 4}[trial%3])
		vectors := make([][]float64, n)
		for i := range vectors {
			vectors[i] = normal(rng, dim, 1)
			floats.Add(vectors[i], shift)
		}
		x := shortest(vectors)
		size := floats.Dot(x, x)
		for _, v := range vectors {
			if d := floats.Dot(x, v); d < size-1e-8*max(size, 1e-6) {
				t.Fatalf("%v of %v: a member lies at %g along it, itself at %g", x, vectors, d, size)
			}
		}
		for range 50 {
			u := normal(rng, dim, 1)
			most := math.Inf(-1)
			for _, v := range vectors {
				most = max(most, floats.Dot(u, v))
			}
			if d := floats.Dot(u, x); d > most+1e-9 {
				t.Fatalf("%v of %v: outside the hull by %g", x, vectors, d-most)
			}
		}
	}
}

// TestNewtonDirection checks Newton's step against the equations that it solves, also where a constant added to all parameters changes nothing, and
// that a Hessian that is not positive definite is shifted to one under which the loss falls.
func TestNewtonDirection(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for trial := range 60 {
		n, floating := 2+trial%4, trial%2 == 0
		hess := mat.NewDense(n, n, nil)
		for range 3 * n {
			v := normal(rng, n, 1)
			if floating {
				center(v)
			}
			for i := range n {
				for j := range n {
					hess.Set(i, j, hess.At(i, j)+v[i]*v[j])
				}
			}
		}
		grad := normal(rng, n, 1)
		if floating {
			center(grad)
		}
		p := &point{theta: normal(rng, n, 3), grad: grad, hess: slices.Clone(hess.RawMatrix().Data)}
		before := slices.Clone(p.theta)
		w := newWorkspace(&lossFunction{dim: n, floating: floating}, 1)
		shifted, ok := w.direction(p)
		image := mat.NewVecDense(n, nil)
		image.MulVec(hess, mat.NewVecDense(n, w.dir))
		floats.Add(image.RawVector().Data, grad)
		if off := floats.Norm(image.RawVector().Data, 2); shifted || !ok || off > 1e-8 {
			t.Errorf("floating %v: shifted %v, found %v, misses its equation by %g", floating, shifted, ok, off)
		}
		if floating {
			top := floats.MaxIdx(p.theta)
			if p.theta[top] != 0 || w.dir[top] != 0 {
				t.Errorf("the largest of %v moves by %v", p.theta, w.dir[top])
			}
			largest := 0
			for i := range n {
				if hess.At(i, i) > hess.At(largest, largest) {
					largest = i
				}
			}
			if slices.Contains(w.moved, largest) || len(w.moved) != n-1 {
				t.Errorf("%v are solved for, %d has the largest curvature", w.moved, largest)
			}
		}
		for i := range before {
			if d := (p.theta[i] - p.theta[0]) - (before[i] - before[0]); math.Abs(d) > 1e-14 {
				t.Errorf("the point moved by %g", d)
			}
		}
		for i := range n {
			p.hess[i*n+i] -= 40
		}
		if shifted, ok := w.direction(p); !shifted || !ok || !(floats.Dot(w.dir, grad) < 0) {
			t.Errorf("not positive definite: shifted %v, found %v, slope %g", shifted, ok, floats.Dot(w.dir, grad))
		}
	}
}

// TestRoot checks roots at any size, and increasing functions without one.
func TestRoot(t *testing.T) {
	for _, want := range []float64{0, 1e-9, 0.3, -0.3, 1, -1, 1000.5, -1000.5, 1e100, -1e100} {
		if got, err := root(func(x float64) float64 { return x - want }); err != nil || math.Abs(got-want) > 1e-17+4e-16*math.Abs(want) {
			t.Errorf("%v, %v, want %v", got, err, want)
		}
	}
	for _, f := range []func(float64) float64{func(float64) float64 { return 1 }, func(float64) float64 { return -1 }} {
		if _, err := root(f); err == nil {
			t.Errorf("a root of %v everywhere", f(0))
		}
	}
}

// bent is a link with a second derivative above its first around one log-ratio.
type bent float64

func (b bent) Value(x, dst []float64) { copy(dst, x) }

func (b bent) Slope(x, dst []float64) {
	for i := range dst {
		dst[i] = 1
	}
}

func (b bent) Curve(x, dst []float64) {
	for i, v := range x {
		dst[i] = 1
		if v == float64(b) {
			dst[i] = 1 + 1e-9
		}
	}
}

// TestConvexRatio checks which links leave r a convex function of link(log r): those whose second derivative is nowhere above the first. For
// the alpha divergence, (r^(alpha-1) - 1)/(alpha-1), r is a power of t that is at least 1 for 1 < alpha <= 2, an exponential for 1.
func TestConvexRatio(t *testing.T) {
	for alpha, want := range map[float64]bool{0.5: true, 1.3: true, 2: true, 2.1: false, 3: false} {
		s := taken(t, &Problem{Env: env([][]float64{star3}, [][]float64{ref3})}, &objective.FDPO{Lambda: 1, Divergence: "alpha", Alpha: alpha})
		if got := convexRatio(s.terms.only.Link); got != want {
			t.Errorf("alpha %g: %v", alpha, got)
		}
	}
	for _, at := range []float64{-20, -10, -5, -2, -1, 0, 1, 2, 5, 10, 20} {
		if convexRatio(bent(at)) {
			t.Errorf("bent at %g: convex", at)
		}
	}
	if !convexRatio(bent(0.5)) {
		t.Error("a link with equal derivatives on the grid: not convex")
	}
}

// TestHinged holds the whole numbers at which a hinge loss is found to be least against all small ones, and the claim that they are the only
// ones against fractions beside them.
func TestHinged(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	count := map[Status]int{}
	for range 200 {
		n := 2 + rng.IntN(3)
		p := &task{name: "prompt 0", logRef: make([]float64, n)}
		for c := range n {
			for r := range n {
				if w := rng.IntN(4); c != r && w > 0 {
					p.chosen, p.rejected, p.weight = append(p.chosen, c), append(p.rejected, r), append(p.weight, float64(w))
				}
			}
		}
		loss := func(z []float64) (sum float64) {
			for i, c := range p.chosen {
				sum += p.weight[i] * max(0, 1-z[c]+z[p.rejected[i]])
			}
			return sum
		}
		if len(p.groups()) > 1 {
			continue
		}
		r := p.hinged()
		count[r.status]++
		least, here, z, flat := math.Inf(1), loss(r.theta), make([]float64, n), false
		for code := range int(math.Pow(7, float64(n-1))) {
			for i, rest := 1, code; i < n; i, rest = i+1, rest/7 {
				z[i] = float64(rest%7 - 3)
			}
			least = min(least, loss(z))
		}
		for part := 1; part < 1<<n-1; part++ {
			for i := range z {
				z[i] = r.theta[i] + 0.25*float64(part>>i&1)
			}
			flat = flat || loss(z) <= here+1e-9
		}
		if here > least+1e-9 || flat != (r.status == NotUnique) {
			t.Errorf("%v over %v, %v: %s, %v at %v; least %v, flat %v", p.chosen, p.rejected, p.weight, r.status, here, r.theta, least, flat)
		}
	}
	if count[train.Converged] < 20 || count[NotUnique] < 20 {
		t.Errorf("verdicts %v", count)
	}
}

// TestCenterAndFit checks the parameters whose policies come nearest to given ones: where the class has them it finds them, and else leaves
// a difference across the class.
func TestCenterAndFit(t *testing.T) {
	v := []float64{1, 2, 6}
	if center(v); !slices.Equal(v, []float64{-2, -1, 3}) {
		t.Errorf("centred %v", v)
	}
	rng := rand.New(rand.NewPCG(8, 8))
	e := threePrompts()
	p := Problem{Env: e, Policy: build(t, e, &policy.LinearParams{}), Pairs: population(e)}
	s := taken(t, &p, &objective.DPO{Lambda: 1})
	l := s.lossOn(p.Policy.Blocks()[0])
	goal := make([][]float64, 3)
	for x := range goal {
		goal[x] = normal(rng, 4, 1)
	}
	miss := func(theta []float64) (sum float64) {
		for x := range goal {
			off := image(l.jacobian[x], theta, l.offset[x])
			floats.Sub(off, goal[x])
			center(off)
			sum += floats.Dot(off, off)
		}
		return sum
	}
	best := l.fit(goal)
	least := miss(best)
	for range 50 {
		if v := miss(floats.AddTo(make([]float64, l.dim), best, normal(rng, l.dim, 0.1))); v < least {
			t.Errorf("misses by %v, beside it by %v", least, v)
		}
	}
	theta := normal(rng, l.dim, 1)
	for x := range goal {
		goal[x] = image(l.jacobian[x], theta, l.offset[x])
		floats.AddConst(float64(x), goal[x]) // which no policy notices
	}
	if v := miss(l.fit(goal)); v > 1e-20 {
		t.Errorf("a policy of the class is missed by %v", v)
	}
	goal[1] = nil
	begin := append([]float64(nil), l.start...)
	for i := range begin {
		begin[i] += 0.5
	}
	l.start = begin
	rest := l.fit([][]float64{nil, nil, nil})
	if !slices.Equal(rest, begin) {
		t.Errorf("nothing is asked for, and %v becomes %v", begin, rest)
	}
}

// TestOdds checks the log odds of winning.
func TestOdds(t *testing.T) {
	p := &task{logRef: make([]float64, 4), chosen: []int{0, 1, 0, 2}, rejected: []int{1, 0, 3, 0}, weight: []float64{3, 1, 2, 0.5}}
	got := p.odds()
	for k, want := range []float64{math.Log(5 / 1.5), math.Log(1.0 / 3), 0, 0} {
		if math.Abs(got[k]-want) > 1e-15 {
			t.Errorf("response %d: %v, want %v", k, got[k], want)
		}
	}
}

// TestUnbeaten holds the responses that never lose to the others against all parts, tried one by one.
func TestUnbeaten(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	for range 300 {
		n := 2 + rng.IntN(4)
		p := &task{logRef: make([]float64, n)}
		for range 1 + rng.IntN(2*n) {
			if c, r := rng.IntN(n), rng.IntN(n); c != r {
				p.chosen, p.rejected, p.weight = append(p.chosen, c), append(p.rejected, r), append(p.weight, 1)
			}
		}
		for _, group := range p.groups() {
			some := false // part of the group never loses to the rest of it
			for part := 1; part < 1<<n; part++ {
				in, loses, inside := 0, false, true
				for k := range n {
					if part>>k&1 == 1 {
						in++
						inside = inside && slices.Contains(group, k)
					}
				}
				for i, c := range p.chosen {
					loses = loses || part>>p.rejected[i]&1 == 1 && part>>c&1 == 0
				}
				some = some || inside && in < len(group) && !loses
			}
			winners := p.unbeaten(group)
			if (winners != nil) != some {
				t.Fatalf("%v over %v in %v: unbeaten %v", p.chosen, p.rejected, group, winners)
			}
			rest := others(group, winners)
			if winners != nil && (len(rest) == 0 || len(rest)+len(winners) != len(group)) {
				t.Fatalf("%v of %v leave %v", winners, group, rest)
			}
			for i, c := range p.chosen {
				if slices.Contains(winners, p.rejected[i]) && !slices.Contains(winners, c) {
					t.Fatalf("%v over %v in %v: %v lost", p.chosen, p.rejected, group, winners)
				}
			}
		}
	}
}

// TestFlatHinge checks that a hinge loss of one comparison, which is least from a margin of 1 on, has the nearest of these margins and says so.
func TestFlatHinge(t *testing.T) {
	e := env([][]float64{{1, 1}}, [][]float64{{0.3, 0.7}})
	s := solve(t, Problem{Env: e, Pairs: &preference.Pairs{Prompt: []int{0}, Chosen: []int{0}, Rejected: []int{1}}}, &objective.Hinge{Lambda: 2})
	margin := 2 * (s.Policy[0][0] - s.Policy[0][1] - math.Log(0.3/0.7))
	if s.Status != NotUnique || math.Abs(margin-1) > 1e-12 || s.Loss > 1e-15 {
		t.Errorf("%s at margin %v with loss %v", s.Status, margin, s.Loss)
	}
}
