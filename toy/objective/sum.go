package objective

import (
	"fmt"
	"slices"
	"strconv"

	"windtunnel/toy/registry"
)

// Sum holds the parameters of a weighted sum of losses or terms. typo is the sum of bradley-terry and lambda times
// kl-ref-pi, rlhf that of reward and lambda times kl-pi-ref.
type Sum struct {
	Lambda float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"what the weight lambda stands for"`
	Terms  []Part  `yaml:"terms" required:"true" doc:"the losses or terms, each with its weight and its own parameters"`
}

// Part is one summand.
type Part struct {
	Weight Weight `yaml:"weight" doc:"a number, or lambda for the sum's lambda; default 1"`
	Loss   Params `yaml:",kind"`
}

// Weight is a coefficient: a finite number, or the sum's lambda. The zero Weight is 1.
type Weight struct {
	fixed  *float64
	lambda bool
}

// Times returns a fixed weight.
func Times(v float64) Weight { return Weight{fixed: &v} }

// TimesLambda returns the weight that stands for the sum's lambda.
func TimesLambda() Weight { return Weight{lambda: true} }

// Value returns the coefficient, given the sum's lambda.
func (w Weight) Value(lambda float64) float64 {
	switch {
	case w.lambda:
		return lambda
	case w.fixed != nil:
		return *w.fixed
	}
	return 1
}

// UnmarshalText reads a number or the word lambda (or beta).
func (w *Weight) UnmarshalText(text []byte) error {
	word := string(text)
	if word == "lambda" || word == "beta" {
		*w = TimesLambda()
		return nil
	}
	v, err := strconv.ParseFloat(word, 64)
	if err != nil || v-v != 0 {
		return fmt.Errorf("a finite number or the word lambda")
	}
	*w = Times(v)
	return nil
}

// MarshalText writes what UnmarshalText reads.
func (w Weight) MarshalText() ([]byte, error) {
	if w.lambda {
		return []byte("lambda"), nil
	}
	return strconv.AppendFloat(nil, w.Value(0), 'g', -1, 64), nil
}

// Objective returns the terms of all parts, weighted.
func (p *Sum) Objective() *Objective {
	o := &Objective{}
	for _, part := range p.Terms {
		o.And(part.Weight.Value(p.Lambda), part.Loss.Objective())
	}
	return o
}

// SamplesReference says whether a part draws responses from the reference.
func (p *Sum) SamplesReference() bool {
	return slices.ContainsFunc(p.Terms, func(part Part) bool { return SamplesReference(part.Loss) })
}

// Check refuses an empty sum, and parts that are no losses.
func (p *Sum) Check() []registry.Problem {
	if len(p.Terms) == 0 {
		return []registry.Problem{{Key: "terms", Wrong: "no terms", Allowed: "at least one loss or term"}}
	}
	var problems []registry.Problem
	for i, part := range p.Terms {
		if _, direct := part.Loss.(Direct); direct {
			problems = append(problems, registry.Problem{Key: "terms." + strconv.Itoa(i), Wrong: "is a policy, which nothing can be added to", Allowed: "a loss or term"})
		}
	}
	var moving *Moving
	for i, part := range p.Terms {
		mover, ok := part.Loss.(interface{ moving() *Moving })
		if !ok || part.Weight.Value(p.Lambda) == 0 {
			continue
		}
		if m := mover.moving(); moving != nil && *m != *moving {
			problems = append(problems, registry.Problem{Key: "terms." + strconv.Itoa(i), Wrong: "moves the reference in another way than a term before it",
				Allowed: "one way for all terms"})
		} else {
			moving = m
		}
	}
	return problems
}

var sumKind = registry.Kind[Params]{
	Name:    "sum",
	Summary: "a weighted sum of losses or terms, e.g. bradley-terry + lambda kl-ref-pi, which is typo",
	Source:  "this project",
	New:     func() Params { return &Sum{Lambda: defaultLambda} },
}
