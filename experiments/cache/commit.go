package cache

import (
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"windtunnel/experiments/cache/process"
)

// newName names a new segment: names sort by the time at which they were made.
func newName(now time.Time, author process.Identity) string {
	return fmt.Sprintf("%s-%s-%d-%s%s", now.UTC().Format("20060102T150405.000000000"), plain(author.Host),
		author.PID, rand.Text()[:8], segmentSuffix)
}

// run writes what is queued until it is told to stop.
func (w *writer) run() {
	defer close(w.stopped)
	ticker := time.NewTicker(process.Beat)
	defer ticker.Stop()
	for {
		select {
		case <-w.wake:
			w.gather()
			w.commit()
		case <-ticker.C:
			w.beat()
		case <-w.stop:
			w.commit()
			w.finish()
			return
		}
	}
}

// gatherFor is how long a group fills before it is committed, if nobody waits for it. A sync costs a processor tenths of a
// millisecond; short runs would have it do little else.
const gatherFor = 10 * time.Millisecond

// gather lets the group fill until somebody waits for it.
func (w *writer) gather() {
	timer := time.NewTimer(gatherFor)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.hurry:
	case <-w.stop:
	}
}

// commit makes the group that fills durable, if there is one, and tells those who wait.
func (w *writer) commit() {
	s := w.store
	s.mu.Lock()
	if s.err != nil {
		w.fail(s.err)
	}
	if len(w.groups) == 0 || w.failed {
		s.mu.Unlock()
		return
	}
	p := w.groups[0]
	w.writing = true
	s.mu.Unlock()

	err := w.append(p)
	if err == nil && w.side != nil {
		w.side.add(p.buf[max(0, headerSize-p.start):])
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.room.Broadcast()
	w.writing = false
	if err != nil {
		w.fail(fmt.Errorf("write the cache: %w", err))
		return
	}
	w.groups = append(w.groups[:0], w.groups[1:]...)
	if w.spare == nil && cap(p.buf) <= queueLimit {
		w.spare = p.buf[:0]
	}
	p.buf = nil
	close(p.done)
}

// fail ends all writing of the store; mu is held. After a failed sync nobody knows what is on the disk, so nothing is
// tried again. What was queued stays in memory, where Get finds it.
func (w *writer) fail(err error) {
	if w.failed {
		return
	}
	w.failed = true
	w.store.err = err
	for _, p := range w.groups {
		p.err = err
		close(p.done)
	}
}

// append writes a group to the segment, which the first group creates, and syncs it.
func (w *writer) append(p *Pending) error {
	s, path := w.store, w.segment.path
	if w.file == nil {
		if err := s.fs.MakeDir(s.dir); err != nil {
			return err
		}
		file, err := s.fs.Create(path)
		if err != nil {
			return err
		}
		w.file, w.side, w.beaten = file, &sidecar{fs: s.fs, path: s.path(sidecarName(w.segment.name))}, wallClock()
	}
	if _, err := w.file.WriteAt(p.buf, p.start); err != nil {
		return err
	}
	if err := w.file.Sync(); err != nil {
		return err
	}
	if p.start == 0 {
		return s.fs.SyncDir(s.dir)
	}
	return w.mine(path)
}

// mine returns an error if the segment is gone though this process writes it. That happens if the process was suspended
// for so long that another host took it for dead and pruned the segment: what was written since is nowhere.
func (w *writer) mine(path string) error {
	now := wallClock()
	if now.Sub(w.beaten) >= process.Silence/2 {
		f, err := w.store.fs.Open(path)
		if err != nil {
			return err
		}
		f.Close()
	}
	w.beaten = now
	return nil
}

// wallClock is the time without Go's monotonic reading, which stands still while the machine is suspended.
func wallClock() time.Time { return time.Now().Round(0) }

// beat shows other hosts that the writer is there while it has nothing to write, by writing the magic over itself: that
// sets the modification time by the clock of the file server. If it cannot, the next commit says why.
func (w *writer) beat() {
	if w.file == nil || wallClock().Sub(w.beaten) < process.Beat {
		return
	}
	_, err := w.file.WriteAt([]byte(segmentMagic), 0)
	if errors.Join(err, w.file.Sync()) != nil {
		return
	}
	if err := w.mine(w.segment.path); err != nil {
		s := w.store
		s.mu.Lock()
		defer s.mu.Unlock()
		w.fail(fmt.Errorf("write the cache: %w", err))
		s.room.Broadcast()
	}
}

// finish seals the segment and closes it. A seal that does not reach the disk is no harm: it tells at once what a look
// at the writer would.
func (w *writer) finish() {
	if w.file == nil {
		return
	}
	s := w.store
	var err error
	if !w.failed {
		seal := appendRecord(nil, record{seal: true, written: s.clock().UnixNano()}, w.segment.salt, w.end)
		_, err = w.file.WriteAt(seal, w.end)
		w.side.flush()
	}
	w.side.close()
	err = errors.Join(err, w.file.Close())
	s.mu.Lock()
	defer s.mu.Unlock()
	if !w.failed {
		w.segment.writer = nil
		w.segment.sealed = err == nil
	}
}
