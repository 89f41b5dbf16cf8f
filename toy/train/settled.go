package train

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// moments is how many policies of a tenth of the steps are averaged: noise of minibatches is not to pass for movement.
const moments = 50

// fewest is how many steps a training has at least of which it is asked whether it has settled.
const fewest = 2

// watch sees whether a training comes to rest: it compares the mean policies of the last two tenths of its steps.
type watch struct {
	tenth, stride int // steps, at least one
	first, now    []float64
	means         [2][]float64 // sums, of the last tenth but one and of the last
	count         [2]int
	factor, late  float64 // sums of the schedule's factors, over all steps and over those of the last two tenths
}

// policy writes what the watch looks at over to.
func (t *Trainer) policy(to []float64) []float64 {
	if task, ok := t.Task.(*comparisons); ok { // whose policy may rest while its parameters move
		return task.policy(to[:0])
	}
	return append(to[:0], t.Task.Params()...)
}

// begin takes down the first policy of a training of a number of steps.
func (w *watch) begin(t *Trainer, steps int) {
	w.tenth = max(1, steps/10)
	w.stride = max(1, w.tenth/moments)
	w.first = t.policy(w.first)
	w.means = [2][]float64{make([]float64, len(w.first)), make([]float64, len(w.first))}
	w.count, w.factor, w.late = [2]int{}, 0, 0
}

// step sees the policy after a step of a factor of the schedule, which leaves so many steps to take.
func (w *watch) step(t *Trainer, factor float64, left int) {
	w.factor += factor
	if left >= 2*w.tenth {
		return
	}
	w.late += factor
	if left%w.stride != 0 {
		return
	}
	at := 1
	if left >= w.tenth {
		at = 0
	}
	w.now = t.policy(w.now)
	w.count[at]++
	floats.Add(w.means[at], w.now)
}

// drift returns the distance between the mean policies of the last two tenths of so many steps, as a share of the way from the
// first policy to the last tenth, in the sum of absolute differences: 1/10 for a policy that moves at a constant speed, 0.009 for one whose
// distance from its rest has fallen to e^-4, 1 for one that has not moved. Where the schedule slows the steps down, it is what
// the share would be if it did not.
func (w *watch) drift(steps int) float64 {
	moved, way := 0.0, 0.0
	for i, v := range w.first {
		before, last := w.means[0][i]/float64(w.count[0]), w.means[1][i]/float64(w.count[1])
		moved += math.Abs(last - before)
		way += math.Abs(last - v)
	}
	if way == 0 {
		return 1
	}
	slowed := w.late / float64(min(steps, 2*w.tenth)) / (w.factor / float64(steps))
	return min(1, moved/way/slowed)
}
