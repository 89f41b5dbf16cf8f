package cache

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// When a segment is gone, older records of its keys in other segments count again, but none that were found corrupt.
func TestVanishedSegment(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir, 0, 4, 100)
	fill(t, dir, 2, 6, 200)
	paths := segmentsIn(t, dir)
	s := mustOpen(t, dir)
	flip(t, paths[0], headerSize+recordSize) // of entry 0
	if _, err := s.Get(key(0), nil); err == nil {
		t.Fatal("the flipped entry is there")
	}
	if err := errors.Join(os.Remove(paths[1]), s.Refresh()); err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]byte{nil, payload(1, 100), payload(2, 100), payload(3, 100), nil, nil} {
		wantEntry(t, s, key(i), want)
	}
	if s.Len() != 3 {
		t.Errorf("%d entries", s.Len())
	}
}

// flip changes one byte of a file.
func flip(t *testing.T, path string, at int) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[at] ^= 1
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

// Over NFS a page of a growing file may be seen later than the one after it.
func TestHoleThatIsFilledLater(t *testing.T) {
	name, data := example(t, 6)
	growing := bytes.Clone(data[:len(data)-recordSize]) // no seal
	from, _ := span(2)
	_, to := span(4)
	clear(growing[from : from+recordSize])
	p := plugWith(name, growing[:to])
	s := openPlug(t, p)
	wantEntry(t, s, key(2), nil)
	wantEntry(t, s, key(4), payload(4, 52))
	p.names[filepath.Join("cache", name)].data = slices.Clone(data)
	if err := s.Refresh(); err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		wantEntry(t, s, key(i), payload(i, 13*i))
	}
}

// A sidecar that lists more than there is does not bring it back.
func TestSidecarOfATruncatedSegment(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir, 0, 2000, 100)
	const kept = 1200
	if err := os.Truncate(segmentsIn(t, dir)[0], headerSize+kept*(recordSize+100)+30); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, dir)
	if s.Len() != kept {
		t.Errorf("%d entries, want %d", s.Len(), kept)
	}
	wantEntry(t, s, key(kept-1), payload(kept-1, 100))
}

// Opening reads headers from the sidecar, so a header that was damaged in the segment shows when its entry is read.
func TestSidecarIsRead(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir, 0, 2000, 100)
	flip(t, segmentsIn(t, dir)[0], headerSize+500*(recordSize+100))
	s := mustOpen(t, dir)
	if !s.Has(key(500)) {
		t.Error("the sidecar was not read")
	}
	_, err := s.Get(key(500), nil)
	if _, corrupt := err.(*CorruptError); !corrupt || s.Has(key(500)) {
		t.Errorf("%v, Has %v", err, s.Has(key(500)))
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
