package cache

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
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
		if err := errors.Join(s.Put(key(i), payload(i, i%1000)), s.Sync()); err != nil {
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
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 3 {
		s := mustOpen(t, dir)
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
		ended := make(chan bool)
		go func() {
			wait.Wait()
			close(ended)
		}()
		for i, working := 0, true; working || i < 50; i++ {
			if i < 50 {
				mustPut(t, s, key(i), payload(i, 100))
			}
			select {
			case <-ended:
				working = false
			default:
			}
			if _, _, err := s.Prune(func(Key, Info) bool { return true }); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = mustOpen(t, dir)
		if flaws, err := s.Verify(); len(flaws) > 0 || err != nil {
			t.Errorf("killed processes left damage: %v, %v", flaws, err)
		}
		checkDurable(t, s, durable, round)
		if _, _, err := s.Prune(func(Key, Info) bool { return true }); err != nil {
			t.Error(err)
		}
		checkDurable(t, s, durable, round)
	}
	if all := filesIn(t, dir, ""); len(all) != 1 {
		t.Errorf("there is %v after pruning", all)
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
				if err := s.Put(key(i), payload(i, i)); err != nil {
					t.Error(err)
				}
				wantEntry(t, s, key(i), payload(i, i))
			}
		})
	}
	work := map[string]func() error{
		"Sync":   s.Sync,
		"Verify": func() error { _, err := s.Verify(); return err },
		"Prune": func() error {
			_, _, err := s.Prune(func(Key, Info) bool { return true })
			return err
		},
		"All": func() error {
			for k, info := range s.All() {
				if !s.Has(k) || info.Size >= 4*each {
					return fmt.Errorf("%v: %+v", k, info)
				}
			}
			return nil
		},
		"Get": func() error {
			if _, err := other.Get(key(each), nil); err != nil && err != ErrMissing {
				return err
			}
			return nil
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
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	other = mustOpen(t, dir)
	for i := range 4 * each {
		wantEntry(t, other, key(i), payload(i, i))
	}
}
