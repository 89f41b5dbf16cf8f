package cache

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"windtunnel/experiments/cache/lock"
)

// sizeOf returns the size of all files in a folder.
func sizeOf(t *testing.T, dir string) (size int64) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	return size
}

func TestPrune(t *testing.T) {
	dir := t.TempDir()
	for from := 0; from < 40; from += 10 {
		fill(t, dir, from, from+10, 200)
	}
	fill(t, dir, 5, 15, 300) // again
	before := sizeOf(t, dir)
	s := mustOpen(t, dir)
	s.Put(key(100), payload(100, 10)) // of this process, still open
	before += headerSize + 2*recordSize + 10
	var asked []Key
	drop := func(i int) bool { return i%3 == 0 || i >= 30 && i < 40 }
	freed, removed, err := s.Prune(func(k Key, info Info) bool {
		asked = append(asked, k)
		for i := range 40 {
			if k == key(i) {
				return !drop(i)
			}
		}
		return s.Has(k)
	})
	if err != nil || removed != 20 || len(asked) != 41 || !slices.IsSortedFunc(asked, func(a, b Key) int { return strings.Compare(string(a[:]), string(b[:])) }) {
		t.Errorf("removed %d of %d: %v", removed, len(asked), err)
	}
	if after := sizeOf(t, dir); freed != before-after || freed < 20*200 {
		t.Errorf("freed %d, want %d", freed, before-after)
	}
	if n := len(segmentsIn(t, dir)); n != 1 {
		t.Errorf("%d segments: small ones are put together", n)
	}
	for name, s := range map[string]*Store{"same": s, "reopened": mustOpen(t, dir)} {
		if s.Len() != 21 {
			t.Errorf("%s: %d entries", name, s.Len())
		}
		for i := range 40 {
			want := payload(i, 200)
			if i >= 5 && i < 15 {
				want = payload(i, 300)
			}
			if drop(i) {
				want = nil
			}
			wantEntry(t, s, key(i), want)
		}
		wantEntry(t, s, key(100), payload(100, 10))
	}
	if freed, removed, err := s.Prune(func(Key, Info) bool { return true }); freed != 0 || removed != 0 || err != nil {
		t.Errorf("a second time: %d bytes, %d entries, %v", freed, removed, err)
	}
	s.Put(key(0), payload(0, 20))
	wantEntry(t, s, key(0), payload(0, 20))
}

// What another process reads stays readable when it is moved, and is missing when it is removed.
func TestPruneUnderAReader(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir, 0, 10, 100)
	reader := mustOpen(t, dir)
	if _, _, err := mustOpen(t, dir).Prune(func(k Key, _ Info) bool { return k != key(3) }); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		want := payload(i, 100)
		if i == 3 {
			want = nil
		}
		wantEntry(t, reader, key(i), want)
	}
	if reader.Len() != 9 {
		t.Errorf("%d entries", reader.Len())
	}
}

func TestPruneLeavesTheLiving(t *testing.T) {
	dir := t.TempDir()
	other := mustOpen(t, dir)
	if err := other.Put(key(1), payload(1, 100)).Err(); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, dir)
	_, removed, err := s.Prune(func(Key, Info) bool { return false })
	var live *LiveError
	if !errors.As(err, &live) || live.Entries != 1 || len(live.Segments) != 1 || removed != 0 || !strings.Contains(err.Error(), live.Segments[0]) {
		t.Fatalf("removed %d, %v; want a *LiveError that names the file", removed, err)
	}
	wantEntry(t, s, key(1), payload(1, 100))
	if err := other.Put(key(2), nil).Err(); err != nil {
		t.Error(err)
	}
	other.Close()
	if _, removed, err := s.Prune(func(Key, Info) bool { return false }); removed != 2 || err != nil {
		t.Errorf("removed %d, %v", removed, err)
	}
}

// A process elsewhere lives as long as it is not silent.
func TestPruneTellsTheDeadFromTheLiving(t *testing.T) {
	for name, c := range map[string]struct {
		silent time.Duration
		header int // bytes of the segment's file
		gone   bool
	}{
		"refreshed": {time.Minute, -1, false}, "silent": {time.Hour, -1, true},
		"unsigned": {time.Minute, 100, false}, "unsigned and silent": {time.Hour, 100, true},
	} {
		segment, data := example(t, 3)
		data = data[:len(data)-recordSize] // no seal
		if c.header >= 0 {
			data = data[:c.header]
		}
		p := plugWith(segment, data)
		p.now = p.names[filepath.Join("cache", segment)].changed.Add(c.silent)
		if _, _, err := openPlug(t, p).Prune(func(Key, Info) bool { return false }); (err == nil) != c.gone && c.header < 0 {
			t.Errorf("%s: %v", name, err)
		}
		if (len(p.names) == 0) != c.gone {
			t.Errorf("%s: %d files left", name, len(p.names))
		}
	}
}

func TestPruneMendsDamage(t *testing.T) {
	name, data := example(t, 6)
	from, to := span(4)
	data[from] ^= 1
	_, end := span(2)
	data[end-1] ^= 1
	s := openPlug(t, plugWith(name, data[:len(data)-10]))
	if report, err := s.Verify(); len(report.Bad) != 2 || len(report.Torn) != 1 || err != nil || report.Bad[0].Key != key(2) ||
		report.Bad[1].Offset != int64(from) || report.Bad[1].Size != int64(to-from) || report.Bytes != int64(len(data)-10) {
		t.Errorf("before: %+v, %v", report, err)
	}
	if _, _, err := s.Prune(func(Key, Info) bool { return true }); err != nil {
		t.Fatal(err)
	}
	report, err := s.Verify()
	if err != nil || len(report.Bad)+len(report.Torn) != 0 || report.Records != 4 || report.Segments != 1 {
		t.Errorf("after: %+v, %v", report, err)
	}
	for _, i := range []int{0, 1, 3, 5} {
		wantEntry(t, s, key(i), payload(i, 13*i))
	}
}

// Corrupt entries that nobody has read before are found on the way.
func TestPruneCopiesNothingCorrupt(t *testing.T) {
	name, data := example(t, 4)
	_, to := span(3)
	data[to-1] ^= 1
	s := openPlug(t, plugWith(name, data))
	_, removed, err := s.Prune(func(k Key, _ Info) bool { return k != key(0) })
	if removed != 2 || err != nil || s.Len() != 2 {
		t.Errorf("removed %d, %v; %d entries", removed, err, s.Len())
	}
}

func TestOnePruneAtATime(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir, 0, 2, 10)
	l, err := lock.Acquire(filepath.Join(dir, pruneLock))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	var held *lock.HeldError
	if _, _, err := mustOpen(t, dir).Prune(func(Key, Info) bool { return false }); !errors.As(err, &held) {
		t.Errorf("got %v", err)
	}
}

// What is put while Prune works stays, though its writer is silent.
func TestPutDuringPrune(t *testing.T) {
	name, data := example(t, 4)
	p := plugWith(name, data)
	s := openPlug(t, p)
	_, removed, err := s.Prune(func(k Key, _ Info) bool {
		if err := s.Put(k, []byte("again")).Err(); err != nil {
			t.Error(err)
		}
		return k != key(1)
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = openPlug(t, p)
	for i := range 4 {
		wantEntry(t, s, key(i), []byte("again"))
	}
	if removed != 1 {
		t.Errorf("removed %d", removed)
	}
}

// An entry that is replaced while Prune copies it keeps its new value.
func TestPutWhilePruneCopies(t *testing.T) {
	name, data := example(t, 4)
	p := plugWith(name, data)
	s := openPlug(t, p)
	asked := 0
	if _, _, err := s.Prune(func(k Key, _ Info) bool {
		if asked++; asked == 4 { // what is read from here on is to be copied
			p.reading = func() {
				p.reading = nil
				for i := range 4 {
					s.Put(key(i), []byte("again"))
				}
			}
		}
		return k != key(0)
	}); err != nil {
		t.Fatal(err)
	}
	if p.reading != nil {
		t.Fatal("nothing was copied")
	}
	check := func() {
		t.Helper()
		for i := range 4 {
			wantEntry(t, s, key(i), []byte("again"))
		}
	}
	check()
	s.Close()
	s = openPlug(t, p)
	check()
}

// Prune on a full disk removes nothing that has not found a new place.
func TestPruneOnAFullDisk(t *testing.T) {
	for space := 0; ; space += 5 {
		name, data := example(t, 8)
		p := plugWith(name, data)
		p.space = space
		s := openPlug(t, p)
		_, _, err := s.Prune(func(k Key, _ Info) bool { return k != key(1) })
		if err == nil && space > 600 {
			break
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("%d bytes: %v", space, err)
		}
		p.space = -1
		s.Close()
		s = openPlug(t, p)
		for i := range 8 {
			if i != 1 {
				wantEntry(t, s, key(i), payload(i, 13*i))
			}
		}
		if t.Failed() {
			t.Fatalf("with space for %d bytes", space)
		}
	}
}
