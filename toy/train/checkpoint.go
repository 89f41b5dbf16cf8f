package train

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ResumableTask is a Task whose training can be written down and gone on with.
type ResumableTask interface {
	Task
	// Identity returns the SHA-256 of what is trained and on what, beside the settings that the Trainer names.
	Identity(settings string) [sha256.Size]byte
	// State returns the memory that goes on from step to step, beside the parameters and the optimizer's: live.
	State() [][]float64
	// Resumed is called after Params and State were overwritten.
	Resumed()
}

// checkpointMagic begins a checkpoint; its last byte is the version of the format. A checkpoint is, all numbers
// little-endian:
//
//	magic, 8 bytes
//	identity of the training, 32 bytes
//	steps taken, 64 bits
//	number of vectors, 32 bits; for each its length, 64 bits, and its numbers, 64-bit floats
//	SHA-256 of all before it, 32 bytes
//
// The vectors are the parameters, the optimizer's memory and the task's State.
const checkpointMagic = "wt-tune\x01"

// vectors returns the live memory that a checkpoint is a copy of.
func (t *Trainer) vectors(task ResumableTask) [][]float64 {
	v := append([][]float64{task.Params()}, t.optimizer.State()...)
	return append(v, task.State()...)
}

// identity returns the SHA-256 of what the training has to be for a checkpoint to be of it.
func (t *Trainer) identity(task ResumableTask) [sha256.Size]byte {
	p := &t.Params
	return task.Identity(fmt.Sprintf("%d %d %d %t %v %T %+v %T %+v%s", len(task.Params()), t.batches.size, cmp.Or(p.Epochs, -p.Steps), p.Shuffle, p.ClipNorm,
		p.Optimizer, p.Optimizer, p.Schedule, p.Schedule, p.Extra))
}

// Save writes a checkpoint of the training after the steps taken so far. Task must be a ResumableTask, and there must be
// no Rounds.
func (t *Trainer) Save(w io.Writer) error {
	t.begin()
	task := t.Task.(ResumableTask)
	h := sha256.New()
	out := bufio.NewWriter(io.MultiWriter(w, h))
	vectors, identity := t.vectors(task), t.identity(task)
	head := append([]byte(checkpointMagic), identity[:]...)
	head = binary.LittleEndian.AppendUint64(head, uint64(t.taken))
	head = binary.LittleEndian.AppendUint32(head, uint32(len(vectors)))
	out.Write(head) // errors stay in out until it is flushed
	for _, v := range vectors {
		binary.Write(out, binary.LittleEndian, uint64(len(v)))
		binary.Write(out, binary.LittleEndian, v)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	_, err := w.Write(h.Sum(nil))
	return err
}

// Load goes on from a checkpoint: the steps that follow are, byte for byte, those that would have followed the Save. The
// training must have taken no step, and have the same settings; MaxSteps and how the task divides its work are not
// compared. Whatever is no checkpoint, cut off, damaged, of another training or followed by anything is an error, and
// changes nothing. Task must be a ResumableTask, and there must be no Rounds.
func (t *Trainer) Load(r io.Reader) error {
	if t.taken != 0 {
		return fmt.Errorf("a checkpoint is for a training that has taken no step, this one has taken %d", t.taken)
	}
	t.begin()
	task := t.Task.(ResumableTask)
	identity, live := t.identity(task), t.vectors(task)
	last := len(checkpointMagic) - 1
	named := len(checkpointMagic) + len(identity)
	first := named + 12
	end := first // of the vectors
	for _, v := range live {
		end += 8 + 8*len(v)
	}
	size := end + sha256.Size
	data := make([]byte, size+1)
	n, err := io.ReadFull(r, data)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	taken, vectors := binary.LittleEndian.Uint64(data[named:]), binary.LittleEndian.Uint32(data[named+8:])
	sum := sha256.Sum256(data[:end])
	switch full := t.Params.length(t.batches.perEpoch); {
	case n > last && string(data[:last]) != checkpointMagic[:last]:
		return errors.New("this is no checkpoint of a training")
	case n > last && data[last] != checkpointMagic[last]:
		return fmt.Errorf("the checkpoint has version %d of the format, allowed is %d", data[last], checkpointMagic[last])
	case n >= named && !bytes.Equal(data[last+1:named], identity[:]):
		return errors.New("the checkpoint is of another training: its model, reference, pairs, optimizer, schedule, batch size, " +
			"epochs or order differ")
	case n >= first && int(vectors) != len(live):
		return fmt.Errorf("the checkpoint has %d vectors, the training %d: its optimizer or loss is another one", vectors, len(live))
	case n < size:
		return errors.New("the checkpoint ends before its end: it was cut off")
	case n > size:
		return errors.New("the checkpoint is followed by something else")
	case !bytes.Equal(data[end:size], sum[:]):
		return errors.New("the checkpoint is damaged: its checksum does not match")
	case taken > uint64(full):
		return fmt.Errorf("the checkpoint is after step %d, the training has %d", taken, full)
	}
	at := data[first:]
	for _, v := range live {
		at = at[8:] // the length
		n, _ := binary.Decode(at, binary.LittleEndian, v)
		at = at[n:]
	}
	t.taken = int(taken)
	task.Resumed()
	return nil
}
