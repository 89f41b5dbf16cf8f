package main

import (
	"math"
	"strconv"

	"windtunnel/experiments/spec"
	"windtunnel/metrics/claims"
	"windtunnel/metrics/tables"
	"windtunnel/plots"
)

// verdict is an evaluated claim.
type verdict struct {
	name   string // of the claim; in a suite after that of its experiment
	expect bool
	broken bool // the tables could not answer the claim
	claims.Result
}

// well says whether the verdict is the expected one.
func (v *verdict) well() bool { return !v.broken && v.Holds == v.expect }

// unanswered begins the detail of a claim that the tables cannot answer.
const unanswered = "cannot be answered: "

// evaluate checks a config's claims against its tables, or for a suite those of its members. A claim that the tables
// cannot answer is never well, whatever is expected.
func evaluate(c *spec.Config, src plots.Sources) []verdict {
	var verdicts []verdict
	for _, member := range c.Members {
		for _, v := range evaluate(member, src.From(member.Head.Name)) {
			v.name = member.Head.Name + "/" + v.name
			verdicts = append(verdicts, v)
		}
	}
	if c.Experiment == nil {
		return verdicts
	}
	for _, claim := range c.Experiment.Claims {
		result, err := claim.Test.(claims.Params).Evaluate(src)
		v := verdict{name: claim.Name, expect: claim.Expect, Result: result}
		if err != nil {
			v.broken, v.Result = true, claims.Result{Value: math.NaN(), Bound: math.NaN(), Detail: unanswered + err.Error()}
		}
		verdicts = append(verdicts, v)
	}
	return verdicts
}

// claimsSchema describes the table of verdicts.
func claimsSchema() tables.Schema {
	return tables.Schema{
		{Name: "claim", Doc: "Name of the claim; in a suite after that of its experiment."},
		{Name: "holds", Type: tables.Boolean, Doc: "Whether what is claimed is so."},
		{Name: "value", Type: tables.Number, Doc: "The value that decides the claim; empty where there is none."},
		{Name: "bound", Type: tables.Number, Doc: "What the value is held against; empty where there is nothing."},
		{Name: "detail", Doc: "The runs behind the value, or why the claim cannot be answered."},
		{Name: "expect", Type: tables.Boolean, Doc: "Whether the config expects the claim to hold."},
	}
}

// cells returns the verdict's row.
func (v *verdict) cells() []string {
	return []string{v.name, strconv.FormatBool(v.Holds), tables.FormatFloat(v.Value), tables.FormatFloat(v.Bound), v.Detail,
		strconv.FormatBool(v.expect)}
}
