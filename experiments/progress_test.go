package main

import (
	"bytes"
	"testing"
	"time"

	"windtunnel/experiments/engine"
)

// halfway is a sweep of which 80 runs have been done in 10 s and 40 were in the cache, together half of the cost.
var halfway = engine.Count{Runs: 300, Done: 80, Cached: 40, Failed: 1, Cost: 1000, Spent: 200, Saved: 300, Time: 10 * time.Second}

func TestStanding(t *testing.T) {
	later, begun := halfway, engine.Count{Runs: 300, Cost: 1000}
	later.Cached, later.Saved, later.Failed, later.Spent = 0, 0, 0, 950
	for want, c := range map[string]engine.Count{
		"120 of 300 runs (40 cached, 1 failed), 50 %, 8 runs/s, 25s left": halfway,
		"80 of 300 runs, 95 %, 8 runs/s, 0.5 s left":                      later,
		"0 of 300 runs, 0 %": begun,
	} {
		if got := standing(&c); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Where there is no terminal, a line is printed now and then, and a short piece of work prints nothing.
func TestProgressLines(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := newWatch("test", &out, func() engine.Count { return halfway })
	p.stop()
	if out.Len() > 0 {
		t.Errorf("it says %q at once", out.String())
	}
	p.show()
	if want := "test: 120 of 300 runs (40 cached, 1 failed), 50 %, 8 runs/s, 25s left\n"; out.String() != want {
		t.Errorf("it says %q, want %q", out.String(), want)
	}
}
