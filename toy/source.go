// Package toy holds the source text of the packages below it, which are the numerics of this project: environments,
// preference data, policies, losses, training and the exact solver.
package toy

import "embed"

// Source is the text of every package under toy/, assembly included. Results that are kept for later carry its digest, so
// that a loss that was edited is never answered with what the old one gave.
//
//go:embed */*.go */*.s */*/*.go
var Source embed.FS
