package metrics

import "gonum.org/v1/gonum/floats"

// CHES returns the centered hidden embedding similarity of a chosen and a rejected response to one prompt (arXiv 2410.08847):
// w.l - |w|^2, with w and l the sums of the last hidden states over the positions that predict the response, from the prompt's last
// token on to the one before the response's last. Normalized, means take the place of sums. The larger it is, the more alike the
// responses, and by the paper the more likelihood is displaced. Hidden states are those of prompt and response, positions x
// dimension, of sequences without padding; lastPrompt is the position of the prompt's last token, from 0. It panics where a
// sequence has no token behind that.
func CHES(chosen, rejected [][]float64, lastPrompt int) (ches, normalized float64) {
	w, l := predictors(chosen, lastPrompt), predictors(rejected, lastPrompt)
	ww, wl := floats.Dot(w, w), floats.Dot(w, l)
	n, m := float64(len(chosen)-1-lastPrompt), float64(len(rejected)-1-lastPrompt)
	return wl - ww, wl/(n*m) - ww/(n*n)
}

// predictors returns the sum of the hidden states that predict a response.
func predictors(hidden [][]float64, lastPrompt int) []float64 {
	if lastPrompt < 0 || lastPrompt+1 >= len(hidden) {
		panic("metrics: CHES needs a token of the response behind the prompt")
	}
	sum := make([]float64, len(hidden[lastPrompt]))
	for _, h := range hidden[lastPrompt : len(hidden)-1] {
		floats.Add(sum, h)
	}
	return sum
}
