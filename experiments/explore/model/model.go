// Package model is what the explorer computes: for a bandit of one prompt and three responses, where a loss takes the
// policy, on which way, what its landscape looks like and which criteria it meets. All numbers come from the packages
// under toy/ and metrics/, as those of a run do; this package asks for them and shapes the answers for a page. It is the
// same code in a browser (compiled to WebAssembly) and in tests.
package model

import (
	"math"

	"windtunnel/metrics"
	"windtunnel/toy/bandit"
	"windtunnel/toy/exact"
	"windtunnel/toy/preference"
)

// Result is the answer to a State.
type Result struct {
	Partial     bool       `json:"partial"`     // some outcome has no path and criteria yet
	Problems    []Problem  `json:"problems"`    // what is wrong with the state; losses without a problem are answered all the same
	Fragment    string     `json:"fragment"`    // the state in its canonical spelling
	Mode        []Number   `json:"mode"`        // pi_delta, all mass on pi_star's best response
	Comparisons int        `json:"comparisons"` // of the losses; draws of two equal responses are left out
	Class       [][]Number `json:"class"`       // policies along the policy class, where that is a curve
	Outcomes    []*Outcome `json:"outcomes"`    // one a loss, null where it has mistakes
	Config      string     `json:"config"`      // YAML that reproduces the outcomes; "" where there are problems
}

// Outcome is what one loss does.
type Outcome struct {
	Label      string      `json:"label"`      // as in the config
	Answer     string      `json:"answer"`     // where the loss takes the policy, in a sentence
	Kind       string      `json:"kind"`       // canonical
	Solver     string      `json:"solver"`     // that gave Policy: exact or train
	Status     string      `json:"status"`     // of the solver
	Reason     string      `json:"reason"`     // one sentence, or ""
	Policy     []Number    `json:"policy"`     // the minimizer, or where training ends; null where there is none
	Loss       Number      `json:"loss"`       // of Policy
	Trajectory [][]Number  `json:"trajectory"` // policies of the training from pi_ref, first to last
	Trained    string      `json:"trained"`    // how training ended
	Path       []PathPoint `json:"path"`       // minimizers along lambda, from the smallest; null where Result.Partial
	Landscape  *Landscape  `json:"landscape"`
	Measures   []Measure   `json:"measures"` // of Policy, by metrics.All
	Criteria   []Criterion `json:"criteria"` // null where Result.Partial
}

// PathPoint is the minimizer at one lambda.
type PathPoint struct {
	Lambda Number   `json:"lambda"`
	Policy []Number `json:"policy"` // null where there is no minimizer

	found solution
	where string // it is, as the end of a sentence
}

// Measure is a metric of a policy.
type Measure struct {
	Name  string `json:"name"`
	Value Number `json:"value"`
}

// Number is a float64 that JSON can carry: NaN is null, infinities are the texts "inf" and "-inf".
type Number float64

// MarshalJSON writes the shortest text that reads back to the same float64.
func (n Number) MarshalJSON() ([]byte, error) {
	switch v := float64(n); {
	case math.IsNaN(v):
		return []byte("null"), nil
	case math.IsInf(v, 1):
		return []byte(`"inf"`), nil
	case math.IsInf(v, -1):
		return []byte(`"-inf"`), nil
	default:
		return []byte(formatFloat(v)), nil
	}
}

// probabilities returns exp of log-probabilities; nil stays nil.
func probabilities(logPi []float64) []Number {
	if logPi == nil {
		return nil
	}
	out := make([]Number, len(logPi))
	for i, l := range logPi {
		out[i] = Number(math.Exp(l))
	}
	return out
}

// promptName is the name of the one prompt.
const promptName = "x"

// instance is what all losses of a state share.
type instance struct {
	State
	env   *bandit.Env
	pairs *preference.Pairs
	known exact.Known
}

// Explorer answers states. It remembers the paths of losses along lambda, most of the work, which do not change with
// lambda, and its last answer. The zero Explorer is ready; it serves one goroutine.
type Explorer struct {
	paths    map[string][]PathPoint // by what they depend on, see subject.pathKey
	last     *Result                // the last answer, without paths and criteria
	subjects []*subject             // of it; nil where a loss has mistakes
}

// mostPaths is how many paths an Explorer remembers.
const mostPaths = 32

// Explore answers a state; where whole is false, without paths and criteria that are not known already. Nothing of it
// is random beyond the state's seed.
func (e *Explorer) Explore(s State, whole bool) *Result {
	if e.last == nil || e.last.Fragment != s.Fragment() {
		e.solve(s)
	}
	r := *e.last
	r.Outcomes = make([]*Outcome, len(e.last.Outcomes))
	for i, u := range e.subjects {
		if u == nil {
			continue
		}
		o := *e.last.Outcomes[i]
		r.Outcomes[i] = &o
		key := u.pathKey()
		path, known := e.paths[key]
		if !known {
			if !whole {
				r.Partial = true
				continue
			}
			if e.paths == nil || len(e.paths) == mostPaths {
				e.paths = map[string][]PathPoint{}
			}
			path = u.path()
			e.paths[key] = path
		}
		o.Path, o.Criteria = path, u.criteria(path)
	}
	return &r
}

// solve computes the answer to a state without paths and criteria.
func (e *Explorer) solve(s State) {
	_, problems := ParseState(s.Fragment())
	r := &Result{Problems: append([]Problem{}, problems...), Fragment: s.Fragment(), Outcomes: make([]*Outcome, len(s.Losses))}
	e.last, e.subjects = r, make([]*subject, len(s.Losses))
	if len(r.Problems) > 0 {
		return
	}
	in := &instance{State: s, env: environment(s.Star, s.Ref)}
	var err error
	if in.pairs, err = s.run(nil).BuildPreferences(in.env); err != nil {
		r.Problems = append(r.Problems, Problem{Field: "n", Message: err.Error()})
		return
	}
	for _, v := range in.view(in.env.Prompts[0].LogRef).Mode {
		r.Mode = append(r.Mode, Number(v))
	}
	r.Comparisons, r.Class = in.pairs.Len(), in.class()
	for i, l := range s.Losses {
		loss, problems := l.decode(sides[i], s.Lambda)
		if len(problems) > 0 {
			r.Problems = append(r.Problems, problems...)
			continue
		}
		e.subjects[i] = &subject{instance: in, Params: loss, index: i}
		r.Outcomes[i] = e.subjects[i].outcome()
	}
	if len(r.Problems) == 0 {
		r.Config = in.config(e.subjects, r.Outcomes)
	}
}

// environment is the bandit of one prompt.
func environment(star, ref []float64) *bandit.Env {
	return &bandit.Env{Prompts: []bandit.Prompt{bandit.NewPrompt(promptName, star, ref, nil, []float64{1})}}
}

// view is what metrics are computed from: a policy, given as log-probabilities, beside the comparisons.
func (in *instance) view(logPi []float64) *metrics.View {
	x := &in.env.Prompts[0]
	v := metrics.NewView(x.LogRef, x.LogStar, x.LogReference())
	v.Chosen, v.Rejected = in.pairs.Chosen, in.pairs.Rejected
	for i := range v.Chosen {
		v.Weight = append(v.Weight, in.pairs.WeightOf(i))
	}
	v.Set(logPi)
	return v
}
