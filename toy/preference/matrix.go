package preference

import (
	"bytes"
	"cmp"
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
	pairs, err := (&Population{}).Build(Input{Env: &env})
	if err == nil && m.Path != "" {
		all, _ := readMatrices(in) // which Wins has read
		pairs.Account = lines.Account{File: m.Path, Read: len(all) * len(all[0]), Used: len(all) * len(all[0])}
	}
	return pairs, err
}

func (m *Matrix) Files() []registry.File {
	if m.Path == "" {
		return nil
	}
	return []registry.File{{Key: "path", Path: m.Path}}
}

func (m *Matrix) Wins(in Input) ([][]float64, error) {
	groups, at := m.groups(), "preferences."+in.Key+"matrix"
	if m.Path != "" {
		all, err := readMatrices(in)
		if err != nil {
			return nil, err
		}
		groups, at = []matrices{{1, all, ""}}, in.FileName
	}
	k, wins := in.Env.Responses(), make([][]float64, len(in.Env.Prompts))
	for x := range wins {
		wins[x] = make([]float64, k*k)
		for _, g := range groups {
			if n := len(g.all); n != 1 && n != len(wins) || len(g.all[0]) != k {
				return nil, fmt.Errorf("%s: has %d of %d x %[3]d win rates; one of %[4]d x %[4]d, or %[5]d, one a prompt", at, n, len(g.all[0]), k, len(wins))
			}
			p := g.all[x%len(g.all)]
			for i := range wins[x] {
				wins[x][i] += g.share * p[i/k][i%k]
			}
		}
		for i := range wins[x] { // exact in P + P' = 1 from here on
			if up, down := i, i%k*k+i/k; up <= down {
				sum := wins[x][up] + wins[x][down]
				wins[x][up], wins[x][down] = wins[x][up]/sum, wins[x][down]/sum
			}
		}
	}
	return wins, nil
}

// matrices are those of a group of annotators: one a prompt, or one for all.
type matrices struct {
	share float64
	all   [][][]float64
	key   string
}

// groups returns the matrices that are written out.
func (m *Matrix) groups() (all []matrices) {
	if len(m.Matrix) > 0 {
		all = append(all, matrices{1, [][][]float64{m.Matrix}, "matrix"})
	}
	if len(m.Matrices) > 0 {
		all = append(all, matrices{1, m.Matrices, "matrices"})
	}
	for i, g := range m.Groups {
		all = append(all, matrices{g.Share, [][][]float64{g.Matrix}, fmt.Sprintf("groups.%d.matrix", i)})
	}
	return all
}

// Check refuses what are no win rates.
func (m *Matrix) Check() (problems []registry.Problem) {
	sum, groups := 0.0, m.groups()
	for _, g := range groups {
		sum += g.share
		if wrong := notWinRates(g.all); wrong != "" {
			problems = append(problems, registry.Problem{Key: g.key, Wrong: wrong, Allowed: wantWinRates})
		} else if len(g.all[0]) != len(groups[0].all[0]) {
			problems = append(problems, registry.Problem{Key: g.key, Wrong: "has another number of rows than the group before", Allowed: "one size"})
		}
	}
	given := 0
	for _, form := range []bool{len(m.Matrix) > 0, len(m.Matrices) > 0, m.Path != "", len(m.Groups) > 0} {
		if form {
			given++
		}
	}
	switch {
	case given != 1:
		problems = append(problems, registry.Problem{Key: "matrix", Wrong: fmt.Sprintf("matrix, matrices, path and groups: %d of them are given", given), Allowed: "one of the four"})
	case len(m.Groups) > 0 && math.Abs(sum-1) > sumTolerance:
		problems = append(problems, registry.Problem{Key: "groups", Wrong: fmt.Sprintf("have shares that sum to %g", sum), Allowed: "shares that sum to 1"})
	}
	return problems
}

// sumTolerance is how far P + P' may be from 1.
const sumTolerance = 1e-6

const wantWinRates = "K rows of K probabilities, at least 2, the row's response over the column's and the other way round summing to 1, 0.5 on the diagonal"

// notWinRates says what is wrong with matrices, "" for nothing.
func notWinRates(all [][][]float64) string {
	for x, p := range all {
		for i, row := range p {
			if len(row) != len(p) || len(p) < 2 || len(p) != len(all[0]) {
				return fmt.Sprintf("has %d entries in row %d of %d of matrix %d", len(row), i, len(p), x)
			}
			for j, v := range row {
				if j < len(p[j]) && i < len(p[j]) && !(v >= 0 && v <= 1 && math.Abs(v+p[j][i]-1) <= sumTolerance) {
					return fmt.Sprintf("has %v for response %d over %d in matrix %d, and %v the other way round", v, i, j, x, p[j][i])
				}
			}
		}
	}
	return ""
}

// readMatrices reads JSON of a matrix or a list of them, or CSV of a matrix.
func readMatrices(in Input) (all [][][]float64, err error) {
	content, err := lines.Text(in.File, in.FileName)
	if err != nil {
		return nil, err
	}
	content = bytes.TrimSpace(content)
	var one [][]float64
	if !bytes.HasPrefix(content, []byte("[")) {
		one, err = readTable(in)
	} else if json.Unmarshal(content, &all) != nil {
		if err = json.Unmarshal(content, &one); err != nil {
			err = fmt.Errorf("%s: is no JSON matrix: %w; want %s", in.FileName, err, wantWinRates)
		}
	}
	if one != nil {
		all = [][][]float64{one}
	}
	if wrong := notWinRates(all); err == nil && (wrong != "" || len(all) == 0 || len(all[0]) == 0) {
		err = fmt.Errorf("%s: %s; want %s", in.FileName, cmp.Or(wrong, "has no row of win rates"), wantWinRates)
	}
	return all, err
}

// readTable reads CSV, whose columns may be named by the responses above them; other columns are not read.
func readTable(in Input) (p [][]float64, err error) {
	var names []string
	for i := range in.Env.Responses() {
		names = append(names, in.Env.Prompts[0].Label(i))
	}
	for _, headed := range []bool{true, false} {
		file, err := lines.NewReader(bytes.NewReader(in.File), in.FileName)
		if err != nil {
			return nil, err
		}
		if !headed {
			file.Headless(names)
		}
		for o, err := range file.All() {
			if headed && p == nil && (err != nil || slices.ContainsFunc(names, func(name string) bool { return !o.Has(name) })) {
				break // there is no header
			}
			if err != nil {
				return nil, err
			}
			r, values := &row{Object: o}, make([]float64, len(names))
			for i, name := range names {
				values[i] = r.number(name, math.NaN(), 0, 1)
			}
			if p = append(p, values); r.err != nil {
				return nil, file.Wrong(r.err)
			}
		}
		if p != nil {
			break
		}
	}
	return p, nil
}

var matrixKind = registry.Kind[Params]{
	Name:    "matrix",
	Summary: "all comparisons with the probabilities of a matrix of win rates, intransitive or not, of one group of annotators or several",
	Source:  "Munos et al. 2023, arXiv 2312.00886",
	New:     func() Params { return &Matrix{} },
}
