package cache

import (
	"encoding/binary"
	"runtime"
	"testing"
)

// benchKey is as quick to make as a key can be, so that it does not count.
func benchKey(i int) (k Key) {
	binary.LittleEndian.PutUint64(k[:], uint64(i)*0x9e3779b97f4a7c15)
	binary.LittleEndian.PutUint64(k[8:], uint64(i))
	return k
}

// BenchmarkPut stores entries of 1 KiB and waits until the last is durable.
func BenchmarkPut(b *testing.B) {
	s := mustOpen(b, b.TempDir())
	payload := make([]byte, 1024)
	b.SetBytes(1024)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := s.Put(benchKey(i), payload); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Sync(); err != nil {
		b.Fatal(err)
	}
}

func benchFill(b *testing.B, n, size int) string {
	dir := b.TempDir()
	s := mustOpen(b, dir)
	payload := make([]byte, size)
	for i := range n {
		mustPut(b, s, benchKey(i), payload)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	return dir
}

// BenchmarkOpen opens a cache of 100,000 entries; live-B/entry is the memory that stays in use.
func BenchmarkOpen(b *testing.B) {
	const n = 100_000
	dir := benchFill(b, n, 1024)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var s *Store
	for b.Loop() {
		s, _ = Open(dir)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if s.Len() != n {
		b.Fatalf("%d entries", s.Len())
	}
	b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/float64(n), "live-B/entry")
}

func BenchmarkGet(b *testing.B) {
	const n = 10_000
	s := mustOpen(b, benchFill(b, n, 1024))
	var buf []byte
	var err error
	b.SetBytes(1024)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if buf, err = s.Get(benchKey(i%n), buf); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHas(b *testing.B) {
	const n = 10_000
	s := mustOpen(b, benchFill(b, n, 10))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if !s.Has(benchKey(i % n)) {
			b.Fatal(i)
		}
	}
}
