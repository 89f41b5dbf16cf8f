//go:build soak

package main

// killCycles makes 51 kills.
const killCycles = 17
