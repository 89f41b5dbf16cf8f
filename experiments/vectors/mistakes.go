package vectors

import "slices"

// mistake is a way in which implementations are known to be wrong.
type mistake struct {
	name   string
	text   string // what is done where what is meant
	change func(w *way)
}

// mistakes are all that are known. One that changes no number of a loss does not exist for it.
var mistakes = []mistake{
	{"mean-for-sum", "mean over tokens where the sum is meant", func(w *way) { w.measureLength("mean", w.loss.tokens != averages) }},
	{"sum-for-mean", "sum over tokens where the mean is meant", func(w *way) { w.measureLength("sum", w.loss.tokens == averages || w.loss.tokens == weighs) }},
	{"mean-over-row", "mean over all positions of the row where that over the response's tokens is meant", func(w *way) { w.measureLength("row", w.loss.tokens == averages || w.loss.tokens == weighs) }},
	{"prompt-counted", "prompt tokens and all others that are attended to counted: the attention mask in place of the response's", counting(func(s *Side, i int) bool { return s.AttentionMask[i] == 1 })},
	{"padding-counted", "padding counted beside the response", counting(func(s *Side, i int) bool { return s.Mask[i] == 1 || s.AttentionMask[i] == 0 })},
	{"everything-counted", "no mask: prompt and padding counted", counting(func(*Side, int) bool { return true })},
	{"shifted-left", "mask shifted by one: each response's tokens are taken one position too early", counting(func(s *Side, i int) bool { return i+1 < positions && s.Mask[i+1] == 1 })},
	{"shifted-right", "mask shifted by one: each response's tokens are taken one position too late", counting(func(s *Side, i int) bool { return i > 0 && s.Mask[i-1] == 1 })},
	{"bos-counted", "BOS counted: the first token that is attended to, beside the response", counting(func(s *Side, i int) bool { return s.Mask[i] == 1 || i == slices.Index(s.AttentionMask, 1) })},
	{"bos-dropped", "the response's first token dropped, as if it was BOS", counting(func(s *Side, i int) bool { return s.Mask[i] == 1 && i != slices.Index(s.Mask, 1) })},
	{"eos-counted", "EOS counted: the token after the response, where it is not padding", counting(func(s *Side, i int) bool { return s.Mask[i] == 1 || s.AttentionMask[i] == 1 && i > 0 && i-1 == last(s) })},
	{"eos-dropped", "EOS dropped: the response's last token does not count", counting(func(s *Side, i int) bool { return s.Mask[i] == 1 && i != last(s) })},
	{"reference-left-out", "reference left out", func(w *way) { w.noReference = w.noReference || !w.loss.referenceFree }},
	{"reference-not-detached", "reference not detached: the gradient flows through it too, as of one model for both", func(w *way) { w.referenceAttached = true }},
	{"beta-doubled", "beta doubled", func(w *way) { w.params["beta"] = 2 * w.params.number("beta") }},
	{"labels-swapped", "labels swapped: chosen and rejected exchanged", func(w *way) { w.swapped = !w.swapped }},
	{"label-smoothing-ignored", "label smoothing ignored", func(w *way) { w.params["label_smoothing"] = w.loss.unsmoothed }},
	{"trained-as-sigmoid", "another loss_type trained in silence: sigmoid", silently("sigmoid", "dpo")},
	{"trained-as-hinge", "another loss_type trained in silence: hinge", silently("hinge", "hinge")},
	{"trained-as-ipo", "another loss_type trained in silence: ipo", silently("ipo", "ipo")},
	{"batch-summed", "sum over the batch where the mean is meant", func(w *way) { w.summed = true }},
	{"kl-of-chosen", "KL estimate by the wrong batch: the mean reward of the chosen alone", func(w *way) { w.anchor = "chosen" }},
	{"kl-of-rejected", "KL estimate by the wrong batch: the mean reward of the rejected alone", func(w *way) { w.anchor = "rejected" }},
	{"kl-left-out", "KL estimate, or mean reward, left out", func(w *way) { w.anchor = "none" }},
	{"kl-below-zero", "KL estimate below 0, which is to be 0 there", func(w *way) { w.unclamped = true }},
	{"weights-not-detached", "weights, or the KL estimate, not detached: the gradient flows through them", func(w *way) { w.statisticsAttached = true }},
	{"sft-wrong-mean", "SFT term over the wrong mean: over pairs where that over the batch's tokens is meant, or the other way round", func(w *way) {
		w.sftMeans(map[string]string{"tokens": "pairs", "pairs": "tokens"}[w.sft])
	}},
	{"sft-summed", "SFT term summed over tokens where the mean is meant", func(w *way) { w.sftMeans("sum") }},
	{"sft-prompt-counted", "SFT term over prompt and response where the response alone is meant", func(w *way) { w.sftPrompt = true }},
	{"sft-left-out", "SFT term left out", func(w *way) { w.sft = "none" }},
}

// measureLength sets how lengths are used wrongly, where the loss lets it be.
func (w *way) measureLength(how string, possible bool) {
	if possible {
		w.length = how
	}
}

// sftMeans sets the mean of the SFT term, where there is one that can be set.
func (w *way) sftMeans(how string) {
	if w.sft != "none" && how != "" {
		w.sft = how
	}
}

// silently returns the change to another loss of a margin, over the policy alone for losses without a reference; the SFT
// term stays.
func silently(lossType, kind string) func(w *way) {
	return func(w *way) {
		if kind == w.loss.name {
			return // it is meant
		}
		w.params = Params{"beta": w.params["beta"], w.loss.sft: w.params[w.loss.sft]}
		w.loss.tokens, w.loss.anchor, w.loss.kind = sums, "", kind
		if w.loss.name == "aot" {
			w.loss.name = kind // nothing is sorted
		}
		if kind == "ipo" && !w.loss.referenceFree {
			w.loss.tokens = averages
		}
		if w.loss.referenceFree {
			w.loss.kind, w.params["loss_type"] = "cpo", lossType
		}
	}
}

// counting makes other positions count. Of two such mistakes the later works on what the earlier left.
func counting(counts func(s *Side, i int) bool) func(w *way) {
	return func(w *way) {
		before := w.mask
		w.mask = func(s *Side) []int {
			seen, mask := *s, make([]int, positions)
			seen.Mask = before(s)
			for i := range mask {
				if counts(&seen, i) {
					mask[i] = 1
				}
			}
			return mask
		}
	}
}

// last returns the last position that counts, -1 for an empty response.
func last(s *Side) int {
	at := positions - 1
	for at >= 0 && s.Mask[at] == 0 {
		at--
	}
	return at
}
