package spec

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"

	"gopkg.in/yaml.v3"

	"windtunnel/experiments/spec/decode"
	"windtunnel/toy/registry"
)

// random is a block of draws: n rows, each with a value for every key.
type random struct {
	N    int                                 `yaml:"n" required:"true" range:"[1,1e6]" doc:"number of draws"`
	Seed int                                 `yaml:"seed" range:"[0,1e15]" doc:"seed of the draws, apart from those of the runs"`
	Keys decode.Raw[map[string]distribution] `yaml:"keys" doc:"what each dotted key is drawn from"`
}

// distribution is what the values of a key are drawn from: exactly one of the following.
type distribution struct {
	Uniform    []float64                  `yaml:"uniform" doc:"[low, high]: numbers, evenly likely in between"`
	LogUniform []float64                  `yaml:"log_uniform" alias:"log-uniform" doc:"[low, high] above 0: numbers whose logarithm is uniform"`
	Int        []int                      `yaml:"int" range:"[-1e15,1e15]" doc:"[low, high]: whole numbers, both ends included"`
	Choice     decode.Raw[[]*decode.Node] `yaml:"choice" doc:"a list of values, each as likely"`
}

// Check wants exactly one distribution with bounds that make sense.
func (d *distribution) Check() []registry.Problem {
	given := 0
	for _, is := range []bool{d.Uniform != nil, d.LogUniform != nil, d.Int != nil, d.Choice.Node != nil} {
		if is {
			given++
		}
	}
	const bounds = "[low, high] with low below high"
	switch {
	case given != 1:
		return []registry.Problem{{Key: "", Wrong: fmt.Sprintf("names %d distributions", given), Allowed: "one of uniform, log_uniform, int, choice"}}
	case d.Uniform != nil && (len(d.Uniform) != 2 || !(d.Uniform[0] < d.Uniform[1])):
		return []registry.Problem{{Key: "uniform", Wrong: "is no interval", Allowed: bounds}}
	case d.LogUniform != nil && (len(d.LogUniform) != 2 || !(0 < d.LogUniform[0] && d.LogUniform[0] < d.LogUniform[1])):
		return []registry.Problem{{Key: "log_uniform", Wrong: "is no interval above 0", Allowed: bounds + ", the values themselves and not exponents, as [0.001, 0.1]"}}
	case d.Int != nil && (len(d.Int) != 2 || d.Int[0] > d.Int[1]):
		return []registry.Problem{{Key: "int", Wrong: "is no interval", Allowed: "[low, high] with low at most high"}}
	case d.Choice.Node != nil && (d.Choice.Node.Kind != yaml.SequenceNode || len(d.Choice.Node.Content) == 0):
		return []registry.Problem{{Key: "choice", Wrong: decode.Got(d.Choice.Node), Allowed: "a list of at least one value"}}
	}
	return nil
}

// outcomes is the number of values that can be drawn, infinite for numbers on an interval.
func (d *distribution) outcomes() float64 {
	switch {
	case d.Int != nil:
		return float64(d.Int[1]) - float64(d.Int[0]) + 1
	case d.Choice.Node != nil:
		return float64(len(d.Choice.Node.Content))
	}
	return math.Inf(1)
}

// source returns the random numbers of a key. They depend on the seed and the key alone, so that a further key changes
// nothing about the others.
func (b *random) source(key string) *rand.Rand {
	h := sha256.New()
	h.Write(binary.LittleEndian.AppendUint64(nil, uint64(b.Seed)))
	fmt.Fprintf(h, "sweep\x00%s", key)
	return rand.New(rand.NewChaCha8([32]byte(h.Sum(nil))))
}

func between(rng *rand.Rand, low, high float64) float64 {
	u := rng.Float64()
	return min(high, max(low, low*(1-u)+high*u))
}

// draws are the values of one key so far.
type draws struct {
	distribution
	key, from *decode.Node // as they are written
	rng       *rand.Rand
	drawn     []float64 // of choice the numbers of the entries
}

func (d *draws) draw() float64 {
	switch {
	case d.Uniform != nil:
		return between(d.rng, d.Uniform[0], d.Uniform[1])
	case d.LogUniform != nil:
		low, high := d.LogUniform[0], d.LogUniform[1]
		return min(high, max(low, math.Exp(between(d.rng, math.Log(low), math.Log(high)))))
	case d.Int != nil:
		return float64(d.Int[0] + d.rng.IntN(d.Int[1]-d.Int[0]+1))
	}
	return float64(d.rng.IntN(len(d.Choice.Node.Content)))
}

func (d *draws) values() []value {
	if d.Uniform != nil || d.LogUniform != nil {
		return numbers(d.drawn, d.from)
	}
	whole := make([]int, len(d.drawn))
	for i, v := range d.drawn {
		whole[i] = int(v)
	}
	if d.Int != nil {
		return numbers(whole, d.from)
	}
	choices, picked := written(d.Choice.Node.Content), make([]value, len(whole))
	for i, choice := range whole {
		picked[i] = choices[choice]
	}
	return picked
}

func (r *sweepReader) random(at string, n *decode.Node) {
	var b random
	if err := r.Decode(n, at, &b); err != nil {
		r.fail(err)
		return
	}
	at += ".keys"
	if b.Keys.Node == nil || b.Keys.Node.Kind != yaml.MappingNode || len(b.Keys.Node.Content) == 0 {
		r.fail(r.Error(n, at, "has nothing to draw", "keys with their distributions, as lambda: {log_uniform: [1e-4, 1]}"))
		return
	}
	before := len(r.errs)
	var keys []*draws
	outcomes := 1.0
	for key, from := range b.Keys.Node.Pairs() {
		d := &draws{rng: b.source(key.Value), key: key, from: from}
		if err := r.Decode(from, at+"."+key.Value, &d.distribution); err != nil {
			r.fail(err)
			continue
		}
		outcomes *= d.outcomes()
		keys = append(keys, d)
	}
	if len(r.errs) > before {
		return
	}
	if outcomes < float64(b.N) {
		r.fail(r.Error(n, at, fmt.Sprintf("have %.0f different draws", outcomes), fmt.Sprintf("at least n = %d of them", b.N)))
		return
	}
	if r.tooManyRows(b.N) {
		return
	}
	drawDistinct(keys, b.N, math.IsInf(outcomes, 1))
	dim := dimension{rows: b.N, source: func(int) (string, *decode.Node) { return at, n }}
	for _, d := range keys {
		spelled := at + "." + d.key.Value
		dim.keys = append(dim.keys, sweptKey{values: d.values(), written: d.key, spelled: func(int) string { return spelled }})
	}
	r.dims = append(r.dims, dim)
}

// drawDistinct draws n rows. Rows of nothing but whole numbers and choices are drawn again until each is new: a run is
// not done twice.
func drawDistinct(keys []*draws, n int, continuous bool) {
	seen := map[string]bool{}
	for rows := 0; rows < n; rows++ {
		var row []byte
		for _, d := range keys {
			d.drawn = append(d.drawn, d.draw())
			row = binary.LittleEndian.AppendUint64(row, math.Float64bits(d.drawn[rows]))
		}
		if !continuous && seen[string(row)] {
			for _, d := range keys {
				d.drawn = d.drawn[:rows]
			}
			rows--
		}
		seen[string(row)] = true
	}
}
