package model

import (
	"fmt"
	"math"
	"slices"

	"windtunnel/metrics"
	"windtunnel/toy/objective"
	"windtunnel/toy/preference"
)

// Criterion is a property that a loss should have, read from minimizers. The ends of lambda and the bounds are the
// scorecard's.
type Criterion struct {
	Name  string `json:"name"`
	Asks  string `json:"asks"`
	Value Number `json:"value"` // at most the bound where it holds; null where it cannot be said
	Bound Number `json:"bound"`
	// Verdict is holds, fails, or unknown where no minimizer can be had.
	Verdict string `json:"verdict"`
	Detail  string `json:"detail"`
}

// Verdicts of a Criterion.
const (
	holds   = "holds"
	fails   = "fails"
	unknown = "unknown"
)

// Where limits are read, and how far off they may be.
const (
	smallLambda       = 1e-6
	largeLambda       = 1e6
	limitBound        = 0.01 // total variation
	riseBound         = 1e-3 // nats
	preservationBound = 1e-3 // nats
)

// Lambdas of the path between the ends, four a decade from 1e-3 to 1e3. Every second one is in the scorecard's grid.
const (
	stepsPerDecade = 4
	pathDecades    = 3
)

// pathKey names all that a path depends on: the state without lambda, trajectory, radius and the other loss.
func (u *subject) pathKey() string {
	s := u.State
	s.Lambda, s.KLRadius, s.LearnRate, s.Steps = 1, 0, 1, 1
	s.Losses = s.Losses[u.index : u.index+1]
	return s.Fragment()
}

// path returns the minimizers along lambda, from the smallest that the loss allows and without a KL radius; nil for a loss
// without lambda.
func (u *subject) path() []PathPoint {
	_, low, high, ok := objective.Lambda(u.Params)
	if !ok {
		return nil
	}
	lambdas := []float64{smallLambda}
	for i := -pathDecades * stepsPerDecade; i <= pathDecades*stepsPerDecade; i++ {
		lambdas = append(lambdas, math.Pow(10, float64(i)/stepsPerDecade))
	}
	var path []PathPoint
	for _, lambda := range append(lambdas, largeLambda) {
		if lambda < low || lambda > high {
			continue
		}
		found := u.solved(objective.WithLambda(u.Params, lambda), u.env, u.pairs)
		path = append(path, PathPoint{Number(lambda), probabilities(found.logPi), found, fmt.Sprintf(" at lambda %.3g", lambda)})
	}
	return path
}

// criterion reads a criterion from the minimizers that it asks for. Where there are none to read, absent says why. Where one has no
// policy, it fails if there is no minimizer, or for a loss with a stop-gradient no point of rest; that none is found says nothing.
func criterion(name, asks string, bound Number, of []PathPoint, absent string, read func() (value float64, detail string)) Criterion {
	c := Criterion{Name: name, Asks: asks, Value: Number(math.NaN()), Bound: bound, Verdict: unknown, Detail: absent}
	if len(of) == 0 {
		return c
	}
	for _, p := range of {
		if p.found.missing() {
			c.Verdict, c.Detail = fails, "there is no minimizer or point of rest"+p.where
			return c
		}
		if p.found.logPi == nil {
			c.Detail = "no minimizer is found" + p.where
			return c
		}
	}
	value, detail := read()
	c.Value, c.Detail, c.Verdict = Number(value), detail, fails
	if c.Value <= bound {
		c.Verdict = holds
	}
	return c
}

// criteria reads the criteria of interpolation from the path, and preservation at the state's lambda.
func (u *subject) criteria(path []PathPoint) []Criterion {
	// limit reads the distance to an end at a very small or large lambda.
	limit := func(name, asks, metric, end string, lambda float64) Criterion {
		absent := fmt.Sprintf("lambda %g is not allowed", lambda)
		if len(path) == 0 {
			absent = noLambda
		}
		at := slices.DeleteFunc(slices.Clone(path), func(p PathPoint) bool { return float64(p.Lambda) != lambda })
		return criterion(name, asks, limitBound, at, absent, func() (float64, string) {
			return u.measure(metric, at[0].found.logPi), fmt.Sprintf("total variation to %s at lambda %g", end, lambda)
		})
	}
	return []Criterion{
		limit("strong interpolation", "Does the policy go to pi_star as lambda falls?", "tv_star", "pi_star", smallLambda),
		limit("weak interpolation", "Does it go to the mode pi_delta as lambda falls?", "tv_mode", "pi_delta", smallLambda),
		limit("reference limit", "Does it go to pi_ref as lambda grows?", "tv_ref", "pi_ref", largeLambda),
		u.monotone(path),
		u.preservation(),
	}
}

// noLambda is why there is no path.
const noLambda = "the loss has no lambda"

// measure is one metric of a policy, given as log-probabilities.
func (u *subject) measure(name string, logPi []float64) float64 {
	m, _ := metrics.Find(name)
	return m.Value(u.view(logPi))
}

// monotone reads the largest rise of KL(pi_ref to pi) along lambda.
func (u *subject) monotone(path []PathPoint) Criterion {
	return criterion("monotone", "Does it move towards pi_ref all the way as lambda grows?", riseBound, path, noLambda, func() (float64, string) {
		worst, where, last := math.Inf(-1), 0.0, math.NaN()
		for _, p := range path {
			kl := u.measure("kl_ref_pi", p.found.logPi)
			rise := kl - last
			if math.IsInf(kl, 1) && math.IsInf(last, 1) {
				rise = 0
			}
			if rise > worst {
				worst, where = rise, float64(p.Lambda)
			}
			last = kl
		}
		return worst, fmt.Sprintf("largest rise of KL(pi_ref to pi) from one lambda to the next, up to lambda %.3g (nats)", where)
	})
}

// preservation solves the loss where pi_ref is pi_star already, on the exact population: a good prompt, which should be
// left alone.
func (u *subject) preservation() Criterion {
	var at []PathPoint
	if _, direct := u.Params.(objective.Direct); !direct {
		good := environment(u.Star, u.Star)
		pairs, err := (&preference.Population{}).Build(preference.Input{Env: good})
		if err != nil {
			panic(fmt.Sprintf("model: population: %v", err))
		}
		at = []PathPoint{{found: u.solved(u.Params, good, pairs), where: " there"}}
	}
	return criterion("preservation", "Is a prompt left alone whose pi_ref is pi_star already?", preservationBound, at,
		"a policy that is given has no minimizer", func() (float64, string) {
			return u.measure("kl_star_pi", at[0].found.logPi), "KL(pi_star to pi) there at this lambda, exact population (nats)"
		})
}
