package exact

import (
	"context"
	"math"
	"reflect"
	"testing"

	"windtunnel/toy/bandit"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
)

// comparisons are the data of the scorecard's existence tests, and more of their kind.
var comparisons = map[string]*preference.Pairs{
	"never loses":    weighted([3]int{0, 1, 12}, [3]int{0, 2, 8}, [3]int{1, 2, 6}, [3]int{2, 1, 4}),
	"never compared": weighted([3]int{0, 1, 7}, [3]int{1, 0, 3}),
	"one pair":       weighted([3]int{0, 1, 1}),
	"flipped": weighted([3]int{0, 1, 54}, [3]int{1, 0, 6}, [3]int{0, 2, 36}, [3]int{2, 0, 4}, [3]int{1, 2, 31},
		[3]int{2, 1, 19}),
	"cycle":       weighted([3]int{0, 1, 3}, [3]int{1, 2, 2}, [3]int{2, 0, 2}),
	"only a loss": weighted([3]int{0, 1, 2}, [3]int{1, 0, 3}, [3]int{0, 2, 1}),
	"a chain":     weighted([3]int{0, 1, 2}, [3]int{1, 2, 2}),
}

// weighted is pairs with counts as weights that sum to 1.
func weighted(rows ...[3]int) *preference.Pairs {
	p, total := &preference.Pairs{}, 0.0
	for _, row := range rows {
		total += float64(row[2])
	}
	for _, row := range rows {
		p.Prompt, p.Chosen, p.Rejected = append(p.Prompt, 0), append(p.Chosen, row[0]), append(p.Rejected, row[1])
		p.Weight = append(p.Weight, float64(row[2])/total)
	}
	return p
}

// with returns a loss of a kind at its defaults but for lambda.
func with(kind string, lambda float64) objective.Params {
	k, ok := objective.Kinds().Find(kind)
	if !ok {
		panic(kind)
	}
	p := k.New()
	if f := reflect.ValueOf(p).Elem().FieldByName("Lambda"); f.IsValid() {
		f.SetFloat(lambda)
	}
	return p
}

// bench is a loss of one prompt with three responses as training computes it, which shares no code with this package.
type bench struct {
	problem *train.Problem
	policy  policy.Policy
	batch   *train.Minibatch
	env     *bandit.Env
}

func newBench(t *testing.T, loss objective.Params, data *preference.Pairs) *bench {
	e := env([][]float64{{0.6, 0.3, 0.1}}, [][]float64{{0.4, 0.4, 0.2}})
	b := &bench{policy: build(t, e, &policy.TabularParams{}), env: e}
	b.problem = train.NewProblem(e, b.policy, loss.Objective(), 0)
	b.batch = train.Full(data, b.problem)
	return b
}

func (b *bench) affine() policy.Affine { return b.policy.(policy.Affine) }

// at is the loss with logits pi_ref's plus the vector (x, y) in the plane of policies.
func (b *bench) at(x, y float64) float64 {
	x, y = x/math.Sqrt2, y/math.Sqrt(6)
	for k, shift := range []float64{x + y, y - x, -2 * y} {
		b.policy.Params()[k] = b.env.Prompts[0].LogRef[k] + shift
	}
	return b.problem.Loss(b.batch)
}

// least searches a ring for the lowest loss, and where it is: on a grid, then with steps that double and halve.
func (b *bench) least(inner, outer float64) (best, radius float64) {
	const around, across = 72, 12
	best = math.Inf(1)
	var atX, atY float64
	try := func(x, y float64) bool {
		r := math.Hypot(x, y)
		if r < inner*(1-1e-12) || r > outer*(1+1e-12) {
			return false
		}
		v := b.at(x, y)
		if v < best {
			best, radius, atX, atY = v, r, x, y
			return true
		}
		return false
	}
	for i := range across + 1 {
		for j := range around {
			r, angle := inner+(outer-inner)*float64(i)/across, 2*math.Pi*float64(j)/around
			try(r*math.Cos(angle), r*math.Sin(angle))
		}
	}
	step := (outer - inner) / across
	for tries := 0; step > 1e-9*outer && tries < 600; tries++ {
		x, y, moved := atX, atY, false
		for j := 0; j < 12 && !moved; j++ {
			moved = try(x+step*math.Cos(float64(j)*math.Pi/6), y+step*math.Sin(float64(j)*math.Pi/6))
		}
		if step /= 2; moved {
			step *= 4
		}
	}
	return best, radius
}

// disc is a radius within which a minimizer lies, if there is one, and beyond which a loss that falls for ever has digits
// left to fall by: for a loss of lambda times the margin some nats of that.
func (b *bench) disc(kind string, lambda float64) float64 {
	switch x := &b.env.Prompts[0]; kind {
	case "alphapo": // its margin grows exponentially
		return 4
	case "mallows":
		return 10 / lambda / objective.Dispersion([]float64{0.4, 0.4, 0.2}, x.LogRef)
	case "mallows-ipo", "rainbow-po": // their scale is 0.29
		return 40 / lambda / objective.Dispersion([]float64{0.4, 0.4, 0.2}, x.LogRef)
	case "focal-po": // losing a comparison costs nothing in the end: p^0.05 log p goes to 0
		return 400 / lambda
	}
	return 10 / min(lambda, 1)
}

// TestExistsNumerically holds every verdict on every loss against the loss's lowest values in a disc and in the ring around
// it: lower in the ring if there is no minimizer. Policies that are not about as far from the reference as the lowest one
// found cost as much if there are several minimizers, and more if there is one.
func TestExistsNumerically(t *testing.T) {
	const apart = 0.1 // nats between a unique minimizer and policies that must cost more
	count := map[Status]int{}
	for _, kind := range objective.Kinds() {
		if kind.Name == "custom" || kind.Name == "sum" {
			continue
		}
		for name, data := range comparisons {
			for _, lambda := range []float64{0.6, 1, 2} {
				loss := with(kind.Name, lambda)
				b := newBench(t, loss, data)
				v, err := Solve(context.Background(), &Problem{Env: b.env, Policy: b.affine(), Objective: loss.Objective(), Pairs: data})
				if err != nil || holdsBack(loss.Objective()) {
					continue
				}
				count[v.Status]++
				disc := b.disc(kind.Name, lambda)
				inside, radius := b.least(0, disc)
				outside, _ := b.least(disc, 2*disc)
				away, _ := b.least(radius+apart, disc)
				if radius > apart {
					nearer, _ := b.least(0, radius-apart)
					away = min(away, nearer)
				}
				away = min(away, outside)
				var right bool
				switch v.Status {
				case train.Converged:
					right = inside < away
				case NotUnique:
					right = math.Abs(away-inside) <= 1e-7*max(1, math.Abs(inside))
				case Local:
					right = v.Loss <= min(inside, outside)+1e-9*max(1, math.Abs(inside))
				case Boundary:
					right = v.Loss <= min(inside, outside)+1e-9*max(1, math.Abs(inside)) && outside < inside+1e-9
				case train.Diverged:
					right = outside < inside
				}
				if !right {
					t.Errorf("%s at %g, %s: %s at %.17g (%s); least %.17g inside, %.17g outside", kind.Name, lambda, name, v.Status, v.Loss, v.Reason, inside, outside)
				}
			}
		}
	}
	for status, want := range map[Status]int{train.Converged: 200, NotUnique: 60, Boundary: 60, Local: 60, train.Diverged: 150} {
		if count[status] < want {
			t.Errorf("%s: only %d verdicts, want %d: the test no longer tests it", status, count[status], want)
		}
	}
}

// holdsBack says whether a loss holds something back from differentiation, so that its values do not say where it goes, or is one of
// which neither structure nor second derivatives are known, so that it is followed like these.
func holdsBack(o *objective.Objective) bool {
	pair, _ := o.Terms()
	if o.Plays() {
		return true
	}
	for _, w := range pair {
		_, curved := w.Term.(objective.Curved)
		s, structured := w.Term.(objective.Structured)
		if !structured && !curved {
			return true
		}
		if structured {
			if st, _ := s.Structure(); st.Held {
				return true
			}
		}
	}
	return o.Moving != nil
}

// TestNowhereAtRest checks losses that hold something back, or whose reference moves: where no policy with positive probabilities is said to be at rest,
// steps of a constant length against the gradient's signs go ever further.
func TestNowhereAtRest(t *testing.T) {
	checked := 0
	for _, kind := range []string{"kto", "bco", "wpo", "aot-unpaired", "tr-dpo"} {
		for name, data := range comparisons {
			loss := with(kind, 1)
			b := newBench(t, loss, data)
			v, err := Solve(context.Background(), &Problem{Env: b.env, Policy: b.affine(), Objective: loss.Objective(), Pairs: data})
			if err != nil || v.Status != train.Diverged && v.Status != Boundary {
				continue
			}
			checked++
			if half, whole := b.travel(150), b.travel(300); whole < half+3 {
				t.Errorf("%s, %s: the logits span %v after 150 steps and %v after 300", kind, name, half, whole)
			}
		}
	}
	if checked < 20 {
		t.Errorf("only %d checked", checked)
	}
}

// travel moves every logit by 0.1 nats a step against its derivative, from the reference and returns the span of the change in logits. A
// reference that moves is at every step where the policy is.
func (b *bench) travel(steps int) float64 {
	at := b.policy.Params()
	copy(at, b.env.Prompts[0].LogRef)
	total := []float64{0, 0, 0}
	for range steps {
		grad := make([]float64, len(at))
		b.problem.AddGrad(b.batch, grad)
		for k, g := range grad {
			if g != 0 {
				at[k] -= math.Copysign(0.1, g)
				total[k] -= math.Copysign(0.1, g)
			}
		}
		if b.problem.Objective.Moving != nil {
			copy(at, b.env.Prompts[0].LogRef)
		}
	}
	return max(total[0], total[1], total[2]) - min(total[0], total[1], total[2])
}
