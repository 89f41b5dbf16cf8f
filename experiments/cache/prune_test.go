package cache

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"windtunnel/experiments/cache/lock"
)

// sizeOf returns the size of all files in a folder.
func sizeOf(t *testing.T, dir string) (size int64) {
	t.Helper()
	for _, path := range filesIn(t, dir, "") {
		info, err := os.Stat(path)
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
	s := mustOpen(t, dir)
	mustPut(t, s, key(100), payload(100, 10)) // of this process, still open
	if err := s.Sync(); err != nil {
		t.Fatal(err)
	}
	before := sizeOf(t, dir) - sizeOfLocks(t, dir)
	written := map[Key]Info{}
	for k, info := range s.All() {
		written[k] = info
	}
	var asked []Key
	drop := func(i int) bool { return i%3 == 0 || i >= 30 && i < 40 }
	freed, removed, err := s.Prune(func(k Key, info Info) bool {
		asked = append(asked, k)
		for i := range 40 {
			if k == key(i) {
				return !drop(i)
			}
		}
		return k == key(100)
	})
	if err != nil || removed != 20 || len(asked) != 41 || !slices.IsSortedFunc(asked, func(a, b Key) int { return bytes.Compare(a[:], b[:]) }) {
		t.Errorf("removed %d of %d: %v", removed, len(asked), err)
	}
	if after := sizeOf(t, dir); freed != before-after || freed < 20*200 {
		t.Errorf("freed %d, want %d", freed, before-after)
	}
	if all := filesIn(t, dir, ""); len(all) != 1 {
		t.Errorf("there is %v, want one file", all)
	}
	for name, s := range map[string]*Store{"same": s, "reopened": mustOpen(t, dir)} {
		if s.Len() != 21 {
			t.Errorf("%s: %d entries", name, s.Len())
		}
		for k, info := range s.All() {
			if info != written[k] {
				t.Errorf("%s: %v is %v, was %v", name, k, info, written[k])
			}
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
	mustPut(t, s, key(0), payload(0, 20))
	wantEntry(t, s, key(0), payload(0, 20))
}

func sizeOfLocks(t *testing.T, dir string) (size int64) {
	for _, path := range filesIn(t, dir, ".lock") {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	return size
}

// What another process reads stays readable when it is moved, and is missing when it is removed.
func TestPruneUnderAReader(t *testing.T) {
	for _, open := range []bool{false, true} { // the old file, by the reader
		dir := t.TempDir()
		fill(t, dir, 0, 10, 100)
		reader := mustOpen(t, dir)
		mustPut(t, reader, key(20), payload(20, 100))
		if open {
			wantEntry(t, reader, key(0), payload(0, 100))
		}
		_, _, err := mustOpen(t, dir).Prune(func(k Key, _ Info) bool { return k != key(3) })
		if err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			want := payload(i, 100)
			if i == 3 && !open {
				want = nil
			}
			wantEntry(t, reader, key(i), want)
		}
		wantEntry(t, reader, key(20), payload(20, 100))
		mustPut(t, reader, key(21), payload(21, 100))
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
		if s := mustOpen(t, dir); s.Len() != 11 {
			t.Errorf("%d entries", s.Len())
		}
	}
}

func TestPruneLeavesTheLiving(t *testing.T) {
	dir := t.TempDir()
	other := mustOpen(t, dir)
	mustPut(t, other, key(1), payload(1, 100))
	if err := other.Sync(); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, dir)
	_, removed, err := s.Prune(func(Key, Info) bool { return false })
	var live *LiveError
	if !errors.As(err, &live) || live.Entries != 1 || len(live.Segments) != 1 || removed != 0 || !strings.Contains(err.Error(), live.Segments[0]) {
		t.Fatalf("removed %d, %v; want a *LiveError that names the file", removed, err)
	}
	wantEntry(t, s, key(1), payload(1, 100))
	mustPut(t, other, key(2), nil)
	if err := other.Close(); err != nil {
		t.Error(err)
	}
	if _, removed, err := s.Prune(func(Key, Info) bool { return false }); removed != 2 || err != nil {
		t.Errorf("removed %d, %v", removed, err)
	}
}

func TestPruneMendsDamage(t *testing.T) {
	data := example(t, 6)
	from, to := span(4)
	data[from] ^= 1
	_, end := span(2)
	data[end-1] ^= 1
	s := openWith(t, t.TempDir(), data[:len(data)-10])
	if flaws, err := s.Verify(); len(flaws) != 3 || err != nil || flaws[0].Key != key(2) ||
		flaws[1].Offset != int64(from) || flaws[1].Size != int64(to-from) {
		t.Errorf("before: %v, %v", flaws, err)
	}
	if _, removed, err := s.Prune(func(Key, Info) bool { return true }); removed != 1 || err != nil { // the other has no key any more
		t.Fatal(removed, err)
	}
	if flaws, err := s.Verify(); err != nil || len(flaws) != 0 || s.Len() != 3 {
		t.Errorf("after: %v, %v, %d entries", flaws, err, s.Len())
	}
	for _, i := range []int{0, 1, 3} {
		wantEntry(t, s, key(i), payload(i, 13*i))
	}
}

func TestOnePruneAtATime(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir, 0, 2, 10)
	l, err := lock.Acquire(filepath.Join(dir, "prune.lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	var held *lock.HeldError
	if _, _, err := mustOpen(t, dir).Prune(func(Key, Info) bool { return false }); !errors.As(err, &held) {
		t.Errorf("got %v", err)
	}
}

// Prune on a full disk removes nothing that has not found a new place, and leaves no half of a new one.
func TestPruneOnAFullDisk(t *testing.T) {
	for space := 0; ; space += 5 {
		dir := t.TempDir()
		s := openWith(t, dir, example(t, 8))
		limitDisk(t, space)
		_, _, err := s.Prune(func(k Key, _ Info) bool { return k != key(1) })
		if err == nil && space > 600 {
			return
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("%d bytes: %v", space, err)
		}
		s.Close()
		limitDisk(t, -1)
		s = mustOpen(t, dir)
		for i := range 8 {
			wantEntry(t, s, key(i), payload(i, 13*i))
		}
		if all := filesIn(t, dir, ""); len(all) != 1 {
			t.Errorf("there is %v", all)
		}
		if t.Failed() {
			t.Fatalf("with space for %d bytes", space)
		}
	}
}

// Old files go when the new one is durable, not before.
func TestPruneSyncsFirst(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir, 0, 5, 100)
	fill(t, dir, 5, 10, 100)
	limitDisk(t, -1)
	synced := false
	create = func(path string) (writeFile, error) {
		file, err := createOnDisk(path)
		return watched{file, func() {
			synced = true
			if n := len(filesIn(t, dir, suffix)); n != 3 {
				t.Errorf("%d files at the sync of the new one", n)
			}
		}}, err
	}
	if _, _, err := mustOpen(t, dir).Prune(func(k Key, _ Info) bool { return k != key(3) }); err != nil || !synced {
		t.Errorf("%v, synced %v", err, synced)
	}
}

type watched struct {
	writeFile
	sync func()
}

func (w watched) Sync() error {
	w.sync()
	return w.writeFile.Sync()
}
