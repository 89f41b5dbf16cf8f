package explore

import (
	"fmt"
	"math"

	"windtunnel/metrics/tables"
)

// Results are the final policies of a results folder over three responses, as the page shows them.
type Results struct {
	Name     string   `json:"name"`
	Policies []Policy `json:"policies"`
	Omitted  int      `json:"omitted"` // policies beyond the most that are shown
}

// Policy is a run's final policy on one prompt.
type Policy struct {
	Run       string    `json:"run"`
	Objective string    `json:"objective"`
	Lambda    string    `json:"lambda"` // "" where the loss has none
	Prompt    string    `json:"prompt"`
	Pi        []float64 `json:"pi"`
	Ref       []float64 `json:"ref"`
	Star      []float64 `json:"star"`
}

// mostPolicies is how many policies of a folder a page shows.
const mostPolicies = 2000

// simplexResponses is the number of responses whose policies can be drawn.
const simplexResponses = 3

// ReadResults reads the policies of the tables of a folder. Prompts with another number of responses and runs without a
// final policy are left out; the error says so where nothing is left.
func ReadResults(name string, src tables.Source) (*Results, error) {
	runs, err := src.Table(tables.Runs)
	if err != nil {
		return nil, err
	}
	policies, err := src.Table(tables.Policies)
	if err != nil {
		return nil, err
	}
	row := map[string]int{}
	for i := range runs.Len() {
		row[runs.Text(i, "run")] = i
	}
	out := &Results{Name: name, Policies: []Policy{}}
	for i := 0; i < policies.Len(); {
		n := promptRows(policies, i)
		if p, ok := readPolicy(policies, i, n); ok {
			run, known := row[p.Run]
			if !known {
				return nil, fmt.Errorf("%s: the table %s has no run %q, the table %s has", name, tables.Runs, p.Run, tables.Policies)
			}
			p.Objective, p.Lambda = runs.Text(run, "objective"), runs.Text(run, "lambda")
			out.add(p)
		}
		i += n
	}
	if len(out.Policies) == 0 {
		return nil, fmt.Errorf("%s: no final policies over %d responses, which is what the explorer draws", name, simplexResponses)
	}
	return out, nil
}

// add keeps a policy if there is room.
func (r *Results) add(p Policy) {
	if len(r.Policies) == mostPolicies {
		r.Omitted++
		return
	}
	r.Policies = append(r.Policies, p)
}

// promptRows counts the rows from first on that are of the same run and prompt.
func promptRows(t *tables.Table, first int) int {
	n := 1
	for first+n < t.Len() && t.Text(first+n, "run") == t.Text(first, "run") && t.Text(first+n, "prompt") == t.Text(first, "prompt") {
		n++
	}
	return n
}

// readPolicy reads n rows as a policy, and says whether it can be drawn.
func readPolicy(t *tables.Table, first, n int) (Policy, bool) {
	p := Policy{Run: t.Text(first, "run"), Prompt: t.Text(first, "prompt")}
	for i := first; i < first+n; i++ {
		pi := t.Float(i, "pi")
		if math.IsNaN(pi) {
			return p, false
		}
		p.Pi, p.Ref, p.Star = append(p.Pi, pi), append(p.Ref, t.Float(i, "pi_ref")), append(p.Star, t.Float(i, "pi_star"))
	}
	return p, n == simplexResponses
}
