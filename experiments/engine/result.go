package engine

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"
	"time"

	"windtunnel/experiments/cache"
	"windtunnel/experiments/spec"
	"windtunnel/metrics/tables"
)

// result is a finished run. Its rows lack the cells that depend on the plan (the run's name and what it sweeps), so that another
// plan with the same run can use them.
type result struct {
	name   string // of the run in the plan that did it, for listings
	status string
	reason string
	limit  time.Duration // the limit that ended the run, or 0
	stack  string        // of a panic
	rows   []tables.Rows // by table, in the order of tables.OfRuns, with the columns of resultSchemas
	model  bool          // the run is of a language model
}

// familyOf is the index in resultSchemas of bandits, 0, or of language models, 1.
func familyOf(languageModel bool) int {
	if languageModel {
		return 1
	}
	return 0
}

// resultSchemas are the columns that a run gives to each table of tables.OfRuns, see familyOf.
var resultSchemas = func() (all [2][]tables.Schema) {
	for i, languageModel := range []bool{false, true} {
		for _, table := range tables.OfRuns {
			all[i] = append(all[i], spec.ResultColumns(table, languageModel))
		}
	}
	return all
}()

// tableIndex is the position of a table in tables.OfRuns.
var tableIndex = func() map[string]int {
	at := map[string]int{}
	for i, table := range tables.OfRuns {
		at[table] = i
	}
	return at
}()

// failed says whether the run broke, so that it may be worth another try.
func (r *result) failed() bool { return r.status == tables.Failed }

// append encodes the result. Numbers take eight bytes.
func (r *result) append(to []byte) []byte {
	for _, text := range []string{r.name, r.status, r.reason, r.stack} {
		to = append(binary.AppendUvarint(to, uint64(len(text))), text...)
	}
	to = binary.AppendUvarint(to, uint64(r.limit))
	to = append(to, byte(familyOf(r.model)))
	for i := range r.rows {
		rows := &r.rows[i]
		to = binary.AppendUvarint(to, uint64(rows.Len()))
		for at, v := range rows.Values {
			switch rows.Schema[at%len(rows.Schema)].Type {
			case tables.Number:
				to = binary.LittleEndian.AppendUint64(to, math.Float64bits(v.Number))
			case tables.Integer:
				to = binary.AppendVarint(to, v.Whole)
			default:
				to = append(binary.AppendUvarint(to, uint64(len(v.Text))), v.Text...)
			}
		}
	}
	return to
}

// errResult is the error of a result that some other program wrote.
var errResult = errors.New("not a result of this version")

// decodeResult reads what append wrote.
func decodeResult(data []byte) (*result, error) {
	in, r := decoder{rest: data}, &result{}
	for _, text := range []*string{&r.name, &r.status, &r.reason, &r.stack} {
		*text = string(in.next(in.number()))
	}
	r.limit = time.Duration(in.number())
	family := in.next(1)
	if in.broken || family[0] > 1 {
		return nil, errResult
	}
	r.model = family[0] == 1
	for _, schema := range resultSchemas[family[0]] {
		rows := tables.Rows{Schema: schema}
		count := in.number()
		if count > uint64(len(in.rest)) { // a row takes a byte at least
			return nil, errResult
		}
		rows.Values = make([]tables.Value, 0, int(count)*len(schema))
		for range count {
			for i := range schema {
				switch schema[i].Type {
				case tables.Number:
					rows.Number(in.float())
				case tables.Integer:
					rows.Integer(in.whole())
				default:
					rows.Text(string(in.next(in.number())))
				}
			}
		}
		r.rows = append(r.rows, rows)
	}
	if in.broken || len(in.rest) > 0 {
		return nil, errResult
	}
	return r, nil
}

// decoder reads numbers and byte strings until something is wrong.
type decoder struct {
	rest   []byte
	broken bool
}

func (d *decoder) number() uint64 {
	v, n := binary.Uvarint(d.rest)
	d.next(uint64(max(n, 0)))
	d.broken = d.broken || n <= 0
	return v
}

func (d *decoder) whole() int {
	v, n := binary.Varint(d.rest)
	d.next(uint64(max(n, 0)))
	d.broken = d.broken || n <= 0
	return int(v)
}

func (d *decoder) float() float64 {
	b := d.next(8)
	if d.broken {
		return 0
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(b))
}

// next returns the next n bytes.
func (d *decoder) next(n uint64) []byte {
	if n > uint64(len(d.rest)) {
		d.broken, d.rest = true, nil
		return nil
	}
	b := d.rest[:n:n]
	d.rest = d.rest[n:]
	return b
}

// keys are the names of a run's result in the cache. A failure has a name of its own, so that a result always comes
// first and looking for one reads nothing.
type keys struct{ result, failure cache.Key }

// keysOf returns the keys of a run under a version of the numerics.
func keysOf(run *spec.Run, numerics string) keys {
	var space [256]byte
	result := sha256.Sum256(append(append(space[:0], numerics...), run.Content[:]...))
	return keys{result, sha256.Sum256(append(append(space[:0], "failed "...), result[:]...))}
}

// of returns the key under which a result is stored.
func (k keys) of(r *result) cache.Key {
	if r.failed() {
		return k.failure
	}
	return k.result
}

// Describe returns the name and the status of a run by its result in the cache, empty if the result is of another version.
func Describe(data []byte) (name, status string) {
	r, err := decodeResult(data)
	if err != nil {
		return "", ""
	}
	return r.name, r.status
}

// AddKeys adds the names that the runs of a plan have in the cache to a set.
func AddKeys(plan *spec.Plan, keys map[cache.Key]bool) {
	for _, run := range plan.Runs {
		k := keysOf(run, Numerics())
		keys[k.result], keys[k.failure] = true, true
	}
}
