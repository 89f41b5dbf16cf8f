package spec

import (
	"strings"
	"testing"
	"windtunnel/toy/preference"
)

func draw(r *Run, use string, params any) uint64 { return r.Source(use, params).Uint64() }

// A source depends on the seed and the use alone: losses under one seed see the same data and the same batches.
func TestSources(t *testing.T) {
	t.Parallel()
	plan := loaded(t, head+`preferences: sample
objectives: [dpo, typo]
sweep: {seed: [1, 2]}
`).Plan
	dpo1, dpo2, typo1 := plan.Runs[0], plan.Runs[1], plan.Runs[2]
	uses := []string{"environment", "preferences", "policy", "batches"}
	seen := map[uint64]string{}
	for _, use := range uses {
		if draw(dpo1, use, nil) != draw(typo1, use, nil) {
			t.Errorf("%s: dpo and typo draw differently under one seed", use)
		}
		if first, again := draw(dpo1, use, nil), draw(dpo1, use, nil); first != again {
			t.Errorf("%s: the source is not repeatable", use)
		}
		for _, r := range []*Run{dpo1, dpo2} {
			v := draw(r, use, nil)
			if other, taken := seen[v]; taken {
				t.Errorf("%s of %s draws what %s does", use, r, other)
			}
			seen[v] = use + " of " + r.String()
		}
		two := 2
		if draw(dpo1, use, &preference.Sample{Seed: &two}) != draw(dpo2, use, nil) {
			t.Errorf("%s: the override 2 is not the seed 2", use)
		}
	}
}

// A seed of the environment or of the preferences fixes these, whatever the run's seed.
func TestSeedOverrides(t *testing.T) {
	t.Parallel()
	const text = `name: test
environment: {kind: random-bandit, responses: 4ENV}
preferences: {kind: sample, n: 20PREF}
objectives: [dpo]
sweep: {seed: [1, 2]}
`
	for _, tt := range []struct {
		env, pref          string
		sameEnv, samePairs bool
	}{
		{"", "", false, false},
		{", seed: 5", "", true, false},
		{"", ", seed: 5", false, false}, // other environments label the same draws differently
		{", seed: 5", ", seed: 5", true, true},
	} {
		plan := loaded(t, strings.NewReplacer("ENV", tt.env, "PREF", tt.pref).Replace(text)+"train: {shuffle: true}\n").Plan
		var star [2]float64
		var pairs [2][]int
		for i, r := range plan.Runs {
			env, err := r.BuildEnvironment()
			if err != nil {
				t.Fatal(err)
			}
			data, err := r.BuildPreferences(env)
			if err != nil {
				t.Fatal(err)
			}
			star[i], pairs[i] = env.Prompts[0].PiStar[0], append(data.Chosen, data.Rejected...)
		}
		samePairs := len(pairs[0]) == len(pairs[1])
		for i := 0; samePairs && i < len(pairs[0]); i++ {
			samePairs = pairs[0][i] == pairs[1][i]
		}
		if (star[0] == star[1]) != tt.sameEnv || samePairs != tt.samePairs {
			t.Errorf("environment%s, preferences%s: under two seeds the same environment %v, want %v; the same pairs %v, want %v",
				tt.env, tt.pref, star[0] == star[1], tt.sameEnv, samePairs, tt.samePairs)
		}
	}
}

// A sweep over seeds that change nothing brings a warning and one run, not bands of width zero.
func TestIdleSeeds(t *testing.T) {
	t.Parallel()
	const rest = "sweep: {lambda: [1, 2], seed: [3, 4, 5]}\n"
	for _, tt := range []struct {
		name, text string
		runs       int
		warned     bool
	}{
		{"nothing random", head + "objectives: [dpo]\n", 2, true},
		{"shuffled", head + "train: {shuffle: true}\nobjectives: [dpo]\n", 6, false},
		{"shuffled, but solved exactly", head + "train: {shuffle: true}\nsolver: exact\nobjectives: [dpo]\n", 2, true},
		{"shuffled for one loss", head + "objectives: [dpo, {kind: ipo, train: {shuffle: true}}]\n", 8, true},
		{"sampled", head + "preferences: sample\nobjectives: [dpo]\n", 6, false},
		{"sampled with a seed of its own", head + "preferences: {kind: sample, seed: 1}\nobjectives: [dpo]\n", 2, true},
		{"random basis", head + "policy: {kind: low-rank, rank: 1}\nobjectives: [dpo]\n", 6, false},
		{"given basis", head + "policy: {kind: low-rank, basis: [[0, 1, 2]]}\nobjectives: [dpo]\n", 2, true},
		{"random environment", "name: test\nenvironment: random-bandit\nobjectives: [dpo]\n", 6, false},
		{"fixed environment", "name: test\nenvironment: {kind: random-bandit, seed: 2}\nobjectives: [dpo]\n", 2, true},
	} {
		c := loaded(t, tt.text+rest)
		if len(c.Plan.Runs) != tt.runs || (len(c.Warnings) > 0) != tt.warned {
			t.Errorf("%s: %d runs, warnings %q; want %d runs, a warning %v", tt.name, len(c.Plan.Runs), c.Warnings, tt.runs, tt.warned)
		}
	}
	c := loaded(t, head+"objectives: [dpo]\n"+rest)
	same(t, "kept", ids(c.Plan), []string{"dpo/lambda=1/seed=3", "dpo/lambda=2/seed=3"})
	same(t, "warnings", c.Warnings, []string{"sweep.seed: the seed changes nothing in 4 of the runs (preferences, environment, policy and " +
		"order of batches are all fixed); they are left out, and only the first seed is run"})
}

// A minibatch of the population is no unbiased sample of it; a batch that takes all of it is.
func TestPopulationBatches(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		settings string
		warned   bool
	}{
		{"train: {batch_size: 3}\n", true},
		{"train: {batch_size: 6}\n", false},
		{"train: {batch_size: 0}\n", false},
		{"train: {batch_size: 3}\nsolver: exact\n", false},
		{"train: {batch_size: 3}\npreferences: sample\n", false},
	} {
		c := loaded(t, "name: test\nenvironment: {kind: random-bandit, responses: 3}\n"+tt.settings+"objectives: [dpo, ipo]\n")
		if warned := len(c.Warnings) == 1; warned != tt.warned {
			t.Errorf("%q: warnings %q, want one: %v", tt.settings, c.Warnings, tt.warned)
		}
	}
}
