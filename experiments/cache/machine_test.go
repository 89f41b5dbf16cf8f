package cache

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	_ "windtunnel/toy/fixedseed"
)

// machine drives a Store and a model beside it: for each key, the values that it may have. All values put under a key
// differ.
type machine struct {
	t       *testing.T
	dir     string
	s       *Store
	may     map[Key][][]byte // nil among them: it may be missing
	pending map[Key][][]byte // what was put since the last Sync, and what it may be instead after a kill
	history map[Key][][]byte // all values ever put, which damage to a later one may bring back
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
	mustPut(m.t, m.s, k, value)
}

func (m *machine) Sync(t *rapid.T) {
	if err := m.s.Sync(); err != nil {
		t.Fatal(err)
	}
	clear(m.pending)
}

func (m *machine) Reopen(t *rapid.T) {
	if err := m.s.Close(); err != nil {
		t.Fatal(err)
	}
	clear(m.pending)
	m.s = mustOpen(m.t, m.dir)
}

// Kill goes on with what the files hold now, in a copy. What was pending may be there or missing.
func (m *machine) Kill(t *rapid.T) {
	dir := m.t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(m.dir)); err != nil {
		t.Fatal(err)
	}
	m.s.Close()
	m.dir, m.s = dir, mustOpen(m.t, dir)
	for k, values := range m.pending {
		m.may[k] = append(slices.Clone(values), nil)
	}
	clear(m.pending)
}

// Corrupt flips a bit of a record that is on the disk.
func (m *machine) Corrupt(t *rapid.T) {
	m.Sync(t)
	k := m.key(t)
	p, ok := m.s.index[k]
	if !ok {
		return
	}
	path := m.s.segments[p.segment].path
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[int(p.offset)+rapid.IntRange(0, headerSize+int(p.length)-1).Draw(t, "byte")] ^= 4
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.Write(data); err != nil {
		t.Fatal(err)
	}
	m.may[k] = append(slices.Clone(m.history[k]), nil)
}

func (m *machine) Prune(t *rapid.T) {
	gone := m.key(t)
	if _, _, err := m.s.Prune(func(k Key, _ Info) bool { return k != gone }); err != nil {
		t.Fatal(err)
	}
	clear(m.pending)
	if m.s.Has(gone) {
		t.Error("a pruned entry is there")
	}
	m.may[gone], m.history[gone] = nil, nil
}

func (m *machine) Verify(t *rapid.T) {
	if _, err := m.s.Verify(); err != nil {
		t.Fatal(err)
	}
	clear(m.pending)
}

// Check compares the number of keys after every action.
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

// Get compares one key with the model.
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
	if !slices.ContainsFunc(values, func(v []byte) bool { return bytes.Equal(v, got) }) {
		t.Errorf("entry of %d bytes, %v, is none of %d values", len(got), err, len(values))
	}
}

func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir := t.TempDir()
		m := &machine{t: t, dir: dir, s: mustOpen(t, dir), may: map[Key][][]byte{}, pending: map[Key][][]byte{}, history: map[Key][][]byte{}}
		defer func() { m.s.Close() }()
		rt.Repeat(rapid.StateMachineActions(m))
	})
}

// FuzzSegment opens a cache with any bytes as a segment: whatever Get returns was checked, whatever is readable stays so
// when the damage is pruned away, and nothing panics.
func FuzzSegment(f *testing.F) {
	data := example(f, 5)
	f.Add(data)
	f.Add(data[:len(data)-20])
	f.Add(append(bytes.Clone(data[:300]), data...))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := openWith(t, t.TempDir(), data)
		defer s.Close()
		readable := map[Key][]byte{}
		for i := range 5 {
			if got, err := s.Get(key(i), nil); err == nil {
				readable[key(i)] = got
			}
		}
		if _, _, err := s.Prune(func(Key, Info) bool { return true }); err != nil {
			t.Fatal(err)
		}
		for k, want := range readable {
			wantEntry(t, s, k, want)
		}
	})
}
