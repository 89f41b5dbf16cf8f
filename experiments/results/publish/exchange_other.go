//go:build !linux

package publish

// exchange swaps two folders, in two renames where the system has no single one.
func exchange(a, b string) error { return swap(a, b) }
