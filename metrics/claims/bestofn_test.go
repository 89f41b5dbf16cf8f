package claims_test

import (
	"math"
	"strings"
	"testing"

	"windtunnel/metrics/claims"
	"windtunnel/metrics/tables"
)

// The run nearest to its bound is shown: log 4 - 3/4 = 0.636... for the best of 4.
func TestBestOfNBound(t *testing.T) {
	kind, _ := claims.Kinds().Find("best-of-n-bound")
	for _, tt := range []struct {
		n, kl string
		holds bool
		bound float64
		fails string
	}{
		{"4", "0.6", true, math.Log(4) - 0.75, ""},
		{"4", "0.64", false, math.Log(4) - 0.75, ""},
		{"1", "0", true, 0, ""},
		{"1", "1e-09", true, 0, ""}, // the slack to the last digit
		{"1", "1.1e-09", false, 0, ""},
		{"0", "0", false, 0, "not a number of samples"},
		{"", "0", false, 0, "not a number of samples"},
	} {
		runs := tables.NewTable(tables.Runs, "run", "objective", "n", "status", "kl_pi_ref")
		runs.Append("best-of-n/n=2", "best-of-n", "2", "exact", "-1")
		runs.Append("best", "best-of-n", tt.n, "exact", tt.kl)
		runs.Append("dpo", "dpo", "", "done", "9")
		got, err := claims.Evaluate(kind.New(), tables.Memory{tables.Runs: runs})
		if tt.fails != "" {
			if err == nil || !strings.Contains(err.Error(), tt.fails) {
				t.Errorf("n = %q: error %v, want %q", tt.n, err, tt.fails)
			}
			continue
		}
		if err != nil || got.Holds != tt.holds || !(math.Abs(got.Bound-tt.bound) <= 1e-15) || got.Value != tables.ParseFloat(tt.kl) || !strings.HasPrefix(got.Detail, "best: ") {
			t.Errorf("n = %s, KL %s: %+v, %v", tt.n, tt.kl, got, err)
		}
	}
}
