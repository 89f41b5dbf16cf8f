package language

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"windtunnel/toy/objective"
)

// hh returns the trace's 240 pairs in tokens. Their text is offensive and no part of this repository: WINDTUNNEL_HH is the
// path of hh_harmless-base_test.jsonl.gz, without which the test is skipped.
func hh(t testing.TB) []Pair {
	t.Helper()
	path := os.Getenv("WINDTUNNEL_HH")
	if path == "" {
		t.Skip("WINDTUNNEL_HH names no file of human pairs")
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	text, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	pieces := readPieces(t)
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, 1<<20)
	var pairs []Pair
	for lines.Scan() && len(pairs) < 240 {
		var line struct{ Chosen, Rejected string }
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		if p := pieces.split(line.Chosen, line.Rejected); len(p.Prompt)+max(len(p.Chosen), len(p.Rejected)) <= 256 {
			pairs = append(pairs, p)
		}
	}
	return pairs
}

// pieces are the vocabulary of tok512.bin with their scores, just enough of a tokenizer for the pairs.
type pieces struct {
	text  []string
	score []float32
	id    map[string]int32
}

func readPieces(t testing.TB) *pieces {
	t.Helper()
	text, err := os.ReadFile("../../configs/data/tok512.bin")
	if err != nil {
		t.Fatal(err)
	}
	p := &pieces{id: map[string]int32{}}
	for text = text[4:]; len(text) > 0; {
		n := 8 + binary.LittleEndian.Uint32(text[4:])
		piece := string(text[8:n])
		if _, taken := p.id[piece]; !taken {
			p.id[piece] = int32(len(p.text))
		}
		p.text, p.score = append(p.text, piece), append(p.score, math.Float32frombits(binary.LittleEndian.Uint32(text)))
		text = text[n:]
	}
	return p
}

// split cuts after the last turn of the assistant that both dialogues share.
func (p *pieces) split(chosen, rejected string) Pair {
	same := 0
	for same < min(len(chosen), len(rejected)) && chosen[same] == rejected[same] {
		same++
	}
	const turn = "\n\nAssistant:"
	cut := strings.LastIndex(chosen[:same], turn) + len(turn)
	return Pair{Prompt: p.encode([]int32{1, p.id[" "]}, chosen[:cut]), Chosen: p.encode(nil, chosen[cut:]), Rejected: p.encode(nil, rejected[cut:])}
}

// encode appends text to ids and merges.
func (p *pieces) encode(ids []int32, text string) []int32 {
	for _, char := range text {
		if id, ok := p.id[string(char)]; ok {
			ids = append(ids, id)
			continue
		}
		for _, b := range []byte(string(char)) {
			ids = append(ids, int32(b)+3)
		}
	}
	for {
		best, at, merged := float32(-1e10), -1, int32(0)
		for i := 1; i < len(ids); i++ {
			if id, ok := p.id[p.text[ids[i-1]]+p.text[ids[i]]]; ok && p.score[id] > best {
				best, at, merged = p.score[id], i, id
			}
		}
		if at < 0 {
			return ids
		}
		ids[at-1] = merged
		ids = append(ids[:at], ids[at+1:]...)
	}
}

// TestWholeTraceOfDPO: all 30 steps, and how far they move the parameters in the end.
func TestWholeTraceOfDPO(t *testing.T) {
	pairs, tr, dpo := hh(t), readTrace(t), &objective.DPO{Lambda: 0.1}
	t.Run("float64", func(t *testing.T) {
		near(t, followTrace[float64](t, dpo, pairs, tr.Float64, 1e-9), tr.After.Float64.Change, 1e-9)
	})
	t.Run("float32", func(t *testing.T) {
		near(t, followTrace[float32](t, dpo, pairs, tr.Float32, 1e-4), tr.After.Float32.Change, 1e-4)
	})
}

// TestWholeTraceOfOthers: all 30 steps of IPO and of TYPO.
func TestWholeTraceOfOthers(t *testing.T) {
	traceOthers(t, hh(t), 30)
}

func near(t *testing.T, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance*math.Abs(want)) {
		t.Errorf("the parameters move by %v, the trace's by %v", got, want)
	}
}

// TestSplit: the tokens of the first pairs are those in testdata.
func TestSplit(t *testing.T) {
	pairs := hh(t)
	for i, want := range firstPairs(t) {
		got, err := json.Marshal(pairs[i])
		expected, err2 := json.Marshal(want)
		if err != nil || err2 != nil || !bytes.Equal(got, expected) {
			t.Errorf("pair %d: %s, want %s", i, got, expected)
		}
	}
}
