package llama

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

const (
	headerSize = 7 * 4   // bytes
	chunkSize  = 1 << 16 // bytes read or written at a time
)

// Read reads a checkpoint of llama2.c's version 0: seven little-endian int32 (dim, hidden_dim, n_layers, n_heads,
// n_kv_heads, vocab_size, seq_len; a negative vocab_size says that the classifier is not the embedding), then float32
// weights with cosines and sines, which today's readers skip, between final gain and classifier. A file that is truncated or goes on
// after the weights, an impossible header and a weight that is not finite are errors. Memory grows with what was
// read, never with what the header claims.
func Read(r io.Reader) (*Model[float32], error) {
	c, err := readHeader(r)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	legacy := c.SeqLen * c.headSize() // cosines and sines
	want := c.Params() + legacy
	all, err := readFloats(r, want)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	if n, err := io.ReadFull(r, make([]byte, 1)); n != 0 {
		return nil, fmt.Errorf("checkpoint: more bytes behind the %d weights that the header describes", want)
	} else if !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	m := &Model[float32]{Config: c}
	at := c.legacyAt()
	m.legacy = slices.Clone(all[at : at+legacy])
	m.params = slices.Delete(all, at, at+legacy)
	infinite := func(v float32) bool { return v-v != 0 }
	if i := slices.IndexFunc(m.params, infinite); i >= 0 {
		return nil, fmt.Errorf("checkpoint: weight %d of %d is %v", i, len(m.params), m.params[i])
	}
	return m, nil
}

// Write writes the model as Read reads it. What Read gave is written with the same bytes; float64 weights are rounded.
func (m *Model[T]) Write(w io.Writer) error {
	vocab := m.Vocab
	if !m.Tied {
		vocab = -vocab
	}
	out := bufio.NewWriterSize(w, chunkSize) // it remembers the first error until Flush
	put := func(bits uint32) { out.Write(binary.LittleEndian.AppendUint32(out.AvailableBuffer(), bits)) }
	for _, v := range []int{m.Dim, m.Hidden, m.Layers, m.Heads, m.KVHeads, vocab, m.SeqLen} {
		put(uint32(int32(v)))
	}
	at := m.legacyAt()
	for _, v := range m.params[:at] {
		put(math.Float32bits(float32(v)))
	}
	for _, v := range m.legacy {
		put(math.Float32bits(v))
	}
	for _, v := range m.params[at:] {
		put(math.Float32bits(float32(v)))
	}
	return out.Flush()
}

// legacyAt is the number of weights that precede the cosines and sines.
func (c Config) legacyAt() int {
	tied := c
	tied.Tied = true
	return tied.Params()
}

func readHeader(r io.Reader) (Config, error) {
	var b [headerSize]byte
	if n, err := io.ReadFull(r, b[:]); err != nil {
		return Config{}, short(err, n, headerSize)
	}
	field := func(i int) int { return int(int32(binary.LittleEndian.Uint32(b[4*i:]))) }
	c := Config{Dim: field(0), Hidden: field(1), Layers: field(2), Heads: field(3), KVHeads: field(4), Vocab: field(5),
		SeqLen: field(6), Tied: true}
	if c.Vocab < 0 {
		c.Vocab, c.Tied = -c.Vocab, false
	}
	return c, c.Check()
}

// readFloats reads n float32. Memory grows as they arrive, so that a header that claims too much takes no memory.
func readFloats(r io.Reader, n int) ([]float32, error) {
	data, err := io.ReadAll(io.LimitReader(r, 4*int64(n)))
	if err == nil && len(data) < 4*n {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, short(err, headerSize+len(data), headerSize+4*n)
	}
	all := make([]float32, n)
	_, err = binary.Decode(data, binary.LittleEndian, all)
	return all, err
}

// short replaces the error of a file that ends early.
func short(err error, have, want int) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("truncated: %d bytes where the header needs %d", have, want)
	}
	return err
}
