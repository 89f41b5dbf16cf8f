package objective

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// known writes what is known of an objective in a bandit, term by term.
func known(o *Objective) (all []string) {
	for _, w := range o.Bandit().pair {
		if u, ok := w.Term.(Undecided); ok {
			all = append(all, u.Why())
			continue
		}
		st, ok := w.Term.(Structured)
		if !ok {
			return []string{"not structured"}
		}
		s, known := st.Structure()
		part := func(name string, p *Shape) {
			if p == nil {
				return
			}
			q := *p
			q.Sigmoid = 0
			if p.Sigmoid != 0 {
				q.Sigmoid = math.Copysign(1, p.Sigmoid)
			}
			_, invertible := s.Link.(Invertible)
			all = append(all, fmt.Sprintf("%s %+v known %v, link %v %v, raised %v, reference %v, held %v", name, q, known, s.Link != nil, invertible,
				s.Raised, !s.ReferenceFree, s.Held))
		}
		part("margin", s.Margin)
		part("chosen", s.Chosen)
		part("rejected", s.Rejected)
	}
	for _, w := range o.Bandit().dist {
		all = append(all, fmt.Sprintf("%.12g %T", w.Weight, w.Term))
	}
	slices.Sort(all)
	return all
}

// TestTwins: of a formula as much is known as of the loss of the registry that it writes out, by its form alone; and what it is
// taken apart into is the same loss.
func TestTwins(t *testing.T) {
	mixes := "the formula mixes several combinations of its variables in one function"
	undecided := map[string]string{"expo-regression": mixes, "wpo without alignment": mixes, "alphapo": mixes, "orpo": mixes, "dpo-positive": mixes}
	for _, f := range ownFormulas {
		f.custom.Lambda = at
		own, formula := known(f.builtin.Objective()), known(f.custom.Objective())
		if why, not := undecided[f.name]; not {
			if len(formula) != 1 || formula[0] != why {
				t.Errorf("%s: %v", f.name, formula)
			}
		} else if f.name != "chi-po clipped" && !slices.Equal(own, formula) {
			t.Errorf("%s: of the loss is known\n%s\nof the formula\n%s", f.name, strings.Join(own, "\n"), strings.Join(formula, "\n"))
		}
		for _, o := range []*Objective{f.builtin.Objective(), f.custom.Objective()} {
			if factor, same := Same(o, o.Bandit()); !same || math.Abs(factor-1) > 1e-8 {
				t.Errorf("%s: taken apart it is another loss; factor %v", f.name, factor)
			}
		}
	}
}

// TestFormulaShapes: what is proven of formulas, with the values that the shape's own test asks for.
func TestFormulaShapes(t *testing.T) {
	for formula, want := range map[string]Shape{
		"softplus(-m) - sigmoid(-m)":           {Low: Rises, High: Falls, Convexity: Strict, Monotone: true},
		"-stopgrad(sigmoid(-m))*logsigmoid(m)": {Low: Rises, High: Falls, Convexity: Strict, Monotone: true},
		"-stopgrad(exp(-m))*m":                 {Low: Rises, High: Falls, Convexity: Strict, Monotone: true},
		"stopgrad(m - 1)*m":                    {Low: Rises, High: Rises, Convexity: Strict},
		"0.3*sigmoid(m) + square(m)":           {Low: Rises, High: Rises, Convexity: Strict},
		"m^4 - 2*m":                            {Low: Rises, High: Rises, Convexity: Strict},
		"max(0, 1 - m, 2 - 3*m)":               {Low: Rises, High: Level, Convexity: Weak},
		"abs(m - 1)":                           {Low: Rises, High: Rises, Convexity: Weak},
		"square(relu(1 - m))":                  {Low: Rises, High: Level, Convexity: StrictAtLosses},
		"square(relu(-1 - m))":                 {Low: Rises, High: Level, Convexity: Weak},
		"exp(-m) + exp(-2*m)":                  {Low: Rises, High: Falls, Convexity: Strict, Monotone: true},
		"softplus(-m)^2":                       {Low: Rises, High: Falls, Convexity: Strict, Monotone: true},
		"log1p(exp(-3*m))":                     {Low: Rises, High: Falls, Convexity: Strict, Monotone: true},
		"-tanh(m)":                             {Low: Saturates, High: Falls, Monotone: true},
		"sqrt(1 + square(m - 2))":              {Low: Rises, High: Rises},
		"(1 - sigmoid(m))*softplus(-m) + sigmoid(m)*exp(-m)": {Low: Rises, High: Falls},
		"log(1 + exp(-m)) + 0.1*softplus(m)":                 {Low: Rises, High: Rises, Convexity: Strict},
		"1/(1 + exp(m))":                                     {Low: Saturates, High: Falls, Monotone: true},
		"m - softplus(m) + 1":                                {Low: Plunges, High: Saturates, Monotone: true},
		"7":                                                  {Low: Level, High: Level, Convexity: Weak},
		"exp(-square(m))":                                    {},
		"-exp(-exp(m))":                                      {Low: Falls, Monotone: true},
	} {
		o := (&Custom{Lambda: 1, Psi: formula}).Objective()
		term := o.pair[0].Term
		if r, ok := term.(Resting); ok {
			term = r.Potential()
		}
		m := term.(*Margin)
		shape := m.Outer.(Shaped).Shape()
		shape.Hinge, shape.Sigmoid = false, 0
		if shape != want {
			t.Errorf("%s: %+v, want %+v", formula, shape, want)
		}
	}
}
