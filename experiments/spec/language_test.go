package spec

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"windtunnel/experiments/internal/testfile"
	"windtunnel/metrics/tables"
	"windtunnel/toy/preference"
)

// storyConfig is a small experiment on a language model, with the folder of the shipped data for %s.
const storyConfig = `name: test
environment: {kind: stories, path: %[1]s/stories_prompts.jsonl, train: 6, held_out: 4, tokens: 8, samples: 2}
preferences: {kind: continuations, pairs: 2}
policy: {kind: llama, model: %[1]s/stories260K.bin, tokenizer: %[1]s/tok512.bin}
train: {batch_size: 4, epochs: 1}
objectives: [dpo]
`

func shippedData(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs("../../configs/data")
	if err != nil {
		t.Fatal(err)
	}
	return filepath.ToSlash(dir)
}

// A plan of language models has tables of its own, prompts that are named before they are read, and none of the tables of
// numbered responses.
func TestLanguagePlan(t *testing.T) {
	text := fmt.Sprintf(storyConfig, shippedData(t))
	c := loaded(t, strings.Replace(text, "held_out: 4", "held_out: 4, good: 0.25", 1))
	want := []string{tables.Runs, tables.Prompts, tables.Groups, tables.Traces, tables.Evaluations, tables.Samples}
	if got := c.Plan.Tables(); !slices.Equal(got, want) {
		t.Errorf("tables %q, want %q", got, want)
	}
	if !slices.Contains(c.Plan.Prompts, "heldout-bad-1") || len(c.Plan.Prompts) != 10 {
		t.Errorf("prompts %q", c.Plan.Prompts)
	}
	if !slices.Contains(c.Plan.Columns(tables.Runs), "win_low") || slices.Contains(c.Plan.Columns(tables.Runs), "tv_star") {
		t.Errorf("columns %q", c.Plan.Columns(tables.Runs))
	}
	if r := c.Plan.Runs[0]; !r.Language() || r.Cost() < 12 {
		t.Errorf("language %v, cost %v", r.Language(), r.Cost())
	}
}

// Pairs of people have no reward: there is nothing to evaluate where none are held out.
func TestHumanPlan(t *testing.T) {
	c := loadedShipped(t, "../../configs/lm_hh.yaml")
	if got := c.Plan.Tables(); !slices.Equal(got, []string{tables.Runs, tables.Traces}) {
		t.Errorf("tables %q", got)
	}
	if len(c.Plan.Runs) != 3 {
		t.Errorf("%d runs", len(c.Plan.Runs))
	}
}

// What does not go together in a language model is one error, with its position.
func TestLanguageMistakes(t *testing.T) {
	for _, c := range []struct{ find, put, want string }{
		{"objectives: [dpo]", "objectives: [typo]", ":6:14: objectives.0.kind: cannot train a language model: the loss has a term on the probabilities of all responses"},
		{"kind: llama", "kind: tabular", "policy."},
		{"continuations, pairs: 2", "sample, n: 2", "test.yaml:3:21: preferences.kind: does not go with environment.kind; want continuations, or online without of"},
		{"continuations, pairs: 2", "online, rounds: 1, pairs: 2, proxy: {kind: noisy}", "preferences.proxy: is a reward of numbered responses, and these are free text; want gold or texts"},
		{"continuations, pairs: 2", "online, rounds: 1, pairs: 2, sampler: {kind: joint}", "preferences.sampler: is of numbered responses, and these are free text"},
		{"continuations, pairs: 2", "online, rounds: 1, pairs: 0", "preferences.pairs: is of numbered responses, and these are free text"},
		{"train: {batch", "solver: exact\ntrain: {batch", "solver: cannot be exact where responses are free text; want train"},
		{"train: {batch", "reward_model: {class: {kind: tabular}}\ntrain: {batch", "reward_model: needs responses that can be enumerated; want no reward_model"},
		{"train: {batch", "train: {optimizer: {kind: newton}, batch", "train.optimizer.kind: needs second derivatives"},
		{"train: {batch", "train: {groups: {kind: robust}, batch", "train.groups: weighs groups of comparisons of numbered responses; want no groups"},
		{"train: {batch", "constraint: {l2: 1}\ntrain: {batch", "constraint: needs responses that can be enumerated; want no constraint"},
		{"objectives: [dpo]", "objectives: [dpo]\nsweep: {environment: [{kind: bandit, prompts: [{name: x, pi_star: [0.5, 0.5], pi_ref: [0.5, 0.5]}]}]}", "is about free text, which environment.kind has not"},
		{"tok512.bin}", "stories260K.bin}", "policy.tokenizer: "},
		{"tok512.bin}", "none.bin}", "policy.tokenizer: cannot read"},
		{"held_out: 4", "held_out: 4000", "environment.train: and held_out ask for 4006 prompts"},
		{"samples: 2}", "samples: 2, reward: {kind: vadr}}", `environment.reward.kind: is "vadr"`},
		{"objectives: [dpo]", "objectives: [dpo]\nfigures: [{name: f, kind: lines, table: policies, x: step, y: pi}]", "figures.0."},
		{"objectives: [dpo]", "objectives: [dpo]\nclaims: [{name: c, text: t, kind: bound, metric: tv_star, below: 1}]", `claims.0.metric: there is no column "tv_star" in the table runs`},
	} {
		text := strings.Replace(fmt.Sprintf(storyConfig, shippedData(t)), c.find, c.put, 1)
		path := filepath.Join(t.TempDir(), "test.yaml")
		testfile.Write(t, path, text)
		_, err := load(path, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v\nwant %s", c.put, err, c.want)
		}
	}
	const texts = head + "preferences: {kind: online, proxy: {kind: texts, reward: {kind: vader}}}\nobjectives: [dpo]\n"
	path := filepath.Join(t.TempDir(), "test.yaml")
	testfile.Write(t, path, texts)
	if _, err := load(path, nil); err == nil || !strings.Contains(err.Error(), "preferences.proxy.kind: is about free text") {
		t.Errorf("a reward of texts among numbered responses: %v", err)
	}
}

// A file that is named on the command line lies where the command is typed, unless one lies beside the config.
func TestSetFile(t *testing.T) {
	pairs, data := preference.PathOf(loadedShipped(t, "../../configs/lm_hh.yaml").Plan.Runs[0].Preferences), shippedData(t)
	t.Chdir(filepath.Dir(pairs))
	config := t.TempDir()
	text := fmt.Sprintf("name: test\nenvironment: {kind: dialogues}\npreferences: {kind: human, path: none.jsonl}\n"+
		"policy: {kind: llama, model: %[1]s/stories260K.bin, tokenizer: %[1]s/tok512.bin}\nobjectives: [dpo]\n", data)
	testfile.Write(t, filepath.Join(config, "test.yaml"), text)
	c := loadedFile(t, filepath.Join(config, "test.yaml"), "preferences.path="+filepath.Base(pairs))
	if content, _ := c.Plan.Runs[0].File(preference.PathOf(c.Plan.Runs[0].Preferences)); strings.Count(string(content), "\n") != 240 {
		t.Errorf("%d bytes", len(content))
	}
}
