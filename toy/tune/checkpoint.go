package tune

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// magic begins a checkpoint; its last byte is the version of the format. A checkpoint is, all numbers little-endian:
//
//	magic, 8 bytes
//	identity of the training, 32 bytes
//	steps taken, 64 bits
//	number of vectors, 32 bits; for each its length, 64 bits, and its numbers, 64-bit floats
//	SHA-256 of all before it, 32 bytes
//
// The vectors are the trained parameters, the optimizer's memory, the reference's weights if it moves and the statistics
// that the loss carries from step to step.
const magic = "wt-tune\x01"

// vectors returns the live memory that a checkpoint is a copy of.
func (d *descent[T]) vectors() [][]float64 {
	v := append([][]float64{d.master}, d.optimizer.State()...)
	return append(v, d.carried...)
}

// settings names what every identity has to do with.
func (d *descent[T]) settings() string {
	p := &d.params
	return fmt.Sprintf("%d %d %d %t %v %T %+v %T %+v", len(d.master), d.order.size, p.Epochs, p.Shuffle, p.ClipNorm,
		p.Optimizer, p.Optimizer, p.Schedule, p.Schedule)
}

// Save writes a checkpoint of the training after the steps taken so far.
func (d *descent[T]) Save(w io.Writer) error {
	h := sha256.New()
	out := bufio.NewWriter(io.MultiWriter(w, h))
	vectors := d.vectors()
	head := append([]byte(magic), d.identity[:]...)
	head = binary.LittleEndian.AppendUint64(head, uint64(d.taken))
	head = binary.LittleEndian.AppendUint32(head, uint32(len(vectors)))
	out.Write(head) // errors stay in out until it is flushed
	var number [8]byte
	for _, v := range vectors {
		binary.LittleEndian.PutUint64(number[:], uint64(len(v)))
		out.Write(number[:])
		for _, x := range v {
			binary.LittleEndian.PutUint64(number[:], math.Float64bits(x))
			out.Write(number[:])
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	_, err := w.Write(h.Sum(nil))
	return err
}

// Load goes on from a checkpoint: the steps that follow are, byte for byte, those that would have followed the Save. The
// training must have taken no step, and be started with the same settings; MaxSteps, Micro, Workers and the objective's own
// settings are not compared. Whatever is no checkpoint, cut off, damaged, of another training or followed by anything is
// an error, and changes nothing.
func (d *descent[T]) Load(r io.Reader) error {
	if d.taken != 0 {
		return fmt.Errorf("a checkpoint is for a training that has taken no step, this one has taken %d", d.taken)
	}
	c := reader{in: bufio.NewReader(r), sum: sha256.New()}
	if got := c.bytes(len(magic)); c.err == nil && !bytes.Equal(got[:len(magic)-1], []byte(magic[:len(magic)-1])) {
		return errors.New("this is no checkpoint of a training")
	} else if c.err == nil && got[len(magic)-1] != magic[len(magic)-1] {
		return fmt.Errorf("the checkpoint has version %d of the format, allowed is %d", got[len(magic)-1], magic[len(magic)-1])
	}
	if got := c.bytes(len(d.identity)); c.err == nil && !bytes.Equal(got, d.identity[:]) {
		return errors.New("the checkpoint is of another training: its model, reference, pairs, optimizer, schedule, batch size, " +
			"epochs or order differ")
	}
	taken := c.uint64()
	live := d.vectors()
	copies := c.vectors(live)
	c.finish()
	if c.err != nil {
		return c.err
	}
	if full, _ := d.steps(); taken > uint64(full) {
		return fmt.Errorf("the checkpoint is after step %d, the training has %d", taken, full)
	}
	for i, v := range live {
		copy(v, copies[i])
	}
	d.taken = int(taken)
	d.round()
	if d.resumed != nil {
		d.resumed()
	}
	return nil
}

// reader reads a checkpoint and remembers the first error, after which it gives zeros.
type reader struct {
	in  *bufio.Reader
	sum interface {
		io.Writer
		Sum([]byte) []byte
	}
	err    error
	buffer [64]byte
}

// bytes returns the next n <= 64 bytes, valid until the next call.
func (r *reader) bytes(n int) []byte {
	b := r.buffer[:n]
	if r.err != nil {
		clear(b)
		return b
	}
	if _, err := io.ReadFull(r.in, b); err == io.EOF || err == io.ErrUnexpectedEOF {
		r.err = errors.New("the checkpoint ends before its end: it was cut off")
	} else if err != nil {
		r.err = err
	}
	r.sum.Write(b)
	return b
}

func (r *reader) uint64() uint64 { return binary.LittleEndian.Uint64(r.bytes(8)) }

// vectors reads vectors with the lengths of the live ones.
func (r *reader) vectors(live [][]float64) [][]float64 {
	if n := binary.LittleEndian.Uint32(r.bytes(4)); r.err == nil && int(n) != len(live) {
		r.err = fmt.Errorf("the checkpoint has %d vectors, the training %d: its optimizer or loss is another one", n, len(live))
	}
	var out [][]float64
	for i, v := range live {
		if n := r.uint64(); r.err == nil && n != uint64(len(v)) {
			r.err = fmt.Errorf("vector %d of the checkpoint has %d numbers, the training's has %d", i, n, len(v))
		}
		if r.err != nil {
			return nil
		}
		read := make([]float64, len(v))
		for j := range read {
			read[j] = math.Float64frombits(r.uint64())
		}
		out = append(out, read)
	}
	return out
}

// finish compares the checksum and requires the end.
func (r *reader) finish() {
	want := r.sum.Sum(nil)
	if got := r.bytes(len(want)); r.err == nil && !bytes.Equal(got, want) {
		r.err = errors.New("the checkpoint is damaged: its checksum does not match")
	}
	if r.err != nil {
		return
	}
	switch _, err := r.in.ReadByte(); {
	case err == nil:
		r.err = errors.New("the checkpoint is followed by something else")
	case err != io.EOF:
		r.err = err
	}
}
