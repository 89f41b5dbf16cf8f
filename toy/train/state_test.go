package train

import (
	"slices"
	"testing"
)

// TestOptimizerState: an optimizer into which the state of another one is copied goes on as that one does.
func TestOptimizerState(t *testing.T) {
	grads := [][]float64{{0.5, -1}, {-0.25, -1}, {0.125, 2}, {3, 0.5}}
	for _, kind := range Optimizers() {
		params := kind.New()
		first, theta := params.Optimizer(2), []float64{1, -2}
		for _, g := range grads[:2] {
			first.Step(theta, slices.Clone(g), 1)
		}
		resumed, again := params.Optimizer(2), slices.Clone(theta)
		for i, s := range first.State() {
			copy(resumed.State()[i], s)
		}
		for _, g := range grads[2:] {
			first.Step(theta, slices.Clone(g), 0.5)
			resumed.Step(again, slices.Clone(g), 0.5)
		}
		if !slices.Equal(theta, again) {
			t.Errorf("%s: %v, resumed %v", kind.Name, theta, again)
		}
	}
}
