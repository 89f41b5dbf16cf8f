package language

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"windtunnel/toy/fixedseed"
	"windtunnel/toy/gold"
	"windtunnel/toy/llama"
	"windtunnel/toy/objective"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
)

// shipped reads files as a config beside configs/data would, but for prompts all words after the eighth, to save time.
func shipped(t testing.TB) func(string) ([]byte, string) {
	return func(path string) ([]byte, string) {
		t.Helper()
		content, err := os.ReadFile(filepath.Join("../../configs/data", path))
		if err != nil {
			t.Fatal(err)
		}
		return afterEight.ReplaceAll(content, []byte(`$1"}`)), path
	}
}

var afterEight = regexp.MustCompile(`(?m)("prompt":"(?:\S+ ){7}\S+).*$`)

// seeded returns sources that depend on the seed and their use alone.
func seeded(seed int) func(string, any) *rand.Rand {
	return func(use string, _ any) *rand.Rand {
		return rand.New(rand.NewChaCha8(sha256.Sum256(fmt.Append(nil, seed, use))))
	}
}

// storyInput is a small training on stories.
func storyInput(t testing.TB) Input {
	p := train.DefaultParams()
	adam := train.DefaultParams().Optimizer.(*train.Adam)
	adam.LR = 1e-3
	p.Optimizer, p.BatchSize, p.Epochs, p.ClipNorm = adam, 4, 1, 1
	p.RecordEvery = 2
	return Input{
		Environment: &Stories{Path: "stories_prompts.jsonl", Train: 6, HeldOut: 4, Reward: gold.Default(), Tokens: 8, Temperature: 1, TopP: 1,
			Samples: 2, Rollouts: 2, GoodSamples: 2, Good: 0.5, Evaluating: Evaluating{Every: 2}},
		Policy:      &Llama{Model: "stories260K.bin", Tokenizer: "tok512.bin", LoRA: llama.LoRA{Alpha: 16, Targets: []string{"q", "v"}}, Micro: 32, Precision: "float32"},
		Preferences: &Continuations{Pairs: 2, HeldOut: 1, Temperature: 0.25},
		Loss:        &objective.DPO{Lambda: 0.1}, Train: p, File: shipped(t), Source: seeded(1),
	}
}

// report is all that a task said.
type report struct {
	steps       []Record
	evaluations []Evaluation
	end         train.Outcome
}

func runTask(t testing.TB, in Input) report {
	t.Helper()
	if problems := Check(in); problems != nil {
		t.Fatal(problems)
	}
	task, err := New(in)
	if err != nil {
		t.Fatal(err)
	}
	var r report
	r.end, err = task.Run(context.Background(), Reporter{
		Step:       func(s Record) error { r.steps = append(r.steps, s); return nil },
		Evaluation: func(l *Evaluation) error { r.evaluations = append(r.evaluations, *l); return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The same input gives the same reports, to the bit, whatever the workers and whatever was shared before.
func TestSameReports(t *testing.T) {
	for name, loss := range map[string]objective.Params{"dpo": &objective.DPO{Lambda: 0.1}, "rlhf": &objective.RLHF{Lambda: 0.01},
		"typo by samples": sampledTYPO(t)} {
		var want report
		shared := &Shared{}
		counts := []int{1, 5, 1}
		if fixedseed.Soak {
			counts = append(counts, 2)
		}
		for i, workers := range counts {
			in := storyInput(t)
			in.Loss, in.Workers, in.Shared = loss, workers, shared
			if i == 2 {
				in.Shared, in.Policy.Micro = nil, 3 // a batch has four pairs
			}
			got := runTask(t, in)
			if i == 0 {
				want = got
				continue
			}
			if g, w := fmt.Sprintf("%+v", deref(got)), fmt.Sprintf("%+v", deref(want)); g != w {
				t.Errorf("%s, %d workers:\n%s\nwith one\n%s", name, workers, g, w)
			}
		}
	}
}

// deref makes a report comparable as text.
func deref(r report) any {
	var pairs []Comparisons
	var prompts [][]Prompt
	for _, l := range r.evaluations {
		pairs, prompts = append(pairs, l.HeldOut.Comparisons), append(prompts, l.Prompts)
	}
	return []any{r.steps, pairs, prompts, r.end}
}

func sampledTYPO(t testing.TB) objective.Params {
	t.Helper()
	p := &objective.TYPO{Lambda: 0.1, KLReduction: "sum"}
	if err := p.ReferenceSamples.UnmarshalText([]byte("3")); err != nil {
		t.Fatal(err)
	}
	return p
}

// Records come every two steps and at the end, evaluations at the start, every two steps and at the end; the first one is of
// the reference, which differs from itself by nothing.
func TestReports(t *testing.T) {
	in := storyInput(t)
	in.Train.BatchSize = 3 // 12 pairs: 4 steps
	in.Train.MaxSteps = 3
	r := runTask(t, in)
	if len(r.steps) != 2 || r.steps[0].Step != 2 || r.steps[1].Step != 3 || r.end.Status != train.Done || r.end.Steps != 3 {
		t.Errorf("steps %+v, end %+v", r.steps, r.end)
	}
	if len(r.evaluations) != 3 || r.evaluations[0].Step != 0 || r.evaluations[1].Step != 2 || r.evaluations[2].Step != 3 {
		t.Fatalf("evaluations %+v", r.evaluations)
	}
	first, last := r.evaluations[0], r.evaluations[2]
	if h := first.HeldOut; h.Pairs != 4 || h.ChosenShift != 0 || h.RejectedShift != 0 || h.RewardAccuracy != 0.5 {
		t.Errorf("held-out pairs at the start: %+v", h)
	}
	if last.HeldOut.ChosenShift == 0 {
		t.Error("training changed nothing")
	}
	for i, p := range first.Prompts {
		if p.KL > 1e-12 || !math.IsNaN(p.ProxyReward) || p.Held != (i >= 6) || p.Written == "" {
			t.Errorf("prompt at the start: %+v", p)
		}
	}
	if last.Prompts[0].KL <= 0 {
		t.Errorf("prompt at the end: %+v", last.Prompts[0])
	}
}

// Prompts are named before they are read; the good ones are those on which the reference, by draws of its own, is best.
func TestGroups(t *testing.T) {
	in := storyInput(t)
	s := in.Environment.(*Stories)
	s.Train, s.HeldOut, s.Good, s.GoodSamples, s.Samples = 20, 20, 0.25, 8, 8
	in.Loss = &objective.BestOfN{N: 1} // which is not trained
	prompts := runTask(t, in).evaluations[0].Prompts
	var names []string
	mean := map[string]float64{}
	for _, p := range prompts {
		names = append(names, p.Name)
		mean[p.Group] += p.ReferenceReward
	}
	want := s.PromptNames()
	slices.Sort(names)
	slices.Sort(want)
	if !slices.Equal(names, want) || !slices.Contains(names, "heldout-good-5") || slices.Contains(names, "good-6") {
		t.Errorf("named %q, want %q", names, want)
	}
	// The samples that reward is measured by are not those that prompts were sorted by.
	for _, side := range []string{"", "heldout-"} {
		if mean[side+"good"] <= mean[side+"bad"] {
			t.Errorf("%s: mean rewards %v", side, mean)
		}
	}
}

// The best of n gains with n, and its KL is at most log n - (n-1)/n (Beirami et al. 2024); the best of one is the reference.
func TestBestOfN(t *testing.T) {
	before, shared := math.Inf(-1), &Shared{}
	for _, n := range []int{1, 2, 4, 8} {
		in := storyInput(t)
		in.Loss, in.Shared = &objective.BestOfN{N: n}, shared
		r := runTask(t, in)
		if len(r.evaluations) != 1 || r.end.Status != train.Given || r.end.Steps != 0 {
			t.Fatalf("%+v", r)
		}
		reward := 0.0
		for _, p := range r.evaluations[0].Prompts {
			reward += p.Reward
			if bound := math.Log(float64(n)) - float64(n-1)/float64(n); p.KL > bound+1e-9 || n == 1 && p.KL > 1e-12 {
				t.Errorf("n = %d: KL %v, bound %v", n, p.KL, bound)
			}
		}
		if reward <= before {
			t.Errorf("n = %d: reward %v after %v", n, reward, before)
		}
		before = reward
	}
}

// Labels that are all noise are all turned around: what was chosen is rejected.
func TestLabelNoise(t *testing.T) {
	clean, noisy := storyInput(t), storyInput(t)
	noisy.Preferences = &Continuations{Pairs: 2, HeldOut: 1, Temperature: 0.25, LabelNoise: 1}
	clean.Train.MaxSteps, noisy.Train.MaxSteps = 1, 1 // the evaluation before is compared
	a, b := runTask(t, clean), runTask(t, noisy)
	if x, y := a.evaluations[0].HeldOut, b.evaluations[0].HeldOut; x.ChosenLogp != y.RejectedLogp || x.RejectedLogp != y.ChosenLogp {
		t.Errorf("held out %+v and %+v", x, y)
	}
}

// Online, every round trains on pairs of its own; the proxy is measured beside the gold reward, and steps are counted on.
func TestOnline(t *testing.T) {
	shared := &Shared{}
	for _, reference := range []string{"start", "previous"} {
		in := storyInput(t)
		in.Shared = shared
		in.Environment.(*Stories).Evaluating.Every = 0
		in.Preferences = &preference.Online{Rounds: 3, Pairs: 2, Temperature: 0.1, Reference: reference,
			Proxy: &preference.Texts{Reward: &gold.Length{Unit: gold.Characters, Scale: 1}}}
		r := runTask(t, in)
		if r.end.Steps != 9 || r.steps[len(r.steps)-1].Step != 9 { // 12 pairs a round, 4 a batch
			t.Errorf("%s: end %+v", reference, r.end)
		}
		for _, p := range r.evaluations[0].Prompts {
			if n := utf8.RuneCountInString(p.Written); !(p.ProxyReward > 0) || p.Samples == 1 && p.ProxyReward != float64(n) {
				t.Errorf("proxy %v, %q", p.ProxyReward, p.Written)
			}
		}
		// The margin is over the reference that the task started with, in every round.
		if last := r.steps[len(r.steps)-1]; math.IsNaN(last.Margin) {
			t.Errorf("%+v", last)
		}
	}
}

// An adapter is trained in place of the weights: nothing but its targets changes, and the merged model is the policy.
func TestAdapter(t *testing.T) {
	in := storyInput(t)
	in.Policy.LoRA.Rank = 2
	task, err := New(in)
	if err != nil {
		t.Fatal(err)
	}
	before := task.Model()
	if _, err := task.Run(t.Context(), Reporter{Step: func(Record) error { return nil }, Evaluation: func(*Evaluation) error { return nil }}); err != nil {
		t.Fatal(err)
	}
	changed := 0
	for i, v := range task.Model().Params() {
		if v != before.Params()[i] {
			changed++
		}
	}
	c := before.Config
	if most := c.Layers * c.Dim * (c.Dim + c.Dim*c.KVHeads/c.Heads); changed == 0 || changed > most {
		t.Errorf("%d weights changed, q and v have %d", changed, most)
	}
}

// A training that ends at any step goes on from its checkpoint to the same model, to the bit.
func TestSave(t *testing.T) {
	shared := &Shared{}
	for name, loss := range map[string]objective.Params{"dpo": &objective.DPO{Lambda: 0.1}, "rlhf": &objective.RLHF{Lambda: 0.01}} {
		in := storyInput(t)
		in.Loss, in.Train.Shuffle, in.Train.Epochs, in.Train.BatchSize = loss, true, 2, 3
		in.Environment.(*Stories).Evaluating.Every, in.Shared = 0, shared
		whole := modelOf(t, in, nil)
		var state []byte
		in.Save = &Save{Every: 1, To: func(write func(io.Writer) error) error {
			var b bytes.Buffer
			err := write(&b)
			state = b.Bytes()
			return err
		}}
		stop := errors.New("enough")
		modelOf(t, in, func(r Record) error {
			if r.Step == 2 {
				return stop
			}
			return nil
		})
		if state == nil {
			t.Fatalf("%s: nothing was saved", name)
		}
		in.Save.From = bytes.NewReader(state)
		if resumed := modelOf(t, in, nil); !slices.Equal(resumed.Params(), whole.Params()) {
			t.Errorf("%s: another model", name)
		}
		in.Loss, in.Save.From = loss, bytes.NewReader(state[:len(state)-1])
		task, err := New(in)
		if err != nil {
			t.Fatal(err)
		}
		ignore := Reporter{Step: func(Record) error { return nil }, Evaluation: func(*Evaluation) error { return nil }}
		if _, err := task.Run(t.Context(), ignore); err == nil || !strings.Contains(err.Error(), "cut off") {
			t.Errorf("%s: from half a checkpoint: %v", name, err)
		}
	}
}

// modelOf runs a task, to the step where step returns an error if it is not nil.
func modelOf(t *testing.T, in Input, step func(Record) error) *llama.Model[float32] {
	t.Helper()
	task, err := New(in)
	if err != nil {
		t.Fatal(err)
	}
	stops := step != nil
	if !stops {
		step = func(Record) error { return nil }
	}
	if _, err := task.Run(t.Context(), Reporter{Step: step, Evaluation: func(*Evaluation) error { return nil }}); (err != nil) != stops {
		t.Fatal(err)
	}
	return task.Model()
}

// An error of the reporter ends the run and is its error.
func TestReporterFails(t *testing.T) {
	task, err := New(storyInput(t))
	if err != nil {
		t.Fatal(err)
	}
	wrong := errors.New("disk full")
	calls := 0
	fail := func() error { calls++; return wrong }
	_, err = task.Run(t.Context(), Reporter{Step: func(Record) error { return fail() }, Evaluation: func(*Evaluation) error { return fail() }})
	if !errors.Is(err, wrong) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

func BenchmarkStories(b *testing.B) {
	in := storyInput(b)
	s := in.Environment.(*Stories)
	s.Train, s.HeldOut, s.Tokens, s.Samples, s.Good, s.Every = 96, 64, 48, 8, 0, 0
	in.Preferences = &Continuations{Pairs: 8, HeldOut: 4, Temperature: 0.25}
	in.Train.BatchSize = 8
	for range b.N {
		runTask(b, in)
	}
}
