// Package fixedseed makes property tests draw the same examples on every run, and fewer of them than rapid does but with
// -tags soak, which .ci/run gives. Tests import it for its effect alone, or to know whether there is time:
//
//	import _ "windtunnel/toy/fixedseed"
//
// rapid draws from a random seed unless told otherwise, so that a rare rounding error would fail a change that has nothing
// to do with it. RAPID_SEED or -rapid.seed choose another seed, and 0 a random one; RAPID_CHECKS or -rapid.checks, how many.
package fixedseed

import (
	"flag"
	"os"

	_ "pgregory.net/rapid" // declares the flags that init sets
)

// Seed is the seed of property tests where none is asked for, and fewer how many examples they draw without -tags soak.
const (
	Seed  = "1"
	fewer = "30"
)

func init() {
	set := func(name, variable, value string) {
		if _, chosen := os.LookupEnv(variable); chosen {
			return
		}
		// The command line is parsed later, and so overrides this.
		if err := flag.Set(name, value); err != nil {
			panic("fixedseed: " + err.Error())
		}
	}
	set("rapid.seed", "RAPID_SEED", Seed)
	if !Soak {
		set("rapid.checks", "RAPID_CHECKS", fewer)
	}
}
