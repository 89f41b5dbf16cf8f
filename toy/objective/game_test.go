package objective

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/logspace"
)

// randomDist draws a policy, a reference, a true policy and win rates of k responses.
func randomDist(rng *rand.Rand, k int) *Dist {
	d := dist(gaussian(rng, k, 2), gaussian(rng, k, 2), gaussian(rng, k, 2))
	for i := range k {
		for j := range i {
			p := rng.Float64()
			d.Wins[i*k+j], d.Wins[j*k+i] = p, 1-p
		}
	}
	return d
}

// Online IPO is a sum over all pairs of responses: values and derivatives pair by pair, for every way to draw pairs and opponents,
// also where what is held is another policy.
func TestOnlineIPOByPairs(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 3))
	for _, pairs := range []string{"uniform", "policy", "reference"} {
		for _, mixture := range []float64{0, 0.3, 1} {
			const k, lambda = 5, 0.3
			d := randomDist(rng, k)
			other := randomDist(rng, k)
			d.LogHeld, d.Held = other.LogPi, other.Pi
			mu := map[string][]float64{"uniform": {0.2, 0.2, 0.2, 0.2, 0.2}, "policy": d.Held, "reference": d.Ref}[pairs]
			q := make([]float64, k)
			for i := range q {
				q[i] = math.Pow(d.Held[i], 1-mixture) * math.Pow(d.Ref[i], mixture)
			}
			floats.Scale(1/floats.Sum(q), q)
			win := func(i int) float64 { return floats.Dot(d.Wins[i*k:i*k+k], q) }
			loss, grad := 0.0, make([]float64, k)
			for i := range k {
				for j := range k {
					v := d.LogPi[i] - d.LogRef[i] - d.LogPi[j] + d.LogRef[j] - (win(i)-win(j))/lambda
					loss += mu[i] * mu[j] * v * v
					grad[i] += 2 * mu[i] * mu[j] * v
					grad[j] -= 2 * mu[i] * mu[j] * v
				}
			}
			o := (&OnlineIPO{Lambda: lambda, Pairs: pairs, Opponent: Opponent{mixture}}).Objective()
			got := make([]float64, k)
			o.DistGrad(d, 1, got)
			if value := o.dist[0].Term.Loss(d); math.Abs(value-loss) > 1e-12*loss || !floats.EqualApprox(got, grad, 1e-12*floats.Norm(grad, 1)) {
				t.Errorf("%s, mixture %g: loss %v, gradient %v; want %v, %v", pairs, mixture, value, got, loss, grad)
			}
		}
	}
}

// With pairs of the policy and itself as opponent, online IPO has the gradient of IPO on pairs that the policy draws and the win rates
// label.
func TestOnlineIPOIsIPOOnline(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 4))
	for _, lambda := range []float64{0.01, 1, 30} {
		const k = 6
		d, b := randomDist(rng, k), &Batch{}
		var chosen, rejected []int
		for i := range k {
			for j := range k {
				chosen, rejected = append(chosen, i), append(rejected, j)
				b.Chosen, b.Rejected = append(b.Chosen, d.LogPi[i]), append(b.Rejected, d.LogPi[j])
				b.RefChosen, b.RefRejected = append(b.RefChosen, d.LogRef[i]), append(b.RefRejected, d.LogRef[j])
				b.Weight = append(b.Weight, 2*d.Pi[i]*d.Pi[j]*d.Wins[i*k+j])
			}
		}
		g, want, got := newGrad(len(chosen)), make([]float64, k), make([]float64, k)
		(&IPO{Lambda: lambda}).Objective().Grad(b, g)
		for at, i := range chosen {
			want[i] += g.Chosen[at]
			want[rejected[at]] += g.Rejected[at]
		}
		(&OnlineIPO{Lambda: lambda, Pairs: "policy"}).Objective().DistGrad(d, 1, got)
		if !floats.EqualApprox(got, want, 1e-12*floats.Norm(want, 1)) {
			t.Errorf("lambda %g: gradient %v, IPO's is %v", lambda, got, want)
		}
	}
}

// Against the reference Nash-MD's policy gradient is RLHF with the probability of beating it for a reward, all of it.
func TestNashMDPGIsRLHF(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 5))
	for range 5 {
		const k, lambda = 5, 0.2
		d := randomDist(rng, k)
		own, rlhf := (&NashMDPG{Lambda: lambda, Opponent: Opponent{1}}).Objective(), (&RLHF{Lambda: lambda}).Objective()
		rewarded := *d
		rewarded.LogStar = make([]float64, k)
		for i := range k {
			rewarded.LogStar[i] = floats.Dot(d.Wins[i*k:i*k+k], d.Ref)
		}
		got, want := make([]float64, k), make([]float64, k)
		own.DistGrad(d, 1, got)
		rlhf.DistGrad(&rewarded, 1, want)
		if !floats.EqualApprox(got, want, 1e-13) {
			t.Errorf("gradient %v, want %v", got, want)
		}
	}
}

// A step on the parameters of even pairs at rate lambda k/4 is a step of mirror descent as long as it can be: the policy becomes the
// best response to its opponent.
func TestOnlineIPOIsMirrorDescent(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 6))
	const k, lambda = 7, 0.4
	d := randomDist(rng, k)
	grad, theta, want := make([]float64, k), make([]float64, k), make([]float64, k)
	(&OnlineIPO{Lambda: lambda}).Objective().DistGrad(d, 1, grad)
	for i := range k {
		theta[i] = d.LogPi[i] - k/4.0*grad[i]
		want[i] = d.LogRef[i] + floats.Dot(d.Wins[i*k:i*k+k], d.Pi)/lambda
	}
	logspace.LogSoftmax(theta, theta)
	logspace.LogSoftmax(want, want)
	if !floats.EqualApprox(theta, want, 1e-13) {
		t.Errorf("after the step %v, want %v", theta, want)
	}
}
