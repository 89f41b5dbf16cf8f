package train

import (
	"context"
	"math"
	"math/rand/v2"

	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/preference"
)

// Online is where the comparisons of online training come from: every round they are drawn anew from the policy, and
// Params.Epochs passes are made over them. The optimizer's state, the count of steps and the schedule go on from round to
// round. The tolerance ends a round; the next one may find something to learn again.
type Online struct {
	Settings *preference.Online
	Rewards  [][]float64 // what labels follow, prompts x K (nats)
	Draws    *rand.Rand  // source of the draws
	// Begin, where not nil, is told before a round's first step which comparisons it trains on.
	Begin func(data *preference.Pairs)
}

// rounds is Run for online training.
func (l *Loop) rounds(ctx context.Context, record func(Record)) (Outcome, error) {
	var s *stepper
	end := Outcome{Status: Done}
	data := &preference.Pairs{}
	for round := range l.Online.Settings.Rounds {
		if end = l.check(end); end.Status == Diverged {
			return end, nil
		}
		fresh := l.Online.Settings.Draw(l.Online.Draws, l.Online.Rewards, l.Problem.Policy.Logits)
		if l.Online.Settings.Accumulate {
			data.Append(fresh)
		} else {
			data = fresh
		}
		switch {
		case data.Len() > 0:
		case round == 0:
			return Outcome{}, preference.ErrNoPairs
		default:
			continue
		}
		s = l.begin(s, data, round)
		if round == 0 {
			record(Record{0, math.NaN(), math.NaN()})
		}
		steps := s.batches.perEpoch * l.Params.Epochs
		p := span{before: end.Steps, steps: l.atMost(end.Steps+steps) - end.Steps,
			at: round * steps, full: l.Online.Settings.Rounds * steps}
		var err error
		if end, err = l.take(ctx, s, p, record); err != nil || end.Status == Diverged {
			return end, err
		}
		if l.Params.MaxSteps > 0 && end.Steps >= l.Params.MaxSteps {
			break
		}
	}
	return l.check(end), nil
}

// begin makes the stepper of a round out of that of the round before, nil for the first.
func (l *Loop) begin(s *stepper, data *preference.Pairs, round int) *stepper {
	if round > 0 && l.Online.Settings.Reference == "previous" {
		l.Problem.rebase()
	}
	of := *l
	of.Data = data
	if s == nil {
		s = newStepper(&of)
	} else {
		s.batches = newBatches(&of)
		if s.ball != nil && l.Online.Settings.Reference == "previous" {
			s.ball = newBall(l.Problem, l.KLRadius)
		}
	}
	if l.Online.Begin != nil {
		l.Online.Begin(data)
	}
	return s
}

// rebase makes the policy as it is the reference.
func (p *Problem) rebase() {
	for prompt := range p.reference {
		d := &p.reference[prompt]
		p.Policy.Logits(prompt, p.logits)
		logspace.Softmax(d.LogRef, d.Ref, p.logits)
		p.dispersion[prompt] = objective.Dispersion(d.Ref, d.LogRef)
	}
	p.version++
}
