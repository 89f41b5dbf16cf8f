package train

import (
	"bufio"
	"context"
	"encoding/json"
	"math"
	"os"
	"testing"

	"windtunnel/toy/bandit"
	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
)

// published is one of the runs that the paper's public code makes, recomputed in PyTorch.
type published struct {
	Objective   string
	Lambda      float64
	Epochs      int
	LR          float64
	BatchSize   int `json:"batch_size"`
	Steps       int
	TraceSteps  []int           `json:"trace_steps"`
	TracePolicy [][]float64     `json:"trace_policy"`
	TraceLoss   []float64       `json:"trace_loss"`
	Final       json.RawMessage `json:"final_policy"`
}

// params returns the run's objective as published: with the KL averaged over responses.
func (r *published) params(t testing.TB) objective.Params {
	switch r.Objective {
	case "dpo":
		return &objective.DPO{Lambda: r.Lambda}
	case "ipo":
		return &objective.IPO{Lambda: r.Lambda}
	case "f-dpo":
		return &objective.FDPO{Lambda: r.Lambda, Divergence: "js"}
	case "typo":
		return &objective.TYPO{Lambda: r.Lambda, KLReduction: "mean"}
	}
	t.Fatalf("unknown objective %q", r.Objective)
	return nil
}

// loop returns the training that the run describes.
func (r *published) loop(t testing.TB, env *bandit.Env, pol policy.Policy, pairs *preference.Pairs) *Loop {
	return r.loopOf(r.params(t), env, pol, pairs)
}

// loopOf is loop for any objective.
func (r *published) loopOf(params objective.Params, env *bandit.Env, pol policy.Policy, pairs *preference.Pairs) *Loop {
	return &Loop{
		Problem: NewProblem(env, pol, params.Objective(), 0), Data: pairs,
		Params: Params{
			Optimizer: &Adam{LR: r.LR, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}, Schedule: &Constant{},
			BatchSize: r.BatchSize, Epochs: r.Epochs, ClipNorm: 10, RecordEvery: 50,
		},
	}
}

func readJSON(t testing.TB, path string, v any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func readPairs(t testing.TB, path string) *preference.Pairs {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	pairs := &preference.Pairs{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var line struct{ Prompt, Chosen, Rejected int }
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		pairs.Prompt = append(pairs.Prompt, line.Prompt)
		pairs.Chosen = append(pairs.Chosen, line.Chosen)
		pairs.Rejected = append(pairs.Rejected, line.Rejected)
	}
	return pairs
}

// environment returns the bandit of reference files: probabilities and starting logits by prompt.
func environment(star, ref, init [][]float64) *bandit.Env {
	env := &bandit.Env{}
	for p := range star {
		features := make([]float64, len(star))
		features[p] = 1
		env.Prompts = append(env.Prompts, bandit.Prompt{
			LogStar: logs(star[p]), LogRef: logs(ref[p]), Init: init[p], Features: features})
	}
	return env
}

func logs(p []float64) []float64 {
	out := make([]float64, len(p))
	for i, v := range p {
		out[i] = math.Log(v)
	}
	return out
}

// probabilities returns the policy at a prompt.
func probabilities(pol policy.Policy, prompt int) []float64 {
	logits := make([]float64, pol.Responses())
	pol.Logits(prompt, logits)
	pi := make([]float64, len(logits))
	logspace.Softmax(logits, pi, logits)
	return pi
}

// farthest returns the largest difference of two policies in any probability.
func farthest(a, b []float64) float64 {
	far := 0.0
	for i := range a {
		far = max(far, math.Abs(a[i]-b[i]))
	}
	return far
}

type interpolationFile struct {
	PiStar []float64 `json:"pi_star"`
	PiRef  []float64 `json:"pi_ref"`
	Init   []float64 `json:"logits_init"`
	Runs   []published
}

func (f *interpolationFile) env() *bandit.Env {
	return environment([][]float64{f.PiStar}, [][]float64{f.PiRef}, [][]float64{f.Init})
}

func TestPublishedInterpolation(t *testing.T) {
	var file interpolationFile
	readJSON(t, "testdata/interpolation.json", &file)
	pairs := readPairs(t, "testdata/interpolation_pairs.jsonl")
	for i := range file.Runs {
		r := &file.Runs[i]
		t.Run(r.Objective, func(t *testing.T) { checkTrace(t, &file, r, pairs) })
	}
}

// checkTrace compares policies and minibatch losses with the published run's, every 50 steps and at the end.
func checkTrace(t *testing.T, file *interpolationFile, r *published, pairs *preference.Pairs) {
	env := file.env()
	pol, _ := (&policy.TabularParams{}).Build(env, nil)
	worstPolicy, worstLoss, at := 0.0, 0.0, 0
	out, err := r.loop(t, env, pol, pairs).Run(context.Background(), func(rec Record) {
		if rec.Step == 0 || at == len(r.TraceSteps) || rec.Step != r.TraceSteps[at] {
			return
		}
		worstPolicy = max(worstPolicy, farthest(probabilities(pol, 0), r.TracePolicy[at]))
		worstLoss = max(worstLoss, math.Abs(rec.Loss/r.TraceLoss[at]-1))
		at++
	})
	if err != nil || out.Status != Done || out.Steps != r.Steps {
		t.Fatalf("outcome %+v, error %v; want %d steps", out, err, r.Steps)
	}
	if at != len(r.TraceSteps) {
		t.Fatalf("%d records compared, want %d", at, len(r.TraceSteps))
	}
	var final []float64
	if err := json.Unmarshal(r.Final, &final); err != nil {
		t.Fatal(err)
	}
	end := farthest(probabilities(pol, 0), final)
	t.Logf("lambda %g: final policy off by %.2g, trace by %.2g, loss by %.2g relative", r.Lambda, end, worstPolicy, worstLoss)
	if end > 1e-10 || worstPolicy > 1e-9 || worstLoss > 1e-9 {
		t.Errorf("lambda %g: final policy off by %.2g (at most 1e-10), trace by %.2g and loss by %.2g (1e-9)",
			r.Lambda, end, worstPolicy, worstLoss)
	}
}

func TestPublishedPreservation(t *testing.T) {
	var file struct {
		PiStar [][]float64 `json:"pi_star"`
		PiRef  [][]float64 `json:"pi_ref"`
		Init   [][]float64 `json:"logits_init"`
		Runs   []published
	}
	readJSON(t, "testdata/preservation.json", &file)
	pairs := readPairs(t, "testdata/preservation_pairs.jsonl")
	env := environment(file.PiStar, file.PiRef, file.Init)
	for i := range file.Runs {
		r := &file.Runs[i]
		pol, err := (&policy.LinearParams{}).Build(env, nil)
		if err != nil {
			t.Fatal(err)
		}
		loop := r.loop(t, env, pol, pairs)
		loop.Params.RecordEvery = 0
		out, err := loop.Run(context.Background(), func(Record) {})
		if err != nil || out.Steps != r.Steps {
			t.Fatalf("%s: outcome %+v, error %v", r.Objective, out, err)
		}
		var final [][]float64
		if err := json.Unmarshal(r.Final, &final); err != nil {
			t.Fatal(err)
		}
		for p := range final {
			if far := farthest(probabilities(pol, p), final[p]); far > 1e-10 {
				t.Errorf("%s lambda %g prompt %d: final policy off by %.2g, at most 1e-10", r.Objective, r.Lambda, p, far)
			} else {
				t.Logf("%s lambda %g prompt %d: off by %.2g", r.Objective, r.Lambda, p, far)
			}
		}
	}
}
