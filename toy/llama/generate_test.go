package llama

import (
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

// pieces reads the words of a llama2.c tokenizer, enough to print ids by.
func pieces(t *testing.T) []string {
	b, err := os.ReadFile("../../configs/data/tok512.bin")
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for b = b[4:]; len(b) > 0; {
		n := int(b[4])
		words = append(words, string(b[8:8+n]))
		b = b[8+n:]
	}
	return words
}

// The greedy continuation of the empty prompt, as karpathy/llama2.c@350e04f prints it.
func TestGoldenStory(t *testing.T) {
	want, err := os.ReadFile("testdata/story.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := network(t, readStories(t), nil)
	ids, err := NewGenerator(n).Generate([]int32{BOS}, Sampling{Tokens: 256}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(ids) != 256 || !slices.Equal(ids[:4], []int32{403, 407, 261, 378}) {
		t.Errorf("%d ids, the first %v", len(ids), ids[:4])
	}
	words := pieces(t)
	var text strings.Builder
	for _, id := range ids {
		if id == 3+'\n' {
			text.WriteByte('\n')
			continue
		}
		text.WriteString(words[id])
	}
	if got := strings.TrimPrefix(text.String(), " "); got != strings.TrimSuffix(string(want), "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	// Each is the likeliest by the tape, too.
	tape := forward(t, n, []int32{BOS}, [][]int32{ids}, false)
	for j, id := range ids {
		if best := largest(tape.Logits(0, j)); best != id {
			t.Errorf("token %d: %d generated, %d by the tape", j, id, best)
		}
	}
}

// A grid of coins draws each token as often as its tempered probability says, within the nucleus.
func TestSampleLaw(t *testing.T) {
	n := network(t, random(t, small), nil)
	g := NewGenerator(n)
	if err := g.start([]int32{3, 4, 5}, Sampling{}); err != nil {
		t.Fatal(err)
	}
	for _, s := range []Sampling{{Temperature: 1}, {Temperature: 0.5, TopP: 1}, {Temperature: 1, TopP: 0.7}, {Temperature: 3, TopP: 0.95}} {
		const grid = 100000
		counts := make([]float64, small.Vocab)
		for i := range grid {
			counts[g.sample(s, (float64(i)+0.5)/grid)] += 1. / grid
		}
		for id, want := range tempered(g.logits, s) {
			if math.Abs(counts[id]-want) > 2./grid {
				t.Errorf("%+v: token %d drawn with frequency %v, want %v", s, id, counts[id], want)
			}
		}
	}
}

// tempered is the law of sampling, the slow way: tokens are dropped from the least likely on while the rest exceeds TopP.
func tempered(logits []float64, s Sampling) []float64 {
	probs := make([]float64, len(logits))
	normalize := func() {
		sum := 0.
		for _, p := range probs {
			sum += p
		}
		for i := range probs {
			probs[i] /= sum
		}
	}
	for i, v := range logits {
		probs[i] = math.Exp(v / s.Temperature)
	}
	normalize()
	if s.TopP == 0 || s.TopP == 1 {
		return probs
	}
	for rest := 1.; ; {
		least := -1
		for i, p := range probs {
			if p > 0 && (least < 0 || p < probs[least]) {
				least = i
			}
		}
		if rest -= probs[least]; rest <= s.TopP {
			break
		}
		probs[least] = 0
	}
	normalize()
	return probs
}

// Temperatures at the ends of float64 give the likeliest token, or all alike.
func TestTemperatureExtremes(t *testing.T) {
	g := NewGenerator(network(t, readStories(t), nil))
	if err := g.start([]int32{BOS}, Sampling{}); err != nil {
		t.Fatal(err)
	}
	for _, coin := range []float64{0, 0.5, 1 - 0x1p-53} {
		for _, topP := range []float64{0, 0.5, 1 - 0x1p-53} {
			for _, temperature := range []float64{5e-324, 1e-300, 1e-9} {
				if id := g.sample(Sampling{Temperature: temperature, TopP: topP}, coin); id != 403 {
					t.Errorf("temperature %v, top-p %v, coin %v: token %d", temperature, topP, coin, id)
				}
			}
		}
		if id := g.sample(Sampling{Temperature: math.MaxFloat64}, coin); id != int32(512*coin) {
			t.Errorf("coin %v at infinite temperature: token %d", coin, id)
		}
	}
}

// The same seed gives the same text; Stream gives what Generate gives; what is too long ends at SeqLen.
func TestGenerate(t *testing.T) {
	n := network(t, readStories(t), nil)
	g, s := NewGenerator(n), Sampling{Temperature: 1, TopP: 0.9, Tokens: 600}
	prompt := []int32{BOS, 403, 407}
	seed := func(k uint64) *rand.Rand { return rand.New(rand.NewPCG(k, 0)) }
	lengths := map[bool]int{}
	for k := range uint64(6) {
		first, err := g.Generate(prompt, s, seed(k), nil)
		if err != nil {
			t.Fatal(err)
		}
		var streamed []int32
		if err := NewGenerator(n).Stream(prompt, s, seed(k), func(id int32) bool { streamed = append(streamed, id); return true }); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(first, streamed) {
			t.Errorf("seed %d: Generate gives %v, Stream %v", k, first, streamed)
		}
		if slices.Contains(first, BOS) || slices.Contains(first, EOS) || len(prompt)+len(first) > n.Config().SeqLen {
			t.Errorf("seed %d: %v", k, first)
		}
		lengths[len(prompt)+len(first) == n.Config().SeqLen]++
		if err := NewTape[float32]().Forward(n, prompt, [][]int32{first}, false); err != nil {
			t.Errorf("seed %d: what was generated cannot be scored: %v", k, err)
		}
	}
	if lengths[false] == 0 {
		t.Error("no text ended by itself")
	}
	full, err := g.Generate(prompt, Sampling{Tokens: 20}, nil, []int32{7})
	if err != nil || len(full) != 21 || full[0] != 7 {
		t.Errorf("greedy: %v, error %v", full, err)
	}
	// Up to SeqLen, by a model that never ends a text.
	endless := random(t, small)
	w := viewOf(small, endless.params)
	clear(w.head)
	ids, err := NewGenerator(network(t, endless, nil)).Generate([]int32{3, 4}, Sampling{Tokens: 600}, nil, nil)
	if err != nil || len(ids) != small.SeqLen-2 {
		t.Errorf("%d ids, error %v, want %d", len(ids), err, small.SeqLen-2)
	}
	few, err := g.Generate(prompt, Sampling{Tokens: 4}, nil, nil)
	if err != nil || !slices.Equal(few, full[1:5]) {
		t.Errorf("4 tokens: %v, error %v, want %v", few, err, full[1:5])
	}
	count := 0
	if err := g.Stream(prompt, Sampling{Tokens: 9}, nil, func(int32) bool { count++; return count < 3 }); err != nil || count != 3 {
		t.Errorf("Stream called yield %d times, error %v", count, err)
	}
}

func TestErrors(t *testing.T) {
	n := network(t, random(t, small), nil)
	g, tape := NewGenerator(n), NewTape[float64]()
	for _, c := range []struct {
		prompt []int32
		s      Sampling
		want   string
	}{
		{nil, Sampling{}, "the prompt has no tokens"},
		{[]int32{0, 11}, Sampling{}, "token 1 of the prompt is 11, outside the vocabulary of 11"},
		{[]int32{-1}, Sampling{}, "token 0 of the prompt is -1"},
		{make([]int32, 81), Sampling{}, "the prompt has 81 tokens, the model holds 80"},
		{[]int32{1}, Sampling{Temperature: -1}, "temperature is -1"},
		{[]int32{1}, Sampling{Temperature: math.NaN()}, "temperature is NaN"},
		{[]int32{1}, Sampling{TopP: 1.5}, "top-p is 1.5"},
		{[]int32{1}, Sampling{Tokens: -1}, "tokens is -1"},
	} {
		if _, err := g.Generate(c.prompt, c.s, nil, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Generate: error %v, want %q", err, c.want)
		}
		err := tape.Forward(n, c.prompt, nil, false)
		if c.s == (Sampling{}) && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("Forward: error %v, want %q", err, c.want)
		}
	}
	for want, response := range map[string][]int32{
		"token 1 of response 1 is 11": {3, 11}, "the prompt and response 1 have 81 tokens, the model holds 80": make([]int32, 80),
	} {
		if err := tape.Forward(n, []int32{1}, [][]int32{{2}, response}, false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Forward: error %v, want %q", err, want)
		}
	}
	if err := tape.Forward(n, []int32{1}, [][]int32{make([]int32, 79)}, false); err != nil {
		t.Errorf("the longest: %v", err)
	}
}

// Again continues a prompt with the same tokens from the same random numbers as if the prompt were computed anew, whatever
// was generated in between.
func TestAgain(t *testing.T) {
	n := network(t, readStories(t), nil)
	s := Sampling{Temperature: 1, TopP: 0.9, Tokens: 40}
	source := func(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }
	prompt := []int32{BOS, 403, 407, 261}
	g := NewGenerator(n)
	for seed := range uint64(4) {
		fresh := NewGenerator(n)
		want, err := fresh.Generate(prompt, s, source(seed), nil)
		if err != nil {
			t.Fatal(err)
		}
		generate := func(dst []int32) ([]int32, error) { return g.Again(s, source(seed), dst) }
		if seed == 0 {
			generate = func(dst []int32) ([]int32, error) { return g.Generate(prompt, s, source(seed), dst) }
		}
		got, err := generate([]int32{7})
		if err != nil || !slices.Equal(got[1:], want) || got[0] != 7 || g.End() != fresh.End() {
			t.Errorf("seed %d: %v, %v; want %v", seed, got, err, want)
		}
	}
	if _, err := g.Again(Sampling{Temperature: -1, Tokens: 1}, nil, nil); err == nil {
		t.Error("a negative temperature")
	}
	if _, err := g.Generate(nil, s, source(0), nil); err == nil {
		t.Error("an empty prompt")
	}
}
