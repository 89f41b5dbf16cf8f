package train

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"
	"pgregory.net/rapid"

	"windtunnel/toy/bandit"
	_ "windtunnel/toy/fixedseed"
	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
)

// klToReference is KL(pi to pi_ref) at a prompt, by its definition.
func klToReference(env *bandit.Env, pol policy.Policy, prompt int) float64 {
	logits := make([]float64, pol.Responses())
	pol.Logits(prompt, logits)
	return kl(logits, env.Prompts[prompt].Init)
}

// kl is KL(softmax(a) to softmax(b)).
func kl(a, b []float64) float64 {
	n, sum := logspace.LogSumExp(a)-logspace.LogSumExp(b), 0.0
	for k, v := range a {
		sum += math.Exp(v-logspace.LogSumExp(a)) * (v - b[k] - n)
	}
	return sum
}

func TestProjection(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.SampledFrom(policies).Draw(rt, "policy")
		radius := math.Exp(rapid.Float64Range(-12, 2).Draw(rt, "log radius"))
		seed := rapid.Uint64().Draw(rt, "seed")
		env, pol := n.build(t, false)
		b := newBall(NewProblem(env, pol, (&objective.DPO{Lambda: 1}).Objective(), 0), radius)
		start, rng := slices.Clone(pol.Params()), rand.New(rand.NewPCG(seed, 0))
		scale := math.Exp(3 * rng.NormFloat64())
		for i := range pol.Params() {
			pol.Params()[i] += scale * rng.NormFloat64()
		}
		full := slices.Clone(pol.Params())
		before := []float64{klToReference(env, pol, 0), klToReference(env, pol, 1)}
		b.project()
		for _, block := range b.blocks {
			checkBlock(rt, env, pol, block, radius, start, full, before)
		}
	})
}

// checkBlock: parameters inside the ball stay, others come to its edge on the line from the start.
func checkBlock(t *rapid.T, env *bandit.Env, pol policy.Policy, block policy.Block, radius float64, start, full, before []float64) {
	far, now := 0.0, 0.0
	for _, p := range block.Prompts {
		far, now = max(far, before[p]), max(now, klToReference(env, pol, p))
	}
	lo, hi := block.Offset, block.Offset+block.Dim
	theta := pol.Params()[lo:hi]
	if far < radius*(1-1e-9) {
		if !slices.Equal(theta, full[lo:hi]) {
			t.Errorf("KL %v inside of %v, but moved", far, radius)
		}
		return
	}
	// A KL of r is found from log-probabilities, whose rounding moves it by about 1e-15.
	if math.Abs(now-radius) > 1e-9*radius+1e-13 && far > radius {
		t.Errorf("KL %v, then %v; want the radius %v", far, now, radius)
	}
	reach, step := floats.SubTo(make([]float64, hi-lo), full[lo:hi], start[lo:hi]), floats.SubTo(make([]float64, hi-lo), theta, start[lo:hi])
	factor := floats.Dot(step, reach) / floats.Dot(reach, reach)
	for i := range step {
		if math.Abs(step[i]-factor*reach[i]) > 1e-12*floats.Norm(reach, 2) || factor < 0 || factor > 1 {
			t.Fatalf("moved by %v, which is not a share of %v", step, reach)
		}
	}
}

// TestProjectionIsNearest: no policy of the ball is nearer to the unprojected one in KL(. to pi).
func TestProjectionIsNearest(t *testing.T) {
	const radius = 0.2
	env, pol := policies[0].build(t, false)
	b := newBall(NewProblem(env, pol, (&objective.DPO{Lambda: 1}).Objective(), 0), radius)
	scatter(pol, 2)
	full := slices.Clone(pol.Params()[:3])
	b.project()
	least := kl(pol.Params()[:3], full)
	rng, inside := rand.New(rand.NewPCG(1, 1)), 0
	for range 20_000 {
		q := slices.Clone(pol.Params()[:3])
		for i := range q {
			q[i] += 0.3 * rng.NormFloat64()
		}
		if kl(q, env.Prompts[0].Init) > radius {
			continue
		}
		inside++
		if d := kl(q, full); d < least-1e-12 {
			t.Fatalf("%v is in the ball and nearer: %v < %v", q, d, least)
		}
	}
	if inside < 1000 {
		t.Errorf("%d policies tried", inside)
	}
}

// TestProjectedRun: DPO at a small lambda runs for the mode; projected, it stays in the ball and ends at its edge.
func TestProjectedRun(t *testing.T) {
	const radius = 0.05
	for _, n := range policies {
		env, pol := n.build(t, false)
		pairs, err := (&preference.Population{}).Build(preference.Input{Env: env})
		if err != nil {
			t.Fatal(err)
		}
		l := &Loop{Problem: NewProblem(env, pol, (&objective.DPO{Lambda: 0.1}).Objective(), 0), Data: pairs, KLRadius: radius,
			Params: Params{Optimizer: &Adam{LR: 0.05, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}, Schedule: &Constant{}, Epochs: 200, RecordEvery: 1}}
		far := 0.0
		if _, err := l.Run(context.Background(), func(r Record) {
			far = max(klToReference(env, pol, 0), klToReference(env, pol, 1))
			if far > radius+1e-14 {
				t.Fatalf("%s: KL %v after step %d", n.name, far, r.Step)
			}
		}); err != nil {
			t.Fatal(err)
		}
		if far < radius*0.999 {
			t.Errorf("%s: ends at KL %v, inside of the ball", n.name, far)
		}
	}
}
