package model

import (
	"encoding/json"
	"testing"

	"windtunnel/toy/fixedseed"
)

// At the ends of what a state may hold every loss has an answer that JSON can carry, and nothing panics. Without -tags soak
// each loss meets one of the two small lambdas and one of the two large.
func TestExtremes(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped by -short: takes long under the race detector, of which a single goroutine has no need")
	}
	for i, k := range Kinds() {
		for j, lambda := range []float64{1e-100, 1e-8, 1e8, 1e100} {
			if !fixedseed.Soak && (i+j)%2 == 1 {
				continue
			}
			s := with(Loss{Kind: k.Name, Params: k.Starts})
			s.Lambda, s.LearnRate, s.Steps = lambda, 1e3, 20
			s.Star, s.Ref = []float64{0.998, 0.001, 0.001}, []float64{1e-9, 0.5, 0.5 - 1e-9}
			r := new(Explorer).Explore(s, true)
			if _, err := json.Marshal(r); err != nil {
				t.Errorf("%s: %v", s.Fragment(), err)
			}
			for _, p := range r.Problems {
				if p.Field != lambdaKey {
					t.Errorf("%s: %+v", s.Fragment(), p)
				}
			}
		}
	}
}
