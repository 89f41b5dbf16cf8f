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
	"windtunnel/toy/fixedseed"
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

// linearBanditAsRecorded compares DPO and policies that are optimized by a reward model at steps that the file has, each the end of a
// run of its own: with -tags soak at all of them, without at some of the first and the last.
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
	compared := func(k, of int) bool { return fixedseed.Soak || k < 10 && k%3 == 1 || k == of-1 }
	for i, seed := range f.Seeds {
		data := []settings{}
		for j, c := range seed.Data {
			data = append(data, settings{"prompt": j, "state": c.State, "chosen": c.Winner, "rejected": c.Loser})
		}
		file := jsonLines(t, dir, fmt.Sprintf("data-%d.jsonl", i), data)
		for j, agent := range seed.Agents {
			name, steps := fmt.Sprintf("case-%d-%d", i, j), agent.Steps
			for k, step := range steps {
				if k == 0 || !compared(k, len(steps)) {
					continue
				}
				most = max(most, step)
				run := settings{"name": fmt.Sprint(name, "-", k), "objective": agent.Agent, "policy.start": agent.Param[0], "train.max_steps": step,
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
			for k, theta := range agent.Param {
				if k == 0 || !compared(k, len(agent.Param)) {
					continue
				}
				name := fmt.Sprintf("case-%d-%d-%d", i, j, k)
				if want := agent.Norm[k-1]; !(relative(norms[name], want) <= 1e-9) {
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

// groupRobustAsRecorded compares DPO and IPO with weights over groups at some of the steps that the file has, each the end of a run of
// its own: policies, logits and weights, and at the last one the reward errors on the test states. Without -tags soak one
// training alone is a long one.
func groupRobustAsRecorded(t *testing.T, path string) {
	type settings = map[string]any
	var f struct {
		Actions  int         `json:"action_num"`
		Reward   [][]float64 `json:"reward_param"`
		Settings []struct {
			Data []struct {
				State                []float64
				Group, Winner, Loser int
			}
			Test []([]float64) `json:"test_states"`
			Runs []struct {
				Label    string
				Settings struct {
					Importance bool     `json:"importance_sampling"`
					Closed     bool     `json:"use_closed_form"`
					Beta       float64  `json:"reg_coef"`
					LR         float64  `json:"step_size"`
					Rate       *float64 `json:"exp_step_size"`
					Chi        float64
					Loss       string `json:"ipo_grad_type"`
				}
				Updates int
				Steps   []int
				Param   [][]float64
				Weights [][]float64 `json:"group_weights"`
				Error   []float64   `json:"reward_error"`
			}
		}
	}
	readFixture(t, path, &f)
	if len(f.Settings) == 0 {
		t.Fatal("the file holds no settings")
	}
	dir, list, most := t.TempDir(), []settings{}, 1
	compared := func(setting, run, k, of int) bool {
		last := k == of-1
		return k > 0 && (k%8 == 1 || last) && (fixedseed.Soak || k < 10 || last && setting == 0 && run == 2)
	}
	for i, s := range f.Settings {
		data, states := []settings{}, []settings{}
		for j, c := range s.Data {
			data = append(data, settings{"prompt": j, "state": c.State, "group": fmt.Sprint(c.Group), "chosen": c.Winner, "rejected": c.Loser})
		}
		for _, state := range s.Test {
			states = append(states, settings{"state": state})
		}
		file, test := jsonLines(t, dir, fmt.Sprintf("data-%d.jsonl", i), data), jsonLines(t, dir, fmt.Sprintf("test-%d.jsonl", i), states)
		for j, r := range s.Runs {
			groups, optimizer := settings{"kind": "proportional"}, settings{"kind": "sgd", "lr": r.Settings.LR}
			switch {
			case r.Settings.Importance:
				groups["kind"] = "importance"
			case r.Settings.Rate != nil:
				groups = settings{"kind": "robust", "rate": *r.Settings.Rate, "mix": r.Settings.Chi, "each": r.Settings.Closed}
			}
			if r.Settings.Closed {
				optimizer = settings{"kind": "newton"}
			}
			for k, step := range r.Steps {
				if !compared(i, j, k, len(r.Steps)) {
					continue
				}
				most = max(most, step)
				run := settings{"name": fmt.Sprintf("case-%d-%d-%d", i, j, k), "objective": map[string]string{"justdpo": "dpo", "linear": "ipo"}[r.Settings.Loss],
					"lambda": r.Settings.Beta, "policy.start": r.Param[0], "train.max_steps": step, "train.optimizer": optimizer, "train.groups": groups,
					"environment.states.path": file, "preferences.path": file, "environment.held_out": settings{"kind": "grid", "n": 1}}
				if k == len(r.Steps)-1 {
					run["environment.held_out"] = settings{"kind": "file", "path": test}
				}
				list = append(list, run)
			}
		}
	}
	var features []string
	for _, s := range []string{"s1", "s2"} {
		c, d := fmt.Sprintf("(a/%d + 1)*cos(pi*%s)", f.Actions, s), fmt.Sprintf("sin(pi*%s)/(a/%d + 1)", s, f.Actions)
		features = append(features, "(1-g)*"+c+" + g*"+d, "g*"+c+" + (1-g)*"+d)
	}
	table := laidOver(t, dir, "group_robust", settings{
		"environment": settings{"responses": f.Actions, "reward": f.Reward, "features": features},
		"train":       settings{"epochs": most, "record_every": 0, "logits": true},
		"objectives":  []settings{{"kind": "dpo"}, {"kind": "ipo"}},
		"sweep":       []settings{{"column": "setting", "list": list}}})
	id, name := map[string]string{}, table(tables.Runs)
	for row := range name.Len() {
		id[name.Text(row, "setting")] = name.Text(row, "run")
	}
	got := map[string]map[string]float64{}
	for _, column := range []string{"pi", tables.Logit} {
		got[column] = cells(table(tables.Policies), column, "run", "prompt", "response")
	}
	weights, errors := cells(table(tables.Groups), tables.GroupWeight, "run", "group"), cells(table(tables.Groups), "reward_error", "run", "group")
	for i, s := range f.Settings {
		for j, r := range s.Runs {
			for k, theta := range r.Param {
				if !compared(i, j, k, len(r.Steps)) {
					continue
				}
				run := id[fmt.Sprintf("case-%d-%d-%d", i, j, k)]
				for g, want := range r.Weights[k] {
					if off := far(weights, fmt.Sprint(run, " ", g), want); !(off <= 1e-9) {
						t.Errorf("%s, %s: the weight of group %d is off by %.2g, at most 1e-9", r.Label, run, g, off)
					}
				}
				for at, c := range s.Data {
					logits := make([]float64, f.Actions)
					for a := range logits {
						b := float64(a)/float64(f.Actions) + 1
						for x, u := range c.State {
							one, other := b*math.Cos(math.Pi*u), math.Sin(math.Pi*u)/b
							if c.Group == 1 {
								one, other = other, one
							}
							logits[a] += one*theta[2*x] + other*theta[2*x+1]
						}
					}
					comparePolicy(t, r.Label, got, fmt.Sprintf("%s %d-%d", run, c.Group, at+1), logits)
				}
			}
			if !compared(i, j, len(r.Steps)-1, len(r.Steps)) {
				continue
			}
			for g, want := range r.Error {
				run := id[fmt.Sprintf("case-%d-%d-%d", i, j, len(r.Steps)-1)]
				if off := far(errors, fmt.Sprint(run, " heldout-", g), want); !(off <= 1e-6) {
					t.Errorf("%s, %s: the reward error of group %d is off by %.2g, at most 1e-6", r.Label, run, g, off)
				}
			}
		}
	}
}
