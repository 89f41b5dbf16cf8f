package tune

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"sync"

	"windtunnel/toy/kernel"
	"windtunnel/toy/llama"
)

// Key is the SHA-256 of what log-probabilities depend on.
type Key [sha256.Size]byte

// ReferenceCache keeps log-probabilities by content, so that what a frozen model says of a pair is computed once, however
// many runs ask. It is used by several goroutines at once.
type ReferenceCache interface {
	// Logps returns what is kept under the key, or else what compute returns, which is kept. The caller leaves the result as
	// it is. An error of compute is returned and not kept.
	Logps(key Key, compute func() ([]float64, error)) ([]float64, error)
}

// Memory is a ReferenceCache that lasts as long as it is referred to. Two runs that ask for the same key at once compute
// it once: the second waits. The zero value is ready to use.
type Memory struct {
	mu      sync.Mutex
	entries map[Key]*entry
}

type entry struct {
	mu    sync.Mutex // held while computing
	logps []float64  // nil: not yet computed
}

// Logps returns what is kept, or computes it.
func (m *Memory) Logps(key Key, compute func() ([]float64, error)) ([]float64, error) {
	e := m.entry(key)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.logps != nil {
		return e.logps, nil
	}
	logps, err := compute()
	if err != nil {
		return nil, err
	}
	e.logps = logps
	return logps, nil
}

func (m *Memory) entry(key Key) *entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.entries == nil {
		m.entries = map[Key]*entry{}
	}
	e := m.entries[key]
	if e == nil {
		e = &entry{}
		m.entries[key] = e
	}
	return e
}

// KeyOf returns the key of a network: of its precision, its shape, and its weights with the adapter's part added. Equal
// networks have equal keys.
func KeyOf[T kernel.Float](n *llama.Network[T]) Key {
	m := n.Model()
	if n.Adapter() != nil {
		m = n.Merged()
	}
	h := sha256.New()
	fmt.Fprintf(h, "%T %+v\n", T(0), m.Config)
	buffer := make([]byte, 0, 8*chunk)
	for params := m.Params(); len(params) > 0; {
		n := min(chunk, len(params))
		buffer = buffer[:0]
		for _, v := range params[:n] {
			buffer = binary.LittleEndian.AppendUint64(buffer, math.Float64bits(float64(v)))
		}
		h.Write(buffer)
		params = params[n:]
	}
	return Key(h.Sum(nil))
}

// key returns the key of what a network, given by its key, says of a pair.
func (p *Pair) key(network Key) Key {
	h := sha256.New()
	h.Write(network[:])
	var buffer []byte
	for _, ids := range [][]int32{p.Prompt, p.Chosen, p.Rejected} {
		buffer = binary.LittleEndian.AppendUint64(buffer[:0], uint64(len(ids)))
		for _, id := range ids {
			buffer = binary.LittleEndian.AppendUint32(buffer, uint32(id))
		}
		h.Write(buffer)
	}
	return Key(h.Sum(nil))
}
