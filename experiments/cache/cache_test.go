package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"windtunnel/toy/fixedseed"
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

func mustPut(t testing.TB, s *Store, k Key, payload []byte) {
	t.Helper()
	if err := s.Put(k, payload); err != nil {
		t.Fatal(err)
	}
}

// fill stores entries from to to-1 and closes the store.
func fill(t testing.TB, dir string, from, to, size int) {
	t.Helper()
	s := mustOpen(t, dir)
	for i := from; i < to; i++ {
		mustPut(t, s, key(i), payload(i, size))
	}
	if err := errors.Join(s.Sync(), s.Close()); err != nil {
		t.Fatal(err)
	}
}

// wantEntry checks that the store has that payload for a key; nil means none.
func wantEntry(t testing.TB, s *Store, k Key, want []byte) {
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

// filesIn returns the paths of the files in a folder whose names end so.
func filesIn(t testing.TB, dir, suffix string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
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
	if flaws, err := s.Verify(); err != nil || len(flaws) > 0 {
		t.Error(flaws, err)
	}
	if _, _, err := s.Prune(func(Key, Info) bool { return false }); err != nil {
		t.Error(err)
	}
	if err := errors.Join(s.Sync(), s.Close()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Dir(dir)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder was made: %v", err)
	}
}

func TestPutIsSeenAtOnceAndAfterReopening(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	s := mustOpen(t, dir)
	sizes := []int{0, 1, 55, 56, 57, 1000, 1<<16 - headerSize, 1 << 16, 3 << 16, 5 << 20, 0, 10}
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
	for i, n := range sizes {
		mustPut(t, s, key(i), payload(i, n))
		wantEntry(t, s, key(i), payload(i, n))
	}
	check(s)
	if err := s.Sync(); err != nil {
		t.Fatal(err)
	}
	check(s)
	check(mustOpen(t, dir)) // as another process sees it
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	check(mustOpen(t, dir))
	if left := filesIn(t, dir, ".lock"); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

func TestPutCopiesAndGetReusesBuffers(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	b := payload(1, 100)
	mustPut(t, s, key(1), b)
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
		if err := s.Sync(); err != nil {
			t.Fatal(err)
		}
	}
}

// What was put last counts, in whatever file it is, also if the clock of an earlier writer was ahead.
func TestLaterRecordCounts(t *testing.T) {
	dir := t.TempDir()
	early := mustOpen(t, dir)
	late := mustOpen(t, dir)
	mustPut(t, early, key(0), nil) // so that its file comes first
	late.mu.Lock()
	if err := late.append(key(1), time.Now().Add(time.Hour).UnixNano(), []byte("first, an hour ahead")); err != nil {
		t.Fatal(err)
	}
	late.mu.Unlock()
	if err := late.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := early.Verify(); err != nil { // sees the other's file
		t.Fatal(err)
	}
	mustPut(t, early, key(1), []byte("second"))
	mustPut(t, early, key(1), []byte("third"))
	wantEntry(t, early, key(1), []byte("third"))
	if err := early.Close(); err != nil {
		t.Fatal(err)
	}
	wantEntry(t, mustOpen(t, dir), key(1), []byte("third"))
}

func TestAllIsInOrderOfKeys(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir, 0, 50, 10)
	fill(t, dir, 50, 100, 20)
	s := mustOpen(t, dir)
	var keys []Key
	for k, info := range s.All() {
		keys = append(keys, k)
		if info.Size != 10 && info.Size != 20 || time.Since(info.Written) > time.Hour {
			t.Errorf("%v: %+v", k, info)
		}
	}
	if len(keys) != 100 || !slices.IsSortedFunc(keys, func(a, b Key) int { return bytes.Compare(a[:], b[:]) }) {
		t.Errorf("%d keys, want 100 in order", len(keys))
	}
	for range s.All() {
		break
	}
}

func TestClosed(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	mustPut(t, s, key(1), payload(1, 10))
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(key(2), nil); err != ErrClosed {
		t.Errorf("Put: %v", err)
	}
	if _, err := s.Get(key(1), nil); err != ErrClosed {
		t.Errorf("Get: %v", err)
	}
	if n := len(filesIn(t, dir, "")); n != 1 {
		t.Errorf("%d files", n)
	}
}

func TestTooLarge(t *testing.T) {
	if !fixedseed.Soak {
		t.Skip("skipped without -tags soak: a gigabyte of zeros takes seconds")
	}
	s := mustOpen(t, t.TempDir())
	if err := s.Put(key(1), make([]byte, MaxPayload+1)); err == nil || !strings.Contains(err.Error(), "larger than 1073741824") {
		t.Errorf("got %v", err)
	}
	if s.Len() != 0 {
		t.Error("it is in the index")
	}
}

// What was put is written soon, though nobody asks for it: a killed process loses little.
func TestPutIsWrittenSoon(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	for i := range 3 {
		mustPut(t, s, key(i), payload(i, 10))
		for began := time.Now(); !mustOpen(t, dir).Has(key(i)); time.Sleep(syncAfter / 10) {
			if time.Since(began) > 20*time.Second {
				t.Fatal("it is not written")
			}
		}
	}
}

// More segments than are kept open at once, read by several goroutines.
func TestManySegments(t *testing.T) {
	dir := t.TempDir()
	const n = maxReading + 21 // no multiple of 7
	for i := range n {
		fill(t, dir, i, i+1, 20)
	}
	s := mustOpen(t, dir)
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
	if s.reading > maxReading {
		t.Errorf("%d files are open", s.reading)
	}
}

func TestUnreadableFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil {
		t.Error("opened a file as a folder")
	}
}

// What else lies in the folder is nobody's business.
func TestForeignFiles(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir, 0, 3, 10)
	files := map[string]string{
		"20260101T000000-host-1-ABC.seg": "wtcache1" + strings.Repeat("wtr1", 200), "20260101T000000-host-1-ABC.idx": "wtr1",
		"other.seg": "other", "empty.seg": "", "notes.txt": "wtcache2",
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "folder"+suffix), 0o777), os.Symlink("nowhere", filepath.Join(dir, "link"+suffix))); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, dir)
	if flaws, err := s.Verify(); len(flaws) > 0 || err != nil || s.Len() != 3 {
		t.Errorf("%v, %v, %d entries", flaws, err, s.Len())
	}
	if _, removed, err := s.Prune(func(Key, Info) bool { return false }); removed != 3 || err != nil {
		t.Errorf("removed %d, %v", removed, err)
	}
	if left := filesIn(t, dir, ""); len(left) != len(files)+2 {
		t.Errorf("%v is left", left)
	}
}
