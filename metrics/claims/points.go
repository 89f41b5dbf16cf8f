package claims

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"windtunnel/metrics"
	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
)

// spot is where a claim reads a metric: at the end of a run, or at a point of its path.
type spot struct {
	row   int // of the table runs
	point int // of its path, atEnd for the run's end
}

const atEnd = -1

// points is the word by which a claim asks for the points of paths in place of the ends of runs.
const points = "points"

// tracedPath is the path of a run (solver: path), or what was recorded along its training.
type tracedPath struct {
	strength []float64 // by point; of training the step
	status   []string
	traces   []int // rows of the table traces
	prompts  []string
	pi       [][][]float64   // by prompt, point and response; nil where the point has no policy
	views    []*metrics.View // by prompt
}

// path returns the path of a run.
func (r *results) path(row int) *tracedPath {
	run := r.name(row)
	if p := r.paths[run]; p != nil {
		return p
	}
	t, rows := r.table(tables.Traces, "", "step")
	try.Check(t.Load(tables.Strength, tables.PointStatus))
	p, at := &tracedPath{traces: rows[run]}, map[string]int{}
	if len(p.traces) == 0 {
		r.missing(row, "path")
	}
	for i, trace := range p.traces {
		strength := t.Float(trace, tables.Strength)
		status := t.Text(trace, tables.PointStatus)
		if math.IsNaN(strength) && status == "" {
			strength = t.Float(trace, "step")
		}
		p.strength, p.status = append(p.strength, strength), append(p.status, status)
		at[t.Text(trace, "step")] = i
	}
	r.follow(p, run, at)
	r.paths[run] = p
	return p
}

// follow reads the policies of a path, given its points by step.
func (r *results) follow(p *tracedPath, run string, at map[string]int) {
	t, rows := r.table(tables.Policies, "", "prompt", "response", "pi_ref", "pi_star")
	var ref, star [][]float64
	for _, row := range rows[run] {
		if name := t.Text(row, "prompt"); len(p.prompts) == 0 || p.prompts[len(p.prompts)-1] != name {
			p.prompts, ref, star = append(p.prompts, name), append(ref, nil), append(star, nil)
			p.pi = append(p.pi, make([][]float64, len(p.traces)))
		}
		last := len(p.prompts) - 1
		ref[last] = append(ref[last], math.Log(t.Float(row, "pi_ref")))
		star[last] = append(star[last], math.Log(t.Float(row, "pi_star")))
	}
	for i := range ref {
		p.views = append(p.views, metrics.NewView(ref[i], star[i], ref[i]))
	}
	t, rows = r.table(tables.Trajectories, "", "step", "prompt", "response", "pi")
	prompt := -1
	for _, row := range rows[run] {
		point, known := at[t.Text(row, "step")]
		response := t.Float(row, "response")
		if name := t.Text(row, "prompt"); prompt < 0 || p.prompts[prompt] != name {
			prompt = slices.Index(p.prompts, name)
		}
		if !known || prompt < 0 || !(response >= 0) || int(response) >= len(ref[prompt]) {
			try.Fail("table %s: run %s has a policy at step %s, prompt %s and response %s that other tables do not have",
				t.Name, run, t.Text(row, "step"), t.Text(row, "prompt"), t.Text(row, "response"))
		}
		if p.pi[prompt][point] == nil {
			p.pi[prompt][point] = make([]float64, len(ref[prompt]))
		}
		p.pi[prompt][point][int(response)] = t.Float(row, "pi")
	}
}

// has says whether a point has a policy.
func (p *tracedPath) has(point int) bool {
	return len(p.pi) > 0 && !slices.ContainsFunc(p.pi, func(policies [][]float64) bool { return policies[point] == nil })
}

// along extends a metric of runs to the points of their paths.
func (r *results) along(name string, of func(row int) float64, at func(p *tracedPath, point int) float64) func(spot) float64 {
	return func(s spot) float64 {
		if s.point == atEnd {
			return of(s.row)
		}
		p := r.path(s.row)
		if !p.has(s.point) {
			try.Check(&brokenRun{r.spotName(s), p.status[s.point], name})
		}
		v := at(p, s.point)
		if math.IsNaN(v) {
			try.Fail("%s (%s) has no %s", r.spotName(s), p.status[s.point], name)
		}
		return v
	}
}

// spots returns the ends of the selected runs, or over points the points of their paths that have a policy, run by run; of a run
// in whose path none has, the error is a verdict.
func (r *results) spots(key string, where tables.Where, over string) []spot {
	rows := r.choose(key, where)
	var all []spot
	for _, row := range rows {
		if over != points {
			all = append(all, spot{row, atEnd})
			continue
		}
		p := r.path(row)
		before := len(all)
		for i := range p.traces {
			if p.has(i) {
				all = append(all, spot{row, i})
			}
		}
		if len(all) == before {
			try.Check(&brokenRun{r.name(row), p.status[len(p.status)-1], "policy at any point of its path"})
		}
	}
	return all
}

// spotName names a spot in a verdict, with its status where the policy is another than the one minimizer: "dpo (local)", or
// "dpo at strength 0.838 (local)".
func (r *results) spotName(s spot) string {
	if s.point == atEnd {
		return r.marked(s.row)
	}
	p := r.path(s.row)
	name, status := r.name(s.row), p.status[s.point]
	switch strength := p.strength[s.point]; {
	case math.IsNaN(strength):
	case status == "":
		name += " at step " + strconv.FormatFloat(strength, 'g', 4, 64)
	default:
		name += " at strength " + strconv.FormatFloat(strength, 'g', 4, 64)
	}
	if tables.Qualified(status) {
		name += " (" + status + ")"
	}
	return name
}

// station is a spot with its value of what a claim is along.
type station struct {
	spot
	x float64
}

// sequences orders the selected runs along a column, in groups that share the values of the columns by, or, without them, of
// every setting but that column; along tables.Strength it orders the points of each run's path. Where it cannot order them, or a
// point has no policy, there is an error.
func (r *results) sequences(where tables.Where, along string, by []string) [][]station {
	rows := r.choose("where", where)
	var groups [][]station
	if along == tables.Strength {
		for _, row := range rows {
			groups = append(groups, r.stations(row))
		}
		return groups
	}
	need(r.runs, "along", along)
	need(r.runs, "by", by...)
	if len(by) == 0 {
		by = slices.DeleteFunc(r.runs.Settings(), func(c string) bool { return c == along })
	}
	var all []station
	for _, row := range rows {
		x := try.Must(r.runs.Number(row, along))
		if math.IsNaN(x) {
			try.Fail("along: run %s has no %s", r.name(row), along)
		}
		all = append(all, station{spot{row, atEnd}, x})
	}
	groups = grouped(r, all, by, func(s station) int { return s.row })
	for _, group := range groups {
		slices.SortStableFunc(group, func(a, b station) int { return cmp.Compare(a.x, b.x) })
		if len(group) == 1 {
			try.Fail("along: %s is the only run with %s", r.name(group[0].row), r.runs.Describe(group[0].row, by))
		}
	}
	return groups
}

// stations returns the points of a run's path.
func (r *results) stations(row int) []station {
	p := r.path(row)
	var all []station
	for i, strength := range p.strength {
		s := spot{row, i}
		if !p.has(i) {
			try.Check(&brokenRun{r.spotName(s), p.status[i], "policy"})
		}
		all = append(all, station{s, strength})
	}
	return all
}

// alongRef adds the column that a claim is along: tables.Strength, over the points of paths, or one of runs.
func alongRef(refs tables.Refs, along string) tables.Refs {
	if along == tables.Strength {
		return refs.Column("along", tables.Traces, along)
	}
	return refs.Column("along", tables.Runs, along)
}
