//go:build soak

package fixedseed

// Soak says whether there is time for all that a test can do.
const Soak = true
