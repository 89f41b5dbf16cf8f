// Package configs holds the desiderata of the scorecard, for a program that is not run beside this folder.
package configs

import "embed"

// Scorecard is the folder scorecard: a file a/b.yaml for the test a/b, and the data files beside it.
//
//go:embed scorecard
var Scorecard embed.FS
