package spec

import (
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// A bitset counts and finds its numbers as a sorted list does.
func TestBitset(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 5000).Draw(t, "size")
		numbers := rapid.SliceOfNDistinct(rapid.IntRange(0, size-1), 0, size, rapid.ID).Draw(t, "numbers")
		b := newBitset(size)
		for _, n := range numbers {
			if !b.add(n) || b.add(n) || !b.has(n) {
				t.Fatalf("adding %d twice", n)
			}
		}
		b.index()
		slices.Sort(numbers)
		for i, n := range numbers {
			if got := b.nth(i); got != n {
				t.Fatalf("number %d is %d, want %d", i, got, n)
			}
		}
		if b.count != len(numbers) {
			t.Fatalf("%d numbers, want %d", b.count, len(numbers))
		}
	})
}

// A product counts through its dimensions with the last fastest, and a facet through some of them.
func TestDigits(t *testing.T) {
	t.Parallel()
	dims := []dimension{{rows: 2, choices: []int{0, 1}}, {rows: 3}, {rows: 1}, {rows: 4}}
	p := newProduct(dims)
	f := p.newFacet([]bool{false, true, false, true})
	c := 0
	for i := range 2 {
		for j := range 3 {
			for k := range 4 {
				digits := p.digits(c, nil)
				if !slices.Equal(digits, []int{i, j, 0, k}) || f.index(digits) != 4*j+k || p.objective(digits) != i {
					t.Errorf("combination %d is %v, %d of the facet", c, digits, f.index(digits))
				}
				c++
			}
		}
	}
	if p.size != c || f.size != 12 {
		t.Errorf("sizes %d and %d, want %d and 12", p.size, f.size, c)
	}
}

// Runs can be resolved in any order and at the same time; more sections than are kept give the same runs.
func TestConcurrentRuns(t *testing.T) {
	t.Parallel()
	plan := loaded(t, head+`preferences: sample
objectives: [dpo, ipo]
seeds: 30
sweep: [{grid: {lambda: {logspace: {from: -5, to: 2, num: 20}}}}, {where: lambda < 10 or objective == 'ipo'}]
`).Plan
	all := runsOf(plan)
	for _, s := range plan.sections {
		s.slots = s.slots[:min(len(s.slots), 3)]
	}
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for i := range all {
				at := (i*7 + worker*13) % len(all)
				r, want := plan.Run(at), all[at]
				if r.ID != want.ID || r.Content() != want.Content() || !slices.Equal(r.Cells(), want.Cells()) || plan.CostOf(at) != want.Cost() {
					t.Errorf("run %d is %s, want %s", at, r, want)
				}
			}
		})
	}
	group.Wait()
}
