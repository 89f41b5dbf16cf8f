package llama

import (
	"math/rand/v2"
	"testing"
)

// pairsLikeHH returns 8 pairs with prompts of about 120 and responses of about 60 tokens, and the number of tokens in
// their whole sequences, the prompt counted with each response.
func pairsLikeHH(c Config) (pairs []example, tokenCount int) {
	rng := rand.New(rand.NewPCG(7, 8))
	for i := range uint64(8) {
		e := example{prompt: tokens(c, 90+rng.IntN(60), 10*i), d: []float64{0.3, -0.2}}
		for r := range uint64(2) {
			e.responses = append(e.responses, tokens(c, 30+rng.IntN(60), 10*i+r+1))
			tokenCount += len(e.prompt) + len(e.responses[r])
		}
		pairs = append(pairs, e)
	}
	return pairs, tokenCount
}

func TestNothingAllocated(t *testing.T) {
	m := readStories(t)
	for name, a := range map[string]*Adapter[float32]{"all weights": nil, "adapter": adapted[float32](t, m.Config)} {
		t.Run(name, func(t *testing.T) {
			n := network(t, m, a)
			pairs, _ := pairsLikeHH(m.Config)
			tape, grad := NewTape[float32](), make([]float32, len(n.Trainable()))
			step := func() {
				for _, e := range pairs[:2] {
					if err := tape.Forward(n, e.prompt, e.responses, true); err != nil {
						t.Fatal(err)
					}
					tape.Backward(e.d, grad)
				}
			}
			step()
			if got := testing.AllocsPerRun(3, step); got != 0 {
				t.Errorf("a step allocates %v times", got)
			}
			g, rng, dst := NewGenerator(n), rand.New(rand.NewPCG(1, 1)), make([]int32, 0, 512)
			generate := func() {
				if _, err := g.Generate([]int32{BOS}, Sampling{Temperature: 1, TopP: 0.9, Tokens: 40}, rng, dst); err != nil {
					t.Fatal(err)
				}
			}
			if got := testing.AllocsPerRun(3, generate); got != 0 {
				t.Errorf("generation allocates %v times", got)
			}
		})
	}
}

// Forward and backward of 8 pairs, in tokens of whole sequences.
func BenchmarkPairs(b *testing.B) {
	n := network(b, readStories(b), nil)
	pairs, count := pairsLikeHH(n.Config())
	tape, grad := NewTape[float32](), make([]float32, len(n.Trainable()))
	b.ReportAllocs()
	for b.Loop() {
		for _, e := range pairs {
			if err := tape.Forward(n, e.prompt, e.responses, true); err != nil {
				b.Fatal(err)
			}
			tape.Backward(e.d, grad)
		}
	}
	b.ReportMetric(float64(count*b.N)/b.Elapsed().Seconds(), "tokens/s")
}

// 255 tokens after BOS, as llama2.c's run does them.
func BenchmarkGenerate(b *testing.B) {
	for name, s := range map[string]Sampling{"greedy": {Tokens: 255}, "sampled": {Temperature: 1, TopP: 0.9, Tokens: 255}} {
		b.Run(name, func(b *testing.B) {
			g, rng, dst := NewGenerator(network(b, readStories(b), nil)), rand.New(rand.NewPCG(1, 1)), make([]int32, 0, 256)
			count := 0
			b.ReportAllocs()
			for b.Loop() {
				ids, err := g.Generate([]int32{BOS}, s, rng, dst)
				if err != nil {
					b.Fatal(err)
				}
				count += len(ids)
			}
			b.ReportMetric(float64(count)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}
