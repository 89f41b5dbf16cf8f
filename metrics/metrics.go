// Package metrics measures policies: pure functions of distributions and log-probabilities over the K responses of a
// prompt. All logarithms are natural, so divergences, entropies and rewards are in nats.
//
// A [View] holds one prompt's policy beside what it is measured against; a [Metric] turns a View into a number; [All]
// lists the metrics. To add one, write its Metric value into a list beside similar ones, or into a new one, which is then one more in all.
package metrics

import (
	"embed"
	"math"
	"slices"
	"strings"

	"windtunnel/toy/logspace"

	"gonum.org/v1/gonum/floats"
)

// Source is the text of this package; see toy.Source.
//
//go:embed *.go inference/*.go texts/*.go
var Source embed.FS

// Metric is one registered measure of a policy.
type Metric struct {
	Name    string // column name in tables
	Unit    string // "nats", or "" for probabilities, rates and shares
	Summary string // one sentence
	Source  string // paper, or "this project"
	// OverData says how Mean averages prompts: false uniformly, true by the prompt's share of the comparisons' weight.
	OverData bool
	// Value measures one prompt without allocating. NaN means that the metric does not apply there (no comparisons, too
	// many responses) or that the policy itself is NaN.
	Value func(v *View) float64
	// Overall, where not nil, measures several prompts together, in place of the mean.
	Overall func(views []*View) float64
}

// all is what All returns.
var all = slices.SortedFunc(slices.Values(slices.Concat(ofComparisons, divergences, ofMode, ofStar)),
	func(a, b Metric) int { return strings.Compare(a.Name, b.Name) })

// All returns every metric, sorted by name. The slice is the caller's.
func All() []Metric { return slices.Clone(all) }

// Find returns the metric of that name.
func Find(name string) (Metric, bool) {
	i, ok := slices.BinarySearchFunc(all, name, func(m Metric, name string) int { return strings.Compare(m.Name, name) })
	if !ok {
		return Metric{}, false
	}
	return all[i], true
}

// View is one prompt's policy and what it is measured against. Make one with NewView for a whole run, and give it
// each policy with Set. The slices of log-probabilities have K elements, in nats, normalized. Metrics only read a View, so
// evaluations may share it between calls of Set.
type View struct {
	LogPi    []float64 // the policy, set by Set
	LogRef   []float64 // the declared pi_ref
	LogStar  []float64 // pi_star; NaN where there is none
	LogStart []float64 // the policy at the start of training, which is the frozen reference of the losses

	Chosen, Rejected []int     // this prompt's comparisons as response indices; nil where there are none
	Weight           []float64 // positive weights of the comparisons; their sum is this prompt's share in Mean
	Group            string    // of the prompt; "" where there are none
	Rewards          []float64 // true reward of each response in its own scale; nil where it is not known
	Proxy            []float64 // reward of each response that labels follow (nats); nil where there is none

	Pi, Ref, Star  []float64 // exp of the log-probabilities
	LogMode, Mode  []float64 // pi_delta, see NewView
	Argmax         []int     // the responses that share pi_star's maximum, ascending
	WinsAgainstRef []float64 // probability that each response beats one of pi_ref; nil above MaxWinRate responses

	Wins             []float64 // see SetWins
	Condorcet, Borda []int     // the Condorcet winner, and the responses of the highest Borda score
	Lambda           float64   // of the loss, which is what KL to LogStart costs in the game of the win rates; NaN where it has none, or nothing that is asked for reads it
	logBest, best    []float64 // the best response to pi in that game
}

// TieTolerance is how far below pi_star's maximum, relative to it, a response still counts as tied with it.
const TieTolerance = 1e-12

// NewView returns a view of one prompt with the policy at logStart and without comparisons (set Chosen, Rejected and
// Weight to add them). It holds on to its arguments. It panics if their lengths differ or are 0.
//
// The mode policy pi_delta splits all mass over the responses within TieTolerance of pi_star's maximum, in proportion
// to pi_ref, which is the limit of DPO and IPO as lambda -> 0 (evenly where pi_ref gives all of them nothing).
func NewView(logRef, logStar, logStart []float64) *View {
	if len(logStar) == 0 || !floats.EqualLengths(logRef, logStar, logStart) {
		panic("metrics: NewView needs slices of one length, at least 1")
	}
	k := len(logStar)
	v := &View{LogRef: logRef, LogStar: logStar, LogStart: logStart}
	v.LogPi, v.Pi = make([]float64, k), make([]float64, k)
	v.Ref, v.Star = exp(logRef), exp(logStar)
	v.Lambda = math.NaN()
	v.setMode()
	v.setWins()
	v.Set(logStart)
	return v
}

// Set copies a policy of K normalized log-probabilities (nats, -Inf allowed) into the view.
func (v *View) Set(logPi []float64) {
	if len(logPi) != len(v.LogStar) {
		panic("metrics: policy and pi_star differ in length")
	}
	copy(v.LogPi, logPi)
	logspace.Exp(v.Pi, logPi)
	if v.Wins != nil && v.Lambda > 0 {
		v.respond()
	}
}

// Mean returns the metric over all prompts: the uniform mean, or for a metric over data the mean by comparison weight,
// which leaves out prompts without comparisons and is NaN when no prompt has any. A NaN or infinite value of a prompt
// that counts makes the mean NaN or infinite too.
func Mean(m Metric, views []*View) float64 {
	if m.Overall != nil {
		return m.Overall(views)
	}
	sum, total := 0.0, 0.0
	for _, v := range views {
		weight := 1.0
		if m.OverData {
			weight = floats.Sum(v.Weight)
		}
		if weight == 0 {
			continue
		}
		sum += weight * m.Value(v)
		total += weight
	}
	return sum / total
}

// exp returns exp(x) in a new slice.
func exp(x []float64) []float64 {
	y := make([]float64, len(x))
	logspace.Exp(y, x)
	return y
}

// Better says which values of a metric are the better ones, lower or higher; "" of a metric that does not say it.
func Better(name string) string {
	switch _, to, _ := strings.Cut(name, "_"); {
	case to == "star" || to == "mode" || name == "kl_star_pi" || name == "kl_pi_star" || name == "nash_gap": // distances from a target
		return "lower"
	case slices.Contains([]string{"reward", "win_rate", "accuracy", "reward_accuracy", "mode_mass", "borda_mass", "condorcet_mass"}, name):
		return "higher"
	}
	return ""
}
