package exact

import (
	"math"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"windtunnel/toy/bandit"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
)

// oneWay are problems in a class of one or two parameters that has a direction along which some compared margins grow and none shrinks.
func oneWay(t testing.TB) map[string]func() Problem {
	four := env([][]float64{{4, 3, 2, 1}}, [][]float64{{1, 2, 3, 4}})
	shared := env([][]float64{{3, 2, 1}, {1, 1, 2}}, [][]float64{{1, 2, 3}, {4, 1, 2}})
	for x := range shared.Prompts {
		shared.Prompts[x].Features, shared.Prompts[x].Init = []float64{1}, logs(1, 2, 3)
	}
	four.Prompts[0].Contrasts = mat.NewDense(4, 2, []float64{1, 0.2, -1, 0, 0, 1, 0, -1})
	low := func(e *bandit.Env, data *preference.Pairs, basis ...[]float64) func() Problem {
		return func() Problem {
			return Problem{Env: e, Pairs: data, Policy: build(t, e, &policy.LowRankParams{Basis: basis})}
		}
	}
	one, a, b := []float64{0, 1, -1, 0}, []float64{0, 1, -1, 0.5}, []float64{1, 0.3, 0, -1}
	return map[string]func() Problem{
		"one pair on a line":  low(four, pairs([3]int{0, 1, 1}), one),
		"two pairs on a line": low(four, pairs([3]int{0, 1, 1}, [3]int{2, 3, 1}), one),
		"one pair, two ways":  low(four, pairs([3]int{0, 1, 1}), a, b),
		"two pairs, two ways": low(four, pairs([3]int{0, 1, 1}, [3]int{2, 3, 1}), a, b),
		"a chain, two ways":   low(four, pairs([3]int{0, 1, 2}, [3]int{1, 2, 2}), a, b),
		"an order, two ways":  low(four, pairs([3]int{0, 1, 2}, [3]int{1, 2, 2}, [3]int{0, 2, 1}), []float64{1, 0, -1, 0.3}, []float64{1, -1, 0, 0.2}),
		"at pi_ref for repo":  low(env([][]float64{{4, 3, 2, 1}}, [][]float64{{1e4, 1, 1, 1}}), pairs([3]int{0, 1, 1}), a, b),
		"from beyond the minimum": func() Problem {
			return Problem{Env: four, Pairs: pairs([3]int{0, 1, 1}), Policy: build(t, four, &policy.LogLinearParams{Start: []float64{300, 40}})}
		},
		"two prompts, one compared": func() Problem {
			return Problem{Env: shared, Pairs: pairs([3]int{0, 1, 1}, [3]int{0, 2, 1}), Policy: build(t, shared, &policy.LinearParams{})}
		},
	}
}

// TestOneWay checks losses in a class where margins may grow at no cost. Where psi falls for ever there is no minimizer, convex or not, under a
// link and at a lambda at which all is rounded to 0: what rings of policies farther out have is no higher. Where it levels out, there are many:
// none of the policies around is lower, nor, where it is as low, nearer to pi_ref.
func TestOneWay(t *testing.T) {
	const grows = "the loss falls for ever in a direction of the policy class that raises response "
	const flat = "prompt 0: some directions do not change the loss; the minimizer nearest to pi_ref is reported"
	for name, problemOf := range oneWay(t) {
		for _, lambda := range []float64{0.1, 1, 100} {
			for kind, loss := range map[string]objective.Params{"hinge": with("hinge", lambda), "truncated-square": &objective.GPO{Lambda: lambda, Function: "truncated-square"},
				"repo": with("repo", lambda), "alphapo": with("alphapo", lambda), "discopop": with("discopop", lambda), "chi-po": with("chi-po", lambda),
				"js": &objective.FDPO{Lambda: lambda, Divergence: "js"}, "mallows": with("mallows", lambda), "odpo": with("odpo", lambda),
				"robust": with("robust", lambda), "savage": &objective.GPO{Lambda: lambda, Function: "savage"},
				"dpo and hinge": beside(with("dpo", lambda), 1, with("hinge", lambda))} {
				p := problemOf()
				s := solve(t, p, loss)
				problem := train.NewProblem(p.Env, p.Policy, loss.Objective(), 0)
				full, at := train.Full(p.Pairs, problem), append([]float64(nil), p.Policy.Params()...)
				const around = 192
				step := func(size float64, i int) float64 { // the loss so far from there, in one of the directions around
					for j := range at {
						p.Policy.Params()[j] = at[j] + size*math.Cos(2*math.Pi*float64(i)/around-float64(j)*math.Pi/2)
					}
					return problem.Loss(full)
				}
				if kind != "hinge" && kind != "truncated-square" && kind != "repo" {
					near, far := math.Inf(1), math.Inf(1)
					for i := range around {
						near, far = min(near, step(10/lambda, i), step(1/lambda, i), step(0, i)), min(far, step(100/lambda, i), step(1000/lambda, i))
					}
					if s.Status != train.Diverged || s.Policy[0] != nil || !strings.Contains(s.Reason, grows) || far > near {
						t.Errorf("%s at %g, %s: %s, %s; %v near, %v far out", kind, lambda, name, s.Status, s.Reason, near, far)
					}
					continue
				}
				if s.Status != NotUnique || s.Reason != flat {
					t.Errorf("%s at %g, %s: %s, %s", kind, lambda, name, s.Status, s.Reason)
					continue
				}
				nearest := distanceFrom(p)
				for i := range 12 * around {
					if v, near := step(math.Pow(10, float64(i/around)/2-4), i), distanceFrom(p); v < s.Loss-1e-10 || v <= s.Loss && near < nearest-1e-7 {
						t.Errorf("%s at %g, %s: %v at %v, %v nats from pi_ref; at %v %v, %v", kind, lambda, name, s.Loss, at, nearest, p.Policy.Params(), v, near)
						break
					}
				}
			}
		}
	}
}

// TestUncounted checks, in a class, comparisons on which the loss does not depend: those of a prompt that MallowsPO takes for even, and those against
// the rewards, which ODPO leaves out. They do not keep others from running off, nor a policy from being one of many.
func TestUncounted(t *testing.T) {
	even, uneven := env([][]float64{{3, 2, 1}, {1, 1, 2}}, [][]float64{{1, 1, 1}, {1, 1, 1}}), env([][]float64{{3, 2, 1}}, [][]float64{{1, 2, 3}})
	mixed := env([][]float64{{3, 2, 1}, {1, 1, 2}}, [][]float64{{1, 1, 1}, {1, 2, 3}})
	for _, e := range []*bandit.Env{even, uneven, mixed} {
		for x := range e.Prompts {
			e.Prompts[x].Contrasts = mat.NewDense(3, 1, []float64{3, 1, -1})
		}
	}
	both := &preference.Pairs{Prompt: []int{0, 1}, Chosen: []int{1, 2}, Rejected: []int{2, 1}}
	for _, c := range []struct {
		name   string
		env    *bandit.Env
		pairs  *preference.Pairs
		loss   objective.Params
		status Status
	}{
		{"all even", even, both, with("mallows", 1), NotUnique},
		{"one even", mixed, both, with("mallows", 1), train.Diverged},
		{"one even, at a large lambda", mixed, both, with("mallows", 100), train.Diverged},
		{"none even", mixed, both, with("dpo", 1), train.Converged},
		{"against the rewards", uneven, population(uneven), &objective.ODPO{Lambda: 100, Alpha: 1, Scaling: "log"}, train.Diverged},
		{"a gap of any sign", uneven, population(uneven), &objective.ODPO{Lambda: 100, Alpha: 1, Scaling: "identity"}, train.Converged},
	} {
		s := solve(t, Problem{Env: c.env, Pairs: c.pairs, Policy: build(t, c.env, &policy.LogLinearParams{})}, c.loss)
		if s.Status != c.status || s.Status == NotUnique && distance(s.Policy[0], c.env.Prompts[0].LogReference()) > 1e-9 {
			t.Errorf("%s: %s, %s", c.name, s.Status, s.Reason)
		}
	}
}

// slowly is the link -log(1-x) up to 0, of which the difference of two multiples of x has a limit.
type slowly struct{ objective.Link }

func (slowly) Inverse(t float64) float64 { return -math.Expm1(-t) }

func (slowly) Range() (low, high float64) { return math.Inf(-1), 0 }

// TestUnbounded checks under which links margins grow without bound.
func TestUnbounded(t *testing.T) {
	linkOf := func(loss objective.Params) objective.Link {
		kinds, err := classify(loss.Objective())
		if err != nil {
			t.Fatal(err)
		}
		link, _ := kinds.link()
		return link
	}
	for _, c := range []struct {
		name string
		link objective.Link
		want bool
	}{
		{"js", linkOf(&objective.FDPO{Lambda: 1, Divergence: "js"}), true},
		{"forward KL", linkOf(&objective.FDPO{Lambda: 1, Divergence: "forward_kl"}), true},
		{"alpha below 1", linkOf(&objective.FDPO{Lambda: 1, Divergence: "alpha", Alpha: 0.999}), true},
		{"alpha above 1", linkOf(&objective.FDPO{Lambda: 1, Divergence: "alpha", Alpha: 1.001}), false},
		{"chi-squared", linkOf(with("chi-po", 1)), true},
		{"alphaPO", linkOf(&objective.AlphaPO{Lambda: 1, Alpha: 50}), true},
		{"alphaPO below 0", linkOf(&objective.AlphaPO{Lambda: 1, Alpha: -0.5}), false},
		{"a formula", linkOf(&objective.Custom{Lambda: 1, Psi: "softplus(-lambda*m)", Mu: "x - softplus(x)"}), true},
		{"slowly", slowly{}, false},
	} {
		if got := unbounded(c.link); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// distanceFrom is the sum of KL(pi_ref to pi) over the prompts of a problem.
func distanceFrom(p Problem) float64 {
	sum := 0.0
	for x := range p.Env.Prompts {
		row, ref := make([]float64, p.Env.Responses()), p.Env.Prompts[x].LogReference()
		p.Policy.Logits(x, row)
		total := 0.0
		for _, v := range row {
			total += math.Exp(v)
		}
		for k, v := range ref {
			sum += math.Exp(v) * (v - row[k] + math.Log(total))
		}
	}
	return sum
}
