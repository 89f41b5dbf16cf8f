package engine

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"windtunnel/experiments/cache"
	"windtunnel/experiments/spec"
)

// entry is a finished run as the cache keeps it. The rows lack the cells that depend on the plan (the run's name and
// what it sweeps), so that another plan with the same run can use them.
type entry struct {
	name   string // of the run in the plan that did it, for listings
	status string
	reason string
	limit  time.Duration // the limit that ended the run, or 0
	stack  string        // of a panic
	bodies [][]byte      // by table, in the order of tableNames: rows in CSV
}

// failed says whether the run broke, so that it may be worth another try.
func (e *entry) failed() bool { return e.status == Failed }

// append encodes the entry.
func (e *entry) append(to []byte) []byte {
	for _, text := range []string{e.name, e.status, e.reason, e.stack} {
		to = append(binary.AppendUvarint(to, uint64(len(text))), text...)
	}
	to = binary.AppendUvarint(to, uint64(e.limit))
	for _, body := range e.bodies {
		to = append(binary.AppendUvarint(to, uint64(len(body))), body...)
	}
	return to
}

// widen makes room for the column of online preferences in the rows of a run without them.
func (e *entry) widen() {
	for i, body := range e.bodies {
		if padded[i] {
			e.bodies[i] = widen(make([]byte, 0, len(body)+len(body)/64), body)
		}
	}
}

// errEntry is the error of an entry that some other program wrote.
var errEntry = errors.New("not an entry of this version")

// decodeEntry reads what append wrote. The bodies share the memory of data.
func decodeEntry(data []byte) (*entry, error) {
	in, e := decoder{rest: data}, &entry{}
	for _, text := range []*string{&e.name, &e.status, &e.reason, &e.stack} {
		*text = string(in.bytes())
	}
	e.limit = time.Duration(in.number())
	e.bodies = make([][]byte, tableCount)
	for i := range e.bodies {
		e.bodies[i] = in.bytes()
	}
	if in.broken || len(in.rest) > 0 {
		return nil, errEntry
	}
	return e, nil
}

// decoder reads numbers and byte strings until something is wrong.
type decoder struct {
	rest   []byte
	broken bool
}

func (d *decoder) number() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.broken, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) bytes() []byte {
	n := d.number()
	if n > uint64(len(d.rest)) {
		d.broken, d.rest = true, nil
		return nil
	}
	b := d.rest[:n:n]
	d.rest = d.rest[n:]
	return b
}

// keys are the names of a run's result in the cache. A failure has a name of its own, so that a result always comes
// first and looking for one reads no entry.
type keys struct{ result, failure cache.Key }

// keysOf returns the keys of a run under a version of the numerics.
func keysOf(run *spec.Run, numerics string) keys {
	var space [256]byte
	content := run.Content()
	result := sha256.Sum256(append(append(space[:0], numerics...), content[:]...))
	return keys{result, sha256.Sum256(append(append(space[:0], "failed "...), result[:]...))}
}

// of returns the key under which an entry is kept.
func (k keys) of(e *entry) cache.Key {
	if e.failed() {
		return k.failure
	}
	return k.result
}

// Describe returns the name and the status of a run by its entry in the cache, empty if the entry is of another version.
func Describe(data []byte) (name, status string) {
	e, err := decodeEntry(data)
	if err != nil {
		return "", ""
	}
	return e.name, e.status
}

// Reach adds the names that the runs of a plan have in the cache to a set.
func Reach(plan *spec.Plan, keys map[cache.Key]bool) {
	for _, run := range plan.All() {
		k := keysOf(run, Numerics())
		keys[k.result], keys[k.failure] = true, true
	}
}
