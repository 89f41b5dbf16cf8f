package preference

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"

	"windtunnel/toy/lines"
	"windtunnel/toy/registry"
)

// Matrix holds a matrix of win rates, of any structure, cycles included: P[i][j] is the probability that response i is preferred
// to j, P + P' = 1. The comparisons are those of the population: each two responses weigh the same, i over j with P[i][j]. Where
// groups of annotators have matrices of their own, P is their mean by share.
type Matrix struct {
	Matrix Matrices `yaml:"matrix,omitempty" range:"[0,1]" doc:"win rates, K rows of K probabilities that the row's response is preferred to the column's; or a list of such, one a prompt"`
	Path   string   `yaml:"path,omitempty" doc:"file of the win rates in place of matrix, relative to the config: JSON as matrix is written, or CSV of K rows, with or without the names of responses"`
	Groups []Group  `yaml:"groups,omitempty" doc:"groups of annotators in place of matrix"`
}

// Group is annotators who prefer alike.
type Group struct {
	Share  float64  `yaml:"share" required:"true" range:"(0,1]" doc:"part of the annotators; shares sum to 1"`
	Matrix Matrices `yaml:"matrix" required:"true" range:"[0,1]" doc:"the group's win rates"`
}

// Matrices are the matrices of prompts, or one for all.
type Matrices [][][]float64

// OneOrMany says that one matrix may stand in place of a list of one.
func (Matrices) OneOrMany() {}

// Build returns the population's comparisons, without those that never happen.
func (m *Matrix) Build(in Input) (*Pairs, error) {
	wins, err := m.Wins(in)
	if err != nil {
		return nil, err
	}
	env := *in.Env
	env.Prompts = slices.Clone(env.Prompts)
	for x := range wins {
		env.Prompts[x].Wins = wins[x]
	}
	in.Env = &env
	return (&Population{}).Build(in)
}

func (*Matrix) Random() bool { return false }

// FilePath is the path of the file, or "".
func (m *Matrix) FilePath() string { return m.Path }

// Wins returns the win rates of every prompt. Errors of a file name it.
func (m *Matrix) Wins(in Input) ([][]float64, error) {
	groups := m.Groups
	switch {
	case m.Path != "":
		read, err := readMatrices(in)
		if err != nil {
			return nil, err
		}
		groups = []Group{{1, read}}
	case groups == nil:
		groups = []Group{{1, m.Matrix}}
	}
	k, n := in.Env.Responses(), len(in.Env.Prompts)
	wins, total := make([][]float64, n), 0.0
	for _, g := range groups {
		total += g.Share
	}
	for x := range wins {
		wins[x] = make([]float64, k*k)
		for i, g := range groups {
			if p := g.Matrix; len(p) != 1 && len(p) != n || len(p[0]) != k {
				return nil, fmt.Errorf("%s: has %d matrices of %d responses, and the environment %d prompts of %d; a matrix of %[5]d x %[5]d for all prompts, or one a prompt",
					m.at(in, i), len(p), len(p[0]), n, k)
			}
			p := g.Matrix[min(x, len(g.Matrix)-1)]
			for j := range wins[x] {
				// The mean of both entries is exact in P + P' = 1, and leaves exact matrices as they are.
				wins[x][j] += g.Share / total * (p[j/k][j%k] + (1 - p[j%k][j/k])) / 2
			}
		}
	}
	return wins, nil
}

// at says where the matrices of a group were written.
func (m *Matrix) at(in Input, group int) string {
	switch {
	case m.Path != "":
		return in.FileName
	case m.Groups != nil:
		return fmt.Sprintf("preferences.%sgroups.%d.matrix", in.Key, group)
	}
	return "preferences." + in.Key + "matrix"
}

// Check refuses what are no win rates.
func (m *Matrix) Check() []registry.Problem {
	given, sum := 0, 0.0
	for _, is := range []bool{m.Matrix != nil, m.Path != "", m.Groups != nil} {
		if is {
			given++
		}
	}
	if given != 1 {
		return []registry.Problem{{Key: "matrix", Wrong: fmt.Sprintf("%d of matrix, path and groups are given", given), Allowed: "one of the three"}}
	}
	problems := m.Matrix.check("matrix")
	for i, g := range m.Groups {
		sum += g.Share
		problems = append(problems, g.Matrix.check(fmt.Sprintf("groups.%d.matrix", i))...)
	}
	if m.Groups != nil && math.Abs(sum-1) > winTolerance {
		problems = append(problems, registry.Problem{Key: "groups", Wrong: fmt.Sprintf("have shares that sum to %.9g", sum), Allowed: "shares that sum to 1"})
	}
	return problems
}

// winTolerance is how far P + P' may be from 1.
const winTolerance = 1e-6

// check returns the first thing that is wrong with matrices.
func (all Matrices) check(key string) []registry.Problem {
	fail := func(key, allowed, wrong string, of ...any) []registry.Problem {
		return []registry.Problem{{Key: key, Wrong: fmt.Sprintf(wrong, of...), Allowed: allowed}}
	}
	for x, p := range all {
		at := key
		if len(all) > 1 {
			at = fmt.Sprintf("%s.%d", key, x)
		}
		if len(p) < 2 || len(p) != len(all[0]) {
			return fail(at, "at least 2 rows, one a response, the same number for every prompt", "has %d rows", len(p))
		}
		for i, row := range p {
			at := fmt.Sprintf("%s.%d", at, i)
			if len(row) != len(p) {
				return fail(at, "as many entries as rows", "has %d entries, and the matrix %d rows", len(row), len(p))
			}
			for j, v := range row {
				switch {
				case !(v >= 0 && v <= 1):
					return fail(at, "probabilities in [0,1]", "has %v for response %d over %d", v, i, j)
				case j <= i && !(math.Abs(v+p[j][i]-1) <= winTolerance):
					return fail(at, "two that sum to 1, and 0.5 on the diagonal", "has %v for response %d over %d, and %v the other way round", v, i, j, p[j][i])
				}
			}
		}
	}
	return nil
}

// readMatrices reads JSON of one matrix or a list of them, or CSV of one matrix.
func readMatrices(in Input) (all Matrices, err error) {
	content := bytes.TrimSpace(bytes.TrimPrefix(in.File, []byte("\ufeff")))
	if bytes.HasPrefix(content, []byte("[")) {
		one := make([][]float64, 0)
		if json.Unmarshal(content, &all) != nil {
			err = json.Unmarshal(content, &one)
			all = Matrices{one}
		}
		if err != nil || len(all) == 0 {
			err = fmt.Errorf("%s: is no JSON matrix (%v); want K rows of K numbers, or a list of such", in.FileName, err)
		}
	} else {
		all, err = readTable(in)
	}
	if problems := all.check(in.FileName); err == nil && problems != nil {
		err = fmt.Errorf("%s: %s; want %s", problems[0].Key, problems[0].Wrong, problems[0].Allowed)
	}
	return all, err
}

// readTable reads CSV. The names of responses above the columns give the order, in which rows may begin with them, too.
func readTable(in Input) (Matrices, error) {
	file, err := lines.NewReader(bytes.NewReader(in.File), in.FileName)
	if err != nil {
		return nil, err
	}
	k, names := in.Env.Responses(), labels(in.Env, 0)
	p, order, rows := make([][]float64, k), upTo(k), 0
	for cells, err := range file.Records() {
		if err != nil {
			return nil, err
		}
		if len(cells) != k && len(cells) != k+1 || rows == k {
			return nil, file.Wrong(fmt.Errorf("is row %d, of %d cells; want %d rows and columns, one a response, and at most their names before them", rows+1, len(cells), k))
		}
		named, numbers := cells[:len(cells)-k], cells[len(cells)-k:]
		if _, err := strconv.ParseFloat(numbers[0], 64); err != nil && rows == 0 && p[order[0]] == nil {
			for j, name := range numbers {
				if order[j], err = place(name, names); err == nil && slices.Contains(order[:j], order[j]) {
					err = fmt.Errorf("%q is there twice", name)
				}
				if err != nil {
					return nil, file.Wrong(err)
				}
			}
			continue
		}
		if at, err := place(append(named, names[order[rows]])[0], names); err != nil || at != order[rows] {
			return nil, file.Wrong(fmt.Errorf("is the row of %q; want that of %s, as the columns are ordered", named[0], names[order[rows]]))
		}
		row := make([]float64, k)
		for j, cell := range numbers {
			if row[order[j]], err = strconv.ParseFloat(cell, 64); err != nil {
				return nil, file.Wrong(fmt.Errorf("has %q; want a probability in [0,1]", cell))
			}
		}
		p[order[rows]] = row
		rows++
	}
	if rows < k {
		return nil, fmt.Errorf("%s: has %d rows of win rates; want %d, one a response", in.FileName, rows, k)
	}
	return Matrices{p}, nil
}

// upTo returns 0..n-1.
func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

var matrixKind = registry.Kind[Params]{
	Name:    "matrix",
	Summary: "all comparisons with the probabilities of a matrix of win rates, intransitive or not, of one group of annotators or several",
	Source:  "Munos et al. 2023, arXiv 2312.00886",
	New:     func() Params { return &Matrix{} },
}
