package scorecard

import (
	"bytes"
	"context"
	"fmt"

	"windtunnel/metrics/claims"
	"windtunnel/toy/exact"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
)

// severity turns the status of a minimizer into the value of a cell.
var severity = map[exact.Status]float64{train.Converged: 0, exact.NotUnique: 1, exact.Boundary: 2, train.Diverged: 3}

const existenceValue = "worst over lambda 0.01, 1 and 100: 0 a unique finite minimizer, 1 several, 2 one on the boundary of the simplex, 3 none"

// existenceLambdas are the strengths at which existence is asked for.
var existenceLambdas = []float64{0.01, 1, 100}

// comparison is a number of equal comparisons in a data file.
type comparison struct{ chosen, rejected, times int }

// lines writes comparisons as a data file of one prompt.
func lines(all ...comparison) []byte {
	var b bytes.Buffer
	for _, c := range all {
		for range c.times {
			fmt.Fprintf(&b, "{\"prompt\": 0, \"chosen\": %d, \"rejected\": %d}\n", c.chosen, c.rejected)
		}
	}
	return b.Bytes()
}

var existenceNeverLoses = &Test{
	Name:  "existence/never-loses",
	Asks:  "Is there a unique finite minimizer when a response never loses?",
	Value: existenceValue,
	Theory: "If a group of responses never loses to the rest, a loss that falls for ever with the margin (DPO's logistic one) has no minimizer at any " +
		"lambda; one with an attained minimum (IPO's) has. TYPO has a unique one, because KL(pi_ref to pi) grows without bound.",
	Where:   at(newEnvironment("never-loses", interpolationBandit, 0)),
	Measure: exists(lines(comparison{0, 1, 12}, comparison{0, 2, 8}, comparison{1, 2, 6}, comparison{2, 1, 4})),
}

var existenceNeverCompared = &Test{
	Name:  "existence/never-compared",
	Asks:  "Is there a unique finite minimizer when a response was never compared?",
	Value: existenceValue,
	Theory: "A loss of margins alone is flat between groups that were never compared: its minimizers form a line. TYPO's is unique, because " +
		"KL(pi_ref to pi) sees every response. A loss that judges responses one by one leaves the others what mass it does not want, which may be none.",
	Where:   at(newEnvironment("never-compared", interpolationBandit, 0)),
	Measure: exists(lines(comparison{0, 1, 7}, comparison{1, 0, 3})),
}

var existenceOnePair = &Test{
	Name:  "existence/one-pair",
	Asks:  "Is there a unique finite minimizer with one single comparison?",
	Value: existenceValue,
	Theory: "One comparison is a response that never loses beside one that was never compared: DPO diverges, IPO's minimizer is not unique, TYPO's " +
		"is unique and finite.",
	Where:   at(newEnvironment("one-pair", interpolationBandit, 0)),
	Measure: exists(lines(comparison{0, 1, 1})),
}

var existenceFlippedLabels = &Test{
	Name:  "existence/flipped-labels",
	Asks:  "Is there a unique finite minimizer when 10 % of the labels of a response that never loses are flipped?",
	Value: existenceValue,
	Theory: "Flipped labels make every response lose sometimes, so that the comparison graph is strongly connected and every strictly convex loss " +
		"of the margins has a unique finite minimizer; f-DPO with alpha > 1 may still have it on the boundary.",
	Where: at(newEnvironment("flipped-labels", interpolationBandit, 0)),
	Measure: exists(lines(comparison{0, 1, 54}, comparison{1, 0, 6}, comparison{0, 2, 36}, comparison{2, 0, 4}, comparison{1, 2, 31},
		comparison{2, 1, 19})),
}

// exists asks the exact solver for a minimizer or, where it has none to give, whether there is one. It decides by the
// structure of the loss and of the comparisons.
func exists(data []byte) func(*Subject, *Environment) Reading {
	return func(s *Subject, p *Environment) Reading {
		lambdas := []float64{nan}
		if s.hasLambda() {
			lambdas = existenceLambdas
		}
		var worst *Reading
		for _, lambda := range lambdas {
			r := s.existence(p, s.nearest(lambda), data)
			if r.None != "" {
				return r
			}
			if worst == nil || r.Value > worst.Value {
				worst = &r
			}
		}
		return *worst
	}
}

func (s *Subject) existence(p *Environment, lambda float64, data []byte) Reading {
	t := task{Settings: settingsAt(p.Params, 0), loss: s.at(lambda), file: data}
	t.Preferences = &preference.File{Path: "data/" + p.Name + ".jsonl"}
	o := t.exact(s.shared.ctx)
	if o.err != nil {
		return t.decided(s.shared.ctx, lambda)
	}
	value, known := severity[exact.Status(o.status)]
	if !known {
		return none("the exact solver gave up: " + o.reason)
	}
	r := Reading{Value: value, Prompt: "x", Lambda: lambda, Solver: o.Solver, Detail: o.status}
	if o.reason != "" {
		r.Detail += ": " + o.reason
	}
	if o.whole() {
		r.Reached = probabilities(o.logPi[0])
	}
	r.Again = func(bound float64) *Recipe {
		rec, label := newRecipe(o), atLambda(s.Label, lambda)
		rec.add(label, o)
		return rec.claim("The status is "+o.status+", which the cell writes as a number.", true,
			&claims.Status{Where: only(label), Is: []string{o.status}})
	}
	return r
}

// decided asks whether a loss has a minimizer that the exact solver does not know how to find.
func (t *task) decided(ctx context.Context, lambda float64) (r Reading) {
	o, made := t.build()
	if o.err != nil {
		return none(o.err.Error())
	}
	problem, err := made.Exact()
	if err != nil {
		return none(err.Error())
	}
	v, err := exact.Solve(ctx, problem)
	if err != nil {
		return none(err.Error())
	}
	r = Reading{Value: severity[v.Status], Prompt: "x", Lambda: lambda, Detail: string(v.Status)}
	if v.Reason != "" {
		r.Detail += ": " + v.Reason
	}
	return r
}
