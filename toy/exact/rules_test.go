package exact

import (
	"math"
	"slices"
	"strings"
	"testing"

	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/train"
)

// TestRules checks what the rules say of losses made of given parts: which response never lost, what pushes responses where, and where they say
// nothing.
func TestRules(t *testing.T) {
	fall := &objective.Shape{Low: objective.Rises, High: objective.Falls, Convexity: objective.Strict, Monotone: true}
	rise := &objective.Shape{Low: objective.Falls, High: objective.Rises, Convexity: objective.Strict, Monotone: true}
	wave := &objective.Shape{Low: objective.Rises, High: objective.Falls}
	valley := &objective.Shape{Low: objective.Rises, High: objective.Rises, Convexity: objective.Strict}
	level := &objective.Shape{Low: objective.Rises, High: objective.Level}
	better, worse := &objective.Shape{Low: objective.Saturates, High: objective.Falls, Monotone: true, Sigmoid: -1},
		&objective.Shape{Low: objective.Falls, Monotone: true, Sigmoid: 1}
	link := taken(t, &Problem{Env: env([][]float64{star3}, [][]float64{ref3})}, &objective.FDPO{Lambda: 1, Divergence: "js"}).terms.parts[0].Link
	margin := func(s *objective.Shape) part { return part{objective.Structure{Margin: s}, 1} }
	with := func(change func(*objective.Structure)) part {
		p := margin(wave)
		change(&p.Structure)
		return p
	}
	const never = "the loss falls for ever because response 0 never lost to responses 1, 2"
	wins := &task{logRef: make([]float64, 3), chosen: []int{0, 1, 2}, rejected: []int{1, 2, 1}, weight: []float64{3, 1, 2}}
	circle := &task{logRef: make([]float64, 3), chosen: []int{0, 1, 2}, rejected: []int{1, 2, 0}, weight: []float64{3, 1, 2}}
	mixed := &task{logRef: make([]float64, 3), chosen: []int{0, 1, 2, 1}, rejected: []int{1, 0, 1, 2}, weight: []float64{3, 1, 1, 1}}
	one := &task{logRef: make([]float64, 3), chosen: []int{0}, rejected: []int{1}, weight: []float64{1}}
	for _, c := range []struct {
		name string
		task *task
		a    terms
		why  string
		gone []bool
	}{
		{"logistic", wins, terms{parts: []part{margin(fall)}}, never, nil},
		{"logistic, a circle", circle, terms{parts: []part{margin(fall)}}, "", nil},
		{"strange", wins, terms{strange: "a formula", parts: []part{margin(fall)}}, "", nil},
		{"barrier", wins, terms{barrier: 1, parts: []part{margin(fall)}}, "", nil},
		{"entropy", wins, terms{entropy: 1, parts: []part{margin(fall)}}, "", nil},
		{"reward", wins, terms{reward: 1, parts: []part{margin(fall)}}, "", nil},
		{"level", wins, terms{parts: []part{margin(level)}}, "", nil},
		{"level and logistic", wins, terms{parts: []part{margin(level), margin(fall)}}, never, nil},
		{"falls below", wins, terms{parts: []part{margin(rise)}}, "", nil},
		{"valley", wins, terms{parts: []part{margin(valley)}}, "", nil},
		{"logistic and valley", wins, terms{parts: []part{margin(fall), margin(valley)}}, "", nil},
		{"wave", wins, terms{parts: []part{margin(wave)}}, never, nil},
		{"wave held", wins, terms{parts: []part{with(func(s *objective.Structure) { s.Held = true })}}, "", nil},
		{"wave coupled", wins, terms{parts: []part{with(func(s *objective.Structure) { s.Coupled = true })}}, "", nil},
		{"wave of a link", wins, terms{parts: []part{with(func(s *objective.Structure) { s.Link = link })}}, "", nil},
		{"wave raised", wins, terms{parts: []part{with(func(s *objective.Structure) { s.Raised = true })}}, "", nil},
		{"logistic held", wins, terms{parts: []part{with(func(s *objective.Structure) { s.Margin, s.Held = fall, true })}}, never, nil},
		{"logistic of a link", wins, terms{parts: []part{with(func(s *objective.Structure) { s.Margin, s.Link = fall, link })}}, never, nil},
		{"logistic raised", wins, terms{parts: []part{with(func(s *objective.Structure) { s.Margin, s.Raised = fall, true })}}, "", nil},
		{"singles", one, terms{parts: []part{{objective.Structure{Chosen: fall, Rejected: rise}, 1}}},
			"wherever the policy is, the loss pushes response 0 up and response 1 down", []bool{false, true, false}},
		{"singles and a barrier", one, terms{barrier: 1, parts: []part{{objective.Structure{Chosen: fall, Rejected: rise}, 1}}}, "", nil},
		{"singles and entropy", one, terms{entropy: 1, parts: []part{{objective.Structure{Chosen: fall, Rejected: rise}, 1}}}, "", nil},
		{"singles and a reward", one, terms{reward: 1, parts: []part{{objective.Structure{Chosen: fall, Rejected: rise}, 1}}}, "", nil},
		{"rejected", one, terms{parts: []part{{objective.Structure{Rejected: rise}, 1}}},
			"wherever the policy is, the loss pushes response 1 down and leaves responses 0, 2 alone", []bool{false, true, false}},
		{"chosen", one, terms{parts: []part{{objective.Structure{Chosen: fall}, 1}}}, "", nil},
		{"chosen, a common constant apart", one, terms{parts: []part{{objective.Structure{Chosen: fall, Invariant: true}, 1}}},
			"wherever the policy is, the loss pushes response 0 up at the others' expense", []bool{false, false, false}},
		{"chosen in a valley", one, terms{parts: []part{{objective.Structure{Chosen: valley, Rejected: rise}, 1}}},
			"wherever the policy is, the loss pushes response 1 down and leaves response 2 alone", []bool{false, true, false}},
		{"sigmoids", mixed, terms{parts: []part{{objective.Structure{Chosen: better, Rejected: worse}, 1}}},
			"wherever the policy is, the loss pushes response 0 up and response 1 down", []bool{false, true, false}},
		{"a margin and a single", one, terms{parts: []part{{objective.Structure{Rejected: rise}, 1}, margin(fall)}},
			"wherever the policy is, the loss pushes response 0 up and response 1 down", []bool{false, true, false}},
	} {
		why, gone := c.task.none(&c.a)
		if why != c.why || !slices.Equal(gone, c.gone) {
			t.Errorf("%s: %q, %v; want %q, %v", c.name, why, gone, c.why, c.gone)
		}
	}
	// Whatever weights and slopes are measured in, 0.1 and 0.2 cancel 0.3 but for rounding.
	for _, by := range []float64{1e-12, 1, 1e12} {
		for _, slope := range []float64{1e-7, 1, 1e7} {
			odd := &task{logRef: make([]float64, 3), chosen: []int{0, 1, 2, 2, 0}, rejected: []int{1, 0, 0, 1, 2},
				weight: []float64{3 * by, by, 0.1 * by, 0.2 * by, 0.3 * by}}
			better, worse := *better, *worse
			better.Sigmoid, worse.Sigmoid = -slope, slope
			up, down, unseen := odd.pulls(&terms{parts: []part{{objective.Structure{Chosen: &better, Rejected: &worse}, 2}}})
			if !slices.Equal(up, []int{0}) || !slices.Equal(down, []int{1}) || !slices.Equal(unseen, []int{2}) {
				t.Errorf("weights times %g, sigmoids times %g pull %v up, %v down, and not %v", by, slope, up, down, unseen)
			}
		}
	}
	coupled := part{objective.Structure{Coupled: true, Chosen: fall, Rejected: rise}, 1}
	even := &task{logRef: make([]float64, 2), chosen: []int{0, 1}, rejected: []int{1, 0}, weight: []float64{1, 1}}
	for _, c := range []struct {
		task  *task
		a     terms
		apart bool
	}{
		{one, terms{parts: []part{coupled}}, true},
		{even, terms{parts: []part{coupled}}, false},
		{&task{logRef: make([]float64, 2)}, terms{parts: []part{coupled}}, false},
		{one, terms{parts: []part{coupled, coupled}}, false},
		{one, terms{parts: []part{margin(fall)}}, false},
		{one, terms{parts: []part{with(func(s *objective.Structure) { s.Coupled = true })}}, false},
		{one, terms{barrier: 1, parts: []part{coupled}}, false},
		{one, terms{entropy: 1, parts: []part{coupled}}, false},
		{one, terms{reward: 1, parts: []part{coupled}}, false},
	} {
		if got := c.task.apart(&c.a); (got != "") != c.apart {
			t.Errorf("%+v: %q", c.a, got)
		}
	}
	symmetric := func(change func(*objective.Structure)) terms {
		s := objective.Structure{Margin: fall, Symmetric: true}
		change(&s)
		return terms{parts: []part{{s, 1}}}
	}
	plain := symmetric(func(*objective.Structure) {})
	double, single, barred := plain, plain, plain
	double.parts = append(slices.Clone(plain.parts), plain.parts...)
	single.parts = []part{{objective.Structure{Margin: fall, Symmetric: true, Chosen: fall}, 1}}
	barred.barrier = 1
	for _, c := range []struct {
		name     string
		task     *task
		a        terms
		balanced bool
	}{
		{"a chain", mixed, plain, true}, {"a circle", circle, plain, false}, {"two parts", mixed, double, false},
		{"singles", mixed, single, false}, {"barrier", mixed, barred, false},
		{"one sided", mixed, symmetric(func(s *objective.Structure) { s.Symmetric = false }), false},
		{"a link", mixed, symmetric(func(s *objective.Structure) { s.Link = link }), false},
		{"a wave", mixed, symmetric(func(s *objective.Structure) { s.Margin = wave }), false},
		{"falling below", mixed, symmetric(func(s *objective.Structure) { s.Margin = rise }), false},
		{"plunging", mixed, symmetric(func(s *objective.Structure) {
			s.Margin = &objective.Shape{Low: objective.Rises, High: objective.Plunges, Convexity: objective.Strict}
		}), false},
		{"two pairs of three", one, plain, true},
	} {
		if got := c.task.balanced(&c.a); got != c.balanced {
			t.Errorf("%s: balanced %v", c.name, got)
		}
	}
}

// TestLeading checks which entries are the largest.
func TestLeading(t *testing.T) {
	for _, c := range []struct {
		v      []float64
		within float64
		want   []int
	}{
		{[]float64{1, 3, 2, 3}, 0, []int{1, 3}},
		{[]float64{1, 3, 2, 3}, 1, []int{1, 2, 3}},
		{[]float64{math.Inf(1), 0, math.Inf(1)}, 1e-9, []int{0, 2}},
		{[]float64{-1, -2}, 0.5, []int{0}},
	} {
		if got := leading(c.v, c.within); !slices.Equal(got, c.want) {
			t.Errorf("%v within %g: %v", c.v, c.within, got)
		}
	}
}

// TestTermsSay checks what follows of parts: of a convex function of log-probabilities, one that has no other argument, no link, no factor held back and
// no coupling; of one that a common constant does not change, margins without a link.
func TestTermsSay(t *testing.T) {
	fall := &objective.Shape{Low: objective.Rises, High: objective.Falls, Convexity: objective.Strict, Monotone: true}
	weak := &objective.Shape{Low: objective.Rises, High: objective.Level, Convexity: objective.Weak}
	wave := &objective.Shape{Low: objective.Saturates, High: objective.Falls}
	plunge := &objective.Shape{Low: objective.Rises, High: objective.Plunges, Convexity: objective.Strict, Monotone: true}
	sunk := &objective.Shape{Low: objective.Plunges, High: objective.Rises, Convexity: objective.Strict, Monotone: true}
	link := taken(t, &Problem{Env: env([][]float64{star3}, [][]float64{ref3})}, &objective.FDPO{Lambda: 1, Divergence: "js"}).terms.parts[0].Link
	of := func(s objective.Structure) terms { return terms{parts: []part{{s, 1}}} }
	plain := of(objective.Structure{Margin: fall})
	strange, barrier, entropy, reward := plain, plain, plain, plain
	strange.strange, barrier.barrier, entropy.entropy, reward.reward = "a formula", 1, 1, 1
	held, together := of(objective.Structure{Chosen: wave}), of(objective.Structure{Chosen: wave})
	held.held, together.together = true, true
	for _, c := range []struct {
		name                                           string
		a                                              terms
		convexInLogs, invariant, bounded, extends, has bool
	}{
		{"nothing", terms{}, true, true, true, false, false},
		{"a margin", of(objective.Structure{Margin: fall}), true, true, true, false, false},
		{"a weakly convex margin", of(objective.Structure{Margin: weak}), true, true, true, false, false},
		{"a wave", of(objective.Structure{Margin: wave}), false, true, true, false, false},
		{"a margin of a link", of(objective.Structure{Margin: fall, Link: link}), false, false, true, false, false},
		{"a coupled margin", of(objective.Structure{Margin: fall, Coupled: true}), false, true, true, false, false},
		{"a held margin", of(objective.Structure{Margin: fall, Held: true}), false, true, true, false, false},
		{"a raised margin", of(objective.Structure{Margin: fall, Raised: true}), true, false, true, false, false},
		{"a raised margin that does not fall", of(objective.Structure{Margin: weak, Raised: true}), false, false, true, false, false},
		{"a margin that plunges", of(objective.Structure{Margin: plunge}), true, true, false, false, false},
		{"a margin that plunges below", of(objective.Structure{Margin: sunk}), true, true, false, false, false},
		{"strange", strange, false, true, true, false, false},
		{"beside a barrier", barrier, true, false, true, false, false},
		{"beside entropy", entropy, true, false, true, false, false},
		{"beside a reward", reward, true, false, true, false, false},
		{"chosen", of(objective.Structure{Chosen: fall}), true, false, true, true, true},
		{"rejected", of(objective.Structure{Rejected: fall}), true, false, true, true, true},
		{"chosen, a wave", of(objective.Structure{Chosen: wave}), false, false, true, true, true},
		{"rejected, a wave", of(objective.Structure{Rejected: wave}), false, false, true, true, true},
		{"chosen, a link", of(objective.Structure{Chosen: fall, Link: link}), false, false, true, true, true},
		{"rejected, a link", of(objective.Structure{Rejected: fall, Link: link}), false, false, true, true, true},
		{"chosen, invariant", of(objective.Structure{Chosen: fall, Invariant: true}), true, true, true, true, true},
		{"rejected, invariant", of(objective.Structure{Rejected: fall, Invariant: true}), true, true, true, true, true},
		{"chosen, plunging below", of(objective.Structure{Chosen: sunk}), true, false, false, false, true},
		{"rejected, plunging below", of(objective.Structure{Rejected: sunk}), true, false, false, false, true},
		{"chosen, plunging above", of(objective.Structure{Chosen: plunge}), true, false, true, true, true}, // where no log-probability is
		{"chosen and a bounded margin", of(objective.Structure{Chosen: fall, Margin: wave}), false, false, true, true, true},
		{"chosen and a margin", of(objective.Structure{Chosen: fall, Margin: fall}), true, false, true, false, true},
		{"chosen, held", held, false, false, true, true, true},
		{"chosen, together", together, false, false, true, false, true},
	} {
		got := []bool{c.a.convexInLogs(), c.a.invariant(), c.a.boundedBelow(), c.a.extends(), c.a.hasSingles()}
		if want := []bool{c.convexInLogs, c.invariant, c.bounded, c.extends, c.has}; !slices.Equal(got, want) {
			t.Errorf("%s: convex, invariant, bounded below, extends, has singles: %v, want %v", c.name, got, want)
		}
	}
	task := &task{logRef: make([]float64, 4), chosen: []int{0}, rejected: []int{1}, weight: []float64{1}}
	bounded := taken(t, &Problem{Env: env([][]float64{star3}, [][]float64{ref3})}, &objective.FDPO{Lambda: 1, Divergence: "alpha", Alpha: 2}).terms.parts[0].Link
	unbounded := taken(t, &Problem{Env: env([][]float64{star3}, [][]float64{ref3})}, &objective.FDPO{Lambda: 1, Divergence: "forward_kl"}).terms.parts[0].Link
	for _, c := range []struct {
		name string
		a    terms
		want []bool
	}{
		{"a margin", of(objective.Structure{Margin: fall}), []bool{false, false, false, false}},
		{"a barrier", barrier, []bool{true, true, true, true}},
		{"chosen", of(objective.Structure{Chosen: fall}), []bool{true, false, false, false}},
		{"rejected", of(objective.Structure{Rejected: fall}), []bool{false, true, false, false}},
		{"chosen, a wave", of(objective.Structure{Chosen: wave}), []bool{false, false, false, false}},
		{"chosen, a bounded link", of(objective.Structure{Chosen: fall, Link: bounded}), []bool{false, false, false, false}},
		{"chosen, an unbounded link", of(objective.Structure{Chosen: fall, Link: unbounded}), []bool{true, false, false, false}},
	} {
		if held := c.a.holds(task); !slices.Equal(held, c.want) {
			t.Errorf("%s holds %v, want %v", c.name, held, c.want)
		}
	}
}

// TestReasons checks what is said of every loss on every kind of comparisons: of a policy on the boundary which responses have probability 0, and the
// rule, where one tells it, and that the loss told is what training's comes to as their logits fall.
func TestReasons(t *testing.T) {
	ruled, searched := 0, 0
	for _, kind := range objective.Kinds() {
		if kind.Name == "custom" || kind.Name == "sum" {
			continue
		}
		for name, data := range comparisons {
			loss := with(kind.Name, 1)
			b := newBench(t, loss, data)
			p := Problem{Env: b.env, Policy: b.affine(), Pairs: data}
			s := taken(t, &p, loss)
			rule, _ := s.tasks[0].none(s.terms.on(s.tasks[0]))
			v := solve(t, p, loss)
			says := func(what string) {
				t.Helper()
				if !strings.Contains(v.Reason, what) {
					t.Errorf("%s, %s: %s, %q without %q", kind.Name, name, v.Status, v.Reason, what)
				}
			}
			switch v.Status {
			case NotUnique:
				says("reported")
			case Local:
				says("searches")
			case train.Diverged:
				if s.terms.only == nil {
					says("prompt 0: " + rule)
				} else if s.terms.only.Link == nil && rule != "" {
					says("the loss falls for ever because ")
				}
				if !strings.Contains(v.Reason, "runs off") && !strings.Contains(v.Reason, "wherever the policy is, ") {
					says("falls for ever ")
				}
			case Boundary:
				if loss.Objective().Moving != nil || loss.Objective().Plays() || kind.Name == "reward" || kind.Name == "f-dpo" {
					continue
				}
				var out []int
				for k, l := range v.Policy[0] {
					if math.IsInf(l, -1) {
						out = append(out, k)
					}
				}
				says(list(out) + " at probability 0")
				if rule != "" {
					ruled++
					says("prompt 0: " + rule + "; it is least with")
					if len(out) == 2 && strings.Contains(v.Reason, "searches") {
						t.Errorf("%s, %s: one response is left, %q", kind.Name, name, v.Reason)
					}
				} else {
					searched++
					says("prompt 0: the minimizer lies on the boundary of the simplex: ")
					says("; ") // and why it is the lowest, or of how many
				}
				if holdsBack(loss.Objective()) || len(out) > 1 {
					continue // else margins between those that are gone depend on which is farther
				}
				for k, l := range v.Policy[0] {
					b.policy.Params()[k] = max(l, -1e7)
				}
				if want := b.problem.Loss(b.batch); math.Abs(v.Loss-want) > 1e-5*max(1, math.Abs(want)) {
					t.Errorf("%s, %s: loss %v, training's %v: %s", kind.Name, name, v.Loss, want, v.Reason)
				}
			}
		}
	}
	if ruled < 20 || searched < 3 {
		t.Errorf("%d on the boundary by a rule, %d by a search alone", ruled, searched)
	}
}

// TestLossOnTheBoundary checks that at a small lambda, at which margins are far less than logits, the loss told with a response at probability 0 is
// what training's comes to.
func TestLossOnTheBoundary(t *testing.T) {
	for kind, of := range map[string][]string{"nca": {"only a loss", "a chain", "never compared"}, "bco-pair": {"only a loss", "a chain"},
		"orpo": {"never compared"}, "sppo": {"one pair"}, "cal-dpo": {"one pair", "never compared"}, "cpo": {"never compared"}} {
		for _, name := range of {
			loss := with(kind, 1e-3)
			b := newBench(t, loss, comparisons[name])
			s := solve(t, Problem{Env: b.env, Policy: b.affine(), Pairs: comparisons[name]}, loss)
			for k, l := range s.Policy[0] {
				b.policy.Params()[k] = max(l, -1e7)
			}
			if want := b.problem.Loss(b.batch); s.Status != Boundary || math.Abs(s.Loss-want) > 1e-12*max(1, want) {
				t.Errorf("%s, %s: %s, loss %v, training's %v: %s", kind, name, s.Status, s.Loss, want, s.Reason)
			}
		}
	}
}

// TestHeldFormula checks a formula whose held back part leaves the gradient of a convex function: training rests where that is least, at one policy, at
// several, or at none.
func TestHeldFormula(t *testing.T) {
	loss := &objective.Custom{Lambda: 1, Pair: "-stopgrad(sigmoid(-lambda*u))*logsigmoid(lambda*u)"}
	for name, want := range map[string]struct {
		status Status
		reason string
	}{
		"cycle":          {Stationary, "the only policy at which training rests, since the gradient is that of a function which is convex"},
		"never compared": {Stationary, "training rests there, and at other policies: "},
		"one pair":       {train.Diverged, "prompt 0: the loss falls for ever because response 0 never lost to response 1"},
	} {
		b := newBench(t, loss, comparisons[name])
		s := solve(t, Problem{Env: b.env, Pairs: comparisons[name], Policy: b.affine()}, loss)
		if s.Status != want.status || !strings.HasPrefix(s.Reason, want.reason) {
			t.Errorf("%s: %s, %s", name, s.Status, s.Reason)
		}
		gradient := make([]float64, 3)
		if b.problem.AddGrad(b.batch, gradient); s.Status == Stationary && math.Hypot(gradient[0], gradient[1]) > 1e-10 {
			t.Errorf("%s: the gradient is %v", name, gradient)
		}
	}
	e := env([][]float64{star3}, [][]float64{ref3})
	wavy := &objective.Custom{Lambda: 1, Pair: "-stopgrad(sigmoid(-lambda*u))*logsigmoid(lambda*u) + 0.01*square(c)"}
	if s := solve(t, Problem{Env: e, Pairs: population(e), Policy: build(t, e, &policy.TabularParams{})}, wavy); s.Status != Stationary || !strings.Contains(s.Reason, "rest") {
		t.Errorf("%s, %s", s.Status, s.Reason)
	}
}

// TestWhyConverged checks in what a loss is said to be convex.
func TestWhyConverged(t *testing.T) {
	e := env([][]float64{star3}, [][]float64{ref3})
	for _, c := range []struct {
		loss objective.Params
		want string
	}{{&objective.DPO{Lambda: 1}, inMargins}, {&objective.IPO{Lambda: 1}, inMargins}, {&objective.TYPO{Lambda: 1}, inLogits}} {
		for _, kind := range []policy.Params{&policy.TabularParams{}, &policy.LowRankParams{Basis: [][]float64{{0, 1, -1}}}} {
			if s := solve(t, Problem{Env: e, Pairs: population(e), Policy: build(t, e, kind)}, c.loss); s.Status != train.Converged || s.Reason != c.want {
				t.Errorf("%T, %T: %s, %s, want %s", c.loss, kind, s.Status, s.Reason, c.want)
			}
		}
	}
}

// TestWhereTrainingRests checks that of a policy at rest, which a loss may have more of, it is said how many searches from elsewhere ended
// there, and that on a path, beside a policy nearby, it is found from pi_ref alone and not called the only one.
func TestWhereTrainingRests(t *testing.T) {
	e := env([][]float64{star3}, [][]float64{ref3})
	s := solve(t, Problem{Env: e, Pairs: population(e)}, &objective.BCO{Lambda: 1})
	const rests = "prompt 0: where training from pi_ref comes to rest"
	if s.Status != Stationary || s.Reason != rests+"; so do 2 other starts" {
		t.Errorf("%s, %q", s.Status, s.Reason)
	}
	near := solve(t, Problem{Env: e, Pairs: population(e), From: [][][]float64{{ref3}}}, &objective.BCO{Lambda: 1})
	if near.Status != Stationary || near.Reason != rests || !slices.Equal(near.Policy[0], s.Policy[0]) {
		t.Errorf("beside a policy: %s, %q at %v, want that of %v", near.Status, near.Reason, near.Policy[0], s.Policy[0])
	}
}
