// Package trl reads and writes losses in the terms of Hugging Face's TRL: a trainer, a loss_type, settings and the
// log-probabilities of one comparison, a JSON object a line. It is how the losses here are checked against values
// computed elsewhere, and how other implementations can be checked against the losses here.
package trl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"

	"windtunnel/toy/objective"
)

// Row is one line: a loss with its settings and a comparison.
type Row struct {
	Trainer  string
	LossType string
	Beta     *float64       // nil where not given
	In       []Number       // log-probabilities: chosen, rejected, reference's chosen, reference's rejected
	Out      []Number       // loss and its derivatives by the first two; nil where not given
	Settings map[string]any // the others that are given, by dotted key: extra.len, the token counts of chosen and rejected, is []float64
}

// firstUpdate is BCO's delta where it is the mean reward of the comparison itself.
const firstUpdate = "first_update"

// Number is a float64 whose infinities and NaN are written as the texts "Inf", "-Inf" and "NaN".
type Number float64

// UnmarshalJSON reads a number or one of the three texts.
func (n *Number) UnmarshalJSON(text []byte) error {
	switch string(text) {
	case `"NaN"`:
		*n = Number(math.NaN())
	case `"Inf"`:
		*n = Number(math.Inf(1))
	case `"-Inf"`:
		*n = Number(math.Inf(-1))
	default:
		var v *float64
		if json.Unmarshal(text, &v) != nil || v == nil {
			return fmt.Errorf("%s is not a number", short(text))
		}
		*n = Number(*v)
	}
	return nil
}

// MarshalJSON writes what UnmarshalJSON reads.
func (n Number) MarshalJSON() ([]byte, error) {
	switch v := float64(n); {
	case math.IsNaN(v):
		return []byte(`"NaN"`), nil
	case math.IsInf(v, 1):
		return []byte(`"Inf"`), nil
	case math.IsInf(v, -1):
		return []byte(`"-Inf"`), nil
	default:
		return json.Marshal(v)
	}
}

// Evaluate returns the loss of the row's comparison and its derivatives by the two log-probabilities of the policy.
func (r *Row) Evaluate(o *objective.Objective) [3]float64 {
	b := &objective.Batch{Chosen: r.input(0), Rejected: r.input(1), RefChosen: r.input(2), RefRejected: r.input(3), Weight: []float64{1}}
	if tokens, given := r.Settings["extra.len"].([]float64); given {
		b.ChosenTokens, b.RejectedTokens = tokens[:1], tokens[1:]
	}
	g := &objective.Grad{Chosen: make([]float64, 1), Rejected: make([]float64, 1)}
	o.Grad(b, g)
	return [3]float64{o.Loss(b), g.Chosen[0], g.Rejected[0]}
}

func (r *Row) input(i int) []float64 { return []float64{float64(r.In[i])} }

// Fill returns the line with its out replaced, or appended after the last key where there is none; all else stays as it
// was, byte for byte. The line must be one that Parse accepts.
func Fill(line []byte, values [3]float64) []byte {
	text, _ := json.Marshal([3]Number{Number(values[0]), Number(values[1]), Number(values[2])})
	text = bytes.ReplaceAll(text, []byte(","), []byte(", "))
	in := json.NewDecoder(bytes.NewReader(line))
	in.Token() // the brace
	for in.More() {
		var value json.RawMessage
		key, _ := in.Token()
		if in.Decode(&value) != nil {
			break
		}
		if key == "out" {
			end := in.InputOffset()
			return bytes.Join([][]byte{line[:end-int64(len(value))], text, line[end:]}, nil)
		}
	}
	end := bytes.LastIndexByte(line, '}')
	return bytes.Join([][]byte{line[:end], []byte(`, "out": `), text, line[end:]}, nil)
}
