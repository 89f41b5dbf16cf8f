package exact

import (
	"context"
	"math/rand/v2"
	"reflect"
	"testing"

	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
)

// What was found serves a problem that is the same, and no other: with and without it the solutions are the same to the last bit, and a
// margin loss, whose scaled margins do not move with lambda, is searched once.
func TestKnown(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	e, other := random(rng, 5, 1), random(rng, 5, 1)
	for _, c := range []struct {
		name   string
		losses []objective.Params
		found  int
	}{
		{"margins", []objective.Params{&objective.DPO{Lambda: 1}, &objective.DPO{Lambda: 3}}, 1},
		{"unlike margins", []objective.Params{&objective.DPO{Lambda: 1}, &objective.DPO{Lambda: 1, LabelSmoothing: 1e-9}}, 2},
		{"searched", []objective.Params{&objective.APODown{Lambda: 1}, &objective.APODown{Lambda: 1}}, 1},
		{"at rest", []objective.Params{&objective.BCO{Lambda: 1}, &objective.BCO{Lambda: 1}}, 1},
		{"coupled", []objective.Params{&objective.AOT{Lambda: 1}, &objective.AOT{Lambda: 1}, &objective.AOT{Lambda: 1, LabelSmoothing: 1e-9}}, 2},
		{"lambdas", []objective.Params{&objective.APODown{Lambda: 1}, &objective.APODown{Lambda: 1 + 1e-9}}, 2},
	} {
		known := &Known{}
		for _, loss := range c.losses {
			var found [2]*Solution
			for i, k := range []*Known{nil, known} {
				var err error
				p := &Problem{Env: e, Policy: build(t, e, &policy.TabularParams{}), Objective: loss.Objective(), Pairs: population(e), Known: k}
				if found[i], err = Solve(context.Background(), p); err != nil {
					t.Fatal(err)
				}
			}
			if !reflect.DeepEqual(found[0], found[1]) {
				t.Errorf("%s: %+v, with what is known %+v", c.name, found[0], found[1])
			}
		}
		if len(known.found) != c.found {
			t.Errorf("%s: %d answers are kept, want %d", c.name, len(known.found), c.found)
		}
		if _, err := Solve(context.Background(), &Problem{Env: other, Policy: build(t, other, &policy.TabularParams{}), Objective: c.losses[0].Objective(),
			Pairs: population(other), Known: known}); err != nil || len(known.found) != c.found+1 {
			t.Errorf("%s: the answer to other comparisons is not kept beside: %d, %v", c.name, len(known.found), err)
		}
	}
}
