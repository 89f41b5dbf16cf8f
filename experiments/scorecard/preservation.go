package scorecard

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"windtunnel/metrics/claims"
)

// improvedBy is the share of KL(pi_star to pi_ref) by which a bad prompt has to be improved.
const improvedBy = 0.5

var preservation = &Test{
	Name: "preservation",
	Asks: "How much is a good prompt damaged once the bad one beside it has been improved by half?",
	Value: "KL(pi_star to pi), in nats, on the good prompt (pi_ref = pi_star), least over the lambdas at which that of the bad prompt is at " +
		"most half of KL(pi_star to pi_ref)",
	Theory: "arXiv 2407.09072, preservation theorem. No loss psi(mu(r_w) - mu(r_l); lambda) leaves good prompts at pi_star and improves bad ones, for any " +
		"psi, mu and lambda. TYPO's minimizer on a good prompt is pi_star for every lambda, since it minimizes both of its terms.",
	Bound: 1e-3,
	Where: paired,
	Measure: func(s *Subject, p *Environment) Reading {
		points, r := s.frontier(p)
		if r != nil {
			return *r
		}
		best := -1
		for i, q := range points {
			if q.improved && (best < 0 || q.good < points[best].good) {
				best = i
			}
		}
		if best < 0 {
			return none("no lambda improves the bad prompt by half")
		}
		q := points[best]
		view := q.at.view(q.goodPrompt)
		return Reading{Value: q.good, Prompt: q.goodName, Lambda: q.lambda, Solver: q.at.Solver,
			Detail:  fmt.Sprintf("KL(pi_star to pi) is %.4g on %s and %.4g on %s, where pi_ref has %.4g", q.good, q.goodName, q.bad, q.badName, q.baseline),
			Reached: view.Pi, Expected: view.Star, Against: "pi_star of the good prompt, which is pi_ref",
			Again: func(bound float64) *Recipe {
				rec, label := newRecipe(q.at), atLambda(s.Label, q.lambda)
				rec.add(label, q.at)
				return rec.claim("The good prompt stays at pi_star, at the best lambda that improves the bad one by half.", q.good <= bound,
					&claims.Bound{Metric: "kl_star_pi", Prompt: q.goodName, Where: only(label), Max: &bound})
			}}
	},
}

var preservationDominated = &Test{
	Name: "preservation/dominated",
	Asks: "Does TYPO do better on the good and on the bad prompt at once?",
	Value: "by how many nats of KL(pi_star to pi) some TYPO minimizer is better on both prompts (on the one where it gains less), at the " +
		"lambda of the loss where it is hardest to beat, among those that improve the bad prompt by half",
	Theory: "arXiv 2407.09072. TYPO's minimizers run from pi_ref to pi_star on the bad prompt with the good one left at pi_star, so no loss " +
		"can be better than all of them on either.",
	Bound: 1e-3,
	Where: paired,
	Measure: func(s *Subject, p *Environment) Reading {
		points, r := s.frontier(p)
		if r != nil {
			return *r
		}
		rivals, r := s.shared.rivalsAt(p)
		if r != nil {
			return *r
		}
		least, hardest := math.Inf(1), -1
		for i, q := range points {
			if m := q.margin(rivals); q.improved && m < least {
				least, hardest = m, i
			}
		}
		if hardest < 0 {
			return none("no lambda improves the bad prompt by half")
		}
		return points[hardest].dominatedReading(s, least, rivals)
	},
}

// tradeoff is how close a loss comes to pi_star on a good and on a bad prompt at one lambda.
type tradeoff struct {
	lambda              float64
	at                  *outcome
	goodPrompt          int
	goodName, badName   string
	good, bad, baseline float64 // KL(pi_star to pi), and of pi_ref on the bad prompt, nats
	improved            bool
}

// paired returns the environments with a good prompt beside a bad one.
func paired(s *Subject) []*Environment {
	return slices.DeleteFunc(slices.Clone(s.shared.environments), func(p *Environment) bool { return len(p.Env.Prompts) < 2 })
}

// rivalry is TYPO's frontier in one environment.
type rivalry struct {
	points []tradeoff
	broken *Reading
}

// rivalsAt returns TYPO's frontier.
func (c *shared) rivalsAt(p *Environment) ([]tradeoff, *Reading) {
	r := c.rivals.get(p.Name, func() rivalry {
		typo := *c.typo
		typo.cache = map[minimumKey]*outcome{}
		points, broken := typo.frontier(p)
		return rivalry{points, broken}
	})
	return r.points, r.broken
}

// frontier returns the trade-offs of the loss along lambda, or why it cannot be said.
func (s *Subject) frontier(p *Environment) ([]tradeoff, *Reading) {
	good, bad := -1, -1
	for i, x := range p.Env.Prompts {
		if strings.HasPrefix(x.Name, "good") {
			good = i
		} else {
			bad = i
		}
	}
	if good < 0 || bad < 0 {
		r := none("no good prompt beside a bad one")
		return nil, &r
	}
	lambdas := s.grid(s.solvedFor())
	if !s.hasLambda() {
		lambdas = []float64{nan}
	}
	var points []tradeoff
	for _, lambda := range lambdas {
		if q := s.tradeoff(p, good, bad, lambda); q != nil {
			points = append(points, *q)
		}
	}
	if len(points) == 0 {
		return nil, &Reading{Value: math.Inf(1), Detail: "no minimizer at any lambda"}
	}
	return s.refined(p, good, bad, points), nil
}

// bisections is how often the interval is halved in which the largest lambda lies that improves the bad prompt by half;
// less often, searchedBisections, where the minimizer has to be searched for.
const (
	bisections         = 5
	searchedBisections = 3
)

// refined adds the points of a bisection in log lambda between the largest lambda of the grid that improves the bad
// prompt by half and the next: damage is least there where it falls with lambda.
func (s *Subject) refined(p *Environment, good, bad int, points []tradeoff) []tradeoff {
	last := -1
	for i, q := range points {
		if q.improved {
			last = i
		}
	}
	if last < 0 || last == len(points)-1 {
		return points
	}
	low, high := points[last].lambda, points[last+1].lambda
	halvings := searchedBisections
	if s.solvedFor() {
		halvings = bisections
	}
	for range halvings {
		middle := math.Sqrt(low * high)
		q := s.tradeoff(p, good, bad, middle)
		if q == nil {
			break
		}
		points = append(points, *q)
		if q.improved {
			low = middle
		} else {
			high = middle
		}
	}
	return points
}

// tradeoff returns the trade-off of the loss at one lambda, nil where it has no minimizer.
func (s *Subject) tradeoff(p *Environment, good, bad int, lambda float64) *tradeoff {
	o := s.minimum(p, lambda)
	if !o.whole() {
		return nil
	}
	q := &tradeoff{lambda: lambda, at: o, goodPrompt: good, goodName: p.Env.Prompts[good].Name, badName: p.Env.Prompts[bad].Name,
		good: o.metric("kl_star_pi", good), bad: o.metric("kl_star_pi", bad), baseline: o.metric("kl_star_ref", bad)}
	q.improved = q.bad <= (1-improvedBy)*q.baseline
	return q
}

// margin is by how much the best rival is better on both prompts.
func (q *tradeoff) margin(rivals []tradeoff) float64 {
	most := math.Inf(-1)
	for _, t := range rivals {
		most = max(most, min(q.good-t.good, q.bad-t.bad))
	}
	return most
}

func (q *tradeoff) dominatedReading(s *Subject, margin float64, rivals []tradeoff) Reading {
	view := q.at.view(q.goodPrompt)
	return Reading{Value: margin, Prompt: q.goodName, Lambda: q.lambda, Solver: q.at.Solver,
		Detail:  fmt.Sprintf("KL(pi_star to pi) is %.4g on %s and %.4g on %s%s", q.good, q.goodName, q.bad, q.badName, atText(q.lambda)),
		Reached: view.Pi, Expected: view.Star, Against: "pi_star of the good prompt, which TYPO keeps",
		Again: func(bound float64) *Recipe {
			r, label := newRecipe(q.at), atLambda(s.Label, q.lambda)
			r.add(label, q.at)
			var names []string
			for _, t := range rivals {
				name := atLambda("rival typo", t.lambda)
				names = append(names, name)
				r.add(name, t.at)
			}
			axis := func(prompt string) claims.Axis {
				return claims.Axis{Metric: "kl_star_pi", Prompt: prompt, Better: "lower"}
			}
			return r.claim("Dominated by TYPO: the claim's value is the cell's with the sign turned.", -margin <= bound,
				&claims.Dominated{Where: only(label), By: map[string][]string{"objective": names}, Slack: bound,
					On: []claims.Axis{axis(q.goodName), axis(q.badName)}})
		}}
}
