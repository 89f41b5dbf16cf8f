package claims

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
	"windtunnel/toy/registry"
)

// Gain claims how much probability some responses have gained on pi_ref under the final policies: those of `responses`, or all but
// pi_star's best and worst (the first of equals), which a comparison of the two leaves out. Its value is the gain, negative for a
// loss, at the prompt and run nearest to a limit or farthest beyond it.
type Gain struct {
	Where     tables.Where `yaml:"where" doc:"which runs: by column, a value or a list of values; none means all"`
	Prompt    string       `yaml:"prompt,omitempty" doc:"only this prompt; a prefix such as good means each of good-1, good-2, ..."`
	Responses []int        `yaml:"responses" range:"[0,1e6]" doc:"the responses, by number; none means all but pi_star's best and worst"`
	Limits    `yaml:",inline"`
}

// Check refuses limits that no gain meets.
func (g *Gain) Check() []registry.Problem { return g.within(-1, 1) }

func (g *Gain) Refs() tables.Refs {
	return tables.Refs{}.Where("where", tables.Runs, g.Where).Column("kind", tables.Policies, "pi").Prompt("prompt", g.Prompt)
}

// shares are a response's probabilities.
type shares struct {
	response      int
	pi, ref, star float64
}

// evaluate reads the tables runs and policies.
func (g *Gain) evaluate(r *results, w *worst) {
	rows := r.choose("where", g.Where)
	t := try.Must(r.src.Table(tables.Policies))
	need(t, "", "run", "prompt", "response", "pi", "pi_ref", "pi_star")
	prompts := t.Distinct("prompt")
	if g.Prompt != "" {
		prompts = promptsOf(t, "prompt", g.Prompt)
	}
	of := map[[2]string][]shares{}
	for row := range t.Len() {
		at := [2]string{t.Text(row, "run"), t.Text(row, "prompt")}
		response, err := strconv.Atoi(t.Text(row, "response"))
		if err != nil {
			try.Fail("table %s: response of run %s is %q, not a number", t.Name, at[0], t.Text(row, "response"))
		}
		of[at] = append(of[at], shares{response, t.Float(row, "pi"), t.Float(row, "pi_ref"), t.Float(row, "pi_star")})
	}
	for _, row := range rows {
		for _, prompt := range prompts {
			all := of[[2]string{r.name(row), prompt}]
			if slices.ContainsFunc(all, func(s shares) bool { return math.IsNaN(s.pi) }) {
				r.missing(row, "final policy")
			}
			if len(g.Responses) == 0 && slices.ContainsFunc(all, func(s shares) bool { return math.IsNaN(s.star) }) {
				r.missing(row, "pi_star")
			}
			if len(all) > 0 {
				g.Limits.add(w, g.of(all), fmt.Sprintf("%s: probability gained on %s", r.name(row), prompt))
			}
		}
	}
	if !w.any {
		r.missing(rows[0], "final policy")
	}
}

// of returns the gain of the responses at one prompt.
func (g *Gain) of(all []shares) float64 {
	best, least := 0, 0
	for i, s := range all {
		if s.star > all[best].star {
			best = i
		}
		if s.star < all[least].star {
			least = i
		}
	}
	gained := 0.0
	for i, s := range all {
		if slices.Contains(g.Responses, s.response) || len(g.Responses) == 0 && i != best && i != least {
			gained += s.pi - s.ref
		}
	}
	return gained
}
