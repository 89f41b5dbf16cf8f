package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"testing"

	"windtunnel/experiments/internal/testfile"
	"windtunnel/metrics/tables"
	"windtunnel/toy/logspace"
)

// laidOver runs the shipped config of published experiments with a file's settings laid over it, and opens its tables.
func laidOver(t *testing.T, dir, name string, over map[string]any) func(name string) *tables.Table {
	t.Helper()
	shipped, err := filepath.Abs("../configs/published/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	config := maps.Clone(over)
	maps.Copy(config, map[string]any{"name": name, "extends": shipped, "claims": []any{}, "figures": []any{}})
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	testfile.Write(t, filepath.Join(dir, name+".yaml"), string(text))
	runMain(t, exitWell, "run", "--quiet", "--out", dir, filepath.Join(dir, name+".yaml"))
	return openFolder(t, filepath.Join(dir, name))
}

// jsonLines writes records, one a line, and returns the file's name.
func jsonLines[T any](t *testing.T, dir, name string, records []T) string {
	t.Helper()
	var text []byte
	for _, r := range records {
		line, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		text = append(append(text, line...), '\n')
	}
	testfile.Write(t, filepath.Join(dir, name), string(text))
	return name
}

// comparePolicy compares a run's policy and logits at a prompt with those of logits.
func comparePolicy(t *testing.T, what string, got map[string]map[string]float64, key string, logits []float64) {
	t.Helper()
	logps := make([]float64, len(logits))
	logspace.LogSoftmax(logps, logits)
	for a, want := range logits {
		at := fmt.Sprint(key, " ", a)
		if off := far(got["pi"], at, math.Exp(logps[a])); !(off <= 1e-9) {
			t.Errorf("%s: pi(%d) is off by %.2g, at most 1e-9", what, a, off)
		}
		if off := far(got[tables.Logit], at, want); !(off <= 1e-9) {
			t.Errorf("%s: logit %d is off by %.2g, at most 1e-9", what, a, off)
		}
	}
}

// linearBanditAsRecorded compares DPO and policies that are optimized by a reward model at every step that the file has, each the end
// of a run of its own.
func linearBanditAsRecorded(t *testing.T, path string) {
	type settings = map[string]any
	var f struct {
		Settings struct {
			Actions int       `json:"action_num"`
			Beta    float64   `json:"reg_coef"`
			Step    float64   `json:"step_coefficient"`
			Reward  []float64 `json:"reward_param"`
			Eps     float64   `json:"log_eps_dpo"`
		}
		Seeds []struct {
			Data []struct {
				State         float64
				Winner, Loser int
			}
			Agents []struct {
				Agent string
				Steps []int
				Param [][]float64
				Norm  []float64 `json:"gradient_norm_at_step"`
				Extra []float64 `json:"extra_states"`
			}
		}
	}
	readFixture(t, path, &f)
	if len(f.Seeds) == 0 {
		t.Fatal("the file holds no seeds")
	}
	dir, list, most := t.TempDir(), []settings{}, 1
	for i, seed := range f.Seeds {
		data := []settings{}
		for j, c := range seed.Data {
			data = append(data, settings{"prompt": j, "state": c.State, "chosen": c.Winner, "rejected": c.Loser})
		}
		file := jsonLines(t, dir, fmt.Sprintf("data-%d.jsonl", i), data)
		for j, agent := range seed.Agents {
			name, steps := fmt.Sprintf("case-%d-%d", i, j), agent.Steps
			for k, step := range steps[1:] {
				most = max(most, step)
				run := settings{"name": fmt.Sprint(name, "-", k+1), "objective": agent.Agent, "policy.start": agent.Param[0], "train.max_steps": step,
					"environment.states.path": file, "preferences.path": file}
				if agent.Extra != nil {
					states := []settings{}
					for _, s := range agent.Extra {
						states = append(states, settings{"state": s})
					}
					run["environment.unlabelled"] = settings{"kind": "file", "path": jsonLines(t, dir, name+".jsonl", states)}
				}
				list = append(list, run)
			}
		}
	}
	margin := fmt.Sprintf("lambda*(log(exp(c) + %g) - log(exp(r) + %g))", f.Settings.Eps, f.Settings.Eps)
	table := laidOver(t, dir, "linear_bandit", settings{
		"environment": settings{"responses": f.Settings.Actions, "reward": [][]float64{f.Settings.Reward}, "held_out": settings{"kind": "grid", "n": 1}},
		"train":       settings{"optimizer": settings{"lr": f.Settings.Step}, "epochs": most, "record_every": 0, "logits": true},
		"objectives": []settings{{"name": "DPO", "kind": "custom", "lambda": f.Settings.Beta, "pair": "-stopgrad(sigmoid(-" + margin + "))*lambda*(c - r)"},
			{"name": "RMB-PO", "kind": "rlhf", "lambda": f.Settings.Beta}, {"name": "RMB-PO+", "kind": "rlhf", "lambda": f.Settings.Beta}},
		"sweep": []settings{{"column": "case", "list": list}}})
	policies := table(tables.Policies)
	got := map[string]map[string]float64{}
	for _, column := range []string{"pi", tables.Logit} {
		got[column] = cells(policies, column, "run", "prompt", "response")
	}
	norms := cells(table(tables.Runs), "grad_norm", "case")
	for i, seed := range f.Seeds {
		for j, agent := range seed.Agents {
			for k, theta := range agent.Param[1:] {
				name := fmt.Sprintf("case-%d-%d-%d", i, j, k+1)
				if want := agent.Norm[k]; !(relative(norms[name], want) <= 1e-9) {
					t.Errorf("%s: the gradient's norm is %v, want %v", name, norms[name], want)
				}
				for at, c := range seed.Data {
					logits := make([]float64, f.Settings.Actions)
					for a := range logits {
						b := float64(a + 1)
						logits[a] = b*math.Sin(math.Pi*c.State)*theta[0] + math.Cos(math.Pi*c.State)/b*theta[1]
					}
					comparePolicy(t, name, got, fmt.Sprintf("%s/case=%s state-%d", agent.Agent, name, at+1), logits)
				}
			}
		}
	}
}
