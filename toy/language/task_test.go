package language

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"windtunnel/toy/gold"
	"windtunnel/toy/objective"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
	"windtunnel/toy/tune"
)

// shipped reads files as a config beside configs/data would.
func shipped(t testing.TB) func(string) ([]byte, string) {
	return func(path string) ([]byte, string) {
		t.Helper()
		content, err := os.ReadFile(filepath.Join("../../configs/data", path))
		if err != nil {
			t.Fatal(err)
		}
		return content, path
	}
}

// seeded returns sources that depend on the seed and their use alone.
func seeded(seed int) func(string, any) *rand.Rand {
	return func(use string, _ any) *rand.Rand {
		return rand.New(rand.NewChaCha8(sha256.Sum256(fmt.Append(nil, seed, use))))
	}
}

// storyInput is a small training on stories.
func storyInput(t testing.TB) Input {
	p := train.DefaultParams()
	adam := train.DefaultParams().Optimizer.(*train.Adam)
	adam.LR = 1e-3
	p.Optimizer, p.BatchSize, p.Epochs, p.ClipNorm = adam, 4, 1, 1
	p.RecordEvery = 2
	return Input{
		Environment: &Stories{Path: "stories_prompts.jsonl", Train: 6, HeldOut: 4, Reward: gold.Default(), Tokens: 12, Temperature: 1, TopP: 1,
			Samples: 2, Rollouts: 2, GoodSamples: 2, Good: 0.5, Evaluation: Evaluation{Every: 2}},
		Policy:      &Llama{Model: "stories260K.bin", Tokenizer: "tok512.bin", LoRA: Adaptation{Alpha: 16, Targets: []string{"q", "v"}}, Precision: "float32"},
		Preferences: &Continuations{Pairs: 2, HeldOut: 1, Temperature: 0.25},
		Loss:        &objective.DPO{Lambda: 0.1}, Train: p, File: shipped(t), Source: seeded(1),
	}
}

// report is all that a task said.
type report struct {
	steps []tune.Record
	looks []Look
	end   train.Outcome
}

func runTask(t testing.TB, in Input) report {
	t.Helper()
	if problems := Check(in); problems != nil {
		t.Fatal(problems)
	}
	task, err := New(in)
	if err != nil {
		t.Fatal(err)
	}
	var r report
	r.end, err = task.Run(context.Background(), Reporter{
		Step: func(s tune.Record) error { r.steps = append(r.steps, s); return nil },
		Look: func(l *Look) error { r.looks = append(r.looks, *l); return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func BenchmarkStories(b *testing.B) {
	in := storyInput(b)
	s := in.Environment.(*Stories)
	s.Train, s.HeldOut, s.Tokens, s.Samples, s.Good, s.Every = 96, 64, 48, 8, 0, 0
	in.Preferences = &Continuations{Pairs: 8, HeldOut: 4, Temperature: 0.25}
	in.Train.BatchSize = 8
	for range b.N {
		runTask(b, in)
	}
}

var _ preference.Params = (*Human)(nil)
