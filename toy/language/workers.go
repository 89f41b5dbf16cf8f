package language

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"windtunnel/toy/kernel"
	"windtunnel/toy/llama"
)

// workers share work out to goroutines. What is done with an index must not depend on the worker that does it, nor on the
// others' indices: then results are the same whatever the number of workers. They allocate nothing after their creation.
type workers struct {
	all  []func() // one a worker, made once, since starting a goroutine on a new closure would allocate it
	work func(worker, index int)
	n    int
	next atomic.Int64
	done sync.WaitGroup
	errs []error
}

// newWorkers returns so many workers; 0 is one a processor.
func newWorkers(n int) *workers {
	if n == 0 {
		n = runtime.GOMAXPROCS(0)
	}
	w := &workers{}
	for worker := range n {
		w.all = append(w.all, func() {
			defer w.done.Done()
			w.take(worker)
		})
	}
	return w
}

func (w *workers) size() int { return len(w.all) }

// each calls work for every index below n, begun in their order, and returns when all are done.
func (w *workers) each(n int, work func(worker, index int)) {
	w.n, w.work = n, work
	w.next.Store(0)
	if busy := min(n, len(w.all)); busy > 1 {
		w.done.Add(busy - 1)
		for _, other := range w.all[1:busy] {
			go other()
		}
	}
	w.take(0)
	w.done.Wait()
	w.work = nil
}

func (w *workers) take(worker int) {
	for {
		i := int(w.next.Add(1)) - 1
		if i >= w.n {
			return
		}
		w.work(worker, i)
	}
}

// try does work for n indices of what, until there is an error or the context ends. Of several errors it returns the first
// index's, which is the same whatever the workers: only indices behind one with an error are left out.
func (w *workers) try(ctx context.Context, what string, n int, work func(worker, i int) error) error {
	w.errs = append(w.errs[:0], make([]error, n)...)
	var failed atomic.Int64
	failed.Store(int64(n))
	w.each(n, func(worker, i int) {
		if int64(i) > failed.Load() || ctx.Err() != nil {
			return
		}
		if w.errs[i] = work(worker, i); w.errs[i] == nil {
			return
		}
		for at := failed.Load(); int64(i) < at && !failed.CompareAndSwap(at, int64(i)); at = failed.Load() {
		}
	})
	for i, err := range w.errs {
		if err != nil {
			return fmt.Errorf("%s %d: %w", what, i, err)
		}
	}
	return ctx.Err()
}

// logps are the summed log-probabilities of pairs' responses under one network, in nats, or their lengths.
type logps struct{ chosen, rejected []float64 }

func newLogps(n int) logps { return logps{make([]float64, n), make([]float64, n)} }

// scorer computes log-probabilities of pairs, several at once. It keeps scratch; one call at a time.
type scorer[T kernel.Float] struct {
	*workers
	tapes     []*llama.Tape[T] // one a worker
	responses [][2][]int32
}

func newScorer[T kernel.Float](w *workers) *scorer[T] {
	s := &scorer[T]{workers: w, responses: make([][2][]int32, w.size())}
	for range w.size() {
		s.tapes = append(s.tapes, llama.NewTape[T]())
	}
	return s
}

// score fills dst with what a network says of pairs. It returns the first pair's error, or the context's.
func (s *scorer[T]) score(ctx context.Context, n *llama.Network[T], pairs []Pair, dst logps) error {
	return s.try(ctx, "pair", len(pairs), func(worker, i int) (err error) {
		dst.chosen[i], dst.rejected[i], err = s.pair(worker, n, &pairs[i])
		return err
	})
}

// cached is score by way of a cache; key is the network's.
func (s *scorer[T]) cached(ctx context.Context, n *llama.Network[T], key contentKey, pairs []Pair, cache *logpCache, dst logps) error {
	return s.try(ctx, "pair", len(pairs), func(worker, i int) error {
		both, err := cache.get(pairs[i].key(key), 0, func() (out [2]float64, err error) {
			out[0], out[1], err = s.pair(worker, n, &pairs[i])
			return out, err
		})
		dst.chosen[i], dst.rejected[i] = both[0], both[1]
		return err
	})
}

func (s *scorer[T]) pair(worker int, n *llama.Network[T], p *Pair) (chosen, rejected float64, err error) {
	tape, responses := s.tapes[worker], &s.responses[worker]
	responses[0], responses[1] = p.Chosen, p.Rejected
	if err := tape.Forward(n, p.Prompt, responses[:], false); err != nil {
		return 0, 0, err
	}
	return tape.Logp(0), tape.Logp(1), nil
}
