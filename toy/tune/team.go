package tune

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// team shares work out to goroutines. What is done with an index must not depend on the worker that does it, nor on the
// others' indices: then results are the same whatever the number of workers. It allocates nothing after its creation.
type team struct {
	members []func() // one a worker, made once, since starting a goroutine on a new closure would allocate it
	work    func(worker, index int)
	order   []int // nil: 0, 1, ...
	n       int
	next    atomic.Int64
	done    sync.WaitGroup
}

// newTeam returns a team of so many workers; 0 is one a processor.
func newTeam(workers int) *team {
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	t := &team{}
	for w := range workers {
		t.members = append(t.members, func() {
			defer t.done.Done()
			t.take(w)
		})
	}
	return t
}

// size is the number of workers.
func (t *team) size() int { return len(t.members) }

// each calls work for every index below n and returns when all are done. Indices are begun in the given order, nil being
// their own.
func (t *team) each(n int, order []int, work func(worker, index int)) {
	t.n, t.order, t.work = n, order, work
	t.next.Store(0)
	hands := min(n, len(t.members))
	if hands > 1 {
		t.done.Add(hands - 1)
		for _, member := range t.members[1:hands] {
			go member()
		}
	}
	t.take(0)
	t.done.Wait()
	t.work = nil
}

// take works on indices until none are left.
func (t *team) take(worker int) {
	for {
		i := int(t.next.Add(1)) - 1
		if i >= t.n {
			return
		}
		if t.order != nil {
			i = t.order[i]
		}
		t.work(worker, i)
	}
}
