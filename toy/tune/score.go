package tune

import (
	"context"
	"fmt"
	"sync/atomic"

	"windtunnel/toy/kernel"
	"windtunnel/toy/llama"
)

// logps are the summed log-probabilities of pairs' responses under one network, in nats.
type logps struct{ chosen, rejected []float64 }

func newLogps(n int) logps { return logps{make([]float64, n), make([]float64, n)} }

// scorer computes log-probabilities of pairs, several at once. It keeps scratch; one call at a time.
type scorer[T kernel.Float] struct {
	team      *team
	tapes     []*llama.Tape[T] // one a worker
	responses [][][]int32
	errs      []error
}

func newScorer[T kernel.Float](team *team) *scorer[T] {
	s := &scorer[T]{team: team}
	for range team.size() {
		s.tapes = append(s.tapes, llama.NewTape[T]())
		s.responses = append(s.responses, make([][]int32, 2))
	}
	return s
}

// score fills dst with what a network says of pairs. It returns the first pair's error, or the context's.
func (s *scorer[T]) score(ctx context.Context, n *llama.Network[T], pairs []Pair, dst logps) error {
	return s.each(ctx, "pair", len(pairs), func(worker, i int) (err error) {
		dst.chosen[i], dst.rejected[i], err = s.pair(worker, n, &pairs[i])
		return err
	})
}

// lookUp is score by way of a cache; key is the network's.
func (s *scorer[T]) lookUp(ctx context.Context, n *llama.Network[T], key Key, pairs []Pair, cache ReferenceCache, dst logps) error {
	return s.each(ctx, "pair", len(pairs), func(worker, i int) error {
		v, err := cache.Logps(pairs[i].key(key), func() ([]float64, error) {
			chosen, rejected, err := s.pair(worker, n, &pairs[i])
			return []float64{chosen, rejected}, err
		})
		if err != nil {
			return err
		}
		if len(v) != 2 {
			return fmt.Errorf("the cache gives %d log-probabilities instead of 2", len(v))
		}
		dst.chosen[i], dst.rejected[i] = v[0], v[1]
		return nil
	})
}

// pair computes one pair.
func (s *scorer[T]) pair(worker int, n *llama.Network[T], p *Pair) (chosen, rejected float64, err error) {
	tape, responses := s.tapes[worker], s.responses[worker]
	responses[0], responses[1] = p.Chosen, p.Rejected
	if err := tape.Forward(n, p.Prompt, responses, false); err != nil {
		return 0, 0, err
	}
	return tape.Logp(0), tape.Logp(1), nil
}

// each does work for n indices of what, until there is an error or the context ends. Of several errors it returns the first
// index's, which is the same whatever the workers: only indices behind one with an error are left out.
func (s *scorer[T]) each(ctx context.Context, what string, n int, work func(worker, i int) error) error {
	s.errs = append(s.errs[:0], make([]error, n)...)
	var failed atomic.Int64
	failed.Store(int64(n))
	s.team.each(n, nil, func(worker, i int) {
		if int64(i) > failed.Load() || ctx.Err() != nil {
			return
		}
		if s.errs[i] = work(worker, i); s.errs[i] == nil {
			return
		}
		for at := failed.Load(); int64(i) < at && !failed.CompareAndSwap(at, int64(i)); at = failed.Load() {
		}
	})
	for i, err := range s.errs {
		if err != nil {
			return fmt.Errorf("%s %d: %w", what, i, err)
		}
	}
	return ctx.Err()
}
