package vectors

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
)

// positions is the length of every row.
const positions = 12

// layout is where a row's tokens are: padding before, prompt, response, tokens that are attended to and do not count, such as
// the end of a turn in a template; the rest is padding.
type layout struct{ before, prompt, response, after int }

// input is a shape of a pair, with what is extreme about its numbers.
type input struct {
	name             string
	chosen, rejected layout
	change           func(p *Pair) // nil: none
}

// inputs are what the pairs of all losses are made of. Those whose log-ratios are 0 stand so far apart that no batch has two
// of them, of which sorting losses could not say which comes first.
var inputs = []input{
	{"policy-is-reference", layout{0, 4, 4, 0}, layout{0, 4, 5, 0}, func(p *Pair) {
		p.Chosen.RefLogps, p.Rejected.RefLogps = p.Chosen.PolicyLogps, p.Rejected.PolicyLogps
	}},
	{"right-padding", layout{0, 3, 5, 0}, layout{0, 3, 4, 0}, nil},
	{"left-padding", layout{4, 3, 5, 0}, layout{5, 3, 4, 0}, nil},
	{"padding-on-both-sides", layout{2, 3, 4, 0}, layout{3, 3, 5, 0}, nil},
	{"no-padding", layout{0, 5, 7, 0}, layout{0, 5, 7, 0}, nil},
	{"tokens-after-the-response", layout{0, 3, 4, 2}, layout{0, 3, 5, 2}, nil},
	{"empty-chosen", layout{0, 4, 0, 0}, layout{0, 4, 5, 0}, nil},
	{"unequal-lengths", layout{0, 2, 2, 1}, layout{0, 2, 9, 0}, nil},
	{"unequal-lengths-other-way", layout{0, 2, 10, 0}, layout{0, 2, 3, 1}, nil},
	{"one-token-each", layout{0, 4, 1, 1}, layout{0, 4, 1, 1}, nil},
	{"one-token-chosen", layout{3, 3, 1, 0}, layout{0, 3, 6, 0}, nil},
	{"prompts-not-shared", layout{0, 6, 4, 1}, layout{0, 2, 5, 1}, nil},
	{"empty-rejected", layout{1, 3, 6, 1}, layout{0, 3, 0, 2}, nil},
	{"packed-pair", layout{0, 3, 4, 5}, layout{0, 3, 5, 4}, packed},
	{"turns", layout{1, 2, 7, 1}, layout{0, 2, 8, 1}, func(p *Pair) { // a turn of the user within the response
		clear(p.Chosen.Mask[5:7])
		clear(p.Rejected.Mask[5:7])
	}},
	{"chosen-falls", layout{0, 3, 5, 1}, layout{0, 3, 5, 1}, func(p *Pair) { // both fall, the rejected further
		shift(p.Chosen, -0.5)
		shift(p.Rejected, -1.5)
	}},
	{"far-ahead", layout{0, 3, 6, 0}, layout{0, 3, 6, 1}, func(p *Pair) { shift(p.Rejected, -60) }},
	{"far-behind", layout{0, 3, 6, 1}, layout{0, 3, 6, 0}, func(p *Pair) { shift(p.Chosen, -60) }},
	{"same-response", layout{2, 3, 4, 1}, layout{2, 3, 4, 1}, func(p *Pair) { *p.Rejected = *p.Chosen }},
	{"unlikely-tokens", layout{0, 3, 5, 1}, layout{0, 3, 4, 1}, scaled(100)},
	{"nearly-certain-tokens", layout{0, 3, 5, 0}, layout{0, 3, 4, 1}, scaled(1.0 / 1024)},
	{"certain-tokens", layout{3, 3, 4, 1}, layout{0, 3, 5, 1}, scaled(0x1p-40)},
	{"left-padding-prompts-not-shared", layout{2, 4, 5, 1}, layout{6, 2, 3, 1}, nil},
	{"long-prompt", layout{0, 8, 3, 1}, layout{0, 8, 2, 1}, nil},
	{"two-tokens", layout{2, 6, 2, 1}, layout{4, 6, 2, 0}, nil},
}

// shift moves the policy's log-probabilities of a response by so much a token.
func shift(s *Side, by float64) {
	for i, m := range s.Mask {
		s.PolicyLogps[i] += by * float64(m)
	}
}

// scaled multiplies all log-probabilities.
func scaled(by float64) func(p *Pair) {
	return func(p *Pair) {
		for _, list := range [][]float64{p.Chosen.PolicyLogps, p.Chosen.RefLogps, p.Rejected.PolicyLogps, p.Rejected.RefLogps} {
			for i := range list {
				list[i] *= by
			}
		}
	}
}

// packed makes one row of both responses: each side has all of its tokens, which are attended to, and counts its own.
func packed(p *Pair) {
	c := p.Chosen
	p.Rejected = &Side{c.PolicyLogps, c.RefLogps, c.AttentionMask, []int{7: 1, 1, 1, 1, 1}}
}

// pair makes the numbers of an input, the same whenever it is called.
func (in *input) pair(seed int) Pair {
	random := rand.New(rand.NewPCG(20, uint64(seed)))
	side := func(l layout) *Side {
		s := &Side{make([]float64, positions), make([]float64, positions), make([]int, positions), make([]int, positions)}
		for i := range positions {
			policy := round(-0.05 - 1.2*random.ExpFloat64())
			s.PolicyLogps[i], s.RefLogps[i] = policy, round(min(-0.03, policy+0.5*random.NormFloat64()))
			at := i - l.before
			if at >= 0 && at < l.prompt+l.response+l.after {
				s.AttentionMask[i] = 1
			}
			if at >= l.prompt && at < l.prompt+l.response {
				s.Mask[i] = 1
			}
		}
		return s
	}
	p := Pair{side(in.chosen), side(in.rejected)}
	if in.chosen.prompt == in.rejected.prompt {
		for i := range in.chosen.prompt {
			from, to := in.chosen.before+i, in.rejected.before+i
			p.Rejected.PolicyLogps[to], p.Rejected.RefLogps[to] = p.Chosen.PolicyLogps[from], p.Chosen.RefLogps[from]
		}
	}
	if in.change != nil {
		in.change(&p)
	}
	return p
}

// round leaves three binary digits more than three decimal ones, so that sums of few are exact in float64.
func round(x float64) float64 { return math.Round(x*1024) / 1024 }

// inputs returns vectors without their numbers.
func (l *loss) inputs() []Vector {
	var all []Vector
	add := func(what string, v Vector) {
		v.Loss, v.ID = l.name, fmt.Sprintf("%s-%02d-%s", l.name, len(all)+1, what)
		all = append(all, v)
	}
	without := func(i int) bool { return slices.Contains(l.without, inputs[i].name) }
	batch := func(i int, p Params) {
		v := Vector{Params: p}
		for at, size := i, 2+i%4; len(v.Batch) < size; at = (at + 1) % len(inputs) {
			if !without(at) {
				v.Batch = append(v.Batch, inputs[at].pair(at))
			}
		}
		add(fmt.Sprintf("batch-of-%d", len(v.Batch)), v)
	}
	for i := range inputs {
		p, one := l.settings[i%len(l.settings)], inputs[i].pair(i)
		if l.batch {
			batch(i, p)
		} else if !without(i) {
			add(inputs[i].name, Vector{Params: p, Pair: &one})
		}
	}
	for i := 0; l.sft != "" && i < 16; i++ {
		p := maps.Clone(l.settings[i%len(l.settings)])
		p["sft_mean"] = []string{"tokens", "pairs"}[i%2]
		batch(i+1, p)
	}
	return all
}
