package model

import (
	"fmt"
	"math"
	"slices"

	"windtunnel/metrics"
	"windtunnel/toy/bandit"
	"windtunnel/toy/exact"
	"windtunnel/toy/objective"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
)

// Criterion is a property that a loss should have, read from minimizers. The ends of lambda and the bounds are the
// scorecard's.
type Criterion struct {
	Name  string `json:"name"`
	Asks  string `json:"asks"`
	Value Number `json:"value"` // at most the bound where it holds; null where it cannot be said
	Bound Number `json:"bound"`
	// Verdict is "holds", "fails", or "unknown" where no minimizer can be had.
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
	smallLambda = 1e-6
	largeLambda = 1e6
	limitBound  = 0.01 // total variation
	riseBound   = 1e-3 // nats
	keepBound   = 1e-3 // nats
)

// Lambdas of the path between the ends, four a decade from 1e-3 to 1e3. Every second one is in the scorecard's grid.
const (
	stepsADecade = 4
	pathDecades  = 3
)

// lambdas returns the lambdas of a path, from the smallest, as far as the loss allows them.
func (u *subject) lambdas() []float64 {
	bounds, has := lambdaBounds(u.kind)
	if !has {
		return nil
	}
	all := []float64{smallLambda}
	for i := -pathDecades * stepsADecade; i <= pathDecades*stepsADecade; i++ {
		all = append(all, math.Pow(10, float64(i)/stepsADecade))
	}
	all = append(all, largeLambda)
	return slices.DeleteFunc(all, func(v float64) bool { return !bounds.Contains(v) })
}

// at returns the loss with another lambda.
func (u *subject) at(lambda float64) objective.Params {
	i := u.side()
	loss, problems := u.decodeAt(u.Losses[i], sides[i], lambda)
	if len(problems) > 0 {
		panic(fmt.Sprintf("model: %s at lambda %v: %s", u.kind, lambda, problems[0].Message))
	}
	return loss.params
}

// side is the loss's place in the state.
func (u *subject) side() int {
	if u.label == u.State.label(0) {
		return 0
	}
	return 1
}

// pathKey names all that a path depends on: the state without lambda, trajectory, radius and the other loss.
func (u *subject) pathKey() string {
	s := u.State
	s.Lambda, s.KLRadius, s.LearnRate, s.Steps = 1, 0, 1, 1
	s.Losses = s.Losses[u.side() : u.side()+1]
	return s.Fragment()
}

// path returns the minimizers along lambda, of the loss without a KL radius; nil for a loss without lambda.
func (u *subject) path() []Place {
	var all []Place
	for _, lambda := range u.lambdas() {
		r := u.settle(u.at(lambda), u.env, u.pairs)
		all = append(all, Place{Number(lambda), probabilities(r.logPi), r})
	}
	return all
}

// rest is where a loss leaves a policy.
type rest struct {
	logPi []float64 // nil where nothing is found
	none  bool      // there is no minimizer, which is more than not to find one
}

// settle returns the minimizer, or where the exact solver does not know the loss the stationary point that Newton's
// method comes to from pi_ref.
func (u *subject) settle(loss objective.Params, env *bandit.Env, pairs *preference.Pairs) rest {
	found, err := u.setup(loss, env, pairs).Solve(background)
	if err == nil && found.Status != exact.Stalled {
		return rest{found.Policy[0], found.Policy[0] == nil}
	}
	return rest{logPi: u.stationary(loss, env, pairs)}
}

// stationary returns where Newton's method comes to rest from pi_ref, nil if it does not.
func (u *subject) stationary(loss objective.Params, env *bandit.Env, pairs *preference.Pairs) []float64 {
	problem, err := u.setup(loss, env, pairs).Exact()
	if err != nil {
		return nil
	}
	found, err := exact.Stationary(background, problem)
	if err == nil && found.Status == train.Converged && found.Reason == "" {
		return found.Policy[0]
	}
	return nil
}

// criteria reads the criteria of interpolation from the path, and preservation at the state's lambda.
func (u *subject) criteria(path []Place) []Criterion {
	return []Criterion{
		u.limit("strong interpolation", "Does the minimizer go to pi_star as lambda falls?", "tv_star", "pi_star", path, smallLambda),
		u.limit("weak interpolation", "Does it go to the mode pi_delta as lambda falls?", "tv_mode", "pi_delta", path, smallLambda),
		u.limit("reference limit", "Does it go to pi_ref as lambda grows?", "tv_ref", "pi_ref", path, largeLambda),
		u.monotone(path),
		u.preservation(),
	}
}

// limit reads the distance to an end at a lambda far out.
func (u *subject) limit(name, asks, metric, end string, path []Place, lambda float64) Criterion {
	c := Criterion{Name: name, Asks: asks, Value: Number(math.NaN()), Bound: limitBound, Verdict: unknown}
	at := slices.IndexFunc(path, func(p Place) bool { return float64(p.Lambda) == lambda })
	switch {
	case len(path) == 0:
		c.Detail = "the loss has no lambda"
	case at < 0:
		c.Detail = fmt.Sprintf("lambda %g is not allowed", lambda)
	case path[at].logPi == nil:
		c.lacks(path[at].rest, fmt.Sprintf(" at lambda %g", lambda))
	default:
		c.Value = u.measure(metric, path[at].logPi)
		c.judge(fmt.Sprintf("total variation to %s at lambda %g", end, lambda))
	}
	return c
}

// judge sets the verdict from the value.
func (c *Criterion) judge(detail string) {
	c.Detail, c.Verdict = detail, fails
	if c.Value <= c.Bound {
		c.Verdict = holds
	}
}

// lacks says that there is no minimizer, which fails a criterion, or that none is found, which says nothing.
func (c *Criterion) lacks(r rest, where string) {
	if r.none {
		c.Verdict, c.Detail = fails, "there is no minimizer"+where
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
	v := u.view()
	v.Set(logPi)
	return Number(m.Value(v))
}

// monotone reads the largest rise of KL(pi_ref to pi) along lambda.
func (u *subject) monotone(path []Place) Criterion {
	c := Criterion{Name: "monotone", Asks: "Does it move towards pi_ref all the way as lambda grows?", Value: Number(math.NaN()),
		Bound: riseBound, Verdict: unknown}
	if len(path) < 2 {
		c.Detail = "the loss has no lambda"
		return c
	}
	worst, where, last := math.Inf(-1), 0.0, math.NaN()
	for _, p := range path {
		if p.logPi == nil {
			c.lacks(p.rest, fmt.Sprintf(" at lambda %.3g", float64(p.Lambda)))
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
	c.judge(fmt.Sprintf("largest rise of KL(pi_ref to pi) from one lambda to the next, up to lambda %.3g (nats)", where))
	return c
}

// preservation solves the loss where pi_ref is pi_star already, on the exact population: a good prompt, which should be left alone.
func (u *subject) preservation() Criterion {
	c := Criterion{Name: "preservation", Asks: "Is a prompt left alone whose pi_ref is pi_star already?", Value: Number(math.NaN()),
		Bound: keepBound, Verdict: unknown}
	if _, direct := u.Params.(objective.Direct); direct {
		c.Detail = "a policy that is given has no minimizer"
		return c
	}
	good := environment(u.Star, u.Star)
	pairs, err := (&preference.Population{}).Build(preference.Input{Env: good})
	if err != nil {
		panic(fmt.Sprintf("model: population: %v", err))
	}
	r := u.settle(u.Params, good, pairs)
	if r.logPi == nil {
		c.lacks(r, " there")
		return c
	}
	c.Value = u.measure("kl_star_pi", r.logPi)
	c.judge("KL(pi_star to pi) there at this lambda, exact population (nats)")
	return c
}
