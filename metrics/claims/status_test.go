package claims_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"windtunnel/metrics/claims"
	"windtunnel/metrics/tables"
	"windtunnel/toy/exact"
	"windtunnel/toy/train"
)

// A claim may name every status that a run can end in, and no other. A solver that gave up has failed.
func TestStatusNames(t *testing.T) {
	want := []string{tables.Failed, tables.Given}
	for _, status := range []train.Status{train.Done, train.Converged, train.Diverged, exact.NotUnique, exact.Boundary, exact.Local, exact.Stationary,
		train.Cycle, train.Collapse} {
		want = append(want, string(status))
	}
	slices.Sort(want)
	fields := reflect.TypeFor[claims.Status]()
	for _, name := range []string{"Is", "IsNot"} {
		field, _ := fields.FieldByName(name)
		got := strings.Split(field.Tag.Get("oneof"), ",")
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s allows %q, want %q", name, got, want)
		}
	}
}

func TestStatus(t *testing.T) {
	both := tables.Where{"objective": {"dpo", "typo"}}
	tests := map[string]struct {
		claim claims.Status
		want  verdict
	}{
		"all are":  {claims.Status{Where: both, Is: []string{"done", "converged"}}, verdict{true, 0, 0, "all 6: converged, done", ""}},
		"some are": {claims.Status{Is: []string{"converged"}}, verdict{false, 4, 0, "typo/small: done", ""}},
		"diverged": {claims.Status{Where: tables.Where{"objective": {"ipo"}}, Is: []string{"diverged"}}, verdict{true, 0, 0, "all 1: diverged", ""}},
		"none is":  {claims.Status{Where: both, IsNot: []string{"diverged", "failed"}}, verdict{true, 0, 0, "all 6: converged, done", ""}},
		"one is":   {claims.Status{IsNot: []string{"diverged", "failed"}}, verdict{false, 1, 0, "ipo/small: diverged", ""}},
		"nothing":  {claims.Status{Where: tables.Where{"objective": {"kto"}}, Is: []string{"done"}}, verdict{err: "where: selects no run"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { check(t, &test.claim, sweep(t), test.want) })
	}
	src := tables.Memory{"runs": table(t, "runs", "run status\na -")}
	check(t, &claims.Status{Is: []string{"done"}}, src, verdict{err: "run a has no status"})
}
