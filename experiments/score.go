package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"windtunnel/toy/dialogue"
	"windtunnel/toy/language"
	"windtunnel/toy/llama"
)

// scoring are the flags of score.
type scoring struct {
	modelFlags
	reference string
	maxTokens int
	limited   bool // maxTokens was asked for, and is not the default
	skipBad   bool
	template  string
}

// scoredAtOnce is how many pairs are read before their scores are printed.
const scoredAtOnce = 64

func newScore(stdout, stderr io.Writer) *cobra.Command {
	s := &scoring{}
	cmd := &cobra.Command{
		Use:   "score FILE",
		Short: "Print a language model's log-probabilities of preference pairs",
		Long: "Reads preference pairs as JSON lines, CSV or Parquet, plain or compressed, from FILE or - for standard input: {chosen, rejected}\n" +
			"of whole dialogues or lists of messages that share a prompt, {prompt, chosen, rejected}, {prompt, completion, label}, or the chat\n" +
			"fine-tuning format. Prints one JSON line a pair, in the order of the file: log-probabilities are sums over the tokens of a\n" +
			"response, in nats; of a completion with a label, the response that it is not has no tokens. A pair of more than --max-tokens is\n" +
			`printed as {"index": i, "skipped": "too long"}.`,
		Example: `  experiments score pairs.jsonl.gz > scores.jsonl
  experiments score --model tuned.bin --reference configs/data/stories260K.bin pairs.jsonl`,
		Args: cobra.MatchAll(needArgs("a file of pairs"), atMost(1, "one file")),
		RunE: func(cmd *cobra.Command, args []string) error {
			s.limited = cmd.Flags().Changed("max-tokens")
			return s.run(cmd.Context(), args[0], stdout, stderr)
		},
	}
	f := cmd.Flags()
	s.register(f)
	f.StringVar(&s.reference, "reference", "", "checkpoint of the reference, for margins")
	f.IntVar(&s.maxTokens, "max-tokens", 512, "a prompt with either response may have; by default no more than the models hold")
	f.StringVar(&s.template, "template", "", "Go text/template that turns messages into text, see preferences.template of human")
	f.BoolVar(&s.skipBad, "skip-bad", false, "pass over lines that are no pairs, and name them at the end, in place of stopping at the first")
	return cmd
}

func (s *scoring) run(ctx context.Context, path string, stdout, stderr io.Writer) error {
	scorer, err := s.scorer()
	if err != nil {
		return err
	}
	in, name, err := openInput(ctx, path, "a JSONL file of pairs")
	if err != nil {
		return err
	}
	defer in.Close()
	pairs, err := dialogue.NewReader(in, name)
	if err != nil {
		return inputError{err}
	}
	pairs.SkipBad = s.skipBad
	if s.template != "" {
		if pairs.Template, err = dialogue.NewTemplate(s.template); err != nil {
			return inputError{fmt.Errorf("--template %w", err)}
		}
	}
	out := bufio.NewWriter(stdout)
	err = errors.Join(stream(ctx, scorer, pairs, out), out.Flush())
	a := &pairs.Account
	if err == nil && !a.Complete() {
		fmt.Fprintf(stderr, "%s: %s\n", calledAs, a)
	}
	for _, e := range pairs.Skipped {
		fmt.Fprintf(stderr, "  %v\n", e)
	}
	if err == nil && a.Used == 0 {
		err = inputError{fmt.Errorf("%s: none of its pairs has at most %d tokens; the shortest has %d", name, s.maxTokens, a.Shortest)}
	}
	return err
}

func (s *scoring) scorer() (*language.Scorer, error) {
	model, tokens, err := s.load()
	if err != nil {
		return nil, err
	}
	var reference *llama.Model[float32]
	if s.reference != "" {
		if reference, err = readModel("--reference", s.reference); err != nil {
			return nil, err
		}
	}
	for _, m := range []*llama.Model[float32]{model, reference} {
		if m != nil && !s.limited {
			s.maxTokens = min(s.maxTokens, m.SeqLen)
		}
	}
	scorer, err := language.NewScorer(model, reference, tokens, s.maxTokens)
	if err != nil {
		return nil, inputError{fmt.Errorf("score: %w", err)}
	}
	return scorer, nil
}

// stream scores pairs until the last or a line that is none. Pairs that were scored before ctx is canceled are printed.
func stream(ctx context.Context, scorer *language.Scorer, pairs *dialogue.Reader, out io.Writer) error {
	lines := json.NewEncoder(out)
	for {
		var batch []dialogue.Pair
		var end error // why there are no more
		for end == nil && len(batch) < scoredAtOnce {
			var p dialogue.Pair
			if p, end = pairs.Next(); end == nil {
				batch = append(batch, p)
			}
		}
		scores, err := scorer.Scores(ctx, batch)
		if err != nil {
			return err
		}
		for i := range scores {
			var line any = &scores[i]
			if s := &scores[i]; s.TooLong {
				pairs.Account.Long(s.PromptTokens + max(s.ChosenTokens, s.RejectedTokens))
				line = skipped{s.Index, "too long"}
			} else {
				pairs.Use(&batch[i])
			}
			if err := lines.Encode(line); err != nil {
				return err
			}
		}
		if errors.Is(end, io.EOF) {
			return nil
		}
		if end != nil {
			return inputError{end}
		}
	}
}

// skipped is what is printed of a pair without a score.
type skipped struct {
	Index   int    `json:"index"`
	Skipped string `json:"skipped"`
}
