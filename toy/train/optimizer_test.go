package train

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"
)

// TestOptimizers takes three steps from (1, -2) with the gradients (0.5, -1), (-0.25, -1), (0.125, 2), the learning
// rate halved in the second. The values were worked out to 40 digits from the formulas of the papers (Adam's with
// bias-corrected moments, algorithm 1), not from this code.
func TestOptimizers(t *testing.T) {
	grads, factors := [][]float64{{0.5, -1}, {-0.25, -1}, {0.125, 2}}, []float64{1, 0.5, 1}
	for _, tt := range []struct {
		name   string
		params OptimizerParams
		want   [3][]float64
	}{
		{"sgd", &SGD{LR: 0.1}, [3][]float64{{0.95, -1.9}, {0.9625, -1.85}, {0.95, -2.05}}},
		{"sgd with weight decay", &SGD{LR: 0.1, WeightDecay: 0.5}, [3][]float64{{0.9, -1.8}, {0.89, -1.705}, {0.833, -1.81975}}},
		{"heavy ball", &Momentum{LR: 0.1, Momentum: 0.9}, [3][]float64{{0.95, -1.9}, {0.94, -1.805}, {0.9095, -1.834}}},
		{"Nesterov", &Momentum{LR: 0.1, Momentum: 0.9, Nesterov: true},
			[3][]float64{{0.905, -1.81}, {0.9085, -1.6745}, {0.86855, -1.9006}}},
		{"heavy ball with weight decay", &Momentum{LR: 0.1, Momentum: 0.9, WeightDecay: 0.5},
			[3][]float64{{0.9, -1.8}, {0.845, -1.615}, {0.69125, -1.40125}}},
		{"adagrad-norm", &AdaGradNorm{LR: 0.1}, [3][]float64{{0.955278640450004206, -1.91055728090000841}, {0.963498589815272070, -1.87767748343893695}, {0.958529549865272537, -1.95718212263892947}}},
		{"adam", &Adam{LR: 0.1, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8},
			[3][]float64{{0.90000000199999996, -1.900000001}, {0.88668315035392306, -1.8500000015}, {0.85264023656273087, -1.8575649345221905}}},
		{"adam with weight decay", &Adam{LR: 0.1, Beta1: 0.8, Beta2: 0.9, Eps: 0.01, WeightDecay: 0.5},
			[3][]float64{{0.90099009900990099, -1.9004975124378109}, {0.86203635477570805, -1.8507901332250016}, {0.7781807215485893, -1.8084364491890386}}},
		{"adamw", &AdamW{LR: 0.1, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.5},
			[3][]float64{{0.85000000199999996, -1.800000001}, {0.81543315030392306, -1.705000001475}, {0.74061857899753472, -1.6273149344234405}}},
		{"rmsprop", &RMSprop{LR: 0.1, Alpha: 0.99, Eps: 1e-8},
			[3][]float64{{1.99999960000008e-7, -1.00000009999999}, {0.22450678721085522, -0.64555952262144841}, {0.0044026303911727984, -1.4640981427873288}}},
		{"rmsprop with weight decay", &RMSprop{LR: 0.1, Alpha: 0.9, Eps: 0.01, WeightDecay: 0.5},
			[3][]float64{{0.69346569968284491, -1.6886944075850583}, {0.67794152383810388, -1.5797878378228718}, {0.53798496709781837, -1.7155658791065148}}},
	} {
		o, theta := tt.params.Optimizer(2), []float64{1, -2}
		other, elsewhere := tt.params.Optimizer(2), []float64{0, 0} // keeps no state in the parameters
		for i, want := range tt.want {
			other.Step(elsewhere, []float64{7, 7}, 1)
			o.Step(theta, slices.Clone(grads[i]), factors[i])
			if !floats.EqualApprox(theta, want, 1e-14) {
				t.Errorf("%s: %v after step %d, want %v", tt.name, theta, i+1, want)
			}
		}
	}
}

func TestSparseOptimizer(t *testing.T) {
	sparse := (&SGD{LR: 0.1}).Optimizer(3).(sgd)
	theta := []float64{1, 2, 3}
	sparse.stepSparse(theta, []float64{1, math.NaN(), -1}, []int{0, 2}, 0.5)
	if !slices.Equal(theta, []float64{0.95, 2, 3.05}) {
		t.Errorf("parameters %v", theta)
	}
}

func TestSchedules(t *testing.T) {
	const total = 100
	for _, tt := range []struct {
		name     string
		schedule ScheduleParams
		want     map[int]float64
	}{
		{"constant", &Constant{}, map[int]float64{0: 1, 50: 1, 99: 1}},
		{"constant after warm-up", &Constant{Warmup{10}}, map[int]float64{0: 0, 5: 0.5, 9: 0.9, 10: 1, 99: 1}},
		{"linear", &Linear{}, map[int]float64{0: 1, 25: 0.75, 50: 0.5, 99: 0.01, 100: 0}},
		{"linear after warm-up to 0.2", &Linear{Warmup{20}, 0.2}, map[int]float64{0: 0, 10: 0.5, 20: 1, 60: 0.6, 100: 0.2}},
		{"cosine", &Cosine{}, map[int]float64{0: 1, 25: (1 + math.Sqrt2/2) / 2, 50: 0.5, 75: (1 - math.Sqrt2/2) / 2, 100: 0}},
		{"cosine after warm-up to 0.2", &Cosine{Warmup{20}, 0.2}, map[int]float64{0: 0, 10: 0.5, 20: 1, 60: 0.6, 100: 0.2}},
		{"linear, warm-up as long as training", &Linear{Warmup{100}, 0}, map[int]float64{0: 0, 50: 0.5, 99: 0.99}},
		{"cosine, warm-up longer than training", &Cosine{Warmup{400}, 0}, map[int]float64{0: 0, 99: 99. / 400}},
	} {
		for step, want := range tt.want {
			if got := tt.schedule.Factor(step, total); math.Abs(got-want) > 1e-15 {
				t.Errorf("%s: factor %v at step %d, want %v", tt.name, got, step, want)
			}
		}
		for step := range total {
			if f := tt.schedule.Factor(step, total); f < 0 || f > 1 {
				t.Errorf("%s: factor %v at step %d is not in [0, 1]", tt.name, f, step)
			}
		}
	}
	for _, kind := range Schedules() {
		if f := kind.New().Factor(0, 1); f != 1 {
			t.Errorf("%s: the only step has factor %v, want 1", kind.Name, f)
		}
	}
}
