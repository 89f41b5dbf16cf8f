// Package tokenizer encodes text as llama2.c does: byte pair encoding by scores, with bytes for what has no piece.
package tokenizer

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
)

// BOS begins every prompt and EOS may end a text. Byte b, where no piece stands for it, is the token b + FirstByte.
const (
	BOS       = 1
	EOS       = 2
	FirstByte = 3
)

// Bounds of a tokenizer's file, so that a file of another kind gives an error instead of taking all memory.
const (
	mostPieces   = 1 << 20
	longestPiece = 1 << 12
)

// Tokenizer is a vocabulary of pieces with scores. It is safe for concurrent use.
type Tokenizer struct {
	pieces []string
	scores []float32
	ids    map[string]int32 // the first token of each piece
}

// Read reads a tokenizer of vocab pieces in llama2.c's format: the length of the longest piece as int32, then for every
// piece its score as float32, its length as int32 and its bytes, all little-endian. It is an error if the file
// ends early, goes on after the pieces or has impossible lengths.
func Read(r io.Reader, vocab int) (*Tokenizer, error) {
	if vocab <= FirstByte || vocab > mostPieces {
		return nil, fmt.Errorf("a vocabulary of %d pieces; want %d to %d", vocab, FirstByte+1, mostPieces)
	}
	in := bufio.NewReader(r)
	var longest int32
	if err := binary.Read(in, binary.LittleEndian, &longest); err != nil {
		return nil, fmt.Errorf("no tokenizer: %w", short(err))
	}
	if longest < 1 || longest > longestPiece {
		return nil, fmt.Errorf("no tokenizer: its longest piece has %d bytes; want 1 to %d", longest, longestPiece)
	}
	t := &Tokenizer{ids: make(map[string]int32, vocab)}
	for id := range vocab {
		score, piece, err := readPiece(in, longest)
		if err != nil {
			return nil, fmt.Errorf("piece %d of %d: %w", id, vocab, err)
		}
		t.pieces, t.scores = append(t.pieces, piece), append(t.scores, score)
		if _, taken := t.ids[piece]; !taken {
			t.ids[piece] = int32(id)
		}
	}
	if _, err := in.ReadByte(); err == nil {
		return nil, fmt.Errorf("more than %d pieces: the tokenizer of another vocabulary than the model's", vocab)
	}
	if vocab < FirstByte+256 {
		return nil, fmt.Errorf("%d pieces; at least %d are needed, a token for every byte among them", vocab, FirstByte+256)
	}
	return t, nil
}

func readPiece(in *bufio.Reader, longest int32) (score float32, piece string, err error) {
	var head struct {
		Score  float32
		Length int32
	}
	if err := binary.Read(in, binary.LittleEndian, &head); err != nil {
		return 0, "", short(err)
	}
	if head.Length < 0 || head.Length > longest {
		return 0, "", fmt.Errorf("it has %d bytes; want 0 to %d", head.Length, longest)
	}
	if math.IsNaN(float64(head.Score)) {
		return 0, "", errors.New("its score is NaN")
	}
	text := make([]byte, head.Length)
	if _, err := io.ReadFull(in, text); err != nil {
		return 0, "", short(err)
	}
	return head.Score, string(text), nil
}

// short replaces the error of a file that ends early.
func short(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the file ends early: it is cut off, or the tokenizer of another vocabulary than the model's")
	}
	return err
}

// Vocab returns the number of pieces.
func (t *Tokenizer) Vocab() int { return len(t.pieces) }

// Prompt returns the tokens of a prompt: BOS, then the text with a space before it (llama2.c's dummy prefix), which may
// merge with it.
func (t *Tokenizer) Prompt(text string) []int32 {
	ids := []int32{BOS}
	if text == "" {
		return ids
	}
	space, ok := t.ids[" "]
	if !ok {
		space = ' ' + FirstByte
	}
	return append(ids, t.merged(t.split([]int32{space}, text))...)
}

// Encode returns the tokens of a text by itself, such as a response: no BOS, no space before it.
func (t *Tokenizer) Encode(text string) []int32 { return t.merged(t.split(nil, text)) }

// split appends a token for every code point, or for each of its bytes where it is no piece. Bytes that are no UTF-8 are
// grouped as llama2.c groups them: a byte with up to three continuation bytes.
func (t *Tokenizer) split(ids []int32, text string) []int32 {
	for start := 0; start < len(text); {
		end := start + 1
		for end < len(text) && text[end]&0xC0 == 0x80 && end-start < 4 {
			end++
		}
		if id, ok := t.ids[text[start:end]]; ok {
			ids = append(ids, id)
		} else {
			for _, b := range []byte(text[start:end]) {
				ids = append(ids, int32(b)+FirstByte)
			}
		}
		start = end
	}
	return ids
}

// Text decodes tokens that follow prev as llama2.c prints them: after BOS a leading space is dropped, and <0xHH> is a
// byte. It panics on an id outside the vocabulary.
func (t *Tokenizer) Text(prev int32, ids []int32) string {
	var text []byte
	for _, id := range ids {
		text = append(text, t.Piece(prev, id)...)
		prev = id
	}
	return string(text)
}

// Piece decodes one token after prev; see Text.
func (t *Tokenizer) Piece(prev, id int32) string {
	piece := t.pieces[id]
	if prev == BOS && len(piece) > 0 && piece[0] == ' ' {
		piece = piece[1:]
	}
	if len(piece) == len("<0x00>") && piece[:3] == "<0x" && piece[5] == '>' {
		if b, err := strconv.ParseUint(piece[3:5], 16, 8); err == nil {
			return string([]byte{byte(b)})
		}
	}
	return piece
}
