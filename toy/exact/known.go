package exact

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"
	"sync"

	"gonum.org/v1/gonum/floats"
)

// Known keeps what was found, by what was searched: runs of a sweep, and the two sides of a comparison of losses, ask much the same.
// The zero Known is ready, and serves several goroutines.
type Known struct {
	mutex sync.Mutex
	found map[string]*result // by the fingerprint of their problem
}

// mostKnown bounds what is kept; beyond it all is forgotten.
const mostKnown = 4096

// once returns the answer to a problem, which find gives if the problem's Known has none yet. Searches from given policies are not kept,
// nor those of a loss that reads comparisons one by one, which is not asked who it is: it may be a program of the user's.
func (s *solver) once(l *lossFunction, find func() (*result, error)) (*result, error) {
	known := s.problem.Known
	if known == nil || l.objective.Itemized() || l.start != nil && s.problem.From != nil {
		return find()
	}
	key := fingerprint(l, s.flows)
	known.mutex.Lock()
	r, ok := known.found[key]
	known.mutex.Unlock()
	if !ok {
		var err error
		if r, err = find(); err != nil {
			return nil, err
		}
		known.mutex.Lock()
		if known.found == nil || len(known.found) >= mostKnown {
			known.found = map[string]*result{}
		}
		known.found[key] = r
		known.mutex.Unlock()
	}
	mine := *r // which the caller may change
	mine.logps = slices.Clone(r.logps)
	for i, row := range mine.logps {
		mine.logps[i] = slices.Clone(row)
	}
	mine.theta = slices.Clone(r.theta)
	return &mine, nil
}

// few is how many comparisons are enough to know a loss by; all are part of the fingerprint.
const few = 12

// probes is at how many places, from a hundredth of its unit to a hundred units from its start, a loss is asked who it is: so many that
// two that are the same but for rounding differ at some, as runs must not depend on which came first.
const probes = 32

// fingerprint tells problems apart, beside their comparisons and policies by the loss itself at places near and far, in its unit.
func fingerprint(l *lossFunction, flows bool) string {
	unit, part := 1.0, l
	if l.start != nil {
		unit = (&solver{}).unit(l)
	}
	if len(l.tasks) == 1 && l.jacobian[0] == nil {
		part = newLossFunction(l.objective, l.tasks[0].only(func(i int) bool { return i < few }))
	}
	told, name := []float64{unit}, ""
	if flows {
		told = append(told, 1)
	}
	p, dir := part.newPoint(l.begin()), make([]float64, l.dim)
	places := probes
	if part.byLogits == nil { // which tells a gradient at each
		places /= 4
	}
	for i := range places {
		far := math.Pow(10, 4*float64(i)/float64(places-1)-2)
		for k := range dir {
			dir[k] = math.Sin(float64((i + 2) * (k + 1)))
		}
		floats.AddScaledTo(p.theta, l.begin(), far*unit, dir)
		if part.byLogits == nil { // a loss that holds a part back from differentiation may have the values of another and not its gradient
			part.slope(p)
			told = append(told, p.grad...)
		} else {
			part.value(p)
		}
		told = append(told, p.loss)
	}
	for _, t := range l.tasks {
		name += t.name
		told = append(told, t.total, t.scale)
		for i, c := range t.chosen {
			told = append(told, float64(c), float64(t.rejected[i]))
		}
		for _, column := range [][]float64{t.weight, t.gap, t.dispersion} {
			told = append(told, column...)
		}
		if l.start != nil {
			told = append(append(told, t.logRef...), t.logStar...)
		}
	}
	h := sha256.New()
	_ = binary.Write(h, binary.LittleEndian, told)
	return name + string(h.Sum(nil))
}
