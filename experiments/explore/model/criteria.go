package model

import (
	"fmt"
	"math"
	"slices"

	"windtunnel/experiments/spec/decode"
	"windtunnel/metrics"
	"windtunnel/toy/bandit"
	"windtunnel/toy/exact"
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
	loss := u.Losses[u.index]
	kind, _ := objective.Kinds().Find(loss.Kind)
	fields := decode.Fields(kind.New(), tables)
	field := slices.IndexFunc(fields, func(f decode.Field) bool { return f.Key == lambdaKey })
	if field < 0 {
		return nil
	}
	lambdas := []float64{smallLambda}
	for i := -pathDecades * stepsPerDecade; i <= pathDecades*stepsPerDecade; i++ {
		lambdas = append(lambdas, math.Pow(10, float64(i)/stepsPerDecade))
	}
	var path []PathPoint
	for _, lambda := range append(lambdas, largeLambda) {
		if !interval(fields[field].Allowed).Contains(lambda) {
			continue
		}
		params, problems := loss.decode(sides[u.index], lambda)
		if len(problems) > 0 {
			panic(fmt.Sprintf("model: %s at lambda %v: %s", loss.Kind, lambda, problems[0].Message))
		}
		m := u.minimum(params, u.env, u.pairs)
		path = append(path, PathPoint{Number(lambda), probabilities(m.logPi), m})
	}
	return path
}

// minimum is the minimizer of a loss.
type minimum struct {
	logPi []float64 // nil where none is found
	none  bool      // it is known that there is no minimizer
}

// minimum returns the policy that the exact solver finds.
func (u *subject) minimum(loss objective.Params, env *bandit.Env, pairs *preference.Pairs) minimum {
	found, err := u.setup(loss, env, pairs).Solve(background)
	if err != nil || found.Status == exact.Stalled {
		return minimum{}
	}
	return minimum{found.Policy[0], found.Policy[0] == nil}
}

// criteria reads the criteria of interpolation from the path, and preservation at the state's lambda.
func (u *subject) criteria(path []PathPoint) []Criterion {
	return []Criterion{
		u.limit("strong interpolation", "Does the policy go to pi_star as lambda falls?", "tv_star", "pi_star", path, smallLambda),
		u.limit("weak interpolation", "Does it go to the mode pi_delta as lambda falls?", "tv_mode", "pi_delta", path, smallLambda),
		u.limit("reference limit", "Does it go to pi_ref as lambda grows?", "tv_ref", "pi_ref", path, largeLambda),
		u.monotone(path),
		u.preservation(),
	}
}

// limit reads the distance to an end at a very small or large lambda.
func (u *subject) limit(name, asks, metric, end string, path []PathPoint, lambda float64) Criterion {
	c := Criterion{Name: name, Asks: asks, Value: Number(math.NaN()), Bound: limitBound, Verdict: unknown}
	at := slices.IndexFunc(path, func(p PathPoint) bool { return float64(p.Lambda) == lambda })
	switch {
	case len(path) == 0:
		c.Detail = "the loss has no lambda"
	case at < 0:
		c.Detail = fmt.Sprintf("lambda %g is not allowed", lambda)
	case path[at].logPi == nil:
		c.missing(path[at].minimum, fmt.Sprintf(" at lambda %g", lambda))
	default:
		c.Value = u.measure(metric, path[at].logPi)
		c.decide(fmt.Sprintf("total variation to %s at lambda %g", end, lambda))
	}
	return c
}

// decide sets the verdict from the value.
func (c *Criterion) decide(detail string) {
	c.Detail, c.Verdict = detail, fails
	if c.Value <= c.Bound {
		c.Verdict = holds
	}
}

// missing says that there is no minimizer, or for a loss with a stop-gradient no point of rest, which fails a criterion, or that none is found, which says nothing.
func (c *Criterion) missing(m minimum, where string) {
	if m.none {
		c.Verdict, c.Detail = fails, "there is no minimizer or point of rest"+where
		return
	}
	c.Detail = "no minimizer is found" + where
}

// measure is one metric of a policy, given as log-probabilities.
func (u *subject) measure(name string, logPi []float64) Number {
	m, ok := metrics.Find(name)
	if !ok {
		panic("model: there is no metric " + name)
	}
	return Number(m.Value(u.view(logPi)))
}

// monotone reads the largest rise of KL(pi_ref to pi) along lambda.
func (u *subject) monotone(path []PathPoint) Criterion {
	c := Criterion{Name: "monotone", Asks: "Does it move towards pi_ref all the way as lambda grows?", Value: Number(math.NaN()),
		Bound: riseBound, Verdict: unknown}
	if len(path) < 2 {
		c.Detail = "the loss has no lambda"
		return c
	}
	worst, where, last := math.Inf(-1), 0.0, math.NaN()
	for _, p := range path {
		if p.logPi == nil {
			c.missing(p.minimum, fmt.Sprintf(" at lambda %.3g", float64(p.Lambda)))
			return c
		}
		kl := float64(u.measure("kl_ref_pi", p.logPi))
		rise := kl - last
		if math.IsInf(kl, 1) && math.IsInf(last, 1) {
			rise = 0
		}
		if rise > worst {
			worst, where = rise, float64(p.Lambda)
		}
		last = kl
	}
	c.Value = Number(worst)
	c.decide(fmt.Sprintf("largest rise of KL(pi_ref to pi) from one lambda to the next, up to lambda %.3g (nats)", where))
	return c
}

// preservation solves the loss where pi_ref is pi_star already, on the exact population: a good prompt, which should be
// left alone.
func (u *subject) preservation() Criterion {
	c := Criterion{Name: "preservation", Asks: "Is a prompt left alone whose pi_ref is pi_star already?", Value: Number(math.NaN()),
		Bound: preservationBound, Verdict: unknown}
	if _, direct := u.Params.(objective.Direct); direct {
		c.Detail = "a policy that is given has no minimizer"
		return c
	}
	good := environment(u.Star, u.Star)
	pairs, err := (&preference.Population{}).Build(preference.Input{Env: good})
	if err != nil {
		panic(fmt.Sprintf("model: population: %v", err))
	}
	m := u.minimum(u.Params, good, pairs)
	if m.logPi == nil {
		c.missing(m, " there")
		return c
	}
	c.Value = u.measure("kl_star_pi", m.logPi)
	c.decide("KL(pi_star to pi) there at this lambda, exact population (nats)")
	return c
}
