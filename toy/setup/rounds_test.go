package setup

import (
	"context"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"windtunnel/toy/exact"
	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
)

// Win rates of three responses: a cycle in which each is beaten with probability 0.9 by the one before it, one that is not
// symmetric, and those of Bradley and Terry with rewards log 6, log 3 and 0.
var (
	cyclic   = [][]float64{{0.5, 0.9, 0.1}, {0.1, 0.5, 0.9}, {0.9, 0.1, 0.5}}
	lopsided = [][]float64{{0.5, 0.9, 0.25}, {0.1, 0.5, 0.7}, {0.75, 0.3, 0.5}}
	ranked   = [][]float64{{0.5, 6. / 9, 6. / 7}, {3. / 9, 0.5, 3. / 4}, {1. / 7, 1. / 4, 0.5}}
)

// iterated is a run of watched rounds of a loss under win rates.
func iterated(loss objective.Params, wins [][]float64, ref []float64, set func(o *preference.Online)) *Run {
	o := &preference.Online{Drawn: preference.Drawn{Of: &preference.Matrix{Matrix: wins}}, Rounds: 60, Temperature: 1, Proxy: &preference.Gold{}, Reference: "start", Watch: true}
	set(o)
	r := of("none", ref, o, "")
	r.Loss = loss
	return r
}

// rounds solves a run's rounds and returns the policies, that at the start first.
func rounds(t testing.TB, r *Run) (end train.Outcome, policies [][]float64) {
	t.Helper()
	s, err := New(r, Given{})
	if err != nil {
		t.Fatal(err)
	}
	start := make([]float64, s.Env.Responses())
	s.LogPolicy(0, start)
	policies = [][]float64{start}
	end, err = s.SolveRounds(context.Background(), func(round int, _ *preference.Pairs, found *exact.Solution) {
		if round != len(policies) {
			t.Fatalf("round %d comes after %d", round, len(policies)-1)
		}
		policies = append(policies, slices.Clone(found.Policy[0]))
	})
	if err != nil {
		t.Fatal(err)
	}
	return end, policies
}

// laplacian is IPO's minimizer on pairs drawn with probabilities w (K x K): its gradient vanishes where, with v = w + w', the graph
// of the pairs has the potential h that is log(pi/ref): sum_j v_ij (h_i - h_j) = sum_j v_ij (P_ij - 1/2)/lambda.
func laplacian(lambda float64, wins [][]float64, logRef []float64, w func(i, j int) float64) []float64 {
	k := len(logRef)
	a, b := mat.NewDense(k+1, k, nil), mat.NewVecDense(k+1, nil)
	for i := range k {
		a.Set(k, i, 1) // the potential is known up to a constant
		for j := range k {
			if v := w(i, j) + w(j, i); i != j {
				a.Set(i, i, a.At(i, i)+v)
				a.Set(i, j, -v)
				b.SetVec(i, b.AtVec(i)+v*(wins[i][j]-0.5)/lambda)
			}
		}
	}
	var h mat.VecDense
	if err := h.SolveVec(a, b); err != nil {
		return nil
	}
	next := make([]float64, k)
	floats.AddTo(next, logRef, h.RawVector().Data)
	logspace.LogSoftmax(next, next)
	return next
}

// Every round of IPO is the solution of its linear system, whatever the sampler and the reference; of pairs of the policy itself it
// is the softmax of how often a response beats the policy, ref exp(P(y > pi)/lambda).
func TestRoundsOfIPO(t *testing.T) {
	ref, third := []float64{0.5, 0.3, 0.2}, 1./3
	of := func(score string) preference.Responses { return preference.Responses{Of: score, Times: 1} }
	self := &preference.Independent{First: of("policy"), Second: of("policy")}
	uniform := &preference.Independent{First: of("uniform"), Second: of("uniform")}
	for name, tt := range map[string]struct {
		sampler preference.Sampler
		w       func(pi []float64, i, j int) float64
	}{
		"policy":  {self, func(pi []float64, i, j int) float64 { return pi[i] * pi[j] }},
		"uniform": {uniform, func([]float64, int, int) float64 { return 1 }},
		"mixed": {&preference.Independent{First: of("policy"), Second: of("uniform")},
			func(pi []float64, i, _ int) float64 { return pi[i] }},
		"half": {&preference.Mixture{Of: []preference.Shared{{Share: 0.5, Sampler: self}, {Share: 0.5, Sampler: uniform}}},
			func(pi []float64, i, j int) float64 { return pi[i]*pi[j] + third*third }},
	} {
		for _, lambda := range []float64{0.05, 0.3, 2} {
			for _, reference := range []string{"start", "previous"} {
				_, policies := rounds(t, iterated(&objective.IPO{Lambda: lambda}, lopsided, ref, func(o *preference.Online) {
					o.Rounds, o.Sampler, o.Reference, o.Watch = 8, tt.sampler, reference, false
				}))
				for n, logPi := range policies[1:] {
					before, base := policies[n], policies[0]
					if reference == "previous" {
						base = before
					}
					pi := make([]float64, 3)
					logspace.Exp(pi, before)
					want := laplacian(lambda, lopsided, base, func(i, j int) float64 { return tt.w(pi, i, j) })
					if name == "policy" { // the linear system is near singular where the policy is near a corner
						want = slices.Clone(base)
						for i := range want {
							want[i] += floats.Dot(lopsided[i], pi) / lambda
						}
						logspace.LogSoftmax(want, want)
					}
					if !floats.EqualApprox(logPi, want, 1e-7) {
						t.Errorf("%s pairs, lambda %v, reference %s, round %d: %v, want %v", name, lambda, reference, n+1, logPi, want)
					}
				}
			}
		}
	}
}

// Around the uniform policy a round of IPO under the symmetric cycle turns by a quarter and stretches by 0.4/(sqrt(3) lambda): it is
// stable above lambda = 0.231. As lambda falls rounds become best responses, a cycle of three.
func TestStabilityOfIPO(t *testing.T) {
	threshold := 0.4 / math.Sqrt(3)
	for _, tt := range []struct {
		lambda float64
		status train.Status
		period int
	}{{1.2 * threshold, train.Stationary, 1}, {1.1 * threshold, train.Stationary, 1}, {0.9 * threshold, "", 0}, {0.02, train.Cycle, 3}} {
		end, policies := rounds(t, iterated(&objective.IPO{Lambda: tt.lambda}, cyclic, []float64{0.34, 0.33, 0.33}, func(o *preference.Online) { o.Rounds = 400 }))
		if tt.status != "" && end.Status != tt.status || tt.status == "" && end.Status == train.Stationary || tt.period > 0 && end.Period != tt.period {
			t.Errorf("lambda %v: %+v, want %s of %d", tt.lambda, end, tt.status, tt.period)
		}
		last, pi := policies[len(policies)-1], make([]float64, 3)
		for range end.Period { // by the closed form the last policy comes back
			logspace.Exp(pi, last)
			next := []float64{math.Log(0.34), math.Log(0.33), math.Log(0.33)}
			for i := range next {
				next[i] += floats.Dot(cyclic[i], pi) / tt.lambda
			}
			logspace.LogSoftmax(next, next)
			last = next
		}
		if a, b := last, policies[len(policies)-1]; end.Period > 0 && !floats.EqualApprox(exponentials(a), exponentials(b), 1e-8) {
			t.Errorf("lambda %v: %v after a period is %v", tt.lambda, b, a)
		}
	}
}

func exponentials(logs []float64) []float64 {
	p := make([]float64, len(logs))
	logspace.Exp(p, logs)
	return p
}

// DPO under Bradley and Terry's preferences has the minimizer ref star^(1/lambda) whatever is compared, so that rounds are at rest
// after one; from a reference that follows, round t has ref star^(t/lambda), which collapses.
func TestRoundsOfDPO(t *testing.T) {
	const lambda = 0.8
	ref := []float64{0.2, 0.3, 0.5}
	after := func(n float64) []float64 {
		want := make([]float64, 3)
		for i, r := range []float64{6, 3, 1} {
			want[i] = math.Log(ref[i]) + n/lambda*math.Log(r)
		}
		logspace.LogSoftmax(want, want)
		return want
	}
	end, policies := rounds(t, iterated(&objective.DPO{Lambda: lambda}, ranked, ref, func(*preference.Online) {}))
	if end.Status != train.Stationary || end.Steps != 2 || !floats.EqualApprox(policies[2], after(1), 1e-9) {
		t.Errorf("%+v: %v, want %v", end, policies[2], after(1))
	}
	end, policies = rounds(t, iterated(&objective.DPO{Lambda: lambda}, ranked, ref, func(o *preference.Online) { o.Reference = "previous" }))
	for n, logPi := range policies {
		if !floats.EqualApprox(logPi, after(float64(n)), 1e-6) {
			t.Errorf("round %d: %v, want %v", n, logPi, after(float64(n)))
		}
	}
	// The change of a probability falls to 1e-10 when the second response does, as exp(-n log 2/lambda).
	if want := lambda * math.Log(1e10*ref[1]/ref[0]) / math.Ln2; end.Status != train.Collapse || math.Abs(float64(end.Steps)-want) > 2 {
		t.Errorf("%+v, want a collapse at round %v", end, want)
	}
}

// Where DPO's rounds under a cycle of preferences are at rest, the gradient on the policy's own pairs vanishes.
func TestRestOfDPO(t *testing.T) {
	ref := []float64{0.5, 0.3, 0.2}
	end, policies := rounds(t, iterated(&objective.DPO{Lambda: 1.5}, lopsided, ref, func(o *preference.Online) { o.Rounds = 300 }))
	if end.Status != train.Stationary {
		t.Fatalf("%+v", end)
	}
	logPi := policies[len(policies)-1]
	for i := range ref {
		sum := 0.0
		for j := range ref {
			margin := logPi[i] - math.Log(ref[i]) - logPi[j] + math.Log(ref[j])
			sum += math.Exp(logPi[j]) * (lopsided[i][j] - 1/(1+math.Exp(-1.5*margin)))
		}
		if math.Abs(sum) > 1e-8 {
			t.Errorf("response %d: the gradient is %v", i, sum)
		}
	}
}

// Training to the end in every round is solving it, and says the same.
func TestTrainedRounds(t *testing.T) {
	for _, lambda := range []float64{0.4, 1} {
		r := iterated(&objective.IPO{Lambda: lambda}, cyclic, []float64{0.5, 0.3, 0.2}, func(o *preference.Online) { o.Rounds = 60 })
		solved, policies := rounds(t, r)
		r.Train = train.Params{Optimizer: &train.SGD{LR: 0.5 * lambda * lambda}, Schedule: &train.Constant{}, Epochs: 3000, Tolerance: 1e-13}
		r.Solver = SolverTrain
		s, err := New(r, Given{})
		if err != nil {
			t.Fatal(err)
		}
		loop := s.Loop()
		trained, err := loop.Run(context.Background(), func(train.Record) {})
		got := make([]float64, 3)
		s.LogPolicy(0, got)
		if err != nil || trained.Status != solved.Status || trained.Period != solved.Period || !floats.EqualApprox(exponentials(got), exponentials(policies[len(policies)-1]), 1e-7) {
			t.Errorf("lambda %v: trained %+v, %v; solved %+v, %v; %v", lambda, trained, got, solved, policies[len(policies)-1], err)
		}
	}
}

// A loss without a minimizer ends the rounds, as DPO where a response never loses; and where comparisons are lost to rounding, no
// collapse is seen.
func TestRoundsWithoutMinimizer(t *testing.T) {
	end, policies := rounds(t, iterated(&objective.DPO{Lambda: 1}, [][]float64{{0.5, 1}, {0, 0.5}}, []float64{0.5, 0.5}, func(*preference.Online) {}))
	lost, _ := rounds(t, iterated(&objective.DPO{Lambda: 0.03}, cyclic, []float64{0.5, 0.3, 0.2}, func(o *preference.Online) { o.Rounds, o.Reference = 300, "previous" }))
	if lost.Status != train.Done || lost.Steps == 300 || lost.Reason == "" {
		t.Errorf("where comparisons are lost to rounding rounds end as %+v", lost)
	}
	if end.Status != train.Diverged || end.Steps != 1 || end.Reason == "" || policies[1] != nil {
		t.Errorf("%+v, policies %v", end, policies)
	}
}
