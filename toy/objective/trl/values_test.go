package trl

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"math"
	"os"
	"testing"

	"gonum.org/v1/gonum/floats/scalar"

	"windtunnel/toy/objective"
)

// referenceLines returns the 10500 lines of losses.jsonl.gz: TRL's losses and gradients worked out to 60 digits.
func referenceLines(t testing.TB) [][]byte {
	t.Helper()
	file, err := os.Open("../testdata/losses.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	text, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var lines [][]byte
	for in := bufio.NewScanner(text); in.Scan(); {
		lines = append(lines, bytes.Clone(in.Bytes()))
	}
	if len(lines) != 10500 {
		t.Fatalf("%d lines, want 10500", len(lines))
	}
	return lines
}

// same says whether a value is the reference's, to a relative 1e-10, near zero 1e-12.
func same(got, want float64) bool {
	return scalar.EqualWithinAbsOrRel(got, want, 1e-12, 1e-10) || math.IsNaN(got) && math.IsNaN(want)
}

// cancelling says that a value is a difference of nearly equal numbers, which float64 cannot give to a relative 1e-10,
// only to an absolute 1e-12: a derivative of apo_down by the chosen response, which two sigmoids pull in opposite
// directions, and ipo within 1e-15 of its minimum.
func cancelling(name string, i int, want float64) bool {
	return name == "dpo/apo_down" && i == 1 && math.Abs(want) < 2e-8 || name == "dpo/ipo" && math.Abs(want) < 1e-15
}

// TestReferenceValues: no value is exempt, and 17 of the 31500 numbers need the absolute tolerance.
func TestReferenceValues(t *testing.T) {
	count, worst, small := map[string]int{}, map[string]float64{}, 0
	for _, line := range referenceLines(t) {
		r, err := parse(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		params, err := r.Params()
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		got := r.Evaluate(r.Objective(params))
		for i, number := range r.Out {
			want := float64(number)
			if !same(got[i], want) {
				t.Errorf("%s: %d: got %v", line, i, got[i])
			}
			if !scalar.EqualWithinRel(got[i], want, 1e-10) {
				if small++; !cancelling(r.Name(), i, want) {
					t.Errorf("%s: %d: got %v, relatively off", line, i, got[i])
				}
			}
			worst[r.Name()] = max(worst[r.Name()], math.Abs(got[i]-want)/max(math.Abs(want), 1e-2))
		}
		count[r.Name()]++
	}
	if small > 17 {
		t.Errorf("%d numbers are off relatively, want 17", small)
	}
	for _, name := range Names() {
		t.Logf("%-24s %5d values, largest error %.2g", name, count[name], worst[name])
		if count[name] == 0 {
			t.Errorf("no value of %s", name)
		}
	}
}

// TestBatchValues compares the losses that look at a whole batch: 16 comparisons each.
func TestBatchValues(t *testing.T) {
	data, err := os.ReadFile("../testdata/losses_batch.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		LossType string `json:"loss_type"`
		Beta, LS float64
		Extra    struct{ KL, Delta *float64 }
		Inputs   [][4]float64
		Loss     float64
		GC, GR   []float64
	}
	if err := json.Unmarshal(data, &cases); err != nil || len(cases) != 14 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, c := range cases {
		params := map[string][]objective.Params{
			"sigmoid":      {&objective.DPO{Lambda: c.Beta}},
			"aot":          {&objective.AOT{Lambda: c.Beta, LabelSmoothing: c.LS}},
			"aot_unpaired": {&objective.AOTUnpaired{Lambda: c.Beta, LabelSmoothing: c.LS}},
			"kto":          {&objective.KTO{Lambda: c.Beta, KL: c.Extra.KL, Desirable: 1, Undesirable: 1}},
			// delta is the mean reward of this very batch: the running mean's first value.
			"bco": {&objective.BCO{Lambda: c.Beta, Delta: c.Extra.Delta}, &objective.BCO{Lambda: c.Beta}},
		}[c.LossType]
		if len(params) == 0 {
			t.Fatalf("no loss %s", c.LossType)
		}
		b, g := &objective.Batch{}, &objective.Grad{Chosen: make([]float64, len(c.Inputs)), Rejected: make([]float64, len(c.Inputs))}
		for _, in := range c.Inputs {
			b.Chosen, b.Rejected = append(b.Chosen, in[0]), append(b.Rejected, in[1])
			b.RefChosen, b.RefRejected = append(b.RefChosen, in[2]), append(b.RefRejected, in[3])
			b.Weight = append(b.Weight, 1/float64(len(c.Inputs)))
		}
		for _, p := range params {
			clear(g.Chosen)
			clear(g.Rejected)
			o := p.Objective()
			if got := o.Loss(b); !same(got, c.Loss) {
				t.Errorf("%s %v: loss %v, want %v", c.LossType, c.Beta, got, c.Loss)
			}
			o.Grad(b, g)
			for i := range c.Inputs {
				if !same(g.Chosen[i], c.GC[i]) || !same(g.Rejected[i], c.GR[i]) {
					t.Errorf("%s %v: gradient %d is %v, %v, want %v, %v", c.LossType, c.Beta, i, g.Chosen[i], g.Rejected[i], c.GC[i], c.GR[i])
				}
			}
		}
	}
}
