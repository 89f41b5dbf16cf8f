package scorecard

import (
	"context"
	"math"
	"reflect"
	"strings"
	"sync"

	"windtunnel/experiments/spec"
	"windtunnel/experiments/spec/decode"
	"windtunnel/toy/objective"
)

var nan = math.NaN()

// shared is what all subjects share.
type shared struct {
	ctx          context.Context
	environments []*Environment
	typo         *Subject // what others are compared with in preservation/dominated

	rivals  once[string, rivalry]
	samples once[sampleKey, sampled]
}

// once does the work for a key once, for all who ask. The zero value is ready.
type once[K comparable, V any] struct {
	mu   sync.Mutex
	done map[K]func() V
}

func (o *once[K, V]) get(key K, work func() V) V {
	o.mu.Lock()
	if o.done == nil {
		o.done = map[K]func() V{}
	}
	do, ok := o.done[key]
	if !ok {
		do = sync.OnceValue(work)
		o.done[key] = do
	}
	o.mu.Unlock()
	return do()
}

func newShared(ctx context.Context, settings spec.ScorecardSettings) *shared {
	c := &shared{ctx: ctx, environments: environments(settings.Environments, settings.Seed)}
	kind, _ := objective.Kinds().Find("typo")
	c.typo = c.subject("typo as the rival", kind.New())
	return c
}

// Subject is a loss under test.
type Subject struct {
	Label string
	Loss  objective.Params
	Own   float64 // its own lambda, NaN where it has none

	shared *shared
	lambda []int // index of the lambda field
	bounds decode.Interval

	solved func() share // of a few trials by the exact solver or Newton's method

	// Of the visit to one environment that is being made; nil outside one.
	cache    map[minimumKey]*outcome
	misses   int // how often in a row Newton's method has failed here
	evidence *evidence
}

func (c *shared) subject(label string, loss objective.Params) *Subject {
	s := &Subject{Label: label, Loss: loss, Own: nan, shared: c}
	v := reflect.ValueOf(loss).Elem()
	for _, f := range reflect.VisibleFields(v.Type()) {
		key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if key != "lambda" || f.Type.Kind() != reflect.Float64 {
			continue
		}
		s.lambda, s.Own = f.Index, v.FieldByIndex(f.Index).Float()
		s.bounds = decode.Interval{Low: math.Inf(-1), High: math.Inf(1)}
		if r, err := decode.ParseInterval(f.Tag.Get("range")); err == nil {
			s.bounds = r
		}
	}
	s.solved = sync.OnceValue(s.try)
	return s
}

// hasLambda says whether the loss has a regularization strength.
func (s *Subject) hasLambda() bool { return s.lambda != nil }

// at returns the loss at a lambda; where it has none, the loss.
func (s *Subject) at(lambda float64) objective.Params {
	if !s.hasLambda() {
		return s.Loss
	}
	v := reflect.New(reflect.TypeOf(s.Loss).Elem())
	v.Elem().Set(reflect.ValueOf(s.Loss).Elem())
	v.Elem().FieldByIndex(s.lambda).SetFloat(lambda)
	return v.Interface().(objective.Params)
}

// nearest returns the allowed lambda nearest to the one wanted; the loss's own where it has none.
func (s *Subject) nearest(lambda float64) float64 {
	if !s.hasLambda() {
		return nan
	}
	return min(max(lambda, s.bounds.Low), s.bounds.High)
}

// grid returns lambdas from 1e-3 to 1e3, two a decade where minimizers are solved for, one where they are searched.
func (s *Subject) grid(solved bool) []float64 {
	half := 2
	if solved {
		half = 1
	}
	var all []float64
	for i := -6; i <= 6; i += half {
		if v := math.Pow(10, float64(i)/2); s.bounds.Contains(v) {
			all = append(all, v)
		}
	}
	return all
}

// share is a part of some trials.
type share struct{ part, of int }

// smooth says whether the exact solver or Newton's method has most minimizers: where they do not, trying costs time.
func (s *Subject) smooth() bool { t := s.solved(); return 4*t.part > 3*t.of }

// solvedFor says whether they have all minimizers, as far as a few trials can tell. A loss with kinks is searched for
// wherever its minimizer is at one.
func (s *Subject) solvedFor() bool { t := s.solved(); return t.part == t.of }

// try counts the minimizers that the exact solver or Newton's method has in a few trials.
func (s *Subject) try() share {
	var t share
	for _, p := range s.shared.environments[:min(4, len(s.shared.environments))] {
		for _, lambda := range []float64{0.01, 1, 100} {
			one := p.task()
			one.loss = s.at(s.nearest(lambda))
			t.of++
			if _, ok := one.solved(s.shared.ctx); ok {
				t.part++
			}
		}
	}
	return t
}

// comparesPairs says whether the loss reads comparisons at all.
func (s *Subject) comparesPairs() bool { return s.Loss.Objective().Compares() }

// isQPO says whether the loss is of the family psi(mu(r_w) - mu(r_l)) that the paper's theorems speak of.
func (s *Subject) isQPO() bool {
	term, _ := s.Loss.Objective().Only()
	m, ok := term.(*objective.Margin)
	return ok && !m.ReferenceFree
}
