package model

import (
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/gonum/stat"
)

// Landscape is the loss over the whole simplex, whatever the policy class, as contours.
//
// A penalty L2 is that of the smallest logits that give the policy, for all policies; in a smaller class the loss is
// drawn without it.
type Landscape struct {
	Levels   []Number `json:"levels"`   // losses above the lowest on the grid, ascending
	Contours []string `json:"contours"` // one path a level, in the syntax of SVG: see [Corner] for its coordinates, times 1000
}

// Grid of the landscape: the simplex in triangles, its border moved inwards, since losses are infinite there.
const (
	subdivisions = 40
	inset        = 0.004
	levelCount   = 14
	drawingScale = 1000
)

// Corner returns the place of a policy in the triangle with an edge of 1, as figures draw it: response 0 is the corner on
// the left, 1 on the right, 2 on top.
func Corner(pi []float64) (x, y float64) { return pi[1] + pi[2]/2, pi[2] * math.Sqrt(3) / 2 }

// grid holds the values of a function at the vertices (i, j), i + j <= subdivisions, of the triangles.
type grid struct {
	at     [][]vertex // by j, then i
	values []float64  // all that are numbers
}

type vertex struct{ x, y, value float64 }

// newGrid evaluates a function of log-probabilities.
func newGrid(f func(logPi []float64) float64) *grid {
	g := &grid{}
	pi, logPi := make([]float64, responses), make([]float64, responses)
	for j := range subdivisions + 1 {
		var row []vertex
		for i := range subdivisions + 1 - j {
			pi[1], pi[2] = inward(i), inward(j)
			pi[0] = inward(subdivisions - i - j)
			for k, p := range pi {
				logPi[k] = math.Log(p)
			}
			x, y := Corner(pi)
			v := f(logPi)
			row = append(row, vertex{x, y, v})
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				g.values = append(g.values, v)
			}
		}
		g.at = append(g.at, row)
	}
	return g
}

// inward is the probability at a number of steps from an edge.
func inward(steps int) float64 {
	return inset + (1-responses*inset)*float64(steps)/subdivisions
}

// landscape evaluates the loss on the grid and cuts it into levels.
func (u *subject) landscape() *Landscape {
	loss, err := u.setup(u.Params, u.env, merge(u.pairs)).Surface(0)
	if err != nil {
		return &Landscape{Levels: []Number{}, Contours: []string{}}
	}
	return newGrid(loss).contours()
}

// contours cuts the grid at levels between which the area grows evenly outwards. The lowest has a hundredth of it inside.
func (g *grid) contours() *Landscape {
	out := &Landscape{Levels: []Number{}, Contours: []string{}}
	if len(g.values) == 0 {
		return out
	}
	slices.Sort(g.values)
	lowest, highest := g.values[0], g.values[len(g.values)-1]
	if highest-lowest <= 1e-12*math.Abs(highest) {
		return out // flat: no contour means anything
	}
	for i := range levelCount {
		share := (float64(i) + 1.5) / (levelCount + 1.5)
		level := stat.Quantile(share*share, stat.LinInterp, g.values, nil)
		out.Levels = append(out.Levels, Number(level-lowest))
		out.Contours = append(out.Contours, g.contour(level))
	}
	return out
}

// contour returns the segments of a level as an SVG path.
func (g *grid) contour(level float64) string {
	var path []byte
	for j, row := range g.at {
		for i := range row {
			if i+1 < len(row) {
				path = cut(path, level, &row[i], &row[i+1], &g.at[j+1][i])
			}
			if i+1 < len(row) && j > 0 {
				path = cut(path, level, &row[i], &row[i+1], &g.at[j-1][i+1])
			}
		}
	}
	return string(path)
}

// cut appends the segment of a level in a triangle, if there is one.
func cut(path []byte, level float64, a, b, c *vertex) []byte {
	if math.IsNaN(a.value + b.value + c.value) {
		return path
	}
	low := [3]bool{a.value < level, b.value < level, c.value < level}
	switch {
	case low[0] == low[1] && low[1] == low[2]:
		return path
	case low[1] == low[2]:
		return segment(path, level, a, b, c)
	case low[2] == low[0]:
		return segment(path, level, b, c, a)
	}
	return segment(path, level, c, a, b)
}

// segment appends the segment that cuts one vertex of a triangle off the two others.
func segment(path []byte, level float64, off, b, c *vertex) []byte {
	for i, to := range [2]*vertex{b, c} {
		t := (level - off.value) / (to.value - off.value)
		if math.IsInf(off.value, 0) {
			t = 1
		} else if math.IsInf(to.value, 0) {
			t = 0
		}
		path = appendTenths(append(path, "ML"[i]), drawingScale*(off.x+t*(to.x-off.x)))
		path = appendTenths(append(path, ' '), drawingScale*(off.y+t*(to.y-off.y)))
	}
	return path
}

// appendTenths appends a number that is not negative with one decimal, faster than strconv.AppendFloat, for there are
// thousands.
func appendTenths(to []byte, v float64) []byte {
	tenths := int(v*10 + 0.5)
	return append(strconv.AppendInt(to, int64(tenths/10), 10), '.', byte('0'+tenths%10))
}
