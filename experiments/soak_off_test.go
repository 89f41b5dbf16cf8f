//go:build !soak

package main

// soaking says whether there is time for all that a test can do.
const soaking = false
