package claims

import (
	"fmt"
	"math"
	"slices"

	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
	"windtunnel/toy/registry"
)

// Distance claims that the final policies of matched runs lie within limits of one another: the total variation
// between each run of `left` and its counterpart, the one run of `right` that has the same values in the columns of
// `match`, at every prompt (or at the prompts that `prompt` names; each by itself, not their mean). Its value is the
// total variation, in [0,1], nearest to a limit or farthest beyond it.
type Distance struct {
	Left   tables.Where `yaml:"left" required:"true" doc:"which runs: by column, a value or a list of values"`
	Right  tables.Where `yaml:"right" required:"true" doc:"which runs to compare them with"`
	Match  []string     `yaml:"match" doc:"columns of runs in which counterparts agree; none if right selects a single run"`
	Prompt string       `yaml:"prompt,omitempty" doc:"only this prompt; a prefix such as good means each of good-1, good-2, ..."`
	Limits `yaml:",inline"`
}

// Check refuses limits that no total variation meets.
func (d *Distance) Check() []registry.Problem { return d.within(0, 1) }

func (d *Distance) Refs() tables.Refs {
	return tables.Refs{}.Where("left", tables.Runs, d.Left).Where("right", tables.Runs, d.Right).List("match", tables.Runs, d.Match).
		Column("kind", tables.Policies, "pi").Prompt("prompt", d.Prompt)
}

// evaluate reads the tables runs and policies.
func (d *Distance) evaluate(r *results, w *worst) {
	pairs := r.pairs("left", d.Left, "right", d.Right, d.Match)
	policies := r.policies(d.Prompt)
	for _, p := range pairs {
		for _, one := range r.variations(policies, p) {
			d.Limits.add(w, one.tv, fmt.Sprintf("%s to %s on %s: total variation", r.marked(p.left), r.marked(p.right), one.prompt))
		}
	}
}

// probability is that of one response under a run's final policy.
type probability struct {
	prompt, response string
	pi               float64
}

// policies returns what gives a run's final policy, at all prompts or at those that prompt names, in the order of the table.
func (r *results) policies(prompt string) func(row int) []probability {
	t, rows := r.table(tables.Policies, "", "prompt", "response", "pi")
	var wanted []string
	if prompt != "" {
		wanted = promptsOf(t, "prompt", prompt)
	}
	return func(row int) []probability {
		var policy []probability
		for _, at := range rows[r.name(row)] {
			prompt := t.Text(at, "prompt")
			if wanted != nil && !slices.Contains(wanted, prompt) {
				continue
			}
			pi := try.Must(t.Number(at, "pi"))
			policy = append(policy, probability{prompt, t.Text(at, "response"), pi})
		}
		if len(policy) == 0 || slices.ContainsFunc(policy, func(p probability) bool { return math.IsNaN(p.pi) }) {
			r.missing(row, "final policy")
		}
		return policy
	}
}

// variation is the total variation between two policies at a prompt.
type variation struct {
	prompt string
	tv     float64
}

// variations returns the total variation at each prompt between the final policies of a matched pair, which list the same
// responses in the same order.
func (r *results) variations(policies func(row int) []probability, p pair) []variation {
	left, right := policies(p.left), policies(p.right)
	unlike := func(format string, args ...any) {
		try.Fail("the policies of %s and %s %s", r.name(p.left), r.name(p.right), fmt.Sprintf(format, args...))
	}
	if len(left) != len(right) {
		unlike("have %d and %d responses", len(left), len(right))
	}
	var total []variation
	for i, l := range left {
		if l.prompt != right[i].prompt || l.response != right[i].response {
			unlike("list different responses: %s %s and %s %s", l.prompt, l.response, right[i].prompt, right[i].response)
		}
		if len(total) == 0 || total[len(total)-1].prompt != l.prompt {
			total = append(total, variation{prompt: l.prompt})
		}
		total[len(total)-1].tv += math.Abs(l.pi-right[i].pi) / 2
	}
	return total
}
