package plots_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"testing"

	"windtunnel/metrics/tables"
	"windtunnel/plots"
)

// published is testdata/preservation.json: final policies that the published code trained, with KL(pi_star to pi) as
// computed there.
type published struct {
	Prompts []string
	PiStar  [][]float64 `json:"pi_star"`
	PiRef   [][]float64 `json:"pi_ref"`
	KLBad   float64     `json:"kl_star_ref_bad"`
	Runs    []struct {
		Objective   string
		Lambda      float64
		FinalPolicy [][]float64 `json:"final_policy"`
		KLGood      float64     `json:"kl_star_policy_good"`
		KLBad       float64     `json:"kl_star_policy_bad"`
	}
}

func readPublished(tb testing.TB) published {
	tb.Helper()
	data, err := os.ReadFile("testdata/preservation.json")
	if err != nil {
		tb.Fatal(err)
	}
	var p published
	if err := json.Unmarshal(data, &p); err != nil {
		tb.Fatal(err)
	}
	return p
}

// preservationTables are the tables of the published preservation runs.
func preservationTables(tb testing.TB) tables.Memory {
	p := readPublished(tb)
	runs := tables.NewTable(tables.Runs, "run", "objective", "lambda", "seed", "status", "steps", "reason", "kl_pi_ref", "kl_star_pi")
	prompts := tables.NewTable(tables.Prompts, "run", "prompt", "kl_star_pi", "kl_pi_ref")
	policies := tables.NewTable(tables.Policies, "run", "prompt", "response", "pi", "pi_ref", "pi_star")
	for _, r := range p.Runs {
		run := fmt.Sprintf("%s/lambda=%s", r.Objective, tables.FormatFloat(r.Lambda))
		reached := []float64{klOf(r.FinalPolicy[0], p.PiRef[0]), klOf(r.FinalPolicy[1], p.PiRef[1])}
		runs.Append(run, r.Objective, tables.FormatFloat(r.Lambda), "0", "done", "1", "",
			tables.FormatFloat((reached[0]+reached[1])/2), tables.FormatFloat((r.KLGood+r.KLBad)/2))
		for i, kl := range []float64{r.KLGood, r.KLBad} {
			prompts.Append(run, p.Prompts[i], tables.FormatFloat(kl), tables.FormatFloat(reached[i]))
			for _, row := range policyRows(run, p.Prompts[i], r.FinalPolicy[i], p.PiRef[i], p.PiStar[i]) {
				policies.Append(row...)
			}
		}
	}
	return tables.Memory{tables.Runs: runs, tables.Prompts: prompts, tables.Policies: policies}
}

func klOf(p, q []float64) float64 {
	sum := 0.0
	for i := range p {
		sum += p[i] * math.Log(p[i]/q[i])
	}
	return sum
}

func policyRows(run, prompt string, pi, ref, star []float64) [][]string {
	var rows [][]string
	for k := range pi {
		rows = append(rows, []string{run, prompt, strconv.Itoa(k), tables.FormatFloat(pi[k]), tables.FormatFloat(ref[k]), tables.FormatFloat(star[k])})
	}
	return rows
}

var (
	piStar = []float64{0.6, 0.3, 0.1}
	piRef  = []float64{0.4, 0.4, 0.2}
	mode   = []float64{1, 0, 0}
	noPi   = []float64{math.NaN(), math.NaN(), math.NaN()}
)

// mixture goes from p (at 0) to q (at 1).
func mixture(p, q []float64, at float64) []float64 {
	m := make([]float64, len(p))
	for k := range p {
		m[k] = p[k] + at*(q[k]-p[k])
	}
	return m
}

// trainingTables hold two losses that move straight from pi_ref, one to the mode and one to pi_star, at two lambdas.
func trainingTables() tables.Memory {
	runs := tables.NewTable(tables.Runs, "run", "objective", "lambda", "seed", "status", "steps", "reason", "tv_star", "kl_pi_ref")
	policies := tables.NewTable(tables.Policies, "run", "prompt", "response", "pi", "pi_ref", "pi_star")
	paths := tables.NewTable(tables.Trajectories, "run", "step", "prompt", "response", "pi")
	traces := tables.NewTable(tables.Traces, "run", "step", "tv_star")
	for _, lambda := range []string{"1e-05", "100"} {
		for _, loss := range []struct {
			label string
			goal  []float64
		}{{"dpo", mode}, {"typo", piStar}} {
			goal := loss.goal
			if lambda == "100" {
				goal = piRef
			}
			run := loss.label + "/lambda=" + lambda
			distance := math.Abs(goal[0] - piStar[0])
			runs.Append(run, loss.label, lambda, "0", "done", "4000", "", tables.FormatFloat(distance), "0.1")
			for _, row := range policyRows(run, "x", goal, piRef, piStar) {
				policies.Append(row...)
			}
			for step := 0; step <= 4000; step += 500 {
				pi := mixture(piRef, goal, float64(step)/4000)
				traces.Append(run, strconv.Itoa(step), tables.FormatFloat(math.Abs(pi[0]-piStar[0])))
				for k := range pi {
					paths.Append(run, strconv.Itoa(step), "x", strconv.Itoa(k), tables.FormatFloat(pi[k]))
				}
			}
		}
	}
	return tables.Memory{tables.Runs: runs, tables.Policies: policies, tables.Trajectories: paths, tables.Traces: traces}
}

// constraintTables hold rlhf and dpo at three penalties: equal at 0, 0.1 apart in total variation at 0.01, and at 1 rlhf
// 0.2 away from a dpo run that diverged for lambda 2.
func constraintTables() tables.Memory {
	runs := tables.NewTable(tables.Runs, "run", "objective", "lambda", "seed", "constraint.l2", "status", "steps", "reason")
	policies := tables.NewTable(tables.Policies, "run", "prompt", "response", "pi", "pi_ref", "pi_star")
	for _, objective := range []string{"rlhf", "dpo"} {
		for _, lambda := range []string{"0.5", "2"} {
			for _, at := range []struct {
				l2    string
				shift float64
			}{{"0", 0}, {"0.01", 0.1}, {"1", 0.2}} {
				pi, status := append([]float64(nil), piStar...), "converged"
				if objective == "rlhf" {
					pi[0], pi[1] = pi[0]-at.shift, pi[1]+at.shift
				} else if at.l2 == "1" && lambda == "2" {
					pi, status = noPi, "diverged"
				}
				run := objective + "/lambda=" + lambda + "/constraint.l2=" + at.l2
				runs.Append(run, objective, lambda, "0", at.l2, status, "0", "")
				for _, row := range policyRows(run, "x", pi, piRef, piStar) {
					policies.Append(row...)
				}
			}
		}
	}
	return tables.Memory{tables.Runs: runs, tables.Policies: policies}
}

// existenceTables hold one run of each status.
func existenceTables() tables.Memory {
	runs := tables.NewTable(tables.Runs, "run", "objective", "lambda", "seed", "status", "steps", "reason", "tv_star", "kl_pi_ref")
	policies := tables.NewTable(tables.Policies, "run", "prompt", "response", "pi", "pi_ref", "pi_star")
	for _, r := range []struct {
		objective, lambda, status string
		pi                        []float64
	}{
		{"dpo", "0.01", "diverged", noPi}, {"dpo", "1", "not-unique", piRef},
		{"typo", "0.01", "converged", piStar}, {"typo", "1", "converged", piRef},
		{"f-dpo", "0.01", "boundary", mode}, {"f-dpo", "1", "converged", piRef},
	} {
		run := r.objective + "/lambda=" + r.lambda
		runs.Append(run, r.objective, r.lambda, "0", r.status, "0", "",
			tables.FormatFloat(math.Abs(r.pi[0]-piStar[0])), tables.FormatFloat(math.Abs(r.pi[0]-piRef[0])))
		for _, row := range policyRows(run, "x", r.pi, piRef, piStar) {
			policies.Append(row...)
		}
	}
	return tables.Memory{tables.Runs: runs, tables.Policies: policies}
}

// seedsTables hold two losses at four lambdas over five seeds, with noise that is symmetric around their means. Two typo runs
// failed, both at lambda 1.
func seedsTables() tables.Memory {
	runs := tables.NewTable(tables.Runs, "run", "objective", "lambda", "seed", "status", "steps", "reason", "tv_star", "kl_pi_ref")
	for l, objective := range []string{"dpo", "typo"} {
		for i, lambda := range []string{"0.01", "0.1", "1", "10"} {
			for seed, noise := range []float64{-0.08, -0.02, 0, 0.02, 0.08} {
				status, tv, kl := "done", tables.FormatFloat(0.5-0.1*float64(i)-0.15*float64(l)+noise), tables.FormatFloat(2-0.5*float64(i)+noise)
				if objective == "typo" && lambda == "1" && math.Abs(noise) == 0.02 {
					status, tv, kl = "failed", "", ""
				}
				run := fmt.Sprintf("%s/lambda=%s/seed=%d", objective, lambda, seed)
				runs.Append(run, objective, lambda, strconv.Itoa(seed), status, "9", "", tv, kl)
			}
		}
	}
	return tables.Memory{tables.Runs: runs}
}

// experiments are all of these tables by the name of an experiment.
func experiments(tb testing.TB) map[string]tables.Memory {
	return map[string]tables.Memory{
		"preservation": preservationTables(tb),
		"training":     trainingTables(),
		"constraint":   constraintTables(),
		"existence":    existenceTables(),
		"seeds":        seedsTables(),
		"paired":       pairedTables(tb),
		"landscape":    landscapeTables(),
		"frontier":     frontierTables(),
		"loss":         lossTables(), "kl": klTables(8, 1),
		"scorecard": scorecardTables(),
	}
}

// suite gives all of these tables.
func suite(tb testing.TB) plots.Sources { return sourcesOf(experiments(tb)) }

func sourcesOf(experiments map[string]tables.Memory) plots.Sources {
	return plots.NewSources(func(name string) (tables.Source, error) {
		if source, ok := experiments[name]; ok {
			return source, nil
		}
		return nil, fmt.Errorf("no experiment %q", name)
	})
}
