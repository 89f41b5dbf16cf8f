package bandit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"windtunnel/toy/lines"
	"windtunnel/toy/registry"
)

// state is a prompt of a continuous space, a point of the unit cube, with the number of its group.
type state struct {
	at    []float64
	group int
}

// space is what states are drawn from: the unit cube of a dimension, for each of some groups.
type space struct {
	dimension int
	groups    []string
	file      func(path string) (content []byte, name string)
	rng       *rand.Rand
}

// States are a distribution over prompts that are points of the unit cube.
type States interface {
	// draw returns the states.
	draw(in *space) ([]state, error)
}

// UniformStates are drawn independently, evenly from the cube.
type UniformStates struct {
	N      int       `yaml:"n" range:"[1,1e6]" doc:"number of states"`
	Shares []float64 `yaml:"shares" range:"(0,1]" doc:"share of each group among the states, rounded to whole states; default even"`
}

// draw draws the states, the groups mixed evenly: of the first i states share times i are of a group, rounded.
func (u *UniformStates) draw(in *space) ([]state, error) {
	shares := u.Shares
	if shares == nil {
		shares = slices.Repeat([]float64{1}, len(in.groups))
	}
	if len(shares) != len(in.groups) {
		return nil, fmt.Errorf("shares: %d entries for %d groups; one a group", len(shares), len(in.groups))
	}
	total := 0.0
	for _, share := range shares {
		total += share
	}
	all, count := make([]state, u.N), make([]float64, len(shares))
	for i := range all {
		for g, share := range shares { // the group that lags most behind its share
			if share/total*float64(i+1)-count[g] > shares[all[i].group]/total*float64(i+1)-count[all[i].group] {
				all[i].group = g
			}
		}
		count[all[i].group]++
		for range in.dimension {
			all[i].at = append(all[i].at, in.rng.Float64())
		}
	}
	return all, nil
}

// GridStates are the midpoints of equal cells, the same for each group: the mean over them is the expectation over the uniform
// distribution by the midpoint rule.
type GridStates struct {
	N int `yaml:"n" range:"[1,1e6]" doc:"cells along each side of the cube"`
}

// draw lists the midpoints, the last coordinate running fastest.
func (g *GridStates) draw(in *space) ([]state, error) {
	points := [][]float64{nil}
	for range in.dimension {
		var longer [][]float64
		for _, p := range points {
			for i := range g.N {
				longer = append(longer, append(slices.Clone(p), (float64(i)+0.5)/float64(g.N)))
			}
			if len(longer) > mostStates {
				return nil, fmt.Errorf("n: %d in %d dimensions are more than %d states; less", g.N, in.dimension, mostStates)
			}
		}
		points = longer
	}
	return forEachGroup(points, in), nil
}

// forEachGroup returns each point once a group.
func forEachGroup(points [][]float64, in *space) []state {
	var all []state
	for g := range in.groups {
		for _, p := range points {
			all = append(all, state{p, g})
		}
	}
	return all
}

// FileStates are listed in a file, which may hold comparisons, too: comparisons are then of the prompts of their lines.
type FileStates struct {
	Path string `yaml:"path" required:"true" doc:"JSONL file, relative to the config: {\"state\": [0.2, 0.7], \"group\": \"a\"} a line, in the order of the prompts; without a group the state is of each"`
}

// draw reads the file. Errors of its lines are those of lines.Reader.Wrong.
func (f *FileStates) draw(in *space) ([]state, error) {
	if in.file == nil {
		return nil, errors.New("path: an environment that others derive from has no files; states of another kind")
	}
	content, name := in.file(f.Path)
	file, err := lines.NewReader(bytes.NewReader(content), name)
	if err != nil {
		return nil, err
	}
	var all []state
	for row, err := range file.All() {
		if err != nil {
			return nil, err
		}
		var at coordinates
		var group string
		if _, err = row.Read("state", &at, "a list of numbers"); err == nil && len(at) != in.dimension {
			err = fmt.Errorf("state: has %d numbers; %d", len(at), in.dimension)
		}
		given := false
		if err == nil {
			given, err = row.Read("group", &group, "the name of a group")
		}
		g := slices.Index(in.groups, group)
		switch {
		case err == nil && given && g < 0:
			err = fmt.Errorf("group: there is no %q; one of %s", group, strings.Join(in.groups, ", "))
		case given:
			all = append(all, state{at, g})
		default:
			all = append(all, forEachGroup([][]float64{at}, in)...)
		}
		if err != nil {
			return nil, file.Wrong(err)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: no states; at least one line", name)
	}
	return all, nil
}

// coordinates are a list of numbers, or one number.
type coordinates []float64

// UnmarshalJSON reads either.
func (c *coordinates) UnmarshalJSON(data []byte) error {
	if data[0] != '[' {
		data = append(append([]byte{'['}, data...), ']')
	}
	return json.Unmarshal(data, (*[]float64)(c))
}

const mostStates = 1_000_000

// StateKinds lists every distribution of states, sorted by name.
func StateKinds() registry.Table[States] {
	return registry.Table[States]{
		{Name: "file", Summary: "states that a file lists", Source: "this project", New: func() States { return &FileStates{} }},
		{Name: "grid", Summary: "midpoints of equal cells, for expectations over the uniform distribution", Source: "midpoint rule",
			New: func() States { return &GridStates{N: 200} }},
		{Name: "uniform", Summary: "points drawn evenly from the unit cube", Source: "this project", New: func() States { return &UniformStates{N: 20} }},
	}
}
