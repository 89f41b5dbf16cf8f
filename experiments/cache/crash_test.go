package cache

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"windtunnel/experiments/cache/process"
)

// elsewhere is the identity of a process that cannot be looked up: it is gone as soon as it is silent.
var elsewhere = process.Identity{Host: "elsewhere", PID: 1}

// openPlug opens the cache in a plug as a process elsewhere.
func openPlug(t testing.TB, p *plug) *Store {
	t.Helper()
	s, err := open(p, "cache")
	if err != nil {
		t.Fatal(err)
	}
	s.self = elsewhere
	return s
}

// ledger is what a process knows of what it has put: all values of a key in order, and from which on they count.
type ledger struct {
	values  map[Key][][]byte
	durable map[Key]int // position of the last that was acknowledged; absent if none was
	removed map[Key]bool
}

func newLedger() *ledger {
	return &ledger{values: map[Key][][]byte{}, durable: map[Key]int{}, removed: map[Key]bool{}}
}

// put puts a value and, where asked to, waits for it.
func (l *ledger) put(s *Store, k Key, value []byte, wait bool) {
	l.values[k] = append(l.values[k], value)
	if l.removed[k] {
		delete(l.removed, k)
		delete(l.durable, k)
	}
	if p := s.Put(k, value); wait && p.Err() == nil {
		l.acknowledged()
	}
}

// acknowledged notes that all values so far are durable: they were queued before one that is.
func (l *ledger) acknowledged() {
	for k, values := range l.values {
		l.durable[k] = len(values) - 1
	}
}

// check compares a store, opened after a crash, with the ledger, and notes what is there: that has to stay.
func (l *ledger) check(t *testing.T, s *Store) {
	t.Helper()
	for k, values := range l.values {
		got, err := s.Get(k, nil)
		floor, durable := l.durable[k]
		if err != nil {
			l.checkMissing(t, s, k, err)
			delete(l.durable, k)
			continue
		}
		if !durable || l.removed[k] {
			floor = 0
		}
		found := false
		for _, v := range values[floor:] {
			found = found || bytes.Equal(got, v)
		}
		if !found {
			t.Errorf("entry of %d bytes: not a value that was put last", len(got))
		}
		l.values[k], l.durable[k] = [][]byte{got}, 0
		delete(l.removed, k)
	}
}

// checkMissing checks that an entry may be missing: if it was not acknowledged, was removed, or was to be replaced by one
// of which only the header reached the disk.
func (l *ledger) checkMissing(t *testing.T, s *Store, k Key, err error) {
	t.Helper()
	floor, durable := l.durable[k]
	_, corrupt := err.(*CorruptError)
	if !corrupt && err != ErrMissing || s.Has(k) {
		t.Errorf("%v, Has %v", err, s.Has(k))
	}
	if durable && !l.removed[k] && (!corrupt || floor == len(l.values[k])-1) {
		t.Errorf("an acknowledged entry: %v", err)
	}
}

// work does everything that changes files, as far as power lasts: two processes one after another, the second of which
// prunes.
func work(t *testing.T, p *plug, l *ledger) {
	s := openPlug(t, p)
	for i := range 12 {
		l.put(s, key(i%9), payload(i, i*i*3), i%3 == 2)
	}
	s.Close()
	p.now = p.now.Add(time.Hour)
	s = openPlug(t, p)
	for i := range 6 {
		l.put(s, key(20+i), payload(i, 50), i%2 == 0)
	}
	if s.Sync(t.Context()) == nil {
		l.acknowledged()
		s.Prune(func(k Key, _ Info) bool {
			drop := k == key(0) || k == key(3) || k == key(21)
			if drop {
				l.removed[k] = true
			}
			return !drop
		})
	}
	l.put(s, key(0), payload(99, 70), true)
	s.Close()
}

// TestPowerFailure pulls the plug after every change in turn.
func TestPowerFailure(t *testing.T) {
	crashes := 0
	for last, ended := 0, false; !ended; last++ {
		for seed := range uint64(4) {
			p, l := newPlug(), newLedger()
			p.last = last
			work(t, p, l)
			ended = p.steps < last
			crashes++
			after := p.survivor(rand.New(rand.NewPCG(seed, uint64(last))))
			checkSurvivor(t, after, l)
			if t.Failed() {
				t.Fatalf("power failed after change %d, seed %d", last, seed)
			}
		}
	}
	if crashes < 100 {
		t.Errorf("only %d crashes", crashes)
	}
}

// checkSurvivor opens what a crash has left, works on with it and prunes it.
func checkSurvivor(t *testing.T, p *plug, l *ledger) {
	t.Helper()
	s := openPlug(t, p)
	l.check(t, s)
	if err := s.Put(key(50), []byte("after the crash")).Err(); err != nil {
		t.Error(err)
	}
	report, err := s.Verify()
	if err != nil || s.Sync(t.Context()) != nil {
		t.Fatal(err)
	}
	l.check(t, s)
	if _, _, err := s.Prune(func(Key, Info) bool { return true }); err != nil {
		t.Fatal(err)
	}
	l.check(t, s)
	s.Close()
	p.now = p.now.Add(time.Hour)
	s = openPlug(t, p)
	l.check(t, s)
	clean, err := s.Verify()
	if err != nil || len(clean.Bad)+len(clean.Torn) > 0 || clean.Records != s.Len() || clean.Records > report.Records {
		t.Errorf("after Prune: %+v, %v, %d entries; before: %+v", clean, err, s.Len(), report)
	}
}

// TestFullDisk lets the disk be full after every number of bytes.
func TestFullDisk(t *testing.T) {
	failures := 0
	for space := 0; ; space += 7 {
		p, l := newPlug(), newLedger()
		p.space = space
		s := openPlug(t, p)
		for i := range 8 {
			l.put(s, key(i%5), payload(i, 40*i), i%2 == 1)
		}
		err := s.Sync(t.Context())
		if err == nil {
			l.acknowledged()
			break
		}
		failures++
		if put := s.Put(key(1), nil).Err(); !errors.Is(err, syscall.ENOSPC) || !errors.Is(put, syscall.ENOSPC) || !errors.Is(s.Close(), syscall.ENOSPC) {
			t.Fatalf("%d bytes: Sync: %v, Put: %v; want no space left", space, err, put)
		}
		p.space = -1
		p.now = p.now.Add(time.Hour)
		checkSurvivor(t, p, l)
		if t.Failed() {
			t.Fatalf("disk full after %d bytes", space)
		}
	}
	if failures < 100 {
		t.Errorf("only %d times full", failures)
	}
}

// A segment that another host took for dead and pruned while this process was suspended takes no more entries.
func TestSegmentGoneWhileSuspended(t *testing.T) {
	p := newPlug()
	s := openPlug(t, p)
	if err := s.Put(key(1), nil).Err(); err != nil {
		t.Fatal(err)
	}
	w := s.current
	s.mu.Lock() // which the writer takes after it has used the field
	w.beaten = w.beaten.Add(-time.Hour)
	s.mu.Unlock()
	if err := p.Remove(w.segment.path); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(key(2), nil).Err(); !vanished(err) {
		t.Errorf("acknowledged an entry that is nowhere: %v", err)
	}
}

// example returns the bytes of a sealed segment with n records of growing size, and the name under which they are valid.
func example(t testing.TB, n int) (name string, data []byte) {
	name = "example" + segmentSuffix
	data, err := segmentHeader(elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		b := payload(i, 13*i)
		r := record{key: key(i), written: int64(i), length: uint32(len(b)), sum: checksum(b)}
		data = append(appendRecord(data, r, salt(name), int64(len(data))), b...)
	}
	return name, appendRecord(data, record{seal: true}, salt(name), int64(len(data)))
}

// plugWith returns a plug with one segment.
func plugWith(name string, data []byte) *plug {
	p := newPlug()
	p.dir = true
	p.names[filepath.Join("cache", name)] = &image{data: data, durable: data, changed: p.now.Add(-time.Hour)}
	return p
}

// span returns where the i-th record of an example lies.
func span(i int) (from, to int) {
	from = headerSize
	for j := range i {
		from += recordSize + 13*j
	}
	return from, from + recordSize + 13*i
}

func TestTruncatedAnywhere(t *testing.T) {
	const n = 8
	name, data := example(t, n)
	for length := range data {
		for _, tail := range []int{0, 3, 100} { // of zeros, as a file system may leave
			s := openPlug(t, plugWith(name, append(bytes.Clone(data[:length]), make([]byte, tail)...)))
			for i := range n {
				if _, to := span(i); to <= length {
					wantEntry(t, s, key(i), payload(i, 13*i))
				} else if got, err := s.Get(key(i), nil); err == nil && !bytes.Equal(got, payload(i, 13*i)) {
					t.Errorf("record %d is misread", i)
				}
			}
			if t.Failed() {
				t.Fatalf("cut at byte %d, %d zeros", length, tail)
			}
		}
	}
}

func TestFlippedAnywhere(t *testing.T) {
	const n = 8
	name, data := example(t, n)
	for at := range data {
		flipped := bytes.Clone(data)
		flipped[at] ^= 1 << (at % 8)
		s := openPlug(t, plugWith(name, flipped))
		hit := -1
		for i := range n {
			if from, to := span(i); at >= from && at < to {
				hit = i
				if _, err := s.Get(key(i), nil); err == nil || s.Has(key(i)) {
					t.Errorf("the flipped record %d: %v, Has %v", i, err, s.Has(key(i)))
				}
				continue
			}
			wantEntry(t, s, key(i), payload(i, 13*i))
		}
		report, err := s.Verify()
		if flaws := len(report.Bad) + len(report.Torn); err != nil || flaws != 1 {
			t.Errorf("Verify: %+v, %v", report, err)
		}
		if hit >= 0 && report.Records != n-1 {
			t.Errorf("%d whole records, want %d", report.Records, n-1)
		}
		if t.Failed() {
			t.Fatalf("byte %d flipped, in record %d", at, hit)
		}
	}
}

func TestCorruptErrorNamesThePlace(t *testing.T) {
	name, data := example(t, 3)
	from, _ := span(2)
	data[from+recordSize] ^= 1
	s := openPlug(t, plugWith(name, data))
	_, err := s.Get(key(2), nil)
	want := CorruptError{File: filepath.Join("cache", name), Offset: int64(from), Key: key(2)}
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
	s.Put(key(2), payload(2, 26)) // redone
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wantEntry(t, openPlug(t, s.fs.(*plug)), key(2), payload(2, 26))
}
