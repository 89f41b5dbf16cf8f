// Package seed derives the sources of random numbers of a run from its seed.
package seed

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
)

// Uses of random numbers that others than runs have too.
const (
	Preferences      = "preferences"
	ReferenceSamples = "reference-samples"
)

// Source returns the source of random numbers of a run with this seed for one use. It depends on the two alone.
func Source(seed int, use string) *rand.Rand {
	var space [64]byte
	text := append(binary.LittleEndian.AppendUint64(space[:0], uint64(seed)), use...)
	return rand.New(rand.NewChaCha8(sha256.Sum256(text)))
}
