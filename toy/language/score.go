package language

import (
	"context"
	"fmt"

	"windtunnel/toy/dialogue"
	"windtunnel/toy/llama"
	"windtunnel/toy/tokenizer"
)

// Score is what a model says of a pair. Log-probabilities are sums over the tokens of a response, in nats.
type Score struct {
	Index                int      `json:"index"`
	PromptTokens         int      `json:"prompt_tokens"` // BOS among them
	ChosenTokens         int      `json:"chosen_tokens"`
	RejectedTokens       int      `json:"rejected_tokens"`
	ChosenLogp           float64  `json:"chosen_logp"`
	RejectedLogp         float64  `json:"rejected_logp"`
	ChosenLogpPerToken   float64  `json:"chosen_logp_per_token"`
	RejectedLogpPerToken float64  `json:"rejected_logp_per_token"`
	RefChosenLogp        *float64 `json:"ref_chosen_logp,omitempty"`
	RefRejectedLogp      *float64 `json:"ref_rejected_logp,omitempty"`
	Margin               *float64 `json:"margin,omitempty"` // how much more the chosen one grew over the reference than the rejected one
	TooLong              bool     `json:"-"`                // for the limit of tokens; the log-probabilities are not known
}

// Scorer scores pairs with a model, and with a reference where there is one.
type Scorer struct {
	MaxTokens int // a prompt with either response may have

	tokenizer *tokenizer.Tokenizer
	networks  []*llama.Network[float32] // the model, the reference
	scorer    *scorer[float32]
}

// NewScorer returns a scorer. reference may be nil. A limit beyond what a model holds is an error, and so is a tokenizer of
// another vocabulary than a model's.
func NewScorer(model, reference *llama.Model[float32], t *tokenizer.Tokenizer, maxTokens int) (*Scorer, error) {
	s := &Scorer{MaxTokens: maxTokens, tokenizer: t, scorer: newScorer[float32](newWorkers(0))}
	for _, m := range []*llama.Model[float32]{model, reference} {
		if m == nil {
			continue
		}
		if m.Vocab != t.Vocab() {
			return nil, fmt.Errorf("the tokenizer has %d pieces, the model's vocabulary %d", t.Vocab(), m.Vocab)
		}
		if maxTokens < 2 || maxTokens > m.SeqLen {
			return nil, fmt.Errorf("a limit of %d tokens; want 2 to %d, which the model holds", maxTokens, m.SeqLen)
		}
		network, err := llama.NewNetwork(m, nil)
		if err != nil {
			return nil, err
		}
		s.networks = append(s.networks, network)
	}
	return s, nil
}

// Scores scores pairs on all cores. Each score depends on its pair alone. Once ctx is canceled no more pairs are begun, and
// its error is returned.
func (s *Scorer) Scores(ctx context.Context, pairs []dialogue.Pair) ([]Score, error) {
	scores := make([]Score, len(pairs))
	return scores, s.scorer.try(ctx, "pair", len(pairs), func(worker, i int) error {
		return s.score(worker, &pairs[i], &scores[i])
	})
}

func (s *Scorer) score(worker int, p *dialogue.Pair, out *Score) (err error) {
	ids := encode(s.tokenizer, p)
	*out = Score{Index: p.Index, PromptTokens: len(ids.Prompt), ChosenTokens: len(ids.Chosen), RejectedTokens: len(ids.Rejected)}
	if ids.length() > s.MaxTokens {
		out.TooLong = true
		return nil
	}
	var logps [2][2]float64
	for i, n := range s.networks {
		if logps[i][0], logps[i][1], err = s.scorer.pair(worker, n, &ids); err != nil {
			return err
		}
	}
	out.ChosenLogp, out.RejectedLogp = logps[0][0], logps[0][1]
	out.ChosenLogpPerToken = out.ChosenLogp / float64(max(1, len(ids.Chosen)))
	out.RejectedLogpPerToken = out.RejectedLogp / float64(max(1, len(ids.Rejected)))
	if len(s.networks) > 1 {
		margin := (logps[0][0] - logps[1][0]) - (logps[0][1] - logps[1][1])
		out.RefChosenLogp, out.RefRejectedLogp, out.Margin = &logps[1][0], &logps[1][1], &margin
	}
	return nil
}
