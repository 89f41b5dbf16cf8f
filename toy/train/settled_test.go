package train

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"windtunnel/toy/objective"
)

// slope is a Task of one parameter whose gradient is a function of it.
type slope struct {
	at       []float64
	gradient func(theta float64) float64
}

func (s *slope) Items() int        { return 1 }
func (s *slope) Params() []float64 { return s.at }
func (s *slope) Gradient(Batch) ([]float64, []int, float64) {
	g := s.gradient(s.at[0])
	return []float64{g}, nil, math.Abs(g)
}
func (s *slope) Loss() float64 { return 0 }
func (s *slope) Moved()        {}

// driftOf trains from 0 at a learning rate of 1.
func driftOf(t *testing.T, steps int, schedule ScheduleParams, gradient func(theta float64) float64) float64 {
	t.Helper()
	tr := &Trainer{Task: &slope{[]float64{0}, gradient}, Params: Params{Optimizer: &SGD{LR: 1}, Schedule: schedule, Steps: steps}}
	end, err := tr.Run(context.Background(), func(Record) error { return nil })
	if err != nil || end.Status != Done || end.Steps != steps {
		t.Fatalf("%d steps: %+v, %v", steps, end, err)
	}
	return end.Drift
}

// TestDrift holds the share of the way against what follows from the course of the parameter.
func TestDrift(t *testing.T) {
	forward := func(float64) float64 { return -1 }
	for _, steps := range []int{200, 1000, 12345} {
		// At a constant speed the means of the last two tenths are at 85 % and 95 % of the way.
		if got := driftOf(t, steps, &Constant{}, forward); math.Abs(got-0.1/0.95) > 0.002 {
			t.Errorf("%d steps at a constant speed: %v; want %v", steps, got, 0.1/0.95)
		}
		// Where the schedule takes the speed to 0, a policy on its way is still told from one at rest.
		for _, kind := range Schedules() {
			if got := driftOf(t, steps, kind.New(), forward); got < 0.05 || got > 0.2 {
				t.Errorf("%d steps, schedule %s: %v; want about 0.1", steps, kind.Name, got)
			}
		}
		// theta_t = 1 - exp(-at), whose mean over [u, v] is 1 - (exp(-au) - exp(-av)) / (a(v - u)).
		for _, decays := range []float64{1, 3, 4, 10} {
			rate := 1 - math.Exp(-decays/float64(steps))
			mean := func(u, v float64) float64 {
				return 1 - (math.Exp(-decays*u)-math.Exp(-decays*v))/(decays*(v-u))
			}
			want := (mean(0.9, 1) - mean(0.8, 0.9)) / mean(0.9, 1)
			got := driftOf(t, steps, &Constant{}, func(theta float64) float64 { return rate * (theta - 1) })
			if math.Abs(got-want) > 0.05*want+1e-5 {
				t.Errorf("%d steps, distance fallen to e^-%v: %v; want %v", steps, decays, got, want)
			}
		}
	}
	for steps := 1; steps < 10; steps++ { // of which a tenth is a step, and one alone tells nothing
		want := 1 / float64(steps)
		if steps == 1 {
			want = 0
		}
		if got := driftOf(t, steps, &Constant{}, forward); math.Abs(got-want) > 1e-12 {
			t.Errorf("%d steps at a constant speed: %v; want %v", steps, got, want)
		}
		if got := driftOf(t, steps, &Constant{}, func(theta float64) float64 { return theta - 1 }); got != 0 {
			t.Errorf("%d steps, of which the first arrives: %v; want 0", steps, got)
		}
	}
	if got := driftOf(t, 500, &Constant{}, func(float64) float64 { return 1e-330 }); got != 0 {
		t.Errorf("no gradient: %v", got)
	}
}

// TestDriftNoise takes noise about a rest that was reached for no movement, and noise without any way for no rest.
func TestDriftNoise(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	rest := driftOf(t, 20_000, &Constant{}, func(theta float64) float64 { return 0.05*(theta-1) + 0.005*rng.NormFloat64() })
	lost := driftOf(t, 20_000, &Constant{}, func(theta float64) float64 { return 0.05*theta + 0.005*rng.NormFloat64() })
	if rest > 0.01 || lost < 0.2 {
		t.Errorf("at rest %v, of noise alone %v", rest, lost)
	}
}

// TestNoDrift judges no training that ends before its time.
func TestNoDrift(t *testing.T) {
	for name, p := range map[string]Params{
		"stopped early": {MaxSteps: 50}, "converged": {Tolerance: 2},
	} {
		p.Optimizer, p.Schedule, p.Epochs = &SGD{LR: 1}, &Constant{}, 100
		tr := &Trainer{Task: &slope{[]float64{0}, func(float64) float64 { return -1 }}, Params: p}
		if end, err := tr.Run(context.Background(), func(Record) error { return nil }); err != nil || end.Drift != 0 {
			t.Errorf("%s: %+v, %v", name, end, err)
		}
	}
}

// TestSteps: as many steps as the epochs would have taken end in the same policy, at any size of the batches.
func TestSteps(t *testing.T) {
	for _, size := range []int{0, 5} {
		var ends [2][]float64
		for i, p := range []Params{{Epochs: 6}, {Steps: 6 * (1 + size/5*2)}} {
			l, _ := tabularLoop(t, &objective.DPO{Lambda: 0.5})
			l.Params.BatchSize, l.Params.Epochs, l.Params.Steps = size, p.Epochs, p.Steps
			run(t, l)
			ends[i] = append([]float64(nil), l.Problem.Policy.Params()...)
		}
		for i := range ends[0] {
			if ends[0][i] != ends[1][i] {
				t.Errorf("batches of %d: %v by epochs, %v by steps", size, ends[0], ends[1])
				break
			}
		}
	}
}
