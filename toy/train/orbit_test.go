package train

import (
	"math"
	"testing"

	"windtunnel/toy/logspace"
)

// follow gives an orbit the policies of logits that depend on the round, and returns its end and the round.
func follow(rounds int, logits func(round float64) []float64) (Outcome, int) {
	var o Orbit
	for round := range rounds {
		logPi := logits(float64(round))
		logspace.LogSoftmax(logPi, logPi)
		if end, ended := o.Add(logPi); ended {
			return end, round
		}
	}
	return Outcome{}, rounds
}

func TestOrbits(t *testing.T) {
	turn := func(amplitude, period float64) func(float64) []float64 {
		return func(round float64) []float64 {
			angle := 2 * math.Pi * round / period
			return []float64{amplitude * math.Cos(angle), amplitude * math.Sin(angle), 0}
		}
	}
	for name, tt := range map[string]struct {
		logits func(round float64) []float64
		status Status
		period int
	}{
		"falls to a point":   {func(n float64) []float64 { return []float64{math.Pow(0.7, n), 0, -40} }, Stationary, 1},
		"turns in two":       {turn(1, 2), Cycle, 2},
		"turns in three":     {turn(1, 3), Cycle, 3},
		"turns in sixty":     {turn(1, 60), Cycle, 60},
		"two turns of five":  {turn(1, 2.5), Cycle, 5},
		"comes to a turn":    {func(n float64) []float64 { return turn(1+math.Pow(0.5, n), 4)(n) }, Cycle, 4},
		"never comes back":   {turn(1, math.Pi), "", 0},
		"spirals in slowly":  {func(n float64) []float64 { return turn(math.Pow(0.9999, n), 3)(n) }, "", 0},
		"falls for ever":     {func(n float64) []float64 { return []float64{0.3, 0, -0.5 * n} }, Collapse, 1},
		"one response alone": {func(n float64) []float64 { return []float64{0, -3 * n, -2 * n} }, Collapse, 1},
		"pauses at a corner": {func(n float64) []float64 { return []float64{0, n - 400, -2 * n} }, "", 0},
		"falls to a limit":   {func(n float64) []float64 { return []float64{0, -30 + math.Pow(0.8, n)} }, Stationary, 1},
		"falls ever slower":  {func(n float64) []float64 { return []float64{0, -30 - 1e-7*n} }, "", 0},
	} {
		end, round := follow(300, tt.logits)
		if end.Status != tt.status || end.Period != tt.period || (end.Reason == "") != (tt.status == "") {
			t.Errorf("%s: %+v in round %d, want %s of period %d", name, end, round, tt.status, tt.period)
		}
	}
}
