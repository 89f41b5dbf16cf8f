package objective

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/logspace"
)

// Direct is a kind that is no loss: it gives the policy itself, without training. Its Objective is the constant 0.
type Direct interface {
	Params
	// Policy returns the policy of a prompt, given the reference and the reward of its responses: K log-probabilities (nats,
	// normalized), of which -Inf is a response that is never given.
	Policy(logRef, reward []float64) []float64
}

// BestOfN draws n responses from the reference and gives the one of the highest reward, log pi_star, the first drawn
// among equal ones. That is a policy with a closed form: with F(r) the probability that the reference gives a response of
// reward at most r, the best has reward r with probability F(r)^n - F(r-)^n, of which responses of one reward have parts
// in proportion to pi_ref. Its KL(pi to pi_ref) is at most log n - (n-1)/n (Beirami et al. 2024, arXiv 2401.01879,
// theorem 1).
type BestOfN struct {
	N int `yaml:"n" range:"[1,1e6]" doc:"responses drawn from the reference, of which the best is given"`
}

var _ Direct = (*BestOfN)(nil)

// Objective returns the constant 0: nothing is trained.
func (*BestOfN) Objective() *Objective { return &Objective{} }

// Policy returns the distribution of the best of N. Any logRef is fine, -Inf included, and any finite reward.
func (p *BestOfN) Policy(logRef, reward []float64) []float64 {
	order := make([]int, len(reward)) // from the lowest reward
	floats.ArgsortStable(slices.Clone(reward), order)
	logp := make([]float64, len(reward))
	below, above := cumulative(logRef, order)
	for first := 0; first < len(order); {
		last := first
		for last+1 < len(order) && reward[order[last+1]] == reward[order[first]] {
			last++
		}
		group := logspace.LogSumExp(pick(logRef, order[first:last+1]))
		share := p.best(group, below[last], above[last])
		for _, i := range order[first : last+1] {
			logp[i] = math.Inf(-1)
			if logRef[i] > math.Inf(-1) {
				logp[i] = share + logRef[i] - group
			}
		}
		first = last + 1
	}
	logspace.LogSoftmax(logp, logp)
	return logp
}

// cumulative returns by position in order the logarithm of the mass up to and including it, and of that after it.
func cumulative(logRef []float64, order []int) (below, above []float64) {
	below, above = make([]float64, len(order)), make([]float64, len(order))
	sum := math.Inf(-1)
	for i, at := range order {
		sum = addLogs(sum, logRef[at])
		below[i] = sum
	}
	sum = math.Inf(-1)
	for i, at := range slices.Backward(order) {
		above[i] = sum
		sum = addLogs(sum, logRef[at])
	}
	return below, above
}

// addLogs returns log(exp(a) + exp(b)).
func addLogs(a, b float64) float64 {
	if a < b {
		a, b = b, a
	}
	if math.IsInf(b, -1) {
		return a
	}
	return a + math.Log1p(math.Exp(b-a))
}

// best returns the logarithm of the probability that the best of N is in a group of equal reward, of log mass group, with
// log mass below up to the group and above after it: F^n (1 - (1 - p/F)^n). F near 1 is had from what is above it.
func (p *BestOfN) best(group, below, above float64) float64 {
	n := float64(p.N)
	f := below
	if above < -math.Ln2 {
		f = logspace.Log1mExp(above)
	}
	share := min(0, group-f) // log p/F
	if math.IsInf(group, -1) {
		return group
	}
	// 1 - (1 - q)^n is 1 - exp(-e) with e = -n log(1 - q), which may be too small for anything but its logarithm. Here e is
	// that logarithm; where q is below 1e-17, log(1 - q) is -q.
	e := math.Log(n) + share
	if share > math.Log(1e-17) {
		e = math.Log(n) + math.Log(-math.Log1p(-math.Exp(share)))
	}
	if e < math.Log(1e-8) { // log(1 - exp(-x)) is log x - x/2, to x^2/24
		return n*f + e - math.Exp(e)/2
	}
	return n*f + logspace.Log1mExp(-math.Exp(e))
}

// pick returns some entries of a row.
func pick(row []float64, at []int) []float64 {
	some := make([]float64, len(at))
	for i, k := range at {
		some[i] = row[k]
	}
	return some
}
