package objective

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/floats/scalar"
	"pgregory.net/rapid"
)

// evaluation is all that a term says about a batch.
type evaluation struct {
	loss float64
	grad *Grad
	hess *Hess
}

func evaluate(term PairTerm, b *Batch) evaluation {
	n := len(b.Chosen)
	e := evaluation{term.Loss(b), newGrad(n), newHess(n)}
	term.Grad(b, 1, e.grad)
	if c, ok := term.(Curved); ok {
		c.Derivatives(b, 1, newGrad(n), e.hess)
	}
	return e
}

func (e evaluation) columns() [][]float64 {
	return [][]float64{e.grad.Chosen, e.grad.Rejected, e.hess.ChosenChosen, e.hess.ChosenRejected, e.hess.RejectedRejected}
}

// drawTerm picks a pair term of some kind and a batch for it. What leaves comparisons out at random is to depend on their order.
func drawTerm(t *rapid.T, all []variant) (string, PairTerm, *Batch) {
	all = slices.DeleteFunc(slices.Clone(all), func(v variant) bool { return len(v.objective.pair) == 0 || v.objective.Filters() })
	v := rapid.SampledFrom(all).Draw(t, "variant")
	n := rapid.IntRange(1, 8).Draw(t, "n")
	seed := rapid.Uint64().Draw(t, "seed")
	return v.name, v.objective.pair[0].Term, randomBatch(rand.New(rand.NewPCG(seed, 1)), n)
}

func close(a, b float64) bool { return scalar.EqualWithinAbsOrRel(a, b, 1e-12, 1e-9) }

// permuted returns the batch's comparisons in another order.
func permuted(b *Batch, order []int) *Batch {
	pick := func(x []float64) []float64 {
		y := make([]float64, len(order))
		for i, j := range order {
			y[i] = x[j]
		}
		return y
	}
	p := &Batch{Chosen: pick(b.Chosen), Rejected: pick(b.Rejected), RefChosen: pick(b.RefChosen), RefRejected: pick(b.RefRejected),
		Weight: pick(b.Weight)}
	if b.ChosenTokens != nil {
		p.ChosenTokens, p.RejectedTokens = pick(b.ChosenTokens), pick(b.RejectedTokens)
		p.ChosenTail, p.RejectedTail = pick(b.ChosenTail), pick(b.RejectedTail)
		p.Gap, p.Dispersion = pick(b.Gap), pick(b.Dispersion)
	}
	return p
}

func TestPermutation(t *testing.T) {
	all := variants(t, 0.7)
	rapid.Check(t, func(t *rapid.T) {
		name, term, b := drawTerm(t, all)
		index := make([]int, len(b.Chosen))
		for i := range index {
			index[i] = i
		}
		index = rapid.Permutation(index).Draw(t, "order")
		before, after := evaluate(term, b), evaluate(term, permuted(b, index))
		if !close(before.loss, after.loss) {
			t.Errorf("%s: loss %v becomes %v", name, before.loss, after.loss)
		}
		for c, column := range before.columns() {
			for i, j := range index {
				if got := after.columns()[c][i]; !close(got, column[j]) {
					t.Errorf("%s: derivative %v becomes %v", name, column[j], got)
				}
			}
		}
	})
}

// TestDuplicates writes one comparison as two of half its weight.
func TestDuplicates(t *testing.T) {
	all := variants(t, 0.7)
	rapid.Check(t, func(t *rapid.T) {
		name, term, b := drawTerm(t, all)
		n := len(b.Chosen)
		order := make([]int, n+1)
		for i := range n {
			order[i+1] = i
		}
		split := permuted(b, order)
		split.Weight[0] /= 2
		split.Weight[1] /= 2
		once, twice := evaluate(term, b), evaluate(term, split)
		if !close(once.loss, twice.loss) {
			t.Errorf("%s: loss %v, split %v", name, once.loss, twice.loss)
		}
		for c, column := range once.columns() {
			halves := twice.columns()[c]
			if !close(column[0], halves[0]+halves[1]) || !floats.EqualFunc(column[1:], halves[2:], close) {
				t.Errorf("%s: derivatives %v, split %v", name, column, halves)
			}
		}
	})
}

func TestDifferenceOnly(t *testing.T) {
	differing, other := 0, 0
	for _, v := range variants(t, 0.7) {
		for _, term := range v.objective.pair {
			b := randomBatch(rand.New(rand.NewPCG(3, 4)), 5)
			before := evaluate(term.Term, b)
			for i := range b.Chosen {
				b.Chosen[i] -= 1.5 * float64(i)
				b.Rejected[i] -= 1.5 * float64(i)
			}
			after := evaluate(term.Term, b)
			if term.Term.DifferenceOnly() {
				differing++
				if !close(before.loss, after.loss) {
					t.Errorf("%s: a common shift changes the loss from %v to %v", v.name, before.loss, after.loss)
				}
				for i, g := range before.grad.Chosen {
					if g != -before.grad.Rejected[i] {
						t.Errorf("%s: derivatives %v and %v do not cancel", v.name, g, before.grad.Rejected[i])
					}
				}
			} else if _, remembers := term.Term.(detachedMemory); !remembers { // which may pass what it will not be
				other++
				if close(before.loss, after.loss) {
					t.Errorf("%s: a common shift leaves the loss at %v; it should be DifferenceOnly", v.name, before.loss)
				}
			}
		}
	}
	if differing < 5 || other < 5 {
		t.Errorf("%d terms of differences and %d others seen", differing, other)
	}
}

// TestAccumulate checks that Grad and Derivatives add, and that scale multiplies.
func TestAccumulate(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, v := range variants(t, 0.7) {
		for _, term := range v.objective.pair {
			b := randomBatch(rng, 3)
			once, g, h, both := evaluate(term.Term, b), newGrad(3), newHess(3), newGrad(3)
			for _, scale := range []float64{2, -0.5} {
				term.Term.Grad(b, scale, g)
				if c, ok := term.Term.(Curved); !ok {
					both = g
				} else if loss := c.Derivatives(b, scale, both, h); loss != once.loss {
					t.Errorf("%s: the loss with its derivatives is %v, else %v", v.name, loss, once.loss)
				}
			}
			if !slices.Equal(g.Chosen, both.Chosen) || !slices.Equal(g.Rejected, both.Rejected) {
				t.Errorf("%s: the gradient with the second derivatives is %v, else %v", v.name, both, g)
			}
			for c, column := range (evaluation{grad: g, hess: h}).columns() {
				for i, got := range column {
					if want := 1.5 * once.columns()[c][i]; !close(got, want) {
						t.Errorf("%s: column %d is %v, want %v", v.name, c, got, want)
					}
				}
			}
		}
		for _, term := range v.objective.dist {
			d := dist(gaussian(rng, 4, 1), gaussian(rng, 4, 1), gaussian(rng, 4, 1))
			for n, add := range map[int]func(*Dist, float64, []float64){4: term.Term.Grad, 16: term.Term.Hess} {
				once, twice := make([]float64, n), make([]float64, n)
				add(d, 1, once)
				add(d, 2, twice)
				add(d, -0.5, twice)
				floats.Scale(1.5, once)
				if !floats.EqualFunc(once, twice, close) {
					t.Errorf("%s: %v, want %v", v.name, twice, once)
				}
			}
		}
	}
}

// TestScratch evaluates batches of changing sizes with one term: scratch must not leak from one to the next.
func TestScratch(t *testing.T) {
	fresh := variants(t, 0.7)
	for i, v := range variants(t, 0.7) {
		for j, term := range v.objective.pair {
			for _, n := range []int{4, 1, 7, 3} {
				b := randomBatch(rand.New(rand.NewPCG(uint64(n), 0)), n)
				got := evaluate(term.Term, b)
				if n == 7 {
					want := evaluate(fresh[i].objective.pair[j].Term, b)
					if got.loss != want.loss || !slices.EqualFunc(got.columns(), want.columns(), slices.Equal[[]float64]) {
						t.Errorf("%s: used %v, fresh %v", v.name, got, want)
					}
				}
			}
		}
	}
}

func TestOuter(t *testing.T) {
	for _, tt := range []struct {
		name     string
		outer    Outer
		minimum  float64 // where the loss is least
		least    float64
		attained bool
	}{
		{"logistic", Logistic{}, 1e3, 0, false},
		{"square", Square{0.5}, 0.5, 0, true},
	} {
		out := make([]float64, 1)
		tt.outer.Value([]float64{tt.minimum}, out)
		if math.Abs(out[0]-tt.least) > 1e-300 || tt.outer.(Shaped).Shape().Attained() != tt.attained {
			t.Errorf("%s: %v at %v, attained %v", tt.name, out[0], tt.minimum, tt.outer.(Shaped).Shape().Attained())
		}
	}
}
