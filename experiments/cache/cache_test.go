package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"
)

// key returns the i-th of a row of keys.
func key(i int) Key { return sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(i))) }

// payload returns n bytes that depend on i.
func payload(i, n int) []byte {
	b := make([]byte, 0, n+32)
	for j := 0; len(b) < n; j++ {
		sum := sha256.Sum256([]byte{byte(i), byte(i >> 8), byte(i >> 16), byte(j), byte(j >> 8)})
		b = append(b, sum[:]...)
	}
	return b[:n]
}

func mustOpen(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// fill stores entries from to to-1 and closes the store.
func fill(t testing.TB, dir string, from, to, size int) {
	t.Helper()
	s := mustOpen(t, dir)
	for i := from; i < to; i++ {
		s.Put(key(i), payload(i, size))
	}
	if err := errors.Join(s.Sync(t.Context()), s.Close()); err != nil {
		t.Fatal(err)
	}
}

// wantEntry checks that the store has that payload for a key; nil means none.
func wantEntry(t *testing.T, s *Store, k Key, want []byte) {
	t.Helper()
	got, err := s.Get(k, nil)
	if want == nil {
		if err != ErrMissing || s.Has(k) {
			t.Errorf("entry %v: %d bytes, %v, Has %v; want none", k, len(got), err, s.Has(k))
		}
		return
	}
	if err != nil || !bytes.Equal(got, want) || !s.Has(k) {
		t.Errorf("entry %v: %d bytes, %v, Has %v; want other %d bytes", k, len(got), err, s.Has(k), len(want))
	}
}

// segmentsIn returns the paths of the segments in a folder.
func segmentsIn(t testing.TB, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func TestOpenWritesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "results", "cache")
	s := mustOpen(t, dir)
	_, err := s.Get(key(1), nil)
	if s.Has(key(1)) || s.Len() != 0 || err != ErrMissing {
		t.Errorf("an empty cache has an entry: %v", err)
	}
	if _, err := s.Verify(); err != nil {
		t.Error(err)
	}
	if _, _, err := s.Prune(func(Key, Info) bool { return false }); err != nil {
		t.Error(err)
	}
	if err := errors.Join(s.Sync(t.Context()), s.Close()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Dir(dir)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder was made: %v", err)
	}
}

func TestPutIsSeenAtOnceAndAfterReopening(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	s := mustOpen(t, dir)
	sizes := []int{0, 1, 55, 56, 57, 1000, window - recordSize, window, 3 * window, 5 << 20}
	check := func(s *Store) {
		t.Helper()
		if s.Len() != len(sizes) {
			t.Errorf("Len is %d, want %d", s.Len(), len(sizes))
		}
		for i, n := range sizes {
			wantEntry(t, s, key(i), payload(i, n))
		}
		wantEntry(t, s, key(len(sizes)), nil)
	}
	var last *Pending
	for i, n := range sizes {
		last = s.Put(key(i), payload(i, n))
		wantEntry(t, s, key(i), payload(i, n))
	}
	check(s)
	if err := last.Err(); err != nil {
		t.Fatal(err)
	}
	check(s)
	check(mustOpen(t, dir)) // as another process sees it, unsealed
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	check(mustOpen(t, dir))
}

func TestPutCopiesAndGetReusesBuffers(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	b := payload(1, 100)
	s.Put(key(1), b)
	clear(b)
	buf := make([]byte, 0, 1000)
	for range 2 { // from memory, from the file
		got, err := s.Get(key(1), buf)
		if err != nil || !bytes.Equal(got, payload(1, 100)) {
			t.Fatalf("got %d bytes, %v", len(got), err)
		}
		if &got[0] != &buf[:1][0] {
			t.Error("Get does not use the buffer")
		}
		if err := s.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLaterRecordCounts(t *testing.T) {
	dir := t.TempDir()
	late, early := mustOpen(t, dir), mustOpen(t, dir)
	late.clock = func() time.Time { return time.Unix(2000, 0) }
	early.clock = func() time.Time { return time.Unix(1000, 0) }
	late.Put(key(1), []byte("first"))
	if err := late.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := early.Refresh(); err != nil {
		t.Fatal(err)
	}
	early.Put(key(1), []byte("second, from a host whose clock is behind"))
	early.Put(key(1), []byte("third"))
	if err := early.Close(); err != nil {
		t.Fatal(err)
	}
	if err := late.Refresh(); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*Store{"other writer": late, "reader": mustOpen(t, dir)} {
		if got, err := s.Get(key(1), nil); string(got) != "third" {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

// Records with the same time in different files: the greater name counts, whichever is read first.
func TestSameTimeIsDecidedByName(t *testing.T) {
	dir := t.TempDir()
	for i, text := range []string{"one", "two"} {
		s := mustOpen(t, dir)
		s.clock = func() time.Time { return time.Unix(1000, int64(i)) } // of the name
		s.mu.Lock()
		w, err := s.admit(1)
		if err != nil {
			t.Fatal(err)
		}
		w.queue(record{key: key(1), written: 5, length: 3, sum: checksum([]byte(text))}, []byte(text))
		s.mu.Unlock()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := mustOpen(t, dir).Get(key(1), nil); string(got) != text {
			t.Errorf("after %d files: got %q, %v", i+1, got, err)
		}
	}
}

func TestEntriesAreInOrderOfKeys(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir, 0, 50, 10)
	fill(t, dir, 50, 100, 20)
	s := mustOpen(t, dir)
	var keys []Key
	for k, info := range s.Entries() {
		keys = append(keys, k)
		if info.Size != 10 && info.Size != 20 || time.Since(info.Written) > time.Hour || !slices.Contains(segmentsIn(t, dir), info.Segment) {
			t.Errorf("%v: %+v", k, info)
		}
	}
	if len(keys) != 100 || !slices.IsSortedFunc(keys, func(a, b Key) int { return bytes.Compare(a[:], b[:]) }) {
		t.Errorf("%d keys, want 100 in order", len(keys))
	}
	for range s.Entries() {
		break
	}
}

func TestRefreshSeesOthers(t *testing.T) {
	dir := t.TempDir()
	a, b := mustOpen(t, dir), mustOpen(t, dir)
	for i := range 3 {
		if err := a.Put(key(i), payload(i, 50)).Err(); err != nil {
			t.Fatal(err)
		}
		wantEntry(t, b, key(i), nil)
		if err := b.Refresh(); err != nil {
			t.Fatal(err)
		}
		wantEntry(t, b, key(i), payload(i, 50))
	}
}

func TestClosed(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	s.Put(key(1), payload(1, 10))
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(key(2), nil).Err(); err != ErrClosed {
		t.Errorf("Put: %v", err)
	}
	if _, err := s.Get(key(1), nil); err != ErrClosed {
		t.Errorf("Get: %v", err)
	}
	if n := len(segmentsIn(t, dir)); n != 1 {
		t.Errorf("%d segments", n)
	}
}

func TestTooLarge(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	if err := s.Put(key(1), make([]byte, MaxPayload+1)).Err(); err == nil || !strings.Contains(err.Error(), "larger than 1073741824") {
		t.Errorf("got %v", err)
	}
	if s.Len() != 0 {
		t.Error("it is in the index")
	}
}

// More segments than may be open at once, read by several goroutines.
func TestManySegments(t *testing.T) {
	dir := t.TempDir()
	const n = openFiles + 21 // no multiple of 7
	s := mustOpen(t, dir)
	for i := range n {
		s.Put(key(i), payload(i, 20))
		s.detach()
	}
	done := make(chan bool)
	for range 4 {
		go func() {
			for i := range 3 * n {
				wantEntry(t, s, key(i*7%n), payload(i*7%n, 20))
			}
			done <- true
		}()
	}
	for range 4 {
		<-done
	}
	if len(s.files.byID) > openFiles || len(s.files.order) != len(s.files.byID) {
		t.Errorf("%d files open, %d in order", len(s.files.byID), len(s.files.order))
	}
}

func TestIndexAgainstMap(t *testing.T) {
	x, want := newIndex(), map[Key]int64{}
	for i := range 20000 {
		k := key(i * i % 7919)
		if i%5 == 0 {
			if e := x.get(&k); e != nil {
				x.drop(e)
			}
			delete(want, k)
			continue
		}
		x.put(entry{key: k, offset: int64(i)})
		want[k] = int64(i)
	}
	if x.live != len(want) {
		t.Errorf("%d live, want %d", x.live, len(want))
	}
	for i := range 7919 {
		k := key(i)
		e, offset := x.get(&k), want[k]
		if (e != nil) != (offset != 0) || e != nil && e.offset != offset {
			t.Fatalf("key %d: got %+v, want offset %d", i, e, offset)
		}
	}
}

func TestIndexMemory(t *testing.T) {
	x := newIndex()
	for i := range 200_000 {
		x.put(entry{key: key(i)})
		if size := len(x.chunks)*chunkLength*int(unsafe.Sizeof(entry{})) + 4*len(x.table); i > 100_000 && size > 70*i {
			t.Fatalf("%d entries take %d bytes", i, size)
		}
	}
}

func TestSidecarIsOnlyAShortcut(t *testing.T) {
	dir := t.TempDir()
	const n = 2500
	fill(t, dir, 0, n, 100)
	sidecars, _ := filepath.Glob(filepath.Join(dir, "*"+sidecarSuffix))
	if len(sidecars) != 1 {
		t.Fatalf("sidecars: %v", sidecars)
	}
	whole, err := os.ReadFile(sidecars[0])
	if err != nil || len(whole) != n*recordSize {
		t.Fatalf("sidecar of %d bytes, want %d headers (%v)", len(whole), n, err)
	}
	flipped := bytes.Clone(whole)
	flipped[recordSize*700+20] ^= 1
	want := maps.Collect(mustOpen(t, dir).Entries())
	for name, content := range map[string][]byte{
		"whole": whole, "none": nil, "torn": whole[:recordSize*1100+17], "flipped": flipped,
		"zeros": make([]byte, 5000), "too long": append(bytes.Clone(whole), whole...), "without the first": whole[recordSize:],
	} {
		if err := os.WriteFile(sidecars[0], content, 0o666); err != nil {
			t.Fatal(err)
		}
		if name == "none" {
			os.Remove(sidecars[0])
		}
		s := mustOpen(t, dir)
		if !maps.Equal(want, maps.Collect(s.Entries())) {
			t.Errorf("%s: other entries", name)
		}
		for _, i := range []int{0, 699, 700, 701, 1100, n - 1} {
			wantEntry(t, s, key(i), payload(i, 100))
		}
	}
}
