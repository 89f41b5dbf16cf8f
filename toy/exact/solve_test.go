package exact

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"windtunnel/toy/bandit"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
)

// solveError runs Solve for its error.
func solveError(t *testing.T, e *bandit.Env, loss objective.Params, data *preference.Pairs, p policy.Affine, l2 float64) (*Solution, error) {
	t.Helper()
	return Solve(context.Background(), &Problem{Env: e, Policy: p, Objective: loss.Objective(), Pairs: data, L2: l2})
}

// TestMalformed checks that malformed problems are errors.
func TestMalformed(t *testing.T) {
	e := env([][]float64{star3}, [][]float64{ref3})
	other := env([][]float64{{1, 1}}, [][]float64{{1, 1}})
	dpo := &objective.DPO{Lambda: 1}
	weighted := func(w float64) *preference.Pairs {
		return &preference.Pairs{Prompt: []int{0}, Chosen: []int{0}, Rejected: []int{1}, Weight: []float64{w}}
	}
	zero := env([][]float64{star3}, [][]float64{ref3})
	zero.Prompts[0].LogStar[1] = math.Inf(-1)
	for _, c := range []struct {
		name  string
		env   *bandit.Env
		loss  objective.Params
		pairs *preference.Pairs
		class *bandit.Env
		l2    float64
		want  string
	}{
		{"policy of another shape", e, dpo, population(e), other, 0, "the policy has 1 prompts of 2 responses, the environment 1 of 3"},
		{"negative penalty", e, dpo, population(e), e, -1, "the penalty L2 is -1"},
		{"NaN penalty", e, dpo, population(e), e, math.NaN(), "the penalty L2 is NaN"},
		{"infinite penalty", e, dpo, population(e), e, math.Inf(1), "the penalty L2 is +Inf"},
		{"response out of range", e, dpo, pairs([3]int{0, 3, 1}), e, 0, "comparison 0 (prompt 0, chosen 0, rejected 3"},
		{"prompt out of range", e, dpo, &preference.Pairs{Prompt: []int{1}, Chosen: []int{0}, Rejected: []int{1}}, e, 0,
			"comparison 0 (prompt 1, chosen 0"},
		{"response against itself", e, dpo, pairs([3]int{2, 2, 1}), e, 0, "chosen 2, rejected 2"},
		{"weight zero", e, dpo, weighted(0), e, 0, "weight 0"},
		{"weight NaN", e, dpo, weighted(math.NaN()), e, 0, "weight NaN"},
		{"pi_star zero", zero, dpo, nil, zero, 0, "response 1 has no finite log-probability"},
	} {
		_, err := solveError(t, c.env, c.loss, c.pairs, build(t, c.class, &policy.TabularParams{}), c.l2)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// strange is a term that the solver knows nothing about: half the squared margin.
type strange struct{ objective.PairTerm }

func (strange) DifferenceOnly() bool { return true }

func (strange) Loss(b *objective.Batch) float64 {
	sum := 0.0
	for i, w := range b.Weight {
		u := b.Chosen[i] - b.Rejected[i]
		sum += w * u * u / 2
	}
	return sum
}

func (strange) Grad(b *objective.Batch, scale float64, g *objective.Grad) {
	for i, w := range b.Weight {
		u := b.Chosen[i] - b.Rejected[i]
		g.Chosen[i] += scale * w * u
		g.Rejected[i] -= scale * w * u
	}
}

// TestUnknownTerms checks that of a term without a statement nothing is claimed, and that it does not count at weight 0.
func TestUnknownTerms(t *testing.T) {
	e := env([][]float64{star3}, [][]float64{ref3})
	for weight, want := range map[float64]Status{0: NotUnique, 1: Stationary} {
		o := (&objective.Objective{}).And(weight, objective.OnPairs(strange{}))
		s, err := Solve(context.Background(), &Problem{Env: e, Policy: build(t, e, &policy.TabularParams{}), Objective: o, Pairs: population(e)})
		if err != nil || s.Status != want {
			t.Fatalf("weight %v: %+v, %v", weight, s, err)
		}
		if d := distance(s.Policy[0], logs(1, 1, 1)); weight > 0 && d > 1e-9 {
			t.Errorf("%v, want the uniform policy", s.Policy)
		}
	}
	for _, loss := range []objective.Params{&objective.DPO{Lambda: 1}, &objective.TYPO{Lambda: 1}} {
		s := solve(t, Problem{Env: e, Pairs: population(e)}, weigh(-1, loss))
		if s.Status == train.Converged || s.Status == NotUnique {
			t.Errorf("the negative of %T: %s", loss, s.Status)
		}
	}
}

// TestCancelled checks that a cancelled context stops the solver.
func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	e := env([][]float64{star3}, [][]float64{{0.9, 0.05, 0.05}})
	for _, loss := range []objective.Params{&objective.DPO{Lambda: 1}, &objective.FDPO{Lambda: 1e-3, Divergence: "alpha", Alpha: 2}} {
		_, err := Solve(ctx, &Problem{Env: e, Policy: build(t, e, &policy.TabularParams{}), Objective: loss.Objective(), Pairs: population(e)})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%T: %v", loss, err)
		}
	}
}

// TestSums checks combinations of terms by what they amount to.
func TestSums(t *testing.T) {
	e := env([][]float64{star3}, [][]float64{ref3})
	part := func(weight float64, loss objective.Params) objective.Part {
		return objective.Part{Weight: objective.Times(weight), Loss: loss}
	}
	tabular := func(parts ...objective.Part) *Solution {
		return solve(t, Problem{Env: e, Pairs: population(e)}, &objective.Sum{Terms: parts})
	}
	dpo, rlhf := &objective.DPO{Lambda: 0.5}, &objective.RLHF{Lambda: 0.5}
	want := solve(t, Problem{Env: e, Pairs: population(e)}, dpo).Policy[0]
	for name, s := range map[string]*Solution{
		"twice dpo":       tabular(part(2, dpo)),
		"dpo and dpo":     tabular(part(1, dpo), part(3, dpo)),
		"dpo and rlhf":    tabular(part(1, dpo), part(2, rlhf)),
		"rlhf in parts":   tabular(part(2, &objective.Reward{}), part(1, &objective.KLPiRef{})),
		"reverse kl link": tabular(part(1, &objective.FDPO{Lambda: 0.5, Divergence: "reverse_kl"}), part(1, dpo)),
	} {
		status := train.Converged
		if name == "dpo and rlhf" {
			status = Local // one is convex in the logits, the other in the probabilities
		}
		if s.Status != status || distance(s.Policy[0], want) > 1e-12 {
			t.Errorf("%s: %s, off by %g", name, s.Status, distance(s.Policy[0], want))
		}
	}
	if s := tabular(part(1, &objective.Reward{})); s.Status != Boundary || math.Exp(s.Policy[0][0]) != 1 ||
		s.Reason != "prompt 0: nothing holds the policy back from response 0, whose reward is the highest" {
		t.Errorf("reward alone: %+v", s)
	}
	even := env([][]float64{{1, 1, 1}}, [][]float64{ref3})
	if s := solve(t, Problem{Env: even}, &objective.Reward{}); s.Status != NotUnique || distance(s.Policy[0], logs(ref3...)) > 1e-15 {
		t.Errorf("equal rewards: %+v", s)
	}
	if s := tabular(part(1, &objective.BradleyTerry{})); distance(s.Policy[0], logs(star3...)) > 1e-13 {
		t.Errorf("bradley-terry alone: %+v", s)
	}
	// DPO and IPO together, in a sum that is not a single margin loss, still leave groups never compared.
	s := solve(t, Problem{Env: e, Pairs: pairs([3]int{0, 1, 1}, [3]int{1, 0, 2})},
		&objective.Sum{Terms: []objective.Part{part(1, dpo), part(1, &objective.IPO{Lambda: 0.5})}})
	if s.Status != NotUnique || math.Abs(math.Exp(s.Policy[0][2])-0.2) > 1e-13 {
		t.Errorf("dpo and ipo on two of three responses: %+v", s)
	}
}

// TestRLHFWithoutPairs checks that exact RLHF needs no comparisons.
func TestRLHFWithoutPairs(t *testing.T) {
	e := env([][]float64{star3, star3}, [][]float64{ref3, {1, 1, 1}})
	for _, l2 := range []float64{0, 0.1} {
		bare := solve(t, Problem{Env: e, L2: l2}, &objective.RLHF{Lambda: 0.5})
		with := solve(t, Problem{Env: e, Pairs: population(e), L2: l2}, &objective.RLHF{Lambda: 0.5})
		if status := map[bool]Status{true: Local, false: train.Converged}[l2 > 0]; bare.Status != status || distance(bare.Policy[0], with.Policy[0]) > 1e-12 || math.Abs(bare.Loss-with.Loss) > 1e-14 {
			t.Errorf("l2 %g: %+v, with pairs %+v", l2, bare, with)
		}
	}
}

// TestFrozenReference checks that the reference is the softmax of the initial logits, not the declared pi_ref, and that
// the logits' offset matters under a penalty.
func TestFrozenReference(t *testing.T) {
	e := env([][]float64{star3}, [][]float64{ref3})
	e.Prompts[0].Init = []float64{2, 1, 1}
	s := solve(t, Problem{Env: e, Pairs: population(e)}, &objective.DPO{Lambda: 1e8})
	if d := distance(s.Policy[0], logs(math.E, 1, 1)); d > 1e-7 {
		t.Errorf("off by %g", d)
	}
	e.Prompts[0].Init = []float64{102, 101, 101}
	p := build(t, e, &policy.TabularParams{})
	s = solve(t, Problem{Env: e, Pairs: population(e), Policy: p, L2: 0.01}, &objective.DPO{Lambda: 1})
	sum := 0.0
	for _, v := range p.Params() {
		sum += v
	}
	if s.Status != train.Converged || math.Abs(sum) > 1e-12 {
		t.Errorf("%+v: the penalized logits sum to %g", s, sum)
	}
}

// TestParameters checks that a tabular policy ends at its log-probabilities and stays at the start where there
// is no minimizer.
func TestParameters(t *testing.T) {
	e := env([][]float64{star3, star3}, [][]float64{ref3, ref3})
	p := build(t, e, &policy.TabularParams{})
	data := pairs([3]int{0, 1, 1}, [3]int{1, 2, 1}, [3]int{2, 0, 1})
	data.Prompt, data.Chosen, data.Rejected = append(data.Prompt, 1), append(data.Chosen, 0), append(data.Rejected, 1)
	s := solve(t, Problem{Env: e, Pairs: data, Policy: p}, &objective.DPO{Lambda: 0.5})
	if fmt.Sprint(p.Params()[:3]) != fmt.Sprint(s.Policy[0]) || fmt.Sprint(p.Params()[3:]) != fmt.Sprint(e.Prompts[1].Init) {
		t.Errorf("%v after %+v", p.Params(), s)
	}
}

// ExampleSolve finds the policy that DPO converges to on the exact population of preferences.
func ExampleSolve() {
	e := env([][]float64{{0.6, 0.3, 0.1}}, [][]float64{{0.4, 0.4, 0.2}})
	start, _ := (&policy.TabularParams{}).Build(e, nil)
	s, err := Solve(context.Background(), &Problem{
		Env:       e,
		Policy:    start.(policy.Affine),
		Objective: (&objective.DPO{Lambda: 0.5}).Objective(),
		Pairs:     population(e),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Status)
	for _, logp := range s.Policy[0] {
		fmt.Printf("%.6f\n", math.Exp(logp))
	}
	// Output:
	// converged
	// 0.791209
	// 0.197802
	// 0.010989
}
