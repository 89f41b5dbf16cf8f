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
	Star      []float64 `json:"star"` // null where there is no pi_star
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
		p := Policy{Run: policies.Text(i, "run"), Prompt: policies.Text(i, "prompt")}
		drawn := true
		for ; i < policies.Len() && policies.Text(i, "run") == p.Run && policies.Text(i, "prompt") == p.Prompt; i++ {
			pi := policies.Float(i, "pi")
			drawn = drawn && !math.IsNaN(pi)
			p.Pi, p.Ref = append(p.Pi, pi), append(p.Ref, policies.Float(i, "pi_ref"))
			if star := policies.Float(i, "pi_star"); !math.IsNaN(star) {
				p.Star = append(p.Star, star)
			}
		}
		if !drawn || len(p.Pi) != simplexResponses {
			continue
		}
		run, known := row[p.Run]
		if !known {
			return nil, fmt.Errorf("%s: the table %s has no run %q, the table %s has", name, tables.Runs, p.Run, tables.Policies)
		}
		if len(out.Policies) == mostPolicies {
			out.Omitted++
			continue
		}
		p.Objective, p.Lambda = runs.Text(run, "objective"), runs.Text(run, "lambda")
		out.Policies = append(out.Policies, p)
	}
	if len(out.Policies) == 0 {
		return nil, fmt.Errorf("%s: no final policies over %d responses, which is what the explorer draws", name, simplexResponses)
	}
	return out, nil
}
