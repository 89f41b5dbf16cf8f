package language

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"testing"

	"windtunnel/toy/fixedseed"
	"windtunnel/toy/kernel"
	"windtunnel/toy/llama"
	"windtunnel/toy/objective"
	"windtunnel/toy/train"
)

// trace is 30 steps of DPO that PyTorch took, with weights of both precisions.
type trace struct {
	Float64, Float32 []traceStep
	FirstStep        struct {
		ChosenLogps   []float64 `json:"chosen_logps"`
		RejectedLogps []float64 `json:"rejected_logps"`
	} `json:"first_step"`
	After struct {
		Float64, Float32 struct {
			Change float64 `json:"parameter_change_l2"`
		}
	}
}

type traceStep struct {
	Loss     float64
	Chosen   float64 `json:"chosen_logp"`
	Rejected float64 `json:"rejected_logp"`
	Norm     float64 `json:"grad_norm"`
}

func readTrace(t testing.TB) trace {
	t.Helper()
	var tr trace
	readJSON(t, "testdata/dpo_trace.json", &tr)
	return tr
}

func readJSON(t testing.TB, path string, v any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatal(err)
	}
}

// firstPairs are the first 16 pairs of the trace, in tokens.
func firstPairs(t testing.TB) []Pair {
	t.Helper()
	text, err := os.ReadFile("testdata/pairs.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var pairs []Pair
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		var p Pair
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		pairs = append(pairs, p)
	}
	return pairs
}

// stories is the pretrained model.
func stories[T kernel.Float](t testing.TB) *llama.Network[T] {
	t.Helper()
	file, err := os.Open("../../configs/data/stories260K.bin")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	m, err := llama.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	return network(t, llama.Convert[T](m))
}

func network[T kernel.Float](t testing.TB, m *llama.Model[T]) *llama.Network[T] {
	t.Helper()
	n, err := llama.NewNetwork(m, nil)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// published are the settings of the trace.
func published() train.Params {
	return train.Params{Optimizer: &train.Adam{LR: 1e-4, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}, Schedule: &train.Constant{},
		BatchSize: 8, Epochs: 1, ClipNorm: 1, RecordEvery: 1}
}

// TestTraceOfDPO: two steps beside PyTorch; without -tags soak the second, after an update, is in float32 alone.
func TestTraceOfDPO(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped by -short: takes long under the race detector, to which TestSameReports shows as much")
	}
	tr, pairs, wide := readTrace(t), firstPairs(t), 2
	dpo := &objective.DPO{Lambda: 0.1}
	if !fixedseed.Soak {
		wide = 1
	}
	t.Run("float64", func(t *testing.T) {
		followTrace[float64](t, dpo, pairs[:wide*published().BatchSize], tr.Float64[:wide], 1e-9)
	})
	t.Run("float32", func(t *testing.T) { followTrace[float32](t, dpo, pairs, tr.Float32[:2], 1e-4) })
}

// TestTraceOfOthers: IPO, and TYPO with the two responses as samples of the reference, beside PyTorch.
// Without -tags soak it is one step in float32: the second, and float64, are another's of the same optimizer, TestTraceOfDPO.
func TestTraceOfOthers(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped by -short: takes long under the race detector, to which TestSameReports shows as much")
	}
	pairs, steps := firstPairs(t), 2
	if !fixedseed.Soak {
		pairs, steps = pairs[:published().BatchSize], 1
	}
	traceOthers(t, pairs, steps)
}

func traceOthers(t *testing.T, pairs []Pair, steps int) {
	var want map[string]json.RawMessage
	readJSON(t, "testdata/ipo_typo_trace.json", &want)
	for name, params := range map[string]objective.Params{
		"ipo":  &objective.IPO{Lambda: 0.1, Length: "summed"},
		"typo": &objective.Custom{Lambda: 0.1, Pair: "softplus(-(c - r)) - lambda*(c + r)/2"},
	} {
		var wide, narrow []traceStep
		if err := errors.Join(json.Unmarshal(want[name+"_float64"], &wide), json.Unmarshal(want[name+"_float32"], &narrow)); err != nil {
			t.Fatal(err)
		}
		if fixedseed.Soak {
			t.Run(name+"/float64", func(t *testing.T) { followTrace[float64](t, params, pairs, wide[:steps], 1e-9) })
		}
		t.Run(name+"/float32", func(t *testing.T) { followTrace[float32](t, params, pairs, narrow[:steps], 1e-4) })
	}
}

// followTrace trains and compares every step. It returns the norm of the change of all parameters.
func followTrace[T kernel.Float](t *testing.T, params objective.Params, pairs []Pair, want []traceStep, tolerance float64) float64 {
	l := &pairLoop[T]{Params: published(), comparisons: comparisons[T]{Network: stories[T](t), Objective: params.Objective(), Pairs: pairs}}
	start := l.Network.Model().Clone().Params()
	_, err := l.Run(context.Background(), func(r Record) error {
		if r.Step == 0 {
			return nil
		}
		w := want[r.Step-1]
		for _, c := range []struct {
			name      string
			got, want float64
		}{{"loss", r.Loss, w.Loss}, {"chosen", r.ChosenLogp, w.Chosen}, {"rejected", r.RejectedLogp, w.Rejected}, {"norm", r.GradNorm, w.Norm}} {
			if !(math.Abs(c.got-c.want) <= tolerance*math.Abs(c.want)) {
				t.Errorf("step %d: %s is %v, the trace has %v", r.Step, c.name, c.got, c.want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	change := 0.0
	for i, v := range l.Network.Trainable() {
		change += float64(v-start[i]) * float64(v-start[i])
	}
	return math.Sqrt(change)
}
