package exact

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"windtunnel/toy/bandit"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
)

// solver is a checked problem, taken apart.
type solver struct {
	ctx     context.Context
	problem *Problem
	terms   terms
	tasks   []*task         // one a prompt
	flows   bool            // of several minima the one is wanted to which the gradient leads from pi_ref
	start   []float64       // the parameters at the start
	base    [][]float64     // the logits at the start, one row a prompt
	reached map[int]float64 // losses at policies on the boundary, by the offset of their block
}

// task is one prompt's share of the loss.
type task struct {
	name             string
	chosen, rejected []int     // distinct ordered comparisons
	weight           []float64 // their total weights
	gap, dispersion  []float64 // beside the weights, for terms that read them; nil where none does
	total            float64   // W_x, the weight of the prompt's distribution terms
	scale            float64   // by which weights were divided; 0 is 1
	logRef, ref      []float64 // the frozen reference
	logStar          []float64
	wins             []float64 // K x K win rates, where a term plays
	packed           packed
	connected        [][]int // see groups
}

// packed are comparisons as a loss function evaluates them: for losses of single responses each response once, with the weights
// that it was chosen and rejected with.
type packed struct {
	chosen, rejected                      []int
	weight, gap, dispersion, won, refused []float64
}

// pack sums up the comparisons, if that is all that the pair terms see.
func (t *task) pack(o *objective.Objective) {
	t.packed = packed{t.chosen, t.rejected, t.weight, t.gap, t.dispersion, nil, nil}
	pair, _ := o.Terms()
	for _, w := range pair {
		if !objective.SidesOnly(w.Term) {
			return
		}
	}
	if len(t.weight) == 0 {
		return
	}
	k := t.responses()
	t.packed = packed{all(k), all(k), make([]float64, k), make([]float64, k), make([]float64, k), make([]float64, k), make([]float64, k)}
	for i, c := range t.chosen {
		t.packed.won[c] += t.weight[i]
		t.packed.refused[t.rejected[i]] += t.weight[i]
	}
}

// scaled returns the task with weights divided by a power of two, which no digit notices, so that prompts alike in an environment of
// two and in one of one are the same problem.
func (t *task) scaled() *task {
	_, exponent := math.Frexp(t.total)
	c := *t
	c.scale = math.Ldexp(t.unit(), exponent)
	for _, column := range []*[]float64{&c.weight, &c.packed.weight, &c.packed.won, &c.packed.refused} {
		*column = slices.Clone(*column)
		floats.Scale(math.Ldexp(1, -exponent), *column)
	}
	c.total = math.Ldexp(t.total, -exponent)
	return &c
}

// unit is what the task's loss must be multiplied by.
func (t *task) unit() float64 {
	if t.scale == 0 {
		return 1
	}
	return t.scale
}

// responses returns K.
func (t *task) responses() int { return len(t.logRef) }

// reasonf starts a reason with the prompt's name.
func (t *task) reasonf(format string, args ...any) string {
	return t.name + ": " + fmt.Sprintf(format, args...)
}

// list writes responses as "response 2" or "responses 0, 1".
func list(responses []int) string {
	word := "responses "
	if len(responses) == 1 {
		word = "response "
	}
	return word + strings.Trim(strings.ReplaceAll(fmt.Sprint(responses), " ", ", "), "[]")
}

// newSolver checks all of a problem but its objective, whose terms are given, and sorts its comparisons by prompt.
func newSolver(ctx context.Context, p *Problem, kinds terms) (*solver, error) {
	k := p.Env.Responses()
	if p.Policy.Prompts() != len(p.Env.Prompts) || p.Policy.Responses() != k {
		return nil, fmt.Errorf("the policy has %d prompts of %d responses, the environment %d of %d",
			p.Policy.Prompts(), p.Policy.Responses(), len(p.Env.Prompts), k)
	}
	if !(p.L2 >= 0) || math.IsInf(p.L2, 1) {
		return nil, fmt.Errorf("the penalty L2 is %v, not a number in [0, inf)", p.L2)
	}
	s := &solver{ctx: ctx, problem: p, terms: kinds, reached: map[int]float64{}, start: append([]float64(nil), p.Policy.Params()...)}
	// Beside a penalty, what is not known to be apart may share a statistic of the batch, whose factor then counts.
	s.terms.together = kinds.together || !kinds.curved && kinds.strange != "" && p.L2 > 0 && len(p.Env.Prompts) > 1
	for i := range p.Env.Prompts {
		x := &p.Env.Prompts[i]
		t := &task{name: fmt.Sprintf("prompt %q", x.Name), logRef: x.LogReference(), logStar: x.LogStar, ref: make([]float64, k)}
		if x.Name == "" {
			t.name = fmt.Sprintf("prompt %d", i)
		}
		for j, v := range t.logRef {
			t.ref[j] = math.Exp(v)
			if math.IsNaN(v) || math.IsInf(v, 0) || math.IsNaN(x.LogStar[j]) && p.Env.HasStar() || math.IsInf(x.LogStar[j], 0) {
				return nil, fmt.Errorf("%s: response %d has no finite log-probability under pi_ref or pi_star", t.name, j)
			}
		}
		base := make([]float64, k)
		p.Policy.Logits(i, base)
		s.tasks, s.base = append(s.tasks, t), append(s.base, base)
	}
	if err := s.share(p.Pairs); err != nil {
		return nil, err
	}
	for i, t := range s.tasks {
		t.annotate(p.Env, i)
		if p.Objective.Plays() {
			t.wins = p.Env.WinRates(i)
		}
		t.pack(p.Objective)
	}
	return s, nil
}

// annotate fills in what pair terms may read of a comparison beside log-probabilities: the reward gap, and MallowsPO's
// dispersion index, as training has them.
func (t *task) annotate(env *bandit.Env, prompt int) {
	index := objective.Dispersion(t.ref, t.logRef)
	for j, c := range t.chosen {
		t.gap = append(t.gap, env.Gap(prompt, c, t.rejected[j]))
		t.dispersion = append(t.dispersion, index)
	}
}

// share gives every prompt its comparisons, equal ones merged, and its weight.
func (s *solver) share(pairs *preference.Pairs) error {
	if pairs == nil || pairs.Len() == 0 {
		if !s.problem.Objective.Compares() {
			for _, t := range s.tasks {
				t.total = 1 / float64(len(s.tasks))
			}
		}
		return nil
	}
	k := s.problem.Env.Responses()
	seen := make([]int, len(s.tasks)*k*k) // from 1
	for i := range pairs.Len() {
		x, c, r, w := pairs.Prompt[i], pairs.Chosen[i], pairs.Rejected[i], pairs.WeightOf(i)
		if x < 0 || x >= len(s.tasks) || min(c, r) < 0 || max(c, r) >= k || c == r || !(w > 0) || math.IsInf(w, 1) {
			return fmt.Errorf("comparison %d (prompt %d, chosen %d, rejected %d, weight %v) is not two of %d responses of one of %d "+
				"prompts with a positive weight", i, x, c, r, w, k, len(s.tasks))
		}
		t := s.tasks[x]
		t.total += w
		at := &seen[(x*k+c)*k+r]
		if *at == 0 {
			t.chosen, t.rejected, t.weight = append(t.chosen, c), append(t.rejected, r), append(t.weight, 0)
			*at = len(t.weight)
		}
		t.weight[*at-1] += w
	}
	unlabelled, each, labelled := s.problem.Env.Shares()
	for _, t := range s.tasks {
		if len(unlabelled) > 0 {
			t.total *= labelled
		}
	}
	for _, x := range unlabelled {
		s.tasks[x].total = each
	}
	return nil
}

// lossOn returns the loss over one block of the policy's parameters.
func (s *solver) lossOn(b policy.Block) *lossFunction {
	l := &lossFunction{objective: s.problem.Objective, dim: b.Dim, l2: s.problem.L2, start: s.start[b.Offset : b.Offset+b.Dim]}
	for _, x := range b.Prompts {
		offset, jacobian := append([]float64(nil), s.base[x]...), s.problem.Policy.Jacobian(x)
		subtractImage(offset, jacobian, l.start)
		l.tasks, l.offset, l.jacobian = append(l.tasks, s.tasks[x]), append(l.offset, offset), append(l.jacobian, jacobian)
	}
	l.prepare()
	return l
}

// free returns the loss as a function of one prompt's logits with the Jacobian written out.
func (s *solver) free(t *task) *lossFunction {
	l := newLossFunction(s.problem.Objective, t)
	l.jacobian[0], l.floating = l.dense(0), false
	l.start = t.logRef
	return l
}

// subtractImage subtracts the image of theta under a Jacobian (nil for the identity).
func subtractImage(dst []float64, jacobian *mat.Dense, theta []float64) {
	if jacobian == nil {
		for i, v := range theta {
			dst[i] -= v
		}
		return
	}
	image := mat.NewVecDense(len(dst), nil)
	image.MulVec(jacobian, mat.NewVecDense(len(theta), append([]float64(nil), theta...)))
	for i := range dst {
		dst[i] -= image.AtVec(i)
	}
}
