package seed

import "testing"

// A source is its seed's and its use's alone.
func TestSource(t *testing.T) {
	first := func(seed int, use string) uint64 { return Source(seed, use).Uint64() }
	if first(3, Preferences) != first(3, Preferences) {
		t.Error("one seed and one use give two sources")
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
