package engine

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"windtunnel/experiments/spec"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/train"
)

// landscapeSteps is how many steps the grid of a landscape has along an edge.
const landscapeSteps = 52

// gridPolicy returns the policy i steps from the edge opposite response 1 and j steps from the one opposite response 2.
// The border of the grid lies 0.004 inside the simplex, since losses are infinite on its edge; every probability is a whole
// number of thousandths.
func gridPolicy(i, j int) [3]float64 {
	const inset, step = 4, 19 // thousandths: 3*4 + 52*19 = 1000
	inward := func(steps int) float64 { return float64(inset+step*steps) / 1000 }
	return [3]float64{inward(landscapeSteps - i - j), inward(i), inward(j)}
}

// Landscape evaluates a run's loss over all its comparisons on a triangular grid of one prompt's policies, in rows of
// falling length with the probability of response 1 rising along a row and that of response 2 from row to row, and emits
// the policies with their losses (in the loss's unit). The other prompts stay at their reference. Whatever the run's own policy class, the policies are tabular with
// logits of mean zero, which is what an L2 penalty is of; in another class, whose parameters a policy does not tell, the
// penalty is left out. The error says what loss has no landscape: one that reads no comparisons beforehand, or policies
// over other than three responses.
func Landscape(run *spec.Run, prompt string, emit func(pi [3]float64, loss float64) error) error {
	if _, direct := run.Loss.(objective.Direct); direct {
		return fmt.Errorf("%s gives its policy directly and has no loss to draw", run.Label)
	}
	if run.Online() != nil {
		return fmt.Errorf("%s compares pairs that are drawn from the policy in training, so that its loss changes along the way", run.Label)
	}
	d := &desk{}
	l, err := d.newLab(run)
	if err != nil {
		return err
	}
	at := -1
	for p := range d.env.Prompts {
		if d.env.Prompts[p].Name == prompt {
			at = p
		}
	}
	if k := d.env.Responses(); at < 0 || k != 3 {
		return fmt.Errorf("a landscape is over 3 responses to one prompt; run %s has %d, and its prompt %s is number %d", run.ID, k, prompt, at)
	}
	problem, err := l.anyPolicy()
	if err != nil {
		return err
	}
	whole, logits := train.Full(l.pairs, problem), problem.Policy.Params()[3*at:3*at+3]
	for j := range landscapeSteps + 1 {
		for i := range landscapeSteps + 1 - j {
			pi := gridPolicy(i, j)
			for k, v := range pi {
				logits[k] = math.Log(v)
			}
			floats.AddConst(-stat.Mean(logits, nil), logits)
			if err := emit(pi, problem.Loss(whole)); err != nil {
				return err
			}
		}
	}
	return nil
}

// anyPolicy is the run's problem for tabular policies, which can be anywhere, at the reference.
func (l *lab) anyPolicy() (*train.Problem, error) {
	free, err := (&policy.TabularParams{}).Build(l.env, nil)
	if err != nil {
		return nil, err
	}
	k := l.env.Responses()
	for p := range l.env.Prompts {
		logits := free.Params()[k*p : k*p+k]
		copy(logits, l.env.Prompts[p].LogReference())
		floats.AddConst(-stat.Mean(logits, nil), logits)
	}
	l2 := 0.0
	if _, tabular := l.run.Policy.(*policy.TabularParams); tabular {
		l2 = l.run.Constraint.L2
	}
	problem := train.NewProblem(l.env, free, l.run.Loss.Objective(), l2)
	if problem.Objective.Sampled != nil {
		problem.DrawReference(l.run.Source("reference-samples", nil))
	}
	return problem, nil
}
