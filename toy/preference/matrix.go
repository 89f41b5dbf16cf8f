package preference

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"windtunnel/toy/lines"
	"windtunnel/toy/registry"
)

// Matrix holds a matrix of win rates, of any structure, cycles included: P[i][j] is the probability that response i is preferred
// to j, P + P' = 1. The comparisons are those of the population: each two responses weigh the same, i over j with P[i][j]. Where
// groups of annotators have matrices of their own, P is their mean by share.
type Matrix struct {
	Matrix   [][]float64   `yaml:"matrix,omitempty" range:"[0,1]" doc:"win rates of all prompts: K rows of K probabilities that the row's response is preferred to the column's"`
	Matrices [][][]float64 `yaml:"matrices,omitempty" range:"[0,1]" doc:"win rates by prompt, in place of matrix"`
	Path     string        `yaml:"path,omitempty" doc:"file of them in place of matrix, relative to the config: JSON as matrix or matrices is written, or CSV of K rows, with or without the names of responses above"`
	Groups   []Group       `yaml:"groups,omitempty" doc:"groups of annotators in place of matrix"`
}

// Group is annotators who prefer alike.
type Group struct {
	Share  float64     `yaml:"share" required:"true" range:"[0,1]" doc:"part of the annotators; shares sum to 1"`
	Matrix [][]float64 `yaml:"matrix" required:"true" range:"[0,1]" doc:"the group's win rates"`
}

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
	return (&Population{}).Build(Input{Env: &env})
}

func (*Matrix) Random() bool { return false }

// FilePath is the path of the file, or "".
func (m *Matrix) FilePath() string { return m.Path }

// Wins returns the win rates of every prompt.
func (m *Matrix) Wins(in Input) ([][]float64, error) {
	k, n := in.Env.Responses(), len(in.Env.Prompts)
	all, at := m.Matrices, "preferences."+in.Key+"matrices"
	switch {
	case m.Path != "":
		var err error
		if all, err = readMatrices(in); err != nil {
			return nil, err
		}
		at = in.FileName
	case m.Groups != nil || m.Matrix != nil:
		all, at = [][][]float64{m.Matrix}, "preferences."+in.Key+"matrix"
		for i, g := range m.Groups {
			at = fmt.Sprintf("preferences.%sgroups.%d.matrix", in.Key, i)
			if i == 0 {
				all[0] = make([][]float64, len(g.Matrix))
			}
			for j, row := range g.Matrix {
				all[0][j] = append(all[0][j], make([]float64, len(row)-len(all[0][j]))...)
				for l, p := range row {
					all[0][j][l] += g.Share * p
				}
			}
		}
	}
	if len(all) == 1 {
		all = slices.Repeat(all, n)
	}
	wins := make([][]float64, n)
	for x := range wins {
		if len(all) != n || len(all[x]) != k {
			return nil, fmt.Errorf("%s: has %d x %d win rates, or not one matrix a prompt; %d x %[4]d, of all prompts or by prompt, of which there are %[5]d",
				at, len(all[0]), len(all[0]), k, n)
		}
		for i := range k {
			for j := range k {
				// Exact in P + P' = 1; shares that do not quite sum to 1 cancel.
				wins[x] = append(wins[x], all[x][i][j]/(all[x][i][j]+all[x][j][i]))
			}
		}
	}
	return wins, nil
}

// Check refuses what are no win rates.
func (m *Matrix) Check() []registry.Problem {
	given, sum := 0, 0.0
	for _, is := range []bool{len(m.Matrix) > 0, len(m.Matrices) > 0, m.Path != "", len(m.Groups) > 0} {
		if is {
			given++
		}
	}
	if given != 1 {
		return []registry.Problem{{Key: "matrix", Wrong: fmt.Sprintf("%d of matrix, matrices, path and groups are given", given), Allowed: "one of the four"}}
	}
	var problems []registry.Problem
	check := func(p [][]float64, k int, key string, of ...any) {
		problems = append(problems, notWinRates(p, k, fmt.Sprintf(key, of...))...)
	}
	check(m.Matrix, len(m.Matrix), "matrix")
	for x, p := range m.Matrices {
		check(p, len(m.Matrices[0]), "matrices.%d", x)
	}
	for i, g := range m.Groups {
		sum += g.Share
		check(g.Matrix, len(m.Groups[0].Matrix), "groups.%d.matrix", i)
	}
	if m.Groups != nil && math.Abs(sum-1) > sumTolerance {
		problems = append(problems, registry.Problem{Key: "groups", Wrong: fmt.Sprintf("have shares that sum to %.9g", sum), Allowed: "shares that sum to 1"})
	}
	return problems
}

// sumTolerance is how far P + P' may be from 1.
const sumTolerance = 1e-6

// notWinRates returns the first thing that is wrong with a matrix, which has k rows.
func notWinRates(p [][]float64, k int, key string) []registry.Problem {
	fail := func(at int, allowed, wrong string, of ...any) []registry.Problem {
		return []registry.Problem{{Key: fmt.Sprintf("%s.%d", key, at), Wrong: fmt.Sprintf(wrong, of...), Allowed: allowed}}
	}
	if p != nil && (k < 2 || len(p) != k) {
		return fail(0, "at least 2 rows, one a response, as many in every matrix", "is the first of %d rows", len(p))
	}
	for i, row := range p {
		if len(row) != k {
			return fail(i, "as many entries as rows", "has %d entries, and the matrix %d rows", len(row), k)
		}
		for j, v := range row {
			if !(v >= 0 && v <= 1) {
				return fail(i, "probabilities in [0,1]", "has %v for response %d over %d", v, i, j)
			}
			if j <= i && math.Abs(v+p[j][i]-1) > sumTolerance {
				return fail(i, "two that sum to 1, and 0.5 on the diagonal", "has %v for response %d over %d, and %v the other way round", v, i, j, p[j][i])
			}
		}
	}
	return nil
}

// readMatrices reads JSON of a matrix or a list of them, or CSV of a matrix.
func readMatrices(in Input) (all [][][]float64, err error) {
	content := bytes.TrimSpace(bytes.TrimPrefix(in.File, []byte("\ufeff")))
	var one [][]float64
	switch {
	case !bytes.HasPrefix(content, []byte("[")):
		one, err = readTable(in)
	case json.Unmarshal(content, &all) != nil || len(all) == 0:
		if err = json.Unmarshal(content, &one); err != nil || len(one) == 0 {
			err = fmt.Errorf("%s: is no JSON matrix (%v); K rows of K numbers, or a list of such", in.FileName, err)
		}
	}
	if one != nil {
		all = [][][]float64{one}
	}
	for x := 0; x < len(all) && err == nil; x++ {
		for _, p := range notWinRates(all[x], len(all[0]), fmt.Sprintf("matrix %d, row", x)) {
			err = fmt.Errorf("%s: %s: %s; want %s", in.FileName, p.Key, p.Wrong, p.Allowed)
		}
	}
	return all, err
}

// readTable reads CSV, whose columns may be named by the responses above them, and whose rows then in a column without a name.
func readTable(in Input) (p [][]float64, err error) {
	var names []string
	for i := range in.Env.Responses() {
		names = append(names, in.Env.Prompts[0].Label(i))
	}
	for _, keys := range [][]string{nil, names} {
		file, err := lines.NewReader(bytes.NewReader(in.File), in.FileName)
		if err != nil {
			return nil, err
		}
		for o, err := range file.Rows(keys) {
			if err != nil {
				return nil, err
			}
			if p == nil && slices.ContainsFunc(names, func(name string) bool { return !o.Has(name) }) {
				break // there is no header
			}
			r := &row{Object: o}
			if name := r.text("", "a name"); name != "" && len(p) < len(names) && name != names[len(p)] {
				r.fail("is the row of %q; want that of %s: rows are in the order of the responses", name, names[len(p)])
			}
			values := make([]float64, len(names))
			for i, name := range names {
				values[i] = r.number(name, math.NaN(), 0, 1)
			}
			if p = append(p, values); r.err != nil {
				return nil, file.Wrong(r.err)
			}
		}
		if p != nil {
			return p, nil
		}
	}
	return nil, fmt.Errorf("%s: has no row of win rates; want %d", in.FileName, len(names))
}

var matrixKind = registry.Kind[Params]{
	Name:    "matrix",
	Summary: "all comparisons with the probabilities of a matrix of win rates, intransitive or not, of one group of annotators or several",
	Source:  "Munos et al. 2023, arXiv 2312.00886",
	New:     func() Params { return &Matrix{} },
}
