package results

import (
	"errors"
	"math"
	"strings"

	"windtunnel/metrics/claims"
	"windtunnel/metrics/tables"
)

// Verdict is an evaluated claim.
type Verdict struct {
	Name   string // of the claim; in a suite after that of its experiment
	Text   string // the statement in words; may be empty
	Expect bool   // whether it should hold
	Broken bool   // the tables could not answer it
	claims.Result
}

// Well says whether the verdict is the expected one.
func (v *Verdict) Well() bool { return !v.Broken && v.Holds == v.Expect }

// Words say whether the claim holds, and where the configuration says that it does not, whether that is so.
func (v *Verdict) Words() string {
	switch {
	case v.Broken:
		return "no answer"
	case v.Holds && v.Expect:
		return "holds"
	case v.Holds:
		return "holds, though the config says that it does not"
	case v.Expect:
		return "does not hold"
	}
	return "does not hold, as the config says"
}

// CountWell returns how many verdicts are the expected ones.
func CountWell(verdicts []Verdict) int {
	n := 0
	for i := range verdicts {
		if verdicts[i].Well() {
			n++
		}
	}
	return n
}

// unanswered begins the detail of a claim that the tables cannot answer.
const unanswered = "cannot be answered: "

// Check evaluates the folder's claims against its tables, or for a suite those of its members. A claim that the tables
// cannot answer is never well, whatever is expected.
func (f *Folder) Check() []Verdict {
	verdicts := f.evaluate(f.Tables)
	for _, m := range f.Members {
		for _, v := range m.evaluate(f.Tables.From(m.Name)) {
			v.Name = m.Name + "/" + v.Name
			verdicts = append(verdicts, v)
		}
	}
	return verdicts
}

func (f *Folder) evaluate(src tables.Source) []Verdict {
	var verdicts []Verdict
	evaluator, broken := claims.NewEvaluator(src)
	for _, claim := range f.Claims {
		result, err := claims.Result{}, broken
		if broken == nil {
			result, err = evaluator.Evaluate(claim.Test.(claims.Params))
		}
		v := Verdict{Name: claim.Name, Text: claim.Text, Expect: claim.Expect, Result: result}
		if err != nil {
			v.Broken, v.Result = true, claims.Result{Value: math.NaN(), Bound: math.NaN(), Detail: unanswered + err.Error()}
		}
		verdicts = append(verdicts, v)
	}
	return verdicts
}

// claimsSchema describes the table of verdicts.
var claimsSchema = tables.Schema{
	{Name: "claim", Doc: "Name of the claim; in a suite after that of its experiment."},
	{Name: "holds", Type: tables.Boolean, Doc: "Whether what is claimed is so."},
	{Name: "value", Type: tables.Number, Doc: "The value that decides the claim; empty where there is none."},
	{Name: "bound", Type: tables.Number, Doc: "What the value is held against; empty where there is nothing."},
	{Name: "detail", Doc: "The runs behind the value, or why the claim cannot be answered."},
	{Name: "expect", Type: tables.Boolean, Doc: "Whether the config expects the claim to hold."},
}

// written reads the verdicts that stand in the folder's table of claims.
func (f *Folder) written() ([]Verdict, error) {
	table, err := tables.Open(f.Dir, tables.Claims)
	if err != nil {
		return nil, err
	}
	if !table.Has(claimsSchema.Names()...) {
		return nil, errors.New("table " + tables.Claims + " lacks columns")
	}
	if err := table.Load(table.Header...); err != nil {
		return nil, err
	}
	var verdicts []Verdict
	for row := range table.Len() {
		v := Verdict{Name: table.Text(row, "claim"), Expect: table.Text(row, "expect") == "true"}
		for _, claim := range f.Claims {
			if claim.Name == v.Name {
				v.Text = claim.Text
			}
		}
		v.Holds, v.Detail = table.Text(row, "holds") == "true", table.Text(row, "detail")
		v.Value, v.Bound = table.Float(row, "value"), table.Float(row, "bound")
		v.Broken = strings.HasPrefix(v.Detail, unanswered)
		verdicts = append(verdicts, v)
	}
	return verdicts, nil
}
