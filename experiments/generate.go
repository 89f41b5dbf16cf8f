package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/spf13/cobra"

	"windtunnel/toy/llama"
)

// generation are the flags of generate.
type generation struct {
	modelFlags
	prompt   string
	sampling llama.Sampling
	seed     uint64
}

func newGenerate(stdout io.Writer) *cobra.Command {
	g := &generation{}
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Let a language model continue a prompt",
		Long: "Prints the prompt and what the model makes of it, and nothing else. At temperature 0 the likeliest token is always taken;\n" +
			"the same seed gives the same text.",
		Example: `  experiments generate --prompt "Once upon a time" --temperature 0.8 --seed 1`,
		Args:    atMost(0, "flags only"),
		RunE:    func(cmd *cobra.Command, _ []string) error { return g.run(cmd.Context(), stdout) },
	}
	f := cmd.Flags()
	g.register(f)
	f.StringVar(&g.prompt, "prompt", "", "`text` to continue; empty lets the model begin")
	f.Float64Var(&g.sampling.Temperature, "temperature", 1, "the logits are divided by it; 0 is greedy")
	f.Float64Var(&g.sampling.TopP, "top-p", 0.9, "draw from the likeliest tokens that together hold this much probability, in (0,1]")
	f.Uint64Var(&g.seed, "seed", 0, "of the draws")
	f.IntVar(&g.sampling.Tokens, "tokens", 256, "most tokens after the prompt")
	return cmd
}

func (g *generation) run(ctx context.Context, stdout io.Writer) error {
	model, tokens, err := g.load()
	if err != nil {
		return err
	}
	network, err := llama.NewNetwork(model, nil)
	if err != nil {
		return err
	}
	prompt := tokens.Prompt(g.prompt)
	out, prev := []byte(g.prompt), prompt[len(prompt)-1]
	err = llama.NewGenerator(network).Stream(prompt, g.sampling, rand.New(rand.NewPCG(g.seed, 0)), func(id int32) bool {
		out = append(out, tokens.Piece(prev, id)...)
		prev = id
		return ctx.Err() == nil
	})
	if err != nil {
		return inputError{fmt.Errorf("generate: %w", err)}
	}
	_, err = stdout.Write(append(out, '\n'))
	return cmp.Or(err, ctx.Err())
}
