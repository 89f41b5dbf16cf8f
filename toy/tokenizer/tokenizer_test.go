package tokenizer

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	_ "windtunnel/toy/fixedseed"
)

const model = "../../configs/data/tok512.bin"

func load(t testing.TB) *Tokenizer {
	t.Helper()
	data, err := os.ReadFile(model)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := Read(bytes.NewReader(data), 512)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// The ids are llama2.c's, of its tokenizer for 512 pieces.
func TestEncode(t *testing.T) {
	tok := load(t)
	for _, tt := range []struct {
		text string
		want []int32
	}{
		{"", []int32{1}},
		{"Once upon a time", []int32{1, 403, 407, 261, 378}},
		{" ", []int32{1, 410, 410}},
		{"\n\nHuman:", []int32{1, 410, 13, 13, 440, 425, 423, 303, 467}},
	} {
		if got := tok.Prompt(tt.text); !slices.Equal(got, tt.want) {
			t.Errorf("%q: %v, want %v", tt.text, got, tt.want)
		}
	}
	// No piece stands for the snowman, so its three bytes do.
	if got := tok.Encode("☃"); !slices.Equal(got, []int32{0xE2 + FirstByte, 0x98 + FirstByte, 0x83 + FirstByte}) {
		t.Errorf("snowman: %v", got)
	}
}

// naive merges as llama2.c does: after every merge it compares all pairs again.
func (t *Tokenizer) naive(ids []int32) []int32 {
	for {
		best, at, score := int32(-1), -1, float32(0)
		for i := 0; i+1 < len(ids); i++ {
			id, ok := t.ids[t.pieces[ids[i]]+t.pieces[ids[i+1]]]
			if ok && (at < 0 || t.scores[id] > score) {
				best, at, score = id, i, t.scores[id]
			}
		}
		if at < 0 {
			return ids
		}
		ids = append(append(slices.Clone(ids[:at]), best), ids[at+2:]...)
	}
}

func TestMergedAsNaive(t *testing.T) {
	tok := load(t)
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.SampledFrom([]string{"the", "aa", "aaa", " ", " and", "lily", "ing", "é", "\n", "t", "he", "e", "ab", "\xff"}), 0, 40).Draw(t, "words")
		text := strings.Join(words, "")
		if rapid.Bool().Draw(t, "any") {
			text = rapid.String().Draw(t, "text")
		}
		ids := tok.split(nil, text)
		if got, want := tok.Encode(text), tok.naive(ids); !slices.Equal(got, want) {
			t.Fatalf("%q: %v, want %v", text, got, want)
		}
		if back := tok.Text(0, tok.Encode(text)); back != text {
			t.Fatalf("%q comes back as %q", text, back)
		}
	})
}

func TestText(t *testing.T) {
	tok := load(t)
	if got := tok.Text(BOS, tok.Prompt("Once upon a time")[1:]); got != "Once upon a time" {
		t.Errorf("%q", got)
	}
	if got := tok.Piece(0, 10+FirstByte); got != "\n" {
		t.Errorf("byte token %q", got)
	}
}

func TestReadRefuses(t *testing.T) {
	data, err := os.ReadFile(model)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		data  []byte
		vocab int
		want  string
	}{
		{"empty", nil, 512, "ends early"},
		{"cut off", data[:3000], 512, "ends early"},
		{"other vocabulary", data, 32000, "another vocabulary"},
		{"smaller vocabulary", data, 300, "another vocabulary"},
		{"no tokenizer", []byte("{\"version\": \"1.0\"}"), 512, "longest piece"},
		{"no vocabulary", data, 0, "want 4 to"},
		{"a long piece", append(slices.Clone(data[:8]), 255, 255, 255, 127), 512, "want 0 to"},
	} {
		if _, err := Read(bytes.NewReader(tt.data), tt.vocab); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	data, err := os.ReadFile(model)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data, 512)
	f.Add(data[:100], 300)
	f.Fuzz(func(t *testing.T, data []byte, vocab int) {
		tok, err := Read(bytes.NewReader(data), vocab)
		if err == nil && tok.Vocab() != vocab {
			t.Errorf("%d pieces, want %d", tok.Vocab(), vocab)
		}
	})
}
