package objective

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"
	"pgregory.net/rapid"

	_ "windtunnel/toy/fixedseed"
	"windtunnel/toy/logspace"
)

// byCounting is the policy of the best of n by going through all K^n draws; the first of equal ones is given.
func byCounting(ref, reward []float64, n int) []float64 {
	pi, draw := make([]float64, len(ref)), make([]int, n)
	for {
		p, best := 1.0, draw[0]
		for _, i := range draw {
			p *= ref[i]
			if reward[i] > reward[best] {
				best = i
			}
		}
		pi[best] += p
		at := 0
		for at < n && draw[at] == len(ref)-1 {
			draw[at] = 0
			at++
		}
		if at == n {
			return pi
		}
		draw[at]++
	}
}

func logsOf(p []float64) []float64 {
	l := make([]float64, len(p))
	for i, v := range p {
		l[i] = math.Log(v)
	}
	return l
}

func expOf(l []float64) []float64 {
	p := make([]float64, len(l))
	logspace.Exp(p, l)
	return p
}

func TestBestOfNCounted(t *testing.T) {
	for _, tt := range []struct{ ref, reward []float64 }{
		{[]float64{0.4, 0.4, 0.2}, []float64{-0.5, -1.2, -2.3}},
		{[]float64{0.1, 0.2, 0.3, 0.4}, []float64{0, 3, -1, 3}}, // a tie at the top
		{[]float64{0.1, 0.2, 0.3, 0.4}, []float64{0, 0, 1, 0}},  // one at the bottom
		{[]float64{0.5, 0, 0.5}, []float64{1, 5, 2}},            // the best is never drawn
		{[]float64{1, 0}, []float64{1, 2}},
		{[]float64{0.7, 0.3}, []float64{2, 2}},
	} {
		for n := 1; n <= 6; n++ {
			got := expOf((&BestOfN{N: n}).Policy(logsOf(tt.ref), tt.reward))
			if want := byCounting(tt.ref, tt.reward, n); !floats.EqualApprox(got, want, 1e-14) {
				t.Errorf("%v by %v, best of %d: %v, want %v", tt.ref, tt.reward, n, got, want)
			}
		}
	}
}

// Of K equally likely responses the r-th from below is the best of n with probability (r^n - (r-1)^n) / K^n.
func TestBestOfNLarge(t *testing.T) {
	const k = 20_000
	ref, reward := make([]float64, k), make([]float64, k)
	for i := range ref {
		ref[i], reward[i] = -math.Log(k), float64((i*7919)%k)
	}
	for _, n := range []int{1, 2, 1000, 1_000_000} {
		logp := (&BestOfN{N: n}).Policy(ref, reward)
		for i, r := range reward {
			rank := r + 1
			want := float64(n)*math.Log(rank/k) + logspace.Log1mExp(float64(n)*math.Log1p(-1/rank))
			if rank == 1 {
				want = -float64(n) * math.Log(k)
			}
			if math.Abs(logp[i]-want) > 1e-9*max(1, math.Abs(want)) {
				t.Fatalf("best of %d: response of rank %v has log-probability %v, want %v", n, rank, logp[i], want)
			}
		}
	}
}

// The best response alone tells how small a mass the form can hold: 1 - (1 - p)^n, which is n p for a tiny p.
func TestBestOfNTiny(t *testing.T) {
	for _, logp := range []float64{-20, -40, -700, -1e4} {
		ref := []float64{logspace.Log1mExp(logp), logp}
		got := (&BestOfN{N: 1000}).Policy(ref, []float64{0, 1})
		want := logspace.Log1mExp(1000 * math.Log1p(-math.Exp(logp)))
		if logp < -30 {
			want = math.Log(1000) + logp
		}
		if math.Abs(got[1]-want) > 1e-12*math.Abs(want) {
			t.Errorf("log-probability %v of the best becomes %v, want %v", logp, got[1], want)
		}
	}
}

// TestBestOfNProperties: the policy is a distribution, nothing depends on the order of responses or on the scale of
// rewards, n = 1 is the reference, equal responses keep their odds, and the divergence stays below its bound.
func TestBestOfNProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.IntRange(1, 40).Draw(t, "k")
		n := rapid.SampledFrom([]int{1, 2, 3, 17, 1000, 1_000_000}).Draw(t, "n")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		spread := rapid.SampledFrom([]float64{0.1, 3, 300}).Draw(t, "spread")
		ref, reward := gaussian(rng, k, spread), make([]float64, k)
		logspace.LogSoftmax(ref, ref)
		for i := range reward {
			reward[i] = float64(rng.IntN(1 + k/2))
		}
		logp := (&BestOfN{N: n}).Policy(ref, reward)
		if sum := logspace.LogSumExp(logp); math.Abs(sum) > 1e-12 {
			t.Errorf("log of the total mass is %v", sum)
		}
		if n == 1 && !floats.EqualApprox(logp, ref, 1e-9*spread) {
			t.Errorf("best of 1 is %v, the reference %v", logp, ref)
		}
		kl := 0.0
		for i, l := range logp {
			if math.IsNaN(l) || l > 1e-12 {
				t.Fatalf("log-probability %v", l)
			}
			if p := math.Exp(l); p > 0 {
				kl += p * (l - ref[i])
			}
			j := slices.Index(reward, reward[i])
			if drift := (l - logp[j]) - (ref[i] - ref[j]); math.Abs(drift) > 1e-12*max(1, spread, math.Abs(l)) {
				t.Errorf("responses %d and %d of one reward change their odds by %v", i, j, drift)
			}
		}
		if bound := bestOfNBound(float64(n)); kl > bound+1e-9 {
			t.Errorf("KL(pi to pi_ref) of the best of %d is %v, above %v", n, kl, bound)
		}
		order := rng.Perm(k)
		shuffled := (&BestOfN{N: n}).Policy(pick(ref, order), pick(reward, order))
		if !floats.EqualApprox(shuffled, pick(logp, order), 1e-9*max(1, spread*float64(n))) {
			t.Errorf("in another order %v, not %v", shuffled, pick(logp, order))
		}
	})
}

// bestOfNBound is log n - (n-1)/n (nats), which KL(pi to pi_ref) of the best of n responses never exceeds.
func bestOfNBound(n float64) float64 { return math.Log(n) - (n-1)/n }

// The bound is reached by rewards that are all different and likely alike, as their number grows.
func TestBestOfNBound(t *testing.T) {
	const k = 200_000
	ref, reward := make([]float64, k), make([]float64, k)
	for i := range ref {
		ref[i], reward[i] = -math.Log(k), float64(i)
	}
	for _, n := range []int{2, 16} {
		kl := 0.0
		for i, l := range (&BestOfN{N: n}).Policy(ref, reward) {
			kl += math.Exp(l) * (l - ref[i])
		}
		if bound := bestOfNBound(float64(n)); kl > bound || kl < bound-1e-4 {
			t.Errorf("best of %d: KL %v, bound %v", n, kl, bound)
		}
	}
}

func TestSumRefusesPolicies(t *testing.T) {
	sum := &Sum{Lambda: 1, Terms: []Part{{Loss: &DPO{Lambda: 1}}, {Loss: &BestOfN{N: 2}}}}
	problems := sum.Check()
	if len(problems) != 1 || problems[0].Key != "terms.1" {
		t.Errorf("problems %v, want one at terms.1", problems)
	}
}
