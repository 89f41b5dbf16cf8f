package language

import (
	"sync"

	"windtunnel/toy/preference"
	"windtunnel/toy/tune"
)

// Shared keeps what tasks would else each compute: what frozen networks say of pairs, which prompts are good, and, by seed,
// the pairs that are drawn from the reference and what it writes. It lasts as long as it is referred to, and several tasks may
// use it at once. The zero value is ready to use. What is shared is what a task would have computed by itself, to the bit.
type Shared struct {
	references tune.Memory
	mu         sync.Mutex
	entries    map[origin]*entry
	order      []origin // from the oldest
}

// mostShared is how many things are kept: those of some ten seeds.
const mostShared = 64

// origin is what shared things are made of, by identity: parameters do not change.
type origin struct {
	what        string
	environment Environment
	policy      *Llama
	preferences preference.Params
	seed        uint64
}

// entry is something shared.
type entry struct {
	mu    sync.Mutex // held while it is computed
	value any        // nil: not yet computed
}

// share returns what compute returned for the same origin, or calls it. The caller leaves the result as it is.
func share[V any](s *Shared, of origin, compute func() (V, error)) (V, error) {
	e := s.entry(of)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.value == nil {
		v, err := compute()
		if err != nil {
			return v, err
		}
		e.value = v
	}
	return e.value.(V), nil
}

// entry finds an entry, or makes room for it.
func (s *Shared) entry(of origin) *entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.entries[of]; e != nil {
		return e
	}
	if s.entries == nil {
		s.entries = map[origin]*entry{}
	}
	if len(s.order) == mostShared {
		delete(s.entries, s.order[0])
		s.order = append(s.order[:0], s.order[1:]...)
	}
	e := &entry{}
	s.entries[of], s.order = e, append(s.order, of)
	return e
}

// origin returns the origin of what the task draws by its seed.
func (t *task[T]) origin(what string) origin {
	return origin{what, t.Environment, t.Policy, t.Preferences, t.seed}
}
