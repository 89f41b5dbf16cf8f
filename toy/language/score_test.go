package language

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"windtunnel/toy/dialogue"
	"windtunnel/toy/llama"
	"windtunnel/toy/tokenizer"
)

func load(t testing.TB) (*llama.Model[float32], *tokenizer.Tokenizer) {
	t.Helper()
	var data [2][]byte
	for i, path := range []string{"../../configs/data/stories260K.bin", "../../configs/data/tok512.bin"} {
		var err error
		if data[i], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	model, err := llama.Read(bytes.NewReader(data[0]))
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := tokenizer.Read(bytes.NewReader(data[1]), model.Vocab)
	if err != nil {
		t.Fatal(err)
	}
	return model, tokens
}

var pairs = []dialogue.Pair{
	{Index: 0, Prompt: "Once upon a time, there was a", Chosen: " little girl named Lily.", Rejected: " boy."},
	{Index: 3, Prompt: "", Chosen: "Tom had a big dog", Rejected: "☃"},
	{Index: 4, Prompt: strings.Repeat("dog ", 100), Chosen: " ran", Rejected: " sat."},
}

// Each score is the sum of the logarithms of the softmax over the vocabulary, worked out here from the logits of a model
// in float64, response by response.
func TestScores(t *testing.T) {
	model, tokens := load(t)
	wide, err := llama.NewNetwork(llama.Convert[float64](model), nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewScorer(model, nil, tokens, 60)
	if err != nil {
		t.Fatal(err)
	}
	scores, err := s.Scores(t.Context(), pairs)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range pairs[:2] {
		got := scores[i]
		for r, text := range []string{p.Chosen, p.Rejected} {
			tape, response := llama.NewTape[float64](), tokens.Encode(text)
			if err := tape.Forward(wide, tokens.Prompt(p.Prompt), [][]int32{response}, false); err != nil {
				t.Fatal(err)
			}
			want := 0.0
			for j, id := range response {
				want += logSoftmax(tape.Logits(0, j), id)
			}
			logp, n, each := got.ChosenLogp, got.ChosenTokens, got.ChosenLogpPerToken
			if r == 1 {
				logp, n, each = got.RejectedLogp, got.RejectedTokens, got.RejectedLogpPerToken
			}
			if math.Abs(logp/want-1) > 1e-5 || n != len(response) || each != logp/float64(n) {
				t.Errorf("pair %d, response %d: %v in %d tokens, %v each; want %v in %d", i, r, logp, n, each, want, len(response))
			}
		}
		if got.Index != p.Index || got.TooLong || got.Margin != nil {
			t.Errorf("pair %d: %+v", i, got)
		}
	}
	if last := scores[2]; !last.TooLong || last.Index != 4 {
		t.Errorf("%+v is not too long", last)
	}
}

func logSoftmax(logits []float64, id int32) float64 {
	sum := 0.0
	for _, v := range logits {
		sum += math.Exp(v - logits[id])
	}
	return -math.Log(sum)
}

// A model has not moved from itself, and every core gives the same.
func TestScoresAgainstReference(t *testing.T) {
	model, tokens := load(t)
	var first []Score
	for _, cores := range []int{1, 4} {
		before := runtime.GOMAXPROCS(cores)
		s, err := NewScorer(model, model, tokens, 512)
		runtime.GOMAXPROCS(before)
		if err != nil {
			t.Fatal(err)
		}
		scores, err := s.Scores(t.Context(), pairs)
		if err != nil {
			t.Fatal(err)
		}
		for i, got := range scores {
			if *got.Margin != 0 || *got.RefChosenLogp != got.ChosenLogp || *got.RefRejectedLogp != got.RejectedLogp {
				t.Errorf("pair %d: %+v", i, got)
			}
		}
		if first == nil {
			first = scores
		}
		if !reflect.DeepEqual(scores, first) {
			t.Errorf("%d workers score otherwise", cores)
		}
	}
}

func TestNewScorerRefuses(t *testing.T) {
	model, tokens := load(t)
	other, err := llama.New[float32](llama.Config{Dim: 8, Hidden: 8, Layers: 1, Heads: 2, KVHeads: 1, Vocab: 300, SeqLen: 16, Tied: true}, rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		model, reference *llama.Model[float32]
		most             int
		want             string
	}{
		{model, nil, 513, "want 2 to 512"}, {model, nil, 1, "want 2 to 512"}, {model, other, 16, "the model's vocabulary 300"},
	} {
		if _, err := NewScorer(tt.model, tt.reference, tokens, tt.most); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error %v, want %q", err, tt.want)
		}
	}
}

// Once canceled, nothing more is scored, and the error says so.
func TestScoresCanceled(t *testing.T) {
	model, tokens := load(t)
	s, err := NewScorer(model, nil, tokens, 512)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	scores, err := s.Scores(ctx, pairs)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
	for i, score := range scores {
		if score.ChosenTokens != 0 {
			t.Errorf("pair %d was scored", i)
		}
	}
}
