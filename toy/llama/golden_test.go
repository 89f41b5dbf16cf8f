package llama

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"
)

const stories = "../../configs/data/stories260K.bin"

// readStories reads the pretrained model of the repository.
func readStories(t testing.TB) *Model[float32] {
	t.Helper()
	f, err := os.Open(stories)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := Read(f)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// network wraps a model whose shape fits.
func network[T float32 | float64](t testing.TB, m *Model[T], a *Adapter[T]) *Network[T] {
	t.Helper()
	n, err := NewNetwork(m, a)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// forward runs a fresh tape.
func forward[T float32 | float64](t testing.TB, n *Network[T], prompt []int32, responses [][]int32, hold bool) *Tape[T] {
	t.Helper()
	tape := NewTape[T]()
	if err := tape.Forward(n, prompt, responses, hold); err != nil {
		t.Fatal(err)
	}
	return tape
}

// The five likeliest tokens after BOS and "Once upon a time", as karpathy/llama2.c@350e04f prints them.
func TestGoldenLogits(t *testing.T) {
	prompt := []int32{1, 403, 407, 261, 378}
	want := []struct {
		id    int32
		logit float64
	}{{432, 17.799402}, {383, 14.281260}, {322, 9.709652}, {353, 9.587292}, {323, 9.134245}}
	n := network(t, readStories(t), nil)
	logits := slices.Clone(forward(t, n, prompt, [][]int32{{432}}, false).Logits(0, 0))
	g := NewGenerator(n)
	if err := g.start(prompt, Sampling{}); err != nil {
		t.Fatal(err)
	}
	for i, v := range g.logits {
		if math.Abs(float64(v-logits[i])) > 1e-4 {
			t.Errorf("token %d: logit %v of the generator, %v of the tape", i, v, logits[i])
		}
	}
	for _, w := range want {
		id := largest(logits)
		if id != w.id || math.Abs(float64(logits[id])-w.logit) > 2e-5 {
			t.Errorf("got token %d with logit %v, want %d with %v", id, logits[id], w.id, w.logit)
		}
		logits[id] = float32(math.Inf(-1))
	}
}

// scored is a pair of lm_scores.json, computed with PyTorch in float64.
type scored struct {
	Index         int       `json:"index"`
	Prompt        []int32   `json:"prompt_ids"`
	Chosen        []int32   `json:"chosen_ids"`
	Rejected      []int32   `json:"rejected_ids"`
	ChosenLogp    float64   `json:"chosen_logp"`
	RejectedLogp  float64   `json:"rejected_logp"`
	ChosenFirst   []float64 `json:"chosen_first_token_logps"`
	RejectedFirst []float64 `json:"rejected_first_token_logps"`
}

func readScored(t testing.TB) []scored {
	t.Helper()
	b, err := os.ReadFile("testdata/scores.json")
	if err != nil {
		t.Fatal(err)
	}
	var pairs []scored
	if err := json.Unmarshal(b, &pairs); err != nil {
		t.Fatal(err)
	}
	return pairs
}

func TestScores(t *testing.T) {
	m := readStories(t)
	for _, p := range readScored(t) {
		t.Run(fmt.Sprint(p.Index, " float32"), func(t *testing.T) { checkScores(t, network(t, m, nil), p, 1e-5) })
		t.Run(fmt.Sprint(p.Index, " float64"), func(t *testing.T) { checkScores(t, network(t, Convert[float64](m), nil), p, 1e-9) })
	}
}

func checkScores[T float32 | float64](t *testing.T, n *Network[T], p scored, tolerance float64) {
	tape := forward(t, n, p.Prompt, [][]int32{p.Chosen, p.Rejected}, false)
	for i, want := range []float64{p.ChosenLogp, p.RejectedLogp} {
		if got := tape.Logp(i); math.Abs(got-want) > tolerance*math.Abs(want) {
			t.Errorf("response %d: logp %v, want %v", i, got, want)
		}
	}
	for i, first := range [][]float64{p.ChosenFirst, p.RejectedFirst} {
		for j, want := range first {
			if got := float64(tape.TokenLogps(i)[j]); math.Abs(got-want) > 10*tolerance*max(1, math.Abs(want)) {
				t.Errorf("response %d, token %d: logp %v, want %v", i, j, got, want)
			}
		}
	}
}

// The scores of a token are the products of the hidden state before it with the rows of the output layer.
func TestHiddenGivesLogits(t *testing.T) {
	n := network(t, Convert[float64](readStories(t)), nil)
	tape := forward(t, n, []int32{1, 403, 407}, [][]int32{{261, 378, 432}, {378}}, false)
	for i, length := range []int{3, 1} {
		for j := range length {
			hidden := tape.Hidden(i, j)
			for v, logit := range tape.Logits(i, j) {
				sum := 0.0
				for d, h := range hidden {
					sum += h * n.weights.head[v*len(hidden)+d]
				}
				if math.Abs(sum-logit) > 1e-9 {
					t.Fatalf("response %d, token %d, score %d: %v, its product is %v", i, j, v, logit, sum)
				}
			}
		}
	}
}
