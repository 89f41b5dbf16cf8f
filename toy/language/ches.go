package language

import (
	"context"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/llama"
)

// CHES returns the centered hidden embedding similarity of a chosen and a rejected response to one prompt (arXiv 2410.08847):
// w.l - |w|^2, with w and l the sums of the last hidden states from which the tokens of either response are predicted. By length, means
// take the place of sums. The larger it is, the more alike the responses, and by the paper the more likelihood is displaced. Hidden
// states are positions x dimension, one position a token of the response: the prompt's last token and all of the response but its last.
func CHES(chosen, rejected [][]float64) (ches, byLength float64) {
	w, l := total(chosen), total(rejected)
	ww, wl := floats.Dot(w, w), floats.Dot(w, l)
	n, m := float64(len(chosen)), float64(len(rejected))
	return wl - ww, wl/(n*m) - ww/(n*n)
}

func total(hidden [][]float64) []float64 {
	sum := make([]float64, len(hidden[0]))
	for _, h := range hidden {
		floats.Add(sum, h)
	}
	return sum
}

// alike returns the CHES of pairs by length under a network, nil of single responses.
func (s *scorer[T]) alike(ctx context.Context, n *llama.Network[T], pairs []Pair) ([]float64, error) {
	if len(pairs) == 0 || pairs[0].single() {
		return nil, nil
	}
	ches := make([]float64, len(pairs))
	return ches, s.try(ctx, "pair", len(pairs), func(worker, i int) error {
		if _, _, err := s.pair(worker, n, &pairs[i]); err != nil {
			return err
		}
		var hidden [2][][]float64
		for side, tokens := range s.responses[worker] {
			for j := range tokens {
				state := make([]float64, n.Config().Dim)
				for at, v := range s.tapes[worker].Hidden(side, j) {
					state[at] = float64(v)
				}
				hidden[side] = append(hidden[side], state)
			}
		}
		_, ches[i] = CHES(hidden[0], hidden[1])
		return nil
	})
}
