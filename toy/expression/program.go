package expression

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// Program is a compiled expression. It keeps scratch and serves one goroutine; nothing allocates after Compile, but where a batch
// has more rows than any before.
//
// In all its methods cols and scalars are in the order of the scope's lists, and every column that the expression reads
// has as many rows as the destinations, which must overlap neither the columns nor one another. Derivatives are by the
// columns that Compile was given, in that order. Where the expression reads statistics of the batch, scalars are what
// Statistics returns.
type Program struct {
	value, grad, hess *tape
	destination       [][]float64 // scratch

	given   int     // scalars of the caller
	stages  []stage // of the statistics, in order
	scalars []float64
	weight  []float64 // of the batch at hand

	ofPolicy bool      // a statistic depends on the variables
	rest     bool      // after very many steps in which nothing moved
	state    []float64 // the steps taken in, then the averages of ema
}

// statistic is a number that all rows of a batch have in common: a scalar, as far as tapes are concerned. Statistics read columns, and
// statistics before them.
type statistic struct {
	name         string // mean, max, ema or step
	of           ref    // of each row; of ema, what is averaged; none for step
	decay, start ref    // of ema; start may be none
}

// statistic returns the scalar that a statistic is; what does not vary over the batch is its own mean.
func (g *graph) statistic(s statistic) ref {
	if s.name != "ema" {
		s.decay, s.start = none, none
	}
	if s.name == "step" {
		s.of = none
	} else if s.name != "ema" && !g.column[s.of] {
		return s.of
	}
	at := slices.Index(g.statistics, s)
	if at < 0 {
		at = len(g.statistics)
		g.statistics = append(g.statistics, s)
	}
	return g.scalarAt(g.scalars + at)
}

// inputs returns what the statistics read.
func (g *graph) inputs() (all []ref) {
	for _, s := range g.statistics {
		all = append(all, s.reads()...)
	}
	return all
}

func (s *statistic) reads() []ref {
	return slices.DeleteFunc([]ref{s.of, s.decay, s.start}, func(r ref) bool { return r == none })
}

// stage is a statistic of a program.
type stage struct {
	name    string
	reads   *tape
	columns [][]float64 // what it gives
	share   float64     // the weight that the statistic is a mean over
	slope   *tape       // the derivative of each row by the statistic; nil where none passes
	memory  int         // the place of ema's average in the state
}

// Compile prepares the evaluation of the expression and its derivatives by the given columns of the scope. It panics if
// one is not a column there.
func (e *Expression) Compile(wrt ...string) *Program {
	g := newGraph()
	out := e.build(g)
	by := make([]ref, len(wrt))
	for i, name := range wrt {
		slot := slices.Index(e.scope.Columns, name)
		if slot < 0 {
			panic(fmt.Sprintf("expression: %q is not a column of the scope", name))
		}
		by[i] = g.columnAt(slot)
	}
	p := &Program{value: g.record([]ref{out}), destination: make([][]float64, 1), given: g.scalars}
	if len(g.statistics) > 0 {
		p.scalars, p.state = make([]float64, g.scalars+2*len(g.statistics)), make([]float64, 1)
	}
	coupled := p.compileStatistics(g, out, by)
	if len(wrt) > 0 {
		slopes := g.gradient(coupled, by)
		p.grad = g.record(slopes)
		if coupled == out {
			p.hess = g.record(g.curvature(slopes, by))
		}
	}
	return p
}

// compileStatistics prepares the statistics and returns the value of a row, plus what it adds to the statistics times what these are
// worth, the derivative of the whole loss by them: its gradient is that of the whole loss. A statistic's worth takes in those of
// the statistics after it.
func (p *Program) compileStatistics(g *graph, out ref, by []ref) ref {
	p.stages = make([]stage, len(g.statistics))
	moving := slices.Clone(by) // what depends on the variables: they, and statistics of what does
	for k, s := range g.statistics {
		if s.of != none && slices.ContainsFunc(g.gradient(s.of, moving), func(r ref) bool { return r != none }) {
			moving = append(moving, g.scalarAt(g.scalars+k))
			p.ofPolicy = true
		}
	}
	for k := len(g.statistics) - 1; k >= 0; k-- {
		s, at := g.statistics[k], g.scalarAt(g.scalars+k)
		p.stages[k] = stage{name: s.name}
		if reads := s.reads(); len(reads) > 0 {
			p.stages[k].reads, p.stages[k].columns = g.record(reads), make([][]float64, len(reads))
		}
		if s.name == "ema" {
			p.stages[k].memory = len(p.state)
			p.state = append(p.state, 0)
		}
		slope := g.gradient(out, []ref{at})[0]
		if slope == none || s.name == "ema" || !slices.Contains(moving, at) {
			continue
		}
		p.stages[k].slope = g.record([]ref{slope})
		adds := s.of
		if s.name == "max" {
			adds = g.call("notless'", s.of, s.of, at)
		}
		out = g.call("+", out, g.call("*", g.scalarAt(g.scalars+len(g.statistics)+k), adds))
	}
	return out
}

// Rest makes ema and step what they are after very many steps at one place: what is averaged, and infinity.
func (p *Program) Rest() { p.rest = true }

// Coupled says whether derivatives pass through a statistic of the batch, so that each row's depend on all rows. There are no second
// derivatives then.
func (p *Program) Coupled() bool {
	return slices.ContainsFunc(p.stages, func(s stage) bool { return s.slope != nil })
}

// Statistical says whether statistics of the batch are read at all.
func (p *Program) Statistical() bool { return len(p.stages) > 0 }

// Moving says whether one of them depends on the variables, though derivatives may not pass.
func (p *Program) Moving() bool { return p.ofPolicy }

// Remembers says whether ema or step is read.
func (p *Program) Remembers() bool {
	return slices.ContainsFunc(p.stages, func(s stage) bool { return s.name == "ema" || s.name == "step" })
}

// State returns the live memory of ema and step, one number for each after the number of steps.
func (p *Program) State() []float64 { return p.state }

// Statistics returns the scalars with those of the batch, whose rows have the given weights, for the methods below. They are valid
// until the next call. Averages over steps are those of the last [Program.Advance], or of the batch alone before the first.
func (p *Program) Statistics(cols [][]float64, weight, scalars []float64) []float64 {
	if len(p.stages) == 0 {
		return scalars
	}
	p.take(cols, weight, scalars, false)
	return p.scalars
}

// Advance takes the batch of a training step into the averages over steps.
func (p *Program) Advance(cols [][]float64, weight, scalars []float64) {
	p.take(cols, weight, scalars, true)
	p.state[0]++
}

func (p *Program) take(cols [][]float64, weight, scalars []float64, advance bool) {
	copy(p.scalars, scalars[:p.given])
	p.weight = weight
	for k := range p.stages {
		s, to := &p.stages[k], &p.scalars[p.given+k]
		switch s.name {
		case "step":
			*to = max(0, p.state[0]-1)
			if advance {
				*to = p.state[0]
			} else if p.rest {
				*to = math.Inf(1)
			}
		case "ema":
			resize(s.columns, 1)
			s.reads.run(nil, p.scalars, s.columns)
			*to = p.average(s, advance)
		default:
			resize(s.columns, len(weight))
			s.reads.run(cols, p.scalars, s.columns)
			*to = s.over(s.columns[0], weight)
		}
	}
}

// average returns a moving average, which a step takes in.
func (p *Program) average(s *stage, advance bool) float64 {
	now, decay, last := s.columns[0][0], s.columns[1][0], p.state[s.memory]
	if p.rest {
		return now
	}
	first := p.state[0] == 0
	if !first && !advance {
		return last
	}
	if first && len(s.columns) > 2 {
		last = s.columns[2][0]
	} else if first {
		last = now
	}
	v := decay*last + (1-decay)*now
	if advance {
		p.state[s.memory] = v
	}
	return v
}

// over returns the mean or the largest entry of a column, over rows of weight other than 0.
func (s *stage) over(column, weight []float64) float64 {
	if s.name == "mean" {
		sum := 0.0
		s.share = floats.Sum(weight)
		for i, w := range weight {
			if w != 0 {
				sum += w * column[i]
			}
		}
		return sum / s.share
	}
	most := math.Inf(-1)
	s.share = 0
	for i, w := range weight {
		switch v := column[i]; {
		case w == 0:
		case v > most || v != v:
			most, s.share = v, w
		case v == most:
			s.share += w
		}
	}
	return most
}

// Value writes the expression's value in each row to dst.
func (p *Program) Value(cols [][]float64, scalars []float64, dst []float64) {
	p.destination[0] = dst
	p.value.run(cols, scalars, p.destination)
}

// Grad writes the first derivatives in each row to dcols, one column a variable: those of the weighted sum over the batch that
// Statistics saw last, over the row's weight.
func (p *Program) Grad(cols [][]float64, scalars []float64, dcols [][]float64) {
	for k := len(p.stages) - 1; k >= 0; k-- {
		s := &p.stages[k]
		if s.slope == nil {
			continue
		}
		s.slope.run(cols, scalars, s.columns)
		worth := 0.0
		for i, w := range p.weight {
			if w != 0 {
				worth += w * s.columns[0][i]
			}
		}
		scalars[p.given+len(p.stages)+k] = worth / s.share
	}
	p.grad.run(cols, scalars, dcols)
}

// Hess writes the second derivatives in each row to hess: the upper triangle row by row, so d^2/dx^2, d^2/dxdy, d^2/dy^2
// for two variables and one column for one. What stopgrad hides is a constant here too, and so are statistics. It panics where the
// expression is Coupled.
func (p *Program) Hess(cols [][]float64, scalars []float64, hess [][]float64) {
	p.hess.run(cols, scalars, hess)
}
