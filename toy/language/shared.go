package language

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"sync"

	"windtunnel/toy/kernel"
	"windtunnel/toy/llama"
	"windtunnel/toy/preference"
)

// Shared holds what tasks would else each compute: log-probabilities of pairs under frozen networks, which prompts are good,
// and, by seed, the pairs that are drawn from the reference and its continuations. It lasts as long as it is referred to, and
// several tasks may use it at once. The zero value is ready to use. What is shared is what a task would have computed by itself, to the bit.
type Shared struct {
	logps logpCache
	drawn cache[origin, any]
}

// logpCache holds the log-probabilities of pairs under frozen networks, chosen and rejected.
type logpCache = cache[contentKey, [2]float64]

// mostDrawn is how many drawn things are shared: those of some ten seeds.
const mostDrawn = 64

// origin is what shared things are made of, by identity: parameters do not change.
type origin struct {
	what        string
	environment Environment
	policy      *Llama
	preferences preference.Params
	seed        uint64
}

// origin returns the origin of what the task draws by its seed.
func (t *task[T]) origin(what string) origin {
	return origin{what, t.Environment, t.Policy, t.Preferences, t.seed}
}

// share returns what compute returned for the same origin, or calls it. The caller leaves the result as it is.
func share[V any](s *Shared, of origin, compute func() (V, error)) (V, error) {
	v, err := s.drawn.get(of, mostDrawn, func() (any, error) { return compute() })
	return v.(V), err
}

// cache computes values by key, each once: of two that ask for the same at once, the second waits. The zero value is ready
// to use.
type cache[K comparable, V any] struct {
	mu     sync.Mutex
	values map[K]*cached[V]
	order  []K // from the oldest
}

// cached is a value of a cache.
type cached[V any] struct {
	mu    sync.Mutex // held while it is computed
	done  bool
	value V
}

// get returns the value of a key, or what compute returns, which is kept unless it is an error. Of more than most values,
// 0 being no limit, the oldest is forgotten.
func (c *cache[K, V]) get(key K, most int, compute func() (V, error)) (V, error) {
	e := c.find(key, most)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.done {
		return e.value, nil
	}
	v, err := compute()
	if err == nil {
		e.value, e.done = v, true
	}
	return v, err
}

func (c *cache[K, V]) find(key K, most int) *cached[V] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.values[key]; e != nil {
		return e
	}
	if c.values == nil {
		c.values = map[K]*cached[V]{}
	}
	if most > 0 && len(c.order) == most {
		delete(c.values, c.order[0])
		c.order = append(c.order[:0], c.order[1:]...)
	}
	e := &cached[V]{}
	c.values[key], c.order = e, append(c.order, key)
	return e
}

// contentKey is the SHA-256 of what log-probabilities depend on.
type contentKey [sha256.Size]byte

// keyOf returns the key of a network: of its precision, its shape, and its weights with the adapter's part added. Equal
// networks have equal keys.
func keyOf[T kernel.Float](n *llama.Network[T]) contentKey {
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
	return contentKey(h.Sum(nil))
}

// key returns the key of what a network, given by its key, says of a pair.
func (p *Pair) key(network contentKey) contentKey {
	h := sha256.New()
	h.Write(network[:])
	for _, ids := range [][]int32{p.Prompt, p.Chosen, p.Rejected} {
		binary.Write(h, binary.LittleEndian, uint64(len(ids)))
		binary.Write(h, binary.LittleEndian, ids)
	}
	return contentKey(h.Sum(nil))
}
