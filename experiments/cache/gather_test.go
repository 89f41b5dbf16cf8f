package cache

import (
	"testing"
	"testing/synctest"
	"time"
)

// Entries gather before they are written, but nobody waits for that: not who waits for one entry, nor who waits for all.
func TestGather(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		began := time.Now()
		if err := s.Put(benchKey(1), []byte("one")).Err(); err != nil {
			t.Fatal(err)
		}
		s.Put(benchKey(2), []byte("two"))
		if err := s.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("two entries that were waited for took %s", took)
		}
		first := s.Put(benchKey(3), []byte("three"))
		time.Sleep(gatherFor / 2)
		second := s.Put(benchKey(4), []byte("four"))
		if first != second {
			t.Error("an entry was written before the next could join it")
		}
		<-second.Done()
		if took := time.Since(began); took != gatherFor {
			t.Errorf("two entries that nobody waited for took %s, want %s", took, gatherFor)
		}
	})
}
