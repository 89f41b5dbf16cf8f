package spec

import (
	"path/filepath"
	"strings"
	"testing"

	"windtunnel/experiments/internal/testfile"
	"windtunnel/metrics"
	"windtunnel/metrics/tables"
)

// given is a config of one prompt whose preferences, environment and objective are put in.
func given(environment, preferences, rest string) string {
	return "name: test\nenvironment: " + environment + "\npreferences: " + preferences + "\n" + rest
}

const (
	unknown = "{kind: bandit, prompts: [{name: x, responses: [gpt, claude, llama], pi_ref: [0.4, 0.4, 0.2]}]}"
	known   = "{kind: bandit, prompts: [{name: x, pi_star: [0.6, 0.3, 0.1], pi_ref: [0.4, 0.4, 0.2]}]}"
	fitted  = "{kind: bandit, pi_star: bradley-terry, prompts: [{name: x, responses: [gpt, claude, llama]}]}"
	cycle   = "{kind: matrix, matrix: [[0.5, 0.9, 0.2], [0.1, 0.5, 0.7], [0.8, 0.3, 0.5]]}"
	certain = "{kind: matrix, matrix: [[0.5, 1, 0.2], [0, 0.5, 0.7], [0.8, 0.3, 0.5]]}"
	votes   = "{kind: counts, path: votes.csv}"
	dpo     = "objectives: [{kind: dpo}]\n"
)

// write puts a config beside the data that it names.
func writeGiven(t *testing.T, text string) string {
	dir := t.TempDir()
	testfile.Write(t, filepath.Join(dir, "votes.csv"), "a,b,wins_a,wins_b\ngpt,claude,3,1\nclaude,llama,2,2.5\n")
	testfile.Write(t, filepath.Join(dir, "won.csv"), "a,b,wins_a,wins_b\ngpt,claude,3,0\nclaude,llama,2,2\n")
	testfile.Write(t, filepath.Join(dir, "bad.csv"), "a,b,wins_a,wins_b\ngpt,claude,3,1\ngtp,claude,1,1\ngpt,llama,x,1\n")
	testfile.Write(t, filepath.Join(dir, "bad.json"), "[[0.5, 0.9], [0.2, 0.5]]")
	testfile.Write(t, filepath.Join(dir, "two.csv"), "0.5,0.9\n0.1,0.5\n")
	path := filepath.Join(dir, "c.yaml")
	testfile.Write(t, path, text)
	return path
}

// Bad counts, matrices and what does not go with them are refused where they stand.
func TestGivenMistakes(t *testing.T) {
	t.Parallel()
	for _, tt := range [][4]string{
		{unknown, "population", dpo, "c.yaml:3:14: preferences: need a pi_star, which the environment has not; want give it, or preferences of the kind counts"},
		{unknown, "{kind: sample, n: 5}", dpo, "c.yaml:3:14: preferences: need a pi_star"},
		{unknown, "{kind: online}", dpo, "c.yaml:3:14: preferences: need a pi_star"},
		{unknown, "extremes", dpo, "c.yaml:3:14: preferences: need a pi_star"},
		{unknown, "{kind: matrx, matrix: []}", dpo, `did you mean "matrix"?`},
		{unknown, "{kind: matrix}", dpo, "c.yaml:3:14: preferences.matrix: matrix, matrices, path and groups: 0 of them are given; want one of the four"},
		{unknown, "{kind: matrix, matrix: [[0.5, 0.5], [0.5, 0.5]], path: two.csv}", dpo, "c.yaml:3:37: preferences.matrix: matrix, matrices, path and groups: 2 of them are given"},
		{unknown, "{kind: matrix, matrix: [[0.5, 0.9, 0.2], [0.1, 0.5, 0.7], [0.8, 0.4, 0.5]]}", dpo,
			"preferences.matrix: has 0.7 for response 1 over 2 in matrix 0, and 0.4 the other way round; want K rows of K probabilities"},
		{unknown, "{kind: matrix, matrix: [[0.4, 0.9], [0.1, 0.5]]}", dpo, "preferences.matrix: has 0.4 for response 0 over 0"},
		{unknown, "{kind: matrix, matrix: [[0.5, 0.9], [0.1]]}", dpo, "preferences.matrix: has 1 entries in row 1 of 2"},
		{unknown, "{kind: matrix, matrix: [[0.5, 0.9], [0.1, 0.5]]}", dpo, "c.yaml:3:37: preferences.matrix: has 1 of 2 x 2 win rates; want one of 3 x 3, or 1, one a prompt"},
		{unknown, "{kind: matrix, matrix: [[0.5, 1.2], [-0.2, 0.5]]}", dpo, "preferences.matrix.0.1: is 1.2; want"},
		{unknown, "{kind: matrix, path: bad.json}", dpo, "bad.json: has 0.9 for response 0 over 1 in matrix 0, and 0.2 the other way round"},
		{unknown, "{kind: matrix, path: two.csv}", dpo, "two.csv:1: has 2 cells; want 3: gpt, claude, llama"},
		{unknown, "{kind: matrix, path: none.csv}", dpo, "c.yaml:3:35: preferences.path:"},
		{unknown, "{kind: matrix, groups: [{share: 0.7, matrix: [[0.5, 0.9], [0.1, 0.5]]}, {share: 0.7, matrix: [[0.5, 0.1], [0.9, 0.5]]}]}", dpo, "have shares that sum to 1.4"},
		{unknown, "{kind: matrix, matrices: [[[0.5, 0.9], [0.1, 0.5]], [[0.5]]]}", dpo, "preferences.matrices: has 1 entries in row 0 of 1 of matrix 1"},
		{unknown, "{kind: counts, path: bad.csv}", dpo, `bad.csv:3: a: there is no "gtp"; want one of gpt, claude, llama, or an index from 0 to 2; did you mean "gpt"?`},
		{unknown, "{kind: counts, path: bad.csv}", dpo, `bad.csv:4: wins_a: is "x"; a number from 0 to 1e+300`},
		{unknown, "{kind: counts}", dpo, "c.yaml:3:14: preferences.path: is missing"},
		{unknown, "{kind: sample, of: {kind: sample}}", dpo, "preferences.of: is drawn itself, or by pi_star; want of the kind counts, file or matrix"},
		{unknown, "{kind: sample, sampling: pi_ref, of: {kind: counts, path: votes.csv}}", dpo, "preferences.of: is data, of which sampling, temperature, coverage and label_noise change nothing"},
		{unknown, "{kind: sample, sampling: pi_star, of: " + cycle + "}", dpo, "preferences.sampling: is pi_star, and there is none; want uniform or pi_ref"},
		{unknown, "{kind: online, of: {kind: counts, path: votes.csv}}", dpo, "preferences.of: has responses that were never compared"},
		{unknown, "{kind: online, proxy: noisy, of: " + cycle + "}", dpo, "preferences.proxy: is a reward, and labels follow win rates; want gold"},
		{fitted, "{kind: counts, path: won.csv}", dpo, "environment.pi_star: the Bradley-Terry fit to the comparisons is not one policy (diverged"},
		{strings.Replace(known, "bandit,", "bandit, pi_star: none,", 1), votes, dpo, "environment.prompts.0.pi_star: stands beside pi_star: none of the environment; want one of the two"},
		{strings.Replace(unknown, "bandit,", "bandit, pi_star: non,", 1), votes, dpo, `environment.pi_star: is "non"; want one of none, bradley-terry; did you mean "none"?`},
		{strings.Replace(unknown, "llama", "gpt", 1), votes, dpo, `environment.prompts.0.responses.2: "gpt" is empty or another's name`},
		{"{kind: derived, starve: 0.1, of: " + unknown + "}", votes, dpo, "environment: starve takes from pi_star's best response, and there is no pi_star"},
		{unknown, cycle, "objectives: [{kind: rlhf}]\n", "objectives.0.kind: rlhf reads log pi_star, the rewards of single responses, and there is no pi_star"},
		{unknown, cycle, "objectives: [{kind: best-of-n, n: 4}]\n", "objectives.0.kind: best-of-n reads log pi_star"},
		{unknown, certain, "objectives: [{kind: odpo}]\n", "objectives.0.kind: odpo reads reward gaps, and that of gpt over claude on prompt x, which always wins, is infinite"},
	} {
		_, err := load(writeGiven(t, given(tt[0], tt[1], tt[2])), nil)
		if err == nil || !strings.Contains(err.Error(), tt[3]) {
			t.Errorf("%s with %s:\n%v\nwant\n%s", tt[1], tt[0], err, tt[3])
		}
	}
}

// What is right is taken, and only plans with counts or a matrix have the columns of games.
func TestGivenColumns(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		environment, preferences, rest string
		games, star                    bool
	}{
		{unknown, cycle, dpo, true, false}, {unknown, votes, dpo, true, false}, {fitted, votes, dpo, true, true}, {fitted, cycle, dpo, true, true},
		{known, cycle, dpo, true, true}, {known, "population", dpo, false, true}, {unknown, "{kind: file, path: votes.csv}", dpo, true, false},
		{strings.ReplaceAll(known, "name: x,", "name: x, responses: [gpt, claude, llama],"), "{kind: file, path: votes.csv}", dpo, false, true},
		{unknown, "{kind: sample, n: 20, of: " + votes + "}", dpo, true, false}, {unknown, "{kind: sample, n: 20, sampling: pi_ref, of: " + cycle + "}", dpo, true, false},
		{unknown, "{kind: online, of: " + cycle + "}", dpo, true, false}, {fitted, "{kind: online, of: " + votes + "}", dpo, true, true},
		{unknown, certain, "objectives: [{kind: dpo}, {kind: ipo}]\n", true, false}, {unknown, cycle, "objectives: [{kind: odpo}]\npurpose: rlhf\nsolver: exact\n", true, false},
		{"{kind: derived, prompt: first, of: " + unknown + "}", cycle, dpo, true, false},
	} {
		c, err := load(writeGiven(t, given(tt.environment, tt.preferences, tt.rest)), nil)
		if err != nil {
			t.Errorf("%s with %s: %v", tt.preferences, tt.environment, err)
			continue
		}
		for _, m := range metrics.OfGames() {
			if m.Name == metrics.DualityGap.Name {
				continue // see TestGamesOfLosses
			}
			for _, table := range []string{tables.Runs, tables.Prompts, tables.Traces} {
				if _, has := c.Plan.Schema(table).Find(m.Name); has != tt.games || c.Plan.HasStar() != tt.star {
					t.Errorf("%s with %s: %s in %s is %v, pi_star %v", tt.preferences, tt.environment, m.Name, table, has, c.Plan.HasStar())
				}
			}
		}
	}
}

// Losses that play the game of win rates bring the column of its duality gap, and are refused where win rates are not known.
func TestGamesOfLosses(t *testing.T) {
	t.Parallel()
	const plays = "objectives: [{kind: dpo}, {kind: nash-md-pg, mixture: 0.5}]\n"
	for rest, want := range map[string]bool{dpo: false, plays: true, "objectives: [{kind: sum, terms: [{kind: win-rate}, {kind: dpo}]}]\n": true} {
		c, err := load(writeGiven(t, given(unknown, cycle, rest)), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range []string{tables.Runs, tables.Prompts, tables.Traces} {
			if _, has := c.Plan.Schema(table).Find(metrics.DualityGap.Name); has != want {
				t.Errorf("%s: %s has a duality gap: %v", rest, table, has)
			}
		}
	}
	for _, tt := range [][3]string{
		{votes, plays, "objectives.1.kind: nash-md-pg plays the game of win rates, and on prompt x some responses were never compared; want"},
		{cycle, strings.Replace(plays, "0.5", "1.5", 1), "objectives.1.mixture: is 1.5; want"},
		{cycle, dpo + "train: {extragradient: ful}\n", `train.extragradient: is "ful"; want one of none, full, opponent; did you mean "full"?`},
		{cycle, dpo + "train: {record_at: [0]}\n", "train.record_at.0: is 0; want"},
	} {
		if _, err := load(writeGiven(t, given(unknown, tt[0], tt[1])), nil); err == nil || !strings.Contains(err.Error(), tt[2]) {
			t.Errorf("%s with %s:\n%v\nwant\n%s", tt[1], tt[0], err, tt[2])
		}
	}
}
