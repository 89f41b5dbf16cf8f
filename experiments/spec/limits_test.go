package spec

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	_ "windtunnel/toy/fixedseed"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Limits{
		"{}":                             {},
		"{time: 90s}":                    {Time: Duration(90 * time.Second)},
		"{memory: 500MB}":                {Memory: 500_000_000},
		"{time: 1h30m, memory: 1.5 GiB}": {Time: Duration(90 * time.Minute), Memory: 3 << 29},
		"{memory: 7B}":                   {Memory: 7},
	} {
		plan := loaded(t, head+"limits: "+text+"\nobjectives: [dpo]\n").Plan
		if got := plan.Runs[0].Limits; got != want {
			t.Errorf("%s is %+v, want %+v", text, got, want)
		}
	}
}

// What is written reads back to the same limit.
func TestLimitsRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		size, time := Size(rapid.Int64Range(1, 1<<53).Draw(t, "size")), Duration(rapid.Int64Range(1, 1<<60).Draw(t, "time"))
		text, err := size.MarshalText()
		var again Size
		if err != nil || again.UnmarshalText(text) != nil || again != size {
			t.Errorf("%d bytes are written as %s, which is read as %d", size, text, again)
		}
		text, err = time.MarshalText()
		var later Duration
		if err != nil || later.UnmarshalText(text) != nil || later != time {
			t.Errorf("%d ns are written as %s, which is read as %d", time, text, later)
		}
	})
}

// No text makes reading a limit panic, and what is read is above 0.
func FuzzLimits(f *testing.F) {
	for _, text := range []string{"500MB", "1.5 GiB", "-1B", "1e400TB", "NaNB", "30s", "", "B"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var size Size
		if err := size.UnmarshalText([]byte(text)); err == nil && size < 1 {
			t.Errorf("%q is %d bytes", text, size)
		}
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err == nil && d < 1 {
			t.Errorf("%q is %d ns", text, d)
		}
	})
}
