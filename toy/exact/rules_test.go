package exact

import (
	"math"
	"slices"
	"testing"

	"windtunnel/toy/objective"
)

// TestRules checks what the rules say of losses made of given parts: which response never lost, what pushes responses where, and where they say
// nothing.
func TestRules(t *testing.T) {
	fall := &objective.Shape{Low: objective.Rises, High: objective.Falls, Convexity: objective.Strict, Monotone: true}
	rise := &objective.Shape{Low: objective.Falls, High: objective.Rises, Convexity: objective.Strict, Monotone: true}
	wave := &objective.Shape{Low: objective.Rises, High: objective.Falls}
	valley := &objective.Shape{Low: objective.Rises, High: objective.Rises, Convexity: objective.Strict}
	level := &objective.Shape{Low: objective.Rises, High: objective.Level}
	better, worse := &objective.Shape{Low: objective.Saturates, High: objective.Falls, Monotone: true, Sigmoid: -1}, &objective.Shape{Low: objective.Falls, Monotone: true, Sigmoid: 1}
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
	up, down, unseen := mixed.pulls(&terms{parts: []part{{objective.Structure{Chosen: better, Rejected: worse}, 2}}})
	if !slices.Equal(up, []int{0}) || !slices.Equal(down, []int{1}) || !slices.Equal(unseen, []int{2}) {
		t.Errorf("sigmoids pull %v up, %v down, and not %v", up, down, unseen)
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
		{"a chain", mixed, plain, true}, {"a circle", circle, plain, false}, {"two parts", mixed, double, false}, {"singles", mixed, single, false}, {"barrier", mixed, barred, false},
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
