package objective

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// BetaDPO holds the parameters of DPO whose beta, never below 0.001, moves with the batch's mean margin against a moving average that
// starts at 0, as in the published code. That code first leaves a share of each batch out, mode_weight, 0.2 where the paper's runs
// are described; see [filter].
type BetaDPO struct {
	Lambda   float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength at a mean margin as before"`
	A        float64 `yaml:"a" range:"[0,1e6]" doc:"how much beta grows a nat of mean margin; 0, the published code's default, is DPO"`
	Momentum float64 `yaml:"momentum" range:"[0,1)" doc:"share of what was in the moving average"`
	LeaveOut float64 `yaml:"mode_weight" range:"[0,1)" doc:"share of each batch that is left out at random, rather pairs of unusual margins; the published code's is 0.2; in training alone"`
}

// Objective returns the loss.
func (p *BetaDPO) Objective() *Objective {
	if p.LeaveOut > 0 {
		return OnPairs(&filter{params: *p, dpo: Margin{Factor: 1, Outer: Logistic{}}})
	}
	return written(p, "-logsigmoid(stopgrad(max(beta*(1 + a*(mean(u) - ema(u, momentum, 0))), 1e-3))*u)")
}

// Random says whether comparisons are left out at random.
func (p *BetaDPO) Random() bool { return p.LeaveOut > 0 }

// filter is beta-DPO on a part of each batch that is drawn at random, one comparison after another without replacement, with
// probabilities in the ratio of exp(-((u - mean)/deviation)^2/2): mean and deviation (over n-1) of the margins u are moving averages
// from 0 on that have taken in the batch. The mean margin that beta moves with is that of the comparisons kept, which are
// int(n (1 - mode_weight)) of n, as in the published code, but at least one, where that code has no loss. Where all margins are still the
// same, that code divides 0 by 0; here the deviation is at least 1e-6.
//
// What is kept depends on the seed, the number of steps before and the margins alone: a step's loss and gradient keep the same, and so
// does a training that goes on from a checkpoint.
type filter struct {
	params BetaDPO
	seed   uint64
	state  [3]float64 // steps taken in, mean and deviation
	dpo    Margin
	batch  Batch // with the weights of what is kept
	items  []item
	source rand.PCG
}

// item is one of a batch's comparisons as they came.
type item struct {
	at             int // its position in the columns
	weight, margin float64
	key            float64 // those of the largest are kept
}

var _, _ = Advancing(new(filter)), Detached(new(filter))

func (*filter) DifferenceOnly() bool { return true }

// Loss returns the loss of the comparisons kept, which stand for all.
func (f *filter) Loss(b *Batch) float64 { return f.dpo.Loss(f.kept(b)) }

// Grad adds scale times the gradient, with what is kept and beta held.
func (f *filter) Grad(b *Batch, scale float64, g *Grad) { f.dpo.Grad(f.kept(b), scale, g) }

// Freeze returns DPO with the beta and of the comparisons that it has on b.
func (f *filter) Freeze(b *Batch) PairTerm {
	weight, beta := f.kept(b).Weight, f.dpo.Lambda
	held := reweigh(func() PairTerm { return &Margin{Lambda: beta, Factor: 1, Outer: Logistic{}} }, "none")
	for i, w := range weight {
		held.fixed = append(held.fixed, w/cmp.Or(b.Weight[i], 1))
	}
	return held
}

// Advance takes a batch's margins into the moving averages.
func (f *filter) Advance(b *Batch) {
	f.state[1], f.state[2] = f.averages(b)
	f.state[0]++
}

// State returns the steps taken in and the moving averages.
func (f *filter) State() []float64 { return f.state[:] }

// averages fills in the items and returns the moving averages with the batch taken in.
func (f *filter) averages(b *Batch) (mean, deviation float64) {
	f.items = f.items[:0]
	for i := range b.entries() {
		at := b.at(i)
		margin := (b.Chosen[at] - b.RefChosen[at]) - (b.Rejected[at] - b.RefRejected[at])
		f.items = append(f.items, item{at: at, weight: b.weightOf(i), margin: margin})
	}
	mean = meanMargin(f.items)
	square, total, n := 0.0, 0.0, float64(len(f.items))
	for _, it := range f.items {
		square += it.weight * (it.margin - mean) * (it.margin - mean)
		total += it.weight
	}
	deviation = math.Sqrt(square / total * n / max(1, n-1))
	m := f.params.Momentum
	return m*f.state[1] + (1-m)*mean, m*f.state[2] + (1-m)*deviation
}

func meanMargin(items []item) float64 {
	sum, total := 0.0, 0.0
	for _, it := range items {
		sum += it.weight * it.margin
		total += it.weight
	}
	return sum / total
}

// kept returns the batch with the weights of what is kept, of the same sum as before, and sets DPO's beta. Drawing without replacement
// keeps the largest of log w - log e, w the weights of the draw and e exponentially distributed.
func (f *filter) kept(b *Batch) *Batch {
	mean, deviation := f.averages(b)
	if f.state[0] > 0 {
		mean, deviation = f.state[1], f.state[2]
	}
	f.source.Seed(f.seed, uint64(f.state[0]))
	for i := range f.items {
		it := &f.items[i]
		z := (it.margin - mean) / max(deviation, 1e-6)
		u := (float64(f.source.Uint64()>>12) + 0.5) / (1 << 52) // never 0 or 1
		it.key = -z*z/2 - math.Log(-math.Log(u))
	}
	slices.SortFunc(f.items, func(a, b item) int { return cmp.Compare(b.key, a.key) })
	left := f.items[:max(1, int(float64(len(f.items))*(1-f.params.LeaveOut)))]
	f.dpo.Lambda = max(f.params.Lambda*(1+f.params.A*(meanMargin(left)-mean)), 1e-3)
	share := 0.0
	for _, it := range left {
		share += it.weight
	}
	weight := sized(f.batch.Weight, len(b.Weight))
	clear(weight)
	scale := floats.Sum(b.Weight) / share
	for _, it := range left {
		weight[it.at] += scale * it.weight
	}
	f.batch = *b
	f.batch.Weight = weight
	return &f.batch
}
