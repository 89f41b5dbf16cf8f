package claims

import (
	"fmt"
	"math"

	"windtunnel/toy/registry"
)

// Limits is the interval that a claim's values must lie in, as keys of the claim; nil ends are open to infinity.
type Limits struct {
	Min   *float64 `yaml:"min" doc:"smallest allowed value"`
	Max   *float64 `yaml:"max" doc:"largest allowed value"`
	Above *float64 `yaml:"above" doc:"values must be greater than this"`
	Below *float64 `yaml:"below" doc:"values must be less than this"`
}

// end is a limit that is given.
type end struct {
	key    string
	at     float64
	lower  bool // values must be greater, else less
	strict bool // not equal either
}

// ends lists the limits that are given, the lower ones first.
func (l Limits) ends() []end {
	var all []end
	add := func(key string, at *float64, lower, strict bool) {
		if at != nil {
			all = append(all, end{key, *at, lower, strict})
		}
	}
	add("min", l.Min, true, false)
	add("above", l.Above, true, true)
	add("max", l.Max, false, false)
	add("below", l.Below, false, true)
	return all
}

// Check refuses limits that nothing or everything satisfies.
func (l Limits) Check() []registry.Problem {
	ends := l.ends()
	switch {
	case len(ends) == 0:
		return []registry.Problem{{Key: "max", Wrong: "no limit is given", Allowed: "at least one of min, max, above, below"}}
	case l.Min != nil && l.Above != nil:
		return []registry.Problem{{Key: "above", Wrong: "is given beside min", Allowed: "one of the two"}}
	case l.Max != nil && l.Below != nil:
		return []registry.Problem{{Key: "below", Wrong: "is given beside max", Allowed: "one of the two"}}
	case len(ends) == 1:
		return nil
	}
	low, high := ends[0], ends[1]
	return registry.If(low.at > high.at || low.at == high.at && (low.strict || high.strict), low.key,
		fmt.Sprintf("is %g while %s is %g, so that nothing lies between", low.at, high.key, high.at), "a lower limit below the upper one")
}

// Limit is for who asks the same of many losses by claims that compare one number with one limit: the limit's key in the claim, ""
// where it has not one such limit, the limit, and whether it is the least that is allowed.
func (l Limits) Limit() (key string, value float64, least bool) {
	if ends := l.ends(); len(ends) == 1 && !ends[0].strict {
		return ends[0].key, ends[0].at, ends[0].lower
	}
	return "", 0, false
}

// within refuses limits that no value between two others can meet.
func (l Limits) within(low, high float64) []registry.Problem {
	for _, e := range l.ends() {
		if e.at < low || e.at > high || e.strict && (e.lower && e.at == high || !e.lower && e.at == low) {
			return []registry.Problem{{Key: e.key, Wrong: fmt.Sprintf("is %g", e.at), Allowed: fmt.Sprintf("a limit that some value in [%g,%g] meets", low, high)}}
		}
	}
	return l.Check()
}

// add compares a value with every limit. label says whose value it is.
func (l Limits) add(w *worst, value float64, label string) {
	for _, e := range l.ends() {
		over := beyond(value, e.at)
		if e.lower {
			over = beyond(e.at, value)
		}
		w.add(over, Result{over < 0 || over == 0 && !e.strict, value, e.at, fmt.Sprintf("%s %.4g", label, value)})
	}
}

// worst is the verdict that decides a claim: the first of those that break it most, else of those nearest to it.
type worst struct {
	Result
	excess float64
	any    bool
}

// add takes in a verdict whose value lies excess beyond its bound, negative inside.
func (w *worst) add(excess float64, one Result) {
	worse := excess > w.excess
	if one.Holds != w.Holds {
		worse = w.Holds
	}
	if !w.any || worse {
		*w = worst{one, excess, true}
	}
}

// NothingCounts is in the detail of a verdict that is +Inf because in no group anything fulfils the conditions.
const NothingCounts = "nothing fulfils the conditions"

// besides completes the verdict where in some of the groups, first of which is named, nothing fulfils the conditions.
func (w *worst) besides(empty, groups int, first string) {
	switch {
	case empty == groups:
		w.Result = Result{Value: math.Inf(1), Bound: math.NaN(), Detail: fmt.Sprintf("%s: %s, here or in the %d others", first, NothingCounts, groups-1)}
	case empty > 0:
		w.Detail += fmt.Sprintf("; in %d of %d nothing fulfils the conditions", empty, groups)
	}
}

// signIf returns -1 where values are turned, so that less is better, else 1.
func signIf(turned bool) float64 {
	if turned {
		return -1
	}
	return 1
}

// beyond returns a - b, 0 for equal infinities.
func beyond(a, b float64) float64 {
	if a == b {
		return 0
	}
	return a - b
}
