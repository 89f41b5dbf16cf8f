package claims

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"

	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
)

// Path claims that one path of policies runs near another: from no point of the path of a run of `left` is it farther, in total
// variation, to the nearest point of the path of its counterpart, the one run of `right` that has the same values in the columns
// of `match`. Points that were recorded are joined by straight segments unless they are farther apart than `jump`: between them
// the path leaps. Every prompt is by itself. The value is the largest such distance, in [0,1], to 1e-4.
type Path struct {
	Left   tables.Where `yaml:"left" required:"true" doc:"which runs: by column, a value or a list of values"`
	Right  tables.Where `yaml:"right" required:"true" doc:"which runs their paths are held against"`
	Match  []string     `yaml:"match" doc:"columns of runs in which counterparts agree; none if right selects a single run"`
	Prompt string       `yaml:"prompt,omitempty" doc:"only this prompt; a prefix such as good means each of good-1, good-2, ..."`
	Jump   float64      `yaml:"jump" range:"(0,1]" doc:"total variation beyond which neighbouring points are not joined"`
	Max    float64      `yaml:"max" required:"true" range:"[0,1]" doc:"largest allowed distance"`
}

func (p *Path) Limit() (key string, limit float64, least bool) { return "max", p.Max, false }

func (p *Path) Refs() tables.Refs {
	return tables.Refs{}.Where("left", tables.Runs, p.Left).Where("right", tables.Runs, p.Right).List("match", tables.Runs, p.Match).
		Column("kind", tables.Trajectories, "pi").Prompt("prompt", p.Prompt)
}

// evaluate reads the tables runs, policies, traces and trajectories.
func (p *Path) evaluate(r *results, w *worst) {
	for _, pair := range r.pairs("left", p.Left, "right", p.Right, p.Match) {
		p.add(w, r, pair)
	}
}

// add measures the distance of a pair at every prompt.
func (p *Path) add(w *worst, r *results, pair pair) {
	left, right := r.whole(pair.left), r.whole(pair.right)
	if !slices.Equal(left.prompts, right.prompts) {
		try.Fail("the paths of %s and %s are of different prompts", r.name(pair.left), r.name(pair.right))
	}
	names := left.prompts
	if p.Prompt != "" {
		if names = tables.MatchPrompts(names, p.Prompt); len(names) == 0 {
			try.Fail("prompt: run %s has no prompt %q", r.name(pair.left), p.Prompt)
		}
	}
	for i, prompt := range left.prompts {
		if !slices.Contains(names, prompt) {
			continue
		}
		from, to := left.pi[i], right.pi[i]
		if len(from[0]) != len(to[0]) {
			try.Fail("the paths of %s and %s have %d and %d responses", r.name(pair.left), r.name(pair.right), len(from[0]), len(to[0]))
		}
		f := farthest{target: to, jump: p.Jump}
		tv, at := f.from(from)
		w.add(tv-p.Max, Result{tv <= p.Max, tv, p.Max, fmt.Sprintf("%s on %s: total variation %.4g to the path of %s", r.spotName(spot{pair.left, at}),
			prompt, tv, r.name(pair.right))})
	}
}

// whole returns the path of a run, which is broken where its first or last point has no policy: not all of it is known then.
func (r *results) whole(row int) *tracedPath {
	p := r.path(row)
	for _, point := range []int{0, len(p.traces) - 1} {
		if !p.has(point) {
			try.Check(&brokenRun{r.spotName(spot{row, point}), p.status[point], "policy"})
		}
	}
	return p
}

// farthest looks for the point of one curve that is farthest from another.
type farthest struct {
	target [][]float64
	jump   float64
	most   float64
	breaks []breakpoint
}

// precision is how much farther a point may be than the one that is reported.
const precision = 1e-4

// from returns the largest distance to the target and the point of the curve before it. Distances change by no more than the
// policy does, so a segment is divided only while something in it could be farther than what is known.
func (f *farthest) from(curve [][]float64) (most float64, at int) {
	f.most = -1
	before := 0.0
	for i, pi := range curve {
		if pi == nil {
			continue
		}
		d := f.distance(pi)
		if d > f.most {
			f.most, at = d, i
		}
		if i > 0 && curve[i-1] != nil {
			if length := variationOf(curve[i-1], pi); length <= f.jump {
				known := f.most
				f.divide(curve[i-1], pi, before, d, length)
				if f.most > known {
					at = i - 1
				}
			}
		}
		before = d
	}
	return f.most, at
}

// divide looks between two policies of known distance.
func (f *farthest) divide(a, b []float64, distA, distB, length float64) {
	if (distA+distB+length)/2 <= f.most+precision {
		return
	}
	middle := make([]float64, len(a))
	floats.AddScaledTo(middle, a, 1, b)
	floats.Scale(0.5, middle)
	d := f.distance(middle)
	f.most = max(f.most, d)
	f.divide(a, middle, distA, d, length/2)
	f.divide(middle, b, d, distB, length/2)
}

// distance returns the total variation to the nearest point of the target.
func (f *farthest) distance(pi []float64) float64 {
	least := math.Inf(1)
	for i, to := range f.target {
		if to == nil {
			continue
		}
		here := variationOf(pi, to)
		least = min(least, here)
		if i == 0 || f.target[i-1] == nil {
			continue
		}
		length := variationOf(f.target[i-1], to)
		if length > f.jump || here-length >= least {
			continue // the segment leaps, or is too far away
		}
		least = min(least, f.toSegment(pi, f.target[i-1], to))
	}
	return least
}

// breakpoint is where a response's part of the distance to a point of a segment has its kink.
type breakpoint struct{ at, weight float64 }

// toSegment returns the total variation to the nearest point (1-t) a + t b of a segment. It is convex and piecewise linear in t,
// with least value at the weighted median of the kinks.
func (f *farthest) toSegment(pi, a, b []float64) float64 {
	f.breaks = f.breaks[:0]
	total := 0.0
	for k, v := range pi {
		if slope := b[k] - a[k]; slope != 0 {
			f.breaks = append(f.breaks, breakpoint{(v - a[k]) / slope, math.Abs(slope)})
			total += math.Abs(slope)
		}
	}
	slices.SortFunc(f.breaks, func(x, y breakpoint) int { return cmp.Compare(x.at, y.at) })
	t, below := 0.0, 0.0
	for _, one := range f.breaks {
		t = one.at
		if below += one.weight; below >= total/2 {
			break
		}
	}
	t = min(max(t, 0), 1)
	sum := 0.0
	for k, v := range pi {
		sum += math.Abs(v - a[k] - t*(b[k]-a[k]))
	}
	return sum / 2
}

// variationOf returns the total variation between two policies.
func variationOf(a, b []float64) float64 { return floats.Distance(a, b, 1) / 2 }
