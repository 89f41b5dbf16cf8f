// Package model is what the explorer computes: for a bandit of one prompt and three responses, where a loss takes the
// policy, on which way, what its landscape looks like and which criteria it meets. All numbers come from the packages
// under toy/ and metrics/, as those of a run do; this package asks for them and shapes the answers for a page. It is the
// same code in a browser (compiled to WebAssembly) and in tests.
package model

import (
	"context"

	"windtunnel/metrics"
	"windtunnel/toy/bandit"
	"windtunnel/toy/preference"
)

// Result is the answer to a State.
type Result struct {
	Partial     bool       `json:"partial"`     // some outcome lacks path and criteria, which Explore adds to what Glance gives
	Problems    []Problem  `json:"problems"`    // what is wrong with the state; the losses that are well are answered all the same
	Fragment    string     `json:"fragment"`    // the state in its canonical spelling
	Mode        []Number   `json:"mode"`        // pi_delta, all mass on pi_star's best response
	Comparisons int        `json:"comparisons"` // how many the losses see; equal draws have been dropped
	Class       [][]Number `json:"class"`       // policies along the policy class, where that is a curve
	Outcomes    []*Outcome `json:"outcomes"`    // one a loss, null where it has mistakes
	Config      string     `json:"config"`      // YAML that reproduces the outcomes; "" where there are problems
}

// Outcome is what one loss does.
type Outcome struct {
	Label      string      `json:"label"`      // as in the config
	Kind       string      `json:"kind"`       // canonical
	Solver     string      `json:"solver"`     // that gave Policy: exact or train
	Status     string      `json:"status"`     // of the solver
	Reason     string      `json:"reason"`     // one sentence, or ""
	Policy     []Number    `json:"policy"`     // the minimizer, or where training ends; null where there is none
	Loss       Number      `json:"loss"`       // there
	Rest       []Number    `json:"rest"`       // where Newton's method rests from pi_ref, for losses that the exact solver does not know; else null
	Trajectory [][]Number  `json:"trajectory"` // policies of the training from pi_ref, first to last
	Trained    string      `json:"trained"`    // how training ended
	Path       []Place     `json:"path"`       // minimizers along lambda, from the smallest; null where Result.Partial
	Landscape  *Landscape  `json:"landscape"`
	Measures   []Measure   `json:"measures"` // of Policy, by metrics.All
	Criteria   []Criterion `json:"criteria"` // null where Result.Partial
}

// Place is the minimizer at one lambda.
type Place struct {
	Lambda Number   `json:"lambda"`
	Policy []Number `json:"policy"` // null where there is no minimizer

	rest
}

// Measure is a metric of a policy.
type Measure struct {
	Name  string `json:"name"`
	Value Number `json:"value"`
}

// promptName is the name of the one prompt.
const promptName = "x"

// world is what all losses of a state share.
type world struct {
	State
	env   *bandit.Env
	pairs *preference.Pairs
}

// Explorer answers states. It remembers the paths of losses along lambda, most of the work, which do not change with
// lambda, and what it last glanced at. The zero Explorer is ready; it serves one goroutine.
type Explorer struct {
	paths    map[string][]Place // by what they depend on, see subject.pathKey
	glanced  *Result            // the last answer, as it was before paths
	subjects []*subject         // of it; nil where a loss has mistakes
}

// mostPaths is how many paths an Explorer remembers.
const mostPaths = 32

// Explore answers a state. Nothing of it is random beyond the state's seed.
func (e *Explorer) Explore(s State) *Result { return e.answer(s, true) }

// Glance is Explore without paths and criteria, unless the paths are known already.
func (e *Explorer) Glance(s State) *Result { return e.answer(s, false) }

func (e *Explorer) answer(s State, whole bool) *Result {
	if e.glanced == nil || e.glanced.Fragment != s.Fragment() {
		e.glance(s)
	}
	r := *e.glanced
	r.Outcomes = make([]*Outcome, len(e.glanced.Outcomes))
	for i, u := range e.subjects {
		if u == nil {
			continue
		}
		o := *e.glanced.Outcomes[i]
		r.Outcomes[i] = &o
		if path, known := e.path(u, whole); known {
			o.Path, o.Criteria = path, u.criteria(path)
		} else {
			r.Partial = true
		}
	}
	return &r
}

// glance computes the answer to a state without paths.
func (e *Explorer) glance(s State) {
	r := &Result{Problems: append([]Problem{}, s.Check()...), Fragment: s.Fragment(), Outcomes: make([]*Outcome, len(s.Losses))}
	e.glanced, e.subjects = r, make([]*subject, len(s.Losses))
	if len(r.Problems) > 0 {
		return
	}
	w, err := newWorld(s)
	if err != nil {
		r.Problems = append(r.Problems, Problem{Field: "n", Message: err.Error()})
		return
	}
	r.Mode, r.Comparisons, r.Class = numbers(w.view().Mode), w.pairs.Len(), w.class()
	for i, l := range s.Losses {
		loss, problems := s.decode(l, sides[i])
		if len(problems) > 0 {
			r.Problems = append(r.Problems, problems...)
			continue
		}
		e.subjects[i] = &subject{world: w, Params: loss.params, kind: loss.kind, label: s.label(i)}
		r.Outcomes[i] = e.subjects[i].outcome()
	}
	if len(r.Problems) == 0 {
		r.Config = w.config(e.subjects, r.Outcomes)
	}
}

// path returns a loss's minimizers along lambda, if they are known or to be computed.
func (e *Explorer) path(u *subject, compute bool) (path []Place, known bool) {
	key := u.pathKey()
	if path, known = e.paths[key]; known || !compute {
		return path, known
	}
	if e.paths == nil || len(e.paths) == mostPaths {
		e.paths = map[string][]Place{}
	}
	path = u.path()
	e.paths[key] = path
	return path, true
}

func newWorld(s State) (*world, error) {
	w := &world{State: s, env: environment(s.Star, s.Ref)}
	var err error
	w.pairs, err = s.run(nil).BuildPreferences(w.env)
	return w, err
}

// environment is the bandit of one prompt.
func environment(star, ref []float64) *bandit.Env {
	return &bandit.Env{Prompts: []bandit.Prompt{bandit.NewPrompt(promptName, star, ref, nil, []float64{1})}}
}

// view returns pi_ref as metrics see it, beside the comparisons.
func (w *world) view() *metrics.View {
	x := &w.env.Prompts[0]
	v := metrics.NewView(x.LogRef, x.LogStar, x.LogReference())
	merged := merge(w.pairs)
	v.Chosen, v.Rejected, v.Weight = merged.Chosen, merged.Rejected, merged.Weight
	return v
}

// measures returns every metric of a policy, given as log-probabilities.
func (w *world) measures(logPi []float64) []Measure {
	v := w.view()
	v.Set(logPi)
	var all []Measure
	for _, m := range metrics.All() {
		all = append(all, Measure{m.Name, Number(m.Value(v))})
	}
	return all
}

// merge returns the distinct comparisons with their total weights, in the order in which they first occur.
func merge(pairs *preference.Pairs) *preference.Pairs {
	merged, at := &preference.Pairs{}, map[[2]int]int{}
	for i := range pairs.Len() {
		key := [2]int{pairs.Chosen[i], pairs.Rejected[i]}
		j, known := at[key]
		if !known {
			j = merged.Len()
			at[key] = j
			merged.Prompt, merged.Chosen, merged.Rejected = append(merged.Prompt, 0), append(merged.Chosen, key[0]), append(merged.Rejected, key[1])
			merged.Weight = append(merged.Weight, 0)
		}
		merged.Weight[j] += pairs.WeightOf(i)
	}
	return merged
}

// background is the context of computations that nobody interrupts: a page that changes its mind asks anew.
var background = context.Background()
