package train

import (
	"math"
	"testing"

	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
)

// TestAlignedWeights: WPO's weights are measured from the policy of each comparison's own prompt, worked out here in
// probabilities, and are held back from differentiation.
func TestAlignedWeights(t *testing.T) {
	for _, alignment := range []string{"sampled", "greedy"} {
		for _, n := range policies {
			env, pol := n.build(t, false)
			scatter(pol, 1)
			data := somePairs()
			p := NewProblem(env, pol, (&objective.WPO{Lambda: 0.7, Alignment: alignment}).Objective(), 0)
			want, total := 0.0, 0.0
			for i, prompt := range data.Prompt {
				logits := make([]float64, pol.Responses())
				pol.Logits(prompt, logits)
				norm := logspace.LogSumExp(logits)
				squares, top := 0.0, 0.0
				for _, v := range logits {
					squares += math.Exp(v-norm) * math.Exp(v-norm)
					top = max(top, math.Exp(v-norm))
				}
				w, l, ref := data.Chosen[i], data.Rejected[i], env.Prompts[prompt].LogReference()
				both := math.Exp(logits[w] + logits[l] - 2*norm)
				weight := min(1, both/(squares*squares))
				if alignment == "greedy" {
					weight = both / (top * top)
				}
				margin := (logits[w] - ref[w]) - (logits[l] - ref[l])
				want += data.Weight[i] * weight * math.Log1p(math.Exp(-0.7*margin))
				total += data.Weight[i]
			}
			if got := p.Loss(Full(data, p)); math.Abs(got-want/total) > 1e-14 {
				t.Errorf("%s, %s: loss %v, want %v", alignment, n.name, got, want/total)
			}
			checkGradientOn(t, p, data, alignment+", "+n.name)
		}
	}
}
