package train

import "slices"

// Extragradient says by what gradient a step is taken.
type Extragradient string

// Plain is the gradient where the policy is. FullExtra is the one that is found a step ahead (Korpelevich 1976), OpponentExtra the one
// where the policy is, against the opponent that the loss holds fixed as a step ahead makes it (EGPO: Zhou et al. 2025, arXiv
// 2503.08942).
const (
	Plain         Extragradient = "none"
	FullExtra     Extragradient = "full"
	OpponentExtra Extragradient = "opponent"
)

// ahead takes a step by the gradient on a batch, finds the gradient that an extragradient step is taken by, and goes back: the
// parameters and the optimizer's memory are as before.
func (t *Trainer) ahead(b Batch, grad []float64, support []int, norm, factor float64) ([]float64, []int, float64) {
	playing, ok := t.Task.(*comparisons)
	opponent := t.Params.Extra == OpponentExtra
	if opponent && !(ok && playing.problem.hold(false)) {
		return grad, support, norm
	}
	if t.live == nil {
		t.live = append([][]float64{t.Task.Params()}, t.optimizer.State()...)
		for _, v := range t.live {
			t.kept = append(t.kept, slices.Clone(v))
		}
	}
	copyAll(t.kept, t.live)
	t.move(grad, support, norm, factor)
	if b.Ahead = true; opponent {
		playing.problem.hold(true)
		copyAll(t.live, t.kept)
		grad, support, norm = t.Task.Gradient(b)
		playing.problem.hold(false)
		return grad, support, norm
	}
	grad, support, norm = t.Task.Gradient(b)
	copyAll(t.live, t.kept)
	return grad, support, norm
}

func copyAll(dst, src [][]float64) {
	for i := range dst {
		copy(dst[i], src[i])
	}
}
