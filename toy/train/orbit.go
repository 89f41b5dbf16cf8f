package train

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// Statuses of watched rounds. Stationary is a policy that a round gives back: it minimizes the loss on the pairs that it draws
// itself, which is no loss's minimizer. Cycle is policies that come back after some rounds, Collapse a policy that comes to rest
// at the edge of the simplex, with log-probabilities that fall for ever.
const (
	Stationary Status = "stationary"
	Cycle      Status = "cycle"
	Collapse   Status = "collapse"
)

// Limits of an Orbit.
const (
	sameWithin  = 1e-10 // two policies are the same
	apartAtMost = 1e-4  // those of a cycle are farther apart, lest a slow spiral be taken for one
	goneBelow   = 1e-8  // of a response whose log-probability falls for ever, as fast in one round as in the next
	still       = 1e-9  // a log-probability at rest changes by less in a round (nats)
	falling     = 1e-6  // and one that falls for ever by more
	steady      = 1e-3  // by how much of itself such a fall may change
	longest     = 64    // rounds of the longest cycle that is found
)

// Orbit follows the policies that rounds end with.
type Orbit struct {
	logs     []float64   // the last round's log-probabilities
	change   []float64   // and how they came about from those before
	policies [][]float64 // of the last rounds, oldest first
}

// Add takes the log-probabilities at a round's end, of all prompts in one list, and says whether the rounds have come to rest, to
// a cycle or to a collapse.
func (o *Orbit) Add(logPi []float64) (end Outcome, ended bool) {
	policy := make([]float64, len(logPi))
	for i, l := range logPi {
		policy[i] = math.Exp(l)
	}
	if len(o.policies) > 2*longest {
		o.policies = o.policies[1:]
	}
	before, lately := o.logs, o.change
	o.logs, o.policies, o.change = slices.Clone(logPi), append(o.policies, policy), nil
	if before == nil {
		return Outcome{}, false
	}
	o.change = make([]float64, len(logPi))
	for i, l := range logPi {
		if l != before[i] { // the same infinity is at rest
			o.change[i] = l - before[i]
		}
	}
	if o.apart(0, 1) <= sameWithin {
		return rest(policy, lately, o.change)
	}
	for period := 2; period <= longest && 2*period < len(o.policies); period++ {
		if o.repeats(period) {
			return Outcome{Status: Cycle, Period: period, Reason: fmt.Sprintf("the policies of %d rounds repeat within %g", period, sameWithin)}, true
		}
	}
	return Outcome{}, false
}

// apart returns the largest difference of a probability between two earlier rounds, counted from the last, 0.
func (o *Orbit) apart(a, b int) float64 {
	last := len(o.policies) - 1
	return floats.Distance(o.policies[last-a], o.policies[last-b], math.Inf(1))
}

// repeats says whether all policies of the last period are those of the one before and not near one another.
func (o *Orbit) repeats(period int) bool {
	for i := range period {
		if o.apart(i, i+period) > sameWithin || i > 0 && o.apart(0, i) < apartAtMost {
			return false
		}
	}
	return true
}

// rest tells a policy at rest from one whose smallest log-probabilities still fall. Where one rises, is not small, or hardly moves,
// the rounds have only slowed down.
func rest(policy, lately, change []float64) (Outcome, bool) {
	gone := 0
	for i, c := range change {
		if math.Abs(c) <= still {
			continue
		}
		if !(c < -falling && policy[i] <= goneBelow && lately != nil && math.Abs(c-lately[i]) <= -steady*c) {
			return Outcome{}, false
		}
		gone++
	}
	if gone > 0 {
		return Outcome{Status: Collapse, Period: 1,
			Reason: fmt.Sprintf("the policy is at rest within %g, and the log-probabilities of %d responses still fall", sameWithin, gone)}, true
	}
	return Outcome{Status: Stationary, Period: 1,
		Reason: fmt.Sprintf("a round gives back its policy within %g: it is at rest on the pairs that it draws itself", sameWithin)}, true
}
