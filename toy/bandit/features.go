package bandit

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"windtunnel/toy/expression"
)

// Features are formulas of a prompt's features, such as "a*cos(pi*s1)", a being the number of the response, from 0, and pi the
// number. They are read in the language of custom losses.
type Features []string

// FeatureMap gives the values of Features. It keeps scratch and serves one goroutine.
type FeatureMap struct {
	programs []*expression.Program
	scalars  []float64 // pi, then the prompt's features
	columns  [][]float64
	value    []float64
}

// Compile prepares the features of prompts whose own features have the given names, of so many responses. The error says which formula
// is wrong, as KEY: what is wrong.
func (f Features) Compile(variables []string, responses int) (*FeatureMap, error) {
	m := &FeatureMap{scalars: make([]float64, 1+len(variables)), columns: [][]float64{make([]float64, responses)}, value: make([]float64, responses)}
	m.scalars[0] = math.Pi
	for k := range m.columns[0] {
		m.columns[0][k] = float64(k)
	}
	for i, source := range f {
		e, err := expression.Parse(source, expression.Scope{Columns: []string{"a"}, Scalars: slices.Concat([]string{"pi"}, variables)})
		if err != nil {
			return nil, fmt.Errorf("features.%d: %w", i, err)
		}
		m.programs = append(m.programs, e.Compile())
	}
	return m, nil
}

// At returns the responses' features at a prompt, responses x len(Features), given the prompt's own. Those that are not finite are an
// error.
func (m *FeatureMap) At(prompt []float64) (*mat.Dense, error) {
	copy(m.scalars[1:], prompt)
	all := mat.NewDense(len(m.value), len(m.programs), nil)
	for j, p := range m.programs {
		p.Value(m.columns, m.scalars, m.value)
		for k, v := range m.value {
			if v-v != 0 {
				return nil, fmt.Errorf("features.%d: is %v for response %d at a prompt of features %v; finite numbers", j, v, k, prompt)
			}
		}
		all.SetCol(j, m.value)
	}
	return all, nil
}
