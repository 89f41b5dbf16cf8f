package scorecard

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"

	"windtunnel/metrics/claims"
	"windtunnel/toy/bandit"
	"windtunnel/toy/objective"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
)

const majorityValue = "total variation that the minimizer at lambda 0.01 moves when one comparison in a hundred changes sides"

const majorityTheory = "No policy of Bradley and Terry's model has these preferences. At small lambda a loss that goes to a mode amplifies the smallest lead " +
	"and may turn over with a single label; one that goes to a fit of the data (Bradley-Terry's maximum likelihood for TYPO) moves as little as the data does."

// uniform is the environment of preferences that no pi_star has: pi_ref and the declared pi_star are uniform.
func uniform(name string) *Environment {
	third := []float64{1. / 3, 1. / 3, 1. / 3}
	return newEnvironment(name, &bandit.Declared{Prompts: []bandit.DeclaredPrompt{{Name: "x", PiStar: third, PiRef: third}}}, 0)
}

var intransitive = &Test{
	Name:    "beyond-bradley-terry/intransitive",
	Asks:    "Is the result stable when preferences run in a circle, and which majority does it follow?",
	Value:   majorityValue,
	Theory:  majorityTheory + " Here 0 beats 1 in 60 % of the comparisons, 1 beats 2 in 60 %, 2 beats 0 in 60 %: every response is as good as any other.",
	Bound:   0.1,
	Where:   at(uniform("intransitive")),
	Measure: majority([3]int{60, 60, 40}, [3]int{61, 60, 40}),
}

var ties = &Test{
	Name:    "beyond-bradley-terry/ties",
	Asks:    "Is the result stable when the two best responses tie, and what does it do with the tie?",
	Value:   majorityValue,
	Theory:  majorityTheory + " Here 0 and 1 tie, and both beat 2 in 80 % of the comparisons.",
	Bound:   0.1,
	Where:   at(uniform("ties")),
	Measure: majority([3]int{50, 80, 80}, [3]int{51, 80, 80}),
}

var mixture = &Test{
	Name:  "beyond-bradley-terry/mixture",
	Asks:  "Is the result stable between two populations of annotators, and whom does it follow?",
	Value: majorityValue,
	Theory: majorityTheory + " Here half of the annotators rank 0, 1, 2 and half 2, 1, 0, each keeping to it in 90 % of the comparisons; the " +
		"change makes one population larger by 2 %.",
	Bound:   0.1,
	Where:   at(uniform("mixture")),
	Measure: majority([3]int{50, 50, 50}, [3]int{51, 51, 51}),
}

// wins writes comparisons of three responses from the percentages of wins of 0 over 1, 1 over 2 and 0 over 2.
func wins(of [3]int) []byte {
	return lines(comparison{0, 1, of[0]}, comparison{1, 0, 100 - of[0]}, comparison{1, 2, of[1]}, comparison{2, 1, 100 - of[1]},
		comparison{0, 2, of[2]}, comparison{2, 0, 100 - of[2]})
}

// majority measures how far the minimizer moves between two data sets.
func majority(before, after [3]int) func(*Subject, *Environment) Reading {
	return func(s *Subject, p *Environment) Reading {
		if !s.comparesPairs() {
			return none("the loss reads no comparisons")
		}
		lambda := s.nearest(0.01)
		first, second := s.onData(p, lambda, "before", wins(before)), s.onData(p, lambda, "after", wins(after))
		if !first.whole() || !second.whole() {
			return Reading{Value: math.Inf(1), Lambda: lambda, Solver: first.Solver, Detail: first.why()}
		}
		moved := variation(first.logPi[0], second.logPi[0])
		return Reading{Value: moved, Prompt: "x", Lambda: lambda, Solver: first.Solver,
			Detail:  notion(s, first, before) + "; after the change " + notion(s, second, after),
			Reached: probabilities(second.logPi[0]), Expected: probabilities(first.logPi[0]), Against: "the minimizer before the change",
			Again: func(bound float64) *Recipe {
				const key = "preferences.path"
				r, label := newRecipe(first), atLambda(s.Label, lambda)
				r.addFile(&second.task)
				r.add(label, first)
				r.add(label+", after", second)
				r.sweep(key, first.Preferences.FilePath(), second.Preferences.FilePath())
				left, right := only(label), only(label+", after")
				left[key], right[key] = []string{first.Preferences.FilePath()}, []string{second.Preferences.FilePath()}
				return r.claim("The minimizer moves little when one comparison in a hundred changes sides.", moved <= bound,
					&claims.Distance{Left: left, Right: right, Max: &bound})
			}}
	}
}

func (s *Subject) onData(p *Environment, lambda float64, which string, data []byte) *outcome {
	return s.solve(p.Name+" "+which, lambda, func() task {
		t := task{Settings: settingsAt(p.Params, 0), file: data}
		t.Preferences = &preference.File{Path: "data/" + p.Name + "_" + which + ".jsonl"}
		return t
	})
}

// notion says which majority notion a policy is nearest to.
func notion(s *Subject, o *outcome, of [3]int) string {
	borda := []float64{float64(of[0] + of[2]), float64(100 - of[0] + of[1]), float64(200 - of[1] - of[2])}
	winners := make([]float64, 3)
	top := floats.Max(borda)
	for i, v := range borda {
		if v == top {
			winners[i] = 1
		}
	}
	floats.Scale(1/floats.Sum(winners), winners)
	third := 1. / 3
	best, nearest := math.Inf(1), ""
	for _, n := range []struct {
		name string
		pi   []float64
	}{
		{"Bradley-Terry's maximum likelihood", likeliest(s, o)},
		{"the uniform policy", []float64{third, third, third}},
		{"the Borda winners", winners},
		{"response 0 alone", []float64{1, 0, 0}}, {"response 1 alone", []float64{0, 1, 0}}, {"response 2 alone", []float64{0, 0, 1}},
	} {
		if tv := floats.Distance(n.pi, probabilities(o.logPi[0]), 1) / 2; tv < best-1e-9 {
			best, nearest = tv, n.name
		}
	}
	return fmt.Sprintf("nearest to %s (TV %.3f)", nearest, best)
}

// likeliest returns Bradley and Terry's maximum-likelihood policy on the outcome's data.
func likeliest(s *Subject, o *outcome) []float64 {
	t := o.task
	t.loss, t.Solver = &objective.BradleyTerry{}, "exact"
	fit := t.exact(s.shared.ctx)
	if fit.err != nil || fit.status != string(train.Converged) {
		return []float64{nan, nan, nan}
	}
	return probabilities(fit.logPi[0])
}
