package cache

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// example returns the bytes of a segment with n records of growing size.
func example(t testing.TB, n int) []byte {
	t.Helper()
	dir := t.TempDir()
	s := mustOpen(t, dir)
	for i := range n {
		mustPut(t, s, key(i), payload(i, 13*i))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filesIn(t, dir, suffix)[0])
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// span returns where the i-th record of an example lies.
func span(i int) (from, to int) {
	from = len(segmentMagic)
	for j := range i {
		from += headerSize + 13*j
	}
	return from, from + headerSize + 13*i
}

// openWith opens a cache with one segment of these bytes, in a folder that later calls use again.
func openWith(t testing.TB, dir string, data []byte) *Store {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "example"+suffix), data, 0o666); err != nil {
		t.Fatal(err)
	}
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What a killed process or a failure of power cuts off costs the record that is cut. A cut without zeros, as a
// killed process leaves it, is no damage beside that process's lock; without one the file was cut after its writer had ended.
func TestTruncatedAnywhere(t *testing.T) {
	const n = 5
	dir, data := t.TempDir(), example(t, n)
	for length := range data {
		for _, tail := range []int{0, 3, 100} { // of zeros, as a file system may leave
			s := openWith(t, dir, append(bytes.Clone(data[:length]), make([]byte, tail)...))
			for i := range n {
				if _, to := span(i); to <= length {
					wantEntry(t, s, key(i), payload(i, 13*i))
				} else if got, err := s.Get(key(i), nil); err == nil && !bytes.Equal(got, payload(i, 13*i)) {
					t.Errorf("record %d is misread", i)
				}
			}
			flaws, err := s.Verify()
			whole := length == len(segmentMagic)
			for i := range n {
				_, to := span(i)
				whole = whole || to == length
			}
			if err != nil || tail == 0 && whole == (len(flaws) > 0) {
				t.Errorf("Verify: %v, %v", flaws, err)
			}
			lockFile := lockOf(s.segments[0].path)
			if err := os.WriteFile(lockFile, nil, 0o644); err != nil {
				t.Fatal(err)
			}
			flaws, err = s.Verify()
			if err != nil || tail == 0 && length >= len(segmentMagic) && len(flaws) > 0 {
				t.Errorf("Verify beside a lock: %v, %v", flaws, err)
			}
			if err := os.Remove(lockFile); err != nil {
				t.Fatal(err)
			}
			s.Close()
			if t.Failed() {
				t.Fatalf("cut at byte %d, %d zeros", length, tail)
			}
		}
	}
}

func TestFlippedAnywhere(t *testing.T) {
	const n = 8
	dir, data := t.TempDir(), example(t, n)
	for at := range data {
		flipped := bytes.Clone(data)
		flipped[at] ^= 1 << (at % 8)
		s := openWith(t, dir, flipped)
		sound := n
		for i := range n {
			if from, to := span(i); at >= from && at < to {
				sound--
				if _, err := s.Get(key(i), nil); err == nil || s.Has(key(i)) {
					t.Errorf("the flipped record %d: %v, Has %v", i, err, s.Has(key(i)))
				}
				continue
			}
			wantEntry(t, s, key(i), payload(i, 13*i))
		}
		if flaws, err := s.Verify(); err != nil || len(flaws) != 1 || s.Len() != sound {
			t.Errorf("Verify: %v, %v; %d entries, want %d", flaws, err, s.Len(), sound)
		}
		s.Close()
		if t.Failed() {
			t.Fatalf("byte %d flipped", at)
		}
	}
}

// A file that lost all that was in it, or never was of this cache, does not verify as sound.
func TestEmptiedAndForeignSegments(t *testing.T) {
	for content, what := range map[string]string{"": "it is empty", "foreign": "no valid record", "wtcache1" + strings.Repeat("wtr1", 100): "no valid record"} {
		s := openWith(t, t.TempDir(), []byte(content))
		flaws, err := s.Verify()
		if err != nil || len(flaws) != 1 || flaws[0].What != what || flaws[0].Size != int64(len(content)) || s.Len() != 0 {
			t.Errorf("%.10q: %v, %v, %d entries", content, flaws, err, s.Len())
		}
		if _, _, err := s.Prune(func(Key, Info) bool { return true }); err != nil {
			t.Error(err)
		}
		if flaws, err := s.Verify(); err != nil || len(flaws) != 0 {
			t.Errorf("%.10q, pruned: %v, %v", content, flaws, err)
		}
	}
}

func TestCorruptErrorNamesThePlace(t *testing.T) {
	dir, data := t.TempDir(), example(t, 3)
	from, _ := span(2)
	data[from+headerSize] ^= 1
	s := openWith(t, dir, data)
	_, err := s.Get(key(2), nil)
	want := CorruptError{File: filepath.Join(dir, "example"+suffix), Offset: int64(from), Key: key(2)}
	var corrupt *CorruptError
	if !errors.As(err, &corrupt) || *corrupt != want {
		t.Fatalf("got %v, want %+v", err, want)
	}
	if text := fmt.Sprintf("%s: the entry %v at byte %d fails its checksum", want.File, want.Key, want.Offset); err.Error() != text {
		t.Errorf("got %q", err)
	}
	if s.Len() != 2 {
		t.Errorf("Len is %d", s.Len())
	}
	wantEntry(t, s, key(2), nil)
	mustPut(t, s, key(2), payload(2, 26)) // done again
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wantEntry(t, mustOpen(t, dir), key(2), payload(2, 26))
}

// disk is a file on a disk with so much space left.
type disk struct {
	*os.File
	space *int
}

func (d disk) Write(b []byte) (int, error) {
	fits := b[:min(len(b), *d.space)]
	*d.space -= len(fits)
	n, err := d.File.Write(fits)
	if err == nil && len(fits) < len(b) {
		err = syscall.ENOSPC
	}
	return n, err
}

// limitDisk leaves so many bytes for all segments that are begun from now on, until it is called again. No limit is a
// negative one.
func limitDisk(t testing.TB, space int) {
	original := createOnDisk
	t.Cleanup(func() { create = original })
	if create = original; space >= 0 {
		create = func(path string) (writeFile, error) {
			file, err := os.Create(path)
			return disk{file, &space}, err
		}
	}
}

var createOnDisk = create

// A disk that is full after any number of bytes is an error, costs nothing that was synced before, and with room again
// all goes on.
func TestFullDisk(t *testing.T) {
	for space := 0; ; space += 37 {
		dir := t.TempDir()
		fill(t, dir, 100, 103, 10)
		limitDisk(t, space)
		s := mustOpen(t, dir)
		synced := 0
		var err error
		for i := 0; i < 8 && err == nil; i++ {
			if err = s.Put(key(i), payload(i, 40*i)); err == nil {
				err = s.Sync()
			}
			if err == nil {
				synced = i + 1
			}
		}
		if err == nil {
			if space < 1000 {
				t.Fatalf("%d bytes were enough", space)
			}
			return
		}
		if put, sync := s.Put(key(9), nil), s.Sync(); !errors.Is(err, syscall.ENOSPC) || !errors.Is(put, syscall.ENOSPC) || !errors.Is(sync, syscall.ENOSPC) || !errors.Is(s.Close(), syscall.ENOSPC) {
			t.Fatalf("%d bytes: %v, Put: %v, Sync: %v; want no space left", space, err, put, sync)
		}
		limitDisk(t, -1)
		s = mustOpen(t, dir)
		for i := 100; i < 103; i++ {
			wantEntry(t, s, key(i), payload(i, 10))
		}
		for i := range synced {
			wantEntry(t, s, key(i), payload(i, 40*i))
		}
		mustPut(t, s, key(synced), payload(synced, 40*synced))
		if flaws, err := s.Verify(); err != nil || space >= len(segmentMagic) && slices.ContainsFunc(flaws, func(f Flaw) bool { return f.What != "it ends within a record" }) || s.Len() != 3+synced+1 {
			t.Errorf("%v, %v, %d entries", flaws, err, s.Len())
		}
		if _, _, err := s.Prune(func(Key, Info) bool { return true }); err != nil || s.Len() != 3+synced+1 {
			t.Errorf("Prune: %v, %d entries", err, s.Len())
		}
		s.Close()
		if t.Failed() {
			t.Fatalf("disk full after %d bytes", space)
		}
	}
}
