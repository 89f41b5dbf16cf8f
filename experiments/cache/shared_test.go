package cache

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"windtunnel/experiments/cache/process"
)

// TestMain lets the test binary act as another process that puts entries into a cache and reports each that is durable.
func TestMain(m *testing.M) {
	if dir := os.Getenv("CACHE_TEST_DIR"); dir != "" {
		from, _ := strconv.Atoi(os.Getenv("CACHE_TEST_FROM"))
		if err := putForever(dir, from); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// putForever puts entries from the given one on and prints the number of each when it is durable.
func putForever(dir string, from int) error {
	s, err := Open(dir)
	if err != nil {
		return err
	}
	for i := from; ; i++ {
		if err := s.Put(key(i), payload(i, i%1000)).Err(); err != nil {
			return err
		}
		fmt.Println(i)
	}
}

// putter starts another process that puts entries, and returns the numbers that it prints.
func putter(t *testing.T, dir string, from int) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "CACHE_TEST_DIR="+dir, "CACHE_TEST_FROM="+strconv.Itoa(from))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	return cmd, bufio.NewScanner(out)
}

// Two other processes write until they are killed, while this one writes, reads and prunes in the same folder. Nothing
// that they reported is lost.
func TestProcessesShareACacheAndAreKilled(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 3 {
		durable := make([]int, 2)
		var wait sync.WaitGroup
		for p := range 2 {
			from := 1_000_000*(p+1) + 10_000*round
			cmd, numbers := putter(t, dir, from)
			n := 5 + rng.IntN(60)
			wait.Go(func() {
				for numbers.Scan() {
					if durable[p], _ = strconv.Atoi(numbers.Text()); durable[p] >= from+n {
						cmd.Process.Kill() // it may print some more before it ends
					}
				}
				cmd.Wait()
			})
		}
		for i := range 50 {
			s.Put(key(i), payload(i, 100))
			if i%10 == 0 {
				if err := s.Refresh(); err != nil {
					t.Error(err)
				}
			}
		}
		wait.Wait()
		if err := s.Refresh(); err != nil {
			t.Fatal(err)
		}
		checkDurable(t, s, durable, round)
		if _, _, err := s.Prune(func(Key, Info) bool { return true }); err != nil {
			t.Error(err)
		}
		checkDurable(t, s, durable, round)
	}
	if n := len(segmentsIn(t, dir)); n != 1 {
		t.Errorf("%d segments after pruning", n)
	}
	report, err := mustOpen(t, dir).Verify()
	if err != nil || len(report.Bad)+len(report.Torn) != 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

func checkDurable(t *testing.T, s *Store, durable []int, round int) {
	t.Helper()
	for p, last := range durable {
		first := 1_000_000*(p+1) + 10_000*round
		if last < first {
			t.Errorf("process %d reported nothing", p)
		}
		for i := first; i <= last; i++ {
			wantEntry(t, s, key(i), payload(i, i%1000))
		}
	}
	for i := range 50 {
		wantEntry(t, s, key(i), payload(i, 100))
	}
}

func TestManyGoroutines(t *testing.T) {
	dir := t.TempDir()
	s, other := mustOpen(t, dir), mustOpen(t, dir)
	var wait sync.WaitGroup
	const each = 150
	for w := range 4 {
		wait.Go(func() {
			for i := w * each; i < (w+1)*each; i++ {
				s.Put(key(i), payload(i, i))
				wantEntry(t, s, key(i), payload(i, i))
			}
		})
	}
	work := map[string]func() error{
		"Refresh": other.Refresh,
		"Sync":    func() error { return s.Sync(t.Context()) },
		"Verify":  func() error { _, err := s.Verify(); return err },
		"Prune": func() error {
			_, _, err := s.Prune(func(Key, Info) bool { return true })
			return err
		},
		"Entries": func() error {
			for k, info := range s.Entries() {
				if !s.Has(k) || info.Size >= 4*each {
					return fmt.Errorf("%v: %+v", k, info)
				}
			}
			return nil
		},
		"Get": func() error {
			_, err := other.Get(key(each), nil)
			if err == ErrMissing {
				return nil
			}
			return err
		},
	}
	for name, do := range work {
		wait.Go(func() {
			for range 10 {
				if err := do(); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
	wait.Wait()
	if err := errors.Join(s.Close(), other.Refresh()); err != nil {
		t.Fatal(err)
	}
	for i := range 4 * each {
		wantEntry(t, other, key(i), payload(i, i))
	}
}

// slow is a plug whose Sync waits for permission.
type slow struct {
	*plug
	permit chan bool
}

func (f slow) Create(path string) (writeFile, error) {
	file, err := f.plug.Create(path)
	return slowFile{file, f.permit}, err
}

type slowFile struct {
	writeFile
	permit chan bool
}

func (f slowFile) Sync() error {
	<-f.permit
	return f.writeFile.Sync()
}

func TestPutBlocksWhenTooMuchWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		permit := make(chan bool)
		s, err := open(slow{newPlug(), permit}, "cache")
		if err != nil {
			t.Fatal(err)
		}
		first := s.Put(key(0), make([]byte, queueLimit+1)) // let through: nothing else waits
		blocked := make(chan *Pending, 1)
		go func() { blocked <- s.Put(key(1), []byte("x")) }()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Sync(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Sync: %v", err)
		}
		synctest.Wait()
		select {
		case <-blocked:
			t.Error("Put does not block")
		case <-first.Done():
			t.Error("acknowledged before the sync")
		default:
		}
		wantEntry(t, s, key(0), make([]byte, queueLimit+1))
		close(permit)
		if err := errors.Join(first.Err(), (<-blocked).Err(), s.Close()); err != nil {
			t.Error(err)
		}
	})
}

// Close lets a Put that waits go, with an error.
func TestCloseReleasesABlockedPut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		permit := make(chan bool)
		s, err := open(slow{newPlug(), permit}, "cache")
		if err != nil {
			t.Fatal(err)
		}
		s.Put(key(0), make([]byte, queueLimit))
		blocked, closed := make(chan *Pending, 1), make(chan error)
		go func() { blocked <- s.Put(key(1), []byte("x")) }()
		synctest.Wait()
		go func() { closed <- s.Close() }()
		synctest.Wait()
		select {
		case p := <-blocked:
			if p.Err() != ErrClosed {
				t.Errorf("Put: %v", p.Err())
			}
		default:
			t.Error("Put still waits")
		}
		close(permit)
		if err := <-closed; err != nil {
			t.Error(err)
		}
	})
}

// A writer with nothing to write refreshes its segment, so that other hosts see that it is there.
func TestIdleWriterBeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlug()
		s := openPlug(t, p)
		defer s.Close()
		if err := s.Put(key(1), []byte("x")).Err(); err != nil {
			t.Fatal(err)
		}
		img := p.names[s.current.segment.path]
		before := string(img.data)
		later := p.now.Add(time.Hour)
		p.mu.Lock()
		p.now = later
		p.mu.Unlock()
		time.Sleep(3 * process.Beat)
		p.mu.Lock()
		defer p.mu.Unlock()
		if !img.changed.Equal(later) || string(img.data) != before {
			t.Errorf("changed at %v, want %v, and nothing but the time", img.changed, later)
		}
	})
}
