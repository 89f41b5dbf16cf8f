package model

import (
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/gonum/stat"

	"windtunnel/toy/setup"
)

// Landscape is the loss over the whole simplex, whatever the policy class, as contours.
//
// A penalty L2 is that of the smallest logits that give the policy, for all policies; in a smaller class the loss is
// drawn without it.
type Landscape struct {
	Levels   []Number `json:"levels"`   // losses above the lowest on the grid, ascending
	Contours []string `json:"contours"` // one path a level, in the syntax of SVG: see corner for its coordinates, times 1000
}

const (
	gridSteps    = 40
	levelCount   = 14
	drawingScale = 1000
)

// corner returns where a policy is in the triangle with an edge of 1, as figures draw it: response 0 is the corner on
// the left, 1 on the right, 2 on top.
func corner(pi []float64) (x, y float64) { return pi[1] + pi[2]/2, pi[2] * math.Sqrt(3) / 2 }

// grid holds the values of a function at the policies of setup.Grid.
type grid struct {
	rows   [][]vertex // with i + j <= gridSteps: by j, then i
	values []float64  // all that are finite
}

type vertex struct{ x, y, value float64 }

// newGrid evaluates a function of log-probabilities.
func newGrid(f func(logPi []float64) float64) *grid {
	g := &grid{}
	logPi := make([]float64, responses)
	var row []vertex
	for pi := range setup.Grid(gridSteps) {
		for k, p := range pi {
			logPi[k] = math.Log(p)
		}
		x, y := corner(pi[:])
		v := f(logPi)
		row = append(row, vertex{x, y, v})
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			g.values = append(g.values, v)
		}
		if len(row)+len(g.rows) > gridSteps {
			g.rows, row = append(g.rows, row), nil
		}
	}
	slices.Sort(g.values)
	return g
}

// landscape evaluates the loss on the grid and cuts it into levels.
func (u *subject) landscape() *Landscape {
	loss, err := u.setup(u.Params, u.env, u.pairs).Surface(0)
	if err != nil {
		return (&grid{}).contours()
	}
	return newGrid(loss).contours()
}

// contours cuts the grid at levels between which the area grows evenly outwards. The lowest has a hundredth of it inside.
func (g *grid) contours() *Landscape {
	out := &Landscape{Levels: []Number{}, Contours: []string{}}
	if len(g.values) == 0 {
		return out
	}
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
	for j, row := range g.rows {
		for i := range len(row) - 1 {
			path = cut(path, level, &row[i], &row[i+1], &g.rows[j+1][i])
			if j > 0 {
				path = cut(path, level, &row[i], &row[i+1], &g.rows[j-1][i+1])
			}
		}
	}
	return string(path)
}

// cut appends the segment of a level in a triangle, if there is one: it cuts one vertex off the two others.
func cut(path []byte, level float64, a, b, c *vertex) []byte {
	if math.IsNaN(a.value + b.value + c.value) {
		return path
	}
	switch low := [3]bool{a.value < level, b.value < level, c.value < level}; {
	case low[0] == low[1] && low[1] == low[2]:
		return path
	case low[2] == low[0]:
		a, b, c = b, c, a
	case low[0] == low[1]:
		a, b, c = c, a, b
	}
	for i, to := range [2]*vertex{b, c} {
		t := (level - a.value) / (to.value - a.value)
		if math.IsInf(a.value, 0) {
			t = 1
		} else if math.IsInf(to.value, 0) {
			t = 0
		}
		path = strconv.AppendFloat(append(path, "ML"[i]), drawingScale*(a.x+t*(to.x-a.x)), 'f', 1, 64)
		path = strconv.AppendFloat(append(path, ' '), drawingScale*(a.y+t*(to.y-a.y)), 'f', 1, 64)
	}
	return path
}
