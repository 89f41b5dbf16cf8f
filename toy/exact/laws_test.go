package exact

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/bandit"
	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
)

// line is a class of one parameter, which trades response 1 against response 2.
var line = &policy.LowRankParams{Basis: [][]float64{{0, 1, -1}}}

// beside returns the sum of losses, of which those after the first have a weight.
func beside(first objective.Params, weight float64, others ...objective.Params) objective.Params {
	sum := &objective.Sum{Terms: []objective.Part{{Loss: first}}}
	for _, other := range others {
		sum.Terms = append(sum.Terms, objective.Part{Weight: objective.Times(weight), Loss: other})
	}
	return sum
}

// TestEveryLambda checks losses of lambda times the margin, which are one loss of the scaled margins at every lambda: over all policies, in a
// class, and there under a penalty that grows as lambda^2 does, the same is said of them, and their least value is the same. Of others as well existence and its
// reason do not depend on lambda.
func TestEveryLambda(t *testing.T) {
	e, lambdas := env([][]float64{star3}, [][]float64{ref3}), []float64{1e-4, 1, 100}
	losses := make([]map[string]objective.Params, len(lambdas))
	for i, lambda := range lambdas {
		losses[i] = everyLoss(lambda)
		for _, name := range []string{"truncated-square", "exponential", "square"} {
			losses[i][name] = &objective.GPO{Lambda: lambda, Function: name}
		}
		losses[i]["smoothed"] = &objective.DPO{Lambda: lambda, LabelSmoothing: 0.2}
	}
	for _, c := range []struct {
		what string
		kind policy.Params
		l2   float64
		same bool // the least value as well
		of   string
	}{
		{"over all policies", &policy.TabularParams{}, 0, true, "dpo smoothed discopop exo hinge robust odpo mallows focal-po savage truncated-square exponential square f-dpo alphapo"},
		{"in a class", line, 0, true, "dpo smoothed exo hinge truncated-square exponential square"},
		{"in a class under a penalty", line, 1e-3, true, "dpo smoothed exo truncated-square exponential square savage odpo mallows robust discopop"},
		{"over all policies", &policy.TabularParams{}, 0, false, "apo-zero apo-zero-unpaired kto cpo cpo-simpo simpo orpo rpo typo ipo rlhf tr-dpo mallows-ipo sft simper rebel win-rate"},
	} {
		for _, name := range strings.Fields(c.of) {
			for of, data := range comparisons {
				var first *Solution
				for i, lambda := range lambdas {
					s := solve(t, Problem{Env: e, Pairs: data, Policy: build(t, e, c.kind), L2: c.l2 * lambda * lambda}, losses[i][name])
					if i == 0 {
						first = s
					}
					if s.Iterations < 0 || s.Status != first.Status || s.Reason != first.Reason || c.same && math.Abs(s.Loss-first.Loss) > 1e-9 {
						t.Errorf("%s %s, %s: at lambda %g %s, loss %v, %s; at %g %s, loss %v, %s", name, c.what, of, lambdas[0], first.Status, first.Loss,
							first.Reason, lambda, s.Status, s.Loss, s.Reason)
					}
				}
			}
		}
	}
}

// TestSaidOtherwise checks of every loss that the same is found of a problem that is said otherwise: three times the loss, every prompt twice,
// the responses in another order, a class by twice as many parameters. AOT's is left out, whose minima are many.
func TestSaidOtherwise(t *testing.T) {
	order := []int{1, 2, 0}
	moved := func(v []float64) []float64 { return []float64{v[2], v[0], v[1]} }
	plain, other := env([][]float64{star3}, [][]float64{ref3}), env([][]float64{moved(star3)}, [][]float64{moved(ref3)})
	twice := env([][]float64{star3, star3}, [][]float64{ref3, ref3})
	for _, of := range []string{"only a loss", "flipped", "one pair"} {
		data, both, reordered := comparisons[of], &preference.Pairs{}, &preference.Pairs{}
		for i, w := range data.Weight {
			for x := range 2 {
				both.Prompt, both.Weight = append(both.Prompt, x), append(both.Weight, w/2)
				both.Chosen, both.Rejected = append(both.Chosen, data.Chosen[i]), append(both.Rejected, data.Rejected[i])
			}
			reordered.Prompt, reordered.Weight = append(reordered.Prompt, 0), append(reordered.Weight, w)
			reordered.Chosen = append(reordered.Chosen, order[data.Chosen[i]])
			reordered.Rejected = append(reordered.Rejected, order[data.Rejected[i]])
		}
		for name, loss := range everyLoss(1) {
			if name == "aot" || name == "aot-unpaired" || name == "tr-dpo" {
				continue
			}
			for _, c := range []struct {
				class, wide, reordered policy.Params
				l2                     float64
			}{
				{class: &policy.TabularParams{}, reordered: &policy.TabularParams{}},
				{class: &policy.TabularParams{}, reordered: &policy.TabularParams{}, l2: 0.01},
				{class: line, wide: &policy.LowRankParams{Basis: [][]float64{{0, 1, -1}, {0, 2, -2}}}, reordered: &policy.LowRankParams{Basis: [][]float64{{-1, 0, 1}}}},
			} {
				want := solve(t, Problem{Env: plain, Pairs: data, Policy: build(t, plain, c.class), L2: c.l2}, loss)
				same := func(said string, s *Solution, factor float64, at func(k int) int) {
					ok := s.Status == want.Status && (want.Loss != want.Loss || math.Abs(s.Loss-factor*want.Loss) <= 1e-7*max(1, math.Abs(factor*want.Loss)))
					for _, row := range s.Policy {
						if ok = ok && (row == nil) == (want.Policy[0] == nil); row == nil {
							continue
						}
						for k, v := range want.Policy[0] {
							ok = ok && math.Abs(math.Exp(v)-math.Exp(row[at(k)])) < 1e-5
						}
					}
					if !ok {
						t.Errorf("%s, %s, %T, penalty %g, %s: %s, loss %v, %v, %s; without %s, loss %v, %v, %s", name, of, c.class, c.l2, said, s.Status, s.Loss,
							s.Policy, s.Reason, want.Status, factor*want.Loss, want.Policy, want.Reason)
					}
				}
				asIs := func(k int) int { return k }
				same("three times", solve(t, Problem{Env: plain, Pairs: data, Policy: build(t, plain, c.class), L2: 3 * c.l2}, times{3, loss}), 3, asIs)
				same("reordered", solve(t, Problem{Env: other, Pairs: reordered, Policy: build(t, other, c.reordered), L2: c.l2}, loss), 1,
					func(k int) int { return order[k] })
				if c.l2 == 0 {
					same("every prompt twice", solve(t, Problem{Env: twice, Pairs: both, Policy: build(t, twice, c.class)}, loss), 1, asIs)
				}
				if c.wide != nil {
					same("by two parameters", solve(t, Problem{Env: plain, Pairs: data, Policy: build(t, plain, c.wide)}, loss), 1, asIs)
				}
			}
		}
	}
}

// times is a multiple of a loss.
type times struct {
	factor float64
	loss   objective.Params
}

func (p times) Objective() *objective.Objective {
	return (&objective.Objective{}).And(p.factor, p.loss.Objective())
}

// TestAlongALine holds every loss in a class of one parameter, with a penalty and without, against its values along the whole line, as training
// computes them: none is lower, and where the loss is said to fall for ever it is no lower near than far out.
func TestAlongALine(t *testing.T) {
	e, count := env([][]float64{star3}, [][]float64{ref3}), map[Status]int{}
	for _, lambda := range []float64{0.1, 10} {
		for name, loss := range everyLoss(lambda) {
			if o := loss.Objective(); o.Moving != nil || holdsBack(o) {
				continue
			}
			for of, l2 := range map[string]float64{"flipped": 0, "cycle": 0.01 * lambda * lambda} {
				pol := build(t, e, line)
				s := solve(t, Problem{Env: e, Pairs: comparisons[of], Policy: pol, L2: l2}, loss)
				count[s.Status]++
				problem := train.NewProblem(e, pol, loss.Objective(), l2)
				full, near, away := train.Full(comparisons[of], problem), math.Inf(1), math.Inf(1)
				for i := range 400 {
					x := math.Pow(10, 5*float64(i/2)/200-3) / lambda * float64(1-2*(i%2))
					pol.Params()[0] = x
					if v := problem.Loss(full); math.Abs(x) < 30/lambda {
						near = min(near, v)
					} else {
						away = min(away, v)
					}
				}
				switch s.Status {
				case train.Diverged:
					if !(away <= near) {
						t.Errorf("%s at %g, %s: said to fall for ever, %v near and %v far out: %s", name, lambda, of, near, away, s.Reason)
					}
				case Stalled:
					t.Errorf("%s at %g, %s: %s", name, lambda, of, s.Reason)
				default:
					if least := min(near, away); s.Loss > least+1e-9*max(1, math.Abs(least)) {
						t.Errorf("%s at %g, %s: %s at %v, along the line %v: %s", name, lambda, of, s.Status, s.Loss, least, s.Reason)
					}
				}
			}
		}
	}
	if count[train.Converged] < 40 || count[Local] < 40 {
		t.Errorf("verdicts %v", count)
	}
}

// TestSumsOnAGrid holds sums of losses with what is not of the comparisons, over one prompt and over three alike, against a grid of policies
// that reaches far out: none is lower.
func TestSumsOnAGrid(t *testing.T) {
	one := env([][]float64{star3}, [][]float64{ref3})
	three := env([][]float64{star3, star3, star3}, [][]float64{ref3, ref3, ref3})
	forward, reverse := &objective.KLRefPi{Reduction: "sum"}, &objective.KLPiRef{}
	for name, loss := range map[string]objective.Params{
		"nca and forward":      beside(&objective.NCA{Lambda: 1}, 0.3, forward),
		"nca and reverse":      beside(&objective.NCA{Lambda: 1}, 0.3, reverse),
		"apo and forward":      beside(&objective.APOZero{Lambda: 2}, 0.3, forward),
		"apo and both":         beside(&objective.APODown{Lambda: 2}, 0.3, forward, reverse),
		"savage and forward":   beside(&objective.GPO{Lambda: 2, Function: "savage"}, 0.1, forward),
		"discopop and reverse": beside(&objective.DiscoPOP{Lambda: 1, Tau: 0.05, Divergence: objective.Divergence{Divergence: "reverse_kl"}}, 0.3, reverse),
		"hinge and forward":    beside(&objective.Hinge{Lambda: 3, Divergence: objective.Divergence{Divergence: "reverse_kl"}}, 0.2, forward),
		"hinge and ipo":        beside(&objective.GPO{Lambda: 1, Function: "hinge"}, 0.2, &objective.IPO{Lambda: 1}),
		"dpo and reverse":      beside(&objective.DPO{Lambda: 1}, 0.4, reverse),
		"dpo and reward":       beside(&objective.DPO{Lambda: 1}, 0.1, &objective.Reward{}),
		"dpo, typo and reward": beside(&objective.DPO{Lambda: 1}, 0.2, &objective.TYPO{Lambda: 1, KLReduction: "sum"}, &objective.Reward{}),
		"js and forward":       beside(&objective.FDPO{Lambda: 1, Divergence: "js"}, 0.2, forward),
		"dpo-positive":         beside(&objective.DPOPositive{Lambda: 1, Penalty: 5}, 0.2, forward),
		"sppo and reward":      beside(&objective.SPPO{Lambda: 1}, 0.2, &objective.Reward{}),
		"mallows and forward":  beside(&objective.Mallows{Lambda: 1, Scale: 0.29}, 0.1, forward),
	} {
		data := population(one)
		pol := build(t, one, &policy.TabularParams{})
		s := solve(t, Problem{Env: one, Pairs: data}, loss)
		if s.Policy[0] == nil || s.Status == NotUnique {
			t.Errorf("%s: %s, %s", name, s.Status, s.Reason)
			continue
		}
		problem := train.NewProblem(one, pol, loss.Objective(), 0)
		full, least := train.Full(data, problem), math.Inf(1)
		for i := range 51 * 51 {
			a, b := 10*math.Pow(float64(i%51-25)/25, 3), 10*math.Pow(float64(i/51-25)/25, 3)
			for k, shift := range []float64{a, b, -a - b} {
				pol.Params()[k] = one.Prompts[0].LogRef[k] + shift
			}
			least = min(least, problem.Loss(full))
		}
		if s.Loss > least+1e-9 {
			t.Errorf("%s: %s at %v, the grid finds %v: %s", name, s.Status, s.Loss, least, s.Reason)
		}
		several := solve(t, Problem{Env: three, Pairs: population(three)}, loss)
		if d := distance(several.Policy[2], s.Policy[0]); several.Status != s.Status || d > 1e-7 || math.Abs(several.Loss-s.Loss) > 1e-9 {
			t.Errorf("%s: %s at %v; of three prompts alike %s at %v, off by %g", name, s.Status, s.Loss, several.Status, several.Loss, d)
		}
	}
}

// TestOrderAndRepeats checks that neither the order of comparisons nor how often one is written down matters, only its weight in all, and of that only
// its share.
func TestOrderAndRepeats(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 1))
	e := env([][]float64{star3, {1, 3, 2}}, [][]float64{ref3, {2, 1, 4}})
	data, again := population(e), &preference.Pairs{}
	for i, at := range slices.Concat(rng.Perm(data.Len()), rng.Perm(data.Len())) {
		again.Prompt, again.Chosen, again.Rejected = append(again.Prompt, data.Prompt[at]), append(again.Chosen, data.Chosen[at]), append(again.Rejected, data.Rejected[at])
		again.Weight = append(again.Weight, data.Weight[at]*[]float64{0.25, 0.75}[i/data.Len()])
	}
	for name, loss := range everyLoss(0.8) {
		if strings.HasPrefix(name, "aot") {
			continue // the order of equal margins decides which coupling is searched first
		}
		once, s := solve(t, Problem{Env: e, Pairs: data}, loss), solve(t, Problem{Env: e, Pairs: again}, loss)
		if s.Status != once.Status || (s.Loss != s.Loss) != (once.Loss != once.Loss) || math.Abs(s.Loss-once.Loss) > 1e-9 {
			t.Errorf("%s: %s at %v, %s; shuffled and written twice %s at %v, %s", name, once.Status, once.Loss, once.Reason, s.Status, s.Loss, s.Reason)
		}
		few := *data
		few.Weight = floats.ScaleTo(make([]float64, data.Len()), 0x1p-40, data.Weight)
		if s := solve(t, Problem{Env: e, Pairs: &few}, loss); s.Status != once.Status {
			t.Errorf("%s: %s, with little weight %s, %s", name, once.Status, s.Status, s.Reason)
		}
		for x, row := range once.Policy {
			if row != nil && s.Policy[x] != nil && distance(row, s.Policy[x]) > 1e-7 {
				t.Errorf("%s: prompt %d is off by %g", name, x, distance(row, s.Policy[x]))
			}
		}
	}
}

// TestWhatIsSaid checks verdicts and their whole reasons where they follow from the loss alone.
func TestWhatIsSaid(t *testing.T) {
	e := env([][]float64{star3}, [][]float64{ref3})
	even := env([][]float64{star3}, [][]float64{{1, 1, 1}})
	two := env([][]float64{{2, 1}}, [][]float64{{1, 3}})
	pair := env([][]float64{star3, star3}, [][]float64{ref3, ref3})
	const unseen = "prompt 0: the loss does not see this prompt, so every policy minimizes it; pi_ref is reported"
	const flat = "prompt 0: some directions do not change the loss; the minimizer nearest to pi_ref is reported"
	const inTheMargins, inTheLogits = "convex in the margins", "convex in the logits"
	const single = "convex in the log-probabilities, and more mass would lower it"
	mallows := &objective.Mallows{Lambda: 1, Scale: 0.29} // which an even reference makes constant
	for _, c := range []struct {
		name   string
		env    *bandit.Env
		pairs  *preference.Pairs
		loss   objective.Params
		l2     float64
		status Status
		reason string
	}{
		{"mallows on an even reference", even, population(even), mallows, 0, NotUnique, unseen},
		{"mallows", e, population(e), mallows, 0, train.Converged, inTheMargins},
		{"nothing", e, population(e), beside(&objective.KLRefPi{Reduction: "sum"}, -1, &objective.KLRefPi{Reduction: "sum"}), 0, NotUnique, unseen},
		{"forward KL", e, nil, &objective.KLRefPi{Reduction: "mean"}, 0, train.Converged, inTheLogits},
		{"a penalty alone", e, population(e), &objective.Sum{Terms: []objective.Part{{Weight: objective.Times(0), Loss: &objective.DPO{Lambda: 1}}}}, 0.5,
			train.Converged, inTheLogits},
		{"one response is left", two, population(two), &objective.KTO{Lambda: 1, Desirable: 1, Undesirable: 1}, 0, Boundary,
			"prompt 0: wherever the policy is, the loss pushes response 0 up and response 1 down; it is least with response 1 at probability 0"},
		{"singles in a circle", e, comparisons["cycle"], &objective.NCA{Lambda: 0.5}, 0, train.Converged, single},
		{"squares", e, population(e), &objective.SPPO{Lambda: 1}, 0, train.Converged, single},
		{"never compared", e, comparisons["never compared"], with("cal-dpo", 1), 0, train.Converged, single},
		{"chosen alone", e, population(e), &objective.SFT{}, 0, train.Converged, inTheLogits},
		{"rare in the reference", env([][]float64{star3}, [][]float64{{1, 1e-8, 1e-14}}), population(e), &objective.SPPO{Lambda: 1}, 0, train.Converged, single},
		{"level from 1 on", e, comparisons["a chain"], &objective.GPO{Lambda: 1, Function: "truncated-square"}, 0, NotUnique,
			"prompt 0: some directions do not change the loss; one of the minimizers is reported"},
		{"level, two of them", e, comparisons["a chain"], beside(&objective.GPO{Lambda: 1, Function: "truncated-square"}, 1,
			&objective.GPO{Lambda: 2, Function: "truncated-square"}), 0, NotUnique, flat},
		{"hinges in a circle", e, pairs([3]int{0, 1, 2}, [3]int{1, 0, 1}, [3]int{1, 2, 2}, [3]int{2, 1, 1}, [3]int{2, 0, 2}, [3]int{0, 2, 1}),
			beside(&objective.GPO{Lambda: 1, Function: "hinge"}, 1, &objective.GPO{Lambda: 0.5, Function: "hinge"}), 0, NotUnique, flat},
		{"held by its chosen response alone", e, comparisons["never compared"], &objective.DPOPositive{Lambda: 100, Penalty: 5}, 0, NotUnique, flat},
		{"two prompts in balance", pair, population(pair), &objective.WPO{Lambda: 1}, 0, Stationary,
			"prompt 0: training rests there: opposite comparisons balance pair by pair, whatever the factor that they share"},
		{"never compared, convex", e, comparisons["never compared"], beside(&objective.GPO{Lambda: 1, Function: "truncated-square"}, 1,
			&objective.GPO{Lambda: 2, Function: "truncated-square"}), 0, NotUnique,
			"prompt 0: responses 0, 1 and response 2 were never compared, not even through others; the minimizer nearest to pi_ref is reported"},
		{"a gap, beside forward KL", e, population(e), beside(&objective.ODPO{Lambda: 1, Alpha: 1, Scaling: "log"}, 0.5, &objective.KLRefPi{Reduction: "sum"}), 0,
			train.Converged, inTheLogits},
		{"several places to rest", env([][]float64{{1, 1, 1}}, [][]float64{{1, 1, 1}}), comparisons["flipped"], &objective.WPO{Lambda: 0.1}, 0, Stationary,
			"prompt 0: where training from pi_ref comes to rest, one of several such policies"},
		{"losing counts thrice", e, pairs([3]int{0, 1, 2}, [3]int{1, 0, 1}), &objective.KTO{Lambda: 1, KL: new(float64), Desirable: 1, Undesirable: 3}, 0, Boundary,
			"prompt 0: wherever the policy is, the loss pushes responses 0, 1 down and leaves response 2 alone; it is least with responses 0, 1 at probability 0"},
		{"pulled apart", e, population(e), &objective.AOTUnpaired{Lambda: 1}, 0, train.Diverged,
			"prompt 0: the loss falls for ever as the responses are pulled apart in the order of their wins less their losses, and training does not rest at any policy"},
		{"balanced, under a penalty", two, population(two), &objective.WPO{Lambda: 1}, 0.1, Stationary, "prompt 0: the only policy at which training rests"},
	} {
		s := solve(t, Problem{Env: c.env, Pairs: c.pairs, L2: c.l2}, c.loss)
		if s.Status != c.status || s.Reason != c.reason {
			t.Errorf("%s: %s, %q, want %s, %q", c.name, s.Status, s.Reason, c.status, c.reason)
		}
		if c.pairs == nil || c.l2 > 0 || s.Status == Local {
			continue
		}
		few := *c.pairs // as where other prompts have nearly all of the weight
		few.Weight = nil
		for i := range few.Len() {
			few.Weight = append(few.Weight, 0x1p-30*c.pairs.WeightOf(i))
		}
		if s := solve(t, Problem{Env: c.env, Pairs: &few}, c.loss); s.Status != c.status || s.Reason != c.reason {
			t.Errorf("%s, with little weight: %s, %q, want %s, %q", c.name, s.Status, s.Reason, c.status, c.reason)
		}
	}
	// Of a psi that is not convex, under a link, only a search can tell.
	js := &objective.DiscoPOP{Lambda: 1, Tau: 0.05, Divergence: objective.Divergence{Divergence: "js"}}
	if s := solve(t, Problem{Env: e, Pairs: comparisons["a chain"]}, js); s.Status != train.Diverged || !strings.Contains(s.Reason, "as margins run off") {
		t.Errorf("%s: %s", s.Status, s.Reason)
	}
	// Parameters that move no policy leave the start alone.
	still := &policy.LowRankParams{Basis: [][]float64{{1, 1, 1}}}
	for name, loss := range everyLoss(0.5) {
		for _, l2 := range []float64{0, 0.1} {
			if loss.Objective().Moving != nil {
				continue
			}
			s := solve(t, Problem{Env: e, Pairs: population(e), Policy: build(t, e, still), L2: l2}, loss)
			if s.Status != train.Converged || s.Iterations != 0 || distance(s.Policy[0], logs(ref3...)) > 1e-14 || !(s.GradNorm < 1e-12) {
				t.Errorf("%s in a class that does not move, l2 %g: %+v", name, l2, s)
			}
		}
	}
	// Prompts that a held factor leaves apart keep their policies beside one that runs off.
	data := population(e)
	data.Prompt, data.Chosen, data.Rejected = append(data.Prompt, 1), append(data.Chosen, 0), append(data.Rejected, 2)
	data.Weight = append(data.Weight, 1)
	for _, loss := range []objective.Params{&objective.WPO{Lambda: 1}, &objective.DPO{Lambda: 1}} {
		if s := solve(t, Problem{Env: pair, Pairs: data}, loss); s.Status != train.Diverged || s.Policy[0] == nil || s.Policy[1] != nil {
			t.Errorf("%T beside a prompt that runs off: %s at %v", loss, s.Status, s.Policy)
		}
	}
}

// TestKnownTellsApart checks that what is kept of one loss does not serve another that differs from it between two margins only, or in what it holds back from
// differentiation only.
func TestKnownTellsApart(t *testing.T) {
	e := env([][]float64{{5, 1, 2}}, [][]float64{ref3})
	data := population(e)
	for _, lambda := range []float64{0.01, 1, 100} {
		known := &Known{}
		var kept, alone [2]*Solution
		for i, pair := range []string{"softplus(-lambda*u)", "softplus(-lambda*u) - 0.5*(relu(lambda*u-1) - 2*relu(lambda*u-3) + relu(lambda*u-5))"} {
			loss := &objective.Custom{Lambda: lambda, Pair: pair + " + 0*square(c)"}
			kept[i] = solve(t, Problem{Env: e, Pairs: data, Known: known}, loss)
			alone[i] = solve(t, Problem{Env: e, Pairs: data}, loss)
			if kept[i].Loss != alone[i].Loss {
				t.Errorf("lambda %g, %s: %s at %v, by itself %s at %v", lambda, pair, kept[i].Status, kept[i].Loss, alone[i].Status, alone[i].Loss)
			}
		}
		for i, pair := range []string{"-stopgrad(sigmoid(-lambda*u))*logsigmoid(lambda*u)", "-sigmoid(-lambda*u)*stopgrad(logsigmoid(lambda*u))"} {
			loss := &objective.Custom{Lambda: lambda, Pair: pair + " + 0.01*square(lambda*(c - ref_c))"}
			s, other := solve(t, Problem{Env: e, Pairs: data, Known: known}, loss), solve(t, Problem{Env: e, Pairs: data}, loss)
			if s.Status != other.Status || s.Reason != other.Reason || s.Policy[0] != nil && distance(s.Policy[0], other.Policy[0]) > 0 {
				t.Errorf("lambda %g, held %d: %s, %s; by itself %s, %s", lambda, i, s.Status, s.Reason, other.Status, other.Reason)
			}
		}
		if !(alone[1].Loss < alone[0].Loss-0.01) {
			t.Errorf("lambda %g: the losses are least at %v and %v", lambda, alone[0].Loss, alone[1].Loss)
		}
	}
}

// TestNearestOfManyGroups checks links where responses fall into groups that were never compared: the margins within groups are the odds', and
// KL(pi_ref to pi) is stationary along the minimizers, which it is where sum pi_ref dx/dt is one multiple of sum pi dx/dt for all groups.
func TestNearestOfManyGroups(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 9))
	// dx/dt, and t, by the ratio r.
	links := map[string]struct {
		loss     objective.FDPO
		slope, t func(r float64) float64
	}{
		"js": {objective.FDPO{Divergence: "js"}, func(r float64) float64 { return 1 + r }, func(r float64) float64 { return math.Log(2 * r / (1 + r)) }},
		"forward": {objective.FDPO{Divergence: "forward_kl"}, func(r float64) float64 { return r },
			func(r float64) float64 { return -1 / r }},
		"alpha 0.5": {objective.FDPO{Divergence: "alpha", Alpha: 0.5}, func(r float64) float64 { return math.Sqrt(r) },
			func(r float64) float64 { return -2 / math.Sqrt(r) }},
		"alpha 1.5": {objective.FDPO{Divergence: "alpha", Alpha: 1.5}, func(r float64) float64 { return 1 / math.Sqrt(r) },
			func(r float64) float64 { return 2 * math.Sqrt(r) }},
		"alpha 2": {objective.FDPO{Divergence: "alpha", Alpha: 2}, func(r float64) float64 { return 1 / r }, func(r float64) float64 { return r }},
	}
	for name, link := range links {
		for _, lambda := range []float64{0.3, 0.6, 1, 20} {
			e := random(rng, 7, 1)
			ref := e.Prompts[0].LogReference()
			data := pairs([3]int{0, 3, 2}, [3]int{3, 0, 1}, [3]int{3, 5, 1}, [3]int{5, 3, 1}, [3]int{1, 6, 3}, [3]int{6, 1, 2})
			link.loss.Lambda = lambda
			s := solve(t, Problem{Env: e, Pairs: data}, &link.loss)
			if s.Status != NotUnique {
				if strings.HasPrefix(name, "alpha") && link.loss.Alpha > 1 && s.Status == Boundary {
					continue
				}
				t.Fatalf("%s at %g: %s, %s", name, lambda, s.Status, s.Reason)
			}
			ratio := func(k int) float64 { return math.Exp(s.Policy[0][k] - ref[k]) }
			for _, c := range []struct {
				a, b int
				odds float64
			}{{0, 3, 2}, {3, 5, 1}, {1, 6, 1.5}} {
				if got, want := lambda*(link.t(ratio(c.a))-link.t(ratio(c.b))), math.Log(c.odds); math.Abs(got-want) > 1e-8 {
					t.Errorf("%s at %g: %d over %d by %v, want %v", name, lambda, c.a, c.b, got, want)
				}
			}
			first := 0.0
			for i, group := range [][]int{{0, 3, 5}, {1, 6}, {2}, {4}} {
				above, below := 0.0, 0.0
				for _, k := range group {
					above += math.Exp(s.Policy[0][k]) * link.slope(ratio(k))
					below += math.Exp(ref[k]) * link.slope(ratio(k))
				}
				if i == 0 {
					first = above / below
				}
				if math.Abs(above/below-first) > 1e-9*first {
					t.Errorf("%s at %g: group %v at %v, the first at %v", name, lambda, group, above/below, first)
				}
			}
			if sum := logspace.LogSumExp(s.Policy[0]); math.Abs(sum) > 1e-12 {
				t.Errorf("%s at %g: probabilities sum to exp(%g)", name, lambda, sum)
			}
		}
	}
}

// TestEdgeOfMany checks minimizers on the boundary among up to 8 responses: no move of mass from one response to another, large or small, lowers the loss.
func TestEdgeOfMany(t *testing.T) {
	rng, edges := rand.New(rand.NewPCG(4, 1)), 0
	for trial := range 24 {
		k := 3 + trial%6
		e := random(rng, k, 1.2)
		alpha, lambda := []float64{1.3, 1.6, 2}[trial%3], math.Pow(10, -6*rng.Float64())
		s := solve(t, Problem{Env: e, Pairs: population(e)}, &objective.FDPO{Lambda: lambda, Divergence: "alpha", Alpha: alpha})
		pi := make([]float64, k)
		logspace.Exp(pi, s.Policy[0])
		here := alphaLoss(&e.Prompts[0], pi, lambda, alpha)
		if math.Abs(here-s.Loss) > 1e-12 {
			t.Errorf("alpha %g, lambda %g: loss %v, in full %v", alpha, lambda, s.Loss, here)
		}
		zeros := 0
		for _, p := range pi {
			if p == 0 {
				zeros++
			}
		}
		if (s.Status == Boundary) != (zeros > 0) || math.Abs(floats.Sum(pi)-1) > 1e-12 || s.Status == Boundary && !(s.Change <= 1e-8) {
			t.Errorf("alpha %g, lambda %g: %s, %s, at %v, last change %g", alpha, lambda, s.Status, s.Reason, pi, s.Change)
		}
		edges += min(1, zeros)
		if margins := solve(t, Problem{Env: e, Pairs: population(e)}, &objective.DPO{Lambda: lambda}); s.Status == Boundary && s.Iterations <= margins.Iterations {
			t.Errorf("alpha %g, lambda %g: %d steps, to the margins alone %d", alpha, lambda, s.Iterations, margins.Iterations)
		}
		for from := range k {
			for to := range k {
				for _, share := range []float64{1, 0.3, 1e-2, 1e-4, 1e-6} {
					if mass := share * pi[from]; from != to && mass > 0 {
						other := slices.Clone(pi)
						other[from], other[to] = pi[from]-mass, pi[to]+mass
						if v := alphaLoss(&e.Prompts[0], other, lambda, alpha); v < here-1e-13 {
							t.Errorf("alpha %g, lambda %g: %v, with %g moved from %d to %d %v", alpha, lambda, here, mass, from, to, v)
						}
					}
				}
			}
		}
	}
	if edges < 10 {
		t.Errorf("only %d on the boundary", edges)
	}
}

// TestKinkEnds checks hinge losses in a class, whose minimum lies at a kink where no gradient is small: a search there ends soon after it has come to it.
func TestKinkEnds(t *testing.T) {
	e := env([][]float64{star3}, [][]float64{ref3})
	for _, lambda := range []float64{0.01, 1, 100, 1e4} {
		for _, name := range []string{"flipped", "a chain", "cycle"} {
			pol := build(t, e, line)
			s := solve(t, Problem{Env: e, Pairs: comparisons[name], Policy: pol}, &objective.Hinge{Lambda: lambda})
			problem := train.NewProblem(e, pol, (&objective.Hinge{Lambda: lambda}).Objective(), 0)
			full, least := train.Full(comparisons[name], problem), math.Inf(1)
			for _, z := range []float64{-1, -0.5, 0, 0.5, 1} { // where a margin is 1 or -1
				pol.Params()[0] = z / lambda
				least = min(least, problem.Loss(full))
			}
			if s.Status != train.Converged || s.Loss > least+1e-9 || s.Iterations > 150 {
				t.Errorf("%s at %g: %s after %d steps at %v, at a kink it is %v", name, lambda, s.Status, s.Iterations, s.Loss, least)
			}
		}
	}
}

// TestLossesInTheUnitOfThePrompt checks that what is said of other minima is in the loss's own unit: of two prompts alike each has half of it.
func TestLossesInTheUnitOfThePrompt(t *testing.T) {
	one, two := env([][]float64{star3}, [][]float64{ref3}), env([][]float64{star3, star3}, [][]float64{ref3, ref3})
	loss, found := &objective.NCA{Lambda: 100}, 0
	for of, data := range comparisons {
		both := &preference.Pairs{}
		for x := range 2 {
			for i, c := range data.Chosen {
				both.Prompt, both.Chosen, both.Rejected = append(both.Prompt, x), append(both.Chosen, c), append(both.Rejected, data.Rejected[i])
				both.Weight = append(both.Weight, data.Weight[i]/2)
			}
		}
		var alone, half [2]float64
		for _, c := range []struct {
			reason string
			into   *[2]float64
		}{{solve(t, Problem{Env: one, Pairs: data}, loss).Reason, &alone}, {solve(t, Problem{Env: two, Pairs: both}, loss).Reason, &half}} {
			if _, losses, ok := strings.Cut(c.reason, "at losses higher by "); ok {
				if _, err := fmt.Sscanf(losses, "%g to %g", &c.into[0], &c.into[1]); err != nil {
					t.Fatalf("%s: %v", c.reason, err)
				}
				found++
			}
		}
		for i := range alone {
			if math.Abs(half[i]-alone[i]/2) > 0.01*alone[i] {
				t.Errorf("%s: higher by %v alone, by %v of two", of, alone, half)
			}
		}
	}
	if found == 0 {
		t.Error("nothing ended elsewhere")
	}
}

// TestTwoResponses checks psi that have a closed form for two responses, from even to nearly certain preferences and from the smallest lambda to the
// largest: the scaled margin is what psi makes of the odds.
func TestTwoResponses(t *testing.T) {
	for _, logOdds := range []float64{0, 0.4, -3, 10} {
		e := env([][]float64{{math.Exp(logOdds), 1}}, [][]float64{{1, 3}})
		mean := 2*logspace.Sigmoid(logOdds) - 1
		for _, c := range []struct {
			function string
			want     float64
			status   Status
		}{{"savage", logOdds, Local}, {"exponential", logOdds / 2, train.Converged}, {"square", mean, train.Converged}, {"truncated-square", mean, train.Converged},
			{"logistic", logOdds, train.Converged}} {
			for _, lambda := range []float64{1e-9, 1e-6, 1e-3, 1, 1e3, 1e6} {
				s := solve(t, Problem{Env: e, Pairs: population(e)}, &objective.GPO{Lambda: lambda, Function: c.function})
				z := lambda * (s.Policy[0][0] - s.Policy[0][1] + math.Log(3))
				if s.Status != c.status || math.Abs(z-c.want) > 1e-12*max(1, 1e3*lambda) {
					t.Errorf("%s at %g, log-odds %g: %s, a scaled margin of %v, want %v", c.function, lambda, logOdds, s.Status, z, c.want)
				}
			}
		}
	}
}

// TestWhereTheReferenceGoes checks TR-DPO: to the response that wins most, unless another never lost, which would have all if the reference moved late.
func TestWhereTheReferenceGoes(t *testing.T) {
	e := env([][]float64{{1, 1, 1, 1, 1}}, [][]float64{{1, 2, 3, 4, 5}})
	const goes = "prompt 0: the reference follows the policy, which moves on until %s all probability"
	const open = "prompt 0: the reference follows the policy for ever, and where to depends on how often: %s won most, but %s would if the reference were moved late"
	for _, c := range []struct {
		name   string
		data   *preference.Pairs
		status Status
		reason string
		best   []int
	}{
		{"never loses", pairs([3]int{3, 1, 4}, [3]int{1, 0, 1}, [3]int{0, 1, 1}, [3]int{1, 2, 1}), Boundary, fmt.Sprintf(goes, "response 3 has"), []int{3}},
		{"wins most and loses once", pairs([3]int{0, 1, 9}, [3]int{2, 0, 1}, [3]int{3, 1, 1}, [3]int{1, 3, 1}), train.Diverged,
			fmt.Sprintf(open, "response 0", "response 2"), nil},
		{"wins most and is beaten by the best", pairs([3]int{0, 1, 9}, [3]int{1, 0, 1}, [3]int{2, 0, 2}, [3]int{0, 2, 1}), train.Diverged,
			fmt.Sprintf(open, "response 0", "response 2"), nil},
		{"a cycle", pairs([3]int{0, 1, 3}, [3]int{1, 2, 2}, [3]int{2, 0, 2}, [3]int{3, 1, 1}, [3]int{1, 3, 2}), Boundary, fmt.Sprintf(goes, "response 0 has"), []int{0}},
		{"two alike", pairs([3]int{1, 0, 2}, [3]int{0, 1, 1}, [3]int{2, 0, 2}, [3]int{0, 2, 1}, [3]int{3, 0, 1}, [3]int{0, 3, 1}), Boundary,
			fmt.Sprintf(goes, "responses 1, 2 has"), []int{1, 2}},
		{"two groups", pairs([3]int{0, 1, 6}, [3]int{1, 0, 2}, [3]int{2, 3, 2}, [3]int{3, 2, 1}, [3]int{2, 4, 2}, [3]int{4, 2, 1}, [3]int{3, 4, 1}, [3]int{4, 3, 1}), Boundary, fmt.Sprintf(goes, "response 0 has"), []int{0}},
		{"even", pairs([3]int{0, 1, 1}, [3]int{1, 2, 1}, [3]int{2, 3, 1}, [3]int{3, 0, 1}), Stationary,
			"prompt 0: every response was chosen as often as rejected, so that pi_ref is at rest and its reference with it", []int{0, 1, 2, 3, 4}},
	} {
		for _, factor := range []float64{1, 1e-9} {
			data := *c.data
			for range data.Prompt {
				data.Weight = append(data.Weight, factor)
			}
			s := solve(t, Problem{Env: e, Pairs: &data}, &objective.TRDPO{Lambda: 0.5, Alpha: 0.6, Every: 512})
			if s.Status != c.status || s.Reason != c.reason {
				t.Errorf("%s, weights %g: %s, %s", c.name, factor, s.Status, s.Reason)
			}
			if c.best == nil {
				continue
			}
			mass := 0.0
			for _, k := range c.best {
				mass += float64(k + 1)
			}
			for k, v := range s.Policy[0] {
				want := 0.0
				if slices.Contains(c.best, k) {
					want = float64(k+1) / mass // the reference's shares
				}
				if math.Abs(math.Exp(v)-want) > 1e-14 {
					t.Errorf("%s: response %d has %v, want %v", c.name, k, math.Exp(v), want)
				}
			}
		}
	}
	s := taken(t, &Problem{Env: e, Pairs: &preference.Pairs{}}, &objective.TRDPO{Lambda: 0.5, Alpha: 0.6, Every: 512})
	if r, err := s.movingReference(s.problem.Policy.Blocks()[0]); err != nil || r.status != Stationary {
		t.Errorf("where nothing was compared: %s, %v", r.status, err)
	}
}

// TestWholeClassFromAnUnevenStart checks a class that contains all policies and starts at an uneven one: its parameters make the policy that is told.
func TestWholeClassFromAnUnevenStart(t *testing.T) {
	e := env([][]float64{star3, {1, 4, 2}}, [][]float64{{5, 1, 3}, {1, 7, 2}})
	for _, loss := range []objective.Params{&objective.DPO{Lambda: 0.5}, &objective.TYPO{Lambda: 0.5}, &objective.RLHF{Lambda: 0.5},
		&objective.FDPO{Lambda: 0.5, Divergence: "js"}, &objective.BCO{Lambda: 0.5}} {
		for kind, class := range map[string]policy.Params{"low rank": &policy.LowRankParams{Basis: [][]float64{{1, 0, 2}, {0, 3, 1}, {1, 1, 1}}},
			"linear": &policy.LinearParams{}, "tabular": &policy.TabularParams{}} {
			pol := build(t, e, class)
			s, want := solve(t, Problem{Env: e, Pairs: population(e), Policy: pol}, loss), solve(t, Problem{Env: e, Pairs: population(e)}, loss)
			for x := range e.Prompts {
				made := make([]float64, 3)
				pol.Logits(x, made)
				logspace.LogSoftmax(made, made)
				if s.Status != want.Status || s.Iterations != want.Iterations || distance(s.Policy[x], want.Policy[x]) > 1e-10 ||
					distance(made, s.Policy[x]) > 1e-10 {
					t.Errorf("%T, %s, prompt %d: %s, told %v, made %v, want %v", loss, kind, x, s.Status, s.Policy[x], made, want.Policy[x])
				}
			}
		}
	}
}

// TestRewardAtSmallLambda checks exact RLHF, and sums that come to it, where a small lambda magnifies the rounding of rewards: pi is pi_ref times
// exp(reward/lambda), measured from the best response.
func TestRewardAtSmallLambda(t *testing.T) {
	for _, lambda := range []float64{1e-9, 1e-7, 1e-3, 2} {
		for _, best := range []int{0, 1, 3} {
			e := env([][]float64{{1, 1, 1, 1}}, [][]float64{{1, 2, 3, 4}})
			x := &e.Prompts[0]
			copy(x.LogStar, []float64{-30, -30.5, -29, -31})
			x.LogStar[best], x.LogStar[2] = -1, -1-0x1p-30*lambda*1e9
			want := make([]float64, 4)
			for k, v := range x.LogStar {
				want[k] = x.LogRef[k] + (v-x.LogStar[best])/lambda
			}
			logspace.LogSoftmax(want, want)
			for name, loss := range map[string]objective.Params{"rlhf": &objective.RLHF{Lambda: lambda},
				"its terms": beside(&objective.Reward{}, lambda, &objective.KLPiRef{}), "three times": beside(&objective.RLHF{Lambda: lambda}, 2, &objective.RLHF{Lambda: lambda})} {
				if s := solve(t, Problem{Env: e}, loss); s.Status != train.Converged || distance(s.Policy[0], want) > 1e-14 {
					t.Errorf("%s at %g, best %d: %s, off by %g", name, lambda, best, s.Status, distance(s.Policy[0], want))
				}
			}
		}
	}
}

// TestKinksOfManyParameters checks hinge losses, a formula with a kink and DPO-Positive in classes of several parameters, whose minimum lies on as many
// kinks: it is said to be one, and no point beside it is lower, at any lambda, and it takes few steps.
func TestKinksOfManyParameters(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for i, dim := range []int{2, 2, 3, 3, 6, 6, 0} { // 0 is over all policies
		k := dim + 2 + 4*(i%2)
		e, rank := random(rng, k, 1), &policy.LowRankParams{}
		for range dim {
			rank.Basis = append(rank.Basis, normal(rng, k, 1))
		}
		class := policy.Params(rank)
		if dim == 0 {
			e, class = random(rng, 4, 1), &policy.TabularParams{}
		}
		for _, lambda := range []float64{0.01, 1, 100} {
			for _, loss := range []objective.Params{&objective.Hinge{Lambda: lambda}, &objective.DPOPositive{Lambda: lambda, Penalty: 5},
				&objective.Custom{Lambda: lambda, Pair: "relu(1-lambda*u)+0.1*(lambda*u)^2"}} {
				for _, l2 := range []float64{0, 0.01 * lambda * lambda, 0.1 * lambda * lambda} {
					if dim == 0 && l2 == 0 {
						continue
					}
					pol := build(t, e, class)
					s := solve(t, Problem{Env: e, Pairs: population(e), Policy: pol, L2: l2}, loss)
					problem := train.NewProblem(e, pol, loss.Objective(), l2)
					full, at := train.Full(population(e), problem), slices.Clone(pol.Params())
					if s.Status != train.Converged || math.Abs(problem.Loss(full)-s.Loss) > 1e-12*max(1, s.Loss) || s.Iterations > 300 {
						t.Errorf("%T at %g, %d of %d, l2 %g: %s after %d steps, %s", loss, lambda, dim, k, l2, s.Status, s.Iterations, s.Reason)
					}
					for i := range 200 {
						for j := range at {
							pol.Params()[j] = at[j] + math.Pow(10, -float64(i%14)/2)*rng.NormFloat64()/lambda
						}
						if v := problem.Loss(full); v < s.Loss-1e-9 {
							t.Errorf("%T at %g, %d of %d, l2 %g: %v, beside it %v", loss, lambda, dim, k, l2, s.Loss, v)
							break
						}
					}
				}
			}
		}
	}
}

// TestProperLoss checks the savage loss, which as the logistic one is least where sigmoid(z) is the preference: among any responses, from even preferences
// to nearly certain ones, its policy is DPO's.
func TestProperLoss(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 3))
	for i, spread := range []float64{0.3, 1, 3, 6} {
		e := random(rng, 3+i, spread)
		for _, lambda := range []float64{1e-3, 1, 1e3} {
			s, want := solve(t, Problem{Env: e, Pairs: population(e)}, &objective.GPO{Lambda: lambda, Function: "savage"}), closedDPO(&e.Prompts[0], lambda)
			for k, v := range s.Policy[0] {
				if z := lambda * (v - s.Policy[0][0] - want[k] + want[0]); s.Status != Local || math.Abs(z) > 1e-8 {
					t.Errorf("spread %g, lambda %g: %s, response %d off by %g", spread, lambda, s.Status, k, z)
				}
			}
		}
	}
}

// TestSeenByTheNormalizer checks a class with a direction that moves a response that was never compared: a function of single responses sees it, by the
// probability that it takes from the others, and one of margins does not.
func TestSeenByTheNormalizer(t *testing.T) {
	e := env([][]float64{{1, 1, 1, 1}}, [][]float64{{3, 2, 4, 1}})
	data := pairs([3]int{0, 1, 3}, [3]int{1, 0, 2})
	class := &policy.LowRankParams{Basis: [][]float64{{1, -1, 0, 0}, {0, 0, 1, 0}}}
	rng := rand.New(rand.NewPCG(1, 5))
	for _, loss := range []objective.Params{&objective.SPPO{Lambda: 2}, &objective.NCA{Lambda: 1}, with("cal-dpo", 1), &objective.TYPO{Lambda: 1}, &objective.DPO{Lambda: 1}} {
		pol := build(t, e, class)
		s := solve(t, Problem{Env: e, Pairs: data, Policy: pol}, loss)
		if _, margins := loss.(*objective.DPO); margins != (s.Status == NotUnique) || s.Policy[0] == nil {
			t.Errorf("%T: %s, %s", loss, s.Status, s.Reason)
			continue
		}
		problem := train.NewProblem(e, pol, loss.Objective(), 0)
		full, at := train.Full(data, problem), slices.Clone(pol.Params())
		for i := range 200 {
			for j := range at {
				pol.Params()[j] = at[j] + math.Pow(10, -float64(i%8)/2)*rng.NormFloat64()
			}
			if v := problem.Loss(full); v < s.Loss-1e-12 {
				t.Errorf("%T: %s at %v, beside it %v", loss, s.Status, s.Loss, v)
				break
			}
		}
	}
}

// TestNamesWhatGrows checks that of several comparisons that were never lost the one is named whose margin may grow: the class raises two others against
// each other only.
func TestNamesWhatGrows(t *testing.T) {
	e := env([][]float64{{1, 1, 1, 1, 1, 1}}, [][]float64{{1, 1, 1, 1, 1, 1}})
	class := &policy.LowRankParams{Basis: [][]float64{{1, -1, 0, 0, 0, 0}, {0, 0, 1, 0, -1, 0}}}
	for _, order := range [][]int{{0, 1, 2}, {1, 0, 2}, {1, 2, 0}} {
		data := &preference.Pairs{Prompt: make([]int, 3)}
		for _, i := range order {
			data.Chosen, data.Rejected = append(data.Chosen, 2*i), append(data.Rejected, 2*i+1)
		}
		s := solve(t, Problem{Env: e, Pairs: data, Policy: build(t, e, class)}, &objective.DPO{Lambda: 1})
		if s.Status != train.Diverged || !strings.Contains(s.Reason, "raises response 0 over response 1, which") {
			t.Errorf("in order %v: %s, %s", order, s.Status, s.Reason)
		}
	}
}

// TestFarMinimum checks losses in a class whose minimum lies far out, beyond where many fall for ever: at any factor on the loss it is found there. Of
// squares of z - 300, seven to three, it is at 300 (0.7 - 0.3).
func TestFarMinimum(t *testing.T) {
	e, data := env([][]float64{star3}, [][]float64{ref3}), pairs([3]int{0, 1, 7}, [3]int{1, 0, 3})
	for _, lambda := range []float64{0.01, 1, 100} {
		first := 0.0
		for i, factor := range []float64{1, 1e-12, 1e12} {
			for pair, want := range map[string]Status{"square(lambda*u - 300)": train.Converged, "square(lambda*(c - ref_c) - 300) + square(lambda*(r - ref_r) + 300)": Local} {
				pol := build(t, e, &policy.LowRankParams{Basis: [][]float64{{1, -1, 0}}})
				s := solve(t, Problem{Env: e, Pairs: data, Policy: pol}, &objective.Sum{Terms: []objective.Part{{Weight: objective.Times(factor),
					Loss: &objective.Custom{Lambda: lambda, Pair: pair}}}})
				if s.Status != want {
					t.Errorf("%s at %g, times %g: %s, %s", pair, lambda, factor, s.Status, s.Reason)
				}
				if z := 2 * lambda * pol.Params()[0]; want == train.Converged && math.Abs(z-120) > 1e-9 {
					t.Errorf("%s at %g, times %g: a scaled margin of %v", pair, lambda, factor, z)
				} else if want == Local && i == 0 {
					first = s.Loss
				} else if want == Local && math.Abs(s.Loss/factor-first) > 1e-9*first {
					t.Errorf("%s at %g: %v, times %g %v", pair, lambda, first, factor, s.Loss)
				}
			}
		}
	}
}
