//go:build !soak

package main

// killCycles is how many sweeps TestKilled kills three times each; with -tags soak there are more.
const killCycles = 2
