package path

import (
	"context"
	"math"
	"slices"

	"windtunnel/toy/train"
)

// Family is a loss with a strength, a number above 0, and its minimizers.
type Family struct {
	// Solve returns the point at a strength: what a search finds, or the lowest of the minima that some policies known nearby become.
	Solve func(strength float64, near [][][]float64) (Point, error)
	// Whole says that the path goes all the way: from the point at strength 0 to Limit, the policies (log-probabilities) that
	// an infinite strength leaves. Scale is then a strength between the two.
	Whole bool
	Limit [][]float64
	Scale float64
	// Excess returns by how much a policy exceeds each of the levels whose crossings are wanted.
	Excess func(policy [][]float64) []float64
}

// Trace returns the points of a path of minimizers, by rising strength: equally spaced in the logarithm from one strength to
// another, or over the whole range, refined where neighbouring policies are farther apart than the resolution, and with two
// points, a relative 1e-9 apart, around every strength at which a level is crossed. An error is the context's or of Solve.
func (f *Family) Trace(ctx context.Context, p *Params, from, to float64, points int) ([]Point, error) {
	t := &trace{Family: f, ctx: ctx, resolution: p.Resolution(), most: p.Limit()}
	var err error
	if f.Whole {
		err = t.ends()
	} else {
		err = t.grid(from, to, points)
	}
	if err == nil {
		err = t.refine()
	}
	if err == nil && f.Excess != nil {
		err = t.cross()
	}
	return t.points, err
}

type trace struct {
	*Family
	ctx        context.Context
	resolution float64
	most       int
	points     []Point // by rising strength
}

// at solves for a strength, by following the minima of some points where these have any that differ by enough.
func (t *trace) at(strength float64, near ...*Point) (Point, error) {
	if err := t.ctx.Err(); err != nil {
		return Point{}, err
	}
	var from [][][]float64
	for _, q := range near {
		if q.Policy != nil && (from == nil || Variation(from[0], q.Policy) >= suspect) {
			from = append(from, q.Policy)
		}
	}
	q, err := t.Solve(strength, from)
	q.Strength = strength
	return q, err
}

// grid solves from the greatest strength down, since the minimizer is nearest to where searches start there.
func (t *trace) grid(from, to float64, points int) error {
	if points == 1 || from == to {
		points, to = 1, from
	}
	for i := points - 1; i >= 0; i-- {
		strength := to
		if i < points-1 {
			strength = math.Pow(10, math.Log10(from)+float64(i)/float64(points-1)*(math.Log10(to)-math.Log10(from)))
		}
		q, err := t.at(strength)
		if err != nil {
			return err
		}
		if n := len(t.points); n > 0 && t.points[n-1].Policy != nil && q.Status != train.Converged {
			followed, err := t.at(strength, &t.points[n-1])
			if err != nil {
				return err
			}
			if followed.Policy != nil && (q.Policy == nil || followed.Loss < q.Loss-lower*math.Abs(q.Loss)) {
				q = followed
			}
		}
		t.points = append(t.points, q)
	}
	slices.Reverse(t.points)
	return nil
}

// lower is how much, as a share of it, a loss must be lower that is not the same one.
const lower = 1e-9

// mostDecades bounds how far from its scale a strength is looked for at which a policy is near one of the ends.
const mostDecades = 40

// ends goes from the scale, where minima are searched for, to both ends by factors of ten, until the policies are within half of the
// resolution of them. On the way it follows the minimum of the strength before and the one that the end becomes, and takes the lower.
func (t *trace) ends() error {
	limit := Point{Strength: math.Inf(1), Policy: t.Limit, Loss: math.NaN(), GradNorm: math.NaN()}
	free, err := t.at(0)
	if err != nil {
		return err
	}
	middle, err := t.at(t.Scale)
	if err != nil {
		return err
	}
	up, down := []Point{middle}, []Point{middle}
	for i := 0; i < mostDecades && Variation(up[len(up)-1].Policy, t.Limit) > t.resolution/2; i++ {
		last := &up[len(up)-1]
		q, err := t.at(10*last.Strength, last, &limit)
		if err != nil {
			return err
		}
		up = append(up, q)
	}
	for range mostDecades {
		last := &down[len(down)-1]
		if free.Policy != nil && Variation(last.Policy, free.Policy) <= t.resolution/2 {
			break
		}
		q, err := t.at(last.Strength/10, last, &free)
		if err != nil {
			return err
		}
		if down = append(down, q); free.Policy == nil && Variation(last.Policy, q.Policy) < t.resolution/100 {
			break // towards a policy that is no minimizer
		}
	}
	slices.Reverse(down)
	limit.Status = middle.Status
	t.points = append(append([]Point{free}, append(down, up[1:]...)...), limit)
	return nil
}

// suspect is the total variation of neighbours that may be different minima.
const suspect = 0.1

// nearest is the relative distance between strengths that is not divided further.
const nearest = 1e-9

// refine puts points between neighbours that are too far apart, the middle in the logarithm first. Where the minimizer jumps
// from one place to another no strength lies between, and the gap stays.
func (t *trace) refine() error {
	queue := make([][2]Point, 0, len(t.points))
	for i := range t.points[1:] {
		queue = append(queue, [2]Point{t.points[i], t.points[i+1]})
	}
	for len(queue) > 0 && len(t.points) < t.most {
		gap := queue[0]
		queue = queue[1:]
		low, high := &gap[0], &gap[1]
		jump := high.Strength <= low.Strength*(1+1e-4)
		if low.Strength == 0 || math.IsInf(high.Strength, 1) || jump || Variation(low.Policy, high.Policy) <= t.resolution {
			continue
		}
		middle, err := t.at(math.Sqrt(low.Strength)*math.Sqrt(high.Strength), low, high)
		if err != nil {
			return err
		}
		t.points = append(t.points, middle)
		queue = append(queue, [2]Point{*low, middle}, [2]Point{middle, *high})
	}
	t.sort()
	return nil
}

func (t *trace) sort() {
	slices.SortFunc(t.points, func(a, b Point) int {
		if a.Strength < b.Strength {
			return -1
		}
		return 1
	})
}

// cross adds the crossings of levels between neighbours, also where an excess dips through a level and back between two points:
// that is looked for where the excess is nearest to 0 and bends by more than what is left to it.
func (t *trace) cross() error {
	known := slices.DeleteFunc(slices.Clone(t.points), func(q Point) bool {
		return q.Policy == nil || q.Strength == 0 || math.IsInf(q.Strength, 1)
	})
	var excess [][]float64
	for i := range known {
		excess = append(excess, t.Excess(known[i].Policy))
	}
	for level := 0; len(known) > 0 && level < len(excess[0]); level++ {
		at := func(i int) float64 { return excess[i][level] }
		for i := range known {
			if i > 0 && i+1 < len(known) && (at(i) > 0) == (at(i-1) > 0) && (at(i) > 0) == (at(i+1) > 0) &&
				math.Abs(at(i)) <= min(math.Abs(at(i-1)), math.Abs(at(i+1)), math.Abs(at(i-1)+at(i+1)-2*at(i))) {
				if err := t.dip(level, &known[i-1], &known[i], &known[i+1], at(i)); err != nil {
					return err
				}
			}
			if i > 0 && (at(i-1) > 0) != (at(i) > 0) {
				if err := t.crossing(level, known[i-1], known[i], at(i-1), at(i)); err != nil {
					return err
				}
			}
		}
	}
	t.sort()
	return nil
}

// dip looks by golden sections between two points for one at which an excess has another sign than at them and at a point
// between them, where it is nearest to 0, and for the crossings on both sides of it.
func (t *trace) dip(level int, low, middle, high *Point, excess float64) error {
	const golden, closest = 0.3819660112501051, 1e-6
	sign := math.Copysign(1, excess)
	a, x, b := math.Log(low.Strength), math.Log(middle.Strength), math.Log(high.Strength)
	best := *middle
	for b-a > closest {
		y := x + golden*(b-x)
		if b-x < x-a {
			y = x - golden*(x-a)
		}
		q, err := t.at(math.Exp(y), &best)
		if err != nil || q.Policy == nil {
			return err
		}
		there := t.Excess(q.Policy)[level]
		if there*sign <= 0 {
			t.add(q)
			if err := t.crossing(level, *low, q, t.Excess(low.Policy)[level], there); err != nil {
				return err
			}
			return t.crossing(level, q, *high, there, t.Excess(high.Policy)[level])
		}
		nearer, beyond := there*sign < excess*sign, y > x
		switch {
		case nearer && beyond:
			a, x = x, y
		case nearer:
			b, x = x, y
		case beyond:
			b = y
		default:
			a = y
		}
		if nearer {
			best, excess = q, there
		}
	}
	return nil
}

// crossing closes in on the strength at which an excess changes sign, by the method of interpolation, truncation and projection
// (Oliveira and Takahashi 2020, ACM Transactions on Mathematical Software 47), in the logarithm of the strength: never more
// evaluations than bisection, and few where the excess is smooth. Both ends of the last bracket become points.
func (t *trace) crossing(level int, low, high Point, before, after float64) error {
	a, b := math.Log(low.Strength), math.Log(high.Strength)
	width, most := b-a, int(math.Ceil(math.Log2((b-a)/nearest)))+1
	for j := 0; b-a > nearest && low.Strength < high.Strength; j++ {
		middle, radius := (a+b)/2, nearest/2*math.Pow(2, float64(most-j))-(b-a)/2
		x := middle
		if guess := (b*before - a*after) / (before - after); guess >= a && guess <= b {
			towards := math.Copysign(1, middle-guess)
			if shift := max(0.2/width*(b-a)*(b-a), nearest/2); shift <= math.Abs(middle-guess) {
				x = guess + towards*shift
			}
			if math.Abs(x-middle) > radius {
				x = middle - towards*radius
			}
		}
		q, err := t.at(math.Exp(x), &low)
		if err != nil {
			return err
		}
		if q.Policy == nil {
			return nil
		}
		if excess := t.Excess(q.Policy)[level]; (excess > 0) == (before > 0) {
			low, a, before = q, x, excess
		} else {
			high, b, after = q, x, excess
		}
	}
	t.add(low)
	t.add(high)
	return nil
}

// add adds a point at a strength that is not there yet.
func (t *trace) add(q Point) {
	if !slices.ContainsFunc(t.points, func(p Point) bool { return p.Strength == q.Strength }) {
		t.points = append(t.points, q)
	}
}
