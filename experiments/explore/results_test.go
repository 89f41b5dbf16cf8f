package explore

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"windtunnel/metrics/tables"
)

// folder is a results folder in memory; policies are given as run, prompt and probabilities.
func folder(policies ...[]string) tables.Memory {
	runs := tables.NewTable(tables.Runs, "run", "objective", "lambda")
	runs.Append("dpo/lambda=1", "dpo", "1")
	runs.Append("best-of-n", "best-of-n", "")
	table := tables.NewTable(tables.Policies, "run", "prompt", "response", "pi", "pi_ref", "pi_star")
	for _, p := range policies {
		for i, pi := range p[2:] {
			table.Append(p[0], p[1], fmt.Sprint(i), pi, "0.4", "0.3")
		}
	}
	return tables.Memory{tables.Runs: runs, tables.Policies: table}
}

func TestReadResults(t *testing.T) {
	got, err := ReadResults("r", folder(
		[]string{"dpo/lambda=1", "x", "0.5", "0.25", "0.25"},
		[]string{"dpo/lambda=1", "two", "0.5", "0.5"},
		[]string{"best-of-n", "x", "", "", ""},
		[]string{"best-of-n", "<b>", "1", "0", "0"},
	))
	if err != nil {
		t.Fatal(err)
	}
	three := func(v float64) []float64 { return []float64{v, v, v} }
	want := &Results{Name: "r", Policies: []Policy{
		{Run: "dpo/lambda=1", Objective: "dpo", Lambda: "1", Prompt: "x", Pi: []float64{0.5, 0.25, 0.25}, Ref: three(0.4), Star: three(0.3)},
		{Run: "best-of-n", Objective: "best-of-n", Prompt: "<b>", Pi: []float64{1, 0, 0}, Ref: three(0.4), Star: three(0.3)},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestReadResultsErrors(t *testing.T) {
	for _, test := range []struct {
		src  tables.Memory
		want string
	}{
		{folder([]string{"dpo/lambda=1", "two", "0.5", "0.5"}), "no final policies over 3 responses"},
		{folder([]string{"other", "x", "0.5", "0.25", "0.25"}), `no run "other"`},
		{tables.Memory{}, "no table"},
	} {
		if _, err := ReadResults("r", test.src); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v, want %q", err, test.want)
		}
	}
}

func TestManyResults(t *testing.T) {
	var policies [][]string
	for i := range mostPolicies + 5 {
		policies = append(policies, []string{"dpo/lambda=1", fmt.Sprint(i), "0.5", "0.25", "0.25"})
	}
	got, err := ReadResults("r", folder(policies...))
	if err != nil || len(got.Policies) != mostPolicies || got.Omitted != 5 {
		t.Errorf("%d policies and %d omitted, %v; want %d and 5", len(got.Policies), got.Omitted, err, mostPolicies)
	}
}
