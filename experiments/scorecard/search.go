package scorecard

import (
	"context"
	"fmt"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/optimize"

	"windtunnel/experiments/engine"
	"windtunnel/experiments/spec"
	"windtunnel/metrics/tables"
	"windtunnel/toy/bandit"
	"windtunnel/toy/logspace"
)

// Searched is the environment that a search found to break a loss worst in a test. It is a local worst: the value is that of the
// test there, and no more is known.
type Searched struct {
	Value       float64
	Tries       int    // environments that were measured
	Environment string // as a config has it

	params *bandit.Declared
	prompt string // that the test is about
}

// Settings of the search.
const (
	searchStarts    = 3
	searchTries     = 150 // of each start, about
	searchResponses = 3
	searchWidth     = 3.0 // logits of pi_star and pi_ref lie within it of 0
)

// search looks for the environment in which test j has the largest value, by the simplex method of Nelder and Mead over the logits
// of pi_star and pi_ref of one prompt, or of a good prompt (pi_ref = pi_star) and a bad one where the test takes two. The starts are
// random but fixed. It returns nil where nothing can be measured. The error is the context's.
func (s *subject) search(ctx context.Context, t *spec.Desideratum, j int) (*Searched, error) {
	k := max(searchResponses, t.Responses)
	n := 2 * k
	if t.Prompts > 1 {
		n += k
	}
	best := &Searched{Value: math.Inf(-1)}
	var failed error
	value := func(x []float64) float64 {
		if failed != nil || math.IsInf(best.Value, 1) {
			return 0
		}
		env := searchedBandit(x, k)
		made, err := newEnvironment(fmt.Sprint("searched-", best.Tries), env, 0)
		if err != nil {
			return 0
		}
		var memory engine.Memory
		r, err := s.read(ctx, &memory, t, j, &Site{Name: made.Name, Environment: made})
		if err != nil {
			failed = err
			return 0
		}
		best.Tries++
		if r.outcome != measured {
			return 0
		}
		if r.Value > best.Value {
			best.Value, best.params, best.prompt = r.Value, env, r.Prompt
		}
		return max(-r.Value, -math.MaxFloat64)
	}
	draws := random(3)
	for range searchStarts {
		x := make([]float64, n)
		for i := range x {
			x[i] = draws.NormFloat64()
		}
		settings := &optimize.Settings{FuncEvaluations: searchTries, Concurrent: 1}
		// It ends in an error where the value is the same everywhere, or at its limit: what it saw is kept all the same.
		_, _ = optimize.Minimize(optimize.Problem{Func: value}, x, settings, &optimize.NelderMead{})
		if failed != nil {
			return nil, failed
		}
	}
	if best.params == nil {
		return nil, nil
	}
	best.Environment = flowOf(best.params)
	return best, nil
}

// searchedBandit makes an environment of a point of the search.
func searchedBandit(x []float64, k int) *bandit.Declared {
	policy := func(at int) []float64 {
		p := make([]float64, k)
		for i := range p {
			p[i] = searchWidth * math.Tanh(x[at*k+i]/searchWidth)
		}
		logspace.LogSoftmax(p, p)
		logspace.Exp(p, p)
		return p
	}
	var prompts []bandit.DeclaredPrompt
	if len(x) > 2*k {
		good := policy(2)
		prompts = append(prompts, bandit.DeclaredPrompt{Name: "good", PiStar: good, PiRef: slices.Clone(good)})
	}
	return &bandit.Declared{Prompts: append(prompts, bandit.DeclaredPrompt{Name: "bad", PiStar: policy(0), PiRef: policy(1)})}
}

// flowOf writes an environment in one line of YAML.
func flowOf(d *bandit.Declared) string {
	return "{kind: bandit, prompts: [" + listed(d.Prompts, func(p bandit.DeclaredPrompt) string {
		return fmt.Sprintf("{name: %s, pi_star: [%s], pi_ref: [%s]}", p.Name, listed(p.PiStar, tables.FormatFloat), listed(p.PiRef, tables.FormatFloat))
	}) + "]}"
}

// search searches for every loss and every test in the card's environments, where the settings ask for it; else it returns nil.
func search(ctx context.Context, subjects []*subject, same []int, tests []*spec.Desideratum, settings spec.ScorecardSettings, jobs int) ([][]*Searched, error) {
	if !slices.Contains(settings.WorstOf, "search") {
		return nil, nil
	}
	all := make([][]*Searched, len(subjects))
	group, working := errgroup.WithContext(ctx)
	group.SetLimit(jobs)
	for i, s := range subjects {
		all[i] = make([]*Searched, len(tests))
		for j, t := range tests {
			if same[i] != i || !t.OnCard || s.plans[j][0]().why != "" {
				continue
			}
			group.Go(func() (err error) {
				all[i][j], err = s.search(working, t, j)
				return err
			})
		}
	}
	return all, group.Wait()
}
