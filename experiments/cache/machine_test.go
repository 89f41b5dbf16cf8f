package cache

import (
	"bytes"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	_ "windtunnel/toy/fixedseed"
)

// machine drives a Store on a plug and a model beside it: for each key, the values that it may have. All values put
// under a key differ.
type machine struct {
	t       testing.TB
	p       *plug
	s       *Store
	may     map[Key][][]byte // nil among them: it may be missing
	pending map[Key][][]byte // what was put since the last Sync, and what it may be instead after a crash
	history map[Key][][]byte // all values ever put, which may come back after a crash while a Prune is not durable
	n       int
}

func (m *machine) key(t *rapid.T) Key { return key(rapid.IntRange(0, 6).Draw(t, "key")) }

func (m *machine) Put(t *rapid.T) {
	k := m.key(t)
	m.n++
	value := payload(m.n, rapid.SampledFrom([]int{4, 60, 700}).Draw(t, "size"))
	if m.pending[k] == nil {
		m.pending[k] = m.may[k]
		if m.pending[k] == nil {
			m.pending[k] = [][]byte{nil}
		}
	}
	m.pending[k] = append(slices.Clone(m.pending[k]), value)
	m.may[k] = [][]byte{value}
	m.history[k] = append(m.history[k], value)
	m.s.Put(k, value)
}

func (m *machine) Sync(t *rapid.T) {
	if err := m.s.Sync(m.t.Context()); err != nil {
		t.Fatal(err)
	}
	clear(m.pending)
}

func (m *machine) Reopen(t *rapid.T) {
	if err := m.s.Close(); err != nil {
		t.Fatal(err)
	}
	clear(m.pending)
	m.open(m.p)
}

func (m *machine) open(p *plug) {
	m.p = p
	m.s = openPlug(m.t, p)
	p.now = p.now.Add(time.Hour)
}

// Crash pulls the plug at once. What was pending may be there, missing, or corrupt.
func (m *machine) Crash(t *rapid.T) {
	m.p.mu.Lock()
	m.p.last = m.p.steps
	m.p.mu.Unlock()
	m.s.Close()
	m.open(m.p.survivor(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))))
	for k, values := range m.pending {
		m.may[k] = append(slices.Clone(values), nil)
	}
	clear(m.pending)
}

// Corrupt flips a bit of a record that is on the disk.
func (m *machine) Corrupt(t *rapid.T) {
	m.Sync(t)
	k := m.key(t)
	e := m.s.index.get(&k)
	if e == nil {
		return
	}
	img := m.p.names[m.s.segments[e.segment].path]
	at := int(e.offset) + rapid.IntRange(0, int(e.size())-1).Draw(t, "byte")
	for _, b := range [][]byte{img.data, img.durable} {
		b[at] ^= 4
	}
	m.may[k] = append(slices.Clone(m.history[k]), nil)
}

func (m *machine) Prune(t *rapid.T) {
	dropped := m.key(t)
	m.Sync(t)
	if _, _, err := m.s.Prune(func(k Key, _ Info) bool { return k != dropped }); err != nil {
		t.Fatal(err)
	}
	if m.s.Has(dropped) {
		t.Error("a pruned entry is there")
	}
	m.may[dropped] = [][]byte{nil}
}

func (m *machine) Verify(t *rapid.T) {
	if _, err := m.s.Verify(); err != nil {
		t.Fatal(err)
	}
}

func (m *machine) Refresh(t *rapid.T) {
	if err := m.s.Refresh(); err != nil {
		t.Fatal(err)
	}
}

// Check compares the number of entries after every action.
func (m *machine) Check(t *rapid.T) {
	n := 0
	for i := range 7 {
		if m.s.Has(key(i)) {
			n++
		}
	}
	if m.s.Len() != n {
		t.Errorf("Len is %d, and %d keys are there", m.s.Len(), n)
	}
}

// Get compares one key with the model. What is seen once stays.
func (m *machine) Get(t *rapid.T) {
	k := m.key(t)
	got, err := m.s.Get(k, nil)
	if _, corrupt := err.(*CorruptError); err != nil && err != ErrMissing && !corrupt {
		t.Fatal(err)
	}
	if err == nil != m.s.Has(k) {
		t.Errorf("Get: %v, Has: %v", err, m.s.Has(k))
	}
	if err != nil {
		got = nil
	}
	values := m.may[k]
	if values == nil {
		values = [][]byte{nil}
	}
	for _, v := range values {
		if bytes.Equal(v, got) {
			if got != nil && len(values) > 1 {
				m.may[k] = [][]byte{got}
			}
			return
		}
	}
	t.Errorf("entry of %d bytes, %v, is none of %d values", len(got), err, len(values))
}

func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &machine{t: t, may: map[Key][][]byte{}, pending: map[Key][][]byte{}, history: map[Key][][]byte{}}
		m.open(newPlug())
		defer func() { m.s.Close() }()
		rt.Repeat(rapid.StateMachineActions(m))
	})
}

// FuzzSegment opens a cache with any bytes as segment and sidecar: whatever Get returns was checked, whatever is readable
// stays so when the damage is pruned away, and nothing panics.
func FuzzSegment(f *testing.F) {
	name, data := example(f, 5)
	var headers []byte
	for i := range 5 {
		from, _ := span(i)
		headers = append(headers, data[from:from+recordSize]...)
	}
	f.Add(data, headers)
	f.Add(data[:len(data)-20], headers[:100])
	f.Add(append(bytes.Clone(data[:700]), data...), []byte{})
	f.Fuzz(func(t *testing.T, data, sidecar []byte) {
		data = append(data, make([]byte, sidecarBatch)...) // large enough for a sidecar to be read
		p := plugWith(name, data)
		path := filepath.Join("cache", sidecarName(name))
		p.names[path] = &image{data: sidecar, durable: sidecar}
		s := openPlug(t, p)
		readable := map[Key][]byte{}
		for i := range 5 {
			if got, err := s.Get(key(i), nil); err == nil {
				readable[key(i)] = got
			}
		}
		if _, err := s.Verify(); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Prune(func(Key, Info) bool { return true }); err != nil {
			t.Skip(err) // any header may name a living writer
		}
		s.Close()
		s = openPlug(t, p)
		for k, want := range readable {
			wantEntry(t, s, k, want)
		}
	})
}
