package exact_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/bandit"
	"windtunnel/toy/exact"
	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
)

// game returns a game of one prompt whose win rates are drawn, and the logarithm of its reference.
func game(rng *rand.Rand, k int, rate func() float64) *bandit.Env {
	x := bandit.Prompt{Name: "x", Wins: make([]float64, k*k), Init: make([]float64, k), LogStar: make([]float64, k)}
	for i := range k {
		x.LogStar[i], x.Init[i], x.Wins[i*k+i] = math.NaN(), rng.NormFloat64(), 0.5
		for j := range i {
			p := rate()
			x.Wins[i*k+j], x.Wins[j*k+i] = p, 1-p
		}
	}
	return &bandit.Env{Prompts: []bandit.Prompt{x}}
}

func play(t testing.TB, env *bandit.Env, o *objective.Objective) *exact.Solution {
	t.Helper()
	pol, err := (&policy.TabularParams{}).Build(env, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := exact.Solve(context.Background(), &exact.Problem{Env: env, Policy: pol.(policy.Affine), Objective: o})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// value is what a policy gains against another: p'Pq - lambda KL(p to ref) + lambda KL(q to ref).
func value(env *bandit.Env, lambda float64, logP, logQ []float64) float64 {
	k, ref := len(logP), env.Prompts[0].LogReference()
	sum := 0.0
	for i := range k {
		p, q := math.Exp(logP[i]), math.Exp(logQ[i])
		for j := range k {
			sum += p * env.Prompts[0].Wins[i*k+j] * math.Exp(logQ[j])
		}
		sum += lambda * (q*(logQ[i]-ref[i]) - p*(logP[i]-ref[i]))
	}
	return sum
}

// No policy of many, near and far, gains against the equilibrium, whatever loss asks for it.
func TestEquilibriumIsUnbeaten(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	for trial := range 60 {
		k := 2 + trial%9
		rate := rng.Float64
		if trial%3 == 0 { // certain ones and ties
			rate = func() float64 { return float64(rng.IntN(3)) / 2 }
		}
		env := game(rng, k, rate)
		lambda := math.Pow(10, 1-4*rng.Float64())
		s := play(t, env, (&objective.OnlineIPO{Lambda: lambda}).Objective())
		if s.Status != exact.Stationary || !strings.Contains(s.Reason, "the equilibrium of the regularized game, within") {
			t.Fatalf("lambda %g: %s, %s", lambda, s.Status, s.Reason)
		}
		if s.Change > 1e-9 {
			t.Errorf("lambda %g: the last step changed a probability by %g", lambda, s.Change)
		}
		pi := s.Policy[0]
		for range 200 {
			other := make([]float64, k)
			size := math.Pow(10, 2-6*rng.Float64())
			for i := range other {
				other[i] = pi[i] + size*rng.NormFloat64()
			}
			logspace.LogSoftmax(other, other)
			if gain := value(env, lambda, other, pi) - value(env, lambda, pi, pi); gain > 1e-13*(1+100*lambda) {
				t.Errorf("lambda %g: a policy gains %g against the equilibrium", lambda, gain)
			}
		}
		for _, same := range []*objective.Objective{(&objective.OnlineIPO{Lambda: lambda, Pairs: "policy"}).Objective(), (&objective.NashMDPG{Lambda: lambda}).Objective(),
			(&objective.OnlineIPO{Lambda: lambda, Pairs: "reference"}).Objective().And(0, (&objective.DPO{Lambda: 1}).Objective())} {
			if r := play(t, env, same); floats.Distance(r.Policy[0], pi, math.Inf(1)) > 1e-9*(1+1/lambda) {
				t.Errorf("lambda %g: another loss of the game rests at %v, not %v", lambda, r.Policy[0], pi)
			}
		}
	}
}

// Two responses: the log-odds are those of the reference and (P - 1/2)/lambda, from lambda 1e-8 to 1e8. Rock, paper, scissors from an
// even reference: even.
func TestEquilibriumInClosedForm(t *testing.T) {
	for _, lambda := range []float64{1e-8, 1e-3, 0.1, 1, 1e8} {
		env := game(rand.New(rand.NewPCG(1, 1)), 2, func() float64 { return 0.3 })
		ref, pi := env.Prompts[0].LogReference(), play(t, env, (&objective.OnlineIPO{Lambda: lambda}).Objective()).Policy[0]
		want := ref[0] - ref[1] + 0.2/lambda
		if got := pi[0] - pi[1]; math.Abs(got-want) > 1e-12*max(1, want) {
			t.Errorf("lambda %g: log-odds %v, want %v", lambda, got, want)
		}
		rock := &bandit.Env{Prompts: []bandit.Prompt{{Wins: []float64{0.5, 0, 1, 1, 0.5, 0, 0, 1, 0.5}, Init: make([]float64, 3),
			LogStar: []float64{math.NaN(), math.NaN(), math.NaN()}}}}
		for i, l := range play(t, rock, (&objective.OnlineIPO{Lambda: lambda}).Objective()).Policy[0] {
			if math.Abs(l+math.Log(3)) > 1e-12 {
				t.Errorf("lambda %g: response %d of rock, paper, scissors has %v", lambda, i, math.Exp(l))
			}
		}
	}
}

// Against a mixture training rests where the policy is the best response to the mixture that it makes.
func TestMixtureRests(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 1))
	for _, lambda := range []float64{0.01, 0.1, 1} {
		for _, mixture := range []float64{0.1, 0.5, 0.99, 1} {
			env := game(rng, 6, rng.Float64)
			against := objective.Opponent{Mixture: mixture}
			s := play(t, env, (&objective.OnlineIPO{Lambda: lambda, Opponent: against}).Objective())
			if (s.Iterations == 0) != (mixture == 1) {
				t.Errorf("lambda %g, mixture %g: %d steps, where the best response to pi_ref needs none", lambda, mixture, s.Iterations)
			}
			pi, ref, q := s.Policy[0], env.Prompts[0].LogReference(), make([]float64, 6)
			for i := range q {
				q[i] = (1-mixture)*pi[i] + mixture*ref[i]
			}
			logspace.LogSoftmax(q, q)
			want := make([]float64, 6)
			for i := range want {
				for j := range q {
					want[i] += env.Prompts[0].Wins[i*6+j] * math.Exp(q[j]) / lambda
				}
			}
			floats.Add(want, ref)
			logspace.LogSoftmax(want, want)
			if off := floats.Distance(pi, want, math.Inf(1)); off > 1e-11/lambda || s.GradNorm > 1e-10 {
				t.Errorf("lambda %g, mixture %g: the policy is %g from its best response, the gradient %g", lambda, mixture, off, s.GradNorm)
			}
			if r := play(t, env, (&objective.NashMDPG{Lambda: lambda, Opponent: against}).Objective()); floats.Distance(r.Policy[0], pi, math.Inf(1)) > 0 {
				t.Errorf("lambda %g, mixture %g: the policy gradient rests elsewhere", lambda, mixture)
			}
		}
	}
}

// As lambda falls the equilibrium nears that of the bare game: what a response gains is at most lambda times the range of the
// log-ratios' means, and where it is large the policy is still certified.
func TestEquilibriumAtSmallLambda(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 1))
	for range 20 {
		env := game(rng, 10, rng.Float64)
		lowest := floats.Min(env.Prompts[0].LogReference())
		for _, lambda := range []float64{1e-2, 1e-4, 1e-6, 1e-8, 1e-12, 1e-30, 1e-100} {
			s := play(t, env, (&objective.OnlineIPO{Lambda: lambda}).Objective())
			if s.Status != exact.Stationary {
				t.Fatalf("lambda %g: %s, %s", lambda, s.Status, s.Reason)
			}
			pi, best := s.Policy[0], 0.0
			for i := range pi {
				gain := -0.5
				for j, l := range pi {
					gain += env.Prompts[0].Wins[i*10+j] * math.Exp(l)
				}
				best = max(best, gain)
			}
			if !(best <= -lambda*lowest+1e-13) {
				t.Errorf("lambda %g: a response gains %g over the policy, at most %g: %s", lambda, best, -lambda*lowest, s.Reason)
			}
			if certified := strings.Contains(s.Reason, "in total variation"); certified != (lambda > 1e-14) {
				t.Errorf("lambda %g: %s", lambda, s.Reason)
			}
		}
	}
}

// Under a penalty, in a class of policies, beside other terms and without a KL, the gradient is followed from the reference: where
// it comes to rest training does too, and the bare game goes to the vertex of its winner.
func TestGamesBesideOthers(t *testing.T) {
	env := game(rand.New(rand.NewPCG(1, 1)), 3, func() float64 { return 0.7 })
	own := func() *objective.Objective { return (&objective.OnlineIPO{Lambda: 0.5}).Objective() }
	for name, p := range map[string]exact.Problem{"a KL": {Objective: own().And(1, (&objective.KLRefPi{}).Objective())}, "a penalty": {Objective: own(), L2: 0.1},
		"twice": {Objective: own().And(1, (&objective.OnlineIPO{Lambda: 2, Opponent: objective.Opponent{Mixture: 0.5}}).Objective())}, "a class": {Objective: own()},
		"bare": {Objective: (&objective.WinRate{}).Objective()}} {
		var params policy.Params = &policy.TabularParams{}
		if name == "a class" {
			params = &policy.LowRankParams{Basis: [][]float64{{0, 1, -1}}}
		}
		pol, err := params.Build(env, nil)
		if err != nil {
			t.Fatal(err)
		}
		p.Env, p.Policy = env, pol.(policy.Affine)
		s, err := exact.Solve(context.Background(), &p)
		if err != nil {
			t.Fatal(err)
		}
		if name == "bare" {
			if s.Status != exact.Boundary || s.Policy[0][2] != 0 {
				t.Errorf("%s: %s, %s", name, s.Status, s.Reason)
			}
			continue
		}
		again, _ := params.Build(env, nil)
		data, err := (&preference.Population{}).Build(preference.Input{Env: env})
		if err != nil {
			t.Fatal(err)
		}
		loop := train.Loop{Problem: train.NewProblem(env, again, p.Objective, p.L2), Data: data,
			Params: train.Params{Optimizer: &train.SGD{LR: 0.05}, Schedule: &train.Constant{}, Epochs: 5000}}
		if _, err := loop.Run(context.Background(), func(train.Record) {}); err != nil {
			t.Fatal(err)
		}
		got := make([]float64, 3)
		again.Logits(0, got)
		logspace.LogSoftmax(got, got)
		if s.Status != exact.Stationary || floats.Distance(got, s.Policy[0], math.Inf(1)) > 1e-8 {
			t.Errorf("%s: %s at %v, training ends at %v: %s", name, s.Status, s.Policy[0], got, s.Reason)
		}
	}
}

// Where comparisons weigh one prompt alone, the others' games are not played.
func TestGameOfOnePrompt(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	circle := []float64{0.7, 0.3, 0.7}
	env, one := game(rng, 3, func() float64 {
		rate := circle[0]
		circle = circle[1:]
		return rate
	}), game(rng, 3, func() float64 { return 0.3 })
	env.Prompts = append(env.Prompts, one.Prompts...)
	for status, o := range map[exact.Status]*objective.Objective{exact.Boundary: (&objective.WinRate{}).Objective(),
		exact.Stationary: (&objective.OnlineIPO{Lambda: 0.5}).Objective()} {
		pol, err := (&policy.TabularParams{}).Build(env, nil)
		if err != nil {
			t.Fatal(err)
		}
		s, err := exact.Solve(context.Background(), &exact.Problem{Env: env, Policy: pol.(policy.Affine), Objective: o,
			Pairs: &preference.Pairs{Prompt: []int{1}, Chosen: []int{0}, Rejected: []int{1}}})
		if err != nil {
			t.Fatal(err)
		}
		alone := play(t, one, o)
		if s.Status != status || floats.Distance(s.Policy[0], env.Prompts[0].LogReference(), 1) > 0 || !slices.Equal(s.Policy[1], alone.Policy[0]) {
			t.Errorf("%s at %v, by itself %s at %v", s.Status, s.Policy, alone.Status, alone.Policy)
		}
	}
}

// How far the policy is from the equilibrium, and by how much its equation is missed, are bounds: the first is the second divided by what the KL of
// the game costs, four times, and by the best response's steepness; the second allows for the rounding of what is added up, and not for much more.
func TestBoundsOfAGame(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 2))
	tied := game(rng, 3, func() float64 { return 0.5 })
	for _, env := range []*bandit.Env{game(rng, 4, rng.Float64), game(rng, 9, rng.Float64), tied} {
		for _, lambda := range []float64{0.02, 0.5, 3, 1e3} {
			for _, mixture := range []float64{0, 0.25, 0.9} {
				s := play(t, env, (&objective.OnlineIPO{Lambda: lambda, Opponent: objective.Opponent{Mixture: mixture}}).Objective())
				_, numbers, _ := strings.Cut(s.Reason, ", within ")
				var within, spread float64
				if _, err := fmt.Sscanf(numbers, "%g of it in total variation, as its equation holds up to %g", &within, &spread); err != nil || s.Iterations < 1 {
					t.Fatalf("lambda %g, mixture %g: %s after %d steps, %s", lambda, mixture, s.Status, s.Iterations, s.Reason)
				}
				want := spread * (1 - mixture) / (4 * lambda)
				if mixture > 0 {
					want /= 2 * lambda
				}
				if math.Abs(within-want) > 0.15*want {
					t.Errorf("lambda %g, mixture %g: within %g for %g, want %g", lambda, mixture, within, spread, want)
				}
				k, size := float64(len(s.Policy[0])), 0.0
				for i, ref := range env.Prompts[0].LogReference() {
					size = max(size, lambda/(1-mixture)*math.Abs(s.Policy[0][i]-ref))
				}
				if low := 2e-16 * k; spread < 0.9*low || mixture == 0 && spread < 1.9e-16*(k+8*size) || spread > 1e-14*(1+size)*k+4e-15*lambda/(1-mixture) {
					t.Errorf("lambda %g, mixture %g: the equation holds up to %g where %g is added up", lambda, mixture, spread, size)
				}
			}
		}
	}
}
