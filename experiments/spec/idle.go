package spec

import "fmt"

// dropIdleSeeds keeps the first seed of a sweep over seeds that change nothing, and says so: bands over them would have
// no width.
func (p *Plan) dropIdleSeeds() []string {
	dim := p.seedDimension()
	if dim < 0 {
		return nil
	}
	left := newBitset(p.product.size)
	idle, stride := 0, p.product.strides[dim]
	var digits []int
	for c := range p.combinations() {
		digits = p.product.digits(c, digits[:0])
		first := c - digits[dim]*stride
		for ; first < c && !left.has(first); first += stride {
		}
		if first < c && !p.randomAt(digits) {
			idle++
			continue
		}
		left.add(c)
	}
	if idle == 0 {
		return nil
	}
	left.index()
	p.kept = left
	return []string{fmt.Sprintf("%s: the seed changes nothing in %d of the runs (preferences, environment, policy and "+
		"order of batches are all fixed); they are left out, and only the first seed is run", p.product.dims[dim].keys[0].spelled(0), idle)}
}

// seedDimension returns the dimension that sweeps the seed and nothing else, -1 if there is none.
func (p *Plan) seedDimension() int {
	for i, d := range p.product.dims {
		if len(d.keys) == 1 && d.keys[0].column == "seed" {
			return i
		}
	}
	return -1
}

// randomAt says whether the seed changes anything about a combination's run.
func (p *Plan) randomAt(digits []int) bool {
	var run Run
	for _, i := range []int{environmentSection, preferencesSection, policySection, solverSection, trainSection, objectiveSection} {
		p.fill(&run, i, digits)
	}
	return run.Random()
}
