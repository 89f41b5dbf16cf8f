package language

import (
	"cmp"
	"context"
	"fmt"
	"runtime"

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
	tapes     []*llama.Tape[float32]    // one a worker
}

// NewScorer returns a scorer. reference may be nil. A limit beyond what a model holds is an error, and so is a tokenizer of
// another vocabulary than a model's.
func NewScorer(model, reference *llama.Model[float32], t *tokenizer.Tokenizer, maxTokens int) (*Scorer, error) {
	s := &Scorer{MaxTokens: maxTokens, tokenizer: t}
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
	for range runtime.GOMAXPROCS(0) {
		s.tapes = append(s.tapes, llama.NewTape[float32]())
	}
	return s, nil
}

// Scores scores pairs on all cores. Each score depends on its pair alone. Once ctx is canceled no more pairs are begun, and
// its error is returned.
func (s *Scorer) Scores(ctx context.Context, pairs []dialogue.Pair) ([]Score, error) {
	scores := make([]Score, len(pairs))
	errs := make([]error, len(pairs))
	newWorkers(len(s.tapes)).each(len(pairs), nil, func(worker, i int) {
		if errs[i] = ctx.Err(); errs[i] == nil {
			errs[i] = s.score(s.tapes[worker], &pairs[i], &scores[i])
		}
	})
	return scores, cmp.Or(errs...)
}

func (s *Scorer) score(tape *llama.Tape[float32], p *dialogue.Pair, out *Score) error {
	prompt, chosen, rejected := s.tokenizer.Prompt(p.Prompt), s.tokenizer.Encode(p.Chosen), s.tokenizer.Encode(p.Rejected)
	*out = Score{Index: p.Index, PromptTokens: len(prompt), ChosenTokens: len(chosen), RejectedTokens: len(rejected)}
	if len(prompt)+max(len(chosen), len(rejected)) > s.MaxTokens {
		out.TooLong = true
		return nil
	}
	var logps [2][2]float64
	for i, n := range s.networks {
		if err := tape.Forward(n, prompt, [][]int32{chosen, rejected}, false); err != nil {
			return fmt.Errorf("pair %d: %w", p.Index, err)
		}
		logps[i] = [2]float64{tape.Logp(0), tape.Logp(1)}
	}
	out.ChosenLogp, out.RejectedLogp = logps[0][0], logps[0][1]
	out.ChosenLogpPerToken = out.ChosenLogp / float64(max(1, len(chosen)))
	out.RejectedLogpPerToken = out.RejectedLogp / float64(max(1, len(rejected)))
	if len(s.networks) > 1 {
		margin := (logps[0][0] - logps[1][0]) - (logps[0][1] - logps[1][1])
		out.RefChosenLogp, out.RefRejectedLogp, out.Margin = &logps[1][0], &logps[1][1], &margin
	}
	return nil
}
