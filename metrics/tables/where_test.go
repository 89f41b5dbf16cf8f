package tables_test

import (
	"slices"
	"testing"

	"windtunnel/metrics/tables"
)

func TestMatchPrompts(t *testing.T) {
	all := []string{"good-1", "goods", "good-2", "bad", "bad-1"}
	for name, want := range map[string][]string{
		"good": {"good-1", "good-2"}, "bad": {"bad"}, "bad-1": {"bad-1"}, "good-1": {"good-1"}, "go": nil, "": nil,
	} {
		if got := tables.MatchPrompts(all, name); !slices.Equal(got, want) {
			t.Errorf("MatchPrompts(%q) = %v, want %v", name, got, want)
		}
	}
}
