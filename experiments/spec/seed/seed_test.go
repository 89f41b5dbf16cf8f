package seed

import "testing"

// A source is its seed's and its use's alone.
func TestSource(t *testing.T) {
	first := func(seed int, use string) uint64 { return Source(seed, use).Uint64() }
	first(3, Preferences) // which leaves no trace
	if got, want := first(4, Preferences), Source(4, "preferences").Uint64(); got != want {
		t.Errorf("one seed and one use give %d and %d", got, want)
	}
	seen := map[uint64]bool{}
	for seed := range 20 {
		for _, use := range []string{Preferences, ReferenceSamples, ""} {
			seen[first(seed, use)] = true
		}
	}
	if len(seen) != 60 {
		t.Errorf("60 seeds and uses give %d sources", len(seen))
	}
}
