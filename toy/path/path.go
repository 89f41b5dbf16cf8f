// Package path traces paths of policies: minimizers along the strength of a regularizer (strengths.go), and gradient flow along
// time (flow.go). It sees a loss through functions, so that it knows no more of it than what a path needs.
package path

import (
	"math"

	"windtunnel/toy/registry"
	"windtunnel/toy/train"
)

// Params says which path a run traces.
type Params struct {
	Along  string  `yaml:"along" required:"true" oneof:"lambda,constraint.l2,time" doc:"lambda or constraint.l2: exact minimizers at strengths of it; time: gradient flow theta' = -gradient of the loss over all comparisons, from the policy's start to rest"`
	From   float64 `yaml:"from,omitempty" range:"[0,1e100]" doc:"least strength; without it 1e-3 of lambda, and of constraint.l2 none, the minimizer without penalty"`
	To     float64 `yaml:"to,omitempty" range:"[0,1e100]" doc:"greatest strength; without it 1e3 of lambda, and of constraint.l2 the limit of an infinite penalty"`
	Points int     `yaml:"points,omitempty" range:"[0,1000]" doc:"strengths from from to to, equally spaced in their logarithm; without it 13"`
	Step   float64 `yaml:"step,omitempty" range:"[0,1]" doc:"more points are put where neighbouring policies are farther apart than this in total variation at some prompt; without it 0.02 of time and 0.04 of constraint.l2, which give the distance between two paths to 1e-3, and of lambda no more are put"`
	Most   int     `yaml:"most,omitempty" range:"[0,100000]" doc:"no more points than this; without it 1000"`
	Levels []Level `yaml:"levels,omitempty" doc:"levels of metrics whose crossings are found and put on the path, along lambda or constraint.l2"`
}

// Level is a value of a metric whose crossing is a point of a path.
type Level struct {
	Metric string  `yaml:"metric" required:"true" doc:"metric of a policy (experiments list metrics)"`
	Prompt string  `yaml:"prompt,omitempty" doc:"at this prompt; a prefix such as good means the mean over good-1, good-2, ...; without it the mean over all"`
	At     float64 `yaml:"at" doc:"the level, or with of the share of another metric"`
	Of     string  `yaml:"of,omitempty" doc:"another metric, at the same prompt, of which the level is a share"`
}

// What a path is along.
const (
	Lambda = "lambda"
	L2     = "constraint.l2"
	Time   = "time"
)

// Check refuses what has no meaning along time, and an empty range.
func (p *Params) Check() []registry.Problem {
	switch {
	case p.Along == Time && (p.From > 0 || p.To > 0 || p.Points > 0):
		return []registry.Problem{{Key: "along", Wrong: "is time, whose path goes from the policy's start to rest", Allowed: "no from, to and points"}}
	case p.Along == Time && len(p.Levels) > 0:
		return []registry.Problem{{Key: "levels", Wrong: "are given along time", Allowed: "levels along lambda or constraint.l2"}}
	case p.From > 0 && p.To > 0 && p.From > p.To:
		return []registry.Problem{{Key: "to", Wrong: "is less than from", Allowed: "a greater strength"}}
	case p.Along == L2 && (p.From > 0) != (p.To > 0):
		return []registry.Problem{{Key: "to", Wrong: "and from are not both given", Allowed: "both, or none for the whole path from no penalty to an infinite one"}}
	}
	return nil
}

// Strengths returns the least and the greatest strength and their number, with defaults filled in and within an interval.
func (p *Params) Strengths(low, high float64) (from, to float64, points int) {
	from, to, points = p.From, p.To, p.Points
	if from == 0 {
		from = 1e-3
	}
	if to == 0 {
		to = 1e3
	}
	if points == 0 {
		points = 13
	}
	return min(max(from, low), high), min(max(to, low), high), points
}

// Resolution returns the greatest total variation between neighbouring points that is not refined, +Inf for none.
func (p *Params) Resolution() float64 {
	switch {
	case p.Step > 0:
		return p.Step
	case p.Along == Lambda:
		return math.Inf(1)
	case p.Along == L2:
		return 0.04
	}
	return 0.02
}

// Limit returns how many points there may be.
func (p *Params) Limit() int {
	if p.Most == 0 {
		return 1000
	}
	return p.Most
}

// Point is one policy of a path.
type Point struct {
	Strength float64 // of what the path is along; time in units in which the flow starts at speed 1
	Status   train.Status
	Reason   string
	Policy   [][]float64 // prompts x K log-probabilities (nats); nil where there is none
	Loss     float64     // the loss there; NaN without a policy
	GradNorm float64     // 2-norm of its gradient
	Steps    int         // iterations of the solver, or steps of the integrator since the point before
}

// Variation returns the total variation between two policies at the prompt where it is largest; 0 where one is missing.
func Variation(a, b [][]float64) float64 {
	most := 0.0
	for p := range min(len(a), len(b)) {
		sum := 0.0
		for k, v := range a[p] {
			sum += math.Abs(math.Exp(v) - math.Exp(b[p][k]))
		}
		most = max(most, sum/2)
	}
	return most
}
