// Package lossvalues evaluates losses on lines of log-probabilities in TRL's names, compares others' values with its own, and
// draws a loss.
package lossvalues

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"windtunnel/experiments/kinds"
	"windtunnel/experiments/spec/decode"
	"windtunnel/toy/lines"
	"windtunnel/toy/objective"
	"windtunnel/toy/objective/trl"
)

// tolerance is the relative error up to which a value is the given one; of values below 1/100 it is taken relative
// to 1/100, which is an absolute 1e-12.
const (
	tolerance = 1e-10
	floor     = 1e-2
)

// longestLine bounds a line of values, in bytes.
const longestLine = 1 << 20

// evaluator turns lines into values. It remembers objectives: a file repeats few settings often.
type evaluator struct {
	decoder decode.Decoder
	known   map[string]*objective.Objective
}

// evaluate returns the row's loss and gradient.
func (e *evaluator) evaluate(r *trl.Row) ([3]float64, error) {
	settings := *r
	settings.In, settings.Out = nil, nil
	key, err := json.Marshal(settings)
	if err != nil {
		return [3]float64{}, err
	}
	o, ok := e.known[string(key)]
	if !ok {
		params, err := r.Params()
		if err != nil {
			return [3]float64{}, err
		}
		if err := e.check(r, params); err != nil {
			return [3]float64{}, err
		}
		o = r.Objective(params)
		e.known[string(key)] = o
	}
	return r.Evaluate(o), nil
}

// oneLoss is a document of a loss alone.
type oneLoss struct {
	Loss objective.Params `yaml:",kind"`
}

// check checks parameters by the bounds of their tags, with the decoder of configs. A mistake has the name that the line has
// for the parameter.
func (e *evaluator) check(r *trl.Row, params objective.Params) error {
	var many decode.Errors
	err := e.decoder.Decode(decode.Encode(&oneLoss{params}, e.decoder.Tables), "", &oneLoss{})
	if !errors.As(err, &many) {
		return err
	}
	first := many[0]
	names := []string{first.Key}
	for _, f := range decode.Fields(params, e.decoder.Tables) {
		if f.Key == first.Key {
			names = append(names, f.Aliases...)
		}
	}
	return fmt.Errorf("%s: %s; want %s", r.Setting(names), first.Wrong, first.Allowed)
}

// near adds the nearest known word to a word that is not known.
func near(err error) error {
	var mistake *trl.Mistake
	if !errors.As(err, &mistake) || mistake.Word == "" {
		return err
	}
	return decode.Suggest(err, mistake.Word, mistake.Known)
}

// add takes in the error of a line.
func (c *Comparison) add(worst float64, line int) {
	if worst > tolerance {
		c.Off++
	}
	if c.At == 0 || worst > c.Worst {
		c.Worst, c.At = worst, line
	}
}

// eachRow calls do with every line that is not blank, its number and its values, and returns how many there were. Reading
// stops at the first mistake, which names its line. They may come as CSV or Parquet too, and compressed.
func eachRow(in io.Reader, do func(n int, line []byte, r *trl.Row, values [3]float64) error) (rows int, err error) {
	file, err := lines.NewReader(in, "loss: standard input")
	if err != nil {
		return 0, err
	}
	file.Longest = longestLine
	e := evaluator{decode.Decoder{File: "settings", Tables: kinds.Tables()}, map[string]*objective.Objective{}}
	for {
		o, err := file.Next()
		if errors.Is(err, io.EOF) {
			return file.Count, nil
		}
		var bad *lines.Error
		if err != nil && !errors.As(err, &bad) {
			return file.Count, err
		}
		var r *trl.Row
		var values [3]float64
		if bad != nil {
			err = bad.Err
		} else if r, err = trl.Parse(o); err == nil {
			values, err = e.evaluate(r)
		}
		if err == nil {
			err = do(file.Line, o.Text(), r, values)
		}
		if err != nil {
			return file.Count, fmt.Errorf("loss: standard input: line %d: %w", file.Line, near(err))
		}
	}
}

// Fill returns every line with its out filled in: the loss and its derivatives by the log-probabilities of chosen and
// rejected. The error names the line of the first mistake.
func Fill(in io.Reader) ([]byte, error) {
	var out bytes.Buffer
	_, err := eachRow(in, func(_ int, line []byte, _ *trl.Row, values [3]float64) error {
		out.Write(append(trl.Fill(line, values), '\n'))
		return nil
	})
	return out.Bytes(), err
}

// Comparison is how the values of one loss compare with those given.
type Comparison struct {
	Loss       string
	Lines, Off int     // Off of the lines are beyond the tolerance
	Worst      float64 // relative error
	At         int     // line of the worst
}

// Check compares the out of every line and returns what it finds, by loss. The error names the line of the first mistake.
func Check(in io.Reader) ([]*Comparison, error) {
	found := map[string]*Comparison{}
	rows, err := eachRow(in, func(n int, _ []byte, r *trl.Row, values [3]float64) error {
		if r.Out == nil {
			return errors.New("out: missing; --check compares with it: the loss and its derivatives by chosen and rejected")
		}
		c := found[r.Name()]
		if c == nil {
			c = &Comparison{Loss: r.Name()}
			found[r.Name()] = c
		}
		c.Lines++
		worst := 0.0
		for i, want := range r.Out {
			worst = max(worst, relativeError(values[i], float64(want)))
		}
		c.add(worst, n)
		return nil
	})
	if err == nil && rows == 0 {
		err = errors.New("loss: standard input: there are no lines to check; a JSON object a line is needed")
	}
	if err != nil {
		return nil, err
	}
	return slices.SortedFunc(maps.Values(found), func(a, b *Comparison) int { return strings.Compare(a.Loss, b.Loss) }), nil
}

// relativeError is that of a value; one infinity or NaN is as good as another of its kind.
func relativeError(got, want float64) float64 {
	switch {
	case got == want || math.IsNaN(got) && math.IsNaN(want):
		return 0
	case math.IsNaN(got-want) || math.IsInf(got-want, 0):
		return math.Inf(1)
	}
	return math.Abs(got-want) / max(math.Abs(want), floor)
}
