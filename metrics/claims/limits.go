package claims

import (
	"fmt"
	"math"

	"windtunnel/toy/registry"
)

// limits is the interval that values must lie in; nil ends are open to infinity.
type limits struct{ min, max, above, below *float64 }

// check reports limits that nothing or everything satisfies.
func (l limits) check() []registry.Problem {
	switch {
	case l.min == nil && l.max == nil && l.above == nil && l.below == nil:
		return []registry.Problem{{Key: "max", Wrong: "no limit is given", Allowed: "at least one of min, max, above, below"}}
	case l.min != nil && l.above != nil:
		return []registry.Problem{{Key: "above", Wrong: "is given beside min", Allowed: "one of the two"}}
	case l.max != nil && l.below != nil:
		return []registry.Problem{{Key: "below", Wrong: "is given beside max", Allowed: "one of the two"}}
	}
	low, lowKey, lowOpen := end(l.min, l.above, "min", "above")
	high, highKey, highOpen := end(l.max, l.below, "max", "below")
	if low != nil && high != nil && (*low > *high || *low == *high && (lowOpen || highOpen)) {
		return []registry.Problem{{Key: lowKey, Wrong: fmt.Sprintf("is %g while %s is %g, so that nothing lies between", *low, highKey, *high),
			Allowed: "a lower limit below the upper one"}}
	}
	return nil
}

// end returns whichever of the inclusive and the strict limit is given.
func end(inclusive, strict *float64, inclusiveKey, strictKey string) (limit *float64, key string, open bool) {
	if strict != nil {
		return strict, strictKey, true
	}
	return inclusive, inclusiveKey, false
}

// add compares a value with every limit. label says whose value it is.
func (l limits) add(w *worst, value float64, label string) {
	one := func(limit *float64, excess func(limit float64) float64, strict bool) {
		if limit == nil {
			return
		}
		over := excess(*limit)
		holds := over < 0 || over == 0 && !strict
		w.add(over, Result{holds, value, *limit, fmt.Sprintf("%s %.4g", label, value)})
	}
	lower := func(limit float64) float64 { return beyond(limit, value) }
	upper := func(limit float64) float64 { return beyond(value, limit) }
	one(l.min, lower, false)
	one(l.above, lower, true)
	one(l.max, upper, false)
	one(l.below, upper, true)
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

// besides returns the verdict where in some of the groups, first of which is named, nothing fulfils the conditions.
func (w *worst) besides(empty, groups int, first string) Result {
	switch {
	case empty == groups:
		return Result{Value: math.Inf(1), Bound: math.NaN(), Detail: fmt.Sprintf("%s: %s, here or in the %d others", first, NothingCounts, groups-1)}
	case empty > 0:
		w.Detail += fmt.Sprintf("; in %d of %d nothing fulfils the conditions", empty, groups)
	}
	return w.Result
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
