package scorecard

import (
	"fmt"
	"math"
	"strings"

	"gopkg.in/yaml.v3"

	"windtunnel/experiments/spec"
	"windtunnel/experiments/spec/decode"
	"windtunnel/metrics/claims"
	"windtunnel/metrics/tables"
	"windtunnel/toy/setup"
)

// Recipe is an experiment that reproduces one cell: the value of its claim is the cell's.
type Recipe struct {
	spec.Experiment
	Files map[string][]byte // data files, by the path that the experiment gives them

	unrunnable bool // a policy comes from a solver that no config can ask for
}

// newRecipe returns an experiment with the settings of an outcome.
func newRecipe(o *outcome) *Recipe {
	r := &Recipe{Files: map[string][]byte{}}
	r.Settings.Settings = o.Settings
	r.addFile(&o.task)
	return r
}

func (r *Recipe) addFile(t *task) {
	if t.file != nil {
		r.Files[t.Preferences.FilePath()] = t.file
	}
}

// add puts an outcome's loss among the objectives under a label, with its own training settings where it was trained.
func (r *Recipe) add(label string, o *outcome) {
	entry := spec.Objective{Name: label, Loss: o.task.loss}
	r.unrunnable = r.unrunnable || o.Solver == SolverNewton || o.Solver == SolverSearch
	if o.Solver == setup.SolverTrain {
		entry.Train.Node = decode.Encode(&o.Train, spec.Tables())
	}
	r.Objectives = append(r.Objectives, entry)
}

// sweep adds a swept key with values in YAML's flow style.
func (r *Recipe) sweep(key string, values ...string) {
	if r.Sweep.Node == nil {
		r.Sweep.Node = &decode.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	}
	list, err := decode.Parse(key, []byte("["+strings.Join(values, ", ")+"]"))
	if err != nil {
		panic(fmt.Sprintf("scorecard: sweep of %s: %v", key, err))
	}
	name := &decode.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}
	r.Sweep.Node.Content = append(r.Sweep.Node.Content, name, list)
}

// claim states that the value is within its bound, which is expected where it is.
func (r *Recipe) claim(text string, holds bool, test claims.Params) *Recipe {
	r.Claims = []spec.Claim{{Name: "cell", Text: text, Expect: holds, Test: test}}
	return r
}

// atText says at which lambda, nothing where there is none.
func atText(lambda float64) string {
	if math.IsNaN(lambda) {
		return ""
	}
	return fmt.Sprintf(" at lambda %.3g", lambda)
}

// atLambda labels a loss at a lambda.
func atLambda(label string, lambda float64) string {
	if math.IsNaN(lambda) {
		return label
	}
	return label + " at " + tables.FormatFloat(lambda)
}

// flow writes numbers as a list, as cells of swept keys hold it.
func flow(values []float64) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = tables.FormatFloat(v)
	}
	return "[" + strings.Join(parts, ",") + "]"
}

// only selects the runs of one objective.
func only(label string) tables.Where { return tables.Where{"objective": {label}} }
