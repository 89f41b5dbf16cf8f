package objective

import (
	"fmt"
	"slices"
	"strconv"

	"windtunnel/toy/registry"
)

// Sum holds the parameters of a weighted sum of losses or terms. typo is the sum of bradley-terry and lambda times
// kl-ref-pi, rlhf that of reward and lambda times kl-pi-ref. TRL's loss_type and loss_weights are such a sum, and so is
// MPO: 0.8 dpo, 0.2 bco-pair and 1 sft. What TRL does to any loss is done here to all of the sum: use_weighting weighs
// comparisons as wpo does, and sync_ref_model lets the reference follow the policy as tr-dpo does.
type Sum struct {
	Lambda float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"what the weight lambda stands for"`
	Terms  []Part  `yaml:"terms" required:"true" doc:"the losses or terms, each with its weight and its own parameters"`

	UseWeighting bool    `yaml:"use_weighting" doc:"weigh comparisons by the policy's likelihood of them, held back, as wpo does"`
	SyncRefModel bool    `yaml:"sync_ref_model" doc:"let the reference follow the policy, as tr-dpo does"`
	MixupAlpha   float64 `yaml:"ref_model_mixup_alpha" range:"(0,1]" doc:"weight of the policy in the new reference, with sync_ref_model"`
	SyncSteps    int     `yaml:"ref_model_sync_steps" range:"[1,1e9]" doc:"steps between updates of the reference, with sync_ref_model"`
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
		terms := part.Loss.Objective()
		for i := range terms.pair {
			if p.UseWeighting {
				terms.pair[i].Term = reweigh(func() PairTerm { return part.Loss.Objective().pair[i].Term }, "sampled")
			}
		}
		o.And(part.Weight.Value(p.Lambda), terms)
	}
	if p.SyncRefModel {
		o.Moving = p.moving()
	}
	return o
}

func (p *Sum) moving() *Moving {
	if !p.SyncRefModel {
		return nil
	}
	return &Moving{Alpha: p.MixupAlpha, Every: p.SyncSteps}
}

// Random says whether training by a part depends on random numbers.
func (p *Sum) Random() bool {
	return slices.ContainsFunc(p.Terms, func(part Part) bool { return Random(part.Loss) })
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
	moving := p.moving()
	for i, part := range p.Terms {
		if o := part.Loss.Objective(); p.UseWeighting && o.Advances() {
			problems = append(problems, registry.Problem{Key: "use_weighting", Wrong: fmt.Sprintf("term %d carries a statistic from step to step, which has no weights", i),
				Allowed: "losses that do not"})
		}
		mover, ok := part.Loss.(interface{ moving() *Moving })
		if !ok || part.Weight.Value(p.Lambda) == 0 {
			continue
		}
		if m := mover.moving(); moving != nil && m != nil && *m != *moving {
			problems = append(problems, registry.Problem{Key: "terms." + strconv.Itoa(i), Wrong: "moves the reference in another way than a term before it",
				Allowed: "one way for all terms"})
		} else if m != nil {
			moving = m
		}
	}
	return problems
}
