package exact

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"windtunnel/toy/bandit"
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

// weigh returns the sum of a loss times a factor and of others, if any.
func weigh(factor float64, loss objective.Params, more ...objective.Part) *objective.Sum {
	return &objective.Sum{Terms: append([]objective.Part{{Weight: objective.Times(factor), Loss: loss}}, more...)}
}

// TestDerivatives holds the loss, its gradient and its second derivatives, as the solver computes them over blocks of parameters, against
// those that training follows and against differences of the gradient, away from the start.
func TestDerivatives(t *testing.T) {
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
			s, rng := taken(t, &p, loss), rand.New(rand.NewPCG(12, 8))
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
					if d := floats.Distance(at.hess, turn.RawMatrix().Data, math.Inf(1)); d > 1e-4*max(1, floats.Norm(at.hess, math.Inf(1))) {
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
			pol := build(t, e, &policy.TabularParams{})
			both := solve(t, Problem{Env: e, Pairs: population(e), L2: l2, Policy: pol}, loss)
			if both.Status == train.Converged || both.Status == Local {
				problem := train.NewProblem(e, pol, loss.Objective(), l2)
				full, gradient := train.Full(population(e), problem), make([]float64, len(pol.Params()))
				problem.AddGrad(full, gradient)
				if want := problem.Loss(full); math.Abs(both.Loss-want) > 1e-12*max(1, math.Abs(want)) ||
					math.Abs(both.GradNorm-floats.Norm(gradient, 2)) > 1e-12*max(1, both.GradNorm) {
					t.Errorf("%s, l2 %g: loss %v and gradient %g, in training %v and %g", name, l2, both.Loss, both.GradNorm, want, floats.Norm(gradient, 2))
				}
			}
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

// Dr. DPO's factor is that of the whole batch, which a penalty minds: the solver rests over two prompts where training does.
func TestBatchBesidePenalty(t *testing.T) {
	e := env([][]float64{{5, 3, 2}, {1, 2, 4}}, [][]float64{{1, 2, 3}, {3, 1, 1}})
	pol, loss := build(t, e, &policy.TabularParams{}), &objective.DrDPO{Lambda: 0.7, Prime: 0.5}
	s := solve(t, Problem{Env: e, Pairs: population(e), L2: 0.2, Policy: pol}, loss)
	problem, gradient := train.NewProblem(e, pol, loss.Objective(), 0.2), make([]float64, len(pol.Params()))
	full := train.Full(population(e), problem)
	problem.AddGrad(full, gradient)
	if loss := problem.Loss(full); s.Status != Stationary || !(floats.Norm(gradient, 2) < 1e-12) || !(math.Abs(s.Loss-loss) < 1e-12) {
		t.Errorf("%s: training's gradient is %v, its loss %v and not %v", s.Status, gradient, loss, s.Loss)
	}
}

// TestUnlabelled checks that a prompt without labels weighs in a loss of whole policies what it does in training.
func TestUnlabelled(t *testing.T) {
	e := env([][]float64{{5, 3, 2}, {1, 2, 4}, {1, 1, 1}}, [][]float64{{1, 2, 3}, {3, 1, 1}, {2, 1, 1}})
	e.Prompts[2].Unlabelled, e.Prompts[2].HeldOut = true, true
	data := &preference.Pairs{Prompt: []int{0, 1, 1}, Chosen: []int{0, 1, 2}, Rejected: []int{1, 2, 0}}
	for _, loss := range []objective.Params{&objective.TYPO{Lambda: 0.5}, &objective.RLHF{Lambda: 0.5}} {
		pol := build(t, e, &policy.TabularParams{})
		s := solve(t, Problem{Env: e, Pairs: data, L2: 0.1, Policy: pol}, loss)
		problem := train.NewProblem(e, pol, loss.Objective(), 0.1)
		if want := problem.Loss(train.Full(data, problem)); math.Abs(s.Loss-want) > 1e-12 || s.Loss < 0.01 {
			t.Errorf("%T: %s at %v, in training %v", loss, s.Status, s.Loss, want)
		}
	}
	many := &bandit.Env{Prompts: slices.Repeat(e.Prompts[:1], 49)} // where all are labelled their weights are taken as they are, and not times 49/49
	p := Problem{Env: many, Pairs: &preference.Pairs{Prompt: []int{7}, Chosen: []int{0}, Rejected: []int{1}}}
	if s := taken(t, &p, &objective.TYPO{Lambda: 0.5}); s.tasks[7].total != 1 {
		t.Errorf("of 49 prompts one has the weight %v", s.tasks[7].total)
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
		"interrupted": {{1, roundingStep, true, false, 0}, {1, roundingStep, true, false, 0}, {1, roundingStep, true, false, 0},
			{1, roundingStep, false, false, 0},
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

// TestWinner checks which response is best against the opponent that it makes: against itself 0, which wins over each other, against a reference
// that has mostly 2 it is 1, and with ties or in a circle there is none.
func TestWinner(t *testing.T) {
	ref := []float64{0.05, 0.05, 0.9}
	for _, c := range []struct {
		wins    []float64
		mixture float64
		want    int
	}{
		{[]float64{0.5, 0.6, 0.6, 0.4, 0.5, 0.9, 0.4, 0.1, 0.5}, 0, 0}, {[]float64{0.5, 0.6, 0.6, 0.4, 0.5, 0.9, 0.4, 0.1, 0.5}, 1, 1},
		{[]float64{0.5, 0.5, 0.6, 0.5, 0.5, 0.6, 0.4, 0.4, 0.5}, 0, -1}, {[]float64{0.5, 0.9, 0.1, 0.1, 0.5, 0.9, 0.9, 0.1, 0.5}, 0, -1},
	} {
		g := newRegularized(&task{logRef: logs(ref...), ref: ref, wins: c.wins})
		if got := g.winner(c.mixture); got != c.want {
			t.Errorf("%v, mixture %g: %d, want %d", c.wins, c.mixture, got, c.want)
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
		for _, factor := range []float64{0x1p-60, 0x1p60} {
			scaled := *p
			scaled.weight = floats.ScaleTo(make([]float64, len(p.weight)), factor, p.weight)
			if other := scaled.hinged(); other.status != r.status || other.reason != r.reason || !slices.Equal(other.theta, r.theta) {
				t.Errorf("%v over %v: %s %v, times %g %s %v", p.chosen, p.rejected, r.status, r.theta, factor, other.status, other.theta)
			}
		}
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
	nothing := &task{name: "prompt 0", logRef: make([]float64, 3)}
	if r := nothing.hinged(); r.status != NotUnique || r.iterations != 1 || !strings.Contains(r.reason, "response 0 may rise at no cost") {
		t.Errorf("where nothing was compared: %s after %d steps, %s", r.status, r.iterations, r.reason)
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
				some = some || unbeatenPart(p, group, part) && bits.OnesCount(uint(part)) < len(group)
			}
			// Of the parts that never lose and have none such within them, the one with the first response.
			least := n
			for part := 1; part < 1<<n; part++ {
				if minimal := unbeatenPart(p, group, part); minimal {
					for within := (part - 1) & part; within > 0 && minimal; within = (within - 1) & part {
						minimal = !unbeatenPart(p, group, within)
					}
					if minimal {
						least = min(least, bits.TrailingZeros(uint(part)))
					}
				}
			}
			winners := p.unbeaten(group)
			if winners != nil && winners[0] != least {
				t.Fatalf("%v over %v in %v: unbeaten %v, want the part with %d", p.chosen, p.rejected, group, winners, least)
			}
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

// unbeatenPart says whether responses, by their bits, are of a group and never lose to others.
func unbeatenPart(p *task, group []int, part int) bool {
	for k := range p.logRef {
		if part>>k&1 == 1 && !slices.Contains(group, k) {
			return false
		}
	}
	for i, c := range p.chosen {
		if part>>p.rejected[i]&1 == 1 && part>>c&1 == 0 {
			return false
		}
	}
	return true
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

// TestGroups holds the groups of compared responses, and what is left of the comparisons within one, against their definition.
func TestGroups(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 4))
	for range 200 {
		n := 2 + rng.IntN(6)
		p := &task{logRef: normal(rng, n, 1), ref: normal(rng, n, 1), logStar: normal(rng, n, 1)}
		label := all(n) // the first response that each is connected with
		for range rng.IntN(n) {
			c, r := rng.IntN(n), rng.IntN(n)
			if c == r {
				continue
			}
			p.chosen, p.rejected, p.weight = append(p.chosen, c), append(p.rejected, r), append(p.weight, rng.Float64())
			from, to := max(label[c], label[r]), min(label[c], label[r])
			for k, v := range label {
				if v == from {
					label[k] = to
				}
			}
		}
		var want [][]int
		for first := range n {
			var group []int
			for k, v := range label {
				if v == first {
					group = append(group, k)
				}
			}
			if group != nil {
				want = append(want, group)
			}
		}
		got := p.groups()
		if !slices.EqualFunc(got, want, slices.Equal) {
			t.Fatalf("%v over %v: groups %v, want %v", p.chosen, p.rejected, got, want)
		}
		compared := 0
		for _, group := range got {
			part := p.within(group)
			compared += len(part.weight)
			for i, c := range part.chosen {
				j := slices.Index(p.weight, part.weight[i])
				if group[c] != p.chosen[j] || group[part.rejected[i]] != p.rejected[j] {
					t.Fatalf("%d over %d within %v was %d over %d", c, part.rejected[i], group, p.chosen[j], p.rejected[j])
				}
			}
			for i, k := range group {
				if part.logRef[i] != p.logRef[k] || part.ref[i] != p.ref[k] || part.logStar[i] != p.logStar[k] {
					t.Fatalf("response %d within %v is not %d", i, group, k)
				}
			}
		}
		if compared != len(p.weight) {
			t.Fatalf("%d of %d comparisons are within groups", compared, len(p.weight))
		}
	}
}

// TestWhatIsKnown holds what is said of losses against their values: no constant added to all log-probabilities changes an invariant one, and
// on no chord does the middle of a convex one lie above the mean of its ends, over log-probabilities as free variables or over logits.
func TestWhatIsKnown(t *testing.T) {
	e := env([][]float64{star3}, [][]float64{ref3})
	count := map[string]int{}
	losses := everyLoss(0.7)
	losses["entropy"] = &objective.KLPiRef{}
	losses["sppo"] = &objective.SPPO{Lambda: 0.7}
	for name, loss := range losses {
		p := Problem{Env: e, Pairs: population(e)}
		s := taken(t, &p, loss)
		l := newLossFunction(s.problem.Objective, s.tasks[0])
		if s.terms.held || s.terms.together || loss.Objective().Plays() || loss.Objective().Moving != nil {
			continue
		}
		rng := rand.New(rand.NewPCG(4, 9))
		at := l.newPoint(make([]float64, 3))
		free := func(logps []float64) float64 {
			for k, v := range logps {
				at.logits[0][k], at.logp[0][k], at.pi[0][k] = v, v, math.Exp(v)
			}
			return l.objective.Loss(l.collect(at))
		}
		moves, bends, bendsInLogits := false, false, false
		for i := range 400 {
			x, y := normal(rng, 3, []float64{0.1, 1, 4}[i%3]), normal(rng, 3, 2)
			for k := range x {
				x[k], y[k] = -math.Abs(x[k])-0.01, -math.Abs(y[k])-0.01
			}
			middle := floats.ScaleTo(make([]float64, 3), 0.5, floats.AddTo(make([]float64, 3), x, y))
			shifted := slices.Clone(x)
			floats.AddConst(-0.7, shifted)
			moves = moves || math.Abs(free(shifted)-free(x)) > 1e-9
			bends = bends || free(middle) > (free(x)+free(y))/2+1e-9
			logits := func(theta []float64) float64 { return l.value(l.newPoint(theta)) }
			bendsInLogits = bendsInLogits || logits(middle) > (logits(x)+logits(y))/2+1e-9
		}
		if invariant := s.terms.invariant(); invariant && moves || !invariant && !moves && s.terms.strange == "" {
			t.Errorf("%s: invariant %v, a common constant changes it: %v", name, invariant, moves)
		}
		if s.terms.convexInLogs() && !s.problem.Objective.WholePolicy() && bends {
			t.Errorf("%s is said to be convex in the log-probabilities", name)
		}
		if s.terms.convex() && bendsInLogits {
			t.Errorf("%s is said to be convex in the logits", name)
		}
		for what, is := range map[string]bool{"invariant": s.terms.invariant(), "convex in logarithms": s.terms.convexInLogs(), "convex": s.terms.convex()} {
			if is {
				count[what]++
			}
		}
	}
	for _, what := range []string{"invariant", "convex in logarithms", "convex"} {
		if count[what] < 20 {
			t.Errorf("only %d losses are %s", count[what], what)
		}
	}
}

// TestPushAndUnion checks what is pushed, and which sets are whole groups.
func TestPushAndUnion(t *testing.T) {
	logits := []float64{1, 2, 3, 4}
	(&lossFunction{}).push(logits, []bool{false, true, false, false}, []int{2}, 10)
	if !slices.Equal(logits, []float64{1, -18, -7, 4}) {
		t.Errorf("pushed to %v", logits)
	}
	groups := [][]int{{0, 3}, {1}, {2, 4}}
	for part := range 1 << 5 {
		var set []int
		for k := range 5 {
			if part>>k&1 == 1 {
				set = append(set, k)
			}
		}
		want := part&1 == part>>3&1 && part>>2&1 == part>>4&1
		if union(groups, set) != want {
			t.Errorf("%v of %v: %v", set, groups, !want)
		}
	}
}

// TestOnFace checks that without some responses, which are far below, a loss function starts at the same policy, and leaves those there.
func TestOnFace(t *testing.T) {
	e := env([][]float64{{1, 2, 3, 4}}, [][]float64{{1, 1, 1, 1}})
	p := Problem{Env: e, Pairs: population(e)}
	s := taken(t, &p, &objective.TYPO{Lambda: 1})
	l, at := newLossFunction(s.problem.Objective, s.tasks[0]), []float64{6, -50, 5, -60}
	want := l.newPoint(at)
	l.value(want)
	for dim, gone := range map[int][]bool{4: make([]bool, 4), 3: {false, true, false, false}, 2: {false, true, false, true}} {
		face := l.onFace(at, gone)
		there := face.newPoint(face.start)
		if face.value(there); face.dim != dim || distance(there.logp[0], want.logp[0]) > 1e-13 || math.Abs(there.loss-want.loss) > 1e-14 {
			t.Errorf("without %v it starts at %v, not %v", gone, there.logp[0], want.logp[0])
		}
		before := slices.Clone(there.logits[0])
		floats.AddConst(1, there.theta)
		face.value(there)
		for k, out := range gone {
			if moved := there.logits[0][k] - before[k]; math.Abs(moved-1) < 1e-12 == out {
				t.Errorf("without %v response %d moves by %g", gone, k, moved)
			}
		}
	}
}

// TestKnownIsBounded checks which problems are the same: none that differs in a weight, a reference, a prompt's share, its name or what is wanted.
func TestKnownIsBounded(t *testing.T) {
	e := env([][]float64{star3}, [][]float64{ref3})
	p := Problem{Env: e, Pairs: population(e), Known: &Known{}}
	s := taken(t, &p, &objective.APODown{Lambda: 1})
	plain := func(change func(*task)) string {
		c := *s.tasks[0]
		for _, column := range []*[]float64{&c.weight, &c.gap, &c.dispersion, &c.logRef, &c.logStar} {
			*column = slices.Clone(*column)
		}
		c.chosen, c.rejected = slices.Clone(c.chosen), slices.Clone(c.rejected)
		change(&c)
		l := newLossFunction(s.problem.Objective, &c)
		l.start = c.logRef
		return fingerprint(l, false)
	}
	first := plain(func(*task) {})
	if first != plain(func(*task) {}) {
		t.Error("a problem is not the same as itself")
	}
	for what, change := range map[string]func(*task){"name": func(c *task) { c.name = "other" }, "share": func(c *task) { c.total *= 2 },
		"scale":  func(c *task) { c.scale = 2 },
		"chosen": func(c *task) { c.chosen[5] = 0 }, "rejected": func(c *task) { c.rejected[5] = 0 }, "weight": func(c *task) { c.weight[5] *= 2 },
		"gap": func(c *task) { c.gap[5]++ }, "dispersion": func(c *task) { c.dispersion[5]++ }, "reference": func(c *task) { c.logRef[2] -= 1e-9 },
		"star": func(c *task) { c.logStar[2] -= 1e-9 }} {
		if first == plain(change) {
			t.Errorf("another %s is the same problem", what)
		}
	}
	l := newLossFunction(s.problem.Objective, s.tasks[0])
	l.start = s.tasks[0].logRef
	if fingerprint(l, true) == first {
		t.Error("the minimum that the gradient leads to is the same problem")
	}
	count := 0
	find := func() (*result, error) {
		count++
		return &result{logps: [][]float64{nil, {1}}, theta: []float64{2}}, nil
	}
	for range 2 {
		if r, err := s.once(l, find); err != nil || r.theta[0] != 2 || r.logps[1][0] != 1 || r.logps[0] != nil {
			t.Errorf("%+v, %v", r, err)
		} else {
			r.theta[0], r.logps[1][0] = 3, 3 // the caller's to change
		}
	}
	s.problem.From = [][][]float64{{s.tasks[0].logRef}}
	if _, _ = s.once(l, find); count != 2 {
		t.Errorf("searched %d times, want once and again from given policies", count)
	}
	s.problem.From = nil
	known := s.problem.Known
	for i := 0; len(known.found) < mostKnown; i++ {
		known.found[string(rune(i))] = &result{}
	}
	if _, _ = s.once(l, find); count != 2 || len(known.found) != mostKnown {
		t.Errorf("at the bound %d are kept after %d searches", len(known.found), count)
	}
	l.start = []float64{0, 0, 1}
	if _, _ = s.once(l, find); count != 3 || len(known.found) != 1 {
		t.Errorf("beyond the bound %d are kept after %d searches", len(known.found), count)
	}
}

// TestAlone checks which minimizers are the only ones: of a strictly convex function of margins where comparisons connect all responses; of one
// that is strictly convex here alone where its curvature, however small beside another's, holds in every direction.
func TestAlone(t *testing.T) {
	e := env([][]float64{{1, 1, 1}}, [][]float64{{1, 1, 1}})
	chain := pairs([3]int{0, 1, 1}, [3]int{1, 0, 1}, [3]int{1, 2, 1}, [3]int{2, 1, 1})
	rare := *chain
	rare.Weight = []float64{1, 1, 1e-14, 1e-14}
	squared := &objective.Custom{Lambda: 1, Psi: "square(relu(1 - lambda*m))", Mu: "x"}
	for _, c := range []struct {
		name string
		data *preference.Pairs
		loss objective.Params
		at   []float64
		want bool
	}{
		{"strict", chain, &objective.DPO{Lambda: 1}, []float64{0, 0, 0}, true},
		{"strict, of two groups", comparisons["never compared"], &objective.DPO{Lambda: 1}, []float64{0, 0, 0}, false},
		{"level", chain, &objective.Hinge{Lambda: 1}, []float64{0, 0, 0}, false},
		{"bent here", chain, squared, []float64{0, 0, 0}, true},
		{"bent little", &rare, squared, []float64{0, 0, 0}, true},
		{"bent along one pair", pairs([3]int{0, 1, 1}, [3]int{1, 2, 1}), squared, []float64{0, 0, -2}, false},
	} {
		p := Problem{Env: e, Pairs: c.data}
		s := taken(t, &p, c.loss)
		l := newLossFunction(s.problem.Objective, s.tasks[0])
		at := l.newPoint(c.at)
		l.value(at)
		if got := s.alone(s.tasks[0], l, &ends{end: end{descent: &descent{at: at}}}); got != c.want {
			t.Errorf("%s: alone %v", c.name, got)
		}
	}
}

// TestScaled holds a margin loss in lambda times the parameters, times its coefficient, against the loss.
func TestScaled(t *testing.T) {
	e := threePrompts()
	rng := rand.New(rand.NewPCG(3, 3))
	for _, lambda := range []float64{0.1, 1, 20} {
		for _, loss := range []objective.Params{&objective.DPO{Lambda: lambda}, &objective.IPO{Lambda: lambda}, &objective.SimPO{Lambda: lambda}} {
			p := Problem{Env: e, Pairs: population(e), Policy: build(t, e, &policy.LinearParams{})}
			s := taken(t, &p, weigh(3, loss))
			l := s.over(p.Policy.Blocks()[0])
			l.l2, l.center = 0.5, normal(rng, l.dim, 1)
			m := s.terms.only
			scaled := s.scaled(l, m)
			for range 5 {
				at := normal(rng, l.dim, 1)
				want := l.value(l.newPoint(at))
				floats.Scale(lambda, at)
				if got := 3 * m.Factor * scaled.value(scaled.newPoint(at)); math.Abs(got-want) > 1e-12*want {
					t.Errorf("%T at %g: %v, want %v", loss, lambda, got, want)
				}
			}
		}
	}
}

// TestAway checks how far a search has to go, by two logits of a prompt against each other, until the loss is asked whether it rises beyond.
func TestAway(t *testing.T) {
	e := env([][]float64{{1, 1, 1}}, [][]float64{{3, 2, 1}})
	e.Prompts[0].Init = make([]float64, 3)
	oneWay, both := pairs([3]int{0, 1, 1}, [3]int{0, 2, 1}), pairs([3]int{0, 1, 1}, [3]int{1, 0, 1})
	for _, c := range []struct {
		name string
		data *preference.Pairs
		loss objective.Params
		at   []float64
		l2   float64
		want bool
	}{
		{"far", oneWay, &objective.DPO{Lambda: 1}, []float64{12, -9, 0}, 0, true},
		{"no farther", oneWay, &objective.DPO{Lambda: 1}, []float64{11, -9, 0}, 0, false},
		{"far where the loss is level", oneWay, &objective.Hinge{Lambda: 1}, []float64{12, -9, 0}, 0, true},
		{"far beside a penalty", oneWay, &objective.DPO{Lambda: 1}, []float64{12, -9, 0}, 0.1, false},
		{"far beside a KL", oneWay, weigh(1, &objective.DPO{Lambda: 1}, objective.Part{Weight: objective.Times(1e-9), Loss: &objective.KLPiRef{}}),
			[]float64{12, -9, 0}, 0, false},
		{"far up", both, &objective.DPO{Lambda: 1}, []float64{12, -9, 0}, 0, false},
	} {
		p := Problem{Env: e, Pairs: c.data, L2: c.l2}
		s := taken(t, &p, c.loss)
		l := s.over(p.Policy.Blocks()[0])
		at := l.newPoint(c.at)
		l.value(at)
		if got := s.away(l, at, 10); got != c.want {
			t.Errorf("%s: away %v", c.name, got)
		}
	}
}

// TestFingerprint checks that losses are told apart wherever between margins of a tenth and a hundred they differ, at any lambda, and those of the same
// values, of which other parts are held back from differentiation, by their gradients.
func TestFingerprint(t *testing.T) {
	e := env([][]float64{{5, 1, 2}}, [][]float64{{1, 1, 1}})
	of := func(lambda float64, pair string) string {
		p := Problem{Env: e, Pairs: population(e)}
		s := taken(t, &p, &objective.Custom{Lambda: lambda, Pair: pair})
		l := newLossFunction(s.problem.Objective, s.tasks[0])
		l.start = s.tasks[0].logRef
		return fingerprint(l, false)
	}
	for _, lambda := range []float64{0.01, 1, 100} {
		plain := of(lambda, "softplus(-lambda*u)")
		for _, z := range [][2]float64{{0.1, 0.15}, {0.2, 0.3}, {0.4, 0.6}, {0.8, 1.2}, {1.6, 2.4}, {3.2, 4.8}, {6.4, 9.6}, {12, 18}, {90, 105}} {
			bump := fmt.Sprintf(" + relu(lambda*u - %g) - 2*relu(lambda*u - %g) + relu(lambda*u - %g)", z[0], (z[0]+z[1])/2, z[1])
			if of(lambda, "softplus(-lambda*u)"+bump) == plain {
				t.Errorf("lambda %g: another loss from %g to %g is the same problem", lambda, z[0], z[1])
			}
		}
		if of(lambda, "2*stopgrad(c)*u - stopgrad(c*u)") == of(lambda, "0.5*stopgrad(c)*u + 0.5*stopgrad(c*u)") {
			t.Errorf("lambda %g: another gradient is the same problem", lambda)
		}
	}
}

// TestConfine checks rows within the null space of others: those that are nothing there are dropped, the others have norm 1 and their angles.
func TestConfine(t *testing.T) {
	rows := [][]float64{{0, 0, 0}, {3, 4, 0}, {0, 0, 2}, {5, 0, 1}}
	for _, c := range []struct {
		fixed [][]float64
		names string
		gram  []float64 // of the rows that are left
	}{
		{nil, "bcd", []float64{1, 0, 3 / math.Sqrt(26), 0, 1, 1 / math.Sqrt(26), 3 / math.Sqrt(26), 1 / math.Sqrt(26), 1}},
		{[][]float64{{0, 0, 7}}, "bd", []float64{1, 0.6, 0.6, 1}},
		{[][]float64{{0, 0, 7}, {1, 0, 1}, {1, 0, 2}}, "b", []float64{1}},
		{[][]float64{{0, 0, 7}, {1, 0, 0}, {1, 1, 0}, {0, 1, 0}}, "", nil},
		{[][]float64{{3, 4, 0}, {5, 0, 1}, {0, 0, 2}}, "", nil},
	} {
		left, names := confine(rows, c.fixed, []string{"a", "b", "c", "d"}, 3)
		if strings.Join(names, "") != c.names || (left == nil) != (c.gram == nil) {
			t.Errorf("beside %v: %v, want %s", c.fixed, names, c.names)
		} else if left != nil {
			var gram mat.Dense
			gram.Mul(left, left.T())
			if d := floats.Distance(gram.RawMatrix().Data, c.gram, math.Inf(1)); d > 1e-14 {
				t.Errorf("beside %v: %v", c.fixed, gram.RawMatrix().Data)
			}
		}
	}
}

// TestDirections checks where a search looks: in the order of wins, at the log odds, and towards each response.
func TestDirections(t *testing.T) {
	e := env([][]float64{{2, 5, 1}}, [][]float64{ref3})
	p := Problem{Env: e, Pairs: population(e)}
	s := taken(t, &p, &objective.FDPO{Lambda: 1, Divergence: "js"})
	l := newLossFunction(s.problem.Objective, s.tasks[0])
	got := l.directions()
	odds := s.tasks[0].odds()
	floats.Scale(1/floats.Norm(odds, math.Inf(1)), odds)
	for i, want := range [][]float64{{0.5, 1, 0}, odds, {1, 0, 0}, {0, 1, 0}, {0, 0, 1}} {
		if floats.Distance(got[i], want, math.Inf(1)) > 1e-15 {
			t.Errorf("direction %d is %v, want %v", i, got[i], want)
		}
	}
	if len(got) != 5+80/3 {
		t.Errorf("%d directions, want 80 divided by 3 at random beside 5", len(got))
	}
	for prompts, want := range map[int]int{1: 5 + 80/3, 2: 2*5 + 80/6} {
		both := env([][]float64{{2, 5, 1}, {3, 1, 2}}[:prompts], [][]float64{ref3, ref3}[:prompts])
		p := Problem{Env: both, Pairs: population(both)}
		s := taken(t, &p, &objective.AOT{Lambda: 1})
		if n := len(s.over(policy.Block{Dim: 3 * prompts, Prompts: all(prompts)}).directions()); n != want {
			t.Errorf("%d directions over %d coupled prompts, want %d", n, prompts, want)
		}
	}
	starts := l.starts(2, [][]float64{{7, 7, 7}})
	if len(starts) != 2+40/3 || !slices.Equal(starts[0], []float64{0, 0, 0}) || !slices.Equal(starts[1], []float64{7, 7, 7}) {
		t.Errorf("%d starts, from %v and %v", len(starts), starts[0], starts[1])
	}
	loss := func(at []float64) float64 { return l.value(l.newPoint(at)) }
	if !slices.IsSortedFunc(starts[2:], func(a, b []float64) int { return int(math.Copysign(1, loss(a)-loss(b))) }) {
		t.Error("the lowest are not first")
	}
	level := newLossFunction((&objective.Custom{Lambda: 1, Pair: "0*u"}).Objective(), s.tasks[0])
	for i, at := range level.starts(2, nil)[1:] { // of places as low the nearest, in the order of directions
		if floats.Distance(at, floats.ScaleTo(make([]float64, 3), 0.6, got[i]), math.Inf(1)) > 1e-15 {
			t.Errorf("where the loss is level start %d is %v, along %v", i, at, got[i])
		}
	}
	for _, stride := range []float64{0.6, 2, 6, 20, 60, 200} { // in units of 2
		if v := loss([]float64{stride / 2, stride, 0}); v < loss(starts[2]) {
			t.Errorf("in the order of wins %v is lower than the lowest start", v)
		}
	}
}

// TestSeparates holds the linear program, in classes of two parameters, against all directions in steps of a degree and a bit.
func TestSeparates(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 8))
	count := map[bool]int{}
	for trial := range 300 {
		e := env([][]float64{{1, 1, 1, 1}}, [][]float64{{1, 1, 1, 1}})
		sizes := [][]float64{{1, 1}, {1, 1e-7}, {1e-200, 1e-200}}[trial%3] // margins may be hardly moved at all
		basis := [][]float64{normal(rng, 4, sizes[0]), normal(rng, 4, sizes[1])}
		data := &preference.Pairs{}
		for range 1 + rng.IntN(5) {
			if c, r := rng.IntN(4), rng.IntN(4); c != r {
				data.Prompt, data.Chosen, data.Rejected = append(data.Prompt, 0), append(data.Chosen, c), append(data.Rejected, r)
			}
		}
		if data.Len() == 0 {
			continue
		}
		p := Problem{Env: e, Pairs: data, Policy: build(t, e, &policy.LowRankParams{Basis: basis})}
		s := taken(t, &p, &objective.DPO{Lambda: 1})
		l := s.lossOn(p.Policy.Blocks()[0])
		seen, _ := split(l.contrasts(func(*task) bool { return false }, true))
		why, all, err := l.compose(seen, l.start).separates()
		if err != nil {
			t.Fatal(err)
		}
		found, every := false, false
		for i := range 3600 {
			x, y := math.Cos(float64(i)*math.Pi/1800), math.Sin(float64(i)*math.Pi/1800)
			least, most := math.Inf(1), math.Inf(-1)
			for j, c := range data.Chosen {
				r := data.Rejected[j]
				margin := x*(basis[0][c]-basis[0][r])/sizes[0] + y*(basis[1][c]-basis[1][r])/sizes[1]
				least, most = min(least, margin), max(most, margin)
			}
			found, every = found || least >= 0 && most > 0, every || least > 0
		}
		both := false // ways round, so that only one line of directions is left, which steps miss
		for i, c := range data.Chosen {
			for j := range data.Chosen {
				both = both || data.Chosen[j] == data.Rejected[i] && data.Rejected[j] == c
			}
		}
		if both {
			continue
		}
		count[found]++
		if found != (why != "") || every != all {
			t.Errorf("%v over %v in %v: %q, of all %v, a direction %v, of all %v", data.Chosen, data.Rejected, basis, why, all, found, every)
		}
	}
	if count[true] < 50 || count[false] < 20 {
		t.Errorf("separable %v", count)
	}
}

// TestDescribe checks what is said of searches, and the losses at which they ended in the problem's unit.
func TestDescribe(t *testing.T) {
	e := &ends{starts: 3, scale: 2}
	if got := e.describe(); got != "the lowest of 3 searches, which all ended there" {
		t.Error(got)
	}
	e.others = []float64{1.5, 0.25}
	if got := e.describe(); got != "the lowest of 3 searches; 2 ended elsewhere, at losses higher by 0.5 to 3" {
		t.Error(got)
	}
}

// TestOpen checks which responses a logistic loss does not hold: one that only lost, and two that lost to a third and hold each other, which fall
// together; none in a circle, and none that is known to be held. A hinge loss that is level does not hold them either, and does not fall.
func TestOpen(t *testing.T) {
	e := env([][]float64{{1, 1, 1}}, [][]float64{{1, 1, 1}})
	loser, two := pairs([3]int{2, 0, 1}, [3]int{1, 2, 5}, [3]int{2, 1, 5}), pairs([3]int{2, 0, 1}, [3]int{2, 1, 1}, [3]int{1, 0, 5}, [3]int{0, 1, 5})
	dpo, hinge, none := &objective.DPO{Lambda: 1}, &objective.Hinge{Lambda: 4}, make([]bool, 3)
	// The comparisons gain less than 1, the barrier costs 2e-5 after the first push and 0.3 after the second.
	held := weigh(1, dpo, objective.Part{Weight: objective.Times(1e-6), Loss: &objective.KLRefPi{Reduction: "sum"}})
	for _, c := range []struct {
		name  string
		data  *preference.Pairs
		loss  objective.Params
		at    []float64
		kept  []bool
		drop  []int
		falls bool
	}{
		{"the loser", loser, dpo, []float64{0, 0.125, 1}, none, []int{0}, true},
		{"the loser, level", loser, hinge, []float64{0, 1, 1}, none, []int{0}, false},
		{"two losers", two, dpo, []float64{0, 0.125, 1}, none, []int{0, 1}, true},
		{"two losers, level", two, hinge, []float64{0, 0.125, 1}, none, []int{0, 1}, false},
		{"two losers apart", pairs([3]int{2, 0, 1}, [3]int{2, 1, 1}), dpo, []float64{0, 0, 1}, none, []int{0, 1}, true},
		{"a circle", pairs([3]int{0, 1, 1}, [3]int{1, 2, 1}, [3]int{2, 0, 1}), dpo, []float64{0, 0.125, 1}, none, nil, false},
		{"a loser that is held", loser, dpo, []float64{0, 0.125, 1}, []bool{true, false, false}, nil, false},
		{"all held", loser, dpo, []float64{0, 0.125, 1}, []bool{true, true, true}, nil, false},
		{"the loser, held very far out", loser, held, []float64{0, 0.125, 1}, none, nil, false},
	} {
		p := Problem{Env: e, Pairs: c.data}
		s := taken(t, &p, c.loss)
		l := newLossFunction(s.problem.Objective, s.tasks[0])
		at := l.newPoint(c.at)
		if drop, falls := l.open(at, nil, c.kept, l.value(at), far); !slices.Equal(drop, c.drop) || falls != c.falls {
			t.Errorf("%s: %v are open, falls %v; want %v, %v", c.name, drop, falls, c.drop, c.falls)
		}
	}
}

// TestKept checks which responses a loss is known to hold: all where every margin that falls costs without bound and a circle of comparisons leads
// through all, and those whose own probability does.
func TestKept(t *testing.T) {
	e := env([][]float64{{1, 1, 1}}, [][]float64{{1, 1, 1}})
	circle, none, every := pairs([3]int{0, 1, 1}, [3]int{1, 2, 1}, [3]int{2, 0, 1}), make([]bool, 3), []bool{true, true, true}
	for _, c := range []struct {
		name string
		data *preference.Pairs
		loss objective.Params
		want []bool
	}{
		{"a circle", circle, &objective.DPO{Lambda: 1}, every},
		{"a chain", pairs([3]int{0, 1, 1}, [3]int{1, 2, 1}), &objective.DPO{Lambda: 1}, none},
		{"two groups", pairs([3]int{0, 1, 1}, [3]int{1, 0, 1}), &objective.DPO{Lambda: 1}, none},
		{"a circle in which margins may fall for ever", circle, &objective.Robust{Lambda: 1, LabelSmoothing: 0.1}, none},
		{"a circle under a bounded link", circle, &objective.FDPO{Lambda: 1, Divergence: "alpha", Alpha: 2}, none},
		{"a circle of a bounded function", circle, &objective.GPO{Lambda: 1, Function: "savage"}, none},
		{"a chain beside a barrier", pairs([3]int{0, 1, 1}, [3]int{1, 2, 1}), &objective.TYPO{Lambda: 1}, every},
		{"functions of those that won", pairs([3]int{0, 1, 1}, [3]int{1, 2, 1}), &objective.NCA{Lambda: 1}, []bool{true, true, false}},
		{"a formula", circle, &objective.Custom{Lambda: 1, Pair: "softplus(-lambda*u) + 0*square(c)"}, none},
	} {
		p := Problem{Env: e, Pairs: c.data}
		s := taken(t, &p, c.loss)
		if got := s.kept(s.tasks[0]); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestAmong checks which end of several searches is kept: the lowest, of those as low the first, and one that converged before one that did not where
// rounding of the loss at the start alone tells them apart.
func TestAmong(t *testing.T) {
	e := env([][]float64{star3}, [][]float64{ref3})
	p := Problem{Env: e, Pairs: population(e)}
	s := taken(t, &p, &objective.DPO{Lambda: 1})
	l := newLossFunction((&objective.Objective{}).And(1000, s.problem.Objective), s.tasks[0]) // 693 at the start, of which 7e-11 is rounding
	type found struct {
		loss      float64
		converged bool
	}
	for _, c := range []struct {
		name  string
		ends  []found
		flows bool
		best  int
	}{
		{"lower", []found{{1, true}, {0.5, true}}, false, 1},
		{"higher", []found{{0.5, true}, {1, true}}, false, 0},
		{"as low", []found{{1, true}, {1, true}}, false, 0},
		{"as low but for digits", []found{{1, true}, {1 - 1e-13, true}}, false, 0},
		{"lower and not converged", []found{{1, true}, {0.5, false}}, false, 1},
		{"lower by rounding and not converged", []found{{1e-3, true}, {1e-3 - 1e-11, false}}, false, 0},
		{"lower by rounding and converged", []found{{1e-3, true}, {1e-3 - 1e-11, true}}, false, 1},
		{"higher by rounding and converged", []found{{1e-3, false}, {1e-3 + 1e-11, true}}, false, 1},
		{"higher and converged", []found{{1e-3, false}, {1e-3 + 1e-9, true}}, false, 0},
		{"lower, neither converged", []found{{1, false}, {0.5, false}}, false, 1},
		{"where the gradient leads", []found{{1, true}, {0.5, true}}, true, 0},
		{"not finite", []found{{math.Inf(1), true}, {math.NaN(), true}, {5, true}}, false, 2},
		{"never finite", []found{{math.NaN(), true}}, false, -1},
	} {
		s.flows = c.flows
		var ends []*end
		all, err := s.among(l, [][]float64{{0, 0, 0}, {1, 0, 0}, {2, 0, 0}}[:len(c.ends)], 1, func(from []float64) (*end, error) {
			at := l.newPoint([]float64{float64(len(ends)), 0, 0})
			l.value(at)
			at.loss = c.ends[len(ends)].loss
			ends = append(ends, &end{descent: &descent{at: at, iterations: 3, converged: c.ends[len(ends)].converged}})
			return ends[len(ends)-1], nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if c.best < 0 {
			if all.converged || math.Abs(all.at.loss-l.value(l.newPoint([]float64{0, 0, 0}))) > 1e-9 {
				t.Errorf("%s: converged %v at %v", c.name, all.converged, all.at.loss)
			}
			continue
		}
		if all.at != ends[c.best].at || all.iterations != 3*len(ends) || all.starts != len(c.ends) || all.scale != 1 {
			t.Errorf("%s: %v, want end %d", c.name, all.at.loss, c.best)
		}
		var others []float64
		for i, e := range ends {
			if i != c.best && e.at.finite() {
				others = append(others, e.at.loss-all.at.loss)
			}
		}
		if !slices.Equal(all.others, others) {
			t.Errorf("%s: others at %v, want %v", c.name, all.others, others)
		}
	}
}
